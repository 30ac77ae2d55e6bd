"""Average precision with each normaliser and with junk, against worked examples and an independent program."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.metrics.precision import Graded, average_precision, junk_aware, junk_aware_map, mean, trapezoid_ap


def test_normalisers_by_hand():
    # Right, wrong, right; three are relevant: 1 + 2/3 = 5/3 (INQUIRE's worked example: 0.5556).
    assert average_precision("axb", "abc", 5) == pytest.approx(5 / 9)
    assert average_precision("axb", "abc", 5, by="cutoff") == pytest.approx(5 / 9)
    assert average_precision("axb", "abc", 2) == pytest.approx(1 / 3)
    assert average_precision("axb", "abc", 2, by="cutoff") == pytest.approx(1 / 2)
    assert average_precision("a", "abc", 2, by="shown") == pytest.approx(1.0)
    # Perfect though more is relevant than is looked at: 1 only where divided by min(R, k).
    assert average_precision("abc", "abcdef", 3, by="cutoff") == 1.0
    assert average_precision("abc", "abcdef", 3) == 0.5


def test_what_can_go_wrong():
    assert average_precision("abc", "") is None
    assert average_precision("", "a", by="shown") == 0.0
    assert average_precision("aab", "ab") == 1.0  # the second a is no result of its own
    assert mean([None, 0.5, 1.0]) == (0.75, 1) and mean([None, 0.5], none_is=0.0) == (0.25, 0) and mean([None]) == (None, 1)
    with pytest.raises(InputError):
        average_precision("a", "a", by="nothing")
    with pytest.raises(InputError):
        average_precision("a", "a", 0)


@given(st.permutations("abcdefgh"), st.sets(st.sampled_from("abcdefghij"), min_size=1), st.integers(1, 10))
@settings(deadline=None, max_examples=60)
def test_parity_with_trec_eval(ranking, relevant, k):
    import pytrec_eval

    run = {"q": {item: float(-i) for i, item in enumerate(ranking)}}
    theirs = pytrec_eval.RelevanceEvaluator({"q": {item: 1 for item in relevant}}, {f"map_cut_{k}"}).evaluate(run)["q"][f"map_cut_{k}"]
    assert average_precision(ranking, relevant, k) == pytest.approx(theirs, abs=1e-6)
    # Another divisor, the same sum.
    assert average_precision(ranking, relevant, k, by="cutoff") == pytest.approx(theirs * len(relevant) / min(k, len(relevant)), abs=1e-6)


# ---------------------------------------------------------------- junk


def test_trapezoids_by_hand():
    assert trapezoid_ap([0, 1, 2], 3) == 1.0
    assert trapezoid_ap([1], 1) == 0.25  # (0/1 + 1/2) / 2
    assert trapezoid_ap([0, 2], 2) == pytest.approx(0.7917, abs=5e-5)  # (1 + (1/2 + 2/3) / 2) / 2
    with pytest.raises(InputError):
        trapezoid_ap([], 0)


ONE = Graded(frozenset("a"), frozenset("h"), frozenset("j"))


def test_levels_by_hand():
    ranking = "jhxa"
    # Easy: j and h go; x a: AP .25. Medium: h x a: positions 0 and 2 of 2. Hard: j and a go; h x: 1.
    assert junk_aware(ranking, ONE, "easy")[0] == 0.25
    assert junk_aware(ranking, ONE, "medium")[0] == pytest.approx((1 + (1 / 2 + 2 / 3) / 2) / 2)
    assert junk_aware(ranking, ONE, "hard") == (1.0, {1: 1.0, 5: 1.0, 10: 1.0})
    # P@5 looks no further than the last right one, which is third here.
    assert junk_aware(ranking, ONE, "medium")[1] == {1: 1.0, 5: pytest.approx(2 / 3), 10: pytest.approx(2 / 3)}


def test_queries_without_anything_right_are_left_out_of_that_level():
    graded = {"q": Graded(frozenset("a")), "r": Graded(frozenset("b"), frozenset("z")), "s": Graded()}
    table = junk_aware_map({"q": "xa", "r": "xyz"}, graded)
    assert (table["easy"]["queries"], table["easy"]["left_out"]) == (2, 1)
    assert table["easy"]["mAP"] == pytest.approx((0.25 + 0) / 2)
    # For r at hard: b is easy and was not found, z is third: (0/2 + 1/3) / 2.
    assert (table["hard"]["queries"], table["hard"]["mAP"]) == (1, pytest.approx(1 / 6))
    assert junk_aware_map({}, {"q": ONE})["medium"]["mAP"] == 0.0
    with pytest.raises(InputError, match="no level"):
        ONE.at("harder")


@given(st.permutations("abcdexyz"), st.lists(st.tuples(st.integers(0, 8), st.sampled_from("jkl")), max_size=3))
@settings(deadline=None, max_examples=60)
def test_junk_anywhere_changes_nothing(ranking, junk):
    graded = Graded(frozenset("ab"), frozenset("c"), frozenset("jkl"))
    with_junk = list(ranking)
    for place, item in junk:
        with_junk.insert(place, item)
    for level in ("easy", "medium", "hard"):
        assert junk_aware(with_junk, graded, level) == junk_aware(ranking, graded, level)


@given(st.permutations(range(12)), st.sets(st.integers(0, 11), min_size=1), st.sets(st.integers(0, 11)))
@settings(deadline=None, max_examples=60)
def test_trapezoids_are_the_area_under_precision_over_recall(ranking, right, junk):
    """The same as the trapezoid rule on the curve itself, drawn point by point."""
    junk = junk - right
    kept = [item for item in ranking if item not in junk]
    recall, precision, area, found = 0.0, 1.0, 0.0, 0
    for n, item in enumerate(kept, 1):
        found += item in right
        area += (found / len(right) - recall) * (precision + found / n) / 2
        recall, precision = found / len(right), found / n
    graded = Graded(frozenset(map(str, right)), frozenset(), frozenset(map(str, junk)))
    assert junk_aware([str(item) for item in ranking], graded, "easy")[0] == pytest.approx(area)
    assert np.isfinite(area)
