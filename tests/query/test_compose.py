"""Composed queries: hand-computed vectors, and contributions that add up to the score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError, QueryError
from core.query.compose import compose
from core.types import Term


def terms(*weights: float) -> list[Term]:
    return [Term("text", f"t{n}", weight) for n, weight in enumerate(weights)]


def test_one_term_is_used_as_it_is() -> None:
    u = np.array([[0.6, 0.8]], np.float32)
    mean = np.array([0.5, 0.5])
    q, coefficients, _ = compose(terms(7.0), u, ["text"], mean, mean)
    assert q == pytest.approx([0.6, 0.8]) and coefficients == pytest.approx([1.0])
    q, coefficients, _ = compose(terms(-0.5), u, ["text"], mean, mean)
    assert q == pytest.approx([-0.6, -0.8]) and coefficients == pytest.approx([-1.0])


def test_sum_by_hand() -> None:
    u = np.array([[1.0, 0.0], [0.0, 1.0]])
    q, coefficients, _ = compose(terms(3.0, -4.0), u, ["text", "image"], mode="sum")
    assert q == pytest.approx([0.6, -0.8])
    assert coefficients == pytest.approx([0.6, -0.8])


def test_centred_by_hand() -> None:
    # text (0.6, 0.8) less its mean (0.6, 0) is (0, 0.8), of length 1: (0, 1);
    # image (1, 0) less its mean (0, 0) is itself; 1 * (0, 1) + 2 * (1, 0) has length sqrt(5)
    u = np.array([[0.6, 0.8], [1.0, 0.0]])
    q, coefficients, parts = compose(terms(1.0, 2.0), u, ["text", "image"], np.zeros(2), np.array([0.6, 0.0]))
    assert parts == pytest.approx(np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert q == pytest.approx(np.array([2.0, 1.0]) / np.sqrt(5))
    assert coefficients == pytest.approx(np.array([1.0, 2.0]) / np.sqrt(5))


def test_centring_takes_the_common_offset_of_a_modality_away() -> None:
    # Two texts share the offset (1, 0, 0): summed plainly, the second's own direction is drowned.
    offset = np.array([1.0, 0.0, 0.0])
    u = np.array([[0.98, 0.2, 0.0], [0.98, 0.0, 0.2]])
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    plain = compose(terms(1, -1), u, ["text", "image"], mode="sum").q
    centred = compose(terms(1, 1), u, ["text", "text"], None, offset * 0.98).q
    assert plain @ offset == pytest.approx(0, abs=1e-6)
    assert abs(centred @ offset) < 0.05 < compose(terms(1, 1), u, ["text", "text"], mode="sum").q @ offset


def test_a_modality_without_a_mean_and_a_mean_that_is_the_vector() -> None:
    u = np.array([[0.6, 0.8], [1.0, 0.0]])
    parts = compose(terms(1, 1), u, ["text", "image"], u[1] * 0.9999, None).parts
    assert parts == pytest.approx(u)  # a collection of one image has no direction of its own


def test_terms_that_cancel_are_refused() -> None:
    u = np.array([[0.6, 0.8], [0.6, 0.8]])
    for mode in ("sum", "centred"):
        with pytest.raises(QueryError, match="cancel each other"):
            compose(terms(2, -2), u, ["image", "image"], np.zeros(2), mode=mode)
    stored = u.astype(np.float16).astype(np.float64)
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    with pytest.raises(QueryError, match="cancel each other"):
        compose(terms(1, -1), np.array([u[0], stored[0]]), ["image", "image"], np.zeros(2))


def test_wrong_input_is_named() -> None:
    with pytest.raises(InputError, match="middle"):
        compose(terms(1), np.ones((1, 2)), ["text"], mode="middle")
    with pytest.raises(InputError, match="2 terms"):
        compose(terms(1, 1), np.ones((1, 2)), ["text"])
    with pytest.raises(InputError):
        compose([], np.ones((0, 2)), [])


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from(("centred", "sum")))
def test_contributions_add_up_to_the_score(seed: int, t: int, mode: str) -> None:
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(t, 32)) + 0.5
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    weights = rng.uniform(0.1, 3, t) * rng.choice([-1, 1], t)
    modalities = rng.choice(["text", "image"], t).tolist()
    try:
        composed = compose(terms(*weights), u, modalities, u.mean(axis=0) * 0.5, u.mean(axis=0) * 0.7, mode)
    except QueryError:
        return
    rows = rng.normal(size=(9, 32))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert np.linalg.norm(composed.q) == pytest.approx(1, abs=1e-6)
    given_by_each = composed.contributions(rows)
    assert given_by_each.shape == (9, t)
    assert np.abs(given_by_each.sum(axis=1) - rows @ composed.q.astype(np.float64)).max() < 1e-5
    # the sign of a weight is the sign of what its own direction gives
    own = composed.coefficients * np.einsum("ij,ij->i", composed.parts, composed.parts)
    assert (np.sign(own) == np.sign(weights)).all()
