"""The filter text as a tree: reading it, writing it, taking parts out of it.

::

    filter     = and { "or" and }
    and        = not { "and" not }
    not        = "not" not | "(" filter ")" | condition
    condition  = column ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" ) value
               | column [ "not" ] "in" "(" value { "," value } ")"
               | column "is" [ "not" ] "null"
    column     = word | '"' name '"'             \\"\\" inside stands for "
    value      = word | "'" text "'"             '' inside stands for '

``and``, ``or``, ``not``, ``in``, ``is``, ``null`` are read in upper and lower case. ``~`` means contains.
What columns there are and what a value means to them is `core.query.where`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from core.errors import QueryError

MAX_LENGTH = 200_000  # room for a list of a few thousand ids
MAX_CONDITIONS = 200
MAX_DEPTH = 50
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~")

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*")|(?P<op><=|>=|!=|<>|==|!~|[=<>~])"""
    r"""|(?P<mark>[(),])|(?P<word>[^\s()=<>!~,'"]+)"""
)
_KEYWORDS = ("and", "or", "not", "in", "is", "null")
_OTHER_SPELLINGS = {"==": "=", "<>": "!="}
_PLAIN = re.compile(r"[^\W\d][\w.]*\Z")


@dataclass(frozen=True, slots=True)
class Value:
    """What stands on the right: its text, and whether it stood in quotes."""

    text: str
    quoted: bool = field(default=True, compare=False)
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """One condition. `op` is one of `OPERATORS`, ``in`` or ``null``; ``null`` has no values."""

    column: str
    op: str
    values: tuple[Value, ...] = ()
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The items that `part` leaves out."""

    part: Node


@dataclass(frozen=True, slots=True)
class Group:
    """Two or more parts joined by ``and`` or ``or``."""

    word: str
    parts: tuple[Node, ...]


Node = Compare | Not | Group


def read(text: str) -> Node | None:
    """The tree of a filter text; None for an empty one.

    Raises
    ------
    QueryError
        With the column where reading stopped.
    """
    return _Reader(text).read()


def write(node: Node | None) -> str:
    """The filter text of a tree: ``read(write(tree)) == tree``."""
    if node is None:
        return ""
    if isinstance(node, Not):
        inner = write(node.part)
        return f"not ({inner})" if isinstance(node.part, Group) else f"not {inner}"
    if isinstance(node, Group):
        return f" {node.word} ".join(f"({write(p)})" if isinstance(p, Group) else write(p) for p in node.parts)
    column = write_name(node.column)
    if node.op == "null":
        return f"{column} is null"
    if node.op == "in":
        return f"{column} in ({', '.join(map(_as_read, node.values))})"
    return f"{column} {node.op} {_as_read(node.values[0])}"


def write_name(name: str) -> str:
    """A column's name as it stands in a filter: bare where it can be, otherwise in double quotes."""
    if _PLAIN.match(name) and name.lower() not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def make_value(value: str | int | float | bool) -> Value:
    """A value of a program as one of the filter: numbers, true and false bare, text in quotes."""
    if isinstance(value, bool):
        return Value("true" if value else "false", False)
    return Value(str(value), not isinstance(value, int | float))


def _as_read(value: Value) -> str:
    return "'" + value.text.replace("'", "''") + "'" if value.quoted else value.text


def conditions(node: Node | None) -> Iterator[Compare]:
    """Every condition of a tree, from left to right."""
    if isinstance(node, Compare):
        yield node
    elif isinstance(node, Not):
        yield from conditions(node.part)
    elif isinstance(node, Group):
        for part in node.parts:
            yield from conditions(part)


