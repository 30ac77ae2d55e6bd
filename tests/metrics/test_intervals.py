"""Bootstrap intervals: known answers, groups, pairing, and coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.errors import InputError
from core.metrics.intervals import bootstrap_mean, paired_difference

FINITE = st.floats(-1e3, 1e3, allow_nan=False, width=32)


def test_a_constant_has_no_width():
    found = bootstrap_mean(np.full(30, 0.25))
    assert (found.value, found.low, found.high, found.n) == (0.25, 0.25, 0.25, 30)
    assert found.above_zero and not found.below_zero


def test_the_width_is_that_of_the_normal_approximation():
    values = np.random.default_rng(0).normal(5, 2, 400)
    found = bootstrap_mean(values)
    expected = 1.96 * values.std() / np.sqrt(400)
    assert found.high - found.value == pytest.approx(expected, rel=0.15)
    assert found.value - found.low == pytest.approx(expected, rel=0.15)


def test_measurements_that_hang_together_count_once():
    values = np.random.default_rng(1).normal(0, 1, 50)
    alone = bootstrap_mean(values)
    copied = bootstrap_mean(np.repeat(values, 8), np.repeat(np.arange(50), 8))
    assert copied.n == alone.n == 50
    assert (copied.low, copied.high) == pytest.approx((alone.low, alone.high))
    taken_for_many = bootstrap_mean(np.repeat(values, 8))
    assert taken_for_many.high - taken_for_many.low < 0.5 * (copied.high - copied.low)


def test_pairing_sees_what_two_intervals_would_hide():
    rng = np.random.default_rng(2)
    hard = rng.normal(0, 10, 200)
    found = paired_difference(hard, hard + rng.normal(0.3, 0.5, 200))
    assert found.above_zero
    assert found.high < 1


def test_about_19_of_20_intervals_hold_the_truth():
    rng = np.random.default_rng(3)
    held = 0
    for n in range(200):
        found = bootstrap_mean((rng.random(120) < 0.3).astype(float), seed=n, resamples=400)
        held += found.low <= 0.3 <= found.high
    assert 0.89 <= held / 200 <= 0.99


@settings(max_examples=60, deadline=None)
@given(arrays(np.float32, st.integers(1, 40), elements=FINITE), st.integers(0, 3))
def test_the_mean_lies_within_and_the_seed_decides(values, seed):
    found = bootstrap_mean(values, seed=seed, resamples=200)
    assert values.min() - 1e-3 <= found.low <= found.high <= values.max() + 1e-3
    assert found == bootstrap_mean(values, seed=seed, resamples=200)
    turned = paired_difference(values, np.zeros_like(values), seed=seed, resamples=200)
    assert turned.value == pytest.approx(-found.value)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-6)


@pytest.mark.parametrize("values", [[], [[1.0, 2.0]]])
def test_nothing_to_average(values):
    with pytest.raises(InputError, match="one or more"):
        bootstrap_mean(np.array(values))


def test_what_does_not_fit_is_said():
    with pytest.raises(InputError, match="3 measurements and groups of shape"):
        bootstrap_mean(np.ones(3), np.arange(2))
    with pytest.raises(InputError, match="cannot be paired"):
        paired_difference(np.ones(3), np.ones(2))
    with pytest.raises(InputError, match="between 0 and 1"):
        bootstrap_mean(np.ones(3), level=95)
