"""A table of captions (``file,caption``, perhaps ``split``): captions find their image."""

from __future__ import annotations

from collections import Counter

from core.errors import InputError
from core.judge.protocols.truth import Asked, Truth, chosen_split, unique
from core.judge.textfiles import csv_records, json_records

_FILE = ("file", "image", "filename", "image_id", "path")
_CAPTION = ("caption", "sentence", "text", "raw")


def read(text: str, name: str, split: str = "") -> Truth:
    """Every row is a question, and its file the answer.

    Parameters
    ----------
    text : str
        CSV with a header, or JSONL.
    split : str
        Of the column ``split``, where there is one; by default test, val or dev.

    Raises
    ------
    InputError
        With the line, where a row lacks its file or its caption.
    """
    records = list((json_records if text.lstrip().startswith("{") else csv_records)(text, name))
    if not records:
        raise InputError(f"There is no caption in {name}.")
    has_split = any("split" in record.cells for record in records)
    split = chosen_split(Counter(record.first("split") for record in records), split, name) if has_split else _no_split(split, name)
    queries, gallery = [], {}
    for record in records:
        file, caption = record.first(*_FILE), record.first(*_CAPTION)
        if not file or not caption:
            lacking = "file" if not file else "caption"
            raise InputError(f"Line {record.line} of {name} has no {lacking}; columns 'file' and 'caption' are needed.")
        if not has_split or record.first("split") == split:
            gallery[file] = True
            queries.append(Asked(f"c{record.line}", caption, (file,)))
    left = len(records) - len(queries)
    return Truth("captions", unique(queries, name), tuple(gallery), split, {"captions of other splits": left} if left else {})


def _no_split(split: str, name: str) -> str:
    if split:
        raise InputError(f"{name} has no column 'split', so there is no split {split!r} in it.")
    return ""
