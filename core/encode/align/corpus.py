"""What the starter's heads are trained on: images, texts that fit them, and which texts are no negatives.

Reads the research folder (README.md there describes each set). Validation sets are never read here:
see `core.encode.align.evaluate`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.encode.align.features import View
from core.encode.align.styles import STYLES

NAME_PROMPT = "a photo of a {}"
PHOTO_PROMPTS = ("{}", NAME_PROMPT, "a picture of a {}", "there is a {} .")
EMOJI_PROMPTS = ("{}", "{} emoji", "a cartoon emoji of {}", "a drawing of a {}")
KEYWORD_PROMPTS = ("{}", "an icon of {}")
CONFIDENT = 0.5  # a label with this probability becomes a caption of a Flickr photo
POSSIBLE = 0.1  # a label with this probability is at least no negative
FASHION_STEP = 3  # product photographs are much alike; a third of them is enough
HOLD_SEED = 9


@dataclass
class Corpus:
    """Images, texts, and what belongs together.

    Attributes
    ----------
    files : list of Path
        One an image.
    styles : list of str
        How each file is redrawn before it is encoded (`core.encode.align.styles`), "" for as it is.
    mirrors : list of bool
        Whether training may see the image mirrored too.
    texts : list of str
        Each once.
    text_concept : list of int
        What a text says, whatever the prompt around it. A text is a negative for an image unless the
        image has its concept.
    image_texts : list of list of int
        The texts an image can be paired with; one that stands twice is drawn twice as often.
    image_concepts : list of set of int
    pools : dict of str to list of list of int
        Where a batch draws from: each entry is a group of images that share a name; one is drawn.
    """

    files: list[Path] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    mirrors: list[bool] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    text_concept: list[int] = field(default_factory=list)
    image_texts: list[list[int]] = field(default_factory=list)
    image_concepts: list[set[int]] = field(default_factory=list)
    pools: dict[str, list[list[int]]] = field(default_factory=dict)
    _text_ids: dict[str, int] = field(default_factory=dict)
    _concept_ids: dict[str, int] = field(default_factory=dict)

    def concept(self, name: str) -> int:
        """The number of a concept, a new one if it is new."""
        return self._concept_ids.setdefault(name.lower(), len(self._concept_ids))

    def text(self, text: str, concept: str) -> int:
        """The number of a text; the first concept given for it stays."""
        if text not in self._text_ids:
            self._text_ids[text] = len(self.texts)
            self.texts.append(text)
            self.text_concept.append(self.concept(concept))
        return self._text_ids[text]

    def image(
        self,
        file: Path,
        texts: Iterable[int] = (),
        concepts: Iterable[str] = (),
        *,
        style: str = "",
        mirrors: bool = False,
    ) -> int:
        """Add an image with the texts it can be paired with; their concepts become its own."""
        texts = list(texts)
        self.files.append(file)
        self.styles.append(style)
        self.mirrors.append(mirrors)
        self.image_texts.append(texts)
        self.image_concepts.append({self.text_concept[t] for t in texts} | {self.concept(c) for c in concepts})
        return len(self.files) - 1

    def view(self, image: int, *, mirrored: bool = False) -> View:
        """How an image is looked at."""
        return View(self.files[image], self.styles[image], mirrored)

    def views(self) -> list[View]:
        """Every view that training can ask for, each once."""
        plain = [self.view(i) for i in range(len(self.files))]
        mirrored = [self.view(i, mirrored=True) for i, mirrors in enumerate(self.mirrors) if mirrors]
        return list(dict.fromkeys([*plain, *mirrored]))

    def known(self, name: str) -> int | None:
        """The number of a concept that is there already."""
        return self._concept_ids.get(name.lower())


def read_corpus(data_dir: Path) -> Corpus:
    """Read every training set below `data_dir`: flickr8k (train), imagenet_names, emoji_noto, fashion."""
    corpus = Corpus()
    captions = _add_flickr(corpus, data_dir / "flickr8k")
    _add_imagenet(corpus, data_dir / "imagenet_names")
    _add_emoji(corpus, data_dir / "emoji_noto")
    _add_fashion(corpus, data_dir / "fashion")
    _add_caption_concepts(corpus, captions)
    return corpus


def imagenet_labels(data_dir: Path) -> list[str]:
    """The 1,000 ImageNet names in the order of the label logits (the order of their WordNet ids)."""
    rows = sorted(read_rows(data_dir / "imagenet_names" / "labels.csv"), key=lambda row: row["wnid"])
    return [row["label"] for row in rows]


def held_labels(labels: Sequence[str], n: int) -> list[int]:
    """Which labels to hold out: `n` from a fixed seed, and others of the same name (a few names occur twice)."""
    names = {labels[i].lower() for i in np.random.default_rng(HOLD_SEED).permutation(len(labels))[:n]}
    return [i for i, label in enumerate(labels) if label.lower() in names]


def hold_out(corpus: Corpus, names: Iterable[str]) -> None:
    """Leave out every text that says one of these names, whichever set it comes from, and images left without texts.

    The images stay in the list, so that features kept on disk fit with and without.
    """
    gone = {corpus.concept(name) for name in names}
    for image, texts in enumerate(corpus.image_texts):
        corpus.image_texts[image] = [t for t in texts if corpus.text_concept[t] not in gone]
    for pool, groups in corpus.pools.items():
        left = ([i for i in group if corpus.image_texts[i]] for group in groups)
        corpus.pools[pool] = [group for group in left if group]


def add_pseudo_labels(corpus: Corpus, labels: Sequence[str], probabilities: np.ndarray) -> None:
    """Let the label head name what it sees on the Flickr photos: a caption where it is sure.

    Parameters
    ----------
    corpus : Corpus
    labels : sequence of str
    probabilities : ndarray of float32, shape (photos, labels)
        ImageNet label probabilities of the groups of the pool ``flickr8k``, which have one image each.
    """
    named: dict[int, list[int]] = {}
    for (image,), shares in zip(corpus.pools["flickr8k"], probabilities):
        concepts = corpus.image_concepts[image]
        concepts |= {corpus.concept(labels[label]) for label in np.flatnonzero(shares > POSSIBLE)}
        best = int(shares.argmax())
        if shares[best] > CONFIDENT:
            # The same photo a second time, with names for texts: the pools stay independent of each other.
            texts = [corpus.text(prompt.format(labels[best]), labels[best]) for prompt in PHOTO_PROMPTS]
            twin = corpus.image(corpus.files[image], texts, mirrors=corpus.mirrors[image])
            corpus.image_concepts[twin] |= concepts
            named.setdefault(best, []).append(twin)
    corpus.pools["pseudo_labels"] = list(named.values())


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file into dictionaries."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def captions_by_file(rows: Iterable[dict[str, str]]) -> dict[str, list[str]]:
    """Group captions by file, both in the order of the file."""
    captions: dict[str, list[str]] = {}
    for row in rows:
        captions.setdefault(row["file"], []).append(row["caption"])
    return captions


def plain_words(text: str) -> str:
    """A text in small letters without punctuation and plural endings, a space around each word."""
    return f" {' '.join(_singular(word) for word in re.findall(r'[a-z]+', text.lower()))} "


def phrases(caption: str) -> set[str]:
    """Words of a caption and pairs of neighbouring ones, plural endings cut: what may be a name elsewhere."""
    words = plain_words(caption).split()
    return {*words, *(f"{a} {b}" for a, b in zip(words, words[1:]))}


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _add_flickr(corpus: Corpus, folder: Path) -> list[list[str]]:
    rows = (row for row in read_rows(folder / "captions.csv") if row["split"] == "train")
    train = captions_by_file(rows)
    corpus.pools["flickr8k"] = [
        [corpus.image(folder / file, [corpus.text(text, file) for text in captions], [file], mirrors=True)]
        for file, captions in train.items()
    ]
    return list(train.values())


def _add_imagenet(corpus: Corpus, folder: Path) -> None:
    groups = []
    for row in read_rows(folder / "labels.csv"):
        texts = [corpus.text(prompt.format(row["label"]), row["label"]) for prompt in PHOTO_PROMPTS]
        groups.append([corpus.image(folder / row["file"], texts, mirrors=True)])
    corpus.pools["imagenet_names"] = groups


def _add_emoji(corpus: Corpus, folder: Path) -> None:
    """One drawing of each name (skin tones are variants of one), as it is and redrawn."""
    names: dict[str, dict[str, str]] = {}
    for row in read_rows(folder / "captions.csv"):
        name = row["caption"]
        names.setdefault(name.split(":")[0] if "skin tone" in name else name, row)
    plain, redrawn = [], []
    for k, (name, row) in enumerate(names.items()):
        keywords = row["keywords"].split("|")
        texts = [corpus.text(prompt.format(name), name) for prompt in EMOJI_PROMPTS]
        said = [word for word in keywords if "skin tone" not in word]
        more = [corpus.text(prompt.format(word), word) for word in said for prompt in KEYWORD_PROMPTS]
        # Names and keywords are drawn equally often, however many keywords there are.
        texts = texts * max(1, round(len(more) / len(texts))) + more
        plain.append([corpus.image(folder / row["file"], texts, [name, *keywords])])
        style = STYLES[k % 2]
        redrawn.append([corpus.image(folder / row["file"], texts, [name, *keywords], style=style)])
    corpus.pools["emoji_noto"] = plain
    corpus.pools["emoji_redrawn"] = redrawn


def _add_caption_concepts(corpus: Corpus, captions: Sequence[Sequence[str]]) -> None:
    """What a photo's captions mention is no negative for it, where it is a name or keyword of another set."""
    for (image,), own in zip(corpus.pools["flickr8k"], captions):
        mentioned = (corpus.known(phrase) for caption in own for phrase in phrases(caption))
        corpus.image_concepts[image] |= {concept for concept in mentioned if concept is not None}


def _add_fashion(corpus: Corpus, folder: Path) -> None:
    groups: dict[str, list[int]] = {}
    for row in read_rows(folder / "items.csv")[::FASHION_STEP]:
        kind, colour = row["label"].lower(), row["baseColour"].lower()
        coloured = f"{colour} {kind}"
        texts = [
            corpus.text(row["caption"], row["caption"]),
            corpus.text(coloured, coloured),
            corpus.text(f"a photo of {coloured} on a white background", coloured),
            corpus.text(f"{row['gender'].lower()}'s {coloured}", coloured),
            corpus.text(kind, kind),
            corpus.text(f"a photo of {kind}", kind),
        ]
        groups.setdefault(row["caption"], []).append(corpus.image(folder / row["file"], texts))
    corpus.pools["fashion"] = list(groups.values())
