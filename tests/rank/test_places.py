"""Chance, centroid and ranks: hand-computed numbers, and agreement with plain sorting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.rank.hubness import centroid_distances, chance_bound, expected_occurrence, k_occurrence, ranks, share_nearer


def test_expected_is_the_mean():
    assert expected_occurrence(10, 30, 60) == 5.0
    assert expected_occurrence(10, 30, 4) == 30.0  # every query finds all four
    assert expected_occurrence(10, 30, 0) == 0.0


def test_the_bound_is_the_binomial_quantile():
    # 3 queries, 1 of 2 items each: N is 0..3 with 1/8, 3/8, 3/8, 1/8; P(N <= 2) is 0.875
    assert chance_bound(1, 3, 2, share=0.87) == 2
    assert chance_bound(1, 3, 2, share=0.88) == 3
    assert chance_bound(1, 3, 2, share=0.1) == 0
    # 4 items ask each other for 1: 3 trials with 1/3, P(0) = 8/27, P(<= 1) = 20/27, P(<= 2) = 26/27 = 0.963
    assert [chance_bound(1, 4, 4, themselves=True, share=s) for s in (0.29, 0.3, 0.74, 0.75, 0.97)] == [0, 1, 1, 2, 3]


def test_the_bound_where_there_is_no_chance():
    assert chance_bound(5, 7, 3) == 7  # fewer items than results: all are always found
    assert chance_bound(5, 0, 3) == chance_bound(5, 3, 0) == chance_bound(5, 1, 1, themselves=True) == 0
    for wrong in ({"k": 0}, {"n_queries": -1}, {"share": 1.0}):
        with pytest.raises(InputError):
            chance_bound(**{"k": 1, "n_queries": 3, "n_items": 3, **wrong})


def test_random_rankings_seldom_exceed_the_bound():
    rng = np.random.default_rng(0)
    lists = np.array([rng.choice(2_000, 10, replace=False) for _ in range(3_000)])
    above = np.mean(k_occurrence(lists, 2_000) > chance_bound(10, 3_000, 2_000))
    assert above < 0.003  # one in a thousand is expected at most


def test_centroid_distances_by_hand():
    # the mean of (1, 0), (0, 1), (0, 1) is (1/3, 2/3), of length sqrt(5)/3: cosines 1/sqrt(5) and 2/sqrt(5)
    found = centroid_distances(np.array([[1, 0], [0, 1], [0, 1]]))
    assert found == pytest.approx([1 - 1 / 5**0.5, 1 - 2 / 5**0.5, 1 - 2 / 5**0.5])
    assert centroid_distances(np.array([[1.0, 0], [-1.0, 0]])).tolist() == [1.0, 1.0]  # no middle
    assert centroid_distances(np.array([[3.0, 4.0], [0, 0]]), np.array([0.0, 2.0])) == pytest.approx([0.2, 1.0])
    assert centroid_distances(np.zeros((0, 3))).shape == (0,)
    with pytest.raises(InputError):
        centroid_distances(np.zeros((2, 3)), np.zeros(2))


def test_share_nearer_counts_the_others():
    assert share_nearer(np.array([0.5, 0.1, 0.9])).tolist() == [0.5, 0.0, 1.0]
    assert share_nearer(np.array([0.2, 0.2, 0.3])).tolist() == [0.0, 0.0, 1.0]
    assert share_nearer(np.array([0.2])).tolist() == [0.0] and share_nearer(np.zeros(0)).tolist() == []


def test_ranks_by_hand():
    items = np.array([[1, 0], [0.6, 0.8], [0, 1], [0.6, 0.8]])
    query = np.array([[0.0, 1.0]])  # scores 0, .8, 1, .8: places 4, 2, 1, 3, the tie to the lower position
    asked, sought = np.zeros(4, int), np.arange(4)
    assert ranks(items, query, asked, sought).tolist() == [4, 2, 1, 3]
    assert ranks(items, query, asked, sought, skip=np.array([2])).tolist()[:2] == [3, 1]
    # with a bias the scores are .9, .8, .7, .8
    assert ranks(items, query, asked, sought, bias=np.array([0.9, 0, -0.3, 0])).tolist() == [1, 2, 4, 3]
    assert ranks(items, query, np.zeros(0, int), np.zeros(0, int)).tolist() == []
    for wrong in ({"sought": np.arange(3)}, {"bias": np.zeros(3)}, {"queries": np.zeros((1, 3))}):
        with pytest.raises(InputError):
            ranks(**{"items": items, "queries": query, "asked": asked, "sought": sought, **wrong})


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 6), st.booleans())
def test_ranks_are_those_of_sorting_in_any_block(seed, n, n_queries, themselves):
    rng = np.random.default_rng(seed)
    items = np.round(rng.standard_normal((n, 3)), 1)  # coarse, so that there are ties
    queries = items[:n_queries] if themselves else np.round(rng.standard_normal((n_queries, 3)), 1)
    skip = np.arange(len(queries)) if themselves else None
    bias = np.round(rng.standard_normal(n), 1)
    asked, sought = (part.ravel() for part in np.meshgrid(np.arange(len(queries)), np.arange(n), indexing="ij"))
    found = ranks(items, queries, asked, sought, bias=bias, skip=skip, budget_bytes=400).reshape(len(queries), n)
    scores = np.round(queries @ items.T + bias, 6)
    if themselves:
        scores[skip, skip] = -np.inf
    for row, (line, got) in enumerate(zip(scores, found)):
        order = np.argsort(-line, kind="stable")
        expected = np.argsort(order) + 1
        counted = np.arange(n) != row if themselves else np.ones(n, bool)
        assert got[counted].tolist() == expected[counted].tolist()
