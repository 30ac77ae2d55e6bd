"""What a user points at (a picture, a folder, a zip, a table) as one list of candidates with their words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import Cancelled, InputError
from core.ingest import folders, formats
from core.types import Column, Scalar, Skipped


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that looks like a picture; nobody has decoded it yet.

    Attributes
    ----------
    file : str
        Shown name: relative to the folder, the zip or the table it came from, with ``/``.
    path : Path
        Where its bytes are now. Files of a zip lie in the spool under numbered names.
    root : str
        The folder, zip or table.
    captions : tuple of str
    meta : Mapping of str to Scalar
    item_id : str or None
        Where the table has an ``id`` column; None: from the bytes.
    n_bytes, mtime_ns : int
        As the scan saw them, to tell what changed since the last time without reading a byte.
    """

    file: str
    path: Path
    root: str
    captions: tuple[str, ...] = ()
    meta: Mapping[str, Scalar] = field(default_factory=dict)
    item_id: str | None = None
    n_bytes: int = 0
    mtime_ns: int = 0


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found.

    Attributes
    ----------
    candidates : tuple of Candidate
        In a fixed order.
    skipped : tuple of Skipped
        Files that cannot be used, as far as their names and first bytes tell.
    unmatched_rows : tuple of Skipped
        Rows of the captions table without a file; the reason has the row's number.
    unmatched_files : tuple of str
        Candidates without a row, where there was a captions table.
    columns : tuple of Column
        Metadata columns of the table.
    tables : Mapping of str to Path
        Tables that lie in the source, by shown name. They are not used unless given as `captions`.
    """

    candidates: tuple[Candidate, ...]
    skipped: tuple[Skipped, ...] = ()
    unmatched_rows: tuple[Skipped, ...] = ()
    unmatched_files: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    tables: Mapping[str, Path] = field(default_factory=dict)


def scan(
    source: Path | str,
    *,
    captions: Path | str | None = None,
    spool: Path | None = None,
    confine: bool = False,
    leave_out: Path | None = None,
    on_progress: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Scan:
    """List what is in a source, without decoding any of it.

    Parameters
    ----------
    source : path
        A folder (searched through all its subfolders), a picture, a zip, or a table (CSV, TSV, Parquet, JSONL)
        with a column of picture paths.
    captions : path, optional
        A table of captions and metadata for the pictures of `source`. Not with a table as `source`.
    spool : Path, optional
        Where a zip is unpacked; needed for zips only.
    confine : bool
        Leave out links that lead outside the folder.
    leave_out : Path, optional
        A folder that is not looked into: the home of collections, whose thumbnails are nobody's pictures.
    on_progress : callable, optional
        Called with the number of files met so far.
    cancelled : callable, optional
        Asked now and then; True ends the scan with `Cancelled`.

    Raises
    ------
    InputError
        If there is nothing there, or it is of a kind that is not read.
    """
    source = Path(source).expanduser()
    try:
        exists = source.exists()
    except (OSError, ValueError):
        exists = False
    if not exists:
        raise InputError(f"there is nothing at {source}; give a folder, a picture, a zip or a table")

    def tick(n_files: int) -> None:
        if cancelled is not None and cancelled():
            raise Cancelled("the scan was cancelled; nothing was added")
        if on_progress is not None:
            on_progress(n_files)

    kind = "folder" if source.is_dir() else _kind_of_file(source)
    if kind == "table":
        if captions is not None:
            raise InputError(
                f"{source.name} is a table already, so a second table of captions cannot be used with it; "
                "give the folder of pictures as the source"
            )
        return _scan_table(source)
    if kind == "zip":
        if spool is None:
            raise InputError(f"{source.name} is a zip, and no folder was given to unpack it in")
        from core.ingest.archive import unpack

        found = unpack(source, Path(spool), on_progress=tick)
        result = _collect(found, root=source.name)
    elif kind == "picture":
        status = source.stat()
        candidate = Candidate(
            source.name, source, str(source.parent), n_bytes=status.st_size, mtime_ns=status.st_mtime_ns
        )
        result = Scan((candidate,))
    else:
        result = _collect(folders.walk(source, confine=confine, leave_out=leave_out, on_progress=tick), root=str(source))
    return result if captions is None else _with_captions(result, source, Path(captions).expanduser())


def _kind_of_file(source: Path) -> str:
    extension = source.suffix.lower()
    if extension in folders.TABLE_EXTENSIONS:
        return "table"
    if extension in formats.EXTENSIONS:
        return "picture"
    if not source.is_file():
        raise InputError(f"{source.name} is not a regular file; give a folder, a picture, a zip or a table")
    with source.open("rb") as file:
        head = file.read(64)
    # An empty zip has only its closing record.
    if extension == ".zip" or head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if extension in (".npy", ".npz"):
        raise InputError(f"{source.name} holds vectors; give the pictures as the source and this file as vectors")
    if formats.sniff(head):
        return "picture"
    raise InputError(
        f"{source.name} cannot be indexed: the content is {formats.describe(head)}; "
        "give a folder, a picture, a zip, or a table (.csv .tsv .jsonl .parquet)"
    )


def _collect(entries: Iterable[folders.Entry], root: str) -> Scan:
    candidates: list[Candidate] = []
    skipped: list[Skipped] = []
    tables: dict[str, Path] = {}
    for entry in entries:
        if entry.kind == "picture":
            candidates.append(
                Candidate(entry.file, entry.path, root, n_bytes=entry.n_bytes, mtime_ns=entry.mtime_ns)
            )
        elif entry.kind == "table":
            tables[entry.file] = entry.path
        else:
            skipped.append(Skipped(entry.file, entry.reason))
    return Scan(tuple(candidates), tuple(skipped), tables=tables)


def _with_captions(scanned: Scan, source: Path, captions: Path) -> Scan:
    from core.ingest.matching import match_rows
    from core.ingest.tables import read_table

    return match_rows(scanned, source, read_table(captions))


def _scan_table(source: Path) -> Scan:
    from core.ingest.matching import candidates_of
    from core.ingest.tables import read_table

    return candidates_of(read_table(source))
