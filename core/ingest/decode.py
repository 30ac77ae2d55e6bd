"""Decoding hostile bytes: nothing but the format they begin as, nothing too large, nothing half.

Order of the checks: size in bytes, format by content, pixels by the header, and only then decoding.
"""

from __future__ import annotations

import contextlib
import re
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageFile, UnidentifiedImageError

from core.errors import ImageError
from core.ingest import formats
from core.ingest.colour import to_rgb
from core.ingest.exif import TURNS, date_of, orientation_of

MAX_BYTES = 20_000_000
MAX_PIXELS = 120_000_000
THUMBNAIL_SIDE = 320

# A decoded picture beyond this size takes hundreds of megabytes: one at a time, whatever the number of threads.
_LARGE_PIXELS = 24_000_000
_one_large = threading.Semaphore(1)

# A JPEG may be decoded at 1/2, 1/4 or 1/8 while its short side keeps the first multiple of what the encoder takes
# in; other formats are averaged down in whole steps while they keep the second. 2 and 3 are what Pillow recommends
# (reducing_gap). Measured with the starter encoder on noisy 3-megapixel JPEGs: mean cosine to full decoding 0.9995;
# 1.25 instead of 2 would be a third faster on 12 megapixels, and gave 0.9977.
_DRAFT_MARGIN = 2.0
_REDUCE_MARGIN = 3.0

_CUT_SHORT = "cut short: the {} file ends before the picture does; copy it again"

# Our own cap is lower and is raised with both numbers, and what is wrong with a file is its reason; Pillow's
# warnings beside them would only be noise.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def check_bytes(n_bytes: int, max_bytes: int) -> None:
    """Raise `ImageError` for a file that is empty or too large."""
    if n_bytes == 0:
        raise ImageError("the file is empty (0 bytes)")
    if n_bytes > max_bytes:
        raise ImageError(
            f"too large: {n_bytes:,} bytes, and the most is {max_bytes:,}; save it smaller or as JPEG"
        )


def check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    """Raise `ImageError` for a picture without area or with too many pixels."""
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"the picture has no area: {width} x {height} pixels")
    if width * height > max_pixels:
        raise ImageError(_too_many_pixels(f"{width:,} x {height:,} = {width * height:,}", max_pixels))


def _too_many_pixels(pixels: str, max_pixels: int) -> str:
    return f"too many pixels: {pixels}, and the most is {max_pixels:,}; it was not decoded, make it smaller"


@dataclass(frozen=True, slots=True)
class Picture:
    """Upright RGB, with the size, EXIF date and format of its file."""

    image: Image.Image
    width: int
    height: int
    date: str
    format: str


@contextlib.contextmanager
def reasons(name: str, max_pixels: int = MAX_PIXELS) -> Iterator[None]:
    """Turn whatever Pillow raises on hostile bytes into one sentence."""
    try:
        yield
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\((\d+) pixels\)", str(error))
        raise ImageError(_too_many_pixels(f"{int(pixels[1]):,}" if pixels else "over the limit", max_pixels)) from error
    except MemoryError as error:
        raise ImageError(f"this {name} needs more memory than there is; make the picture smaller") from error
    except Exception as error:  # hostile bytes make Pillow's readers raise nearly anything; none may end an ingest
        if re.search(r"truncated|not enough|unexpected end|premature|buffer is not large enough", str(error), re.I):
            raise ImageError(_CUT_SHORT.format(name)) from error
        detail = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise ImageError(f"damaged {name} file ({detail}); copy or export it again") from error


@contextlib.contextmanager
def opened(data: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """The picture with its header read and checked, not decoded yet."""
    head = data[:64]
    name = formats.sniff(head)
    if name is None:
        raise ImageError(f"not a picture Loupe reads: the content is {formats.describe(head)}")
    if name == "HEIF" and not formats.heif_ready():
        raise ImageError("HEIC is read with an extra: pip install -r requirements-heif.txt")
    if name == "WEBP" and (size := formats.webp_size(head)):
        check_pixels(size, max_pixels)
    # Some libraries switch this on for the whole process; then half a picture would pass for a whole one.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with reasons(name, max_pixels):
        if name == "WEBP" and not formats.whole(data, name):
            raise ImageError(_CUT_SHORT.format(name))
        try:
            image = Image.open(BytesIO(data), formats=[name])
        except UnidentifiedImageError as error:
            raise ImageError(f"damaged {name} file (its header cannot be read); copy or export it again") from error
        with image:
            check_pixels(image.size, max_pixels)
            if not formats.whole(data, name):
                raise ImageError(_CUT_SHORT.format(name))
            yield image


def decode(data: bytes, target_px: int | None, max_pixels: int) -> Picture:
    """A picture from the bytes of its file; large ones one at a time."""
    with opened(data, max_pixels) as image:
        large = image.width * image.height > _LARGE_PIXELS
        with _one_large if large else contextlib.nullcontext():
            return finish(image, target_px)


def finish(image: Image.Image, target_px: int | None, may_draft: bool = True) -> Picture:
    """Decode (at reduced size where that is enough), make RGB, reduce, turn upright."""
    name, size = format_name(image), image.size
    if target_px and may_draft and image.format in ("JPEG", "MPO"):
        step = _largest_step(size, target_px, _DRAFT_MARGIN, (8, 4, 2))
        if step > 1:
            image.draft("RGB", (size[0] // step, size[1] // step))
    drafted = image.size != size
    image.load()
    turn, date = orientation_of(image), date_of(image)
    profile = image.info.get("icc_profile")
    rgb = to_rgb(image)
    if target_px:
        step = _largest_step(rgb.size, target_px, _REDUCE_MARGIN, range(64, 1, -1))
        if step > 1:
            rgb = rgb.reduce(step)
    reduced = rgb.size != image.size
    if turn in TURNS:
        rgb = rgb.transpose(TURNS[turn])
    elif rgb is image:
        rgb = image.copy()
    if drafted or reduced:
        width, height = (size[1], size[0]) if turn >= 5 else size
    else:
        width, height = rgb.size
    # EXIF and comments stay behind: a stale orientation would turn the picture a second time further on.
    rgb.info = {"icc_profile": profile} if profile else {}
    return Picture(rgb, width, height, date, name)


def _largest_step(size: tuple[int, int], target_px: int, margin: float, steps: tuple[int, ...] | range) -> int:
    short, long = min(size), max(size)
    for step in steps:
        if short // step >= margin * target_px and long // step >= THUMBNAIL_SIDE:
            return step
    return 1


def format_name(image: Image.Image) -> str:
    """Pillow's name of the format; what some cameras write as MPO is a JPEG."""
    return "JPEG" if image.format == "MPO" else image.format or ""
