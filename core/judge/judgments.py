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
    source : {"adjudicated", "judges", "made"}
    """

    query_id: str
    item_id: str
    grade: int | None
    n_judges: int
    n_cant_tell: int
    source: str


def latest(judgments: Iterable[Judgment]) -> list[Judgment]:
    """Keep each judge's last word on each (query, item).

    Parameters
    ----------
    judgments : iterable of Judgment
        In any order; where two have the same time the later in the iteration wins. An adjudication is
        kept beside the adjudicator's own grade: they are two roles.

    Returns
    -------
    list of Judgment
        In the order in which the pairs were first judged.
    """
    last: dict[tuple[str, str, str, bool], Judgment] = {}
    for judgment in judgments:
        key = (judgment.query_id, judgment.item_id, judgment.judge, judgment.origin == ADJUDICATION)
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

    Judgments no person gave count only where no person's word is there, and not at all with `with_made` False.
    "Can't tell" is not a grade: it is counted and left out of the median.

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
        people = [j for j in said if j.origin == PERSON]
        made = [j for j in said if j.origin not in (PERSON, ADJUDICATION)]
        adjudicated = [j for j in said if j.origin == ADJUDICATION]
        source = "judges"
        if adjudicated:
            grade, source = max(adjudicated, key=lambda j: j.at).grade, "adjudicated"
        else:
            voices = people
            if not people and with_made and made:
                voices, source = made, "made"
            if not voices:
                continue
            grades = [j.grade for j in voices if j.grade is not None]
            grade = _median_down(grades) if grades else None
        graded = sum(j.grade is not None for j in people)
        out.append(Consolidated(query_id, item_id, grade, graded, len(people) - graded, source))
    return out


def progress(judgments: Iterable[Judgment], judge: str, pairs: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """How many of the pairs to judge this judge has dealt with ("can't tell" counts as dealt with).

    Returns
    -------
    done, total : int
    """
    wanted = set(pairs)
    done = {(j.query_id, j.item_id) for j in judgments if j.judge == judge and j.origin == PERSON}
    return len(wanted & done), len(wanted)
