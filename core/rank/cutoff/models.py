"""How a score becomes a strength that one cut can be laid through, and a probability: four ways, all rising with the score.

    cosine    F = s
    zscore    F = (s - m) / sd
    platt     F = s - m
    adapter   F = a |x|^k sgn(x) + b,   x = (s - m) / s0,   a, b, k predicted from the query

s is the score, m and sd the mean and deviation of the query's scores over a background of items. One cut t on F; the
probability of relevance is sigmoid(slope * F + offset). The paper lays the curve through the cosine itself; here it is the
cosine above the query's background, so that with a constant head the adapter is the rung below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

KINDS = ("cosine", "zscore", "platt", "adapter")
A_LEAST = 1e-3


def sigmoid(x: np.ndarray | float) -> np.ndarray:
    """1 / (1 + e^-x) without overflow, float64."""
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(x, np.float64)))


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + e^x) without overflow."""
    return np.logaddexp(0.0, x)


@dataclass(frozen=True, eq=False)
class Head:
    """The small network that predicts a curve from a query: inputs -> tanh -> (a, b, k).

    Attributes
    ----------
    centre, width : ndarray of float64, shape (d + 2,)
        Taken from, and divided into, the query vector followed by the mean and deviation of its background.
    w1 : ndarray, shape (h, d + 2);  b1 : (h,);  w2 : (3, h);  b2 : (3,)
    s0 : float
        What a centred score is divided by.
    """

    centre: np.ndarray
    width: np.ndarray
    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray
    s0: float

    def inputs(self, vectors: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """float64 (Q, d + 2)."""
        return (np.column_stack([np.asarray(vectors, np.float64), mean, sd]) - self.centre) / self.width

    def shapes(self, vectors: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """a > 0, b and k in (0, 2) of each query, float64 (Q,)."""
        u = np.tanh(self.inputs(vectors, mean, sd) @ self.w1.T + self.b1) @ self.w2.T + self.b2
        return softplus(u[:, 0]) + A_LEAST, u[:, 1], 2 * sigmoid(u[:, 2])


@dataclass(frozen=True, eq=False)
class Model:
    """One way with its cut and its probability.

    Attributes
    ----------
    kind : {"cosine", "zscore", "platt", "adapter"}
    cut : float
        Results with a strength of at least this are kept.
    slope, offset : float or None
        Of the probability; None where nothing was judged, so that none can be said. `slope` is above 0.
    head : Head or None
    """

    kind: str
    cut: float = float("-inf")
    slope: float | None = None
    offset: float | None = None
    head: Head | None = None

    def strength(self, score: np.ndarray, query: np.ndarray, vectors: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """F of pairs, float64 (n,): `query` (n,) says which row of the others each score belongs to."""
        score = np.asarray(score, np.float64)
        if self.kind == "cosine":
            return score
        centred = score - mean[query]
        if self.kind == "platt":
            return centred
        if self.kind == "zscore":
            return centred / sd[query]
        assert self.head is not None
        a, b, k = self.head.shapes(vectors, mean, sd)
        x = centred / self.head.s0
        return a[query] * np.sign(x) * np.abs(x) ** k[query] + b[query]

    def probability(self, strength: np.ndarray | float) -> np.ndarray | None:
        """Of relevance, 0..1; None where it is not known."""
        if self.slope is None or self.offset is None:
            return None
        return sigmoid(self.slope * np.asarray(strength, np.float64) + self.offset)

    def score_at_cut(self, vector: np.ndarray, mean: float, sd: float) -> float:
        """The score at which one query's results are cut; what has a higher one is kept. The inverse of `strength`."""
        if self.kind == "cosine":
            return self.cut
        if self.kind == "platt":
            return mean + self.cut
        if self.kind == "zscore":
            return mean + self.cut * sd
        assert self.head is not None
        a, b, k = (float(part[0]) for part in self.head.shapes(vector[None], np.array([mean]), np.array([sd])))
        y = (self.cut - b) / a
        # Far outside what scores can be the power overflows: nothing is kept there, or everything.
        with np.errstate(over="ignore"):
            return float(mean + self.head.s0 * np.sign(y) * np.abs(y) ** np.float64(1 / k))

    # ------------------------------------------------------------ as plain data

    def to_plain(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """What JSON can say of it, and its arrays."""
        said = {name: value for name, value in asdict(replace(self, head=None)).items() if name != "head"}
        if self.head is None:
            return said, {}
        arrays = {name: getattr(self.head, name) for name in ("centre", "width", "w1", "b1", "w2", "b2")}
        return {**said, "s0": self.head.s0}, arrays

    @classmethod
    def from_plain(cls, said: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> Model:
        """The inverse of `to_plain`."""
        head = None
        if said["kind"] == "adapter":
            head = Head(*(np.asarray(arrays[name], np.float64) for name in ("centre", "width", "w1", "b1", "w2", "b2")),
                        s0=float(said["s0"]))  # type: ignore[arg-type]  # fmt: skip
        slope, offset = (None if said[name] is None else float(said[name]) for name in ("slope", "offset"))  # type: ignore[arg-type]
        return cls(str(said["kind"]), float(said["cut"]), slope, offset, head)  # type: ignore[arg-type]
