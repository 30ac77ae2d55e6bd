"""A query made better by judgments: Rocchio's formula on graded items, as terms of the query language.

    q' = alpha q + beta sum_i w_i d_i / sum_i w_i - gamma mean_j n_j

with d_i the items graded 1 or more, w_i their grades, and n_j those graded 0 (Rocchio, 1971; graded weights as in
relevance feedback with multi-level judgments). Written as plus and minus terms it is a query like any other: it stands in
the box and in a link. How the terms are then added up is the recipe's: ``sum`` adds unit vectors, which is the formula
itself; ``centred`` takes each modality's mean away first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from core.errors import InputError
from core.query.parse import MAX_LENGTH, MAX_PARTS, MIN_WEIGHT, render
from core.types import Query, Term

POSITIVE_AT_MOST, NEGATIVE_AT_MOST = 20, 10
"""Items of either sign that become terms: a link has to hold them. The best graded ones, then by id."""
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Weights:
    """`alpha` of the query as it was, `beta` of what is relevant, `gamma` of what is not: the usual 1, 0.75 and 0.15."""

    alpha: float = 1.0
    beta: float = 0.75
    gamma: float = 0.15

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "gamma"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"The weight {name} is {value!r}; give 0 or more.")


def refined(query: Query, grades: Mapping[str, int], weights: Weights = Weights()) -> Query:
    """The query with judged items as further terms.

    Parameters
    ----------
    query : Query
        Its filter and literal parts stay.
    grades : Mapping of item id to 0..3
        Items the query names itself are not counted twice.

    Returns
    -------
    Query
        Terms below the least weight the language knows are left out. It can always be written as one line.

    Raises
    ------
    InputError
        Nothing in `grades` is relevant, or there is no room for another term.
    """
    own = {term.value for term in query.terms if term.kind == "item"}
    free = {item: grade for item, grade in grades.items() if item not in own}
    good = sorted((item for item, grade in free.items() if grade >= 1), key=lambda item: (-free[item], item))
    bad = sorted(item for item, grade in free.items() if grade == 0)
    if not good:
        raise InputError(f"Refining takes a relevant image, one or more; {len(free)} are judged and 0 of them are relevant.")
    room = MAX_PARTS - len(query.terms) - len(query.literals)
    good, bad = good[: min(POSITIVE_AT_MOST, room)], bad[: max(0, min(NEGATIVE_AT_MOST, room - len(good)))]
    while True:
        terms = _scaled(query.terms, weights.alpha) + _items(good, bad, free, weights)
        made = replace(query, terms=terms)
        if terms and any(term.weight > 0 for term in terms) and len(render(made)) <= MAX_LENGTH:
            return made
        if bad:  # those that say least go first
            bad = bad[:-1]
        elif len(good) > 1:
            good = good[:-1]
        else:
            raise InputError("There is no room in the query for another term; shorten it.")


def _scaled(terms: tuple[Term, ...], alpha: float) -> tuple[Term, ...]:
    scaled = (replace(term, weight=_round(alpha * term.weight)) for term in terms)
    return tuple(term for term in scaled if abs(term.weight) >= MIN_WEIGHT)


def _items(good: list[str], bad: list[str], grades: Mapping[str, int], weights: Weights) -> tuple[Term, ...]:
    total = sum(grades[item] for item in good)
    terms = [Term("item", item, _round(weights.beta * grades[item] / total)) for item in good]
    terms += [Term("item", item, -_round(weights.gamma / len(bad))) for item in bad]
    return tuple(term for term in terms if abs(term.weight) >= MIN_WEIGHT)


def _round(weight: float) -> float:
    """As it is written in the query line."""
    return round(weight, _DIGITS)
