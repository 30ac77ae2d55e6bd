"""Walking a folder: always in the same order, never twice through the same folder, never waiting for a pipe."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.ingest import formats

TABLE_EXTENSIONS = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"})
_LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", "ehthumbs.db"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One file met on the way.

    Attributes
    ----------
    file : str
        Relative to the root, with ``/``.
    kind : {"picture", "table", "other"}
        By its name, and by its first bytes where the name says nothing.
    reason : str
        Why an "other" cannot be used.
    """

    file: str
    path: Path
    kind: str
    n_bytes: int = 0
    mtime_ns: int = 0
    reason: str = ""


def hidden(name: str) -> bool:
    """Whether a file or folder is left out without a word: dot files, ``__MACOSX``, ``Thumbs.db``."""
    return (name.startswith(".") and name not in (".", "..")) or name.lower() in _LITTER


def walk(
    root: Path,
    *,
    confine: bool = False,
    leave_out: Path | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[Entry]:
    """Every file under `root`, depth first, names in order of their characters, as a stream.

    Parameters
    ----------
    root : Path
    confine : bool
        Leave out links that lead outside `root` (for roots that a server hands out); they are reported.
    leave_out : Path, optional
        A folder that is not looked into, without a word.
    on_progress : callable, optional
        Called with the number of files met, about every 500.

    Raises
    ------
    InputError
        If `root` itself cannot be listed. A folder further down that cannot be is reported as an "other".
    """
    real_root = os.path.realpath(root)
    seen: set[tuple[int, int]] = set()
    n_files = 0
    try:
        status = os.stat(root)
        os.listdir(root)
    except OSError as error:
        raise InputError(f"the folder {root} cannot be read: {error.strerror}") from error
    seen.add((status.st_dev, status.st_ino))
    if leave_out is not None and leave_out.exists():
        status = leave_out.stat()
        seen.add((status.st_dev, status.st_ino))
    # An own stack, not recursion: a folder nested a thousand deep must not end the walk.
    stack = [iter(_listing(str(root), ""))]
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            continue
        if isinstance(step, Entry):
            yield step
            continue
        entry, file = step
        if (outside := confine and _leads_outside(entry, real_root)) or not _readable_name(file):
            reason = "a link that leads outside the folder" if outside else "its name is not valid Unicode; rename it"
            yield Entry(file.encode("utf-8", "replace").decode(), Path(entry.path), "other", reason=reason)
            continue
        if _is_dir(entry):
            try:
                status = entry.stat()
            except OSError:
                continue
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                stack.append(iter(_listing(entry.path, file + "/")))
            continue
        found = _look(entry, file)
        if found is not None:
            n_files += 1
            if on_progress is not None and n_files % 500 == 0:
                on_progress(n_files)
            yield found
    if on_progress is not None:
        on_progress(n_files)


def _listing(folder: str, prefix: str) -> list[tuple[os.DirEntry, str] | Entry]:
    try:
        with os.scandir(folder) as entries:
            kept = sorted((entry for entry in entries if not hidden(entry.name)), key=lambda entry: entry.name)
    except OSError as error:
        shown = prefix.rstrip("/").encode("utf-8", "replace").decode()
        return [Entry(shown, Path(folder), "other", reason=f"the folder cannot be read: {error.strerror}")]
    return [(entry, prefix + entry.name) for entry in kept]


def _leads_outside(entry: os.DirEntry, real_root: str) -> bool:
    if not entry.is_symlink():
        return False
    real = os.path.realpath(entry.path)
    return real != real_root and not real.startswith(real_root.rstrip(os.sep) + os.sep)


def _readable_name(file: str) -> bool:
    try:
        file.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_dir(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _look(entry: os.DirEntry, file: str) -> Entry | None:
    path = Path(entry.path)
    try:
        if not entry.is_file():
            # Sockets, pipes, devices; and links to nothing or to themselves.
            broken = entry.is_symlink() and not path.exists()
            reason = "a link to a file that is not there" if broken else "not a regular file"
            return Entry(file, path, "other", reason=reason)
        status = entry.stat()
    except OSError as error:
        return Entry(file, path, "other", reason=f"the file cannot be read: {error.strerror}")
    extension = os.path.splitext(entry.name)[1].lower()
    if extension in formats.EXTENSIONS:
        kind, reason = "picture", ""
    elif extension in TABLE_EXTENSIONS:
        kind, reason = "table", ""
    else:
        kind, reason = by_content(path)
    return Entry(file, path, kind, status.st_size, status.st_mtime_ns, reason)


def by_content(path: Path) -> tuple[str, str]:
    """Kind and reason for a file whose name says nothing."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        return "other", f"the file cannot be read: {error.strerror}"
    if formats.sniff(head):
        return "picture", ""
    return "other", f"not a picture Loupe reads: the content is {formats.describe(head)}"
