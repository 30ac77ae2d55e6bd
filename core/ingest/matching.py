"""Which row of a table belongs to which file, and what is left over on either side."""

from __future__ import annotations

import os
import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.errors import InputError
from core.ingest.places import URL_REASON, Places, shortened
from core.ingest.sources import Candidate, Scan
from core.ingest.tables import Row, Table, is_url
from core.types import Scalar, Skipped


@dataclass(slots=True)
class Words:
    """What the rows of one file say together."""

    row: int
    item_id: str | None = None
    captions: list[str] = field(default_factory=list)
    meta: dict[str, Scalar] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Captions pile up; of metadata the first value stays."""
        self.captions.extend(caption for caption in row.captions if caption not in self.captions)
        for name, value in row.meta.items():
            self.meta.setdefault(name, value)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A table joined to items that are there already.

    Attributes
    ----------
    updates : tuple of (item_id, captions, meta)
    unmatched_rows : tuple of Skipped
    unmatched_items : tuple of str
        Ids without a row.
    """

    updates: tuple[tuple[str, tuple[str, ...], Mapping[str, Scalar]], ...]
    unmatched_rows: tuple[Skipped, ...]
    unmatched_items: tuple[str, ...]


class FileIndex:
    """Finds the one file a cell means.

    Tried in turn: the whole relative path; a unique file whose path ends so, or that follows the name of its
    root in the cell (``photos/sub/a.jpg`` means ``sub/a.jpg`` of the folder photos); the same without regard to
    case; and for a cell without an ending, the name of a file without its own.

    Parameters
    ----------
    files : iterable of str
        Relative names with ``/``.
    roots : iterable of str
        Names of the folders (or the zip) that the files are relative to.
    """

    def __init__(self, files: Iterable[str], roots: Iterable[str] = ()) -> None:
        self._roots = {root.casefold() for root in roots}
        # Tables repeat a file for each of its captions.
        self._answers: dict[tuple[str, str], tuple[str | None, str]] = {}
        self._exact: dict[str, str] = {}
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for file in files:
            tidy = _tidy(file)
            self._exact.setdefault(tidy, file)
            name = posixpath.basename(tidy).casefold()
            self._by_name[name].append(file)
            self._by_stem[posixpath.splitext(name)[0]].append(file)

    def find(self, cell: str, prefix: str = "") -> tuple[str | None, str]:
        """The file, or None and the reason.

        Parameters
        ----------
        cell : str
        prefix : str
            Folder of the table, relative to the root of the files; may begin with ``../``.
        """
        key = (prefix, cell)
        if key not in self._answers:
            self._answers[key] = self._find(cell, prefix)
        return self._answers[key]

    def _find(self, cell: str, prefix: str) -> tuple[str | None, str]:
        if not cell:
            return None, "no file is named in this row"
        if is_url(cell):
            return None, URL_REASON
        wanted = _tidy(cell)
        for path in (_tidy(posixpath.join(prefix, wanted)), wanted):
            if path in self._exact:
                return self._exact[path], ""
        name = posixpath.basename(wanted).casefold()
        near = self._by_name.get(name) or self._by_stem.get(name, [])
        fitting = [file for file in near if self._means(wanted, _tidy(file))]
        if len(fitting) == 1:
            return fitting[0], ""
        if len(fitting) > 1:
            return None, f"{len(fitting)} files fit '{shortened(cell)}'; name the folder too"
        return None, f"no picture '{shortened(cell)}' was found"

    def _means(self, wanted: str, file: str) -> bool:
        file, wanted = "/" + file.casefold(), "/" + wanted.casefold().lstrip("/")
        if not posixpath.splitext(wanted)[1]:
            file = posixpath.splitext(file)[0]
        if file.endswith(wanted):
            return True
        return wanted.endswith(file) and posixpath.basename(wanted.removesuffix(file)) in self._roots


def _tidy(path: str) -> str:
    return posixpath.normpath(unicodedata.normalize("NFC", path.replace("\\", "/")))


def match_rows(scanned: Scan, source: Path, table: Table) -> Scan:
    """Give the candidates of a folder, a zip or one picture the words of a captions table.

    A table without a picture column but with ids is joined by file name without ending (id 15970 and 15970.jpg).

    Raises
    ------
    InputError
        If the table can be joined by nothing, or gives one id to two files.
    """
    if table.image_column is None and table.id_column is None:
        raise InputError(_no_column(table))
    folder = source if source.is_dir() else source.parent
    prefix = Path(os.path.relpath(table.path.resolve().parent, folder.resolve())).as_posix()
    root = source.name if source.is_dir() else source.stem
    index = FileIndex((candidate.file for candidate in scanned.candidates), (root,))
    words, unmatched = _group(
        table, lambda row: index.find(row.file if table.image_column else row.item_id or "", prefix)
    )
    candidates = tuple(_with_words(candidate, words.get(candidate.file)) for candidate in scanned.candidates)
    return replace(
        scanned,
        candidates=candidates,
        unmatched_rows=(*table.problems, *unmatched),
        unmatched_files=tuple(candidate.file for candidate in candidates if candidate.file not in words),
        columns=table.columns,
    )


