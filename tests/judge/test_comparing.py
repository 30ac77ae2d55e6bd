"""Randomisation test, Holm, wins and losses: against numbers made by hand and by going through every pattern."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.judge.comparing import DRAWS, Sides, holm, randomisation_p, sides


@pytest.mark.parametrize(("gains", "p"), [
    ([1, 1, 1], 2 / 8),  # all or none of the three signs turned
    ([2, 1, 0], 2 / 4),  # +-3 of +-3, +-1; the tie does not count
    ([1, -1], 1.0),
    ([3, 1, 1], 2 / 8),
    ([3, 1, -1], 6 / 8),  # 3+1+1, 3+1-1, 3-1+1 and their mirrors reach 3
    ([0, 0], 1.0),
    ([], 1.0),
])  # fmt: skip
def test_small_ones_by_hand(gains, p):
    assert randomisation_p([0.0] * len(gains), gains) == pytest.approx(p)


@given(st.lists(st.integers(-4, 4), max_size=8))
def test_exact_is_what_going_through_all_signs_gives(gains):
    seen = abs(sum(gains))
    every = [abs(sum(s * g for s, g in zip(signs, gains))) >= seen for signs in product((1, -1), repeat=len(gains))]
    assert randomisation_p(np.zeros(len(gains)), np.array(gains) / 7) == pytest.approx(np.mean(every))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30))
def test_which_of_the_two_comes_first_does_not_matter_and_p_is_a_share(pairs):
    one, two = map(list, zip(*pairs))
    p = randomisation_p(one, two)
    assert 0 < p <= 1
    assert randomisation_p(two, one) == p


def test_drawn_patterns_are_near_the_exact_ones_and_never_zero():
    # 14 ones are gone through: 2 of 2^14. With 15 patterns are drawn: 2 of 2^15 are expected in 10,000.
    assert randomisation_p(np.zeros(14), np.ones(14)) == 2 / 2**14
    assert 1 / (DRAWS + 1) <= randomisation_p(np.zeros(15), np.ones(15)) <= 8 / (DRAWS + 1)
    assert randomisation_p(np.zeros(60), np.ones(60)) == 1 / (DRAWS + 1)
    gains = np.random.default_rng(3).normal(0.1, 1.0, 40)
    assert randomisation_p(np.zeros(40), gains) == randomisation_p(np.zeros(40), gains)
    assert randomisation_p(np.zeros(40), gains) == pytest.approx(randomisation_p(np.zeros(40), gains, seed=9), abs=0.03)


def test_no_difference_gives_small_p_no_more_often_than_it_says():
    rng = np.random.default_rng(0)
    ps = np.array([randomisation_p(np.zeros(10), rng.normal(0, 1, 10)) for _ in range(400)])
    assert 0.02 < (ps <= 0.05).mean() < 0.09


def test_holm_by_hand():
    # Sorted .005 .01 .03 .04 times 4 3 2 1: .02 .03 .06 .04, and the last may not be less than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.7]) == (1.0, 1.0)
    assert holm([]) == ()
    with pytest.raises(InputError, match="between 0 and 1"):
        holm([1.2])


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_never_lowers_and_keeps_the_order(ps):
    raised = holm(ps)
    assert all(p <= q <= min(1.0, p * len(ps)) + 1e-12 for p, q in zip(ps, raised))
    order = np.argsort(ps, kind="stable")
    assert (np.diff(np.array(raised)[order]) >= 0).all()


def test_wins_ties_losses():
    assert sides([0.1, 0.2, 0.3, 0.4], [0.1 + 1e-12, 0.5, 0.1, 0.9]) == Sides(2, 1, 1)
    with pytest.raises(InputError, match="cannot be paired"):
        sides([1, 2], [1])
