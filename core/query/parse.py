"""The query line: one line of text to a `Query`, and back.

Grammar
-------
::

    query    = { part }                          parts stand apart by spaces; an empty query browses everything
    part     = [ "-" ] term [ "^" weight ]       "-" in front means "less like this"
             | [ "-" ] literal                   "-" in front means "must not stand there"
    term     = words | quoted | "image:" item_id | "upload:" hash
    literal  = ( "file:" | "caption:" ) ( word | quoted )
    words    = word { word }                     adjacent bare words are ONE text term
    quoted   = '"' text '"'                      \\" and \\\\ inside stand for " and \\

* ``red car -night`` is the text "red car" minus the text "night". A minus negates one word; quote a phrase to negate
  it whole: ``beach -"people swimming"``.
* ``"red car"^2 "at night"^0.5`` gives weights. After bare words a weight closes the phrase: ``red car^2 night`` is
  "red car" with weight 2, then "night".
* ``image:iabc...`` is an item of the collection, ``upload:1f0c...`` an image that was uploaded as a query.
* ``file:IMG_20`` and ``caption:"red car"`` are literal: they filter, they do not rank, and have no weight.

Bad text raises `QueryError` with the zero-based column where reading stopped and what to write instead.
`render` writes the one canonical line of a query: ``parse(render(q), where=q.where) == q``.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable

from core.errors import QueryError
from core.types import Query, Term, TextMatch

MAX_LENGTH = 4000
MAX_PARTS = 64
MIN_WEIGHT, MAX_WEIGHT = 0.001, 1000.0

QUERY_HELP = """\
**Words** describe what you look for: `red car`
**Less of something**: a minus before a word or a quoted phrase: `red car -night -"people walking"`
**Weights**: `"red car"^2 sunset^0.5`
**By example**: `image:<item id>`, or an upload; mix them freely: `image:i3k... "in the snow" -dog`
**Literally**: `file:IMG_20` (a file name that has it), `caption:"red car"` (a caption that says it), `-caption:dog`
**Nothing typed** shows everything; filters narrow it.
"""

_OPENING = {'"': '"', "\u201c": '"\u201c\u201d', "\u201d": '"\u201c\u201d', "\u201e": '"\u201c\u201d'}
_PREFIXES = {"image": "item", "upload": "upload", "file": "file", "caption": "caption"}
_HINTS = {"item": "image", "id": "image", "img": "image", "photo": "image", "name": "file", "filename": "file",
          "text": "caption", "title": "caption"}
_FILTERS = ("tag", "date", "width", "height", "status", "n_k", "where")
_ITEM_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")
_UPLOAD = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")
_PREFIX = re.compile(r"([A-Za-z_]+):(?=\S)")
_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\Z", re.IGNORECASE)


def parse(text: str, where: str = "", *, image: Callable[[str], str] | None = None) -> Query:
    """Read a query line.

    Parameters
    ----------
    text : str
        The line; see the grammar above.
    where : str
        Filter text (`core.query.where`), carried along as it is.
    image : callable, optional
        Gives the item id for what stands after ``image:``, such as a file name, or raises a QueryError, which gets the column
        of it; by default it must be an id.

    Raises
    ------
    QueryError
        With the column where reading stopped.
    """
    return _Reader(text, image).read(where.strip())


def render(query: Query) -> str:
    """The canonical line of a query: terms in their order, then literals. The filter text is not part of it."""
    check(query)
    parts: list[str] = []
    bare_before = False
    for term in query.terms:
        bare = term.kind == "text" and term.weight == 1 and not bare_before and _is_bare(term.value)
        parts.append(term.value if bare else _render_term(term))
        bare_before = bare
    parts += ["-" * match.negated + f"{match.field}:{_quote(match.value)}" for match in query.literals]
    return " ".join(parts)


def check(query: Query) -> Query:
    """Return the query if each of its parts is one that can be written in the grammar.

    Raises
    ------
    QueryError
        A query made by a program rather than by `parse` holds an empty text, a weight out of range or a bad id.
    """
    if len(query.terms) + len(query.literals) > MAX_PARTS:
        raise QueryError(f"The query has {len(query.terms) + len(query.literals)} parts, and {MAX_PARTS} are possible;"
                         " leave some out.")
    for term in query.terms:
        if not (math.isfinite(term.weight) and MIN_WEIGHT <= abs(term.weight) <= MAX_WEIGHT):
            raise QueryError(f"The weight {term.weight:g} is out of range; use {MIN_WEIGHT:g} to {MAX_WEIGHT:g},"
                             " or leave the term out.")
        if term.kind == "text":
            _check_text(term.value, "text")
        elif term.kind not in ("item", "upload"):
            raise QueryError(f"There is no kind of term called {term.kind!r}; use text, upload or item.")
        elif not (_ITEM_ID if term.kind == "item" else _UPLOAD).match(term.value):
            raise QueryError(f"{term.value!r} cannot be an {term.kind} id; use letters, digits and . _ - only.")
    for match in query.literals:
        if match.field not in ("file", "caption"):
            raise QueryError(f"Literal search is for file: and caption:, not for {match.field!r}.")
        _check_text(match.value, match.field)
        if not searchable(match.value):
            raise QueryError(f"{match.field}: looks for words, and {match.value!r} has no letter or digit;"
                             f" use the filter {match.field} ~ '...' instead.")
    return query


def searchable(value: str) -> bool:
    """Whether the words index can hold any of it: it has a letter or a digit."""
    return any(c.isalnum() for c in value)


def _check_text(value: str, name: str) -> None:
    if not value.strip():
        raise QueryError(f"The {name} is empty; write some words, or leave it out.")
    if len(value) > MAX_LENGTH:
        raise QueryError(f"The {name} has {len(value)} characters, and {MAX_LENGTH} are possible; shorten it.")
    if _unreadable(value) is not None:
        raise QueryError(f"The {name} has a character that is not text; retype it.")


def _unreadable(text: str) -> int | None:
    """Where a NUL or half a surrogate pair stands: SQLite and the tokenizers take neither."""
    return next((i for i, c in enumerate(text) if c == "\0" or "\ud800" <= c <= "\udfff"), None)


def _is_bare(value: str) -> bool:
    """Whether `value` reads back as the same single term without quotes."""
    words = value.split(" ")
    special = set(_OPENING) | {"^"}
    return all(word and word[0] != "-" and not any(c.isspace() or c in special for c in word)
               and not _PREFIX.match(word) for word in words)


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _render_term(term: Term) -> str:
    prefix = {"item": "image:", "upload": "upload:"}.get(term.kind, "")
    body = prefix + term.value if prefix else _quote(term.value)
    weight = "" if abs(term.weight) == 1 else f"^{repr(abs(term.weight)).removesuffix('.0')}"
    return "-" * (term.weight < 0) + body + weight


class _Reader:
    """One pass from left to right; `at` is the column of the next character."""

    def __init__(self, text: str, image: Callable[[str], str] | None = None) -> None:
        self.text = text
        self.image = image
        self.at = 0
        self.terms: list[Term] = []
        self.literals: list[TextMatch] = []
        self.words: list[str] = []  # bare words that wait for their neighbours

    def fail(self, message: str, column: int | None = None) -> QueryError:
        return QueryError(message, self.at if column is None else column, self.text)

    def read(self, where: str) -> Query:
        if len(self.text) > MAX_LENGTH:
            raise self.fail(f"The query has {len(self.text)} characters, and {MAX_LENGTH} are possible; shorten it.",
                            MAX_LENGTH)
        if (bad := _unreadable(self.text)) is not None:
            raise self.fail("Here stands a character that is not text; retype it.", bad)
        while self.skip_spaces():
            if len(self.terms) + len(self.literals) >= MAX_PARTS:
                raise self.fail(f"A query can have {MAX_PARTS} parts; put words that belong together in one.")
            self.part()
        self.close_words()
        return Query(tuple(self.terms), tuple(self.literals), where)

    def skip_spaces(self) -> bool:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.at < len(self.text)

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def part(self) -> None:
        start = self.at
        negated = self.peek() == "-"
        if negated:
            self.at += 1
            if not self.peek() or self.peek().isspace():
                raise self.fail("A minus must touch the term it takes away, as in -night; to search for a dash,"
                                " put it in quotes.", start)
            if self.peek() == "-":
                raise self.fail("One minus is enough, as in -night.")
        if self.peek() == "^":
            raise self.fail('A weight must touch the term before it, as in "red car"^2.')
        if self.peek() in _OPENING:
            self.close_words()
            self.add("text", self.quoted(), negated)
        elif prefix := _PREFIX.match(self.text, self.at):
            self.close_words()
            self.prefixed(prefix, negated)
        else:
            self.bare(negated)

    def bare(self, negated: bool) -> None:
        word = self.word()
        if negated or self.peek() == "^":
            if negated:
                self.close_words()
                self.add("text", word, True)
            else:
                self.words.append(word)
                self.close_words(self.weight())
        else:
            self.words.append(word)

    def word(self) -> str:
        start = self.at
        while self.at < len(self.text) and not self.peek().isspace() and self.peek() != "^":
            if self.peek() in _OPENING:
                raise self.fail('A quote stands inside a word: put a space before it, or write \\" within quoted'
                                " text.")
            self.at += 1
        return self.text[start:self.at]

    def close_words(self, weight: float = 1.0) -> None:
        if self.words:
            self.terms.append(Term("text", " ".join(self.words), weight))
            self.words = []

    def quoted(self) -> str:
        start = self.at
        closing = _OPENING[self.peek()]
        self.at += 1
        out = []
        while (c := self.peek()) not in closing or not c:
            if not c:
                raise self.fail('The quote that opens here is never closed; add a " at the end of the phrase.', start)
            if c == "\\" and self.text[self.at + 1:self.at + 2] in ("\\", *closing):
                self.at += 1
                c = self.peek()
            out.append(c)
            self.at += 1
        self.at += 1
        value = "".join(out)
        if not value.strip():
            raise self.fail("There is nothing between these quotes; write some words, or leave them out.", start)
        if self.peek() and not self.peek().isspace() and self.peek() != "^":
            raise self.fail("After a closing quote comes a space or a weight such as ^2.")
        return value

    def prefixed(self, prefix: re.Match[str], negated: bool) -> None:
        start, name = self.at, prefix[1].lower()
        if name not in _PREFIXES:
            raise self.fail(_unknown_prefix(prefix[1]), start)
        self.at = prefix.end()
        if self.peek() == "^":
            raise self.fail(f"Something must follow {name}: before its weight.")
        value = self.quoted() if self.peek() in _OPENING else self.word()
        kind = _PREFIXES[name]
        if kind == "item" and self.image is not None:
            try:
                value = self.image(value)
            except QueryError as error:
                raise self.fail(str(error), prefix.end()) from None
        if kind in ("item", "upload"):
            if not (_ITEM_ID if kind == "item" else _UPLOAD).match(value):
                raise self.fail(f"{value!r} cannot be an {name} id; ids have letters, digits and . _ - only.",
                                prefix.end())
            self.add(kind, value, negated)
            return
        if self.peek() == "^":
            raise self.fail(f"{name}: filters and has no weight; take the ^ away, or search for the words without"
                            f" {name}:.")
        if not searchable(value):
            raise self.fail(f"{name}: looks for words, and {value!r} has no letter or digit; use the filter"
                            f" {name} ~ '...' instead.", prefix.end())
        self.literals.append(TextMatch(kind, value, negated))

    def add(self, kind: str, value: str, negated: bool) -> None:
        weight = self.weight() if self.peek() == "^" else 1.0
        self.terms.append(Term(kind, value, -weight if negated else weight))

    def weight(self) -> float:
        self.at += 1
        start = self.at
        while self.at < len(self.text) and not self.peek().isspace():
            self.at += 1
        written = self.text[start:self.at]
        if not _NUMBER.match(written):
            sign = " Put the minus before the term, as in -night^2." if written.startswith("-") else ""
            raise self.fail(f"After ^ comes a number such as 2 or 0.5, not {written!r}.{sign}", start)
        value = float(written)
        if not MIN_WEIGHT <= value <= MAX_WEIGHT:
            raise self.fail(f"The weight {written} is out of range; use {MIN_WEIGHT:g} to {MAX_WEIGHT:g}, or leave"
                            " the term out.", start)
        return value


def _unknown_prefix(name: str) -> str:
    lower = name.lower()
    if lower in _FILTERS:
        return f"{name}: is no search term; use the filter, as in {name} = '...', or put the words in quotes."
    close = _HINTS.get(lower) or next(iter(difflib.get_close_matches(lower, _PREFIXES, 1, 0.6)), None)
    meant = f" Did you mean {close}: ?" if close else ""
    return (f"{name}: is not known; there are image:, upload:, file: and caption:.{meant} To search for these very"
            " words, put them in quotes.")
