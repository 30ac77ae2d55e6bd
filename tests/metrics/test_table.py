"""A table of recipes by metrics: figures, the unjudged share beside them, comparisons in one family."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.metrics.compare import compare
from core.metrics.evaluate import evaluate
from core.metrics.table import METRICS, meaning, measured, table

QRELS = [("q1", "a", 3), ("q1", "b", 1), ("q1", "c", 0), ("q2", "a", 2), ("q3", "a", 0)]
RUNS = {
    "plain": [("q1", "c", 3.0), ("q1", "a", 2.0), ("q2", "x", 2.0), ("q2", "a", 1.0), ("q3", "a", 1.0)],
    "hub": [("q1", "a", 3.0), ("q1", "c", 2.0), ("q2", "a", 2.0), ("q2", "x", 1.0), ("q3", "y", 1.0)],
}


def test_our_ap_stands_where_it_was_asked_for():
    one = measured(QRELS, RUNS["plain"], ["RR", "AP(by=cutoff)@1", "P@1", "AP(by=shown)", "AP@1"])
    assert list(one.metrics) == list(one.intervals) == list(one.unjudged) == ["RR", "AP(by=cutoff)@1", "P@1", "AP(by=shown)", "AP@1"]
    # q1: c a of a b; q2: x a of a; q3 has nothing right and counts 0.
    assert one.per_query["AP(by=cutoff)@1"] == {"q1": 0.0, "q2": 0.0, "q3": 0.0}
    assert one.per_query["AP(by=shown)"] == {"q1": pytest.approx(0.5 / 2), "q2": 0.5, "q3": 0.0}
    hub = measured(QRELS, RUNS["hub"], ["AP(by=cutoff)@1", "AP@1"])
    assert hub.per_query["AP(by=cutoff)@1"] == {"q1": 1.0, "q2": 1.0, "q3": 0.0}
    assert hub.per_query["AP@1"] == {"q1": 0.5, "q2": 1.0, "q3": 0.0}
    assert hub.metrics["AP(by=cutoff)@1"] == pytest.approx(2 / 3) == hub.intervals["AP(by=cutoff)@1"].value


def test_rel_is_said_in_the_name():
    one = measured(QRELS, RUNS["hub"], ["AP(by=cutoff)@5", "AP@5", "nDCG@10"], rel=2)
    assert list(one.metrics) == ["AP(by=cutoff,rel=2)@5", "AP(rel=2)@5", "nDCG@10"]
    assert one.per_query["AP(by=cutoff,rel=2)@5"] == one.per_query["AP(rel=2)@5"] == {"q1": 1.0, "q2": 1.0, "q3": 0.0}
    assert list(measured(QRELS, RUNS["hub"], ["AP(by=cutoff)"], rel=2).metrics) == ["AP(by=cutoff,rel=2)"]


def test_table():
    found = table(QRELS, RUNS)
    assert (list(found.rows), found.baseline, list(found.rows["hub"].metrics)) == (["plain", "hub"], "plain", list(METRICS))
    theirs = [name for name in METRICS if "by=" not in name]
    assert {name: found.rows["hub"].metrics[name] for name in theirs} == dict(evaluate(QRELS, RUNS["hub"], theirs).metrics)
    # Of two results of q1 and q2 one each is unjudged or none, of q3 the only one.
    assert found.rows["hub"].unjudged["P@5"] == pytest.approx((0 + 1 / 2 + 1) / 3)
    assert [(one.before, one.after, one.metric) for one in found.compared] == [("plain", "hub", name) for name in METRICS]
    rr = next(one for one in found.compared if one.metric == "RR")
    assert rr.n_comparisons == len(METRICS)
    alone = compare(found.rows["plain"].per_query["RR"], found.rows["hub"].per_query["RR"])
    assert (rr.p, rr.difference, rr.wins) == (alone.p, alone.difference, 2) and rr.p_holm >= rr.p
    assert table(QRELS, RUNS, ["RR", "NumRel"], baseline="hub").compared[0].difference.value == pytest.approx(-1 / 3)


def test_words_and_errors():
    assert "min(R, k)" in meaning("AP(by=cutoff)@50") and "min(R, k)" in meaning("AP(by=cutoff,rel=2)@50") and "MRR" in meaning("RR")
    with pytest.raises(InputError, match="cannot be divided by 'what'"):
        measured(QRELS, RUNS["hub"], ["AP(by=what)@5"])
    with pytest.raises(InputError, match="no run"):
        table(QRELS, {})
    with pytest.raises(InputError, match="no recipe 'x'"):
        table(QRELS, RUNS, baseline="x")
    with pytest.raises(InputError, match="no metric"):
        table(QRELS, RUNS, ["nope"])
