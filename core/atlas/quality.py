"""How faithful a map is to the vectors it was made from."""

from __future__ import annotations

import numpy as np


def trustworthiness(vectors: np.ndarray, coords: np.ndarray, k: int = 10, *, n_sample: int = 1000,
                    seed: int = 0) -> float:
    """How far the neighbours seen on the map are true ones (Venna and Kaski 2001), 1 is perfect.

    As `sklearn.manifold.trustworthiness` with cosine distance, but for at most `n_sample` of the points, each
    against all others.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        Unit rows.
    coords : ndarray of float32, shape (n, 2)
    k : int
        Neighbours looked at; less than n / 2 is used.

    Returns
    -------
    float
        0..1.
    """
    from scipy.spatial import cKDTree

    n = len(vectors)
    k = min(k, (n - 1) // 2)
    if k < 1:
        return 1.0
    rows = np.arange(n)
    if n > n_sample:
        rows = np.sort(np.random.default_rng(seed).choice(n, n_sample, replace=False))
    seen = cKDTree(coords).query(coords[rows], k + 1)[1]
    penalty = 0.0
    for start in range(0, len(rows), 256):
        part = rows[start:start + 256]
        products = vectors[part] @ vectors.T
        products[np.arange(len(part)), part] = np.inf
        for i, row in enumerate(part):
            shown = [j for j in seen[start + i] if j != row][:k]
            # a point's rank among all others by similarity; ties count for the map
            ranks = (products[i][None, :] > products[i, shown][:, None]).sum(axis=1)
            penalty += float(np.maximum(ranks - k, 0).sum())
    return 1.0 - penalty * 2.0 / (len(rows) * k * (2.0 * n - 3.0 * k - 1.0))
