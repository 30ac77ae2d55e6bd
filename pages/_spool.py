"""Where uploaded files wait until they are indexed: one folder for each batch, under the home of the collections.

Files come one by one and go straight to disk, so neither their number nor their size is bound by memory.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
import unicodedata
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from core.errors import InputError, NotFound
from core.ingest.archive import MAX_ZIP_BYTES
from core.ingest.folders import TABLE_EXTENSIONS, hidden
from core.ingest.formats import EXTENSIONS
from core.ingest.images import MAX_BYTES
from core.ingest.tables import MAX_TABLE_BYTES
from core.types import Skipped

MAX_FILES = 250_000
SPARE_BYTES = 500_000_000
"""Room that uploads leave free on the disk."""
DAY = 86_400
LIMITS: dict[str, int] = {
    **dict.fromkeys(sorted(EXTENSIONS), MAX_BYTES),
    **dict.fromkeys(sorted(TABLE_EXTENSIONS), MAX_TABLE_BYTES),
    ".zip": MAX_ZIP_BYTES,
}
"""Ending of a file's name -> the most bytes it may have."""

_CHUNK = 1 << 20
_batches: dict[str, Batch] = {}
_lock = threading.Lock()


@dataclass
class Batch:
    """Files that one visitor is uploading. `token` is known to that visitor's page alone."""

    batch_id: str
    token: str
    folder: Path
    opened_at: float
    files: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The folder of its files."""
        return self.folder / "files"

    @property
    def n_bytes(self) -> int:
        """Bytes received."""
        return sum(self.files.values())

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Files that were not taken, and why."""
        return tuple(Skipped(name, reason, self.opened_at) for name, reason in sorted(self.refused.items()))

    def named(self, endings: frozenset[str] | set[str]) -> list[Path]:
        """Received files with one of these endings, in order."""
        return [self.root / name for name in sorted(self.files) if Path(name).suffix.lower() in endings]


def open_batch(home: Path) -> Batch:
    """A new, empty batch; nothing is on disk before its first file."""
    batch_id = secrets.token_hex(12)
    batch = Batch(batch_id, secrets.token_urlsafe(32), home / ".spool" / batch_id, time.time())
    with _lock:
        for old in [b for b in _batches.values() if not b.files and b.opened_at < batch.opened_at - DAY]:
            del _batches[old.batch_id]
        _batches[batch_id] = batch
    return batch


def find(batch_id: str, token: str | None = None) -> Batch:
    """The batch of that id; where a token is given it must be the right one.

    Raises
    ------
    NotFound
    """
    batch = _batches.get(batch_id)
    if batch is None or (token is not None and not secrets.compare_digest(batch.token, token)):
        raise NotFound("The upload is not known any more, perhaps the app was restarted; choose the files again.")
    return batch


def close(batch_id: str, *, remove: bool) -> None:
    """Forget a batch; with `remove` its files go as well."""
    with _lock:
        batch = _batches.pop(batch_id, None)
    if batch is not None and remove:
        shutil.rmtree(batch.folder, ignore_errors=True)


def refusal(name: str, n_bytes: int) -> str:
    """Why a file is not taken, or an empty string; tells from its name and size alone."""
    ending = Path(name).suffix.lower()
    if ending not in LIMITS:
        return "not a picture, a zip or a table"
    if n_bytes > LIMITS[ending]:
        return f"too large: {n_bytes:,} bytes, and the most is {LIMITS[ending]:,}"
    return ""


def clean_name(name: str) -> str:
    """A relative path that stays inside the batch, or an empty string for files that nobody means to upload.

    Raises
    ------
    InputError
    """
    name = unicodedata.normalize("NFC", name.replace("\\", "/"))
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or len(parts) > 40 or any(part == ".." or "\0" in part or len(part.encode()) > 250 for part in parts):
        raise InputError(f"The file name {name[:80]!r} cannot be used; rename the file.")
    if any(hidden(part) for part in parts):
        return ""
    return "/".join("".join(c if c.isprintable() else "_" for c in part) for part in parts)


async def receive(batch: Batch, name: str, chunks: AsyncIterator[bytes]) -> int:
    """Write one file; its bytes.

    Raises
    ------
    InputError
        It is larger than files of its kind may be, or there is no room. What was written of it is removed.
    """
    limit = LIMITS[Path(name).suffix.lower()]
    if len(batch.files) >= MAX_FILES:
        raise InputError(f"one upload has at most {MAX_FILES:,} files; index the folder on this computer instead")
    part = batch.folder / f"part-{secrets.token_hex(8)}"
    part.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(batch.folder).free < SPARE_BYTES:
        raise InputError("the disk is nearly full; make room and upload again")
    n_bytes, waiting = 0, bytearray()
    try:
        with part.open("wb") as file:
            async for chunk in chunks:
                n_bytes += len(chunk)
                if n_bytes > limit:
                    raise InputError(f"too large: more than {limit:,} bytes")
                waiting += chunk
                if len(waiting) >= _CHUNK:
                    await run_in_threadpool(file.write, bytes(waiting))
                    waiting.clear()
            file.write(waiting)
        target = batch.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part.replace(target)
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise InputError("a file and a folder of the upload have the same name; rename one") from error
    except OSError as error:
        raise InputError(f"the file could not be written ({error.strerror})") from error
    finally:
        part.unlink(missing_ok=True)
    batch.files[name] = n_bytes
    batch.refused.pop(name, None)
    return n_bytes


def sweep(home: Path, in_use: Iterable[str] = (), older_than: float = DAY) -> int:
    """Remove what was uploaded long ago and is neither open nor the source of a waiting job; how many batches."""
    folder, n, used = home / ".spool", 0, [Path(path) for path in in_use]
    if not folder.is_dir():
        return 0
    for path in folder.iterdir():
        if path.name in _batches or any(source.is_relative_to(path) for source in used):
            continue
        if path.stat().st_mtime < time.time() - older_than:
            shutil.rmtree(path, ignore_errors=True)
            n += 1
    return n
