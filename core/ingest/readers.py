"""One reader for each kind of table file: bytes in, columns of raw cells out."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from core.errors import InputError
from core.ingest import formats
from core.types import Skipped

MAX_ROWS = 5_000_000
MAX_UNPACKED_BYTES = 4_000_000_000

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Raw:
    """Cells as the file has them, by column.

    Attributes
    ----------
    names : list of str or None
    cells : list of list
        One list per column, each as long as `numbers`.
    numbers : list of int
        Row numbers for messages.
    problems : list of Skipped
    """

    names: list
    cells: list[list]
    numbers: list[int]
    problems: list[Skipped]


def read_csv(path: Path) -> Raw:
    """Comma, semicolon, tab or bar separated text, with or without a header."""
    encoding = find_encoding(path)
    try:
        with path.open(encoding=encoding, newline="") as file:
            delimiter = _find_delimiter(file, "\t" if path.suffix.lower() == ".tsv" else ",")
            file.seek(0)
            return _read_rows(path, csv.reader(_without_nul(file), delimiter=delimiter))
    except (csv.Error, UnicodeError) as error:
        raise InputError(f"{path.name} cannot be read as a table: {error}; save it as CSV in UTF-8") from error


def _read_rows(path: Path, reader: Iterator[list[str]]) -> Raw:
    header = next((row for row in reader if any(cell.strip() for cell in row)), None)
    if header is None:
        raise InputError(f"{path.name} is empty; a table needs a header and at least one row")
    numbers: list[int] = []
    problems: list[Skipped] = []
    first_number = 2
    rows: Iterator[list[str]] = reader
    if _is_data(header):
        rows, first_number = _chain(header, reader), 1
        header = ["file", "caption", *(None for _ in header[2:])][: len(header)]
    width = len(header)
    cells: list[list] = [[] for _ in header]
    for number, row in enumerate(rows, start=first_number):
        if not any(cell.strip() for cell in row):
            continue
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) > width:
            reason = f"row {number}: it has {len(row)} cells and the header has {width}; put text with commas in quotes"
            problems.append(Skipped(row[0].strip() or path.name, reason))
            continue
        _check_rows(path, len(numbers))
        numbers.append(number)
        for position, column in enumerate(cells):
            column.append(row[position] if position < len(row) else None)
    return Raw(header, cells, numbers, problems)


def _chain(first: list[str], rest: Iterator[list[str]]) -> Iterator[list[str]]:
    yield first
    yield from rest


def _is_data(header: list[str]) -> bool:
    """Whether the first row is no header: a cell of it names a picture file."""
    return any("." in cell and "." + cell.strip().lower().rsplit(".", 1)[1] in formats.EXTENSIONS for cell in header)


def _without_nul(file: TextIO) -> Iterator[str]:
    for line in file:
        yield line.replace("\x00", "")


def _find_delimiter(file: TextIO, usual: str) -> str:
    """The one under which most of the first rows have as many cells as the first, more than one."""
    lines = [line.replace("\x00", "") for line in islice(file, 50)]
    best, best_score = usual, (0.0, 0)
    for delimiter in dict.fromkeys((usual, ",", ";", "\t", "|")):
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        if not widths or widths[0] < 2:
            continue
        score = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


def find_encoding(path: Path) -> str:
    """By the byte order mark; else UTF-8 if every byte agrees; else Windows-1252, else Latin-1."""
    with path.open("rb") as file:
        head = file.read(4096)
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    if len(head) >= 4 and head[1::2].count(0) > len(head) * 0.3:
        return "utf-16-le"
    if len(head) >= 4 and head[0::2].count(0) > len(head) * 0.3:
        return "utf-16-be"
    for name in ("utf-8", "cp1252"):
        decoder = codecs.getincrementaldecoder(name)()
        try:
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return name
    return "latin-1"


def read_jsonl(path: Path) -> Raw:
    """One JSON object a line; keys may differ from line to line."""
    columns: dict[str, list] = {}
    numbers: list[int] = []
    problems: list[Skipped] = []
    try:
        with path.open(encoding=find_encoding(path)) as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    # NaN and Infinity are no JSON, but common; they mean "no value".
                    record = json.loads(line, parse_constant=lambda _: None)
                except (ValueError, RecursionError) as error:
                    problems.append(Skipped(path.name, f"row {number}: not JSON ({_first_line(error)})"))
                    continue
                if not isinstance(record, dict):
                    reason = f"row {number}: a JSON object like {{\"file\": ...}} was expected"
                    problems.append(Skipped(path.name, reason))
                    continue
                _check_rows(path, len(numbers))
                for key in record:
                    if key not in columns:
                        columns[key] = [None] * len(numbers)
                        _check_columns(path, len(columns))
                for key, cells in columns.items():
                    cells.append(record.get(key))
                numbers.append(number)
    except UnicodeError as error:
        raise InputError(f"{path.name} cannot be read as JSON Lines: {error}; save it in UTF-8") from error
    if not numbers and problems:
        raise InputError(f"{path.name} cannot be read as JSON Lines: {problems[0].reason}")
    return Raw(list(columns), list(columns.values()), numbers, problems)


def read_parquet(path: Path) -> Raw:
    """Plain columns and lists of text; columns of bytes, of structures and of vectors are left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        meta = file.metadata
        _check_rows(path, meta.num_rows - 1)
        unpacked = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        if unpacked > MAX_UNPACKED_BYTES:
            raise InputError(
                f"{path.name} unpacks to {unpacked:,} bytes, and the most is {MAX_UNPACKED_BYTES:,}; split it"
            )
        schema = file.schema_arrow
        wanted = [field.name for field in schema if _plain_type(pa, field.type)]
        _check_columns(path, len(wanted))
        if not wanted:
            raise InputError(f"{path.name} has no column of text, numbers or dates; {_left_out(pa, schema)}")
        cells: list[list] = [[] for _ in wanted]
        for batch in file.iter_batches(batch_size=65536, columns=wanted):
            for name, column in zip(wanted, cells):
                column.extend(batch.column(batch.schema.get_field_index(name)).to_pylist())
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise InputError(f"{path.name} cannot be read as Parquet: {_first_line(error)}") from error
    n_rows = len(cells[0])
    return Raw(wanted, cells, list(range(1, n_rows + 1)), [])


def _plain_type(pa, kind) -> bool:  # noqa: ANN001 - pyarrow is imported late
    types = pa.types
    if types.is_dictionary(kind):
        return _plain_type(pa, kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind):
        return types.is_string(kind.value_type) or types.is_large_string(kind.value_type)
    text = types.is_string(kind) or types.is_large_string(kind)
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    return text or number or types.is_boolean(kind) or types.is_date(kind) or types.is_timestamp(kind)


def _left_out(pa, schema) -> str:  # noqa: ANN001
    names = ", ".join(f"{field.name} ({field.type})" for field in schema)[:200]
    return f"it has {names}; pictures must be files beside the table"


def _check_rows(path: Path, n_rows: int) -> None:
    if n_rows >= MAX_ROWS:
        raise InputError(f"{path.name} has more than {MAX_ROWS:,} rows, which is the most; split it")


def _check_columns(path: Path, n_columns: int) -> None:
    if n_columns > 2000:
        raise InputError(f"{path.name} has more than 2,000 columns; leave some out")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


READERS: dict[str, Callable[[Path], Raw]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
}
