"""Bank rows taken out of a bias in closed form, beside the bias of the rest of the bank."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.rank import hubness
from core.rank.hubness import removal
from tests.rank.planted import unit


def rows(n: int, seed: int, d: int = 8) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((n, d)) + 0.3).astype(np.float32)


def risen(made: hubness.ItemBias, method: str, items: np.ndarray, bank: np.ndarray, own: list[int], beta: float) -> np.ndarray:
    """As a search puts it together: closed form where that is sure, else from the rest."""
    rest = np.setdiff1d(np.arange(len(bank)), own)
    weights = (lambda of: None) if made.scalings is None else (lambda of: made.scalings[of])
    given_back, sure = hubness.given_back(method, made.parts, items @ bank[own].T, beta, k=10, scalings=weights(own))
    given_back[~sure] = hubness.from_the_rest(
        method, made.parts[~sure], (items @ bank[rest].T)[~sure], beta, scalings=weights(rest)
    )
    return given_back


@pytest.mark.parametrize("method", ["is", "dual_is", "dual_is_additive", "csls"])
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, removal.SPARE), st.integers(2, 40), st.sampled_from([1.0, 20.0, 100.0]))
def test_it_is_the_bias_of_the_rest(method, seed, n_own, n_rest, beta):
    items, bank, gallery = rows(25, seed), rows(n_own + n_rest, seed + 1), rows(12, seed + 2)
    own = np.random.default_rng(seed).choice(len(bank), n_own, replace=False).tolist()
    made = hubness.item_bias_with_parts(bank, items, method, beta, gallery_vectors=gallery)
    np.testing.assert_array_equal(made.values, hubness.item_bias(bank, items, method, beta, gallery_vectors=gallery))
    wanted = hubness.item_bias(np.delete(bank, own, axis=0), items, method, beta, gallery_vectors=gallery)
    got = made.values + risen(made, method, items, bank, own, beta)
    np.testing.assert_allclose(got, wanted, atol=3e-5 if beta == 1.0 else 3e-6)
    if method != "csls" or n_rest >= 10:
        assert (got >= made.values).all()


def test_by_hand():
    """One item, bank similarities 0.5 (own), 0.3 and 0.1, beta 10: ln(e^5 + e^3 + e^1) less e^5."""
    item, bank = np.array([[1.0, 0.0]]), np.array([[c, np.sqrt(1 - c * c)] for c in (0.5, 0.3, 0.1)])
    made = hubness.item_bias_with_parts(bank, item, "is", 10.0)
    assert made.parts[0, 0] == pytest.approx(np.log(np.exp(5) + np.exp(3) + np.exp(1)), abs=1e-6)
    given_back, sure = hubness.given_back("is", made.parts, np.array([[0.5]]), 10.0)
    assert sure[0] and given_back[0] == pytest.approx((5.142932 - 3.126928) / 10, abs=1e-5)
    # CSLS, k 2: half the mean of 0.5 and 0.3 becomes half the mean of 0.3 and 0.1.
    made = hubness.item_bias_with_parts(bank, item, "csls", k=2)
    assert made.values[0] == pytest.approx(-0.2)
    assert hubness.given_back("csls", made.parts, np.array([[0.5]]), 20.0, k=2)[0][0] == pytest.approx(0.1)
    assert hubness.given_back("csls", made.parts, np.array([[0.1]]), 20.0, k=2)[0][0] == pytest.approx(0.0)


def test_an_item_that_was_never_compared_with_itself_gets_nothing_back():
    items = rows(30, 4)
    for method in ("is", "csls"):
        made = hubness.item_bias_with_parts(items, items, method, 20.0, bank_positions=np.arange(30))
        own = items @ items[:1].T
        own[0] = -np.inf
        given_back, _ = hubness.given_back(method, made.parts, own, 20.0, k=10)
        assert given_back[0] == 0.0 and given_back[1:].max() > 1e-3
        others = hubness.item_bias(items[1:], items, method, 20.0, bank_positions=np.arange(1, 30))
        np.testing.assert_allclose(made.values + given_back, others, atol=3e-6)


def test_where_little_is_left_the_closed_form_says_that_it_is_not_sure():
    items = rows(40, 7)
    bank = np.vstack([items[:1], rows(20, 8)])
    made = hubness.item_bias_with_parts(bank, items, "is", 100.0)
    given_back, sure = hubness.given_back("is", made.parts, items @ bank[:1].T, 100.0)
    assert not sure[0] and sure.sum() > 20
    wanted = hubness.item_bias(bank[1:], items, "is", 100.0) - made.values
    np.testing.assert_allclose(given_back[sure], wanted[sure], atol=1e-6)
    np.testing.assert_allclose(risen(made, "is", items, bank, [0], 100.0), wanted, atol=1e-6)


@pytest.mark.parametrize("beta", [20.0, 100.0])
def test_sinkhorn_is_nearer_to_the_rest_than_with_the_rows_left_in(beta):
    gains = []
    for seed in range(20):
        items, bank = rows(60, seed), rows(30, seed + 100)
        made = hubness.item_bias_with_parts(bank, items, "sinkhorn", beta)
        wanted = hubness.item_bias(bank[1:], items, "sinkhorn", beta)
        off = [values - wanted for values in (made.values, made.values + risen(made, "sinkhorn", items, bank, [0], beta))]
        gains.append(np.divide(*(np.abs(one - np.median(one)).mean() for one in off)))
    assert np.median(gains) > 1.3 and min(gains) > 1.0, gains


def test_without_a_strength_nothing_changes():
    items, bank = rows(5, 1), rows(4, 2)
    made = hubness.item_bias_with_parts(bank, items, "is", 0.0)
    given_back, sure = hubness.given_back("is", made.parts, items @ bank[:1].T, 0.0)
    assert not given_back.any() and sure.all()
