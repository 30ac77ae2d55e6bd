"""Hubness measures against counts worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.errors import InputError
from core.rank import hubness

COUNTS = np.array([0, 0, 1, 1, 8])


def test_hand_case():
    report = hubness.hubness_report(COUNTS, k=1, n_queries=10)
    assert report.skewness == pytest.approx(1.419101, abs=1e-6)
    assert report.skewness_nonzero == pytest.approx(0.707107, abs=1e-6)
    assert report.robin_hood == pytest.approx(0.6)
    assert report.antihub_share == pytest.approx(0.4)
    assert report.gini == pytest.approx(0.68)
    assert report.atkinson == pytest.approx(0.533726, abs=1e-6)
    assert report.hub_occurrence == pytest.approx(0.8)
    # mean is 1 * 10 / 5 = 2, so a hub has at least 4 places: the last item again
    assert report.hub_occurrence_mean == pytest.approx(0.8)
    assert report.largest_hub_reach == pytest.approx(0.8)


def test_the_two_hub_thresholds_differ_where_queries_and_items_do():
    assert hubness.hub_threshold(10, 100, 50) == 40.0
    assert hubness.hub_threshold(10, 100, 50, by_mean=False) == 20.0
    counts = np.array([25, 15, 5, 5])  # k 10, Q 5, four items: mean 12.5
    report = hubness.hubness_report(counts, k=10, n_queries=5)
    assert report.hub_occurrence == pytest.approx(25 / 50)  # N >= 20
    assert report.hub_occurrence_mean == pytest.approx(25 / 50)  # N >= 25


def test_equal_counts_are_not_uneven_at_all():
    report = hubness.hubness_report(np.full(6, 3), k=3, n_queries=6)
    assert (report.skewness, report.robin_hood, report.gini, report.antihub_share) == (0.0, 0.0, 0.0, 0.0)
    assert report.atkinson == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("counts", [np.zeros(0, int), np.zeros(4, int)])
def test_nothing_found(counts):
    report = hubness.hubness_report(counts, k=10, n_queries=0)
    assert report.skewness == 0.0 and report.gini == 0.0 and report.hub_occurrence is None
    assert report.antihub_share == (1.0 if counts.size else 0.0)


def test_without_k_or_queries_what_needs_them_is_none():
    whole = hubness.hubness_report(COUNTS, k=1, n_queries=10)
    for some in ({}, {"k": 1}, {"n_queries": 10}):
        report = hubness.hubness_report(COUNTS, **some)
        assert report.hub_occurrence is report.hub_occurrence_mean is report.largest_hub_reach is None
        assert (report.skewness, report.gini, report.atkinson) == (whole.skewness, whole.gini, whole.atkinson)
    # h = 5: a hub has at least 5 places by k, at least 10 by the mean
    strict = hubness.hubness_report(COUNTS, k=1, n_queries=10, h=5.0)
    assert (strict.hub_occurrence, strict.hub_occurrence_mean) == (pytest.approx(0.8), 0.0)


def test_counting_from_rankings():
    top = np.array([[0, 1, 2], [1, 0, -1], [1, 2, 3]])
    assert hubness.k_occurrence(top, 5, 1).tolist() == [1, 2, 0, 0, 0]
    assert hubness.k_occurrence(top, 5, 2).tolist() == [2, 3, 1, 0, 0]
    assert hubness.k_occurrence(top, 5).tolist() == [2, 3, 2, 1, 0]
    with pytest.raises(InputError, match="position 3.*3 items"):
        hubness.k_occurrence(top, 3)
    with pytest.raises(InputError, match="1-dimensional"):
        hubness.k_occurrence(top[0], 3)


def test_impossible_counts_are_refused():
    with pytest.raises(InputError, match="10 places.*only 9"):
        hubness.hubness_report(COUNTS, k=1, n_queries=9)
    with pytest.raises(InputError, match="k=0"):
        hubness.hubness_report(COUNTS, k=0, n_queries=9)


def test_lorenz_curve_of_the_hand_case():
    items, places = hubness.lorenz(COUNTS)
    np.testing.assert_allclose(items, [0, .2, .4, .6, .8, 1])
    np.testing.assert_allclose(places, [0, 0, 0, .1, .2, 1])
    assert hubness.lorenz(np.zeros(3, int))[1].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])


@given(arrays(np.int64, st.integers(1, 40), elements=st.integers(0, 200)))
def test_measures_stay_in_range_and_agree_with_the_lorenz_curve(counts):
    report = hubness.hubness_report(counts, k=1, n_queries=max(1, int(counts.sum())))
    for value in (report.robin_hood, report.gini, report.atkinson, report.antihub_share):
        assert 0.0 <= value <= 1.0
    items, places = hubness.lorenz(counts)
    assert np.all(np.diff(places) >= -1e-12) and places[-1] == pytest.approx(1.0)
    if counts.sum():
        # Gini is twice the area between diagonal and curve; Robin Hood the largest gap between them
        assert report.gini == pytest.approx(1 - 2 * np.trapezoid(places, items), abs=1e-9)
        assert report.robin_hood == pytest.approx(float(np.max(items - places)), abs=1e-9)


def test_skewness_is_scipys():
    from scipy.stats import skew
    counts = np.random.default_rng(0).poisson(3, 500)
    assert hubness.skewness(counts) == pytest.approx(float(skew(counts)), abs=1e-12)
