"""Rocchio as terms: weights by hand, the formula itself as the oracle, and always a line that can be read back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.query.compose import compose
from core.query.feedback import NEGATIVE_AT_MOST, POSITIVE_AT_MOST, Weights, refined
from core.query.parse import MAX_PARTS, parse, render
from core.types import Query, Term


def test_weights_by_hand():
    made = refined(parse("red car -night", "colour = 'red'"), {"a": 3, "b": 1, "c": 0, "d": 0})
    assert made.terms == (
        Term("text", "red car"), Term("text", "night", -1.0),
        Term("item", "a", 0.562), Term("item", "b", 0.188),  # 0.75 x 3/4 and 0.75 x 1/4
        Term("item", "c", -0.075), Term("item", "d", -0.075),  # 0.15 / 2
    )  # fmt: skip
    assert made.where == "colour = 'red'"
    assert render(made) == '"red car" -"night" image:a^0.562 image:b^0.188 -image:c^0.075 -image:d^0.075'.replace('"red car"', "red car")
    assert parse(render(made), made.where) == made


def test_summed_it_is_rocchios_formula():
    rng = np.random.default_rng(0)
    vectors = {name: row / np.linalg.norm(row) for name, row in zip("qabcd", rng.standard_normal((5, 12)))}
    grades, weights = {"a": 2, "b": 2, "c": 0, "d": 0}, Weights(1.0, 0.8, 0.4)
    made = refined(parse("red"), grades, weights)
    rows = np.stack([vectors["q" if term.kind == "text" else term.value] for term in made.terms])
    q = compose(made.terms, rows, ["text"] + ["image"] * 4, mode="sum").q
    positive = (2 * vectors["a"] + 2 * vectors["b"]) / 4
    negative = (vectors["c"] + vectors["d"]) / 2
    expected = 1.0 * vectors["q"] + 0.8 * positive - 0.4 * negative
    assert q == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)


def test_an_item_of_the_query_is_not_counted_twice():
    made = refined(parse("image:a"), {"a": 3, "b": 2})
    assert made.terms == (Term("item", "a"), Term("item", "b", 0.75))
    with pytest.raises(InputError, match="0 are judged and 0 of them are relevant"):
        refined(parse("image:a"), {"a": 3})


def test_without_anything_relevant_it_is_refused_with_both_numbers():
    with pytest.raises(InputError, match="2 are judged and 0 of them are relevant"):
        refined(parse("red"), {"a": 0, "b": 0})


def test_weights_of_nothing_leave_the_terms_out():
    assert refined(parse("red"), {"a": 1, "b": 0}, Weights(0, 1, 0)).terms == (Term("item", "a"),)
    with pytest.raises(InputError, match="beta is -1"):
        Weights(beta=-1)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.text("abcdefghij0123456789", min_size=1, max_size=64), st.integers(0, 3), min_size=1, max_size=90),
    st.integers(1, 40), st.integers(1, 3900),
)  # fmt: skip
def test_it_can_always_be_written_and_read(grades, n_terms, length):
    terms = tuple(Term("text", f"{n} {'x' * (length // n_terms)}"[: max(3, length // n_terms)], 1.0 + n) for n in range(n_terms))
    query = Query(terms)
    if not any(grades.values()):
        with pytest.raises(InputError):
            refined(query, grades)
        return
    try:
        made = refined(query, grades)
    except InputError as error:
        assert "no room" in str(error)
        return
    assert parse(render(made)) == made and len(made.terms) <= MAX_PARTS
    added = made.terms[len(query.terms):]
    assert sum(term.weight > 0 for term in added) <= POSITIVE_AT_MOST and sum(term.weight < 0 for term in added) <= NEGATIVE_AT_MOST
    assert all((grades[term.value] >= 1) == (term.weight > 0) for term in added)
    assert any(term.weight > 0 for term in added)
