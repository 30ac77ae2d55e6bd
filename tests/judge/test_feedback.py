"""What refining is worth: halves that never overlap, the residual collection, and figures by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.judge import feedback


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(0, 3), max_size=20), st.integers(0, 50))
def test_halves_share_nothing_and_both_have_something_relevant(grades, seed):
    relevant = sum(grade >= 1 for grade in grades.values())
    if len(grades) < 4 or relevant < 2:
        with pytest.raises(InputError, match=f"here {len(grades)} {'is' if len(grades) == 1 else 'are'} judged and {relevant} relevant"):
            feedback.halves(grades, seed)
        return
    one, other = feedback.halves(grades, seed)
    assert not set(one) & set(other) and {**one, **other} == grades
    assert max(one.values()) >= 1 and max(other.values()) >= 1
    assert abs(len(one) - len(other)) <= 1
    assert (one, other) == feedback.halves(dict(sorted(grades.items(), reverse=True)), seed)


def test_the_figures_by_hand():
    """Two relevant items: one refines, the other is found second without refining and first with it."""
    grades = {"a": 1, "b": 1, "c": 0, "d": 0}

    def ranking(used, out):
        found = ["c", "d", "a", "b"] if used is None else ["a", "b", "c", "d"]
        return [item for item in found if item not in out]

    gain = feedback.measure(grades, ranking, splits=6)
    # In each split one of c and d is out: the relevant one left stands second, and first after refining.
    assert gain.before == pytest.approx(1 / math.log2(3))
    assert gain.after == pytest.approx(1.0)
    assert gain.change.value == pytest.approx(1 - 1 / math.log2(3)) and gain.change.above_zero
    assert gain.judged == 1.0


def test_what_refined_is_in_neither_ranking():
    """A ranking that only finds again what it was given gains nothing."""
    grades = {name: int(name < "e") for name in "abcdefgh"}

    def ranking(used, out):
        return [*(used or ()), *sorted(set("abcdefghxyz") - set(used or ()))]

    gain = feedback.measure(grades, ranking, splits=8)
    assert gain.change.value == pytest.approx(0)


def test_what_nobody_judged_counts_and_is_said():
    grades = {"a": 1, "b": 1, "c": 0, "d": 0}
    gain = feedback.measure(grades, lambda used, out: ["x", "y"], splits=3)
    assert (gain.before, gain.after, gain.judged) == (0, 0, 0)


def test_the_seed_decides_and_progress_is_told():
    grades = {name: int(name < "e") for name in "abcdefgh"}
    seen = []

    def ranking(used, out):
        return sorted(set(grades) - out, key=lambda item: (item in (used or ()), item))

    one = feedback.measure(grades, ranking, splits=4, seed=1, on_progress=lambda *at: seen.append(at))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert one == feedback.measure(grades, ranking, splits=4, seed=1)
