"""Groups of items that lie together on the map, named by the words their captions have and others' have not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from core.types import MapFit

if TYPE_CHECKING:
    from core.store import Collection

ARTIFACT = "clusters"
NONE = -1
_NUMBERED = re.compile(r"group \d+")
_WORD = re.compile(r"[^\W\d_][\w'-]+", re.UNICODE)
# words that say nothing about a picture; small on purpose, the weighting does the rest
_STOP = frozenset(
    "a an the and or of in on at to with by for from is are be was were as it its this that his her their there up "
    "down out into over under near while one two three some other very photo photograph picture image".split())


@dataclass(frozen=True)
class Clusters:
    """Which group each item of a map is in.

    Attributes
    ----------
    item_ids : ndarray of str, shape (n,)
    labels : ndarray of int32, shape (n,)
        -1 for items between the groups; else an index into `names`, the largest group first.
    names : tuple of str
    """

    item_ids: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]

    @property
    def values(self) -> list[str | None]:
        """Each item's group name, None between the groups."""
        return [self.names[label] if label >= 0 else None for label in self.labels]

    def middles(self, fit: MapFit, most: int = 40) -> list[tuple[float, float, str]]:
        """Where to write the groups' names on the map they were found on: (x, y, name), the largest group first.

        The name goes to the item nearest to the group's median; groups that only have a number are left out.
        """
        where = {str(item_id): row for row, item_id in enumerate(fit.item_ids)}
        rows = np.array([where.get(str(item_id), -1) for item_id in self.item_ids], np.int64)
        named = []
        for group, name in enumerate(self.names[:most]):
            points = fit.coords[rows[(self.labels == group) & (rows >= 0)]].astype(np.float64)
            if len(points) and not _NUMBERED.fullmatch(name):
                x, y = points[np.linalg.norm(points - np.median(points, axis=0), axis=1).argmin()]
                named.append((float(x), float(y), name))
        return named


def clusters(fit: MapFit, captions: Mapping[str, Sequence[str]] | None = None,
             min_size: int | None = None) -> Clusters:
    """Find the groups of a map with HDBSCAN (Campello et al. 2013).

    Parameters
    ----------
    fit : MapFit
    captions : Mapping of item id to captions, optional
        Without captions, groups are called "group 1", "group 2" ...
    min_size : int, optional
        Fewest items in a group; by default 1 % of the map, between 5 and 100.

    Returns
    -------
    Clusters
        All -1 on maps of fewer than 2 * `min_size` items.
    """
    from sklearn.cluster import HDBSCAN

    n = len(fit.item_ids)
    min_size = min_size or int(np.clip(n // 100, 5, 100))
    labels = np.full(n, NONE, np.int32)
    if n >= 2 * min_size:
        found = HDBSCAN(min_cluster_size=min_size, min_samples=min(5, min_size), copy=True).fit(
            fit.coords.astype(np.float64)).labels_
        sizes = Counter(int(label) for label in found if label >= 0)
        order = sorted(sizes, key=lambda label: (-sizes[label], label))
        labels = np.array([order.index(label) if label >= 0 else NONE for label in found], np.int32)
    names = _names(fit.item_ids, labels, captions or {})
    return Clusters(fit.item_ids, labels, names)


def _names(item_ids: np.ndarray, labels: np.ndarray, captions: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    n_groups = int(labels.max(initial=NONE)) + 1
    words = distinctive_words([
        [text for item_id in item_ids[labels == group] for text in captions.get(str(item_id), ())]
        for group in range(n_groups)])
    taken: Counter[str] = Counter()
    names = []
    for group, best in enumerate(words):
        name = ", ".join(best) or f"group {group + 1}"
        taken[name] += 1
        names.append(name if taken[name] == 1 else f"{name} ({taken[name]})")
    return tuple(names)


def distinctive_words(groups: Sequence[Iterable[str]], n_words: int = 3) -> list[list[str]]:
    """The words that tell each group of texts from the others, by class-based tf-idf (Grootendorst 2022).

    A word weighs tf * log(1 + A / f): tf its share of the group's words, f its count over all groups, A the mean
    number of words in a group. A word counts once a text, and only where it stands in two texts of the group at
    least (one, in groups of fewer than four texts).

    Parameters
    ----------
    groups : sequence of iterables of str

    Returns
    -------
    list of lists of str
        At most `n_words` for each group, the heaviest first, ties by alphabet.
    """
    counts, n_texts = [], []
    for texts in groups:
        texts = list(texts)
        n_texts.append(len(texts))
        counts.append(Counter(word for text in texts for word in {w.lower() for w in _WORD.findall(text)} - _STOP))
    everywhere: Counter[str] = sum(counts, Counter())
    mean = sum(everywhere.values()) / max(1, len(counts))
    best = []
    for count, n in zip(counts, n_texts, strict=True):
        total = sum(count.values()) or 1
        weight = {word: tf / total * log(1 + mean / everywhere[word]) for word, tf in count.items()
                  if tf >= (2 if n >= 4 else 1)}
        best.append(sorted(weight, key=lambda word: (-weight[word], word))[:n_words])
    return best


def save(collection: Collection, made: Clusters, set_id: str, generation: int) -> None:
    """Store the groups as an artifact of the vector set their map belongs to."""
    arrays = {"item_ids": made.item_ids.astype("S"), "labels": made.labels}
    collection.put_artifact(ARTIFACT, set_id, arrays, {"names": list(made.names)}, generation)


def load(collection: Collection, set_id: str | None = None) -> Clusters | None:
    """The stored groups of a vector set (the active one by default), or None."""
    stored = collection.artifact(ARTIFACT, collection.set(set_id).set_id)
    if stored is None:
        return None
    return Clusters(np.asarray(stored.arrays["item_ids"]).astype(str), np.asarray(stored.arrays["labels"]),
                    tuple(stored.meta["names"]))
