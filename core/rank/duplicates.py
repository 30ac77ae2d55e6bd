"""How similar two images have to be to count as the same picture, learned from the collection's own images.

A cosine of 0.97 is a copy to one encoder and a cousin to another, so the threshold is calibrated: a sample of images
is saved again as a smaller or more compressed file and encoded; what the encoder says of such copies is what it will
say of real ones. Many pictures that are no copies reach it too (flat drawings, catalogue photos), so the pictures
themselves are compared as well (`core.rank.pictures`), by a measure calibrated on the same copies.
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.encode.protocol import Encoder
from core.errors import ImageError, InputError, NotFound
from core.rank.fold import groups
from core.rank.pictures import DEFAULT_DIFFERENCE, Look, difference, look, same
from core.store import Collection, VectorView
from core.types import KnnGraph

if TYPE_CHECKING:
    from PIL import Image

CAUGHT = 0.95
LOWEST, HIGHEST = 0.90, 0.9999
_SLACK, _LEAST, _MOST = 1.5, 0.02, 0.06  # of the difference between pictures: see DEFAULT_DIFFERENCE
DEFAULT = 0.98
"""Threshold where nothing can be calibrated: no originals, or vectors without an encoder."""


@dataclass(frozen=True)
class Calibration:
    """A threshold and how it came about.

    Attributes
    ----------
    threshold : float
        Cosine from which on two images are near-duplicates.
    caught : float
        Share of the copies that are at least this similar to their original.
    linked : float
        Share of the collection's items whose nearest neighbour is at least this similar.
    n_copies : int
    difference : float
        Most that two copies differ by to the eye.
    """

    threshold: float
    caught: float
    linked: float
    n_copies: int
    difference: float = DEFAULT_DIFFERENCE


def calibrate_threshold(
    originals: np.ndarray,
    copies: np.ndarray,
    neighbour_similarities: np.ndarray,
    differences: np.ndarray | None = None,
) -> Calibration:
    """Choose the threshold from what the encoder says of copies.

    The rule: the cosine that 95 % of the copies reach, kept within 0.90 and 0.9999; and of the pictures, half as much
    again as the most that 95 % of the copies differ by, kept within 0.02 and 0.06.

    Parameters
    ----------
    originals, copies : ndarray of float32, shape (n, d)
        Unit rows; row i of `copies` is a copy of row i of `originals`.
    neighbour_similarities : ndarray of float32, shape (m,)
        For each item of the collection the cosine of its nearest neighbour.
    differences : ndarray of float32, shape (n,), optional
        How much each copy differs from its original (`core.rank.pictures.difference`).

    Raises
    ------
    InputError
        There are no pairs, or the shapes differ.
    """
    originals, copies = np.asarray(originals, np.float64), np.asarray(copies, np.float64)
    if originals.ndim != 2 or originals.shape != copies.shape or not len(originals):
        raise InputError(f"Originals of shape {originals.shape} and copies of shape {copies.shape} are no pairs;"
                         " give one row of each for every copy.")
    similarities = np.einsum("ij,ij->i", originals, copies)
    near = np.asarray(neighbour_similarities, np.float64)

    reached = float(np.quantile(similarities, 1 - CAUGHT, method="lower"))
    threshold = round(float(np.clip(reached, LOWEST, HIGHEST)) - 5e-5, 4)  # rounded down: what reached it still does
    caught = float(np.mean(similarities >= threshold))
    linked = float(np.mean(near >= threshold)) if len(near) else 0.0
    most = DEFAULT_DIFFERENCE
    if differences is not None and len(differences):
        most = round(float(np.clip(_SLACK * np.quantile(differences, CAUGHT), _LEAST, _MOST)), 4)
    return Calibration(threshold, caught, linked, len(similarities), most)


def copies_of(image: Image.Image) -> list[Image.Image]:
    """Three copies as they go about: strongly compressed, half the size, and as WebP."""
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
    return [_saved(image, "JPEG", 50), _saved(half, "JPEG", 85), _saved(image, "WEBP", 60)]


def _saved(image: Image.Image, format: str, quality: int) -> Image.Image:
    from PIL import Image

    out = io.BytesIO()
    image.convert("RGB").save(out, format, quality=quality)
    out.seek(0)
    with Image.open(out) as again:
        return again.convert("RGB")


def calibrate(
    collection: Collection, view: VectorView, graph: KnnGraph, encoder: Encoder, sample: int = 40, seed: int = 0
) -> Calibration | None:
    """Calibrate on a sample of the collection's own images; None where no original can be opened."""
    from core.ingest.images import open_image

    order = np.random.default_rng(seed).permutation(np.sort(view.item_ids[view.live]))
    originals, copies, differences = [], [], []
    encode = encoder.encode_images if view.set.space == "joint" else encoder.encode_visual
    for item_id in order[: 3 * sample]:
        if len(originals) >= 3 * sample:
            break
        path = collection.original_path(str(item_id))
        if path is None:
            continue
        try:
            image = open_image(path)
            made = copies_of(image)
        except ImageError:
            continue
        seen = np.stack([look(copy).pixels for copy in made])
        differences.append(difference(np.repeat(look(image).pixels[None], len(made), axis=0), seen))
        row = view.rows(view.positions([str(item_id)]))
        originals += [row] * len(made)
        copies.append(encode(made))
    if not originals:
        return None
    nearest = graph.similarities[:, 0] if graph.similarities.shape[1] else np.empty(0, np.float32)
    return calibrate_threshold(np.concatenate(originals), np.concatenate(copies), nearest, np.concatenate(differences))


def identical_items(collection: Collection) -> list[tuple[str, ...]]:
    """Live items that have the same bytes, as groups of ids (a table may name one image twice)."""
    rows = collection.select(
        "SELECT sha256, item_id FROM items WHERE trashed_at IS NULL AND sha256 != '' AND sha256 IN"
        " (SELECT sha256 FROM items WHERE trashed_at IS NULL GROUP BY sha256 HAVING count(*) > 1) ORDER BY item_id"
    )
    together: dict[str, list[str]] = {}
    for sha256, item_id in rows:
        together.setdefault(sha256, []).append(item_id)
    return [tuple(ids) for ids in together.values()]


def refresh(
    collection: Collection, view: VectorView, graph: KnnGraph, encoder: Encoder | None = None, *, seed: int = 0
) -> Calibration:
    """Find the near-duplicate groups anew and keep them; what people decided about items stays.

    The calibration is made once for a vector set (with `encoder`) and kept in the collection's settings.
    """
    key = f"copies.{view.set.set_id}"
    kept = collection.setting(key)
    calibration = Calibration(**kept) if isinstance(kept, dict) else None
    if calibration is None and encoder is not None:
        calibration = calibrate(collection, view, graph, encoder, seed=seed)
        if calibration is not None:
            collection.set_setting(key, asdict(calibration))
    found = calibration or Calibration(DEFAULT, 0.0, 0.0, 0)

    def alike(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        looks = _looks(collection, graph, np.unique(np.concatenate([left, right])))
        return same(looks, left, right, found.difference)

    collection.set_folds(groups(graph, found.threshold, identical_items(collection), alike))
    return found


def _looks(collection: Collection, graph: KnnGraph, positions: np.ndarray) -> dict[int, Look]:
    """What the thumbnails of some items look like, by position in the graph; items without one are left out."""
    from PIL import Image

    found = {}
    for position in positions.tolist():
        try:
            with Image.open(collection.thumb_path(str(graph.item_ids[position]))) as thumb:
                found[position] = look(thumb)
        except (NotFound, OSError):
            continue
    return found
