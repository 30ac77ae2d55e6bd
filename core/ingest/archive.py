"""Unpacking a zip that somebody uploaded: nothing lands outside the spool, and nothing unpacks without end.

Entries are written under numbers, not under their own names, so no name in the zip ever becomes a path. What
an entry says about its size is never believed: bytes are counted while they are unpacked.
"""

from __future__ import annotations

import calendar
import os
import re
import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from core.errors import InputError
from core.ingest import formats
from core.ingest.folders import TABLE_EXTENSIONS, Entry, by_content, hidden
from core.ingest.images import MAX_BYTES

MAX_ZIP_BYTES = 1_000_000_000
MAX_UNPACKED_BYTES = 4_000_000_000
MAX_ENTRIES = 250_000
MAX_TABLE_BYTES = 200_000_000
MAX_RATIO = 100
"""Unpacked bytes for each byte of zip, all entries together; photographs reach 1, bitmaps perhaps 20."""

_RATIO_FLOOR = 200_000_000
_MAX_DIRECTORY_BYTES = 64_000_000
_ARCHIVES = frozenset(".zip .tar .gz .tgz .bz2 .xz .7z .rar .zst .cbz .jar".split())
_CHUNK = 1 << 20
_FREE_MARGIN = 200_000_000


def unpack(
    path: Path, spool: Path, *, on_progress: Callable[[int], None] | None = None
) -> Iterator[Entry]:
    """Unpack the pictures and tables of a zip, in order of their names, as a stream.

    Parameters
    ----------
    path : Path
    spool : Path
        Folder for the files; created if absent.
    on_progress : callable, optional
        Called with the number of entries seen so far.

    Yields
    ------
    Entry
        ``file`` is the name in the zip; ``path`` a numbered file in `spool`. Entries that are encrypted, links,
        archives, too large, damaged, or whose name leads out of the zip are "other", with the reason.

    Raises
    ------
    InputError
        If the whole zip is no zip, damaged, too large, wholly encrypted, or a decompression bomb.
    """
    n_zip = path.stat().st_size
    if n_zip > MAX_ZIP_BYTES:
        raise InputError(
            f"{path.name} is too large: {n_zip:,} bytes, and the most for a zip is {MAX_ZIP_BYTES:,}; "
            "split it, or index the unpacked folder"
        )
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            yield from _entries(archive, path.name, n_zip, spool, on_progress)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise InputError(f"{path.name} is no sound zip ({error}); pack it again") from error


def _check_directory(path: Path) -> None:
    """Bound the memory that listing takes: the standard library reads a zip's whole directory at once."""
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, n_bytes - 65_557 - 76))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0:
        raise InputError(f"{path.name} is no zip, or is cut short (its closing record is missing); copy it again")
    size = int.from_bytes(tail[end + 12 : end + 16], "little")
    wide = tail.rfind(b"PK\x06\x06", 0, end)
    if wide >= 0:
        size = max(size if size != 0xFFFFFFFF else 0, int.from_bytes(tail[wide + 40 : wide + 48], "little"))
    if min(size, n_bytes) > _MAX_DIRECTORY_BYTES:
        raise InputError(
            f"{path.name} has a directory of {size:,} bytes, and the most is {_MAX_DIRECTORY_BYTES:,}; split it"
        )


def _entries(
    archive: zipfile.ZipFile, name: str, n_zip: int, spool: Path, on_progress: Callable[[int], None] | None
) -> Iterator[Entry]:
    infos = [(_shown_name(info), info) for info in archive.infolist() if not info.is_dir()]
    infos = [(file, info) for file, info in infos if not any(map(hidden, file.split("/")))]
    if len(infos) > MAX_ENTRIES:
        raise InputError(f"{name} has {len(infos):,} files, and the most is {MAX_ENTRIES:,}; split it")
    if infos and all(info.flag_bits & 1 for _, info in infos):
        raise InputError(f"{name} is protected by a password; pack it again without one")
    infos.sort(key=lambda pair: pair[0])
    try:
        spool.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(spool).free - _FREE_MARGIN
    except OSError as error:
        raise InputError(f"{name} cannot be unpacked in {spool}: {error.strerror}") from error
    promised = sum(info.file_size for _, info in infos)
    if MAX_UNPACKED_BYTES >= promised > free:
        raise InputError(f"{name} unpacks to {promised:,} bytes, and {max(free, 0):,} are free on the disk; make room")
    budget = MAX_UNPACKED_BYTES
    if n_zip * MAX_RATIO < budget:
        budget = max(n_zip * MAX_RATIO, _RATIO_FLOOR)
    total, seen = 0, set()
    for number, (file, info) in enumerate(infos, start=1):
        if on_progress is not None:
            on_progress(number)
        reason = _refusal(file, info, seen)
        seen.add(file)
        if reason:
            yield Entry(_printable(file), path=spool / "-", kind="other", reason=reason)
            continue
        target = spool / f"{number:06d}{_safe_suffix(file)}"
        reason, n_bytes = _write(archive, info, target, _limit(file), budget - total)
        total += n_bytes
        if total >= budget:
            target.unlink(missing_ok=True)
            raise InputError(
                f"{name} looks like a decompression bomb: {n_zip:,} bytes unpack to more than {budget:,}; "
                "unpack it yourself if you trust it, and index the folder"
            )
        yield _judged(file, target, n_bytes, info, reason)


