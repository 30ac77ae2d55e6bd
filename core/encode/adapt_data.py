"""What an adaptation learns from: images with the words that fit them, and a split that lets nothing leak.

Three parts: heads are trained on one, when to stop is decided on the second, and only the third is reported on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError

NEEDED = 50
"""Images with words below which there is too little to learn from, and far too little to measure on."""
ITEMS_AT_MOST = 20_000
"""More are an even sample: training stays a matter of minutes."""
TEST_SHARE, VALIDATION_SHARE = 0.3, 0.15
HELD_BACK_AT_MOST = 1_000
"""Of each of the two parts that are not trained on; more would narrow the intervals little and cost training images."""
COMMON_SHARE = 0.05
PROMPT = "a photo of a {}"
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Words:
    """Images and the texts that fit them.

    Attributes
    ----------
    kind : {"captions", "labels"}
        ``captions``: texts tell images apart, so images that share one stay in one part of the split. ``labels``: texts
        name classes, and the test asks about new images of them.
    item_ids : tuple of str, length n
    texts : tuple of str, length m
        Different ones.
    fitting : tuple of tuple of int, length n
        Positions in `texts` of the texts of each image, one or more.
    groups : ndarray of int64, shape (n,)
        Images of one group stay in one part of the split: copies, near-duplicates, and (captions) what shares a text.
    left_out : int
        Images with words that were not taken, because there are more than `ITEMS_AT_MOST`.
    """

    kind: str
    item_ids: tuple[str, ...]
    texts: tuple[str, ...]
    fitting: tuple[tuple[int, ...], ...]
    groups: np.ndarray
    left_out: int = 0

    def fits(self, items: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Which texts fit which images: bool (len(items), len(texts))."""
        place = np.full(len(self.texts), -1)
        place[texts] = np.arange(len(texts))
        out = np.zeros((len(items), len(texts)), dtype=bool)
        for row, item in enumerate(items):
            at = place[list(self.fitting[item])]
            out[row, at[at >= 0]] = True
        return out

    def texts_of(self, items: np.ndarray) -> np.ndarray:
        """int64 positions of all texts of these images, ascending, each once."""
        return np.unique(np.fromiter((t for item in items for t in self.fitting[item]), dtype=np.int64))


