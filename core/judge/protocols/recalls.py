"""Recall at k as the benchmarks have it, in per cent, from ranks (from 1; None: not found).

Papers: Karpathy's protocol with rsum as in paper 59; CIRR and FashionIQ as in paper 36; GeneCIS paper 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.errors import InputError
from core.wording import counted, verb

Rank = int | None
TWO_WAY_KS = (1, 5, 10)


def recall_at(ranks: Sequence[Rank], ks: Sequence[int]) -> dict[str, float]:
    """``{"R@1": ...}``: per cent of the questions whose right answer is among the first k.

    Raises
    ------
    InputError
        There is no question.
    """
    if not ranks:
        raise InputError("There is no question to measure.")
    return {f"R@{k}": 100.0 * sum(rank is not None and rank <= k for rank in ranks) / len(ranks) for k in ks}


# ---------------------------------------------------------------- captions and images, both ways


def two_way_ranks(scores: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks both ways; equal scores are ordered by position, as a stable sort does.

    Parameters
    ----------
    scores : ndarray of float, shape (n_captions, n_images)
        Higher is better; -inf where an image was not found.
    owner : ndarray of int, shape (n_captions,)
        The image of each caption; any number of captions an image.

    Returns
    -------
    text_to_image : ndarray of int, shape (n_captions,)
        Rank of the caption's own image, from 1.
    image_to_text : ndarray of int, shape (n_images,)
        Best rank among the image's own captions; 0 for an image without one.

    Raises
    ------
    InputError
        The shapes do not fit.
    """
    scores, owner = np.asarray(scores), np.asarray(owner)  # as they are: a copy of 25,000 by 5,000 is a gigabyte
    if scores.ndim != 2 or owner.shape != (len(scores),) or not len(scores):
        raise InputError(f"There are scores of shape {scores.shape} and owners of shape {owner.shape}; give one owner a caption.")
    if owner.min() < 0 or owner.max() >= scores.shape[1]:
        n = scores.shape[1]
        raise InputError(f"Owners go from {owner.min()} to {owner.max()}, and there {verb(n)} {counted(n, 'image')}.")
    text_to_image = np.array([_rank(row, own) for row, own in zip(scores, owner)], dtype=np.int64)
    image_to_text = np.zeros(scores.shape[1], dtype=np.int64)
    for image in range(scores.shape[1]):
        own = np.flatnonzero(owner == image)
        if len(own):
            # Among its own captions the best is the first of a stable sort, which is argmax.
            best = own[np.argmax(scores[own, image])]
            image_to_text[image] = _rank(scores[:, image], best)
    return text_to_image, image_to_text


def _rank(values: np.ndarray, own: int) -> int:
    return 1 + int(np.sum(values > values[own])) + int(np.sum(values[:own] == values[own]))


def two_way(text_to_image: np.ndarray, image_to_text: np.ndarray) -> dict[str, float]:
    """Recalls both ways, median and mean rank, and rsum, the sum of the six recalls.

    Parameters
    ----------
    text_to_image, image_to_text : ndarray of int
        As `two_way_ranks` gives them; images without a caption (0) do not count.

    Returns
    -------
    dict of str to float
        ``t2i R@1`` .. ``i2t MeanR``, ``rsum`` (at most 600). MedR is floor(median of ranks from 0) + 1.
    """
    out: dict[str, float] = {}
    for way, ranks in (("t2i", text_to_image), ("i2t", image_to_text[image_to_text > 0])):
        out |= {f"{way} {name}": value for name, value in recall_at(ranks.tolist(), TWO_WAY_KS).items()}
        out[f"{way} MedR"] = float(np.floor(np.median(ranks - 1)) + 1)
        out[f"{way} MeanR"] = float(np.mean(ranks))
    out["rsum"] = sum(out[f"{way} R@{k}"] for way in ("t2i", "i2t") for k in TWO_WAY_KS)
    return out


def two_way_in_folds(scores: np.ndarray, owner: np.ndarray, n: int = 5) -> dict[str, float]:
    """The same over `n` equal parts of the images in order, averaged ("1K" beside "5K" on COCO): recall falls with the gallery.

    Raises
    ------
    InputError
        There are fewer images than parts.
    """
    n_images = scores.shape[1]
    if not 1 <= n <= n_images:
        raise InputError(f"{counted(n_images, 'image')} cannot be cut into {n} parts.")
    parts = []
    for images in np.array_split(np.arange(n_images), n):
        mine = np.flatnonzero(np.isin(owner, images))
        parts.append(two_way(*two_way_ranks(scores[np.ix_(mine, images)], owner[mine] - images[0])))
    return {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}


# ---------------------------------------------------------------- composed


def cirr(ranks: Sequence[Rank], in_subset: Sequence[Rank]) -> dict[str, float]:
    """CIRR's figures.

    Parameters
    ----------
    ranks : sequence of int or None
        Of the target among all images but the reference.
    in_subset : sequence of int or None
        Of the target among the other members of its set.

    Returns
    -------
    dict of str to float
        ``R@1 R@5 R@10 R@50``, ``Rs@1 Rs@2 Rs@3`` (Recall_subset), and ``(R@5 + Rs@1) / 2``, which decides.
    """
    if len(ranks) != len(in_subset):
        raise InputError(f"There are {len(ranks)} ranks and {len(in_subset)} in subsets; give one each.")
    out = recall_at(ranks, (1, 5, 10, 50)) | {f"Rs{name[1:]}": value for name, value in recall_at(in_subset, (1, 2, 3)).items()}
    return out | {"(R@5 + Rs@1) / 2": (out["R@5"] + out["Rs@1"]) / 2}


def by_category(ranks: Sequence[Rank], categories: Sequence[str], ks: Sequence[int]) -> dict[str, float]:
    """Recall in each category, and the mean over categories (not over questions), as FashionIQ and GeneCIS average.

    Returns
    -------
    dict of str to float
        ``R@10``, and where there are several categories also ``dress R@10``.
    """
    if len(ranks) != len(categories):
        raise InputError(f"There are {len(ranks)} ranks and {len(categories)} categories; give one each.")
    names = sorted(set(categories))
    tables = {name: recall_at([rank for rank, one in zip(ranks, categories) if one == name], ks) for name in names}
    out = {f"R@{k}": float(np.mean([table[f"R@{k}"] for table in tables.values()])) for k in ks} if names else recall_at(ranks, ks)
    if len(names) > 1:
        out |= {f"{name} R@{k}": tables[name][f"R@{k}"] for name in names for k in ks}
    return out


def chance_at(sizes: Sequence[int], ks: Sequence[int]) -> dict[str, float]:
    """What R@k is by chance, in per cent, where one of `size` images is right."""
    if not sizes or min(sizes) < 1:
        raise InputError("Chance needs galleries of one image or more.")
    return {f"R@{k}": 100.0 * float(np.mean([min(k, size) / size for size in sizes])) for k in ks}


def table_of(values: Mapping[str, float]) -> str:
    """Figures a line each, for people."""
    width = max(map(len, values), default=0)
    return "\n".join(f"{name:<{width}}  {value:8.2f}" for name, value in values.items())
