"""From every press of a key to one grade per (query, item)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.types import Judgment

GRADE_WORDS: tuple[str, ...] = ("not relevant", "related", "relevant", "perfect")
CANT_TELL = "can't tell"
ADJUDICATION = "adjudication"
PERSON = "judge"
"""Origins of what people said. Any other origin names how judgments were made, as the demo's from names and keywords."""
COPY = "copy"
COPIED_ADJUDICATION = "copied adjudication"
"""Origins of grades that a near-duplicate got from the item it was judged with. Nobody looked at it: what is said of the
item itself counts before them."""
COPIES = {PERSON: COPY, ADJUDICATION: COPIED_ADJUDICATION}
APART = 2
"""Two grades so far apart are a disagreement."""


@dataclass(frozen=True, slots=True)
class Consolidated:
    """What all judges together say of one (query, item).

    Attributes
    ----------
    grade : int or None
        0..3, or None where nobody could tell.
    n_judges : int
        Judges whose latest word was a grade.
    n_cant_tell : int
        Judges whose latest word was "can't tell".
    source : {"adjudicated", "judges", "copied", "made"}
        ``copied``: from a near-duplicate.
    """

    query_id: str
    item_id: str
    grade: int | None
    n_judges: int
    n_cant_tell: int
    source: str


_ROLES = (ADJUDICATION, COPY, COPIED_ADJUDICATION)


def latest(judgments: Iterable[Judgment]) -> list[Judgment]:
    """Keep each judge's last word on each (query, item).

    Parameters
    ----------
    judgments : iterable of Judgment
        In any order; where two have the same time the later in the iteration wins. An adjudication is
        kept beside the adjudicator's own grade: they are two roles. So are copies of either.

    Returns
    -------
    list of Judgment
        In the order in which the pairs were first judged.
    """
    last: dict[tuple[str, str, str, str], Judgment] = {}
    for judgment in judgments:
        role = judgment.origin if judgment.origin in _ROLES else ""
        key = (judgment.query_id, judgment.item_id, judgment.judge, role)
        held = last.get(key)
        if held is None or judgment.at >= held.at:
            last[key] = judgment
    return list(last.values())


def _median_down(grades: Sequence[int]) -> int:
    """Median rounded down: with an even number of grades, the floor of the mean of the middle two."""
    ordered = sorted(grades)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2


def consolidate(judgments: Iterable[Judgment], *, with_made: bool = True) -> list[Consolidated]:
    """One grade per (query, item): the adjudicated one, else the median of the judges' latest, rounded down.

    Grades copied from a near-duplicate count only where no person has looked at the item itself, and judgments that were
    made without people only where there are no copies either; neither counts with `with_made` False. "Can't tell" is not a
    grade: it is counted and left out of the median.

    Parameters
    ----------
    judgments : iterable of Judgment

    Returns
    -------
    list of Consolidated
        Sorted by (query_id, item_id).
    """
    pairs: dict[tuple[str, str], list[Judgment]] = defaultdict(list)
    for judgment in latest(judgments):
        pairs[judgment.query_id, judgment.item_id].append(judgment)
    out = []
    for (query_id, item_id), said in sorted(pairs.items()):
        by_role: dict[str, list[Judgment]] = defaultdict(list)
        for judgment in said:
            by_role[judgment.origin if judgment.origin in (*_ROLES, PERSON) else "made"].append(judgment)
        people = by_role[PERSON]
        if decided := by_role[ADJUDICATION]:
            grade, source = max(decided, key=lambda j: j.at).grade, "adjudicated"
        elif people:
            grade, source = _of_several(people), "judges"
        elif with_made and (decided := by_role[COPIED_ADJUDICATION]):
            grade, source = max(decided, key=lambda j: j.at).grade, "copied"
        elif with_made and by_role[COPY]:
            grade, source = _of_several(by_role[COPY]), "copied"
        elif with_made and by_role["made"]:
            grade, source = _of_several(by_role["made"]), "made"
        else:
            continue
        graded = sum(j.grade is not None for j in people)
        out.append(Consolidated(query_id, item_id, grade, graded, len(people) - graded, source))
    return out


def _of_several(voices: Sequence[Judgment]) -> int | None:
    grades = [j.grade for j in voices if j.grade is not None]
    return _median_down(grades) if grades else None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A pair on which judges differ.

    Attributes
    ----------
    grades : tuple of (judge, grade)
        Each judge's latest, by name; None for "can't tell".
    apart : int
        Highest grade less lowest.
    adjudicated : bool
        Somebody has decided it.
    small : bool
        They are less than `APART` apart and agree whether the item is relevant.
    """

    query_id: str
    item_id: str
    grades: tuple[tuple[str, int | None], ...]
    apart: int
    adjudicated: bool
    small: bool = False


def disagreements(judgments: Iterable[Judgment], rel: int = 1, *, small: bool = False) -> list[Disagreement]:
    """Pairs whose grades are `APART` or more apart, or on which one judge says relevant and another not.

    Parameters
    ----------
    judgments : iterable of Judgment
        Only what people said counts; "can't tell" is no grade and disagrees with none.
    rel : int
        The lowest grade that counts as relevant; 1 as in the metrics.
    small : bool
        With the pairs whose grades differ by less.

    Returns
    -------
    list of Disagreement
        The furthest apart first, then by (query_id, item_id).
    """
    pairs: dict[tuple[str, str], list[Judgment]] = defaultdict(list)
    decided = set()
    for judgment in latest(judgments):
        if judgment.origin == PERSON:
            pairs[judgment.query_id, judgment.item_id].append(judgment)
        elif judgment.origin == ADJUDICATION:
            decided.add((judgment.query_id, judgment.item_id))
    out = []
    for pair, said in pairs.items():
        grades = [j.grade for j in said if j.grade is not None]
        if len(grades) < 2:
            continue
        low, high = min(grades), max(grades)
        large = high - low >= APART or low < rel <= high
        if large or (small and high > low):
            named = tuple(sorted(((j.judge, j.grade) for j in said), key=lambda one: one[0]))
            out.append(Disagreement(*pair, named, high - low, pair in decided, not large))
    return sorted(out, key=lambda d: (-d.apart, d.query_id, d.item_id))


def progress(judgments: Iterable[Judgment], judge: str, pairs: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """How many of the pairs to judge this judge has dealt with ("can't tell" counts as dealt with).

    Returns
    -------
    done, total : int
    """
    wanted = set(pairs)
    done = {(j.query_id, j.item_id) for j in judgments if j.judge == judge and j.origin == PERSON}
    return len(wanted & done), len(wanted)
