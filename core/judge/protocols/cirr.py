"""CIRR (``cap.rc2.val.json``): an image and a change in words find one image, among all and among six that look alike."""

from __future__ import annotations

from core.errors import InputError
from core.judge.protocols.truth import Asked, Truth, all_files, entries, load_json, target_of, texts, unique, words


def read(text: str, name: str, split: str = "") -> Truth:
    """Each entry is a question: reference, caption, target, and the members of its set without the reference.

    Parameters
    ----------
    text : str
        ``[{"pairid", "reference", "target_hard", "caption", "img_set": {"members": [...]}}]``.

    Raises
    ------
    InputError
        It is no such file, or has no targets (as the official test part); with the number of the entry.
    """
    if split:
        raise InputError(f"{name} is one split by itself; leave out the split {split!r}.")
    queries = []
    for number, entry in enumerate(entries(load_json(text, name), name, "pairs"), 1):
        reference, target = words(entry, "reference", number, name), target_of(entry, "target_hard", number, name)
        group = entry.get("img_set")
        members = texts(group.get("members") if isinstance(group, dict) else None, "img_set.members", number, name)
        if target == reference:
            raise InputError(f"Entry {number} of {name} has the reference {reference!r} as its target, too.")
        if target not in members:
            raise InputError(f"Entry {number} of {name} has the target {target!r}, which is not among its set's other members.")
        others = tuple(member for member in dict.fromkeys(members) if member != reference)
        queries.append(Asked(words(entry, "pairid", number, name), words(entry, "caption", number, name), (target,), reference, others))
    return Truth("cirr", unique(queries, name), all_files(queries))
