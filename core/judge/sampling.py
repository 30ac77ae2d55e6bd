"""Which items to judge next: those that recipes disagree on most, or those nearest to where good results end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from core.errors import InputError

_DIGITS = 9
"""Values are compared after rounding, so that ties are ties and go by id."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An item worth judging, `value` of what it was chosen by, and `ranks` by recipe (from 1; absent: not in its pool)."""

    item_id: str
    value: float
    ranks: Mapping[str, int]
    probability: float | None = None


def by_disagreement(rankings: Mapping[str, Sequence[str]], n: int, judged: Set[str] = frozenset()) -> list[Suggestion]:
    """The items of the pool with the largest variance of their reciprocal rank over the recipes.

    An item that a recipe does not have among its results has the reciprocal rank 0 there. So what one recipe has on top and
    another far down comes first, and differences deep down count little.

    Parameters
    ----------
    rankings : Mapping of recipe to sequence of item id, best first
        Of equal depth, two or more.
    judged : set of str
        Items not suggested again.

    Returns
    -------
    list of Suggestion
        At most `n`, the largest variance first, then by id. Items that all rank alike are not among them.

    Raises
    ------
    InputError
        There are fewer than two rankings.
    """
    if len(rankings) < 2:
        raise InputError(f"Disagreement takes two recipes or more; there {'is' if len(rankings) == 1 else 'are'} {len(rankings)}.")
    ranks = _ranks(rankings)
    values = {}
    for item, own in ranks.items():
        variance = float(np.var([1 / own[name] if name in own else 0.0 for name in rankings]))
        if item not in judged and round(variance, _DIGITS) > 0:
            values[item] = variance
    order = sorted(values, key=lambda item: (-round(values[item], _DIGITS), item))
    return [Suggestion(item, values[item], ranks[item]) for item in order[: max(0, n)]]


def by_cutoff(
    ranking: Sequence[str], distances: Sequence[float], n: int, judged: Set[str] = frozenset(), *, recipe: str = "",
    probabilities: Sequence[float] = (),
) -> list[Suggestion]:
    """The items nearest to the cut-off, where a grade tells most about where it should lie.

    Parameters
    ----------
    ranking : sequence of item id, best first
    distances : sequence of float
        Of each: how far from the cut-off, in probability or in score; the sign does not count.
    probabilities : sequence of float, optional
        Of relevance, to be shown with them.

    Returns
    -------
    list of Suggestion
        At most `n`, the nearest first, then by id.

    Raises
    ------
    InputError
        Not every item has a distance.
    """
    if len(ranking) != len(distances) or (len(probabilities) and len(probabilities) != len(ranking)):
        raise InputError(f"{len(ranking)} items, {len(distances)} distances and {len(probabilities)} probabilities do not fit together.")
    found = [
        Suggestion(item, abs(float(distance)), {recipe: rank}, float(probabilities[rank - 1]) if len(probabilities) else None)
        for rank, (item, distance) in enumerate(zip(ranking, distances), 1)
        if item not in judged
    ]
    return sorted(found, key=lambda one: (round(one.value, _DIGITS), one.item_id))[: max(0, n)]


def ungraded(rankings: Mapping[str, Sequence[str]], graded: Set[str], depth: int = 10) -> list[Suggestion]:
    """The items among the first `depth` of any recipe that have no grade: what an evaluation has to take as not relevant.

    Parameters
    ----------
    rankings : Mapping of recipe to sequence of item id, best first
    graded : set of str
        Items that have a grade.

    Returns
    -------
    list of Suggestion
        All of them, the best reciprocal rank (their `value`) first, then by id; `ranks` within `depth`.
    """
    ranks = _ranks({name: items[: max(0, depth)] for name, items in rankings.items()})
    found = [Suggestion(item, 1 / min(own.values()), own) for item, own in ranks.items() if item not in graded]
    return sorted(found, key=lambda one: (-one.value, one.item_id))


def _ranks(rankings: Mapping[str, Sequence[str]]) -> dict[str, dict[str, int]]:
    """Item -> recipe -> rank, from 1."""
    found: dict[str, dict[str, int]] = {}
    for name, items in rankings.items():
        for rank, item in enumerate(items, 1):
            found.setdefault(item, {}).setdefault(name, rank)
    return found
