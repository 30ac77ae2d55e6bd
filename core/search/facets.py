"""Values that can be chosen per column, with exact counts under everything else the query filters by.

The counts of a column leave that column's own condition out: with ``colour = 'red'`` chosen, the counts of the other
colours still say what choosing them too would bring, while every other column is counted among the red ones.

Reading every item's metadata for every count would be slow, so the columns are read once into small integer codes and
kept while nothing in the collection changes; a count is then one `numpy.bincount`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from core.query.where import Field, find_field, metadata_field, without
from core.search.filters import condition, filtered, numbers
from core.store import Collection
from core.types import Facet, Query, Scalar

MAX_VALUES = 200
"""Text columns with more different values are no facet, they are for ``~`` and ``caption:``."""

_KEPT = 4
_MISSING_VALUE = -1


@dataclass(frozen=True, eq=False)
class _Coded:
    """A column: for each live item the number of its value in `values`, -1 for none."""

    name: str
    kind: str
    values: tuple[Scalar, ...]
    codes: np.ndarray
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, eq=False)
class _Tags:
    """Live tags: for each (item, tag) the row of the item in the table and the number of the tag in `values`."""

    values: tuple[str, ...]
    rows: np.ndarray
    codes: np.ndarray


@dataclass(frozen=True, eq=False)
class _Table:
    """The live items' numbers (``items.n``, ascending), the columns that are facets, and the tags."""

    numbers: np.ndarray
    columns: tuple[_Coded, ...]
    tags: _Tags


_tables: OrderedDict[tuple[object, ...], _Table] = OrderedDict()
_lock = threading.Lock()


def facets(collection: Collection, query: Query = Query()) -> tuple[Facet, ...]:
    """The facets of a collection with live counts, metadata columns first.

    Metadata columns with at most `MAX_VALUES` values; numbers and dates also with their bounds over the whole
    collection (dates as seconds since the epoch), however many values they have. Then ``tag``, ``date`` (years, or
    months or days where all is in one) and ``status`` where they say something. The value None counts the items
    without one.

    Raises
    ------
    QueryError
        The filter text cannot be read.
    """
    table = _table(collection)
    columns = collection.columns()
    masks: dict[str, np.ndarray | None] = {}

    def mask(column: str) -> np.ndarray | None:
        """Which items pass without what is asked of this column; None for all."""
        left = replace(query, where=without(query.where, column, columns) if query.where.strip() else "")
        if left.where not in masks:
            masks[left.where] = _mask(collection, table, left) if filtered(left) else None
        return masks[left.where]

    condition(collection, query)  # a filter that cannot be read is said even where there is no column to count
    found = [_counted(column, mask(column.name)) for column in table.columns]
    tags = [_counted_tags(table, mask("tag"))] if table.tags.values else []
    at = sum(column.name not in ("date", "status") for column in table.columns)
    return tuple(found[:at] + tags + found[at:])


def _mask(collection: Collection, table: _Table, query: Query) -> np.ndarray:
    """bool by row of the table: which items pass."""
    passing = numbers(collection, query)
    flags = np.zeros(int(max(table.numbers.max(initial=0), passing.max(initial=0))) + 1, dtype=bool)
    flags[passing] = True
    return flags[table.numbers]


def _counted(column: _Coded, passing: np.ndarray | None) -> Facet:
    codes = column.codes if passing is None else column.codes[passing]
    counts = np.bincount(codes + 1, minlength=len(column.values) + 1).tolist()
    # Values that nothing has any more stay, with 0, so that what is chosen can be seen and taken back.
    values = sorted(zip(column.values, counts[1:]), key=lambda pair: (-pair[1], _by_value(pair[0])))
    if counts[0] and column.values:
        values.append((None, counts[0]))
    return Facet(column.name, column.kind, tuple(values), column.minimum, column.maximum)


