"""Queries as text brings them: typed ones, with a pointer to what is wrong; files, by `core.judge.querysets`."""

from __future__ import annotations

from collections.abc import Container, Sequence

from core.errors import InputError, QueryError
from core.judge.querysets import KINDS, Resolve, kind_of, read_queries
from core.judge.textfiles import decode
from core.query.parse import parse
from core.search.filters import condition
from core.store import Collection
from core.types import Query, SavedQuery

TEXT_AT_MOST = 500
GUIDELINE_AT_MOST = 2_000
EXTENSIONS = ("csv", "jsonl", "ndjson", "topics", "trec", "tsv", "txt", "xml")
"""Endings, without the dot, of files that may hold queries."""


def typed(text: str, resolve: Resolve) -> list[SavedQuery]:
    """Queries typed or pasted one a line, in the query language, each as often as it is there.

    Raises
    ------
    QueryError
        With the line, and the column in it; an image that is not found, too.
    """
    said = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    made = []
    for n, line in said:
        at = f"Line {n}: " if len(said) > 1 else ""
        try:
            query = parsed(line, resolve)
        except QueryError as error:
            raise QueryError(f"{at}{error}", error.column, error.text or line) from None
        if not query.terms and not query.literals:
            raise InputError(f"{at}There is no query in {line[:80]!r}.")
        made.append(SavedQuery(query.query_id, line[:TEXT_AT_MOST], query))
    return made


def parsed(line: str, resolve: Resolve, where: str = "", known: Container[str] = ()) -> Query:
    """A line of the query language whose images are looked up by item id or file name; ids that are `known` need not be there.

    Raises
    ------
    QueryError
        With the column.
    """

    def image(value: str) -> str:
        item_id, why = (value, "") if value in known else resolve(value)
        if item_id is None:
            raise QueryError(f"This names the image {value[:80]!r}: {why}.")
        return item_id

    return parse(line, where, image=image)


def text_of(data: bytes, file: str, most: int) -> str:
    """The text of a file that was brought, read as the command line reads files: UTF-8, or what its byte order mark says.

    Parameters
    ----------
    most : int
        Bytes that it may have, unpacked where it is packed.

    Raises
    ------
    InputError
        It has more, or is no text; the message has the line.
    """
    if len(data) > most:
        raise InputError(f"The file has {len(data):,} bytes, and {most:,} are possible.")
    return decode(data, file, most)


def read(collection: Collection, text: str, kind: str = "", file: str = "") -> Sequence[SavedQuery]:
    """The queries of a text, as often as it has them; images that it names are looked up by item id or file name.

    Parameters
    ----------
    kind : str
        One of `core.judge.querysets.KINDS`; empty: found out by the file's name and how the text begins.
    file : str
        Name of the file; empty for what was typed or pasted.

    Raises
    ------
    InputError
        With the line, where it cannot be read.
    """
    from core.judge.named import resolver  # it knows how ingest matches names, and ingest loads Pillow

    text = text.removeprefix("\ufeff")
    kind = kind or kind_of(text, file)
    if kind not in KINDS:
        raise InputError(f"Queries come as {', '.join(KINDS)}; {kind!r} is none of them.")
    resolve: Resolve = resolver(collection)
    if kind == "lines" and not file:
        found = typed(text, resolve)
    else:
        found = read_queries(text, file or "the text", kind=kind, resolve=resolve, again=True,
                             filters=lambda where: condition(collection, Query(where=where)))  # fmt: skip
    long = next((one for one in found if len(one.guideline) > GUIDELINE_AT_MOST), None)
    if long is not None:
        n = len(long.guideline)
        raise InputError(f"The guideline of {long.query_id} has {n:,} characters, and {GUIDELINE_AT_MOST:,} are possible.")
    return found
