"""Signed, weighted terms made into one query vector whose score splits into what each term gave.

Text and image vectors of a CLIP-type encoder lie in two narrow cones (the modality gap): two texts, or two images,
share most of their direction. A plain sum of a text and an image is therefore mostly a sum of two constant offsets.
``centred`` takes the set's mean away from each term first, so that what is added is what sets a term apart; ``sum``
adds the unit vectors as they are, for comparison.

    q = normalise( sum_i w_i v_i ),   v_i = normalise(u_i - mean of u_i's modality)      (centred)
                                      v_i = u_i                                          (sum, and one term alone)

The score q . x is linear in the terms: with c_i = w_i / |sum_j w_j v_j| the numbers c_i (v_i . x) add up to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError, QueryError
from core.types import Term

_NO_DIRECTION = 1e-2  # |u - mean| below this (cosine above 0.99995) is rounding, not direction
_CANCELLED = 1e-3  # |sum| below this share of the weights: the same image twice, once stored in float16, comes to 4e-4


@dataclass(frozen=True)
class Composed:
    """A query vector and its parts.

    Attributes
    ----------
    q : ndarray of float32, shape (d,)
        Unit length.
    coefficients : ndarray of float64, shape (t,)
    parts : ndarray of float64, shape (t, d)
        ``coefficients @ parts`` is `q`.
    vectors : ndarray of float32, shape (t, d)
        The terms before they were centred.
    """

    q: np.ndarray
    coefficients: np.ndarray
    parts: np.ndarray
    vectors: np.ndarray

    def contributions(self, rows: np.ndarray) -> np.ndarray:
        """float64 (m, t): what each term gives to the score of each of the `rows` (m, d)."""
        return rows.astype(np.float64) @ self.parts.T * self.coefficients

    def __iter__(self):  # noqa: ANN204 - so that it can be taken apart: q, coefficients, parts
        return iter((self.q, self.coefficients, self.parts))


def compose(
    terms: Sequence[Term],
    unit_vectors: np.ndarray,
    modalities: Sequence[str],
    image_mean: np.ndarray | None = None,
    text_mean: np.ndarray | None = None,
    mode: str = "centred",
) -> Composed:
    """Compose a query vector.

    A term on its own is used as it is, so its score is plus or minus its cosine with the item.

    Parameters
    ----------
    terms : sequence of Term, length t
        Only their weights are read.
    unit_vectors : ndarray of float32, shape (t, d)
    modalities : sequence of {"text", "image"}, length t
    image_mean, text_mean : ndarray of float32, shape (d,), or None
        Means of unit vectors; where None, that modality is not centred.
    mode : {"centred", "sum"}

    Raises
    ------
    QueryError
        The terms cancel each other out.
    InputError
        The shapes do not fit, or there is no such mode.
    """
    vectors = np.asarray(unit_vectors, dtype=np.float64)
    if mode not in ("centred", "sum"):
        raise InputError(f"There is no way of composing called {mode!r}; use centred or sum.")
    if vectors.ndim != 2 or not len(terms) == len(vectors) == len(modalities) or not len(terms):
        raise InputError(f"{len(terms)} terms and {len(modalities)} modalities do not fit vectors of shape"
                         f" {vectors.shape}.")
    weights = np.array([term.weight for term in terms], dtype=np.float64)
    parts = vectors.copy()
    if mode == "centred" and len(terms) > 1:
        means = {"text": text_mean, "image": image_mean}
        for row, modality in enumerate(modalities):
            if means[modality] is not None:
                parts[row] = _centred(vectors[row], np.asarray(means[modality], dtype=np.float64))
    total = weights @ parts
    length = float(np.linalg.norm(total))
    if length <= _CANCELLED * np.abs(weights).sum():
        raise QueryError("The terms of this query cancel each other out, so nothing is left to look for;"
                         " take one away or change a weight.")
    return Composed((total / length).astype(np.float32), weights / length, parts, np.asarray(unit_vectors, np.float32))


def _centred(vector: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The direction from the mean to the vector; the vector itself where it is the mean (a collection of one image)."""
    apart = vector - mean
    length = np.linalg.norm(apart)
    return vector if length < _NO_DIRECTION else apart / length