def candidates_of(table: Table) -> Scan:
    """The pictures a table names, relative to it and under its folder, with their words.

    Raises
    ------
    InputError
        If there is no picture column, or one id stands for two files.
    """
    if table.image_column is None:
        raise InputError(_no_column(table))
    places = Places(table.path.parent)
    words, unmatched = _group(table, lambda row: places.find(row.file))
    candidates = []
    for file, said in words.items():
        path, n_bytes, mtime_ns = places.found[file]
        found = Candidate(file, path, str(table.path.parent), n_bytes=n_bytes, mtime_ns=mtime_ns)
        candidates.append(_with_words(found, said))
    skipped = (*table.problems, *unmatched)
    return Scan(tuple(candidates), skipped=skipped, unmatched_rows=skipped, columns=table.columns)


def attach_rows(
    table: Table, files: Mapping[str, str], ids: Collection[str], roots: Iterable[str] = ()
) -> Attachment:
    """Join a table to items that are there: by its ``id`` column where an item has that id, else by file.

    Parameters
    ----------
    table : Table
    files : Mapping of str to str
        Shown file name -> item id.
    ids : collection of str
        All item ids.
    roots : iterable of str
        Names of the folders that the file names are relative to.

    Raises
    ------
    InputError
        If the table has neither an id nor a picture column.
    """
    if table.image_column is None and table.id_column is None:
        raise InputError(_no_column(table))
    known = set(ids)
    index = FileIndex(files, (*roots, *_common_folder(table)))

    def find(row: Row) -> tuple[str | None, str]:
        if row.item_id in known:
            return row.item_id, ""
        file, reason = index.find(row.file or row.item_id or "")
        if file is None and not row.file:
            return None, f"no item has the id '{row.item_id}'" if row.item_id else "neither an id nor a file is named"
        return (files[file], "") if file is not None else (None, reason)

    words, unmatched = _group(table, find, own_ids=False)
    updates = tuple((item_id, tuple(said.captions), said.meta) for item_id, said in words.items())
    left = tuple(item_id for item_id in ids if item_id not in words)
    return Attachment(updates, (*table.problems, *unmatched), left)


def _common_folder(table: Table) -> tuple[str, ...]:
    """The name of the folder that all cells begin with, if there is one: uploads have lost the folder they lay in."""
    folders = [posixpath.dirname(_tidy(row.file)) for row in table.rows if row.file and not is_url(row.file)]
    if not folders or not all(folders) or len({folder.startswith("/") for folder in folders}) > 1:
        return ()
    name = posixpath.basename(posixpath.commonpath(folders))
    return (name,) if name else ()


def _group(table: Table, find, own_ids: bool = True) -> tuple[dict[str, Words], list[Skipped]]:  # noqa: ANN001
    """Rows by what `find` says they belong to, in order of first mention."""
    words: dict[str, Words] = {}
    owner: dict[str, str] = {}
    unmatched: list[Skipped] = []
    for row in table.rows:
        target, reason = find(row)
        if target is None:
            unmatched.append(Skipped(row.file or row.item_id or table.path.name, f"row {row.number}: {reason}"))
            continue
        said = words.get(target)
        if said is None:
            said = words[target] = Words(row.number, row.item_id)
        elif own_ids and row.item_id and said.item_id and row.item_id != said.item_id:
            reason = f"row {row.number}: the id '{row.item_id}', but row {said.row} calls this file '{said.item_id}'"
            unmatched.append(Skipped(row.file, reason))
            continue
        if own_ids and row.item_id:
            said.item_id = said.item_id or row.item_id
            if owner.setdefault(row.item_id, target) != target:
                raise InputError(
                    f"{table.path.name}: the id '{row.item_id}' is given to two pictures, {owner[row.item_id]} "
                    f"(row {words[owner[row.item_id]].row}) and {target} (row {row.number}); ids must be unique"
                )
        said.add(row)
    return words, unmatched


def _with_words(candidate: Candidate, said: Words | None) -> Candidate:
    if said is None:
        return candidate
    return replace(candidate, captions=tuple(said.captions), meta=said.meta, item_id=said.item_id)


def _no_column(table: Table) -> str:
    return (
        f"{table.path.name} has no column of picture files: its columns are {', '.join(table.names)[:200]}; "
        "call one of them 'file'"
    )
