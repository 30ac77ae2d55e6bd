"""Tables of captions and metadata: CSV, TSV, JSON Lines and Parquet, read into rows with settled types.

Nothing is ever fetched: a URL in the picture column is refused further on with its reason.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.ingest import formats
from core.ingest.columns import clean_names, settle
from core.ingest.readers import READERS, Raw
from core.ingest.vectors import read_vectors, write_parquet
from core.types import Column, Scalar, Skipped

MAX_TABLE_BYTES = 512_000_000
MAX_COLUMNS = 500

IMAGE_NAMES = (
    "file", "file_name", "filename", "image", "image_path", "image_file", "image_name", "img", "img_path",
    "path", "file_path", "filepath", "photo", "picture", "photo_path", "picture_path", "images",
)  # fmt: skip
CAPTION_NAMES = (
    "caption", "captions", "text", "alt_text", "alt", "description", "sentence", "sentences", "title", "name", "comment"
)  # fmt: skip
_NUMBERED_CAPTION = re.compile(r"(?:caption|sentence|text|comment)[ _-]?\d{1,2}")
ID_PATTERN = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes
    ----------
    number : int
        As a spreadsheet or a text editor counts: a header is row 1.
    file : str
        The cell of the picture column as it stands, or "".
    item_id : str or None
        The cell of the ``id`` column.
    captions : tuple of str
    meta : Mapping of str to Scalar
        The other columns, empty cells left out.
    """

    number: int
    file: str
    item_id: str | None
    captions: tuple[str, ...]
    meta: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was read.

    Attributes
    ----------
    path : Path
    names : tuple of str
        All columns, cleaned.
    columns : tuple of Column
        The metadata columns with their kinds: all but picture, captions and id.
    rows : tuple of Row
    image_column, id_column : str or None
    caption_columns : tuple of str
        One, or numbered ones (``caption_1``, ``caption_2``, ...).
    problems : tuple of Skipped
        Rows that could not be used, with their numbers.
    """

    path: Path
    names: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    image_column: str | None
    caption_columns: tuple[str, ...]
    id_column: str | None
    problems: tuple[Skipped, ...] = ()

    @property
    def caption_column(self) -> str | None:
        """The first caption column."""
        return self.caption_columns[0] if self.caption_columns else None


def read_table(
    path: Path | str, *, image_column: str | None = None, caption_column: str | None = None
) -> Table:
    """Read a table, find its picture, caption and id columns, and settle the types of the others.

    Parameters
    ----------
    path : path
        ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` or ``.parquet``. For text the delimiter (comma, semicolon,
        tab, bar), byte order mark and encoding (UTF-8, UTF-16, else Windows-1252) are found.
    image_column, caption_column : str, optional
        Names to use instead of what is found: by name (`IMAGE_NAMES`, `CAPTION_NAMES`), and for pictures
        else by content (most cells end like a picture file).

    Raises
    ------
    InputError
        If there is no such file, it is too large, it cannot be read as its kind, or it has no rows.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no table at {path}")
    n_bytes = path.stat().st_size
    if n_bytes > MAX_TABLE_BYTES:
        raise InputError(f"{path.name} is too large: {n_bytes:,} bytes, and the most is {MAX_TABLE_BYTES:,}; split it")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path.name} is no table that is read; use one of {' '.join(sorted(READERS))}")
    raw = reader(path)
    if not raw.numbers:
        raise InputError(f"{path.name} has no rows; a table needs a header and at least one row")
    if len(raw.names) > MAX_COLUMNS:
        raise InputError(f"{path.name} has {len(raw.names):,} columns, and the most is {MAX_COLUMNS:,}; leave some out")
    return _assemble(path, raw, image_column, caption_column)


def _assemble(path: Path, raw: Raw, image_column: str | None, caption_column: str | None) -> Table:
    names = clean_names(raw.names)
    by_name = dict(zip(names, raw.cells))
    image = _chosen(path, names, image_column) or _find_image(by_name)
    captions = _find_captions(path, names, caption_column, image)
    identity = next((name for name in names if name.lower() in ("id", "item_id") and name != image), None)
    special = {image, identity, *captions}
    others = [name for name in names if name not in special]
    columns, settled = [], []
    for name, safe in zip(others, clean_names(others, reserve=True)):
        kind, values = settle(by_name[name])
        columns.append(Column(safe, kind))
        settled.append(values)
    rows, problems = [], list(raw.problems)
    for position, number in enumerate(raw.numbers):
        item_id = _cell(by_name[identity][position]) if identity else ""
        if item_id and not ID_PATTERN.fullmatch(item_id):
            shown = item_id if len(item_id) <= 80 else item_id[:77] + "..."
            reason = f"row {number}: the id '{shown}' is not 1 to 64 of the characters A-Z a-z 0-9 . _ : -"
            problems.append(Skipped(_cell(by_name[image][position]) if image else path.name, reason))
            continue
        rows.append(
            Row(
                number=number,
                file=_cell(by_name[image][position]) if image else "",
                item_id=item_id or None,
                captions=_captions(by_name[name][position] for name in captions),
                meta={
                    column.name: values[position]
                    for column, values in zip(columns, settled)
                    if values[position] is not None
                },
            )
        )
    return Table(
        path, tuple(names), tuple(columns), tuple(rows), image, tuple(captions), identity, tuple(problems)
    )


def _chosen(path: Path, names: Sequence[str], wanted: str | None) -> str | None:
    if wanted is None or wanted in names:
        return wanted
    raise InputError(f"{path.name} has no column '{wanted}'; its columns are {', '.join(names)}")


def _find_image(by_name: Mapping[str, Sequence[object]]) -> str | None:
    lowered = {_key(name): name for name in reversed(by_name)}
    named = [lowered[key] for key in IMAGE_NAMES if key in lowered]
    # A column of the right name wins, unless it holds URLs and another one holds files.
    for name in named:
        if not _share(by_name[name], is_url) > 0.5:
            return name
    by_content = [name for name, cells in by_name.items() if _share(cells, _ends_like_picture) > 0.5]
    for name in by_content:
        if not _share(by_name[name], is_url) > 0.5:
            return name
    return next(iter([*named, *by_content]), None)


def _find_captions(path: Path, names: Sequence[str], wanted: str | None, image: str | None) -> list[str]:
    if wanted is not None:
        return [_chosen(path, names, wanted)]
    lowered = {_key(name): name for name in reversed(names) if name != image}
    first = next((lowered[key] for key in CAPTION_NAMES if key in lowered), None)
    numbered = [name for name in names if _NUMBERED_CAPTION.fullmatch(_key(name)) and name != image]
    if first is not None and _key(first) in ("caption", "captions"):
        return [first, *numbered]
    return numbered or ([first] if first is not None else [])


def _key(name: str) -> str:
    return name.lower().replace(" ", "_").replace("-", "_")


def _share(cells: Iterable[object], test) -> float:  # noqa: ANN001 - str -> bool
    filled = [cell for cell in (_cell(value) for value, _ in zip(cells, range(1000))) if cell]
    return sum(map(test, filled)) / len(filled) if filled else 0.0


def is_url(cell: str) -> bool:
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://|//|data:|www\.", cell) is not None


def _ends_like_picture(cell: str) -> bool:
    return os.path.splitext(cell.lower())[1] in formats.EXTENSIONS


def _cell(value: object) -> str:
    """The cell as text, whole numbers without a decimal point (Parquet may hold an id as 7.0)."""
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().replace("\x00", "")


def _captions(cells: Iterable[object]) -> tuple[str, ...]:
    texts: list[str] = []
    for cell in cells:
        for part in cell if isinstance(cell, list | tuple) else (cell,):
            text = " ".join(_cell(part).split())
            if text and text not in texts:
                texts.append(text)
    return tuple(texts)


__all__ = ["ID_PATTERN", "Row", "Table", "read_table", "read_vectors", "write_parquet"]
