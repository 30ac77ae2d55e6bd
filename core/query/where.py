"""The filter text made into one SQL condition over ``items`` with bound parameters.

Nothing a person wrote becomes SQL: column names are looked up, operators come from a list, and every value and every
JSON path is a parameter. What the columns mean:

* metadata columns as the collection lists them; `VIRTUAL` columns (file, caption, tag, date, ...) before them. A
  metadata column of the same name as a virtual one is reached as ``meta.<name>``. Upper and lower case of a name
  matter only where two columns differ in nothing else.
* numbers compare as numbers, ``true`` and ``false`` as such, texts letter by letter.
* dates compare as far as they are written: ``date = 2024-05`` is all of May 2024, ``date <= 2024`` includes December.
* ``~`` is "contains", without case.
* ``tag`` and ``caption`` have many values: a condition holds if it holds for one of them, ``tag != 'x'`` if x is none
  of them, ``tag is null`` if there are none.
* every condition is true or false, never unknown: ``colour != 'red'`` and ``not colour = 'red'`` both find items
  without a colour.

The condition calls the SQL function ``casefold``, which `Collection.select` has.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.errors import QueryError
from core.query import syntax
from core.query.syntax import Compare, Group, Node, Not, Value
from core.types import Column, Scalar

VIRTUAL: Mapping[str, str] = {
    "id": "text",
    "file": "text",
    "caption": "text",
    "tag": "text",
    "date": "date",
    "n_k": "number",
    "width": "number",
    "height": "number",
    "status": "text",
}
"""Columns every collection has, and their kinds."""

_EXPRESSIONS = {
    "id": "items.item_id",
    "file": "items.file",
    "date": "nullif(items.date, '')",
    "n_k": "(SELECT n_k.n_k FROM n_k WHERE n_k.item_id = items.item_id)",
    "width": "items.width",
    "height": "items.height",
    "status": "items.status",
}
_MANY = {
    "tag": "SELECT 1 FROM tags AS t WHERE t.item_id = items.item_id AND t.undone_at IS NULL AND {}",
    "caption": "SELECT 1 FROM captions AS t WHERE t.item_id = items.item_id AND {}",
}
_MANY_VALUE = {"tag": "t.tag", "caption": "t.text"}
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?\Z", re.IGNORECASE | re.ASCII)
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?\Z", re.ASCII)
_BOOLEANS = {"true": 1, "yes": 1, "1": 1, "false": 0, "no": 0, "0": 0}
_MAX_INTEGER = 2**63 - 1
_LISTED = 30


@dataclass(frozen=True)
class Condition:
    """An SQL condition over ``items``, its parameters in order, and the columns it asks about."""

    sql: str = "1"
    params: tuple[object, ...] = ()
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Field:
    """A column as SQL: for one with many values `sql` stands inside of `many`."""

    name: str
    kind: str
    sql: str
    params: tuple[object, ...] = ()
    many: str = ""


def compile_where(text: str, columns: Iterable[Column] = ()) -> Condition:
    """Compile filter text.

    Parameters
    ----------
    text : str
        In the grammar of `core.query.syntax`; empty means everything.
    columns : iterable of Column
        The collection's metadata columns.

    Raises
    ------
    QueryError
        The text cannot be read, names a column that is not there, or a value its column cannot have.
    """
    node = syntax.read(text)
    if node is None:
        return Condition()
    compiler = _Compiler(text, tuple(columns))
    sql, params = compiler.compile(node)
    return Condition(sql, tuple(params), frozenset(compiler.used))


def where_text(choices: Mapping[str, Sequence[Scalar] | Scalar]) -> str:
    """Filter text of chosen values by column: one value, or several of which one must hold; None is "has no value".

    >>> where_text({"colour": ["red", "blue"], "size": 3})
    "colour in ('red', 'blue') and size = 3"
    """
    parts: list[Node] = []
    for column, chosen in choices.items():
        values = [chosen] if isinstance(chosen, str) or not isinstance(chosen, Sequence) else list(chosen)
        nodes: list[Node] = [Compare(column, "null") for value in values if value is None][:1]
        texts = tuple(syntax.make_value(v) for v in values if v is not None)
        if texts:
            nodes.append(Compare(column, "=" if len(texts) == 1 else "in", texts))
        if nodes:
            parts.append(nodes[0] if len(nodes) == 1 else Group("or", tuple(nodes)))
    return syntax.write(parts[0] if len(parts) == 1 else Group("and", tuple(parts)) if parts else None)


def without(text: str, column: str, columns: Iterable[Column] = ()) -> str:
    """The filter without what it asks of one column, for counting what else that column could be.

    Only conditions joined by ``and`` that ask of this column alone can be left out; a part that mixes it with another
    column stays.
    """
    node = syntax.read(text)
    parts = node.parts if isinstance(node, Group) and node.word == "and" else () if node is None else (node,)
    known = tuple(columns)
    wanted = find_field(column, known).name

    def only_this(part: Node) -> bool:
        return all(find_field(c.column, known, text, c.at).name == wanted for c in syntax.conditions(part))

    kept = tuple(part for part in parts if not only_this(part))
    return syntax.write(None if not kept else kept[0] if len(kept) == 1 else Group("and", kept))


def find_field(name: str, columns: Sequence[Column], text: str = "", at: int | None = None) -> Field:
    """The column called `name`: a virtual one, a metadata one, ``meta.`` and a metadata one, or either without case.

    Raises
    ------
    QueryError
        There is none; the message lists those there are.
    """
    fields = {column.name: column for column in columns}
    if name in VIRTUAL:
        return _virtual(name)
    if name in fields:
        return metadata_field(fields[name])
    if name.startswith("meta.") and name[5:] in fields:
        return metadata_field(fields[name[5:]])
    same = [other for other in (*VIRTUAL, *fields) if other.casefold() == name.casefold()]
    if len(same) == 1:
        return find_field(same[0], columns)
    close = difflib.get_close_matches(name.casefold(), [n.casefold() for n in (*VIRTUAL, *fields)], 1, 0.6)
    meant = next((n for n in (*VIRTUAL, *fields) if close and n.casefold() == close[0]), None)
    listed = [*fields, *(n for n in VIRTUAL if n not in fields)]
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    hint = f"; did you mean {syntax.write_name(meant)}?" if meant else "."
    raise QueryError(f"There is no column {name!r}{hint} There are: {', '.join(listed[:_LISTED])}{more}.", at, text)


def _virtual(name: str) -> Field:
    if name in _MANY:
        return Field(name, "text", _MANY_VALUE[name], (), _MANY[name])
    return Field(name, VIRTUAL[name], _EXPRESSIONS[name])


def metadata_field(column: Column) -> Field:
    """A metadata column as SQL; its name is the one a filter calls it by."""
    name = f"meta.{column.name}" if column.name in VIRTUAL else column.name
    path = "$." + json.dumps(column.name, ensure_ascii=False)
    value = "json_extract(items.meta, ?)"
    if column.kind in ("number", "boolean"):
        # A value of another type in this column is no number: it counts as empty.
        sql = f"CASE WHEN typeof({value}) IN ('integer', 'real') THEN {value} END"
        return Field(name, column.kind, sql, (path, path))
    text = f"nullif(CAST({value} AS TEXT), '')"
    if column.kind == "date":
        return Field(name, "date", text, (path,))
    sql = f"CASE json_type(items.meta, ?) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE {text} END"
    return Field(name, "text", sql, (path, path))


class _Compiler:
    """SQL of a tree; every piece is 0 or 1, never NULL."""

    def __init__(self, text: str, columns: tuple[Column, ...]) -> None:
        self.text = text
        self.columns = columns
        self.used: set[str] = set()

    def compile(self, node: Node) -> tuple[str, list[object]]:
        if isinstance(node, Not):
            sql, params = self.compile(node.part)
            return f"NOT ({sql})", params
        if isinstance(node, Group):
            pieces = [self.compile(part) for part in node.parts]
            joined = f" {node.word.upper()} ".join(f"({sql})" for sql, _ in pieces)
            return joined, [param for _, params in pieces for param in params]
        return self.condition(node)

    def condition(self, node: Compare) -> tuple[str, list[object]]:
        field = find_field(node.column, self.columns, self.text, node.at)
        self.used.add(field.name)
        if node.op == "null":
            sql, params = (f"{field.sql} IS NOT NULL" if field.many else f"{field.sql} IS NULL"), [*field.params]
        elif node.op == "!=":
            sql, params = self.compare(field, "=", node.values, node.at)
        else:
            sql, params = self.compare(field, node.op, node.values, node.at)
        if field.many:
            sql = f"EXISTS ({field.many.format(f'({sql})')})"
        else:
            sql = f"coalesce({sql}, 0)"
        # "none of them is it" and "there are none" are the opposites of "one of them is it" and "there is one".
        opposite = (node.op == "!=") != (node.op == "null" and bool(field.many))
        return (f"NOT {sql}" if opposite else sql), params

    def compare(self, field: Field, op: str, values: tuple[Value, ...], at: int) -> tuple[str, list[object]]:
        if op == "~":
            return self.contains(field, values[0], at)
        if field.kind == "date":
            return self.dates(field, op, values)
        convert = {"number": self.number, "boolean": self.boolean}.get(field.kind, self.plain)
        if field.kind == "boolean" and op not in ("=", "in"):
            raise self.fail(f"The column {field.name} is true or false; use =.", at)
        params = [convert(field, value) for value in values]
        if op != "in":
            return f"{field.sql} {op} ?", [*field.params, *params]
        if field.kind == "text":  # one parameter for thousands of values
            return (f"{field.sql} IN (SELECT value FROM json_each(?))",
                    [*field.params, json.dumps(params, ensure_ascii=False)])
        return f"{field.sql} IN ({', '.join('?' * len(params))})", [*field.params, *params]

    def contains(self, field: Field, value: Value, at: int) -> tuple[str, list[object]]:
        if field.kind in ("number", "boolean"):
            what = "numbers" if field.kind == "number" else "true or false"
            raise self.fail(f"~ looks inside of text, and {field.name} holds {what}; use = < <= > >=.", at)
        if not value.text:
            raise self.fail("After ~ comes the text to look for; it is empty here.", value.at)
        return f"instr(casefold({field.sql}), ?) > 0", [*field.params, value.text.casefold()]

    def dates(self, field: Field, op: str, values: tuple[Value, ...]) -> tuple[str, list[object]]:
        pieces, params = [], []
        for value in values:
            if not _DATE.match(value.text):
                raise self.fail(f"{value.text!r} is no date for the column {field.name}; write 2024, 2024-05,"
                                " 2024-05-31 or 2024-05-31T12:00.", value.at)
            # As far as it is written: the same number of characters of both.
            pieces.append(f"substr(replace({field.sql}, ' ', 'T'), 1, ?) {'=' if op == 'in' else op} ?")
            params += [*field.params, len(value.text), value.text.replace(" ", "T")]
        return " OR ".join(pieces), params

    def plain(self, field: Field, value: Value) -> str:
        return value.text

    def number(self, field: Field, value: Value) -> int | float:
        if not _NUMBER.match(value.text.strip()):
            raise self.fail(f"The column {field.name} holds numbers, and {value.text!r} is none.", value.at)
        number = float(value.text)
        if re.fullmatch(r"\s*[-+]?\d{1,19}\s*", value.text) and abs(int(value.text)) <= _MAX_INTEGER:
            return int(value.text)
        if number in (float("inf"), float("-inf")):
            raise self.fail(f"The number {value.text} is too large.", value.at)
        return number

    def boolean(self, field: Field, value: Value) -> int:
        if value.text.lower() not in _BOOLEANS:
            raise self.fail(f"The column {field.name} is true or false, and {value.text!r} is neither.", value.at)
        return _BOOLEANS[value.text.lower()]

    def fail(self, message: str, at: int) -> QueryError:
        return QueryError(message, at, self.text)
