"""Which picture formats are read, and what a file is by its first bytes.

The format is decided by content, never by name, and Pillow is given exactly that one format to try: a file
that is a picture and something else at once can only be opened as the picture it begins as.
"""

from __future__ import annotations

import importlib.util
from functools import cache

EXTENSIONS: frozenset[str] = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .gif .bmp .dib .tif .tiff .ppm .pgm .pbm .pnm "
    ".jp2 .j2k .jpx .jpf .jpc .heic .heif .hif .avif".split()
)
"""Lower-case endings of file names that are taken for pictures before anyone looks inside."""

HEIF_PACKAGES = ("pi_heif", "pillow_heif")
"""Either reads HEIC; pi_heif carries no encoder and so no GPL library."""

_ISO_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"heif"), "HEIF"),
}

_OTHER_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x01\x00", "an icon file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"SQLite format 3", "a database"),
    (b"PAR1", "a Parquet table"),
    (b"\x93NUMPY", "a numpy array"),
    (b"\x00\x00\x00\x00", "empty of content (it begins with zero bytes)"),
)


def sniff(head: bytes) -> str | None:
    """The picture format a file begins as.

    Parameters
    ----------
    head : bytes
        The first 32 bytes or more.

    Returns
    -------
    str or None
        Pillow's name of the format, or None where it is no picture that Loupe reads.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")):
        return "TIFF"
    if head.startswith((b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return "JPEG2000"
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in (b" ", b"\t", b"\n", b"\r", b"#"):
        return "PPM"
    if head[4:8] == b"ftyp":
        # The major brand may be the general "mif1"; the compatible brands then say which codec it is.
        brands = [head[8:12], *(head[i : i + 4] for i in range(16, min(len(head), 64) - 3, 4))]
        known = [_ISO_BRANDS[brand] for brand in brands if brand in _ISO_BRANDS]
        if known:
            return "AVIF" if "AVIF" in known else "HEIF"
    # "BM" alone is weak: ask for the header size that every kind of BMP has at byte 14 as well.
    if head.startswith(b"BM") and head[14:18] in _BMP_HEADERS:
        return "BMP"
    return None


_BMP_HEADERS = frozenset(size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124))


def describe(head: bytes) -> str:
    """What a file that is no picture is, as the end of the sentence "the content is ..."."""
    if not head:
        return "empty"
    for magic, words in _OTHER_KINDS:
        if head.startswith(magic):
            return words
    if head[4:8] == b"ftyp":
        return "a video or another media file"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml")):
        return "SVG or XML text (drawings must be rendered to PNG first)"
    if text.startswith((b"<!doctype", b"<html")):
        return "a web page, perhaps saved in place of the picture"
    if all(byte in b"\t\n\r\x0b\x0c" or 32 <= byte < 127 or byte >= 128 for byte in head):
        return "text"
    return "of no known picture format"


@cache
def heif_ready() -> bool:
    """Whether HEIC can be read; registers the reader with Pillow on the first call."""
    for package in HEIF_PACKAGES:
        if importlib.util.find_spec(package) is not None:
            module = importlib.import_module(package)
            module.register_heif_opener()
            return True
    return False


def webp_size(head: bytes) -> tuple[int, int] | None:
    """Width and height in a WebP header, or None where it cannot be read.

    Pillow's WebP reader makes room for the whole canvas when it opens a file, before anybody can ask for the
    size; so it is read here first.
    """
    kind = head[12:16]
    if kind == b"VP8X" and len(head) >= 30:
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and len(head) >= 30:
        return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    return None


def whole(data: bytes, name: str) -> bool:
    """Whether a file goes on to its own closing mark, for formats whose first frame can be whole without it.

    Pillow notices every other cut by itself: the pixels run out.

    Parameters
    ----------
    data : bytes
    name : str
        What `sniff` said.
    """
    if name == "PNG":
        return _png_ends(data)
    if name == "GIF":
        return _gif_ends(data)
    if name == "WEBP":
        return 8 + int.from_bytes(data[4:8], "little") <= len(data) + 1
    return True


def _png_ends(data: bytes) -> bool:
    at = 8
    while at + 12 <= len(data):
        if data[at + 4 : at + 8] == b"IEND":
            return True
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return False


def _gif_ends(data: bytes) -> bool:
    def table_bytes(flags: int) -> int:
        return 3 << ((flags & 7) + 1) if flags & 0x80 else 0

    try:
        at = 13 + table_bytes(data[10])
        while data[at] != 0x3B:
            if data[at] == 0x21:
                at += 2
            elif data[at] == 0x2C:
                at += 10 + table_bytes(data[at + 9]) + 1
            else:
                # Padding between blocks is against the rules and harmless.
                at += 1
                continue
            while size := data[at]:
                at += 1 + size
            at += 1
    except IndexError:
        return False
    return True
