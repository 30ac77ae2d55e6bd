"""A run against qrels: measures for incomplete pools by hand, parity with pytrec_eval, what is unjudged, what is said beside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.metrics.evaluate import evaluate, order, unjudged_share
from core.metrics.intervals import bootstrap_mean
from core.metrics.names import cutoff, describe, measure, split

RANKING = [("q", item, 9.0 - n) for n, item in enumerate("nrumsv")]
"""n and m are judged irrelevant, r and s relevant, u and v unjudged; t is relevant and not found."""
QRELS = [("q", "n", 0), ("q", "m", 0), ("q", "r", 1), ("q", "s", 2), ("q", "t", 1)]


def test_incomplete_pools_by_hand():
    found = evaluate(QRELS, RANKING, ["Bpref", "infAP", "Judged@3", "Judged@10", "AP", "P@3"])
    # R = 3, N = 2, min = 2: above r stands n: 1 - 1/2; above s both: 1 - 2/2; t is not found.
    assert found.metrics["Bpref"] == pytest.approx((1 / 2 + 0) / 3)
    # r at rank 2: one judged above, irrelevant. s at rank 5: r, n, m judged above, one of them relevant.
    eps = 1e-5
    at_r = 1 / 2 + 1 / 2 * (1 / 1) * (0 + eps) / (1 + 2 * eps)
    at_s = 1 / 5 + 4 / 5 * (3 / 4) * (1 + eps) / (3 + 2 * eps)
    assert found.metrics["infAP"] == pytest.approx((at_r + at_s) / 3, abs=1e-6)
    assert found.metrics["AP"] == pytest.approx((1 / 2 + 2 / 5) / 3)
    assert (found.metrics["Judged@3"], found.unjudged["Judged@3"]) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert found.unjudged["AP"] == pytest.approx(2 / 6)  # no cut-off: all results
    assert found.unjudged["P@3"] == pytest.approx(1 / 3)


def test_each_metric_counts_what_is_unjudged_at_its_own_depth():
    names = ["P@1", "P@3", "RR", "RR@1", "RR(rel=2)", "Rprec", "AP", "nDCG@4"]
    found = evaluate(QRELS, RANKING, names)  # n 0, r 1, u -, m 0, s 2, v -; three are relevant
    assert {name: round(found.unjudged[name], 4) for name in names} == {
        "P@1": 0, "P@3": 0.3333, "RR": 0, "RR@1": 0, "RR(rel=2)": 0.2, "Rprec": 0.3333, "AP": 0.3333, "nDCG@4": 0.25}  # fmt: skip
    assert evaluate(QRELS, RANKING, ["RR"], rel=2).unjudged == {"RR(rel=2)": 0.2}  # down to s: n, r, u, m, s
    assert evaluate(QRELS, RANKING, ["RR"], rel=3).unjudged == {"RR(rel=3)": pytest.approx(2 / 6)}  # none: all are looked at
    two = [*QRELS, ("p", "a", 1)], [*RANKING, ("p", "x", 2.0), ("p", "a", 1.0), ("p", "y", 0.0)]
    assert evaluate(*two, ["RR"]).unjudged == {"RR": pytest.approx((0 + 1 / 2) / 2)}
    unknown = evaluate([("q", "n", -1), ("q", "r", 1)], RANKING[:2], ["RR"])  # what is graded as unknown is no relevant one
    assert unknown.unjudged == {"RR": 0.0}


def test_one_query_has_an_interval_of_its_value_alone():
    one = evaluate(QRELS, RANKING, ["P@3"]).intervals["P@3"]
    assert (one.value, one.low, one.high, one.n) == (pytest.approx(1 / 3),) * 3 + (1,)


def test_intervals_are_those_of_the_per_query_values():
    qrels = [(f"q{i}", "a", 1) for i in range(8)]
    run = [(f"q{i}", item, 5.0 - n) for i in range(8) for n, item in enumerate(["a", "b"][:: 1 if i % 3 else -1])]
    found = evaluate(qrels, run, ["RR"], seed=4)
    assert found.per_query["RR"] == {f"q{i}": 1.0 if i % 3 else 0.5 for i in range(8)}
    assert found.intervals["RR"] == bootstrap_mean(np.array(list(found.per_query["RR"].values())), seed=4)
    assert found.notes == ()


def test_ties_are_those_of_trec_eval():
    """In single precision, the larger id (in bytes) first: what is counted as unjudged is what the metric saw."""
    run = [("q", "a", 0.5), ("q", "b", 0.5 + 1e-9), ("q", "é", 0.5), ("q", "Z", 0.5)]
    assert order(run) == {"q": ["é", "b", "a", "Z"]}
    found = evaluate([("q", "b", 1)], run, ["P@1", "P@2", "RR"])
    assert (found.metrics["P@1"], found.metrics["P@2"], found.metrics["RR"]) == (0.0, 0.5, 0.5)
    assert (found.unjudged["P@1"], found.unjudged["P@2"]) == (1.0, 0.5)


def test_the_last_of_two_equal_pairs_counts_and_is_said():
    found = evaluate([("q", "a", 0), ("q", "a", 1)], [("q", "b", 2.0), ("q", "a", 1.0), ("q", "a", 3.0)], ["RR"])
    assert found.metrics["RR"] == 1.0
    assert found.notes == tuple(f"1 pair stands twice, of which the last {what} counts: q a." for what in ("grade", "score"))


def test_nothing_found_and_nothing_relevant():
    found = evaluate([("q", "a", 1), ("r", "a", 0)], [], ["RR", "P@5"])
    assert (found.metrics, found.unjudged, found.n_queries) == ({"RR": 0.0, "P@5": 0.0}, {"RR": None, "P@5": None}, 2)
    assert any("r" in note and "no item of grade 1" in note for note in found.notes)
    assert unjudged_share({}, {}, 5) is None


def test_names():
    assert split(" nDCG@10, P@5,,SetF(beta=2, rel=2)\nRR ") == ("nDCG@10", "P@5", "SetF(beta=2, rel=2)", "RR")
    assert (cutoff("P@5"), cutoff("RR")) == (5, None)
    assert [str(measure(name, 2)) for name in ("P@5", "P(rel=3)@5", "nDCG@5")] == ["P(rel=2)@5", "P(rel=3)@5", "nDCG@5"]
    assert "number of all relevant items" in describe("AP@50").meaning and "unjudged" in describe("Bpref").meaning
    for bad in ("P@0", "P@-1", "P", "P@x", "P@2.5", "P(rel=0)@5", "P(what=3)@5", "P@True", "__import__('os')", "(" * 5000, "P@99999999999"):
        with pytest.raises(InputError):
            measure(bad)


JUDGED = st.dictionaries(st.sampled_from("abcdefghij"), st.integers(0, 3), min_size=1)
GRADES = st.dictionaries(st.sampled_from(["q1", "q2", "q3"]), JUDGED, min_size=1)
RANKED = st.dictionaries(st.sampled_from("abcdefghijkl"), st.integers(-3, 3), min_size=1)
SCORES = st.dictionaries(st.sampled_from(["q1", "q2", "q4"]), RANKED)
TREC = {"nDCG@10": "ndcg_cut_10", "P@5": "P_5", "R@20": "recall_20", "AP@50": "map_cut_50", "RR": "recip_rank", "Bpref": "bpref",
        "infAP": "infAP"}  # fmt: skip


@given(GRADES, SCORES, st.sampled_from([1, 2]))
@settings(deadline=None, max_examples=60)
def test_parity_with_pytrec_eval(judged, ranked, rel):
    import pytrec_eval

    found = evaluate(
        [(q, item, grade) for q, grades in judged.items() for item, grade in grades.items()],
        [(q, item, float(score)) for q, scores in ranked.items() for item, score in scores.items()],
        list(TREC), rel=rel,
    )  # fmt: skip
    engine = pytrec_eval.RelevanceEvaluator(judged, set(TREC.values()), relevance_level=rel)
    theirs = engine.evaluate({q: {item: float(score) for item, score in scores.items()} for q, scores in ranked.items()})
    for name, (mine, trec) in zip(found.metrics, TREC.items()):
        assert name.replace(f"(rel={rel})", "") == mine
        expected = {q: theirs[q][trec] if q in theirs else 0.0 for q in judged}
        assert found.per_query[name] == pytest.approx(expected)
        assert found.metrics[name] == pytest.approx(sum(expected.values()) / len(judged))
