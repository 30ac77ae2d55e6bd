"""Corrections on vectors of a real model: 99 products, image and text, with the gap between the two.

The bank is always of other products than those searched and asked for. Seen here, mean of 20 halvings (49 products),
beta 20: text to image, skewness@10 0.66 raw, IS 0.49, DualIS 0.44, CSLS 0.40, Sinkhorn 0.43 at R@1 91.8, 90.5, 90.6,
91.8, 90.4; image to text, 1.38 raw, IS 0.44, DualIS 0.45, CSLS 1.41, Sinkhorn 0.23 at R@1 89.9, 91.7, 92.0, 91.6, 91.1.
R@10 is 100 and no item is without a query everywhere. At beta 50 R@1 falls below raw: the bank has only 50 rows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.rank import hubness
from tests.rank.planted import unit

N_TESTED = 49


def halvings(data_dir: Path, kinds: tuple[str, str]) -> list[tuple[np.ndarray, ...]]:
    """(queries, items, bank queries, bank items) of 20 random halves, row i of queries right with row i of items."""
    asked, found = (unit(np.load(data_dir / "fashion_clip_vectors" / f"{kind}_embeddings.npy").astype(np.float64)) for kind in kinds)
    orders = [np.random.default_rng(seed).permutation(len(asked)) for seed in range(20)]
    return [(asked[o[:N_TESTED]], found[o[:N_TESTED]], asked[o[N_TESTED:]], found[o[N_TESTED:]]) for o in orders]


def told(scores: np.ndarray) -> tuple[float, float, float, int]:
    """R@1, R@10, skewness@10, largest N_10."""
    top = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    n_k = hubness.k_occurrence(top, scores.shape[1])
    right = top == np.arange(len(top))[:, None]
    return float(right[:, 0].mean()), float(right.any(axis=1).mean()), hubness.skewness(n_k), int(n_k.max())


@pytest.mark.needs_data
@pytest.mark.parametrize("method", ["is", "dual_is", "csls", "sinkhorn"])
@pytest.mark.parametrize("kinds", [("text", "image"), ("image", "text")], ids=["text-image", "image-text"])
def test_hubness_falls_and_recall_stays(data_dir, kinds, method):
    raw, corrected = [], []
    for queries, items, bank, gallery in halvings(data_dir, kinds):
        bias = hubness.item_bias(bank, items, method, 20, gallery_vectors=gallery)
        raw.append(told(queries @ items.T))
        corrected.append(told(queries @ items.T + bias))
    before, after = np.mean(raw, axis=0), np.mean(corrected, axis=0)
    assert after[0] > before[0] - 0.02 and after[1] == before[1] == 1.0
    assert after[3] < before[3]
    if not (method == "csls" and kinds[0] == "image"):  # there CSLS only takes the largest hub down
        assert after[2] < 0.8 * before[2]


@pytest.mark.needs_data
def test_with_self_left_in_the_gallery_half_does_little(data_dir):
    _, items, bank, _ = halvings(data_dir, ("text", "image"))[0]
    left_in = hubness.item_bias(bank, items, "dual_is", 20, beta2=50, gallery_vectors=items) * 70
    alone = hubness.item_bias(bank, items, "is", 20) * 20
    taken_out = hubness.item_bias(bank, items, "dual_is", 20, beta2=50) * 70
    assert (left_in - alone).std() < 0.1 * (taken_out - alone).std()
