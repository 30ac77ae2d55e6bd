"""Judgments as CSV and JSONL: every judge's word with its time and note, where qrels have one grade and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.errors import InputError, QueryError
from core.judge.judgments import CANT_TELL, PERSON
from core.judge.querysets import Resolve
from core.judge.textfiles import Record, csv_records, format_csv, format_jsonl, json_records
from core.query.parse import parse
from core.types import Judgment

COLUMNS = ("query_id", "query", "item_id", "file", "grade", "judge", "time", "note", "origin", "ms")
MS_AT_MOST = 2**53
_WORDS = ("query", "query_text")
_FILE = ("file", "image", "filename")
_NOT_TOLD = frozenset({CANT_TELL, "cant tell", "can not tell", "cannot tell", "x", "?"})
_GRADES = {str(grade): grade for grade in (0, 1, 2, 3)} | {f"{grade}.0": grade for grade in (0, 1, 2, 3)}


def format_judgments(
    judgments: Sequence[Judgment], kind: str, *, queries: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None
) -> str:
    """Judgments as a text that `read_rows` reads back, times to the microsecond; ``ms`` is how long each took, if measured.

    Parameters
    ----------
    judgments : sequence of Judgment
        A row each, in order.
    kind : {"csv", "jsonl"}
    queries : Mapping of query id to its words, optional
    files : Mapping of item id to file name, optional
        Both are for people; what is not named stays empty.

    Raises
    ------
    InputError
        There is no such kind.
    """
    if kind not in ("csv", "jsonl"):
        raise InputError(f"Judgments cannot be written as {kind!r}; there are csv and jsonl.")
    rows = [
        (j.query_id, (queries or {}).get(j.query_id, ""), j.item_id, (files or {}).get(j.item_id, ""),
         CANT_TELL if j.grade is None else j.grade, j.judge, _iso(j.at), j.note, j.origin, j.ms)
        for j in judgments
    ]  # fmt: skip
    return (format_csv if kind == "csv" else format_jsonl)(COLUMNS, rows)


@dataclass(frozen=True)
class Rows:
    """What a file of judgments says.

    Attributes
    ----------
    judgments : tuple of Judgment
    words : Mapping of query id to words
        Of queries that the file names by their words.
    not_found : tuple of (line, file, why)
        Rows left out, for no image is called so.
    """

    judgments: tuple[Judgment, ...]
    words: Mapping[str, str]
    not_found: tuple[tuple[int, str, str], ...] = ()


def read_rows(
    text: str, name: str = "the judgments", *, judge: str = "", resolve: Resolve | None = None, origin: str = PERSON
) -> Rows:
    """Judgments of a CSV or JSONL text.

    Parameters
    ----------
    text : str
        Needs a column ``grade`` (0 to 3, or "can't tell"); ``query_id`` or ``query``; ``item_id`` or ``file``. ``judge``,
        ``time`` (ISO 8601, or seconds since 1970), ``note``, ``origin`` and ``ms`` may be there.
    name : str
        Of the file, for messages; JSONL is known by its ending or its first character.
    judge : str
        Whose grades those without a name are.
    resolve : callable, optional
        Finds the item of a file name.
    origin : str
        Of those that name none.

    Raises
    ------
    InputError
        With the line, where one cannot be read. Nothing is half read.
    """
    as_json = name.lower().endswith((".jsonl", ".ndjson")) or text.lstrip().startswith("{")
    records = json_records(text, name) if as_json else csv_records(text, name)
    made, words, lost = [], {}, []
    for record in records:
        judgment, why = _judgment(record, name, judge.strip(), resolve, origin)
        if why:
            lost.append((record.line, record.first(*_FILE), why))
            continue
        made.append(judgment)
        if said := record.first(*_WORDS):
            words.setdefault(judgment.query_id, said)
    if not made and not lost:
        raise InputError(f"There is no judgment in {name}.")
    return Rows(tuple(made), words, tuple(lost))


def _judgment(record: Record, name: str, judge: str, resolve: Resolve | None, origin: str) -> tuple[Judgment, str]:
    """A judgment, and why its image is not found."""
    at_line = f"Line {record.line} of {name}"
    said = record.first("grade", "relevance", "rating").lower().replace("\u2019", "'")
    if said not in _GRADES and said not in _NOT_TOLD:
        raise InputError(f"{at_line} has {'no grade' if not said else f'the grade {said[:40]!r}'}; give 0 to 3, or {CANT_TELL}.")
    who = record.first("judge", "rater", "annotator") or judge
    if not who:
        raise InputError(f"{at_line} does not name the judge; add a column 'judge', or say whose grades these are.")
    item_id, why = _item_id(record, at_line, resolve)
    return Judgment(
        _query_id(record, at_line, resolve), item_id, _GRADES.get(said), who, _seconds(record.first("time", "at"), at_line),
        record.first("note", "comment"), record.first("origin") or origin, _ms(record.first("ms"), at_line),
    ), why  # fmt: skip


def _query_id(record: Record, at_line: str, resolve: Resolve | None) -> str:
    query_id, words = record.first("query_id", "qid", "topic"), record.first(*_WORDS)
    if query_id:
        return query_id
    if not words:
        raise InputError(f"{at_line} names no query; a column 'query_id' or 'query' is needed.")
    try:
        return parse(words, image=None if resolve is None else lambda value: resolve(value)[0] or value).query_id
    except QueryError as error:
        raise InputError(f"{at_line}: {error}") from error


def _item_id(record: Record, at_line: str, resolve: Resolve | None) -> tuple[str, str]:
    item_id, file = record.first("item_id", "docno", "doc_id"), record.first(*_FILE)
    if item_id:
        return item_id, ""
    if not file:
        raise InputError(f"{at_line} names no item; a column 'item_id' or 'file' is needed.")
    if resolve is None:
        raise InputError(f"{at_line} names the image {file[:80]!r}: files cannot be looked up here.")
    found, why = resolve(file)
    return ("", why) if found is None else (found, "")


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z") if at else ""


def _seconds(text: str, at_line: str) -> float:
    if not text:
        return 0.0
    try:
        try:
            return datetime.fromtimestamp(float(text), UTC).timestamp()
        except ValueError:
            when = datetime.fromisoformat(text)
            return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise InputError(f"{at_line} has the time {text[:40]!r}; write it as in 2026-05-01T12:00:00Z.") from None


def _ms(text: str, at_line: str) -> int | None:
    if not text:
        return None
    try:
        ms = float(text)
        if not 0 <= ms <= MS_AT_MOST:
            raise ValueError(text)
    except ValueError:
        raise InputError(f"{at_line} has the time {text[:40]!r} in 'ms'; give milliseconds, 0 or more, or leave it empty.") from None
    return round(ms)
