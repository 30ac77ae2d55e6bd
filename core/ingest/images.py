"""From a file to an upright RGB picture, its id and its thumbnail, decoding once. `core.ingest.decode` is the guard."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from PIL import Image

from core.errors import ImageError
from core.ingest.decode import (
    MAX_BYTES,
    MAX_PIXELS,
    THUMBNAIL_SIDE,
    check_bytes,
    check_pixels,
    decode,
    finish,
    format_name,
    opened,
    reasons,
)
from core.ingest.exif import date_of, orientation_of
from core.ingest.formats import EXTENSIONS

THUMBNAIL_QUALITY = 85

Source = bytes | str | Path | Image.Image


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that ingest needs of one file.

    Attributes
    ----------
    item_id, sha256 : str
        Of the file's bytes.
    image : PIL.Image.Image
        Upright RGB; perhaps smaller than the file's picture (see `open_image`, `target_px`).
    thumbnail : bytes
        JPEG, longest side at most 320.
    width, height : int
        Of the file's picture, after EXIF orientation, before any reduction.
    n_bytes : int
    date : str
        ISO 8601: the EXIF date (local time of the camera), else the file's modification time (UTC), else "".
    format : str
        ``JPEG``, ``PNG``, ...
    mtime_ns : int
        Of the file; 0 for bytes.
    """

    item_id: str
    sha256: str
    image: Image.Image
    thumbnail: bytes
    width: int
    height: int
    n_bytes: int
    date: str
    format: str
    mtime_ns: int = 0


def load(
    source: bytes | str | Path,
    target_px: int | None = None,
    *,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
) -> Loaded:
    """Read, identify, decode and thumbnail one file. Safe to call from many threads.

    Parameters
    ----------
    source : bytes or path
    target_px : int, optional
        Side of the encoder's input; allows decoding at reduced size. The picture is the one that
        `open_image` gives for the same `target_px`.
    max_bytes, max_pixels : int

    Raises
    ------
    ImageError
        With the reason that is shown to the user.
    """
    data, mtime_ns = _read(source, max_bytes)
    item_id, sha256 = item_id_of(data)
    picture = decode(data, target_px, max_pixels)
    date = picture.date
    if not date and mtime_ns:
        date = datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return Loaded(
        item_id=item_id,
        sha256=sha256,
        image=picture.image,
        thumbnail=thumbnail(picture.image),
        width=picture.width,
        height=picture.height,
        n_bytes=len(data),
        date=date,
        format=picture.format,
        mtime_ns=mtime_ns,
    )


def open_image(
    source: Source, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS, target_px: int | None = None
) -> Image.Image:
    """Open a picture as upright 8-bit RGB: EXIF orientation applied, transparency on white, first frame.

    Parameters
    ----------
    source : bytes, path or PIL.Image.Image
    max_bytes : int
        Largest file.
    max_pixels : int
        Largest picture, checked by the header before decoding. Pillow's own limit of 178,956,970 stays above it.
    target_px : int, optional
        Side of the encoder's input. Pictures much larger than that come back smaller, with the same geometry:
        the short side stays at least twice `target_px` and the long side at least 320. None: full size.

    Returns
    -------
    PIL.Image.Image
        Mode ``RGB``, fully loaded.

    Raises
    ------
    ImageError
        Too many bytes or pixels (with both numbers), not a picture, cut short, or damaged.
    """
    if isinstance(source, Image.Image):
        check_pixels(source.size, max_pixels)
        with reasons(source.format or "picture"):
            # Reduced decoding would change the caller's own object.
            return finish(source, target_px, may_draft=False).image
    data, _ = _read(source, max_bytes)
    return decode(data, target_px, max_pixels).image


def probe(source: bytes | str | Path, *, max_bytes: int = MAX_BYTES) -> tuple[str, int, int, str]:
    """Format, width, height (upright) and EXIF date by the header alone, without decoding.

    Raises
    ------
    ImageError
        If it is no picture.
    """
    data, _ = _read(source, max_bytes)
    with opened(data, MAX_PIXELS) as image:
        width, height = image.size
        # Pillow turns TIFF itself: its size is already that of the upright picture.
        if image.format != "TIFF" and orientation_of(image) >= 5:
            width, height = height, width
        return format_name(image), width, height, date_of(image)


def item_id_of(data: bytes) -> tuple[str, str]:
    """The id of an item and the SHA-256 of its bytes.

    Returns
    -------
    item_id : str
        ``i`` and the first 16 characters of the digest in lower-case base32 (80 bits).
    sha256 : str
        64 hexadecimal characters.
    """
    digest = hashlib.sha256(data)
    return "i" + base64.b32encode(digest.digest())[:16].decode().lower(), digest.hexdigest()


def thumbnail(image: Image.Image, side: int = THUMBNAIL_SIDE) -> bytes:
    """A JPEG whose longest side is at most `side`; never enlarged. RGB colour profiles are kept."""
    profile = image.info.get("icc_profile")
    width, height = image.size
    if max(width, height) > side:
        scale = side / max(width, height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        # Averaging whole blocks down first is four times as fast, and nobody can tell at this size.
        image = image.resize(size, Image.Resampling.HAMMING, reducing_gap=1.0)
    keep = isinstance(profile, bytes) and len(profile) <= 4096 and profile[16:20] == b"RGB "
    out = BytesIO()
    image.save(out, "JPEG", quality=THUMBNAIL_QUALITY, icc_profile=profile if keep else None)
    return out.getvalue()


# ---------------------------------------------------------------- reading


def _read(source: bytes | str | Path, max_bytes: int) -> tuple[bytes, int]:
    if isinstance(source, bytes | bytearray | memoryview):
        check_bytes(len(source), max_bytes)
        return bytes(source), 0
    try:
        with open(source, "rb", opener=_open_now) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ImageError("not a regular file, so it cannot be read as a picture")
            check_bytes(status.st_size, max_bytes)
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise ImageError("the file is not there any more; bring it back or leave it out") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"the file cannot be read: {getattr(error, 'strerror', None) or error}") from error
    check_bytes(len(data), max_bytes)
    return data, status.st_mtime_ns


def _open_now(path: str, flags: int) -> int:
    # Without O_NONBLOCK, opening a named pipe that somebody called photo.jpg would wait for ever.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


__all__ = [
    "EXTENSIONS",
    "MAX_BYTES",
    "MAX_PIXELS",
    "Loaded",
    "item_id_of",
    "load",
    "open_image",
    "probe",
    "thumbnail",
]
