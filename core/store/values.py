"""Metadata values: what JSON keeps of them, and what kind of column they make."""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from core.errors import InputError
from core.types import Column, Scalar

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")


def column_name(name: str) -> str:
    """A column's name as it is kept: ``"`` becomes ``'``, because SQLite's JSON paths have no escape for it."""
    return str(name).replace('"', "'")


def scalar(value: object) -> Scalar:
    """`value` as JSON can keep it: numpy numbers become Python's, not-a-number becomes None, dates become ISO 8601.

    Raises
    ------
    InputError
        If it is a list, a mapping or another thing that is not one value.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | datetime):
        return value.isoformat()
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return scalar(value.item())
    raise InputError(
        f"A metadata value is a {type(value).__name__}; text, a number, true/false, a date or nothing can be kept."
    )


def clean(meta: Mapping[str, object]) -> dict[str, Scalar]:
    """Metadata of one item as it is kept."""
    return {column_name(name): scalar(value) for name, value in meta.items()}


def as_json(meta: Mapping[str, Scalar]) -> str:
    """Metadata as the JSON text of ``items.meta``."""
    return json.dumps(dict(meta), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def kind_of(value: Scalar) -> str | None:
    """The kind of column a value fits: None for an empty one."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "date" if _DATE.fullmatch(value) else "text"


def widen(connection: sqlite3.Connection, rows: Iterable[Mapping[str, Scalar]]) -> None:
    """Note the columns of new metadata; a column whose values disagree about their kind is text."""
    known = dict(connection.execute("SELECT name, kind FROM columns"))
    new = dict(known)
    for meta in rows:
        for name, value in meta.items():
            kind = kind_of(value)
            if kind is not None and new.setdefault(name, kind) != kind:
                new[name] = "text"
    changed = [(name, kind) for name, kind in new.items() if known.get(name) != kind]
    connection.executemany(
        "INSERT INTO columns (name, kind) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET kind = excluded.kind", changed
    )


def set_columns(connection: sqlite3.Connection, columns: Iterable[Column]) -> None:
    """Say what kind columns have, as somebody who saw the whole table knows it."""
    connection.executemany(
        "INSERT INTO columns (name, kind) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET kind = excluded.kind",
        [(column_name(column.name), column.kind) for column in columns],
    )
