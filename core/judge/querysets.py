"""Query sets from text and as text: lines, our export, CSV, JSONL and TREC topics, all in the query language.

A query is words, an image, or both: ``image:`` may be followed by an item's id or, where `resolve` knows it, by a file name,
in quotes if it has spaces. Tables may have a column ``image`` of their own beside the words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.errors import InputError, QueryError
from core.judge.textfiles import Record, csv_records, format_csv, format_jsonl, json_records, lines
from core.query.parse import parse, render
from core.types import Query, SavedQuery, Term

Resolve = Callable[[str], tuple[str | None, str]]
"""From an item id or a file name to (item id, "") or (None, why not)."""

KINDS = ("lines", "export", "csv", "jsonl", "topics")
MAX_QUERIES = 100_000
MAX_ID = 128

_ID = ("query_id", "qid", "topic_id", "topic", "number", "num", "id")
_TEXT = ("query", "text", "title", "query_text", "words")
_IMAGE = ("image", "reference", "file", "item_id")
_GUIDELINE = ("guideline", "narrative", "description")
_COLUMNS = ("query_id", "query", "where", "text", "guideline", "origin")
_TOPIC = re.compile(r"<(top|topic)((?:\s[^>]*)?)>(.*?)(</\1\s*>|(?=<\1[\s>])|\Z)", re.IGNORECASE | re.DOTALL)
_TAGS = "num|number|title|query|desc|description|narr|narrative|filter|guideline"
"""What ends the field before it, as its closing tag does; beside them the parts of early topics, on lines of their own, which
are not read. Anything else in angle brackets is text."""
_FIELD = re.compile(rf"<({_TAGS})(?:\s[^<>]*)?>(.*?)(?=</?(?:{_TAGS})[\s>]|\n[ \t]*<(?:dom|smry|con|fac|nat|def)>|\Z)",
                    re.IGNORECASE | re.DOTALL)  # fmt: skip
_LABEL = re.compile(r"\s*(?:number|topic|description|narrative)\s*:", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#(\d{1,7})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


@dataclass(frozen=True, slots=True)
class _Line:
    """What a file says of one query, before it is read as one."""

    line: int
    query_id: str
    text: str
    image: str = ""
    where: str = ""
    shown: str = ""
    guideline: str = ""
    origin: str = ""


def kind_of(text: str, name: str = "") -> str:
    """Which of `KINDS` a text is; the name's ending decides first, then how it begins."""
    ending = name.lower().removesuffix(".gz").rpartition(".")[2]
    if ending in ("csv", "jsonl", "ndjson"):
        return "csv" if ending == "csv" else "jsonl"
    first = next((line for line in lines(text) if line.strip()), "")
    if re.search(r"<(top|topic)\b", text[:100_000], re.IGNORECASE):
        return "topics"
    if first.lstrip().startswith("{"):
        return "jsonl"
    head = [cell.strip().strip('"').lower() for cell in re.split(r"[,\t;]", first)]
    if len(head) > 1 and any(cell in _TEXT + _IMAGE for cell in head) and any(cell in _ID + _TEXT for cell in head):
        return "csv"
    words = first.split("\t")
    return "export" if len(words) == 2 and re.fullmatch(r"\S+", words[0].strip()) else "lines"