def _counted_tags(table: _Table, passing: np.ndarray | None) -> Facet:
    rows, codes = table.tags.rows, table.tags.codes
    if passing is not None:
        rows, codes = rows[passing[rows]], codes[passing[rows]]
    counts = np.bincount(codes, minlength=len(table.tags.values)).tolist()
    values: list[tuple[Scalar, int]] = sorted(zip(table.tags.values, counts), key=lambda pair: (-pair[1], pair[0]))
    n_items = len(table.numbers) if passing is None else int(passing.sum())
    untagged = n_items - len(np.unique(rows))
    return Facet("tag", "text", (*values, (None, untagged)) if untagged else tuple(values))


def _by_value(value: Scalar) -> tuple[int, float, str]:
    return (0, float(value), "") if isinstance(value, bool | int | float) else (1, 0.0, str(value))


# ---------------------------------------------------------------- columns as codes


def _table(collection: Collection) -> _Table:
    # The revision is read before the items: a table may be newer than its key says, never older.
    key = (collection.path, *collection.stamp)
    with _lock:
        if key in _tables:
            _tables.move_to_end(key)
            return _tables[key]
    table = _read(collection)
    with _lock:
        for old in [old for old in _tables if old[:2] == key[:2]]:
            del _tables[old]
        _tables[key] = table
        while len(_tables) > _KEPT:
            _tables.popitem(last=False)
    return table


def _read(collection: Collection) -> _Table:
    columns = collection.columns()
    fields = [metadata_field(column) for column in columns]
    fields += [find_field("date", columns), find_field("status", columns)]
    sql = ", ".join(["items.n", *(field.sql for field in fields)])
    rows = collection.select(
        f"SELECT {sql} FROM items WHERE items.trashed_at IS NULL ORDER BY items.n",
        [param for field in fields for param in field.params],
    )
    order = np.array([row[0] for row in rows], dtype=np.int64)
    coded = []
    for place, field in enumerate(fields, start=1):
        column = _coded(field, [row[place] for row in rows])
        told = {"date": 2, "status": 2}.get(field.name, 0)  # one date, or everything "ok", says nothing
        if column is not None and (not told or len(column.values) >= told):
            coded.append(column)
    return _Table(order, tuple(coded), _read_tags(collection, order))


def _read_tags(collection: Collection, order: np.ndarray) -> _Tags:
    rows = collection.select(
        "SELECT tag, items.n FROM tags JOIN items USING (item_id) WHERE undone_at IS NULL AND trashed_at IS NULL"
    )
    codes: dict[str, int] = {}
    of_tag = np.array([codes.setdefault(tag, len(codes)) for tag, _ in rows], dtype=np.int64)
    items = np.array([n for _, n in rows], dtype=np.int64)
    at = np.searchsorted(order, items)
    known = np.isin(items, order)  # an item may have come since the table was read
    return _Tags(tuple(codes), at[known], of_tag[known])


def _coded(field: Field, values: list[Scalar]) -> _Coded | None:
    """A column as codes; None where it has no values or, being text, too many."""
    minimum = maximum = None
    if field.kind == "boolean":
        values = [None if value is None else bool(value) for value in values]
    elif field.kind == "number":
        given = [value for value in values if value is not None]
        minimum, maximum = (float(min(given)), float(max(given))) if given else (None, None)  # type: ignore[type-var]
    elif field.kind == "date":
        given = [str(value) for value in values if value is not None]
        minimum, maximum = (_seconds(min(given)), _seconds(max(given))) if given else (None, None)
        length = next((n for n in (4, 7) if len({value[:n] for value in given}) > 1), 10)
        values = [None if value is None else str(value)[:length] for value in values]
    codes: dict[Scalar, int] = {}
    coded = [_MISSING_VALUE if value is None else codes.setdefault(value, len(codes)) for value in values]
    if not codes:
        return None
    if len(codes) > MAX_VALUES:
        if field.kind not in ("number", "date"):
            return None
        return _Coded(field.name, field.kind, (), np.full(len(values), _MISSING_VALUE), minimum, maximum)
    return _Coded(field.name, field.kind, tuple(codes), np.array(coded, dtype=np.int64), minimum, maximum)


def _seconds(date: str) -> float | None:
    try:
        at = datetime.fromisoformat(date.replace(" ", "T"))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
