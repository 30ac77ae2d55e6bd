"""Filter text and filter controls are two views of one thing: text to choices, and choices to text.

A filter made by the controls is a row of conditions joined by ``and``. Whatever else stands in the text (a ``not``, a
contains, an ``or`` over two columns) has no control and is kept as it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.query import syntax
from core.query.syntax import Compare, Group, Node
from core.types import Scalar

NONE = "\0none"
"""Stands for "has no value" among the texts of a choice."""


@dataclass(frozen=True)
class Range:
    """Bounds of a number or a date as they are written; None is open."""

    low: str | None = None
    high: str | None = None


Choice = tuple[str, ...] | Range


def conditions(where: str) -> list[str]:
    """The parts of a filter that all have to hold.

    Raises
    ------
    QueryError
    """
    return [syntax.write(part) for part in _parts(syntax.read(where))]


def joined(parts: Sequence[str]) -> str:
    """The inverse of `conditions`."""
    return _written(node for part in parts if (node := syntax.read(part)) is not None)


def read(where: str) -> tuple[dict[str, Choice], list[str]]:
    """What controls can show of a filter, by column, and the conditions that no control can show.

    Raises
    ------
    QueryError
    """
    choices: dict[str, Choice] = {}
    rest = []
    for part in _parts(syntax.read(where)):
        found = _choice(part)
        if found is None:
            rest.append(syntax.write(part))
            continue
        column, choice = found
        old = choices.get(column)
        if old is None:
            choices[column] = choice
        elif isinstance(old, Range) and isinstance(choice, Range) and not (
            (old.low and choice.low) or (old.high and choice.high)
        ):
            choices[column] = Range(old.low or choice.low, old.high or choice.high)
        else:
            rest.append(syntax.write(part))
    return choices, rest


def write(choices: Mapping[str, Choice], rest: Sequence[str] = (), numbers: frozenset[str] = frozenset()) -> str:
    """Filter text of choices and of the conditions no control can show.

    Parameters
    ----------
    numbers : frozenset of str
        Columns whose values stand without quotes.
    """
    nodes: list[Node] = []
    for column, choice in choices.items():
        bare = column in numbers
        if isinstance(choice, Range):
            nodes += [Compare(column, op, (syntax.Value(bound, not bare),))
                      for op, bound in ((">=", choice.low), ("<=", choice.high)) if bound is not None]
            continue
        values = tuple(syntax.Value(text, not bare) for text in choice if text != NONE)
        either: list[Node] = [Compare(column, "null")] if NONE in choice else []
        if values:
            either.append(Compare(column, "=" if len(values) == 1 else "in", values))
        if either:
            nodes.append(either[0] if len(either) == 1 else Group("or", tuple(either)))
    nodes += [node for part in rest if (node := syntax.read(part)) is not None]
    return _written(nodes)


def as_text(value: Scalar) -> str:
    """A value of a column as it is written in a filter."""
    return NONE if value is None else syntax.make_value(value).text


def _parts(node: Node | None) -> tuple[Node, ...]:
    if node is None:
        return ()
    return node.parts if isinstance(node, Group) and node.word == "and" else (node,)


def _written(nodes: Iterable[Node]) -> str:
    parts = tuple(nodes)
    return syntax.write(parts[0] if len(parts) == 1 else Group("and", parts) if parts else None)


def _choice(node: Node) -> tuple[str, Choice] | None:
    if isinstance(node, Group) and node.word == "or":
        either = [_choice(part) for part in node.parts]
        columns = {found[0] for found in either if found is not None}
        if len(columns) != 1 or any(found is None or isinstance(found[1], Range) for found in either):
            return None
        return columns.pop(), tuple(text for found in either for text in found[1])  # type: ignore[index,union-attr]
    if not isinstance(node, Compare):
        return None
    texts = tuple(value.text for value in node.values)
    if node.op in ("=", "in"):
        return node.column, texts
    if node.op == "null":
        return node.column, (NONE,)
    if node.op in (">=", "<="):
        return node.column, Range(texts[0], None) if node.op == ">=" else Range(None, texts[0])
    return None
