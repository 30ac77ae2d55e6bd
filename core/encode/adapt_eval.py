"""Before and after, on images that were neither trained on nor used to decide when to stop: paired, with intervals.

Both encoders are asked the same questions over the same candidates, which are the images and texts of the test part.
Every figure is measured image by image, so that all of them are resampled alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.encode.adapt import Fitted, pair_means, ranks_of_images, ranks_of_pairs
from core.encode.adapt_data import Split, Words
from core.metrics.intervals import Interval, paired_difference

KS = (1, 5, 10)
NEAREST, KEPT_AMONG = 5, 10


@dataclass(frozen=True)
class Figure:
    """One number before and after, in per cent, and the change with its interval in points.

    Attributes
    ----------
    name : str
        As people in the field know it: ``text->image R@10``.
    meaning : str
        What it says, for everybody else.
    direction : {"text->image", "image->text", "image->image"}
    judged : bool
        Whether more is better; not so for neighbours that stayed, of which the encoder as it is has all.
    """

    name: str
    meaning: str
    direction: str
    before: float
    after: float
    change: Interval
    judged: bool = True


@dataclass(frozen=True)
class Report:
    """What an adaptation does to images it has not seen.

    Attributes
    ----------
    figures : tuple of Figure
    overall : Figure
        Mean of all R@k of both directions: the one number the verdict rests on, chosen beforehand.
    verdict : {"gain", "none", "loss", "mixed"}
        ``mixed``: words find better, but alike images worse.
    n_test, n_texts : int
        Images and texts of the test part.
    """

    figures: tuple[Figure, ...]
    overall: Figure
    verdict: str
    n_test: int
    n_texts: int


def compare(
    images: np.ndarray,
    texts: np.ndarray,
    words: Words,
    split: Split,
    fitted: Fitted,
    labels: Sequence[object] | None = None,
    label_name: str = "",
    seed: int = 0,
) -> Report:
    """Measure the encoder as it is and as it was adapted on the test part of the split.

    Parameters
    ----------
    images : ndarray of float32, shape (len(words.item_ids), dim)
        Unit rows of the encoder as it is.
    texts : ndarray of float32, shape (len(words.texts), dim)
    labels : sequence, length len(words.item_ids), optional
        For neighbours of the same kind, None where an image has none. Without it, it is measured how many neighbours stay.
    label_name : str
        What the labels are called.
    """
    items, groups = split.test, words.groups[split.test]
    asked = words.texts_of(items)
    fits = words.fits(items, asked)
    old = images[items], texts[asked]
    new = fitted.image(old[0]), fitted.text(old[1])
    before, after = _recalls(*old, fits), _recalls(*new, fits)
    figures = [
        _figure(f"{direction} R@{k}", _MEANINGS[direction].format(_among(k)), direction, before[direction, k],
                after[direction, k], groups, seed)
        for direction, k in before
    ]  # fmt: skip
    alike = _alike(old[0], new[0], groups, labels and [labels[item] for item in items], label_name, seed)
    overall = _figure("mean recall", "All of the above, averaged", "both", np.mean(list(before.values()), axis=0),
                      np.mean(list(after.values()), axis=0), groups, seed)  # fmt: skip
    return Report((*figures, *alike), overall, _verdict(overall, alike), len(items), len(asked))


_MEANINGS = {
    "text->image": "Words find their image: {}",
    "image->text": "An image finds its words: {}",
}


def _among(k: int) -> str:
    return "first answer" if k == 1 else f"in the first {k}"


def _verdict(overall: Figure, alike: Sequence[Figure]) -> str:
    if overall.change.below_zero:
        return "loss"
    if not overall.change.above_zero:
        return "none"
    return "mixed" if any(figure.judged and figure.change.below_zero for figure in alike) else "gain"


def _figure(
    name: str, meaning: str, direction: str, before: np.ndarray, after: np.ndarray, groups: np.ndarray, seed: int, judged: bool = True
) -> Figure:
    change = paired_difference(100 * before, 100 * after, groups, seed=seed)
    return Figure(name, meaning, direction, float(100 * before.mean()), float(100 * after.mean()), change, judged)


def _recalls(images: np.ndarray, texts: np.ndarray, fits: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
    """Recall of each image by direction and k, float64 (n_images,) each.

    Text to image: the share of an image's texts that have it among their first k answers, where other images that the
    text fits are set aside (they are right answers too). Image to text: 1 where one of its texts is among the first k.
    A k of more than half of the candidates says nothing and is left out.
    """
    similarity = np.round(images @ texts.T, 6)  # what searches compare
    to_image, to_text = ranks_of_pairs(similarity, fits), ranks_of_images(similarity, fits)
    found = {}
    for k in (k for k in KS if 2 * k <= len(images)):
        found["text->image", k] = pair_means((to_image < k).astype(float), fits)
    for k in (k for k in KS if 2 * k <= len(texts)):
        found["image->text", k] = (to_text < k).astype(float)
    return found


def _alike(
    old: np.ndarray, new: np.ndarray, groups: np.ndarray, labels: Sequence[object] | None, label_name: str, seed: int
) -> list[Figure]:
    """Neighbours among the test images: of the same kind where it is known, else how many stayed."""
    if labels is not None:
        values, kinds = np.unique([str(label) if label is not None else "" for label in labels], return_inverse=True)
        counts = np.bincount(kinds)
        counted = np.array([counts[kind] > 1 and values[kind] != "" for kind in kinds])
        if counted.sum() > NEAREST:
            kinds, groups = kinds[counted], groups[counted]
            before, after = (
                (kinds[_nearest(rows[counted], NEAREST)] == kinds[:, None]).mean(axis=1) for rows in (old, new)
            )
            name = f"image->image same {label_name or 'label'} in {NEAREST}-NN"
            meaning = f"Most alike images: {NEAREST} nearest with the same {label_name or 'label'}"
            return [_figure(name, meaning, "image->image", before, after, groups, seed)]
    k = min(KEPT_AMONG, len(old) - 1)
    first, second = _nearest(old, k), _nearest(new, k)
    kept = (first[:, :, None] == second[:, None, :]).any(axis=2).mean(axis=1)
    meaning = f"Most alike images: {k} nearest the same as before"
    return [_figure(f"image->image {k}-NN kept", meaning, "image->image", np.ones(len(old)), kept, groups, seed, judged=False)]


def _nearest(rows: np.ndarray, k: int) -> np.ndarray:
    """int64 (n, k): the nearest other rows of each row, ties by position."""
    similarity = np.round(rows @ rows.T, 6)
    np.fill_diagonal(similarity, -np.inf)
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k]
