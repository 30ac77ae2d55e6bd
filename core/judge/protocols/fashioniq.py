"""FashionIQ (``cap.dress.val.json``): a garment and two remarks find another garment, within a category."""

from __future__ import annotations

import re
import string

from core.errors import InputError
from core.judge.protocols.truth import Asked, Truth, all_files, entries, load_json, target_of, texts, unique, words


def read(text: str, name: str, split: str = "") -> Truth:
    """Each entry is a question: the candidate is its reference, the captions joined as "A and B" are its words.

    Parameters
    ----------
    text : str
        ``[{"candidate", "target", "captions": [a, b]}]``, or ``{"dress": [...], "shirt": [...]}``.
    name : str
        The category of a list is the middle of a name such as ``cap.dress.val.json``, unless entries name one.

    Raises
    ------
    InputError
        It is no such file, or has no targets (as the official test part); with the number of the entry.
    """
    if split:
        raise InputError(f"{name} is one split by itself; leave out the split {split!r}.")
    said = load_json(text, name)
    named = re.match(r"(?:.*[./])?cap\.([a-z]+)\.[a-z]+\.json\Z", name, re.IGNORECASE)
    groups = said if isinstance(said, dict) else {named[1] if named else "": said}
    queries = []
    for category, listed in groups.items():
        where = f"{category!r} in {name}" if isinstance(said, dict) else name
        for number, entry in enumerate(entries(listed, where, "pairs"), 1):
            # The official shirts and tops have entries whose first remark is empty; the other one is the question then.
            remarks = [_tidy(one) for one in texts(entry.get("captions"), "captions", number, where, empty=True)]
            joined = " and ".join(filter(None, remarks))
            if not joined:
                raise InputError(f"Entry {number} of {where} has captions without a word.")
            kind = words(entry, "category", number, where, needed=False) or category
            queries.append(Asked(f"{kind or 'f'}-{number}".replace(" ", "-"), joined, (target_of(entry, "target", number, where),),
                                 words(entry, "candidate", number, where), category=kind))  # fmt: skip
    return Truth("fashioniq", unique(queries, name), all_files(queries))


def _tidy(remark: str) -> str:
    """A remark without the punctuation around it, as it is joined with the other."""
    return remark.strip(string.whitespace + ".?,")
