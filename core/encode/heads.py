"""Projection heads: small two-layer networks that take a tower's features into the joint space.

They run in numpy (about a thousandth of the image tower's work), so the towers' graphs do not depend on
them and a collection can have heads of its own. The file format is safetensors, float16.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import EncoderError

PARTS = ("mean", "scale", "skip", "up", "up_bias", "down", "down_bias")


@dataclass(frozen=True)
class Head:
    """``normalise(skip x + down gelu(up x + up_bias) + down_bias)`` with ``x = (input - mean) * scale``.

    Attributes
    ----------
    mean, scale : ndarray of float32, shape (inputs,)
        Standardise the inputs.
    skip : ndarray of float32, shape (inputs, dim)
    up : ndarray of float32, shape (inputs, hidden)
    down : ndarray of float32, shape (hidden, dim)
    """

    mean: np.ndarray
    scale: np.ndarray
    skip: np.ndarray
    up: np.ndarray
    up_bias: np.ndarray
    down: np.ndarray
    down_bias: np.ndarray

    @property
    def dim(self) -> int:
        """Width of the joint space."""
        return self.skip.shape[1]

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Project float32 (n, inputs) to unit rows, float32 (n, dim)."""
        x = (inputs - self.mean) * self.scale
        return unit_rows(x @ self.skip + _gelu(x @ self.up + self.up_bias) @ self.down + self.down_bias)


@dataclass(frozen=True)
class Heads:
    """Both heads of a starter-like encoder, and the mean vectors of their training sets.

    Attributes
    ----------
    image, text : Head
    image_mean, text_mean : ndarray of float32, shape (dim,)
        Mean unit vector of the training photographs and captions; not normalised, so their lengths tell
        how narrow the cones are.
    fingerprint : str
        64 hexadecimal characters: SHA-256 of the file.
    """

    image: Head
    text: Head
    image_mean: np.ndarray
    text_mean: np.ndarray
    fingerprint: str


def load_heads(path: Path) -> Heads:
    """Read heads from a safetensors file.

    Raises
    ------
    EncoderError
        When the file is missing, unreadable, or lacks a tensor.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = path.read_bytes()
        tensors = {name: value.astype(np.float32) for name, value in load(data).items()}
        return Heads(
            image=Head(*(tensors[f"image.{part}"] for part in PARTS)),
            text=Head(*(tensors[f"text.{part}"] for part in PARTS)),
            image_mean=tensors["image_mean"],
            text_mean=tensors["text_mean"],
            fingerprint=hashlib.sha256(data).hexdigest(),
        )
    except (OSError, SafetensorError, KeyError) as error:
        raise EncoderError(f"The projection heads cannot be read from {path}: {error}") from error


def save_heads(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    """Write heads as float16 and return the file's SHA-256; the inputs' mean and scale stay float32."""
    from safetensors.numpy import save

    kept = {
        name: np.ascontiguousarray(value, dtype=np.float32 if name.endswith((".mean", ".scale")) else np.float16)
        for name, value in tensors.items()
    }
    data = save(kept, metadata=dict(metadata))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def image_inputs(features: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Inputs of the image head: pooled features, then the square roots of the label probabilities.

    The square root lifts the many small probabilities, which say what else an image is like; rows of
    square roots have unit length.

    Parameters
    ----------
    features : ndarray of float32, shape (n, 1280)
    logits : ndarray of float32, shape (n, 1000)

    Returns
    -------
    ndarray of float32, shape (n, 2280)
    """
    shifted = 0.5 * (logits - logits.max(axis=1, keepdims=True))
    roots = np.exp(shifted)
    roots /= np.linalg.norm(roots, axis=1, keepdims=True)
    return np.concatenate([features, roots], axis=1, dtype=np.float32)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Scale rows to unit length, float32; a zero row stays zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(lengths, 1e-12)).astype(np.float32)


def _gelu(x: np.ndarray) -> np.ndarray:
    """GELU in the tanh form (Hendrycks and Gimpel, 2016), the form the heads are trained with."""
    return 0.5 * x * (1.0 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))
