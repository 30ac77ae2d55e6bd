"""A world with a hub: all queries share a direction, and one item lies along it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@dataclass(frozen=True)
class World:
    """Query i is right with item i + 1; item 0 is the hub and right with none. The banks are about other topics."""

    items: np.ndarray
    queries: np.ndarray
    bank: np.ndarray
    gallery: np.ndarray
    hub: int = 0

    @property
    def right(self) -> np.ndarray:
        return np.arange(1, len(self.items))

    @property
    def S(self) -> np.ndarray:
        return self.queries @ self.items.T


def planted(n: int = 120, n_bank: int = 400, d: int = 48, seed: int = 0) -> World:
    rng = np.random.default_rng(seed)
    shared = unit(rng.standard_normal((1, d)))
    topics, others = unit(rng.standard_normal((n, d))), unit(rng.standard_normal((n_bank, d)))

    def near(rows: np.ndarray, least: float, most: float, noise: float) -> np.ndarray:
        lean = rng.uniform(least, most, (len(rows), 1))
        return unit(rows + lean * shared + noise * unit(rng.standard_normal(rows.shape)))

    items = np.vstack([shared, near(topics, 0.2, 0.2, 0.6)])
    return World(items, near(topics, 0.3, 2.0, 0.8), near(others, 0.3, 2.0, 0.8), near(others, 0.2, 0.2, 0.6))
