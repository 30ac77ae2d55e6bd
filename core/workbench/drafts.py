"""Queries as text brings them: one a line, or JSON lines; read into saved queries."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.errors import InputError, QueryError
from core.query.parse import check, parse
from core.types import Query, SavedQuery, Term

_ID = re.compile(r"[^\s\x00-\x1f]{1,80}\Z")
TEXT_AT_MOST = 500
GUIDELINE_AT_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Draft:
    """A query as a file says it, before it is read.

    Attributes
    ----------
    text : str
        A line of the query language (`core.query.parse`).
    query_id : str
        The topic's own id, which is kept; empty: the query's own.
    line : int
        Where it stands, from 1, for messages.
    literal : bool
        `text` is words as they are, not the query language: a caption or a topic's title.
    """

    text: str
    query_id: str = ""
    guideline: str = ""
    where: str = ""
    line: int = 0
    literal: bool = False


def lines(text: str) -> list[Draft]:
    """Queries one a line, in the query language."""
    return [Draft(line.strip(), line=n) for n, line in enumerate(text.splitlines(), 1) if line.strip()]


def jsonl(text: str) -> list[Draft]:
    """One JSON object a line: ``query`` (the query language) or ``text`` (words as they are); ``id``, ``guideline``, ``where``.

    Raises
    ------
    InputError
        With the line.
    """
    drafts = []
    for n, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
        except ValueError as error:
            raise InputError(f"Line {n} is no JSON ({error}); write one object a line, such as {{\"query\": \"red car\"}}.") from None
        if not isinstance(said, Mapping):
            raise InputError(f"Line {n} is no JSON object; write one a line, such as {{\"query\": \"red car\"}}.")
        literal = not isinstance(said.get("query"), str)
        words = said.get("text") if literal else said["query"]
        if not isinstance(words, str) or not words.strip():
            raise InputError(f"Line {n} has no query; it needs \"query\" or \"text\" with some words.")
        other = {}
        for field in ("id", "guideline", "where"):
            value = said.get(field, "")
            if not isinstance(value, str | int) or isinstance(value, bool):
                raise InputError(f"Line {n}: {field} is {json.dumps(value)[:40]}; it has to be text.")
            other[field] = str(value)
        drafts.append(Draft(words.strip(), other["id"], other["guideline"], other["where"], n, literal))
    return drafts


READERS: dict[str, Callable[[str], Sequence[Draft]]] = {"lines": lines, "jsonl": jsonl}
"""Kind of text -> text to drafts. Another format is one more entry here and in `EXTENSIONS`."""
EXTENSIONS: dict[str, str] = {"txt": "lines", "jsonl": "jsonl", "ndjson": "jsonl"}
"""Ending of a file's name, without the dot -> kind."""


def read(draft: Draft, origin: str, several: bool = True) -> SavedQuery:
    """The query that a draft says.

    Parameters
    ----------
    several : bool
        There are others, so the message of an error begins with the line.

    Raises
    ------
    QueryError, InputError
    """
    at = f"Line {draft.line}: " if several and draft.line else ""
    try:
        query = check(Query((Term("text", draft.text),), (), draft.where.strip())) if draft.literal else parse(draft.text, draft.where)
    except QueryError as error:
        raise QueryError(f"{at}{error}", error.column, error.text or draft.text) from None
    if not query.terms and not query.literals:
        raise InputError(f"{at}There is no query in {draft.text!r}.")
    if draft.query_id and not _ID.match(draft.query_id):
        raise InputError(f"{at}{draft.query_id!r} cannot be the id of a query; it has 1 to 80 characters and no white space.")
    if len(draft.guideline) > GUIDELINE_AT_MOST:
        raise InputError(f"{at}The guideline has {len(draft.guideline):,} characters, and {GUIDELINE_AT_MOST:,} are possible.")
    text = draft.text + (f" where {draft.where.strip()}" if draft.where.strip() else "")
    return SavedQuery(draft.query_id or query.query_id, text[:TEXT_AT_MOST], query, draft.guideline.strip(), origin)
