"""Names and types of a table's columns, made safe and settled once for the whole column."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Literal

from core.types import Scalar

Kind = Literal["text", "number", "boolean", "date"]

RESERVED = frozenset({"tag", "file", "caption", "id", "item_id", "date", "n_k", "width", "height", "status"})
"""Words that filters understand by themselves; a column of that name becomes ``table_<name>``."""

MAX_NAME = 64

# Left as they are in text columns ("NA" may be Namibia, "nan" a grandmother), empty in the other kinds.
_EMPTY_IN_NUMBERS = frozenset({"na", "n/a", "nan", "null", "none", "-", "inf", "-inf"})
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False}
# No leading zeros: "007" is a name, and would come back as 7.
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?|[+-]?\.\d+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?")
_SQLITE_INTEGER = 2**63


def clean_names(names: Sequence[str | None], reserve: bool = False) -> list[str]:
    """Column names that can stand in a filter, a link and a JSON path: unique, no double quotes or controls.

    Parameters
    ----------
    names : sequence of str or None
        As the table has them; an empty one becomes ``column <number>``.
    reserve : bool
        Also move aside the names in `RESERVED`.

    Returns
    -------
    list of str
        Same length and order. Names that differ only in case count as the same and get ``_2``, ``_3``, ...
    """
    used: set[str] = set()
    cleaned = []
    for position, raw in enumerate(names, start=1):
        name = unicodedata.normalize("NFC", "" if raw is None else str(raw))
        name = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in name if c not in '"\\')
        name = " ".join(name.split())[:MAX_NAME].strip() or f"column {position}"
        if reserve and name.lower() in RESERVED:
            name = f"table_{name.lower()}"
        base, n = name, 2
        while name.lower() in used:
            name, n = f"{base}_{n}", n + 1
        used.add(name.lower())
        cleaned.append(name)
    return cleaned


def settle(values: Iterable[object]) -> tuple[Kind, list[Scalar]]:
    """Find the one kind that all values of a column have, and give them as that kind.

    Parameters
    ----------
    values : iterable
        Cells: str from CSV; any JSON value from JSONL; Python values from Parquet.

    Returns
    -------
    kind : {"text", "number", "boolean", "date"}
    values : list
        None where empty. Numbers are int or float (finite), dates ISO 8601 text.
    """
    cells = [_plain(value) for value in values]
    filled = [cell for cell in cells if cell is not None]
    if filled and all(isinstance(cell, bool) for cell in filled):
        return "boolean", cells
    for kind, read in (("boolean", _as_boolean), ("number", _as_number), ("date", _as_date)):
        settled = _all_as(cells, read)
        if settled is not None:
            return kind, settled
    return "text", [None if cell is None else _text(cell) for cell in cells]


def _all_as(cells: list[Scalar], read) -> list[Scalar] | None:  # noqa: ANN001 - Scalar -> Scalar, ValueError if not
    settled: list[Scalar] = []
    n_read = 0
    for cell in cells:
        if cell is None or (isinstance(cell, str) and cell.lower() in _EMPTY_IN_NUMBERS):
            settled.append(None)
            continue
        try:
            settled.append(read(cell))
        except ValueError:
            return None
        n_read += 1
    return settled if n_read else None


def _plain(value: object) -> Scalar:
    """One cell as str, int, float, bool or None."""
    if isinstance(value, str):
        return value.strip().replace("\x00", "") or None
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_SQLITE_INTEGER <= value < _SQLITE_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        if all(isinstance(part, str | int | float | bool) for part in value):
            return ", ".join(str(part) for part in value) or None
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str) if value else None
    try:
        return _plain(float(value))  # Decimal and the like
    except (TypeError, ValueError):
        return str(value)


def _text(cell: Scalar) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell)


def _as_boolean(cell: Scalar) -> bool:
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, str) and cell.lower() in _BOOLEANS:
        return _BOOLEANS[cell.lower()]
    raise ValueError


def _as_number(cell: Scalar) -> int | float:
    if isinstance(cell, bool):
        raise ValueError
    if isinstance(cell, int | float):
        return cell
    if not _NUMBER.fullmatch(cell):
        raise ValueError
    if re.fullmatch(r"[+-]?\d+", cell):
        number = int(cell)
        if not -_SQLITE_INTEGER <= number < _SQLITE_INTEGER:
            raise ValueError
        return number
    number = float(cell)
    if not math.isfinite(number):
        raise ValueError
    return number


def _as_date(cell: Scalar) -> str:
    if not isinstance(cell, str) or not _DATE.fullmatch(cell):
        raise ValueError
    datetime.fromisoformat(cell)  # ValueError for the 31st of February
    return cell.replace(" ", "T", 1)