class _Reader:
    """Recursive descent over a list of (kind, text, column)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        self.next = 0
        self.depth = 0
        self.n_conditions = 0

    def fail(self, message: str, column: int) -> QueryError:
        return QueryError(message, column, self.text)

    def read(self) -> Node | None:
        if len(self.text) > MAX_LENGTH:
            raise self.fail(f"The filter has {len(self.text)} characters, and {MAX_LENGTH} are possible.", MAX_LENGTH)
        self._split()
        if not self.tokens:
            return None
        node = self.either()
        kind, text, column = self.peek()
        if kind != "end":
            if text == ")":
                raise self.fail("This parenthesis closes nothing; take it away, or open one before it.", column)
            raise self.fail(f"Between two conditions stands and / or; {text!r} came instead.", column)
        return node

    def _split(self) -> None:
        at = 0
        while at < len(self.text):
            token = _TOKEN.match(self.text, at)
            c = self.text[at]
            if token is None:
                if c in "'\"":
                    raise self.fail(f"The quote that opens here is never closed; add a {c} at the end"
                                    f" ({c}{c} stands for the quote itself).", at)
                raise self.fail(f"{c!r} means nothing here; put values in 'single quotes'.", at)
            kind = str(token.lastgroup)
            if kind != "space":
                self.tokens.append((kind, token[0], at))
            at = token.end()
        for bad in ("\0", *("\ud800", "\udfff")):
            if bad in self.text:
                raise self.fail("Here stands a character that is not text; retype it.", self.text.index(bad))

    def peek(self) -> tuple[str, str, int]:
        return self.tokens[self.next] if self.next < len(self.tokens) else ("end", "", len(self.text))

    def take(self, *words: str) -> bool:
        """Step over the next token if it is one of these words or marks."""
        kind, text, _ = self.peek()
        if kind in ("word", "mark") and text.lower() in words:
            self.next += 1
            return True
        return False

    def either(self) -> Node:
        return self._joined("or", self.both)

    def both(self) -> Node:
        return self._joined("and", self.negated)

    def _joined(self, word: str, part: object) -> Node:
        parts = [part()]  # type: ignore[operator]
        while self.take(word):
            parts.append(part())  # type: ignore[operator]
        return parts[0] if len(parts) == 1 else Group(word, tuple(parts))

    def negated(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"Parentheses and nots can be nested {MAX_DEPTH} deep; write it flatter.", self.peek()[2])
        column = self.peek()[2]
        if self.take("not"):
            node: Node = Not(self.negated())
        elif self.take("("):
            node = self.either()
            if not self.take(")"):
                raise self.fail("The parenthesis that opens here is never closed; add a ).", column)
        else:
            node = self.condition()
        self.depth -= 1
        return node

    def condition(self) -> Node:
        name, at = self.name()
        self.n_conditions += 1
        if self.n_conditions > MAX_CONDITIONS:
            raise self.fail(f"A filter can have {MAX_CONDITIONS} conditions; use in (...) for many values.", at)
        kind, text, column = self.peek()
        if kind == "op":
            self.next += 1
            op = _OTHER_SPELLINGS.get(text, text)
            if op == "!~":
                raise self.fail(f"Write not {write_name(name)} ~ ... for what must not be contained.", column)
            return Compare(name, op, (self.value(),), at)
        if self.take("is"):
            negated = self.take("not")
            if not self.take("null"):
                raise self.fail(f"After is comes null or not null; for a value write {write_name(name)} = '...'.",
                                self.peek()[2])
            node: Node = Compare(name, "null", (), at)
            return Not(node) if negated else node
        negated = self.take("not")
        if self.take("in"):
            node = Compare(name, "in", self.values(), at)
            return Not(node) if negated else node
        raise self.fail(f"After the column {name} comes one of {' '.join(OPERATORS)}, in (...) or is null.",
                        self.peek()[2] if negated else column)

    def name(self) -> tuple[str, int]:
        kind, text, column = self.peek()
        if kind == "name" and len(text) > 2:
            self.next += 1
            return text[1:-1].replace('""', '"'), column
        if kind == "word" and text.lower() not in _KEYWORDS:
            self.next += 1
            return text, column
        if kind == "text":
            raise self.fail("A column's name stands bare or in \"double quotes\"; 'single quotes' are for values.",
                            column)
        raise self.fail("Here a condition must follow, such as colour = 'red'.", column)

    def values(self) -> tuple[Value, ...]:
        if not self.take("("):
            raise self.fail("After in comes a list in parentheses, such as in ('red', 'blue').", self.peek()[2])
        values = [self.value()]
        while self.take(","):
            values.append(self.value())
        if not self.take(")"):
            raise self.fail("The list of values goes on with a comma or ends with a ).", self.peek()[2])
        return tuple(values)

    def value(self) -> Value:
        kind, text, column = self.peek()
        if kind == "text":
            self.next += 1
            return Value(text[1:-1].replace("''", "'"), True, column)
        if kind == "word" and text.lower() == "null":
            raise self.fail("Nothing equals null; write is null or is not null.", column)
        if kind == "word" and text.lower() not in _KEYWORDS:
            self.next += 1
            return Value(text, False, column)
        if kind == "name":
            raise self.fail("A value stands in 'single quotes'; \"double quotes\" are for columns.", column)
        raise self.fail("Here a value must follow, such as 'red' or 12.", column)
