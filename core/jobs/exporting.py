"""Ways out of a collection: hits as CSV, JSON lines or a zip with the images; everything as Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.errors import InputError, NotFound
from core.query.parse import render
from core.store import Collection
from core.types import Hit, Item, Query, Scalar, SearchResult

FORMATS = ("csv", "jsonl", "zip")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_UNSAFE = re.compile(r"[^\w. ()+-]+")


def export_hits(collection: Collection, what: SearchResult | Sequence[str], kind: str, out: BinaryIO) -> None:
    """Write hits, or items by their ids.

    Parameters
    ----------
    what : SearchResult or sequence of item ids
    kind : {"csv", "jsonl", "zip"}
        Of hits, with the query's line and what each of its terms gave to the score. ``zip`` holds the original images
        (the thumbnail of a lost one) and ``hits.csv``.
    out : binary file

    Raises
    ------
    InputError
        There is no such format.
    NotFound
        An id is not in the collection.
    """
    if kind not in FORMATS:
        raise InputError(f"Hits can be written as {', '.join(FORMATS)}, not as {kind!r}.")
    asked = isinstance(what, SearchResult) and bool(what.query.terms)
    hits: list[Hit | None] = list(what) if isinstance(what, SearchResult) else [None] * len(what)
    ids = what.item_ids if isinstance(what, SearchResult) else tuple(what)
    items = collection.items(ids)
    terms, line = ([render(Query((term,))) for term in what.query.terms], render(what.query)) if asked else ([], "")
    rows = [_row(item, hit, terms, line) for item, hit in zip(items, hits)]
    if kind == "jsonl":
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    elif kind == "csv":
        out.write(_csv(rows))
    else:
        _zip(collection, items, rows, out)


def _row(item: Item, hit: Hit | None, terms: Sequence[str], line: str) -> dict[str, object]:
    found = {} if hit is None else {"rank": hit.rank, "score": hit.score, "cosine": hit.cosine}
    if hit is not None and terms:
        found |= {"query": line, "terms": [{"term": term, "gave": gave} for term, gave in zip(terms, hit.terms)]}
    return {
        **found,
        "item_id": item.item_id,
        "file": item.file,
        "captions": list(item.captions),
        "tags": list(item.tags),
        "width": item.width,
        "height": item.height,
        "date": item.date,
        "n_k": item.n_k,
        "meta": dict(item.meta),
    }


def _csv(rows: Sequence[dict[str, object]]) -> bytes:
    """A table with one column for each metadata column; UTF-8 with a mark that spreadsheets know it by."""
    meta = list(dict.fromkeys(name for row in rows for name in row["meta"]))  # type: ignore[attr-defined]
    plain = [name for name in (rows[0] if rows else {"item_id": "", "file": ""}) if name != "meta"]
    if any("image" in row for row in rows) and "image" not in plain:
        plain.append("image")
    taken = set(plain)
    names = [name if name not in taken else f"meta.{name}" for name in meta]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([cell(name) for name in (*plain, *names)])
    for row in rows:
        row = {**row, "terms": [f"{part['gave']:.6f} from {part['term']}" for part in row.get("terms", ())]}  # type: ignore[attr-defined]
        values = [row.get(name) for name in plain] + [row["meta"].get(name) for name in meta]  # type: ignore[attr-defined]
        writer.writerow([cell(value) for value in values])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def cell(value: object) -> object:
    """A value as a cell. Text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay."""
    if isinstance(value, list | tuple):
        value = " | ".join(str(part) for part in value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _zip(collection: Collection, items: Sequence[Item], rows: Sequence[dict[str, object]], out: BinaryIO) -> None:
    """One image after the other, read in pieces: the zip may be larger than the memory."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
        width = len(str(len(items)))
        for number, (item, row) in enumerate(zip(items, rows), start=1):
            path, note = _file_of(collection, item)
            if path is None:
                row["image"] = "lost"
                continue
            stem = _UNSAFE.sub("_", Path(item.file).stem)[:80].strip(" .") or item.item_id
            suffix = path.suffix if note else Path(item.file).suffix or path.suffix
            name = f"images/{number:0{width}d} {stem}{_UNSAFE.sub('', suffix)[:12].lower()}"
            archive.write(path, name)
            row["image"] = name + note
        archive.writestr("hits.csv", _csv(rows), compress_type=zipfile.ZIP_DEFLATED)


def _file_of(collection: Collection, item: Item) -> tuple[Path | None, str]:
    path = collection.original_path(item.item_id)
    if path is not None:
        return path, ""
    try:
        return collection.thumb_path(item.item_id), " (thumbnail; the original is lost)"
    except NotFound:
        return None, ""


def export_parquet(collection: Collection, path: Path, set_id: str | None = None) -> int:
    """Write every live item with its vector, map coordinates, N_k, tags and metadata.

    Parameters
    ----------
    path : Path
        Columns: ``id``, ``vector`` (float32, empty rows as zeros are left out with the item), ``x``, ``y``, ``n_k``,
        ``file``, ``captions``, ``tags``, ``width``, ``height``, ``date``, ``status``, then the metadata columns. It can
        be brought again with ``--vectors``.
    set_id : str, optional
        The active vector set by default.

    Returns
    -------
    int
        Rows written: the live items that have a vector in the set.
    """
    from core.atlas import projection
    from core.ingest.vectors import write_parquet

    view = collection.view(set_id)
    ids = [str(item_id) for item_id in view.item_ids[view.live]]
    items = list(_in_pieces(collection, ids))
    made = projection.load(collection, view.set.set_id)
    place = {} if made is None else {str(i): xy for i, xy in zip(made.item_ids, made.coords)}
    nowhere = np.array([np.nan, np.nan], np.float32)
    coords = np.array([place.get(item_id, nowhere) for item_id in ids], np.float32).reshape(-1, 2)
    columns: dict[str, object] = {
        "id": ids,
        "vector": view.rows(view.live),
        "x": coords[:, 0],
        "y": coords[:, 1],
        "n_k": [item.n_k for item in items],
        "file": [item.file for item in items],
        "captions": [list(item.captions) for item in items],
        "tags": [list(item.tags) for item in items],
        "width": [item.width for item in items],
        "height": [item.height for item in items],
        "date": [item.date for item in items],
        "status": [item.status for item in items],
    }
    for column in collection.columns():
        name = column.name if column.name not in columns else f"meta.{column.name}"
        columns[name] = _one_kind([item.meta.get(column.name) for item in items], column.kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(path, columns)  # type: ignore[arg-type]
    return len(ids)


def _in_pieces(collection: Collection, ids: Sequence[str], size: int = 1000) -> Iterator[Item]:
    for start in range(0, len(ids), size):
        yield from collection.items(ids[start : start + size])


def _one_kind(values: list[Scalar], kind: str) -> list[Scalar]:
    """Values of one column as Parquet wants them: all numbers, all true/false, or all text."""
    if kind == "number":
        return [float(v) if isinstance(v, int | float) and not isinstance(v, bool) else None for v in values]
    if kind == "boolean":
        return [v if isinstance(v, bool) else None for v in values]
    return [None if v is None else str(v) for v in values]
