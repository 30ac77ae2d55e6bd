"""What the towers give of images and texts, and the arithmetic on it that several heads share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class ImageParts:
    """What the image tower gives of images, or of parts of them.

    Attributes
    ----------
    cells : ndarray of float32, shape (n, cells, 1280)
        The last feature map: 9 x 9 cells row by row, or some of them.
    low : ndarray of float32, shape (n, cells, 491)
        Earlier stages at the same cells.
    logits : ndarray of float32, shape (n, 1000)
        ImageNet label scores of the mean of `cells`.
    """

    cells: np.ndarray
    low: np.ndarray
    logits: np.ndarray

    @cached_property
    def features(self) -> np.ndarray:
        """The pooled features, float32 (n, 1280)."""
        return self.cells.mean(axis=1)

    @cached_property
    def spread(self) -> np.ndarray:
        """Standard deviation of each feature over the cells, float32 (n, 1280)."""
        # E[x^2] - E[x]^2 in one pass over the map: half the time of `std`, and the map is bounded (0..6)
        squares = np.einsum("ncf,ncf->nf", self.cells, self.cells) / self.cells.shape[1]
        return np.sqrt(np.maximum(squares - self.features**2, 0.0))

    def __len__(self) -> int:
        return len(self.logits)


@dataclass(frozen=True)
class TextParts:
    """What the text tower gives of texts.

    Attributes
    ----------
    features : ndarray of float32, shape (n, 384)
        Mean over tokens of the tower as it was published.
    tokens : tuple of ndarray of float32, shape (n, t, 384)
        For each member of the heads its own last blocks' output.
    mask : ndarray of bool, shape (n, t)
        False where a text is padded.
    """

    features: np.ndarray
    tokens: tuple[np.ndarray, ...]
    mask: np.ndarray


def joined(parts: Sequence[ImageParts]) -> ImageParts:
    """Several runs of the tower as one."""
    if len(parts) == 1:
        return parts[0]
    return ImageParts(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("cells", "low", "logits")))


@dataclass(frozen=True)
class Standard:
    """Centre and spread of some inputs.

    Attributes
    ----------
    mean, scale : ndarray of float32, shape (inputs,)
        `scale` is one over the spread.
    """

    mean: np.ndarray
    scale: np.ndarray

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """``(inputs - mean) * scale``, float32 of the same shape."""
        return (inputs - self.mean) * self.scale


def image_inputs(parts: ImageParts, low: np.ndarray) -> np.ndarray:
    """Inputs of an image head beside what it attends to.

    Pooled features, then the square roots of the label probabilities (the square root lifts the many small ones, which
    say what else an image is like; rows of roots have unit length), then the spread of the features over the cells and
    the mean and spread of the earlier stages.

    Parameters
    ----------
    parts : ImageParts
    low : ndarray of float32, shape (n, cells, 491)
        `parts.low`, standardised.

    Returns
    -------
    ndarray of float32, shape (n, 4542)
    """
    roots = np.sqrt(label_probabilities(parts.logits))
    return np.concatenate(
        [parts.features, roots, parts.spread, low.mean(axis=1), low.std(axis=1)], axis=1, dtype=np.float32
    )


def label_probabilities(logits: np.ndarray, power: float = 1.0) -> np.ndarray:
    """Label probabilities, each to a power below 1 to flatten them, rows summing to 1: float32 (n, labels)."""
    shares = np.exp((logits - logits.max(axis=1, keepdims=True)) * np.float32(power))
    return shares / shares.sum(axis=1, keepdims=True)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Scale rows to unit length, float32; a zero row stays zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(lengths, 1e-12)).astype(np.float32)


def named(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """The tensors whose names start with ``prefix.``, under the rest of their names."""
    return {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
