"""Text files as people bring them: bytes to text, text to lines or rows, and every mistake with its line."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError

MAX_BYTES = 1_000_000_000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a table or one object of a JSONL file: the line it begins on, and its cells by lower-case name."""

    line: int
    cells: Mapping[str, str]

    def first(self, *names: str) -> str:
        """The first of these cells that is not empty, else an empty text."""
        return next((self.cells[name].strip() for name in names if self.cells.get(name, "").strip()), "")


def read_text(path: str | Path, what: str = "file") -> str:
    """The text of a file: UTF-8, or UTF-16/32 with a byte order mark, perhaps packed with gzip.

    Raises
    ------
    InputError
        There is no such file, it is too large, or it is no text; the message has the line where it stops being one.
    """
    path = Path(path).expanduser()
    if not path.exists() or path.is_dir():  # a pipe will do
        raise InputError(f"There is no {what} at {path}; check the path.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path.name} has {path.stat().st_size:,} bytes and {MAX_BYTES:,} can be read; give a part of it.")
    return decode(path.read_bytes(), path.name)


def decode(data: bytes, name: str, most: int = MAX_BYTES) -> str:
    """Bytes as text; see `read_text`. What is packed may unpack to `most` bytes."""
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(data)) as packed:
                data = packed.read(most + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{name} is packed with gzip and cannot be unpacked: {error}.") from error
        if len(data) > most:
            raise InputError(f"{name} unpacks to more than {most:,} bytes; give a part of it.")
    encoding = next((encoding for mark, encoding in _BOMS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        said = encoding.upper().removesuffix("-SIG")
        raise InputError(f"{name} is no text in {said}: line {line} has a byte that cannot be read; save it as UTF-8.") from error


def lines(text: str) -> list[str]:
    """Lines as files are read: ended by LF, CR LF or CR and nothing else."""
    return _LINE_END.split(text)


def csv_records(text: str, name: str, delimiter: str | None = None) -> Iterator[Record]:
    """Rows of a table with a header; the delimiter is found in the header (comma, tab, semicolon).

    Raises
    ------
    InputError
        With the line, where a row has more cells than the header or the table cannot be read.
    """
    head = next((line for line in lines(text) if line.strip()), "")
    delimiter = delimiter or max(",\t;", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names: list[str] | None = None
    begun = 1
    try:
        for row in reader:
            line, begun = begun, reader.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            if names is None:
                names = _unique([cell.strip().lower() for cell in row], name)
                continue
            if len(row) > len(names) and any(cell.strip() for cell in row[len(names) :]):
                raise InputError(f"Line {line} of {name} has {len(row)} cells and the header has {len(names)};"
                                 " put text with commas in quotes.")  # fmt: skip
            yield Record(line, {cell_name: _plain(cell) for cell_name, cell in zip(names, row)})
    except csv.Error as error:
        raise InputError(f"Line {reader.line_num} of {name} cannot be read as CSV: {error}.") from error
    if names is None:
        raise InputError(f"{name} is empty; a table needs a header and at least one row.")


def json_records(text: str, name: str) -> Iterator[Record]:
    """Objects of a JSONL file; numbers become text, null and false are empty.

    Raises
    ------
    InputError
        With the line, where one is no JSON object.
    """
    for number, line in enumerate(lines(text), 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"Line {number} of {name} is no JSON: {error}.") from error
        if not isinstance(said, dict):
            raise InputError(f"Line {number} of {name} is no JSON object; write one as in {{\"query\": \"red car\"}}.")
        cells = {}
        for key, value in said.items():
            if isinstance(value, dict | list):
                raise InputError(f"Line {number} of {name} has a list or an object in {key!r}; text or a number is needed.")
            cells[key.strip().lower()] = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        yield Record(number, cells)


def format_csv(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table as CSV with a header; None is an empty cell.

    Text that a spreadsheet would run as a formula gets an apostrophe in front; `csv_records` takes it off again.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[_safe(cell) for cell in row] for row in rows])
    return out.getvalue()


def format_jsonl(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The same as JSONL, an object a line."""
    return "".join(json.dumps(dict(zip(names, row)), ensure_ascii=False) + "\n" for row in rows)


def _safe(cell: object) -> object:
    if cell is None:
        return ""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _unique(names: list[str], name: str) -> list[str]:
    twice = next((one for one in names if one and names.count(one) > 1), None)
    if twice is not None:
        raise InputError(f"The header of {name} has the column {twice!r} twice; name each once.")
    return names
