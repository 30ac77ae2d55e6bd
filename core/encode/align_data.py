"""What the starter's heads are trained on: images, texts that fit them, and which texts are no negatives.

Reads the research folder (README.md there describes each set). Validation sets are never read here:
see `core.encode.align_eval`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.encode.align_styles import STYLES

PHOTO_PROMPTS = ("{}", "a photo of a {}", "a {} in a photo", "there is a {} .")
EMOJI_PROMPTS = ("{}", "{} emoji", "a cartoon emoji of {}", "a drawing of a {}")
KEYWORD_PROMPTS = ("{}", "an icon of {}")
CONFIDENT = 0.5  # a label with this probability becomes a caption of a Flickr photo
POSSIBLE = 0.1  # a label with this probability is at least no negative


@dataclass
class Corpus:
    """Images, texts, and what belongs together.

    Attributes
    ----------
    files : list of Path
        One an image.
    styles : list of str
        How each file is redrawn before it is encoded (`core.encode.align_styles`), "" for as it is.
    texts : list of str
        Each once.
    text_concept : list of int
        What a text says, whatever the prompt around it. A text is a negative for an image unless the
        image has its concept.
    image_texts : list of list of int
        The texts an image can be paired with.
    image_concepts : list of set of int
    pools : dict of str to list of list of int
        Where a batch draws from: each entry is a group of images that share a name; one is drawn.
    """

    files: list[Path] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
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

    def image(self, file: Path, texts: Iterable[int] = (), concepts: Iterable[str] = (), style: str = "") -> int:
        """Add an image with the texts it can be paired with; their concepts become its own."""
        texts = list(texts)
        self.files.append(file)
        self.styles.append(style)
        self.image_texts.append(texts)
        self.image_concepts.append({self.text_concept[t] for t in texts} | {self.concept(c) for c in concepts})
        return len(self.files) - 1


def read_corpus(data_dir: Path) -> Corpus:
    """Read every training set below `data_dir`: flickr8k (train), imagenet_names, emoji_noto, fashion."""
    corpus = Corpus()
    _add_flickr(corpus, data_dir / "flickr8k")
    _add_imagenet(corpus, data_dir / "imagenet_names")
    _add_emoji(corpus, data_dir / "emoji_noto")
    _add_fashion(corpus, data_dir / "fashion")
    return corpus


def imagenet_labels(data_dir: Path) -> list[str]:
    """The 1,000 ImageNet names in the order of the label logits (the order of their WordNet ids)."""
    rows = sorted(read_rows(data_dir / "imagenet_names" / "labels.csv"), key=lambda row: row["wnid"])
    return [row["label"] for row in rows]


def add_pseudo_labels(corpus: Corpus, labels: Sequence[str], probabilities: np.ndarray) -> None:
    """Let the label head name what it sees on the Flickr photos: a caption where it is sure.

    Parameters
    ----------
    probabilities : ndarray of float32, shape (images, 1000)
        ImageNet label probabilities of every image of the corpus.
    """
    flickr = {image for group in corpus.pools["flickr8k"] for image in group}
    photos = flickr | {image for group in corpus.pools["imagenet_names"] for image in group}
    named: dict[int, list[int]] = {}
    for image in sorted(photos):
        for label in np.flatnonzero(probabilities[image] > POSSIBLE):
            corpus.image_concepts[image].add(corpus.concept(labels[label]))
        best = int(probabilities[image].argmax())
        if image in flickr and probabilities[image, best] > CONFIDENT:
            # The same photo a second time, with names for texts: the pools stay independent of each other.
            texts = [corpus.text(prompt.format(labels[best]), labels[best]) for prompt in PHOTO_PROMPTS]
            twin = corpus.image(corpus.files[image], texts)
            corpus.image_concepts[twin] |= corpus.image_concepts[image]
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


def _add_flickr(corpus: Corpus, folder: Path) -> None:
    train = captions_by_file(row for row in read_rows(folder / "captions.csv") if row["split"] == "train")
    corpus.pools["flickr8k"] = [
        [corpus.image(folder / file, [corpus.text(caption, file) for caption in captions], [file])]
        for file, captions in train.items()
    ]


def _add_imagenet(corpus: Corpus, folder: Path) -> None:
    groups = []
    for row in read_rows(folder / "labels.csv"):
        texts = [corpus.text(prompt.format(row["label"]), row["label"]) for prompt in PHOTO_PROMPTS]
        groups.append([corpus.image(folder / row["file"], texts)])
    corpus.pools["imagenet_names"] = groups


def _add_emoji(corpus: Corpus, folder: Path) -> None:
    groups: dict[str, list[int]] = {}
    redrawn: dict[str, list[int]] = {}
    for row in read_rows(folder / "captions.csv"):
        name = row["caption"]
        stem = name.split(":")[0] if "skin tone" in name else name
        texts = [corpus.text(prompt.format(name), name) for prompt in EMOJI_PROMPTS]
        for keyword in row["keywords"].split("|"):
            if "skin tone" not in keyword:
                texts += [corpus.text(prompt.format(keyword), keyword) for prompt in KEYWORD_PROMPTS]
        # Names and keywords are drawn equally often, however many keywords there are.
        texts += texts[: len(EMOJI_PROMPTS)] * max(1, round(len(texts) / len(EMOJI_PROMPTS)) - 2)
        concepts = [stem, *row["keywords"].split("|")]
        first = stem not in groups
        groups.setdefault(stem, []).append(corpus.image(folder / row["file"], texts, concepts))
        if first:  # one of each name is enough to redraw
            redrawn[stem] = [corpus.image(folder / row["file"], texts, concepts, style) for style in STYLES]
    corpus.pools["emoji_noto"] = list(groups.values())
    corpus.pools["emoji_redrawn"] = list(redrawn.values())


def _add_fashion(corpus: Corpus, folder: Path) -> None:
    groups: dict[str, list[int]] = {}
    for row in read_rows(folder / "items.csv"):
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
