"""Whether two pictures are the same to the eye: small copies of them, compared patch by patch.

An encoder puts two shirts with another print, or two emoji with another hat, nearer together than a picture and its
compressed copy. So nearness alone does not make a duplicate; the pictures have to agree too, everywhere: the
difference is that of the worst patch, since a change of one corner is a change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

SIDE, CELLS = 32, 8
DEFAULT_DIFFERENCE = 0.06
"""Most that two copies differ by (0 to 1) where nothing was measured. Seen on photos, shop pictures and emoji: copies
0.004 to 0.02, near look-alikes 0.07 and more."""
_ASPECT = 0.04  # rounding of a small copy's sides; a crop changes the shape by more
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Look:
    """A picture at a glance.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (SIDE, SIDE, 3)
    aspect : float
        Width by height.
    """

    pixels: np.ndarray
    aspect: float


def look(image: Image.Image) -> Look:
    """An image squashed to a few pixels, each the mean of what it covers."""
    from PIL import Image

    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)  # wide enough to leave no steps
    return Look(np.asarray(small), image.width / image.height)


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How much pictures differ in the patch where they differ most.

    Parameters
    ----------
    a, b : ndarray of uint8, shape (m, SIDE, SIDE, 3)

    Returns
    -------
    ndarray of float32, shape (m,)
        0 for the same, 1 for a black patch against a white one.
    """
    apart = np.abs(a.astype(np.int16) - b.astype(np.int16)).mean(axis=3, dtype=np.float32) / 255
    step = SIDE // CELLS
    return apart.reshape(-1, CELLS, step, CELLS, step).mean(axis=(2, 4)).max(axis=(1, 2))


def same(looks: dict[int, Look], left: np.ndarray, right: np.ndarray, most: float) -> np.ndarray:
    """Which pairs are the same picture.

    Parameters
    ----------
    looks : dict of number to Look
    left, right : ndarray of int64, shape (m,)
        Numbers of the pictures. A pair with one that is not in `looks` counts as the same: nothing speaks against it.
    most : float
        The largest difference of two copies.

    Returns
    -------
    ndarray of bool, shape (m,)
    """
    out = np.ones(len(left), dtype=bool)
    for start in range(0, len(left), _CHUNK):
        pairs = [(n, looks[i], looks[j])
                 for n, (i, j) in enumerate(zip(left[start : start + _CHUNK].tolist(),
                                                right[start : start + _CHUNK].tolist()), start)
                 if i in looks and j in looks]
        if not pairs:
            continue
        apart = difference(np.stack([a.pixels for _, a, _ in pairs]), np.stack([b.pixels for _, _, b in pairs]))
        shapes = np.array([abs(a.aspect / b.aspect - 1) <= _ASPECT for _, a, b in pairs])
        out[[n for n, _, _ in pairs]] = (apart <= most) & shapes
    return out
