"""Hard pools against random pools (paper 11): does a caption find its image among those that look like it?

For K other images the pool of image i is i and its K nearest images (hard), or i and K images by chance (random). The gap between
the two recalls is what search lacks in telling near things apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError

SIZES = (5, 10, 20, 50)


@dataclass(frozen=True, slots=True)
class PoolRecall:
    """R@1 in pools of `size` other images, in per cent; both ways, hard and random."""

    size: int
    t2i_hard: float
    t2i_random: float
    i2t_hard: float
    i2t_random: float

    @property
    def t2i_gap(self) -> float:
        """Random minus hard, text to image: the deficit in fine detail."""
        return self.t2i_random - self.t2i_hard

    @property
    def i2t_gap(self) -> float:
        """Random minus hard, image to text."""
        return self.i2t_random - self.i2t_hard


def nearest(vectors: np.ndarray, groups: np.ndarray | None = None) -> list[np.ndarray]:
    """For each image all others, nearest first; images of its own group (near-duplicates of it) are left out.

    Parameters
    ----------
    vectors : ndarray of float, shape (n, d)
        Unit rows. Of another encoder than the one that is measured, they favour neither.
    groups : ndarray of int, shape (n,), optional
        By default every image is a group.

    Returns
    -------
    list of ndarray of int
        Positions; equal ones by position.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    groups = np.arange(len(vectors)) if groups is None else np.asarray(groups)
    out = []
    for i, row in enumerate(vectors):
        order = np.argsort(-(vectors @ row), kind="stable")
        out.append(order[groups[order] != groups[i]])
    return out


def pool_recall(
    scores: np.ndarray, owner: np.ndarray, near: Sequence[np.ndarray], sizes: Sequence[int] = SIZES, seed: int = 0
) -> list[PoolRecall]:
    """R@1 in pools, for each size.

    Parameters
    ----------
    scores : ndarray of float, shape (n_captions, n_images)
    owner : ndarray of int, shape (n_captions,)
        The image of each caption.
    near : sequence of ndarray of int
        As `nearest` gives it: whom each image can meet, hardest first.
    sizes : sequence of int
        Of other images; a pool is smaller where an image has fewer. Hard pools of rising size contain each other, and
        random ones do too, so no recall rises with the size.
    seed : int
        Of the random pools.

    Raises
    ------
    InputError
        The shapes do not fit, or a size is less than 1.
    """
    scores, owner = np.asarray(scores, dtype=np.float64), np.asarray(owner)
    if scores.ndim != 2 or owner.shape != (len(scores),) or len(near) != scores.shape[1] or not len(scores):
        raise InputError(f"There are scores of shape {scores.shape}, {len(owner)} owners and neighbours of {len(near)} images.")
    if not sizes or min(sizes) < 1:
        raise InputError(f"Pools of {min(sizes, default=0)} other images cannot be; give 1 or more.")
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(one) for one in near]
    captions_of = [np.flatnonzero(owner == image) for image in range(scores.shape[1])]
    found: dict[str, list[float]] = {}
    for what, pools in (("hard", near), ("random", shuffled)):
        for size in sizes:
            t2i = [_is_first(scores[c, owner[c]], scores[c, pools[owner[c]][:size]]) for c in range(len(scores))]
            i2t = []
            for image, own in enumerate(captions_of):
                if len(own):
                    others = np.concatenate([captions_of[other] for other in pools[image][:size]] or [np.zeros(0, np.int64)])
                    i2t.append(_is_first(scores[own, image].max(), scores[others.astype(np.int64), image]))
            found.setdefault(f"t2i {what}", []).append(100.0 * float(np.mean(t2i)))
            found.setdefault(f"i2t {what}", []).append(100.0 * float(np.mean(i2t)))
    return [PoolRecall(*row) for row in zip(sizes, found["t2i hard"], found["t2i random"], found["i2t hard"], found["i2t random"])]


def _is_first(own: float, others: np.ndarray) -> bool:
    """Whether none of the others is as good: among equals chance would decide, and chance is no finding."""
    return not len(others) or bool(own > others.max())
