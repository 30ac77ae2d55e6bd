"""Is search really fine-grained: each caption must tell its image from the most similar ones, and from random ones.

Paper 11 ("Rethinking Benchmarks for Cross-modal Image-text Retrieval"): a pool is an image and its K nearest images, or
the image and K drawn at random. The lower recall in hard pools is what global recall hides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

SIZES = (5, 10, 20, 50)


@dataclass(frozen=True, slots=True)
class PoolRecall:
    """R@1 of the captions in pools of `size` other images."""

    size: int
    hard: float
    random: float

    @property
    def gap(self) -> float:
        """The fine-grained deficit."""
        return self.random - self.hard


def pool_recalls(
    texts: np.ndarray,
    items: np.ndarray,
    own: np.ndarray,
    groups: np.ndarray,
    *,
    sizes: Sequence[int] = SIZES,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[PoolRecall, ...]:
    """Measure both.

    Parameters
    ----------
    texts : ndarray of float32, shape (q, d)
        Captions, unit rows.
    items : ndarray of float32, shape (n, d)
        Images, unit rows; neighbours are taken among all of them by cosine.
    own : ndarray of int, shape (q,)
        The image of each caption.
    groups : ndarray of int, shape (n,)
        Copies and near-duplicates have the same number; those of the caption's image are in no pool, for finding one would
        count as an error.
    on_progress : callable, optional
        Called with (captions done, captions).

    Returns
    -------
    tuple of PoolRecall
        For sizes that the collection has images for, then for all other images, where hard and random are the same. Hard
        pools are nested, and so are the random ones, so neither recall rises with the size. A tie with the caption's own image
        counts as a miss.
    """
    rng = np.random.default_rng(seed)
    n = len(items)
    first_above_hard, first_above_random, room = np.full(len(own), n), np.full(len(own), n), n
    for at, (text, image) in enumerate(zip(texts, own)):
        others = np.flatnonzero(groups != groups[image])
        room = min(room, len(others))
        scores = items[others] @ text
        worse_than = scores >= items[image] @ text
        near = np.argsort(-np.round(items[others] @ items[image], 6), kind="stable")
        first_above_hard[at] = _first(worse_than[near])
        first_above_random[at] = _first(worse_than[rng.permutation(len(others))])
        if on_progress is not None and at % 16 == 0:
            on_progress(at, len(own))
    used = [size for size in sizes if size < room] + ([room] if room else [])
    return tuple(PoolRecall(k, float((first_above_hard >= k).mean()), float((first_above_random >= k).mean())) for k in used)


def _first(beats: np.ndarray) -> int:
    """Place of the first image that beats the caption's own; beyond all where none does."""
    return int(beats.argmax()) if beats.any() else len(beats) + 1
