"""What a file of ground truth says: questions, their right answers by file name, and the images they are asked among."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.errors import InputError


@dataclass(frozen=True, slots=True)
class Asked:
    """One question.

    Attributes
    ----------
    query_id : str
    text : str
        Words; may be empty where there is a reference.
    reference : str
        File name of the image that is a part of the question, or empty.
    targets : tuple of str
        File names of the right answers, one or more.
    candidates : tuple of str
        Where the protocol ranks a few images only (CIRR's subset, GeneCIS' gallery): their file names.
    category : str
        What the protocol averages by, such as FashionIQ's ``dress``.
    """

    query_id: str
    text: str
    targets: tuple[str, ...]
    reference: str = ""
    candidates: tuple[str, ...] = ()
    category: str = ""


@dataclass(frozen=True, slots=True)
class Truth:
    """A file of ground truth.

    Attributes
    ----------
    kind : str
    queries : tuple of Asked
    gallery : tuple of str
        File names of all images that are ranked.
    split : str
        The part of the file that was taken; empty where it has none.
    left_out : Mapping of str to int
        What was not taken, and how many.
    """

    kind: str
    queries: tuple[Asked, ...]
    gallery: tuple[str, ...]
    split: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)


def load_json(text: str, name: str) -> object:
    """The JSON of a text.

    Raises
    ------
    InputError
        It is none; with the line.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{name} is no JSON: {error.msg} at line {error.lineno}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is no JSON that can be read: {str(error)[:200]}.") from error


def entries(said: object, name: str, what: str = "entries") -> list[Mapping[str, object]]:
    """A list of objects, or a sentence saying which entry is none."""
    if not isinstance(said, list) or not said:
        raise InputError(f"{name} has no list of {what}; it is no file of this kind.")
    for number, one in enumerate(said, 1):
        if not isinstance(one, dict):
            raise InputError(f"Entry {number} of {name} is no object; it is no file of this kind.")
    return said


def words(entry: Mapping[str, object], key: str, number: int, name: str, *, needed: bool = True) -> str:
    """A text of an entry; numbers are taken as text.

    Raises
    ------
    InputError
        It is not there, or is no text; with the entry's number.
    """
    value = entry.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value.strip()):
        raise InputError(f"Entry {number} of {name} has no {key!r}; it is no file of this kind, or is damaged.")
    return value.strip()


def target_of(entry: Mapping[str, object], key: str, number: int, name: str) -> str:
    """The right answer of an entry; official test parts have none, and are said to be such."""
    if key not in entry:
        raise InputError(f"Entry {number} of {name} has no {key!r}; the official test part has none, and cannot be measured here.")
    return words(entry, key, number, name)


def texts(value: object, key: str, number: int, name: str, *, empty: bool = False) -> tuple[str, ...]:
    """A list of texts of an entry; with `empty` some may be empty."""
    if not isinstance(value, list) or not all(isinstance(one, str) and (empty or one.strip()) for one in value):
        raise InputError(f"Entry {number} of {name} has no list of texts in {key!r}; it is no file of this kind, or is damaged.")
    return tuple(one.strip() for one in value)


def unique(queries: Sequence[Asked], name: str) -> tuple[Asked, ...]:
    """The same questions; their ids must be unique and hold no white space, as TREC files need it."""
    seen: set[str] = set()
    for number, one in enumerate(queries, 1):
        if one.query_id in seen:
            raise InputError(f"Question {number} of {name}, {one.text[:60]!r}, has the id {one.query_id}, which an earlier one has,"
                             " too; ids must be unique.")  # fmt: skip
        if one.query_id.split() != [one.query_id]:
            raise InputError(f"Question {number} of {name}, {one.text[:60]!r}, has the id {one.query_id[:40]!r};"
                             " an id is letters without spaces.")  # fmt: skip
        seen.add(one.query_id)
    if not queries:
        raise InputError(f"There is no question in {name}.")
    return tuple(queries)


def all_files(queries: Iterable[Asked]) -> tuple[str, ...]:
    """Every file that questions name, each once, in order."""
    return tuple(dict.fromkeys(
        file for one in queries for file in (*((one.reference,) if one.reference else ()), *one.targets, *one.candidates)
    ))  # fmt: skip


def chosen_split(counts: Mapping[str, int], split: str, name: str) -> str:
    """The split to take: the one asked for, else test, val or dev, else the only one there is.

    Raises
    ------
    InputError
        It is not there, or there are several and none of these names; the message lists them.
    """
    there = ", ".join(f"{one or '(none)'} ({n:,})" for one, n in counts.items())
    if split:
        if split not in counts:
            raise InputError(f"There is no split {split!r} in {name}; there are: {there}.")
        return split
    found = next((one for one in ("test", "val", "dev") if one in counts), next(iter(counts)) if len(counts) == 1 else None)
    if found is None:
        raise InputError(f"Say which split of {name} to take; there are: {there}.")
    return found