def read_queries(text: str, name: str = "the queries", *, kind: str | None = None, resolve: Resolve | None = None,
                 origin: str = "imported", known: Sequence[SavedQuery] = (), again: bool = False,
                 filters: Callable[[str], object] | None = None) -> list[SavedQuery]:  # fmt: skip
    """Queries of a text.

    Parameters
    ----------
    text : str
    name : str
        Of the file, for messages; its ending helps to find the kind.
    kind : one of `KINDS`, optional
        By default found out by `kind_of`.
    resolve : callable, optional
        Finds the items that ``image:`` and image columns name; without it they must be item ids.
    origin : str
        Noted where the file does not name one.
    known : sequence of SavedQuery
        What is saved already. Where the file has the id and the words of one, it is taken as it was saved: our export
        carries words alone, and what was saved may have a filter or be no line of the query language.
    again : bool
        Queries that the file has several times under one id come as often, for whoever counts them.
    filters : callable, optional
        Tries a filter's text and raises a QueryError where it cannot be read; by default filters are taken as they are.

    Returns
    -------
    list of SavedQuery
        In the file's order. Without an id in the file a query has that of its content, and the same one twice is one. The same
        query under two ids is two; `core.judge.repeats.once` finds them.

    Raises
    ------
    InputError
        With the line, where a query cannot be read, an id cannot stand in TREC files, an id stands for two
        queries, or an image is not found. Nothing is half read.
    """
    kind = kind or kind_of(text, name)
    if kind not in KINDS:
        raise InputError(f"There is no kind of query file called {kind!r}; there are {', '.join(KINDS)}.")
    made: dict[str, tuple[int, SavedQuery]] = {}
    out: list[SavedQuery] = []
    saved = {one.query_id: one for one in known}
    for said in _READERS[kind](text, name):
        held = saved.get(said.query_id)
        if held is not None and not said.where and not said.image and held.text.split() == said.text.split():
            made.setdefault(held.query_id, (said.line, held))
            out.append(held)
            continue
        query = _query(said, name, resolve)
        if query.where and filters is not None:
            try:
                filters(query.where)
            except QueryError as error:
                at = f"Line {said.line} of {name}: In the filter of {(said.shown or said.text or said.image)[:80]!r}"
                raise QueryError(f"{at}: {error}", error.column, error.text or query.where) from error
        query_id = said.query_id or query.query_id
        if not re.fullmatch(r"\S+", query_id) or len(query_id) > MAX_ID:
            raise InputError(f"Line {said.line} of {name} has the query id {query_id[:40]!r}; an id is 1 to {MAX_ID}"
                             " characters without spaces, as TREC files need it.")  # fmt: skip
        before = made.get(query_id)
        if before is not None and before[1].query != query:
            raise InputError(f"Lines {before[0]} and {said.line} of {name} give the id {query_id} to two queries; ids must be unique.")
        shown = said.shown or said.text.strip() or render(query)
        out.append(SavedQuery(query_id, shown, query, said.guideline, said.origin or origin))
        made.setdefault(query_id, (said.line, out[-1]))
        if len(out) > MAX_QUERIES:
            raise InputError(f"{name} has more than {MAX_QUERIES:,} queries; split it.")
    if not made:
        raise InputError(f"There is no query in {name}; write one a line.")
    return out if again else [query for _, query in made.values()]


def _query(said: _Line, name: str, resolve: Resolve | None) -> Query:
    def found(value: str) -> str:
        item_id, why = resolve(value) if resolve is not None else (value, "")
        if item_id is None:
            raise InputError(f"Line {said.line} of {name} names the image {value[:80]!r}: {why}.")
        return item_id

    try:
        query = parse(said.text, said.where, image=found)
    except QueryError as error:
        at = "" if error.column is None else f" (at character {error.column + 1} of: {error.text[:200]})"
        raise InputError(f"Line {said.line} of {name}: {error}{at}") from error
    if said.image:
        query = Query((*query.terms, Term("item", found(said.image))), query.literals, query.where)
    if not query.terms:
        raise InputError(f"Line {said.line} of {name} has neither words nor an image to rank by.")
    return query


# ---------------------------------------------------------------- readers


def _read_lines(text: str, name: str) -> Iterator[_Line]:
    for number, line in enumerate(lines(text), 1):
        if line.strip():
            yield _Line(number, "", line.strip())


def _read_export(text: str, name: str) -> Iterator[_Line]:
    for number, line in enumerate(lines(text), 1):
        if line.strip():
            query_id, tab, words = line.partition("\t")
            if not tab or not words.strip():
                raise InputError(f"Line {number} of {name} has no tab between an id and a query, as the lines before it have.")
            yield _Line(number, query_id.strip(), words.strip())


def _read_records(records: Iterator[Record], name: str) -> Iterator[_Line]:
    for record in records:
        text, image = record.first(*_TEXT), record.first(*_IMAGE)
        if not text and not image:
            raise InputError(f"Line {record.line} of {name} has no query: a column 'query' or 'image' is needed;"
                             f" there are {', '.join(filter(None, record.cells)) or 'none'}.")  # fmt: skip
        shown = record.first("text") if record.first("query") else ""
        yield _Line(record.line, record.first(*_ID), text, image, record.first("where", "filter"), shown,
                    record.first(*_GUIDELINE), record.first("origin"))  # fmt: skip


