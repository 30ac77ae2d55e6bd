"""Exact search against a float64 oracle, with ties, subsets, float16's corners."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.index import exact


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def oracle(matrix: np.ndarray, query: np.ndarray, k: int, positions=None, ids=None):
    """All scores in float64, sorted in full by (-round(score, 6), id)."""
    rows = matrix.astype(np.float64)
    norms = np.linalg.norm(rows, axis=1)
    scores = (rows @ query.astype(np.float64) / np.where(norms == 0, 1, norms)).astype(np.float32)
    which = range(len(matrix)) if positions is None else positions
    key = (lambda p: p) if ids is None else (lambda p: ids[p])
    order = sorted(which, key=lambda p: (-np.round(float(scores[p]), 6), key(p)))[:k]
    return order, scores[order]


@pytest.mark.parametrize("n", [1, 5, 40, 900, 9000])
@pytest.mark.parametrize("k", [1, 10, 300])
def test_agrees_with_the_oracle(n: int, k: int) -> None:
    rng = np.random.default_rng(n)
    matrix = unit(rng.normal(size=(n, 64))).astype(np.float16)
    ids = np.array([f"i{x:06d}" for x in rng.permutation(n)])
    query = unit(rng.normal(size=64)).astype(np.float32)
    found, scores = exact.top_k(matrix, query, k, ids=ids)
    expected, expected_scores = oracle(matrix, query, k, ids=ids)
    assert found.tolist() == expected
    assert np.array_equal(scores, expected_scores) and scores.dtype == np.float32
    assert len(found) == min(n, k)


@pytest.mark.parametrize("share", [0.003, 0.3, 0.7, 0.999])
def test_subsets_agree_with_the_oracle(share: float) -> None:
    rng = np.random.default_rng(7)
    matrix = unit(rng.normal(size=(20_000, 32)) + 1.0).astype(np.float16)
    query = unit(rng.normal(size=32) + 1.0).astype(np.float32)
    positions = np.sort(rng.permutation(len(matrix))[: int(share * len(matrix))])
    found, scores = exact.top_k(matrix, query, 25, positions)
    expected, expected_scores = oracle(matrix, query, 25, positions)
    assert found.tolist() == expected
    assert np.array_equal(scores, expected_scores)


def test_ties_at_the_border_are_broken_by_id_not_by_place() -> None:
    rng = np.random.default_rng(3)
    matrix = np.repeat(unit(rng.normal(size=(3, 16))), 500, axis=0).astype(np.float16)
    ids = np.array([f"i{x:04d}" for x in rng.permutation(len(matrix))])
    query = matrix[700].astype(np.float32)
    found, scores = exact.top_k(matrix, unit(query), 7, ids=ids)
    assert ids[found].tolist() == sorted(ids[500:1000])[:7]
    assert len(set(exact.rounded(scores))) == 1


def test_nearly_equal_rows_need_more_candidates_than_four_times_k() -> None:
    # Scores differ by less than what rounding the query to float16 moves them: rough order means nothing here.
    rng = np.random.default_rng(11)
    base = unit(rng.normal(size=256))
    matrix = unit(base + 2e-3 * rng.normal(size=(6000, 256)) / 16).astype(np.float16)
    query = unit(base + 0.3 * rng.normal(size=256) / 16).astype(np.float32)
    found, _ = exact.top_k(matrix, query, 10)
    assert found.tolist() == oracle(matrix, query, 10)[0]


def test_kernel_error_is_within_the_bound_that_the_proof_uses() -> None:
    rng = np.random.default_rng(5)
    for d in (7, 64, 512, 1536):
        matrix = unit(rng.normal(size=(2000, d))).astype(np.float16)
        query = unit(rng.normal(size=d))
        found, rough = exact._scan(matrix, query, 2000)
        half = query.astype(np.float16).astype(np.float64)
        true = exact.score(matrix, unit(half), found)
        assert np.abs(rough - true).max() < exact._KERNEL_ERROR


def test_float16_corners() -> None:
    # Subnormal components (below 6.1e-5), the smallest float16 of all, a row of zeros, and a row far from unit length.
    d = 8
    rows = np.zeros((6, d))
    rows[0, 0] = 1.0
    rows[1, :2] = 0.999, 3e-5
    rows[2, 1] = 6e-8
    rows[4, :2] = 3.0, 4.0
    rows[5, 0] = -1.0
    matrix = np.vstack([rows, np.eye(d)[np.arange(600) % 2 + 3]]).astype(np.float16)
    query = np.zeros(d, np.float32)
    query[:2] = 0.6, 0.8
    found, scores = exact.top_k(matrix, query, len(matrix))
    by_position = dict(zip(found.tolist(), scores.tolist()))
    assert by_position[4] == pytest.approx(1.0, abs=1e-7)
    assert by_position[2] == pytest.approx(0.8, abs=1e-7)  # a subnormal is a direction like any other
    assert by_position[0] == pytest.approx(0.6, abs=1e-7)
    assert by_position[1] == pytest.approx((0.6 * float(np.float16(0.999)) + 0.8 * float(np.float16(3e-5)))
                                           / float(np.float16(0.999)), abs=1e-7)
    assert by_position[3] == 0.0 and by_position[5] == pytest.approx(-0.6, abs=1e-7)
    for k in (1, 2, 3, 5):
        assert exact.top_k(matrix, query, k)[0].tolist() == found[:k].tolist()


def test_subnormal_queries_and_weak_queries_are_exact_too() -> None:
    rng = np.random.default_rng(13)
    matrix = unit(rng.normal(size=(4000, 128))).astype(np.float16)
    query = unit(rng.normal(size=128))
    query[1:] *= 1e-6  # nearly all of the query is subnormal or zero in float16
    query = unit(query)
    assert exact.top_k(matrix, query, 9)[0].tolist() == oracle(matrix, query, 9)[0]
    assert exact.top_k(matrix, query * 1e-9, 9)[0].tolist() == oracle(matrix, query * 1e-9, 9)[0]
    assert exact.top_k(matrix, np.zeros(128), 3)[0].tolist() == [0, 1, 2]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 700), st.integers(1, 60), st.sampled_from((2, 3, 17)))
def test_any_small_world_agrees_with_the_oracle(seed: int, n: int, k: int, levels: int) -> None:
    """Few distinct values make many ties."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-levels, levels + 1, size=(n, 5)).astype(np.float16)
    ids = np.array([f"i{x}" for x in rng.permutation(n)])
    query = rng.integers(-levels, levels + 1, size=5).astype(np.float32)
    positions = np.flatnonzero(rng.random(n) < 0.8)
    found, _ = exact.top_k(matrix, query, k, positions, ids=ids)
    assert found.tolist() == oracle(matrix, query, k, positions.tolist(), ids)[0]


def test_wrong_input_is_named() -> None:
    matrix = np.ones((3, 4), np.float16)
    with pytest.raises(InputError, match=r"\(5,\).*\(3, 4\)"):
        exact.top_k(matrix, np.ones(5), 1)
    with pytest.raises(InputError, match="float32"):
        exact.top_k(matrix.astype(np.float32), np.ones(4), 1)
    with pytest.raises(InputError, match="finite"):
        exact.top_k(matrix, np.array([1, 2, np.nan, 3]), 1)
    with pytest.raises(InputError, match="-1"):
        exact.top_k(matrix, np.ones(4), -1)
    assert [len(part) for part in exact.top_k(matrix, np.ones(4), 0)] == [0, 0]
    assert [len(part) for part in exact.top_k(np.empty((0, 4), np.float16), np.ones(4), 5)] == [0, 0]
