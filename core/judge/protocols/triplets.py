"""Triplets of one's own, as JSONL: ``{"reference", "text", "targets": [...], "kind"?, "id"?}``."""

from __future__ import annotations

from core.errors import InputError
from core.judge.protocols.truth import Asked, Truth, all_files, load_json, texts, unique, words
from core.judge.textfiles import lines


def read(text: str, name: str, split: str = "") -> Truth:
    """Each line is a question; its ``kind`` is the category.

    Raises
    ------
    InputError
        With the line.
    """
    if split:
        raise InputError(f"{name} has no splits; leave out the split {split!r}.")
    queries = []
    for number, line in enumerate(lines(text), 1):
        if not line.strip():
            continue
        entry = load_json(line, f"line {number} of {name}")
        if not isinstance(entry, dict):
            raise InputError(f"Line {number} of {name} is no JSON object.")
        targets = texts(entry.get("targets", [entry["target"]] if "target" in entry else None), "targets", number, name)
        if not targets:
            raise InputError(f"Entry {number} of {name} has no target.")
        query_id, kind = (words(entry, key, number, name, needed=False) for key in ("id", "kind"))
        text_, reference = (words(entry, key, number, name) for key in ("text", "reference"))
        queries.append(Asked(query_id or f"t{number}", text_, targets, reference, category=kind))
    return Truth("triplets", unique(queries, name), all_files(queries))
