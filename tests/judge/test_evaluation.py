"""The table of an evaluation: every figure by hand on a small world; parts of the queries; pools of captions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.judge.evaluation import evaluate, gap, ir_name
from core.judge.hardpools import pool_recalls

GRADES = {"q1": {"a": 3, "b": 1, "c": 0}, "q2": {"m": 1}}
RANKINGS = {"one": {"q1": ("a", "b", "c", "x")}, "two": {"q1": ("x", "c", "b", "a"), "q2": ("m",)}}


def values(table, recipe):
    return {one.key: [round(float(v), 5) for v in table.values[recipe, one.key]] for one in table.metrics}


def test_every_figure_by_hand():
    table = evaluate(RANKINGS, GRADES, baseline="one", depth=50)
    assert [one.key for one in table.metrics] == ["nDCG@10", "P@10", "R@10", "AP@50", "RR", "Bpref", "infAP"]
    # q1 is ideal with one, and q2, which it does not answer, counts 0.
    assert values(table, "one") == {"nDCG@10": [1, 0], "P@10": [0.2, 0], "R@10": [1, 0], "AP@50": [1, 0], "RR": [1, 0], "Bpref": [1, 0],
                                    "infAP": [pytest.approx(1, abs=1e-4), 0]}  # fmt: skip
    # x is unjudged. nDCG: (1/log2 4 + 3/log2 5) / (3 + 1/log2 3). AP: (1/3 + 2/4) / 2. bpref: c stands above both, x does not count.
    # infAP: b at 3: 1/3 + 2/3 * 0/1; a at 4: 1/4 + 3/4 * 1/2, where of the judged above b is relevant and c is not; half their sum.
    assert values(table, "two") == {"nDCG@10": [0.49355, 1], "P@10": [0.2, 0.1], "R@10": [1, 1], "AP@50": [0.41667, 1], "RR": [0.33333, 1],
                                    "Bpref": [0, 1], "infAP": [pytest.approx(0.47917, abs=1e-4), pytest.approx(1, abs=1e-4)]}  # fmt: skip
    cell = table.cells["two", "P@10"]
    assert (cell.mean.value, cell.best, cell.unjudged) == (pytest.approx(0.15), True, 0.125)  # a quarter of q1, nothing of q2
    assert cell.against.difference.value == pytest.approx(0.05)
    assert (cell.against.wins, cell.against.ties, cell.against.losses) == (1, 1, 0)
    assert cell.against.p == 1.0  # one difference can have either sign
    assert table.cells["one", "P@10"].against is None and not table.cells["one", "P@10"].best
    assert table.n_comparisons == 7
    # RR looks down to the first relevant one: at a alone with one, at x, c and b with two, and of q2 at m.
    assert [table.cells[name, "RR"].unjudged for name in ("one", "two")] == [0, pytest.approx(1 / 3 / 2)]
    assert table.cells["two", "Bpref"].unjudged == pytest.approx(1 / 4 / 2)
    assert table.best("Bpref") == "one"  # 0.5 both: the baseline


def test_relevant_from_grade_two_and_queries_without_a_right_answer():
    table = evaluate(RANKINGS, GRADES, baseline="one", rel=2, depth=10)
    assert values(table, "two")["RR"] == [0.25, 0] and values(table, "one")["P@10"] == [0.1, 0]
    assert values(table, "two")["nDCG@10"] == [0.49355, 1]  # it goes by the grades
    assert (table.n_bare, table.n_left_out, table.queries) == (1, 0, ("q1", "q2"))
    assert table.cells["two", "RR"].unjudged == pytest.approx(1 / 4 / 2)  # a is the first: all four; of q2 all, for there is none
    left = evaluate(RANKINGS, GRADES, baseline="one", rel=2, depth=10, skip_bare=True)
    assert (left.n_bare, left.n_left_out, left.queries) == (0, 1, ("q1",))
    assert ir_name("AP@50", 2) == "AP(rel=2)@50" and ir_name("Bpref", 2) == "Bpref(rel=2)" and ir_name("nDCG@10", 2) == "nDCG@10"


def test_both_divisors_of_ap_where_more_is_relevant_than_there_are_places():
    grades = {"q": {f"i{n:02d}": 1 for n in range(60)}}
    table = evaluate({"r": {"q": tuple(f"i{n:02d}" for n in range(50))}}, grades, baseline="r", depth=50)
    assert table.values["r", "AP@50"][0] == pytest.approx(50 / 60)
    assert table.values["r", "AP@50 (of at most 50)"][0] == pytest.approx(1.0)
    # Paper 54's example: relevant, not, relevant, of three: (1 + 2/3) / 3.
    three = evaluate({"r": {"q": ("a", "x", "b")}}, {"q": {"a": 1, "b": 1, "c": 1, "x": 0}}, baseline="r", depth=5)
    assert three.values["r", "AP@5"][0] == pytest.approx(0.5556, abs=1e-4)
    assert "AP@5 (of at most 5)" not in [one.key for one in three.metrics]


def test_what_cannot_be_measured_is_said():
    with pytest.raises(InputError, match="baseline 'nothing'"):
        evaluate(RANKINGS, GRADES, baseline="nothing", depth=10)
    with pytest.raises(InputError, match="No query of these has a grade"):
        evaluate(RANKINGS, {}, baseline="one", depth=10)
    with pytest.raises(InputError, match="grade 1, 2 or 3"):
        evaluate(RANKINGS, GRADES, baseline="one", rel=0, depth=10)


@given(st.permutations([f"i{n}" for n in range(12)]), st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_a_recipe_against_its_copy_is_no_difference_and_depth_cuts(order, grades):
    given_ = {"q": {f"i{n}": grade for n, grade in enumerate(grades)}}
    table = evaluate({"one": {"q": tuple(order)}, "two": {"q": tuple(order)}}, given_, baseline="one", depth=12)
    assert all(cell.best for cell in table.cells.values())
    assert all(c.against is None or (c.against.p_holm, c.against.difference.value) == (1.0, 0.0) for c in table.cells.values())
    cut = evaluate({"one": {"q": tuple(order)}}, given_, baseline="one", depth=10)
    longer = evaluate({"one": {"q": tuple(order[:10])}}, given_, baseline="one", depth=10)
    assert all(cut.values[key] == longer.values[key] for key in cut.values)


# ---------------------------------------------------------------- parts of the queries


def test_a_gap_is_outside_minus_inside_and_nothing_where_a_part_is_empty():
    found = gap(np.array([1.0, 1.0, 0.0, 0.5]), np.array([True, True, False, False]))
    assert (found.inside, found.outside, found.n_inside, found.n_outside) == (1.0, 0.25, 2, 2)
    assert found.difference.value == -0.75 and found.difference.low == -1.0 and found.difference.high == -0.5
    assert gap(np.array([1.0, 0.5]), np.array([False, False])).difference is None


def test_without_a_reason_the_gap_holds_zero():
    rng = np.random.default_rng(1)
    held = [gap(rng.random(80), rng.random(80) < 0.5, seed=n).difference for n in range(40)]
    assert sum(one.low <= 0 <= one.high for one in held) >= 34


# ---------------------------------------------------------------- pools of captions


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_pools_nested_equal_global_at_the_end_and_an_oracle_is_always_right():
    rng = np.random.default_rng(0)
    items = unit(rng.standard_normal((90, 16)))
    own, groups = np.arange(60), np.arange(90)
    exact = pool_recalls(items[:60], items, own, groups)
    assert [(one.size, one.hard, one.random) for one in exact] == [(k, 1.0, 1.0) for k in (5, 10, 20, 50, 89)]
    texts = unit(items[:60] + 1.6 * unit(rng.standard_normal((60, 16))))
    found = pool_recalls(texts, items, own, groups)
    for side in ("hard", "random"):
        assert (np.diff([getattr(one, side) for one in found]) <= 0).all()
    whole = float(((texts @ items.T).argmax(axis=1) == own).mean())
    assert found[-1].hard == found[-1].random == pytest.approx(whole)
    assert found[0].gap > 0.05  # look-alikes are harder than strangers


def test_look_alikes_are_what_makes_a_pool_hard_and_copies_are_in_none():
    # Four directions, two images each; the caption of an image points a little more to its look-alike.
    base = np.eye(4, 5)
    images = unit(np.repeat(base, 2, axis=0) + np.tile([[0, 0, 0, 0, 0.1], [0, 0, 0, 0, -0.1]], (4, 1)))
    texts = images[[1, 0, 3, 2, 5, 4, 7, 6]]
    found = pool_recalls(texts, images, np.arange(8), np.arange(8), sizes=(1,))
    assert found[0].hard == 0.0 and found[0].random > 0.3
    twins = pool_recalls(texts, images, np.arange(8), np.repeat(np.arange(4), 2), sizes=(1,))
    assert [one.hard for one in twins] == [1.0, 1.0]
