"""GeneCIS' attribute tasks ask with boxes in images of Visual Genome: how a box's crop is called, and cutting it out.

The crop is that of the published evaluation: the box grown by 0.7 of its size, on black where it is not square.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from core.errors import ImageError, InputError
from core.ingest.images import open_image
from core.judge.protocols.truth import entries, load_json
from core.store.files import write_lightly

_GROWN = 0.7
_QUALITY = 95
_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp"})

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Cut:
    """What was cut.

    Attributes
    ----------
    n_boxes, n_written, n_there : int
        Different boxes of the file, those written now, and those that were there from before.
    missing : tuple of str
        Images that were not found.
    unreadable : tuple of (file, why)
    """

    n_boxes: int
    n_written: int
    n_there: int
    missing: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]


def box_of(said: Mapping[str, object]) -> Box | None:
    """Left, top, width and height in pixels of an image that is a box; None where the whole image is meant.

    Raises
    ------
    ValueError
        It has a box, which is none of four numbers.
    """
    box = said.get("instance_bbox", said.get("bbox"))
    if box is None:
        return None
    numbers = list(box) if isinstance(box, list | tuple) else []
    if len(numbers) != 4 or not all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in numbers):
        raise ValueError("four numbers are needed: left, top, width, height")
    if numbers[2] <= 0 or numbers[3] <= 0:
        raise ValueError(f"it is {numbers[2]:g} x {numbers[3]:g} pixels large")
    return tuple(numbers)  # type: ignore[return-value]


def crop_name(image_id: str, box: Box) -> str:
    """The name, without an ending, of the file that holds a box: ``2345_12_30_118_96``."""
    return "_".join([image_id, *(f"{one:.10g}".replace(".", "p") for one in box)])


def crop(image: Image.Image, box: Box) -> Image.Image:
    """A box of an image as GeneCIS' evaluation cuts it, square."""
    left, top = max(0.0, box[0] - _GROWN * box[2]), max(0.0, box[1] - _GROWN * box[3])
    right, bottom = min(image.width, left + (1 + _GROWN) * box[2]), min(image.height, top + (1 + _GROWN) * box[3])
    if right - left < 1 or bottom - top < 1:
        raise InputError(f"the box {', '.join(f'{one:g}' for one in box)} lies outside the image's {image.width} x {image.height} pixels")
    part = image.crop((left, top, right, bottom))
    side = max(part.size)
    square = Image.new("RGB", (side, side))
    square.paste(part, ((side - part.width) // 2, (side - part.height) // 2))
    return square


def cut(text: str, name: str, images: Path, out: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> Cut:
    """Write every box that a GeneCIS file names as an image of its own, for a collection made of them.

    Parameters
    ----------
    text, name : str
        Of the file, and what it is called.
    images : Path
        A folder with Visual Genome's images, ``2345.jpg``, at any depth.
    out : Path
        An existing folder. What is there already is kept, so that a stopped run goes on.
    progress : callable
        Called with (images done, images); may raise to stop.

    Raises
    ------
    InputError
        The file is no such file, or names no box.
    """
    boxes = _boxes(text, name)
    where = _where(images, set(boxes))
    written = there = 0
    unreadable = []
    for n, (image_id, of_image) in enumerate(sorted(boxes.items()), 1):
        todo = {crop_name(image_id, box): box for box in sorted(of_image)}
        left = {called: box for called, box in todo.items() if not (out / f"{called}.jpg").is_file()}
        there += len(todo) - len(left)
        if left and image_id in where:
            try:
                image = open_image(where[image_id])
                for called, box in left.items():
                    data = BytesIO()
                    crop(image, box).save(data, "JPEG", quality=_QUALITY)
                    write_lightly(str(out / f"{called}.jpg"), data.getvalue())
                    written += 1
            except (ImageError, InputError) as error:
                unreadable.append((where[image_id].name, str(error)))
        progress(n, len(boxes))
    missing = tuple(sorted(set(boxes) - set(where)))
    return Cut(sum(map(len, boxes.values())), written, there, missing, tuple(unreadable))


def _boxes(text: str, name: str) -> dict[str, set[Box]]:
    """Image id -> its boxes."""
    found: dict[str, set[Box]] = {}
    for number, entry in enumerate(entries(load_json(text, name), name, "templates"), 1):
        gallery = entry.get("gallery")
        for one in (entry.get("reference"), entry.get("target"), *(gallery if isinstance(gallery, list) else ())):
            try:
                box = box_of(one) if isinstance(one, dict) else None
            except ValueError as error:
                raise InputError(f"A box of entry {number} of {name} cannot be read: {error}.") from error
            image_id = str(one.get("image_id", "")).strip() if isinstance(one, dict) else ""
            if box is not None:
                # The id becomes a part of a file's name.
                if not image_id or not all(letter.isalnum() or letter in "-_" for letter in image_id):
                    where = f"A box of entry {number} of {name}"
                    raise InputError(f"{where} has the image_id {image_id[:40]!r}; letters and digits are needed.")
                found.setdefault(image_id, set()).add(box)
    if not found:
        raise InputError(f"{name} names no boxes in images; there is nothing to cut.")
    return found


def _where(images: Path, wanted: set[str]) -> dict[str, Path]:
    found = {}
    for folder, _, files in os.walk(images):
        for file in files:
            stem, ending = os.path.splitext(file)
            if stem in wanted and ending.lower() in _ENDINGS:
                found.setdefault(stem, Path(folder, file))
    return found
