"""Agreement against published tables, other programs and definitions, and where it is not defined."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.judge import agreement as agree
from core.types import Judgment

X = np.nan
FLEISS_1971 = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
KRIPPENDORFF_2011 = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, X, X, X],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, X, 3],
    [X, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, X],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, X],
]).T  # fmt: skip
COHEN_1960 = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])


def judged(rows, judges="abcd", query="q"):
    pairs = [(f"i{n}", judge, grade) for n, row in enumerate(rows) for judge, grade in zip(judges, row) if grade != ""]
    return [Judgment(query, item, grade, judge, at=1.0) for item, judge, grade in pairs]


def test_published_tables():
    assert agree.fleiss(np.array(FLEISS_1971)).value == pytest.approx(0.210, abs=5e-4)
    assert agree.krippendorff(KRIPPENDORFF_2011, "nominal").value == pytest.approx(0.743, abs=5e-4)
    assert agree.krippendorff(KRIPPENDORFF_2011, "ordinal").value == pytest.approx(0.815, abs=5e-4)
    assert agree.krippendorff(KRIPPENDORFF_2011, "interval").value == pytest.approx(0.849, abs=5e-4)
    assert agree.krippendorff(KRIPPENDORFF_2011).n == 11  # the last unit has one value and cannot be paired
    # Cohen 1960: (.70 - .41) / (1 - .41); Cohen 1968, weights 1, 3 and 6 for the three kinds of disagreement.
    assert agree.cohen_of_table(COHEN_1960).value == pytest.approx(0.29 / 0.59)
    assert agree.cohen_of_table(COHEN_1960, np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]])).value == pytest.approx(0.348, abs=5e-4)
    # Two judges of fifty grants: 20 yes/yes, 15 no/no, 5 and 10 apart.
    assert agree.cohen_of_table(np.array([[20, 5], [10, 15]])).value == pytest.approx(0.4)


def test_by_hand_with_can_not_tell_and_the_latest_word():
    said = judged([(3, 3), (0, 1), (2, 2), (1, None), (0, "")], "ab")
    said += [Judgment("q", "i1", 0, "b", at=2.0), Judgment("q", "i2", 2, "chief", at=3.0, origin="adjudication"),
             Judgment("q", "i2", 0, "names", at=3.0, origin="names and keywords")]  # fmt: skip
    one = agree.agreement(said).overall
    assert (one.n_judges, one.n_items, one.n_shared) == (2, 5, 3)
    assert one.raw == agree.Coefficient(1.0, 3) and one.cohen.value == 1.0 and one.fleiss.value == 1.0 and one.alpha_ordinal.value == 1.0
    # A later "can't tell" takes the grade away.
    one = agree.agreement([*said, Judgment("q", "i0", None, "a", at=4.0)]).overall
    assert (one.n_shared, one.raw.n) == (2, 2)


def test_weights_count_near_misses_less():
    near, far = judged([(0, 1), (3, 3), (1, 1), (0, 0)], "ab"), judged([(0, 3), (3, 3), (1, 1), (0, 0)], "ab")
    near, far = agree.measure(near), agree.measure(far)
    # a: 0 3 1 0, b: 1 3 1 0. O = 3/4; E = .5*.25 + .25*.5 + .25*.25 = .3125.
    assert near.cohen.value == pytest.approx((0.75 - 0.3125) / (1 - 0.3125))
    assert near.raw.value == far.raw.value == 0.75
    assert near.cohen_quadratic.value > near.cohen_linear.value > far.cohen_linear.value > far.cohen_quadratic.value
    assert near.alpha_ordinal.value > far.alpha_ordinal.value and near.alpha_interval.value > far.alpha_interval.value


def test_per_query_and_more_judges():
    said = judged([(0, 0, 1), (3, 3, 3)], "abc", "q1") + judged([(1, 2, "")], "abc", "q2")
    report = agree.agreement(said)
    assert list(report.per_query) == ["q1", "q2"]
    # q1: pairs of i0: one of three alike; of i1: all three. q2: none of one.
    assert report.per_query["q1"].raw.value == pytest.approx(4 / 6) and report.per_query["q2"].raw.value == 0.0
    assert report.overall.raw.value == pytest.approx(4 / 7)
    # Light: the mean over a-b, a-c, b-c. a-b agree on everything; a-c (0,1) (3,3): O = 1/2, E = 1/4.
    assert report.per_query["q1"].cohen.value == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)
    # Fleiss takes the two items with three grades, not the one with two.
    assert report.overall.fleiss.n == 2


def test_where_it_is_not_defined_it_says_why():
    nothing = agree.agreement([]).overall
    assert (nothing.raw.value, nothing.cohen.value, nothing.fleiss.value, nothing.alpha_ordinal.value) == (None,) * 4
    alone = agree.measure(judged([(1,), (2,)], "a"))
    assert alone.alpha_nominal.reason == alone.cohen.reason == alone.raw.reason == "no item has grades of two judges"
    apart = agree.measure(judged([(1, None), (None, 2)], "ab"))
    assert (apart.n_items, apart.n_shared, apart.cohen.value) == (2, 0, None)
    alike = agree.measure(judged([(2, 2), (2, 2)], "ab"))
    assert alike.raw.value == 1.0
    for one in (alike.cohen, alike.cohen_quadratic, alike.fleiss, alike.alpha_ordinal, alike.alpha_nominal):
        assert one.value is None and "chance" in one.reason and one.n == 2
    with pytest.raises(InputError):
        agree.cohen(np.array([7.0]), np.array([1.0]))
    with pytest.raises(InputError):
        agree.krippendorff(KRIPPENDORFF_2011, "ratio")
    with pytest.raises(InputError):
        agree.cohen_of_table(COHEN_1960, "cubic")


def test_disagreements_widest_first():
    found = agree.disagreements(judged([(0, 0), (1, 2), (3, 0), (2, None)], "ab"))
    assert [(one.item_id, one.spread, one.grades) for one in found] == [("i2", 3, {"a": 3, "b": 0}), ("i1", 1, {"a": 1, "b": 2})]
    assert agree.disagreements(judged([(1, 2)], "ab"), least=2) == []


def test_split_half_by_hand_and_where_it_is_not_defined():
    # Two judges: the halves are the two, whichever is which; r of (0 1 3) and (0 2 3).
    values = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 3.0], [X, 2.0]])
    one = agree.split_half(values)
    rs = [np.corrcoef(a, b)[0, 1] for a, b in (([0, 1, 3], [0, 2, 3]), ([0, 2, 3], [0, 1, 3]))]
    assert rs[0] == pytest.approx(rs[1]) and one.value == pytest.approx(2 * rs[0] / (1 + rs[0])) and one.n == 3
    assert agree.split_half(values * 2 + 5).value == pytest.approx(one.value)  # the scale does not matter
    assert agree.split_half(np.array([[1.0], [2.0]])).reason == "no item has grades of two judges"
    assert agree.split_half(values[:2]).value is None
    assert "do not differ" in agree.split_half(np.full((5, 3), 2.0)).reason


def test_split_half_nears_the_reliability_of_simulated_judges():
    rng = np.random.default_rng(0)
    true = rng.normal(size=400)
    values = true[:, None] + rng.normal(size=(400, 4))  # variance of the mean: 1 true, 1/4 noise
    assert agree.split_half(values, splits=20).value == pytest.approx(1 / 1.25, abs=0.04)


GRADES = st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, 2.0, 3.0, X])] * 3), min_size=2, max_size=12)


@given(GRADES)
@settings(deadline=None, max_examples=80)
def test_cohen_is_that_of_scikit_learn(rows):
    from sklearn.metrics import cohen_kappa_score

    values = np.array(rows)
    both = ~np.isnan(values[:, :2]).any(axis=1)
    for mine, theirs in (("none", None), ("linear", "linear"), ("quadratic", "quadratic")):
        one = agree.cohen(values[:, 0], values[:, 1], mine)
        if one.value is not None:
            a, b = values[both, 0].astype(int), values[both, 1].astype(int)
            assert one.value == pytest.approx(cohen_kappa_score(a, b, weights=theirs, labels=[0, 1, 2, 3]))


@given(GRADES)
@settings(deadline=None, max_examples=80)
def test_alpha_is_disagreement_within_items_over_disagreement_of_all_values(rows):
    """From the definition, pair by pair, without a coincidence matrix; and invariant to the order of judges and items."""
    values = np.array(rows)
    units = [[v for v in row if v == v] for row in values.tolist()]
    units = [unit for unit in units if len(unit) >= 2]
    pooled = [v for unit in units for v in unit]
    n_of = {g: pooled.count(g) for g in set(pooled)}

    def distance(c, k, level):
        if level == "nominal":
            return float(c != k)
        low, high = min(c, k), max(c, k)
        between = sum(n for g, n in n_of.items() if low <= g <= high)
        return (c - k) ** 2 if level == "interval" else (between - (n_of[c] + n_of[k]) / 2) ** 2 if c != k else 0.0

    for level in agree.LEVELS:
        one = agree.krippendorff(values, level)
        if one.value is None:
            assert len(set(pooled)) <= 1
            continue
        within = sum(distance(a, b, level) / (len(unit) - 1) for unit in units for a, b in permutations(unit, 2)) / len(pooled)
        over_all = sum(distance(a, b, level) for a, b in permutations(pooled, 2)) / (len(pooled) * (len(pooled) - 1))
        assert one.value == pytest.approx(1 - within / over_all)
        assert agree.krippendorff(values[::-1, ::-1], level).value == pytest.approx(one.value)


@given(GRADES)
@settings(deadline=None, max_examples=40)
def test_fleiss_of_two_judges_is_scotts_pi(rows):
    values = np.array(rows)[:, :2]
    one = agree.fleiss(agree.counts(values))
    both = values[~np.isnan(values).any(axis=1)]
    if one.value is not None:
        shares = [np.mean(both == g) for g in (0, 1, 2, 3)]
        chance = sum(share**2 for share in shares)
        assert one.value == pytest.approx((np.mean(both[:, 0] == both[:, 1]) - chance) / (1 - chance))