def _refusal(file: str, info: zipfile.ZipInfo, seen: set[str]) -> str:
    """Why an entry is not even opened, or ""."""
    raw = info.orig_filename.replace("\\", "/")
    if raw.startswith("/") or re.match(r"[A-Za-z]:", raw) or ".." in raw.split("/") or "\x00" in raw:
        return "its name leads out of the zip"
    if file in seen:
        return "this name stands in the zip before; the first one was taken"
    mode = info.external_attr >> 16
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        return "a link or a special file, which is not followed in a zip"
    if info.flag_bits & 1:
        return "protected by a password"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"packed by a method that is not read (number {info.compress_type}); pack it as a usual zip"
    extension = os.path.splitext(file)[1].lower()
    if extension in _ARCHIVES:
        return "an archive inside the zip, which is not opened; unpack it first"
    if info.file_size > _limit(file):
        return f"too large: {info.file_size:,} bytes, and the most is {_limit(file):,}"
    return ""


def _limit(file: str) -> int:
    return MAX_TABLE_BYTES if os.path.splitext(file)[1].lower() in TABLE_EXTENSIONS else MAX_BYTES


def _write(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, limit: int, budget: int
) -> tuple[str, int]:
    """Unpack one entry; the reason it failed or "", and how many bytes came out."""
    n_bytes = 0
    try:
        with archive.open(info) as packed, target.open("wb") as file:
            # Reading goes on to the very end, where the checksum is compared.
            while chunk := packed.read(_CHUNK):
                n_bytes += len(chunk)
                if n_bytes > limit:
                    return f"too large: more than the {limit:,} bytes allowed", n_bytes
                if n_bytes >= budget:
                    return "", n_bytes
                file.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        return f"damaged in the zip ({str(error)[:80]}); pack it again", n_bytes
    except OSError as error:
        raise InputError(f"the zip cannot be unpacked: {error.strerror or error}; make room and try again") from error
    return "", n_bytes


def _judged(file: str, target: Path, n_bytes: int, info: zipfile.ZipInfo, reason: str) -> Entry:
    shown = _printable(file)
    if reason:
        target.unlink(missing_ok=True)
        return Entry(shown, target, "other", reason=reason)
    extension = os.path.splitext(file)[1].lower()
    kind = "picture" if extension in formats.EXTENSIONS else "table" if extension in TABLE_EXTENSIONS else ""
    if not kind:
        kind, reason = by_content(target)
    if kind == "other":
        target.unlink(missing_ok=True)
    return Entry(shown, target, kind, n_bytes, _mtime_ns(info), reason)


def _mtime_ns(info: zipfile.ZipInfo) -> int:
    """The entry's own date, taken for UTC: the same zip gives the same answer everywhere."""
    try:
        return calendar.timegm((*info.date_time, 0, 0, 0)) * 1_000_000_000
    except (ValueError, OverflowError):
        return 0


def _shown_name(info: zipfile.ZipInfo) -> str:
    """The entry's name with ``/``, in Unicode.

    Without the UTF-8 flag the standard library reads code page 437; most such zips hold UTF-8 all the same.
    """
    name = info.filename
    if not info.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    return unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("./"))


def _printable(file: str) -> str:
    shown = "".join(c if unicodedata.category(c)[0] != "C" else "?" for c in file)
    return shown if len(shown) <= 500 else shown[:497] + "..."


def _safe_suffix(file: str) -> str:
    extension = os.path.splitext(file)[1].lower()
    return extension if extension in formats.EXTENSIONS or extension in TABLE_EXTENSIONS else ".bin"
