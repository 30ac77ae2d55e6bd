"""Near-duplicates shown as one: groups over the neighbour graph, and answers with each group under its best member."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.store import Collection
from core.types import Hit, KnnGraph

KEEP, REMOVE = "keep", "remove"


@dataclass(frozen=True)
class Folds:
    """Groups of near-duplicates and what people decided about their members.

    Attributes
    ----------
    group_of : Mapping of item id to group id
        Items that are alone are not in it.
    decisions : Mapping of item id to {"keep", "remove"}
        ``keep``: it is no duplicate and always stands for itself. ``remove``: it stands for its group only where no
        other member can.
    """

    group_of: Mapping[str, str] = field(default_factory=dict)
    decisions: Mapping[str, str] = field(default_factory=dict)

    def group(self, item_id: str) -> str | None:
        """The group an item is folded into, None for one that stands for itself."""
        return None if self.decisions.get(item_id) == KEEP else self.group_of.get(item_id)

    def members(self) -> dict[str, list[str]]:
        """Members by group, in the order of their ids; those that people keep are not in it."""
        out: dict[str, list[str]] = {}
        for item_id in sorted(self.group_of):
            if (group := self.group(item_id)) is not None:
                out.setdefault(group, []).append(item_id)
        return out


def groups(
    graph: KnnGraph,
    threshold: float,
    identical: Iterable[Sequence[str]] = (),
    alike: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> dict[str, str]:
    """Group items that are linked, directly or through others, by similarities of at least `threshold`.

    Parameters
    ----------
    graph : KnnGraph
    threshold : float
        Cosine; see `core.rank.duplicates.calibrate_threshold`.
    identical : iterable of sequences of item ids
        Items with the same bytes; they are together whatever their vectors say. Ids that are not in the graph count.
    alike : callable, optional
        Says of pairs of positions in the graph, two arrays of int64 (m,), which are the same picture, bool (m,). A link
        needs both.

    Returns
    -------
    dict of item id to group id
        A group's id is the smallest of its members' ids. Items that are alone are left out.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ids = [str(item_id) for item_id in graph.item_ids]
    number = {item_id: n for n, item_id in enumerate(ids)}
    rows, columns = np.nonzero(graph.similarities >= threshold)
    others = graph.neighbors[rows, columns].astype(np.int64)
    if alike is not None and len(rows):
        kept = alike(rows, others)
        rows, others = rows[kept], others[kept]
    starts, ends = rows.tolist(), others.tolist()
    for same in identical:
        for item_id in same:
            if item_id not in number:
                number[item_id] = len(ids)
                ids.append(item_id)
        starts += [number[same[0]]] * (len(same) - 1)
        ends += [number[item_id] for item_id in same[1:]]
    links = coo_matrix((np.ones(len(starts), bool), (starts, ends)), shape=(len(ids), len(ids)))
    _, labels = connected_components(links, directed=False)
    members: dict[int, list[str]] = {}
    for item_id, label in zip(ids, labels.tolist()):
        members.setdefault(label, []).append(item_id)
    return {i: min(together) for together in members.values() if len(together) > 1 for i in together}


def load(collection: Collection) -> Folds:
    """Groups and decisions as the collection keeps them."""
    rows = collection.select(
        "SELECT folds.item_id, group_id, decision FROM folds JOIN items USING (item_id) WHERE items.trashed_at IS NULL"
    )
    return Folds({i: group for i, group, _ in rows}, {i: decision for i, _, decision in rows if decision})


def leaders(ids: Sequence[str], folds: Folds, can_stand: Callable[[str], bool] = lambda _: True) -> list[int]:
    """Which of `ids`, best first, stand for themselves or for their group; as indices, in the same order.

    Parameters
    ----------
    can_stand : callable
        Whether an item may be an answer at all (it passes the filter). A member that a person wants removed leads its
        group only if no other member may.
    """
    unwanted = {folds.group_of.get(i) for i, decision in folds.decisions.items() if decision == REMOVE}
    better = {
        group
        for i, group in folds.group_of.items()
        if group in unwanted and folds.decisions.get(i) not in (KEEP, REMOVE) and can_stand(i)
    }
    led: set[str] = set()
    out = []
    for n, item_id in enumerate(ids):
        group = folds.group(item_id)
        if group is not None:
            if group in led or (folds.decisions.get(item_id) == REMOVE and group in better):
                continue
            led.add(group)
        out.append(n)
    return out


def fold(hits: Sequence[Hit], folds: Folds) -> list[Hit]:
    """Collapse hits: each group under its best member, the others in `alike`; ranks are counted anew from the first."""
    there = {hit.item_id for hit in hits}
    chosen = leaders([hit.item_id for hit in hits], folds, there.__contains__)
    by_group: dict[str, list[str]] = {}
    for hit in hits:
        if (group := folds.group(hit.item_id)) is not None:
            by_group.setdefault(group, []).append(hit.item_id)
    first = hits[0].rank if hits else 1
    out = []
    for rank, n in enumerate(chosen, start=first):
        group = folds.group(hits[n].item_id)
        alike = tuple(i for i in by_group.get(group or "", ()) if i != hits[n].item_id)
        out.append(replace(hits[n], rank=rank, alike=alike))
    return out
