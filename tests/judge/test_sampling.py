"""What to judge next: by hand, and in one order whatever comes in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.judge.sampling import by_cutoff, by_disagreement, ungraded


def test_disagreement_by_hand():
    found = by_disagreement({"one": ["a", "b", "c"], "two": ["b", "a", "d"]}, 9)
    # a and b: 1 and 1/2, variance 1/16; c and d: 1/3 and 0, variance 1/36.
    assert [one.item_id for one in found] == ["a", "b", "c", "d"]
    assert [one.value for one in found] == pytest.approx([1 / 16, 1 / 16, 1 / 36, 1 / 36])
    assert found[0].ranks == {"one": 1, "two": 2} and found[2].ranks == {"one": 3}


def test_where_all_agree_there_is_nothing_to_ask():
    assert by_disagreement({"one": ["a", "b"], "two": ["a", "b"]}, 5) == []
    with pytest.raises(InputError, match="there is 1"):
        by_disagreement({"one": ["a"]}, 5)


def test_what_is_judged_is_not_asked_again():
    found = by_disagreement({"one": ["a", "b", "c"], "two": ["c", "b", "a"]}, 5, {"a"})
    assert [one.item_id for one in found] == ["c"]


def test_nearest_to_the_cut_by_hand():
    found = by_cutoff(["a", "b", "c", "d"], [0.4, 0.1, -0.1, -0.2], 3, recipe="plain", probabilities=[0.9, 0.6, 0.4, 0.3])
    assert [one.item_id for one in found] == ["b", "c", "d"]
    assert (found[0].ranks, found[0].probability) == ({"plain": 2}, 0.6)
    assert [one.item_id for one in by_cutoff(["b", "a"], [0.1, -0.1], 2)] == ["a", "b"]  # ties by id
    with pytest.raises(InputError, match="2 items, 1 distances"):
        by_cutoff(["a", "b"], [0.1], 2)


@settings(max_examples=60, deadline=None)
@given(st.permutations("abcdefg"), st.permutations("abcdefg"), st.permutations("abcdefg"), st.sets(st.sampled_from("abcdefg")))
def test_the_order_of_the_recipes_does_not_matter(one, two, three, judged):
    found = by_disagreement({"1": one, "2": two, "3": three}, 4, judged)
    again = by_disagreement({"3": three, "1": one, "2": two}, 4, judged)
    assert [(s.item_id, s.ranks) for s in found] == [(s.item_id, s.ranks) for s in again]
    assert not {s.item_id for s in found} & judged and len(found) <= 4


def test_what_has_no_grade_in_the_first_ranks_by_hand():
    found = ungraded({"one": ["a", "b", "c", "d"], "two": ["e", "c", "b", "f"]}, {"a", "f"}, 3)
    # d and f lie below the first three, a is graded; e is first somewhere, b and c are second.
    assert [(one.item_id, one.value) for one in found] == [("e", 1.0), ("b", 0.5), ("c", 0.5)]
    assert found[1].ranks == {"one": 2, "two": 3} and found[0].ranks == {"two": 1}
    assert ungraded({"one": ["a"]}, {"a"}) == [] == ungraded({"one": ["a"]}, set(), 0)
