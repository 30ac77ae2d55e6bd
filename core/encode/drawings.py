"""The drawings block: a text recalls training drawings of that name, an image is compared with how they look.

Emoji-like drawings share little with photographs: what a thing is shows in where its few colours and lines are. So for
drawings the head is helped by memory: the drawings of the names nearest to a text, in a space in which the same thing
drawn in different styles lies together (within-class covariance normalisation, Hatch, Kajarekar and Stolcke, 2006,
with the styles of one drawing as a class). A gate keeps photographs out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.encode.lite2 import GRID
from core.encode.parts import ImageParts, Standard, unit_rows

LAYOUT = 3  # earlier stages are pooled to 3 x 3 places
_SHUT = 1e-3  # a gate this little open is shut
_FAINT = 1e-3  # names this much less alike than the nearest are left out


@dataclass(frozen=True)
class Drawings:
    """What is remembered of the training drawings.

    Attributes
    ----------
    standard : Standard
        Of `looks`.
    basis : ndarray of float32, shape (looks, width)
    centre : ndarray of float32, shape (width,)
    gate : ndarray of float32, shape (features,)
        Weights over pooled features and their spread that tell drawings from photographs.
    gate_bias : float
    gate_opens, gate_steep : float
        The weighted sum at which the gate is half open, and how sharply it opens there.
    names : ndarray of float32, shape (names, 384)
        Unit text vectors of names and keywords.
    pair_name, pair_drawing : ndarray of int32, shape (pairs,)
        Which drawings a name has.
    vectors : ndarray of float32, shape (drawings, width)
    temperature : float
        Of the softmax over names.
    weight : float
        Of the block, as `core.encode.words.Words.weight`.
    """

    standard: Standard
    basis: np.ndarray
    centre: np.ndarray
    gate: np.ndarray
    gate_bias: float
    gate_opens: float
    gate_steep: float
    names: np.ndarray
    pair_name: np.ndarray
    pair_drawing: np.ndarray
    vectors: np.ndarray
    temperature: float
    weight: float

    @classmethod
    def of(cls, tensors: Mapping[str, np.ndarray]) -> Drawings:
        """Put the block together from its named tensors."""
        return cls(
            Standard(tensors["mean"], tensors["scale"]),
            *(tensors[name] for name in ("basis", "centre", "gate")),
            *(tensors[name].item() for name in ("gate_bias", "gate_opens", "gate_steep")),
            *(tensors[name] for name in ("names", "pair_name", "pair_drawing", "vectors")),
            *(tensors[name].item() for name in ("temperature", "weight")),
        )

    def of_images(self, parts: ImageParts, low: np.ndarray) -> np.ndarray:
        """The block of images, float32 (n, width); zero for parts of images, which have no layout.

        Parameters
        ----------
        parts : ImageParts
        low : ndarray of float32, shape (n, cells, 491)
            `parts.low`, standardised.
        """
        if low.shape[1] != GRID * GRID:
            return np.zeros((len(parts), self.basis.shape[1]), dtype=np.float32)
        evidence = np.concatenate([parts.features, parts.spread], axis=1) @ self.gate + self.gate_bias
        share = 1 / (1 + np.exp(-self.gate_steep * (evidence - self.gate_opens)))
        rows = np.zeros((len(parts), self.basis.shape[1]), dtype=np.float32)
        drawn = np.flatnonzero(share > _SHUT)
        if len(drawn):  # photographs are not worth the time
            some = ImageParts(parts.cells[drawn], parts.low[drawn], parts.logits[drawn])
            rows[drawn] = self.weight**0.5 * share[drawn, None] * self.project(looks(some, low[drawn]))
        return rows

    def of_texts(self, features: np.ndarray) -> np.ndarray:
        """The block of texts with these text-tower features: the drawings their names recall, float32 (n, width)."""
        likeness = unit_rows(features) @ self.names.T
        share = np.exp((likeness - likeness.max(axis=1, keepdims=True)) / np.float32(self.temperature))
        shown = np.zeros((len(features), self.vectors.shape[1]), dtype=np.float32)
        for row, shares in enumerate(share):
            pairs = np.flatnonzero(shares[self.pair_name] >= _FAINT)
            shown[row] = shares[self.pair_name[pairs]] @ self.vectors[self.pair_drawing[pairs]]
        return self.weight**0.5 * unit_rows(shown)

    def project(self, rows: np.ndarray) -> np.ndarray:
        """Take `looks` into the space where styles matter little: unit rows, float32 (n, width)."""
        return unit_rows(two_units(self.standard(rows)) @ self.basis - self.centre)


def looks(parts: ImageParts, low: np.ndarray) -> np.ndarray:
    """How images look, whatever they show: float32 (n, 6681).

    The spread of the features over the cells, mean and spread of the earlier stages, and the earlier stages pooled to
    3 x 3 places.
    """
    side = GRID // LAYOUT
    places = low.reshape(len(low), LAYOUT, side, LAYOUT, side, -1).mean(axis=(2, 4))
    return np.concatenate(
        [parts.spread, low.mean(axis=1), low.std(axis=1), places.reshape(len(low), -1)], axis=1, dtype=np.float32
    )


def two_units(rows: np.ndarray) -> np.ndarray:
    """What is pooled and what has a place, each of unit length: neither drowns the other."""
    pooled = rows.shape[1] * 2262 // 6681
    return np.concatenate([unit_rows(rows[:, :pooled]), unit_rows(rows[:, pooled:])], axis=1)
