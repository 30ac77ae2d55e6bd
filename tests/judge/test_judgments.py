"""Hand-made tables: who said what, and which one grade comes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.judge import (
    Qrel,
    RunLine,
    consolidate,
    disagreements,
    format_qrels,
    format_run,
    latest,
    parse_qrels,
    parse_run,
    progress,
    qrels_of,
)
from core.types import Judgment


def said(query, item, judge, grade, at=0.0, origin="judge"):
    return Judgment(query, item, grade, judge, at, origin=origin)


def test_latest_word_of_each_judge_counts():
    words = [said("q1", "a", "ann", 1, 1), said("q1", "a", "ann", 3, 2), said("q1", "a", "bob", 0, 1)]
    assert [(j.judge, j.grade) for j in latest(words)] == [("ann", 3), ("bob", 0)]


def test_same_time_later_press_wins():
    assert [j.grade for j in latest([said("q", "a", "ann", 1, 5), said("q", "a", "ann", 2, 5)])] == [2]


@pytest.mark.parametrize(
    ("grades", "expected"),
    [([2], 2), ([1, 2], 1), ([0, 3], 1), ([3, 3], 3), ([0, 1, 3], 1), ([0, 2, 3, 3], 2), ([None, 2], 2), ([None], None)],
)
def test_median_rounded_down(grades, expected):
    words = [said("q", "a", f"judge{i}", grade) for i, grade in enumerate(grades)]
    (one,) = consolidate(words)
    assert one.grade == expected
    assert one.n_cant_tell == grades.count(None)
    assert one.n_judges == len(grades) - grades.count(None)


def test_adjudication_beats_the_median_and_may_come_first():
    words = [said("q", "a", "chief", 3, 1, "adjudication"), said("q", "a", "ann", 0, 2), said("q", "a", "bob", 0, 3)]
    (one,) = consolidate(words)
    assert (one.grade, one.source) == (3, "adjudicated")


def test_made_judgments_yield_to_people():
    made = "names and keywords"
    words = [said("q", "a", made, 3, 1, made), said("q", "b", made, 2, 1, made), said("q", "a", "ann", 0, 2)]
    assert [(c.item_id, c.grade, c.source) for c in consolidate(words)] == [("a", 0, "judges"), ("b", 2, "made")]
    assert [c.item_id for c in consolidate(words, with_made=False)] == ["a"]


def test_copies_yield_to_who_looked_at_the_item_and_count_before_what_was_made():
    words = [said("q", "a", "ann", 2, 1, "copy"), said("q", "a", "bob", 0, 2, "copy"), said("q", "a", "names", 3, 1, "names")]
    assert [(c.grade, c.source) for c in consolidate(words)] == [(1, "copied")]
    decided = [*words, said("q", "a", "chief", 3, 3, "copied adjudication")]
    assert [(c.grade, c.source) for c in consolidate(decided)] == [(3, "copied")]
    looked = [said("q", "a", "ann", 0, 0), *decided]  # ann saw the item itself, before the copy of another grade of hers came
    assert [(c.grade, c.source, c.n_judges) for c in consolidate(looked)] == [(0, "judges", 1)]
    assert consolidate(decided, with_made=False) == []


def test_disagreements_are_two_apart_or_relevant_against_not():
    words = [
        said("q", "far", "ann", 1), said("q", "far", "bob", 3), said("q", "half", "ann", 0), said("q", "half", "bob", 1),
        said("q", "near", "ann", 2), said("q", "near", "bob", 3), said("q", "alone", "ann", 0),
        said("q", "unsure", "ann", 0), said("q", "unsure", "bob", None), said("q", "copy", "ann", 0),
        said("q", "copy", "bob", 3, 0, "copy"),
    ]  # fmt: skip
    found = disagreements(words)
    assert [(d.item_id, d.apart, d.grades) for d in found] == [
        ("far", 2, (("ann", 1), ("bob", 3))), ("half", 1, (("ann", 0), ("bob", 1)))
    ]  # fmt: skip
    assert [d.item_id for d in disagreements(words, rel=3)] == ["far", "near"]
    changed = [*words, said("q", "far", "ann", 2, 1)]
    assert [d.item_id for d in disagreements(changed)] == ["half"]  # the latest word counts
    decided = disagreements([*words, said("q", "far", "chief", 2, 0, "adjudication")])
    assert [(d.item_id, d.adjudicated) for d in decided] == [("far", True), ("half", False)]
    every = disagreements([*words, said("q", "same", "ann", 2), said("q", "same", "bob", 2)], small=True)
    assert [(d.item_id, d.small) for d in every] == [("far", False), ("half", False), ("near", True)]


def test_cant_tell_is_left_out_of_qrels_and_counted():
    words = [said("q", "a", "ann", None), said("q", "b", "ann", 2)]
    qrels, n_cant_tell = qrels_of(consolidate(words))
    assert qrels == [Qrel("q", "b", 2)]
    assert n_cant_tell == 1
    assert format_qrels(qrels) == "q 0 b 2\n"


def test_progress_counts_pairs_of_this_judge_only():
    words = [said("q", "a", "ann", None), said("q", "b", "bob", 1), said("q", "z", "ann", 1)]
    assert progress(words, "ann", [("q", "a"), ("q", "b"), ("q", "c")]) == (1, 3)


TOKENS = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=12)


@given(st.lists(st.builds(Qrel, TOKENS, TOKENS, st.integers(-1, 3), TOKENS), max_size=20))
def test_qrels_round_trip_to_the_byte(qrels):
    text = format_qrels(qrels)
    assert parse_qrels(text) == qrels
    assert format_qrels(parse_qrels(text)) == text


@given(st.lists(st.builds(RunLine, TOKENS, TOKENS, st.integers(0, 999), st.floats(-2, 2).map(repr), TOKENS), max_size=20))
def test_run_round_trip_to_the_byte(lines):
    text = format_run(lines)
    assert parse_run(text) == lines
    assert format_run(parse_run(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [("q 0 a\n", "Line 1 of the qrels has 3 fields where 4"), ("q\n", "Line 1 of the qrels has 1 field where 4"),
     ("q 0 a 1\nq 0 b x\n", "Line 2 .*'x'")],
)
def test_bad_qrels_name_the_line(text, message):
    with pytest.raises(InputError, match=message):
        parse_qrels(text)


def test_bad_run_names_the_line():
    with pytest.raises(InputError, match="Line 2 of the run .*'best'"):
        parse_run("q Q0 a 1 0.5 t\nq Q0 b 2 best t\n")


def test_white_space_in_an_id_is_refused():
    with pytest.raises(InputError, match="white space"):
        format_qrels([Qrel("two words", "a", 1)])
