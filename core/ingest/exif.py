"""What a camera wrote beside the picture: which way is up, and when."""

from __future__ import annotations

import contextlib
import re
from datetime import datetime

from PIL import Image

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION, _DATE_CHANGED, _EXIF_IFD, _DATE_TAKEN, _DATE_DIGITIZED = 0x0112, 0x0132, 0x8769, 0x9003, 0x9004
_EXIF_DATE = re.compile(r"(\d{4})[:\-](\d\d)[:\-](\d\d)[ T](\d\d):(\d\d):(\d\d)")


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation 2..8 (a key of `TURNS`), or 1 where there is none or it cannot be read."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a broken EXIF block is no reason to lose a sound picture
        return 1
    return value if value in TURNS else 1


def date_of(image: Image.Image) -> str:
    """When the picture was taken, else digitised, else changed: ISO 8601 in the camera's local time, or ""."""
    try:
        exif = image.getexif()
        if not exif:
            return ""
        taken = exif.get_ifd(_EXIF_IFD)
        values = (taken.get(_DATE_TAKEN), taken.get(_DATE_DIGITIZED), exif.get(_DATE_CHANGED))
    except Exception:  # as above
        return ""
    for value in values:
        match = _EXIF_DATE.match(value) if isinstance(value, str) else None
        if match:
            with contextlib.suppress(ValueError):  # cameras without a clock write 0000:00:00
                return datetime(*map(int, match.groups())).isoformat()
    return ""
