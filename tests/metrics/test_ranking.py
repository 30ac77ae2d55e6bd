"""Ranking metrics against values worked out by hand."""

from __future__ import annotations

from math import log2

import pytest

from core.errors import InputError
from core.metrics import ranking

QRELS = {"q1": {"a": 3, "b": 0, "c": 1}, "q2": {"d": 1}}
RUN = {"q1": {"b": 0.9, "a": 0.8, "x": 0.7, "c": 0.6}, "q2": {"x": 0.5, "y": 0.4}, "q3": {"a": 1.0}}


def test_hand_case():
    values = ranking.per_query(QRELS, RUN, ["nDCG@10", "RR", "P@2", "R@10", "AP", "Judged@4"])
    ideal = 3 / log2(2) + 1 / log2(3)
    assert values["nDCG@10"]["q1"] == pytest.approx((3 / log2(3) + 1 / log2(5)) / ideal)
    assert values["RR"] == {"q1": pytest.approx(0.5), "q2": 0.0}
    assert values["P@2"]["q1"] == pytest.approx(0.5)
    assert values["R@10"]["q1"] == pytest.approx(1.0)
    assert values["AP"]["q1"] == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert values["Judged@4"]["q1"] == pytest.approx(3 / 4)


def test_unanswered_queries_count_zero_and_unjudged_ones_are_left_out():
    assert ranking.aggregate(QRELS, {"q1": RUN["q1"]}, ["RR"]) == {"RR": pytest.approx(0.25)}
    assert set(ranking.per_query(QRELS, RUN, ["RR"])["RR"]) == {"q1", "q2"}


def test_equal_scores_are_ordered_by_id():
    assert ranking.aggregate({"q": {"a": 1}}, {"q": {"b": 0.5, "a": 0.5000001}}, ["RR"])["RR"] == 1.0
    assert ranking.aggregate({"q": {"b": 1}}, {"q": {"b": 0.5, "a": 0.5}}, ["RR"])["RR"] == 0.5


def test_nothing_judged_or_found():
    assert ranking.aggregate({}, RUN, ["RR"]) == {"RR": 0.0}
    assert ranking.aggregate(QRELS, {}, ["RR"]) == {"RR": 0.0}


def test_names():
    assert ranking.describe("nDCG@10").name == "nDCG@10" and "order" in ranking.describe("nDCG@10").meaning
    with pytest.raises(InputError, match="no metric 'nope'"):
        ranking.describe("nope")
