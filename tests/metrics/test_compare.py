"""Comparisons of paired measurements against values worked out by hand, scipy and enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.metrics.compare import against, by_difference, compare, corrected, holm, randomisation_test


def test_randomisation_by_hand():
    # 3 differences, 8 sign flips: sums +-6 (2), +-4 (2), +-2 (2), 0 (2). Observed 1 + 2 + 3 = 6.
    assert randomisation_test(np.array([1.0, 2.0, 3.0])) == (2 / 8, True)
    # Observed |1 + 2 - 3| = 0: every flip is as far.
    assert randomisation_test(np.array([1.0, 2.0, -3.0])) == (1.0, True)
    # Observed 4: +-6 and +-4 are as far.
    assert randomisation_test(np.array([-1.0, 2.0, 3.0])) == (4 / 8, True)


def test_ties_say_nothing_and_one_query_proves_nothing():
    assert randomisation_test(np.array([1.0, 2.0, 3.0, 0.0, 0.0, 1e-17])) == (2 / 8, True)
    assert randomisation_test(np.zeros(4)) == (1.0, True)
    assert randomisation_test(np.array([0.7])) == (1.0, True)


def test_sampled_test_is_never_zero_and_seeded():
    far = np.ones(40)
    assert randomisation_test(far, draws=999) == (1 / 1000, False)
    some = np.random.default_rng(3).normal(0.1, 1, 60)
    assert randomisation_test(some, seed=5) == randomisation_test(some, seed=5)
    # 0.1 + 0.2 + ... has the rounding of floats; the observed flip must count itself.
    tenths = np.full(30, 0.1)
    assert randomisation_test(tenths, draws=10)[0] >= 1 / 11


def test_sampled_agrees_with_exact():
    some = np.random.default_rng(0).normal(0.3, 1, 16)
    exact, _ = randomisation_test(some)
    sampled, _ = randomisation_test(some, exact_up_to=3, draws=20_000)
    assert sampled == pytest.approx(exact, abs=0.015)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
@settings(deadline=None, max_examples=60)
def test_exact_is_full_enumeration(values):
    observed = abs(sum(values))
    flips = [abs(sum(s * v for s, v in zip(signs, values))) for signs in product((1, -1), repeat=len(values))]
    expected = np.mean([flip >= observed for flip in flips])
    assert randomisation_test(np.array(values) / 10)[0] == pytest.approx(expected)


def test_exact_agrees_with_scipy():
    from scipy.stats import permutation_test

    some = np.random.default_rng(1).normal(0.4, 1, 11)
    theirs = permutation_test((some,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert randomisation_test(some)[0] == pytest.approx(theirs.pvalue)


def test_holm_by_hand():
    # Sorted .01 .02 .03 .04: 4*.01, 3*.02, 2*.03, then .04 would fall below .06 and is held there.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.5]) == pytest.approx([1.0, 1.0]) and holm([]) == [] and holm([0.2]) == [0.2]


@given(st.lists(st.floats(0.0001, 1), min_size=1, max_size=8))
@settings(deadline=None)
def test_holm_is_between_p_and_bonferroni_and_keeps_the_order(ps):
    adjusted = holm(ps)
    for p, q in zip(ps, adjusted):
        assert p <= q <= min(1, p * len(ps)) + 1e-12
    assert all(adjusted[i] <= adjusted[j] for i in range(len(ps)) for j in range(len(ps)) if ps[i] <= ps[j])


def test_compared_by_hand():
    before, after = {"a": 0.0, "b": 0.5, "c": 1.0, "d": 0.25}, {"a": 1.0, "b": 0.5, "c": 0.5, "d": 0.5}
    one = compare(before, after, names=("plain", "hub"), metric="RR")
    differences = np.array([1.0, 0.0, -0.5, 0.25])
    assert (one.n, one.wins, one.ties, one.losses) == (4, 2, 1, 1)
    assert (one.mean_before, one.mean_after, one.difference.value) == (0.4375, 0.625, 0.1875)
    assert one.effect == pytest.approx(differences.mean() / differences.std(ddof=1))
    # Sums of +-1 +-.5 +-.25: only +-(1 - .5 + .25) = .75 and beyond: 1.75, 1.25, .75 of (1.75, 1.25, .75, .25).
    assert (one.p, one.exact, one.p_holm) == (6 / 8, True, None)
    assert one.verdict() == "no difference shown"
    assert by_difference(before, after) == [("a", 1.0), ("d", 0.25), ("b", 0.0), ("c", -0.5)]


def test_verdict_needs_the_corrected_p():
    queries = [f"q{i}" for i in range(8)]
    low, high = dict.fromkeys(queries, 0.0), {q: 0.5 + i / 100 for i, q in enumerate(queries)}
    one = compare(low, high)
    assert one.p == 2 / 2**8 and one.verdict() == "better" and compare(high, low).verdict() == "worse"
    many = corrected([one] * 7)
    assert many[0].p_holm == pytest.approx(7 * 2 / 2**8) and many[0].verdict() == "no difference shown"
    assert many[0].n_comparisons == 7


def test_one_query_and_no_spread():
    one = compare({"a": 0.2}, {"a": 0.9})
    assert (one.n, one.p, one.effect, one.difference.low) == (1, 1.0, None, pytest.approx(0.7))
    assert compare({"a": 0.0, "b": 0.0}, {"a": 0.5, "b": 0.5}).effect is None


def test_against_a_baseline():
    same = {"a": 0.0, "b": 0.2}
    values = {"plain": {"RR": {"a": 0.0, "b": 0.0}, "P@5": same}, "hub": {"RR": {"a": 1.0, "b": 1.0}, "P@5": same}}
    found = against("plain", values)
    assert [(one.after, one.metric, one.n_comparisons) for one in found] == [("hub", "RR", 2), ("hub", "P@5", 2)]
    assert [one.p_holm for one in found] == [1.0, 1.0]
    with pytest.raises(InputError, match="no recipe 'x'"):
        against("x", values)
    with pytest.raises(InputError, match="not measured by RR"):
        against("plain", {**values, "hub": {}})


def test_other_queries_and_no_queries_are_refused_with_numbers():
    with pytest.raises(InputError, match="2 queries and after for 1, 1 of them the same"):
        compare({"a": 0.0, "b": 0.0}, {"a": 0.0})
    with pytest.raises(InputError, match="one query or more"):
        compare({}, {})
    with pytest.raises(InputError, match="no number"):
        randomisation_test(np.array([0.1, np.nan]))
