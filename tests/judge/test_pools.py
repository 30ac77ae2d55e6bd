"""Pools by hand: the union, who stands for whom, orders that say nothing, and assignments that cover every pair."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.judge.pools import COPIES_AT_MOST, Pooled, assign, pooled, shuffled, statistics
from core.rank.fold import Folds


def test_the_union_has_each_item_once_with_its_rank_in_every_arm():
    made = pooled([["a", "b", "c"], ["c", "a", "d"]], 2)
    assert made == [Pooled("a", (1, 2)), Pooled("c", (None, 1)), Pooled("b", (2, None))]  # c is third in the first: too deep


def test_a_run_that_is_short_or_empty_or_says_an_item_twice():
    assert pooled([["a"], []], 10) == [Pooled("a", (1, None))]
    assert pooled([["a", "b", "a"]], 10) == [Pooled("a", (1,)), Pooled("b", (2,))]
    assert pooled([], 5) == []


FOLDS = Folds({"a": "a", "b": "a", "c": "a", "x": "x", "y": "x"}, {})


def test_near_duplicates_are_judged_once_by_the_best_ranked():
    made = pooled([["d", "b", "a"], ["c", "d"]], 3, FOLDS)
    # c is first in the second run; b and a are found, too; the group's rank in the first run is b's.
    assert made == [Pooled("c", (2, 1), ("a", "b")), Pooled("d", (1, 2))]


def test_members_that_nobody_found_are_copies_too():
    assert pooled([["y"]], 5, FOLDS) == [Pooled("y", (1,), ("x",))]


def test_what_people_decided_of_duplicates_counts():
    folds = Folds(FOLDS.group_of, {"a": "remove", "c": "keep"})
    made = pooled([["a", "b", "c"]], 3, folds)
    assert made == [Pooled("b", (1,), ("a",)), Pooled("c", (3,))]
    assert pooled([["a"]], 3, folds) == [Pooled("a", (1,), ("b",))]  # alone, it is judged


def test_one_item_stands_for_no_more_than_so_many():
    ids = [f"i{n:04d}" for n in range(COPIES_AT_MOST + 50)]
    ((one,), many) = pooled([["i0000"]], 1, Folds(dict.fromkeys(ids, "i0000"))), ids
    assert len(one.copies) == COPIES_AT_MOST and "i0000" not in one.copies and set(one.copies) < set(many)


@pytest.mark.parametrize("depth", [0, -1, 201])
def test_a_depth_that_is_not_possible_is_said(depth):
    with pytest.raises(InputError, match=f"1 to 200 hits of each recipe, not {depth}"):
        pooled([["a"]], depth)


IDS = st.lists(st.sampled_from([f"i{n}" for n in range(12)]), unique=True, max_size=12)
RUNS = st.lists(IDS, min_size=1, max_size=4)
GROUPS = st.dictionaries(st.sampled_from([f"i{n}" for n in range(12)]), st.sampled_from(["g1", "g2", "g3"]))
DECISIONS = st.dictionaries(st.sampled_from([f"i{n}" for n in range(12)]), st.sampled_from(["keep", "remove"]), max_size=4)


@given(RUNS, st.integers(1, 8), GROUPS, DECISIONS, st.randoms())
def test_a_pool_holds_what_was_found_and_nothing_else_whatever_the_order_of_recipes(runs, depth, groups, decisions, random):
    folds = Folds(groups, decisions)
    made = pooled(runs, depth, folds)
    found = {item for run in runs for item in run[:depth]}
    leaders = [one.item_id for one in made]
    assert len(set(leaders)) == len(leaders) and set(leaders) <= found
    assert found <= set(leaders) | {copy for one in made for copy in one.copies}
    everybody = leaders + [copy for one in made for copy in one.copies]
    assert len(set(everybody)) == len(everybody)  # nobody is judged, or copied, twice
    for one in made:
        for arm, rank in enumerate(one.ranks):
            together = [n for n, item in enumerate(runs[arm][:depth], 1) if item == one.item_id or item in one.copies]
            assert rank == min(together, default=None)
        assert any(rank is not None for rank in one.ranks)
    turned = list(range(len(runs)))
    random.shuffle(turned)
    again = pooled([runs[n] for n in turned], depth, folds)
    assert [(one.item_id, one.copies) for one in again] == [(one.item_id, one.copies) for one in made]


@given(IDS.filter(lambda ids: len(ids) > 1), st.integers(0, 5), st.text(max_size=5), st.text(max_size=5))
def test_an_order_is_always_the_same_and_depends_on_nothing_but_seed_query_judge_and_items(ids, seed, query, judge):
    order = shuffled(ids, seed, query, judge)
    assert sorted(order) == sorted(ids)
    assert shuffled(reversed(ids), seed, query, judge) == order
    less = [item for item in ids if item != ids[0]]
    assert shuffled(less, seed, query, judge) == [item for item in order if item != ids[0]]  # later items move nobody


def test_orders_differ_between_judges_queries_and_seeds_and_say_nothing_of_the_rank():
    ids = [f"i{n:02d}" for n in range(20)]
    orders = {tuple(shuffled(ids, *what)) for what in ((0, "q1", "ann"), (0, "q1", "bob"), (0, "q2", "ann"), (1, "q1", "ann"))}
    assert len(orders) == 4
    firsts = [ids.index(shuffled(ids, 0, f"q{n}", "ann")[0]) for n in range(4_000)]
    assert all(120 < firsts.count(rank) < 290 for rank in range(20))  # 200 expected, 5.5 standard deviations of 14


PAIRS = st.lists(st.tuples(st.sampled_from(["q1", "q2", "q3"]), st.integers(0, 60).map(str)), unique=True, max_size=60)
JUDGES = st.lists(st.sampled_from(["ann", "bob", "cid", "dan", "eve"]), unique=True, min_size=1)


@given(PAIRS, JUDGES, st.floats(0, 1), st.integers(0, 9), st.randoms())
def test_every_pair_is_with_everybody_or_with_one_as_promised(pairs, judges, overlap, seed, random):
    given_out = assign(pairs, judges, overlap, seed)
    assert list(given_out) == judges
    holders = {pair: [judge for judge in judges if pair in given_out[judge]] for pair in pairs}
    assert all(len(set(mine)) == len(mine) for mine in given_out.values())
    shared = math.floor(len(pairs) * overlap + 0.5)
    if len(judges) > 1:
        assert all(len(who) in (1, len(judges)) for who in holders.values())
        assert sum(len(who) == len(judges) for who in holders.values()) == shared
        loads = [len(mine) - shared for mine in given_out.values()]
        assert max(loads) - min(loads) <= 1 and sum(loads) == len(pairs) - shared
        for query in ("q1", "q2", "q3"):  # agreement can be measured on every query
            of_query = [pair for pair in pairs if pair[0] == query]
            assert abs(sum(len(holders[pair]) > 1 for pair in of_query) - overlap * len(of_query)) <= 1 + 1e-9
    else:
        assert all(who == judges for who in holders.values())
    mixed, names = list(pairs), list(judges)
    random.shuffle(mixed)
    random.shuffle(names)
    again = assign(mixed, names, overlap, seed)
    assert {judge: sorted(mine) for judge, mine in again.items()} == {judge: sorted(mine) for judge, mine in given_out.items()}


@pytest.mark.parametrize(
    ("judges", "overlap", "message"),
    [([], 0.2, "name one or more"), (["ann", "ann"], 0.2, "named twice"), (["ann"], 1.2, "from 0 to 1, not 1.2"),
     (["ann"], float("nan"), "from 0 to 1")],
)  # fmt: skip
def test_divisions_that_are_not_possible_are_said(judges, overlap, message):
    with pytest.raises(InputError, match=message):
        assign([("q", "a")], judges, overlap)


def test_a_pool_in_numbers():
    rows = [("q1", Pooled("a", (1, 1, None))), ("q1", Pooled("b", (2, None, None), ("c", "d"))), ("q2", Pooled("a", (None, 1, None)))]
    said = statistics(rows, ["plain", "hubs", "other"], {("q1", "a"), ("q9", "z")}.__contains__)
    assert (said.n_queries, said.n_pairs, said.judged, said.collapsed, said.alone) == (2, 3, 1, 2, 2)
    assert [(arm.label, arm.found, arm.alone, arm.judged) for arm in said.arms] == [
        ("plain", 2, 1, 1), ("hubs", 2, 1, 1), ("other", 0, 0, 0)
    ]  # fmt: skip
    assert said.overlap == ((1.0, pytest.approx(1 / 3), 0.0), (pytest.approx(1 / 3), 1.0, 0.0), (0.0, 0.0, 1.0))