def _read_topics(text: str, name: str) -> Iterator[_Line]:
    found, line, counted = False, 1, 0
    for match in _TOPIC.finditer(text):
        found = True
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        if not match[4]:
            raise InputError(f"The <{match[1]}> at line {line} of {name} has no </{match[1]}>; write one where the topic ends.")
        fields: dict[str, str] = {}
        for part in _FIELD.finditer(match[3]):
            words = " ".join(part[2].split())
            label = _LABEL.match(words) if part[1].lower() in ("num", "title", "desc", "narr") else None
            fields.setdefault(part[1].lower(), _unescape(words[label.end() :].strip() if label else words))
        number = re.search(r"\b(?:number|id|num)\s*=\s*[\"']?([^\s\"'>]+)", match[2], re.IGNORECASE)
        query_id = fields.get("num") or fields.get("number") or (_unescape(number[1]) if number else "")
        if not query_id:
            raise InputError(f"The topic at line {line} of {name} has no number.")
        words = fields.get("title") or fields.get("query") or ""
        if not words:
            raise InputError(f"The topic {query_id} at line {line} of {name} has no title.")
        said = (fields.get("desc") or fields.get("description"), fields.get("narr") or fields.get("narrative"), fields.get("guideline"))
        guideline = " ".join(filter(None, said))
        yield _Line(line, query_id, words, where=fields.get("filter", ""), guideline=guideline)
    if not found:
        raise InputError(f"There is no <top> in {name}; TREC topics stand between <top> and </top>.")


_READERS: dict[str, Callable[[str, str], Iterator[_Line]]] = {
    "lines": _read_lines,
    "export": _read_export,
    "csv": lambda text, name: _read_records(csv_records(text, name), name),
    "jsonl": lambda text, name: _read_records(json_records(text, name), name),
    "topics": _read_topics,
}


# ---------------------------------------------------------------- writers


def format_queries(queries: Sequence[SavedQuery], kind: str) -> str:
    """Queries as a text that `read_queries` reads back to the same ids and queries.

    Parameters
    ----------
    kind : {"csv", "jsonl", "topics"}
        Lines and our export carry no filter, so they are not offered.

    Raises
    ------
    InputError
        There is no such kind, or an id cannot stand in TREC topics.
    """
    if kind in ("csv", "jsonl"):
        rows = [(q.query_id, render(q.query), q.query.where, q.text, q.guideline, q.origin) for q in queries]
        return (format_csv if kind == "csv" else format_jsonl)(_COLUMNS, rows)
    if kind != "topics":
        raise InputError(f"Queries cannot be written as {kind!r}; there are csv, jsonl and topics.")
    return "".join(_topic(query) for query in queries)


def _topic(saved: SavedQuery) -> str:
    if not re.fullmatch(r"\S+", saved.query_id):
        raise InputError(f"The query id {saved.query_id!r} is empty or has a space, which TREC topics cannot carry.")
    out = ["<top>", f"<num> Number: {_escape(saved.query_id)}", f"<title> {_escape(render(saved.query))}"]
    out += [f"<desc> Description: {_escape(saved.guideline)}"] if saved.guideline else []
    out += [f"<filter> {_escape(saved.query.where)}"] if saved.query.where else []
    return "\n".join([*out, "</top>", "", ""])


def _escape(text: str) -> str:
    """Angle brackets, ampersands and all white space but single spaces as numbers, so that a topic reads back as it was."""
    for plain, said in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(plain, said)
    # A colon is kept from being taken for a label such as "Topic:" at the beginning.
    if _LABEL.match(text):
        text = text.replace(":", "&#58;", 1)
    return re.sub(r"(?<=\s)\s|^\s|\s\Z|[^\S ]", lambda found: "".join(f"&#{ord(c)};" for c in found[0]), text)


def _unescape(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        if found[2]:
            return _NAMED[found[2]]
        return chr(int(found[1])) if int(found[1]) < 0x110000 else found[0]

    return _ENTITY.sub(one, text)
