"""One projection head: attention over cells or tokens, then a two-layer network into the joint space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.encode.parts import Standard, unit_rows

PARTS = ("mean", "scale", "skip", "up", "up_bias", "down", "down_bias")
_NORM_EPS = 1e-5


@dataclass(frozen=True)
class Attention:
    """Learned queries that each look at some cells (or tokens) more than at others.

    Attributes
    ----------
    queries : tuple of ndarray of float32, shape (features, q)
        One a source: a source is one set of features of the same cells.
    values : tuple of ndarray of float32, shape (q, features, width)
        What each query makes of the weighted mean of the cells.
    place : ndarray of float32, shape (q, cells), or None
        A liking for places of the picture, added to the scores where the whole map is given.
    weight, bias : ndarray of float32, shape (q * width,)
        Of the layer norm at the end.
    """

    queries: tuple[np.ndarray, ...]
    values: tuple[np.ndarray, ...]
    place: np.ndarray | None
    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, sources: Sequence[np.ndarray], mask: np.ndarray | None = None) -> np.ndarray:
        """Attend to float32 (n, cells, features) of each source: float32 (n, q * width)."""
        score = sum(source @ query for source, query in zip(sources, self.queries)).transpose(0, 2, 1)
        if self.place is not None and score.shape[2] == self.place.shape[1]:
            score = score + self.place
        if mask is not None:
            score = np.where(mask[:, None, :], score, np.float32(-1e4))
        share = np.exp(score - score.max(axis=2, keepdims=True))
        share /= share.sum(axis=2, keepdims=True)
        # (n, q, features) -> (q, n, features) so that each query's values are one matrix product
        taken = sum((share @ s).transpose(1, 0, 2) @ value for s, value in zip(sources, self.values))
        rows = taken.transpose(1, 0, 2).reshape(len(score), -1)
        rows = rows - rows.mean(axis=1, keepdims=True)
        return rows / np.sqrt((rows**2).mean(axis=1, keepdims=True) + _NORM_EPS) * self.weight + self.bias


@dataclass(frozen=True)
class Head:
    """``normalise(z skip + gelu(z up + up_bias) down + down_bias)``, ``z = x inward``, ``x = [standardised, attended]``.

    Attributes
    ----------
    standard : Standard
        Of the inputs.
    attention : Attention or None
    inward : ndarray of float32, shape (inputs + attended, rank), or None
        Where there are many inputs: the few directions of them that reach `skip` and `up`. None: all.
    skip : ndarray of float32, shape (rank, dim)
    up : ndarray of float32, shape (rank, hidden)
    up_bias, down_bias : ndarray of float32, shapes (hidden,) and (dim,)
    down : ndarray of float32, shape (hidden, dim)
    """

    standard: Standard
    attention: Attention | None
    inward: np.ndarray | None
    skip: np.ndarray
    up: np.ndarray
    up_bias: np.ndarray
    down: np.ndarray
    down_bias: np.ndarray

    @classmethod
    def of(cls, tensors: Mapping[str, np.ndarray]) -> Head:
        """Put a head together from its named tensors: `PARTS`, and ``query0``, ``value0``, ... where it attends."""
        n = sum(name.startswith("query") for name in tensors)
        attention = None
        if n:
            queries, values = (tuple(tensors[f"{kind}{i}"] for i in range(n)) for kind in ("query", "value"))
            attention = Attention(queries, values, tensors.get("place"), tensors["norm_weight"], tensors["norm_bias"])
        standard = Standard(tensors["mean"], tensors["scale"])
        return cls(standard, attention, tensors.get("inward"), *(tensors[part] for part in PARTS[2:]))

    @property
    def dim(self) -> int:
        """Width of what comes out."""
        return self.skip.shape[1]

    def __call__(
        self, inputs: np.ndarray, sources: Sequence[np.ndarray] = (), mask: np.ndarray | None = None
    ) -> np.ndarray:
        """Project float32 (n, inputs), and what the head attends to, to unit rows, float32 (n, dim)."""
        x = self.standard(inputs)
        if self.attention is not None:
            x = np.concatenate([x, self.attention(sources, mask)], axis=1)
        if self.inward is not None:
            x = x @ self.inward
        return unit_rows(x @ self.skip + _gelu(x @ self.up + self.up_bias) @ self.down + self.down_bias)


def _gelu(x: np.ndarray) -> np.ndarray:
    """GELU in the tanh form (Hendrycks and Gimpel, 2016), the form the heads are trained with."""
    return 0.5 * x * (1.0 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))