@dataclass(frozen=True)
class Split:
    """Three disjoint parts of the images, as ascending positions in `Words.item_ids`."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    seed: int


def tidy(text: str) -> str:
    """What two texts have in common when they say the same: case, spaces and a full stop at the end do not count."""
    return _SPACE.sub(" ", text).strip(" .").casefold()


def prompt_of(value: object, prompt: str = PROMPT) -> str:
    """A label as the text encoder reads it best: ``T_Shirt`` is ``a photo of a t shirt``."""
    return prompt.replace("{}", _SPACE.sub(" ", str(value).replace("_", " ")).strip().lower())


def words_of_captions(
    captions: Mapping[str, Sequence[str]], same: Iterable[Iterable[str]] = (), seed: int = 0
) -> Words:
    """Words from the captions of images.

    Captions that mostly repeat are names of classes, whatever they are called: then this is `kind` ``labels``.

    Parameters
    ----------
    captions : Mapping of item id to captions
        Items without one are left out.
    same : iterable of groups of item ids
        Copies and near-duplicates; ids that are not in `captions` are passed over.

    Raises
    ------
    InputError
        Fewer than `NEEDED` items have a caption, or all have the same one.
    """
    kept = {item: [t for t in texts if tidy(t)] for item, texts in captions.items()}
    words = _words("captions", {item: texts for item, texts in kept.items() if texts}, same, seed, "caption")
    if 2 * len(words.texts) < len(words.item_ids):
        return _words("labels", {item: texts for item, texts in kept.items() if texts}, same, seed, "caption")
    return words


def words_of_labels(
    labels: Mapping[str, object], same: Iterable[Iterable[str]] = (), prompt: str = PROMPT, seed: int = 0
) -> Words:
    """Words from a metadata column: each value in a prompt. Parameters and errors as `words_of_captions`.

    Raises
    ------
    InputError
        Fewer than `NEEDED` items have a value, all have the same one, or the prompt has no place for it.
    """
    if "{}" not in prompt:
        raise InputError(f"The prompt {prompt!r} has no place for the label; write it with {{}}, as in {PROMPT!r}.")
    said = {item: [prompt_of(value, prompt)] for item, value in labels.items() if value is not None and str(value).strip()}
    return _words("labels", said, same, seed, "label")


def _words(
    kind: str, texts_of: Mapping[str, Sequence[str]], same: Iterable[Iterable[str]], seed: int, called: str
) -> Words:
    ids = sorted(texts_of)
    if len(ids) < NEEDED:
        raise InputError(
            f"{len(ids):,} {'image has' if len(ids) == 1 else 'images have'} a {called}, and adapting needs {NEEDED} or more: "
            "with fewer there is too little to learn from and nothing left to measure on."
        )
    left_out = max(0, len(ids) - ITEMS_AT_MOST)
    if left_out:
        ids = sorted(np.random.default_rng(seed).permutation(ids)[:ITEMS_AT_MOST].tolist())
    place: dict[str, int] = {}
    texts: list[str] = []
    fitting = []
    for item in ids:
        mine: dict[int, None] = {}
        for text in texts_of[item]:
            at = place.setdefault(tidy(text), len(texts))
            if at == len(texts):
                texts.append(text.strip())
            mine[at] = None
        fitting.append(tuple(mine))
    if len(texts) < 2:
        raise InputError(f"All {len(ids):,} images have the same {called}, {texts[0]!r}, so there is nothing to tell them apart by.")
    sets: list[Iterable[Hashable]] = [*same]
    if kind == "captions":
        fitting = _telling(fitting)
        sharing: dict[int, list[str]] = {}
        for item, mine in zip(ids, fitting):
            for text in mine:
                sharing.setdefault(text, []).append(item)
        sets += sharing.values()
    return Words(kind, tuple(ids), tuple(texts), tuple(fitting), _joined(ids, sets), left_out)


def _telling(fitting: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Without texts that a twentieth of the images have, where an image has others: such a text tells nothing, and it would
    tie all of them together into one group."""
    counts = Counter(text for mine in fitting for text in mine)
    common = {text for text, n in counts.items() if n > COMMON_SHARE * len(fitting)}
    return [tuple(text for text in mine if text not in common) or mine for mine in fitting]


def _joined(ids: Sequence[str], sets: Iterable[Iterable[Hashable]]) -> np.ndarray:
    """int64 (n,): the same number for ids that are connected through any of the sets."""
    place = {item: n for n, item in enumerate(ids)}
    root = list(range(len(ids)))

    def find(n: int) -> int:
        while root[n] != n:
            root[n] = root[root[n]]
            n = root[n]
        return n

    for group in sets:
        members = [place[item] for item in group if item in place]
        for other in members[1:]:
            root[find(other)] = find(members[0])
    return np.array([find(n) for n in range(len(ids))], dtype=np.int64)


def split(words: Words, seed: int = 0) -> Split:
    """Cut the images into three parts by group: nothing of a group is in two parts.

    A group that would overfill a part that is held back is trained on, so one huge group cannot take the test over.

    Raises
    ------
    InputError
        There are too few groups to cut.
    """
    groups, sizes = np.unique(words.groups, return_counts=True)
    n = len(words.item_ids)
    wanted = {
        "test": min(HELD_BACK_AT_MOST, round(TEST_SHARE * n)),
        "validation": min(HELD_BACK_AT_MOST, round(VALIDATION_SHARE * n)),
    }
    part_of = dict.fromkeys(groups.tolist(), "train")
    for at in np.random.default_rng(seed).permutation(len(groups)):
        for part, room in wanted.items():
            if sizes[at] <= room:
                wanted[part] = room - int(sizes[at])
                part_of[int(groups[at])] = part
                break
    parts = np.array([part_of[group] for group in words.groups.tolist()])
    found = {part: np.flatnonzero(parts == part) for part in ("train", "validation", "test")}
    if min(len(found["test"]), len(found["validation"])) < 5 or len(found["train"]) < 15:
        raise InputError(
            f"The {n:,} images with words are only {len(groups):,} groups of copies, which is too few to keep some apart for "
            "measuring; bring more different images."
        )
    return Split(**found, seed=seed)
