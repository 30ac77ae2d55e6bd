"""Queries as text brings them: one a line, or JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from core.errors import InputError, QueryError
from core.query.parse import check, parse, render
from core.types import Query, SavedQuery, Term

TEXT_AT_MOST = 500
GUIDELINE_AT_MOST = 2_000
_ID = re.compile(r"[^\s\x00-\x1f]{1,128}\Z")

Reader = Callable[[str, str], Sequence[SavedQuery]]
"""From a text and the name of its file to queries; the errors it raises name the line."""


def lines(text: str, name: str = "") -> list[SavedQuery]:
    """Queries one a line, in the query language.

    Raises
    ------
    QueryError
        With the line and the column.
    """
    said = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    made = []
    for n, line in said:
        query = _read(n if len(said) > 1 else 0, lambda line=line: parse(line), line)
        made.append(SavedQuery(query.query_id, line[:TEXT_AT_MOST], query))
    return _each_once(zip([n for n, _ in said], made))


def jsonl(text: str, name: str = "") -> list[SavedQuery]:
    """One JSON object a line.

    ``query`` is in the query language and ``text`` what people read; without ``query``, ``text`` is words as they are.
    ``query_id`` (or ``id``), ``where`` and ``guideline`` may be there.

    Raises
    ------
    InputError
        With the line.
    """
    made = []
    for n, line in enumerate(text.splitlines(), 1):
        if line.strip():
            made.append((n, _object(n, line)))
    return _each_once(made)


READERS: dict[str, Reader] = {"lines": lines, "jsonl": jsonl}
"""Kind of text -> its reader, for what needs no look at the collection."""
TABLES = ("csv", "topics", "export")
"""Kinds that `core.judge.querysets` reads: they may name images by their files."""
FOUND_OUT = "any"
"""The kind that is found out from the text."""
EXTENSIONS: dict[str, str] = {
    "txt": FOUND_OUT, "tsv": FOUND_OUT, "jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv", "xml": "topics", "topics": "topics",
    "trec": "topics",
}  # fmt: skip
"""Ending of a file's name, without the dot -> kind."""


def write(queries: Iterable[SavedQuery]) -> str:
    """Queries as JSON lines, which `jsonl` reads back to the same ids and queries."""
    out = []
    for q in queries:
        said = {"query_id": q.query_id, "query": render(q.query), "where": q.query.where, "text": q.text, "guideline": q.guideline,
                "origin": q.origin}  # fmt: skip
        out.append(json.dumps({key: value for key, value in said.items() if value}, ensure_ascii=False) + "\n")
    return "".join(out)


def _object(n: int, line: str) -> SavedQuery:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"Line {n} is no JSON ({error}); write one object a line, such as {{\"query\": \"red car\"}}.") from None
    if not isinstance(said, Mapping):
        raise InputError(f"Line {n} is no JSON object; write one a line, such as {{\"query\": \"red car\"}}.")
    fields = {}
    for field in ("query_id", "id", "query", "text", "where", "guideline"):
        value = said.get(field) if said.get(field) is not None else ""
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise InputError(f"Line {n}: {field} is {json.dumps(value)[:40]}; it has to be text.")
        fields[field] = str(value).strip()
    if not fields["query"] and not fields["text"]:
        raise InputError(f"Line {n} has no query; it needs \"query\" or \"text\" with some words.")
    if fields["query"]:
        query = _read(n, lambda: parse(fields["query"], fields["where"]), fields["query"])
    else:
        query = _read(n, lambda: check(Query((Term("text", fields["text"]),), (), fields["where"])), fields["text"])
    query_id = fields["query_id"] or fields["id"] or query.query_id
    if not _ID.match(query_id):
        raise InputError(f"Line {n}: {query_id[:40]!r} cannot be the id of a query; it has 1 to 128 characters and no white space.")
    if len(fields["guideline"]) > GUIDELINE_AT_MOST:
        raise InputError(f"Line {n}: The guideline has {len(fields['guideline']):,} characters, and {GUIDELINE_AT_MOST:,} are possible.")
    text = fields["text"] or fields["query"] + (f" where {query.where}" if query.where else "")
    return SavedQuery(query_id, text[:TEXT_AT_MOST], query, fields["guideline"], "imported")


def _read(line: int, make: Callable[[], Query], text: str) -> Query:
    at = f"Line {line}: " if line else ""
    try:
        query = make()
    except QueryError as error:
        raise QueryError(f"{at}{error}", error.column, error.text or text) from None
    if not query.terms and not query.literals:
        raise InputError(f"{at}There is no query in {text[:80]!r}.")
    return query


def _each_once(made: Iterable[tuple[int, SavedQuery]]) -> list[SavedQuery]:
    kept: dict[str, tuple[int, SavedQuery]] = {}
    for n, saved in made:
        line, before = kept.setdefault(saved.query_id, (n, saved))
        if before.query != saved.query:
            raise InputError(f"Line {n} gives the id {saved.query_id} to another query than line {line}.")
    return [saved for _, saved in kept.values()]
