"""Values as colour codes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.atlas.colours import PALETTE, colouring, two_kinds


def test_categories_by_frequency_then_name():
    made = colouring(["b", "a", "c", "c", None, ""], "kind")
    assert made.labels == ("c", "a", "b", "no value") and made.counts == (2, 1, 1, 2)
    assert made.codes.tolist() == [2, 1, 0, 0, 3, 3] and made.kind == "category"


def test_rare_values_share_a_colour():
    made = colouring([f"v{i:02d}" for i in range(30)] + ["v00"], "kind")
    assert len(made.labels) == len(PALETTE) + 1 and made.labels[-1] == "other (20 values)"
    assert made.counts[0] == 2 and made.counts[-1] == 20


def test_numbers_run_from_the_first_to_the_last_step():
    made = colouring(np.arange(101.0), "size", "number")
    assert made.kind == "number" and made.codes[0] == 0 and made.codes[-1] == 10
    assert (made.minimum, made.maximum) == (1.0, 99.0) and sum(made.counts) == 101
    assert np.all(np.diff(made.codes.astype(int)) >= 0)


def test_a_scale_of_counts_ends_at_counts_and_says_that_some_are_beyond():
    made = colouring([0.0] * 99 + [3.0, 50.0], "found", "number")
    assert (made.minimum, made.maximum, made.above) == (0.0, 3.0, True)
    assert made.codes[-1] == 10


def test_missing_and_equal_numbers():
    made = colouring([None, 5.0, 5.0], "size", "number")
    assert made.labels[-1] == "no value" and made.counts[-1] == 1 and made.codes[1] == made.codes[2]


@pytest.mark.parametrize("kind", ["number", "text"])
def test_where_nothing_has_a_value_all_are_drawn_alike(kind):
    made = colouring([None, None], "size", kind)
    assert made.kind == "none" and made.codes.tolist() == [0, 0] and made.counts == (2,)


def test_no_colouring_draws_all_alike():
    made = colouring(None, n_items=4)
    assert made.codes.tolist() == [0] * 4 and made.counts == (4,)


def test_more_colours_on_request():
    made = colouring([f"v{i:02d}" for i in range(30)], "kind", n_colours=99)
    assert len(set(made.colours)) == 21 and made.counts[-1] == 10


def test_two_kinds():
    made = two_kinds(2, 3, ("hits", "neighbours"))
    assert made.codes.tolist() == [0, 0, 1, 1, 1] and made.counts == (2, 3)


@given(st.lists(st.one_of(st.none(), st.text(max_size=3), st.integers(-3, 3), st.booleans()), max_size=60),
       st.sampled_from(["text", "boolean"]))
def test_counts_codes_and_colours_fit_together(values, kind):
    made = colouring(values, "x", kind)
    assert len(made.labels) == len(made.counts) == len(made.colours) == len(made.colours_dark)
    assert len(made.codes) == len(values) == sum(made.counts)
    assert np.bincount(made.codes, minlength=len(made.labels)).tolist() == list(made.counts)
    assert all(re.fullmatch("#[0-9A-Fa-f]{6}", colour) for colour in made.colours + made.colours_dark)
