"""Pools: the union of what several recipes find, the order in which it is judged, and who judges which of it.

The aid to exhaustive labelling of INQUIRE (paper 54), and of TREC before it: the top k of every system are judged
together, so that none has more of its hits judged than another. What no recipe has found is not in the pool, and recall is
only over the pool. Who judges sees neither rank nor recipe, in an order that says nothing about them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.errors import InputError
from core.rank.fold import REMOVE, Folds
from core.types import Query

DEPTH_AT_MOST = 200
COPIES_AT_MOST = 200
"""Near-duplicates that one item stands for; more are left to be judged by whoever finds them."""
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Pooled:
    """One item to judge for a query.

    Attributes
    ----------
    ranks : tuple of int or None
        Its best rank in each arm, from 1 (of it or of a near-duplicate it stands for); None where the arm did not find it.
    copies : tuple of str
        Near-duplicates that it stands for.
    """

    item_id: str
    ranks: tuple[int | None, ...]
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArmShare:
    """What one arm gave to a pool: pairs it found, those that no other arm found, and how many of its pairs are judged."""

    label: str
    found: int
    alone: int
    judged: int


@dataclass(frozen=True)
class PoolStatistics:
    """A pool in numbers.

    Attributes
    ----------
    n_queries, n_pairs : int
    judged : int
        Pairs that have a grade, or of which somebody said "can't tell".
    collapsed : int
        Near-duplicates that are not judged themselves.
    alone : int
        Pairs that one arm alone found.
    overlap : tuple of tuple of float, A x A
        Of every two arms: pairs both found, by pairs either found (Jaccard), 0..1; 1 on the diagonal.
    """

    n_queries: int
    n_pairs: int
    judged: int
    collapsed: int
    alone: int
    arms: tuple[ArmShare, ...]
    overlap: tuple[tuple[float, ...], ...]


def pooled(runs: Sequence[Sequence[str]], depth: int, folds: Folds | None = None) -> list[Pooled]:
    """The union of the first `depth` of every run, each item once.

    Parameters
    ----------
    runs : sequence of sequences of item ids
        One for each arm, best first.
    depth : int
        1 or more.
    folds : Folds, optional
        Groups of near-duplicates, of which one is judged: the one with the best rank in any run (one that a person wants
        removed only where it is alone). By default every item stands for itself.

    Returns
    -------
    list of Pooled
        By best rank, then item id: the same whatever the order of the runs, but for `Pooled.ranks`.

    Raises
    ------
    InputError
    """
    if not 1 <= depth <= DEPTH_AT_MOST:
        raise InputError(f"A pool takes 1 to {DEPTH_AT_MOST} hits of each recipe, not {depth}.")
    folds = folds or Folds()
    ranks: dict[str, list[int | None]] = {}
    best: dict[str, dict[str, int]] = {}  # group, or item that is alone -> its found members' best rank
    for arm, run in enumerate(runs):
        for rank, item_id in enumerate(run[:depth], 1):
            key = _key(item_id, folds)
            found = ranks.setdefault(key, [None] * len(runs))
            if found[arm] is None:
                found[arm] = rank
            members = best.setdefault(key, {})
            members[item_id] = min(rank, members.get(item_id, rank))
    everybody = folds.members() if folds.group_of else {}
    out = []
    for key, members in best.items():
        leader = min(members, key=lambda i: (folds.decisions.get(i) == REMOVE, members[i], i))
        group = folds.group(leader)
        others = [i for i in sorted(members) if i != leader]
        if group is not None:
            others += [i for i in everybody.get(group, ()) if i not in members]
        out.append((min(members.values()), Pooled(leader, tuple(ranks[key]), tuple(others[:COPIES_AT_MOST]))))
    return [one for _, one in sorted(out, key=lambda pair: (pair[0], pair[1].item_id))]


def narrowed(query: Query, where: str) -> Query:
    """A query with a filter on top of its own."""
    if not where.strip():
        return query
    return replace(query, where=f"({query.where}) and ({where.strip()})" if query.where.strip() else where.strip())


def _key(item_id: str, folds: Folds) -> str:
    group = folds.group(item_id)
    return f"item {item_id}" if group is None else f"group {group}"


def shuffled(item_ids: Iterable[str], seed: int, query_id: str, judge: str) -> list[str]:
    """The items in this judge's own order for this query: always the same, and none of rank or name.

    Each item's place comes from a hash of seed, query, judge and item, so items that are added later leave the others in
    their order.
    """
    return sorted(set(item_ids), key=lambda item_id: _lot(seed, query_id, judge, item_id))


def assign(pairs: Iterable[Pair], judges: Sequence[str], overlap: float, seed: int = 0) -> dict[str, list[Pair]]:
    """Divide pairs among judges: a share goes to everybody, each other pair to one.

    Parameters
    ----------
    pairs : iterable of (query id, item id)
    judges : sequence of str
    overlap : float
        Share that every judge gets, 0..1. It is spread evenly over the queries, for agreement to be measured on all of
        them.
    seed : int
        Of the division, which does not depend on the order of pairs or judges.

    Returns
    -------
    dict of judge to list of pairs
        Each pair is with every judge or with exactly one. The shared ones are the share rounded half up; of the others no
        judge has more than one more than another.

    Raises
    ------
    InputError
        There is no judge, one is named twice, or the share is not in 0..1.
    """
    if not judges:
        raise InputError("A pool is divided among judges; name one or more.")
    if len(set(judges)) < len(judges):
        raise InputError(f"A judge is named twice in {', '.join(judges)}; every judge needs a name of their own.")
    if not (isinstance(overlap, int | float) and 0 <= overlap <= 1):
        raise InputError(f"The share that every judge sees is from 0 to 1, not {overlap!r}.")
    # Query by query, so that a running count spreads the shared ones over all queries.
    ordered = sorted(set(pairs), key=lambda pair: (_lot(seed, "query", pair[0]), _lot(seed, "pair", *pair), pair))
    turn = sorted(judges, key=lambda judge: (_lot(seed, "judge", judge), judge))
    out: dict[str, list[Pair]] = {judge: [] for judge in judges}
    dealt = 0
    for n, pair in enumerate(ordered):
        if math.floor((n + 1) * overlap + 0.5) > math.floor(n * overlap + 0.5):
            for judge in judges:
                out[judge].append(pair)
        else:
            out[turn[dealt % len(turn)]].append(pair)
            dealt += 1
    return out


def statistics(
    rows: Sequence[tuple[str, Pooled]], labels: Sequence[str], judged: Callable[[Pair], bool] = lambda _: False
) -> PoolStatistics:
    """A pool in numbers.

    Parameters
    ----------
    rows : sequence of (query id, Pooled)
    labels : sequence of str
        Of the arms, in the order of `Pooled.ranks`.
    judged : callable
        Whether a pair has been judged.
    """
    found_by: list[set[Pair]] = [set() for _ in labels]
    alone_by: Mapping[int, list[Pair]] = {arm: [] for arm in range(len(labels))}
    done = set()
    for query_id, one in rows:
        pair = (query_id, one.item_id)
        arms = [arm for arm, rank in enumerate(one.ranks) if rank is not None]
        for arm in arms:
            found_by[arm].add(pair)
        if len(arms) == 1:
            alone_by[arms[0]].append(pair)
        if judged(pair):
            done.add(pair)
    shares = tuple(
        ArmShare(label, len(found_by[arm]), len(alone_by[arm]), len(found_by[arm] & done)) for arm, label in enumerate(labels)
    )
    overlap = tuple(tuple(_jaccard(one, other) for other in found_by) for one in found_by)
    return PoolStatistics(
        len({query_id for query_id, _ in rows}), len(rows), len(done), sum(len(one.copies) for _, one in rows),
        sum(share.alone for share in shares), shares, overlap,
    )  # fmt: skip


def _jaccard(one: set[Pair], other: set[Pair]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0


def _lot(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()
