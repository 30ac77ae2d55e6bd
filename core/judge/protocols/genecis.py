"""GeneCIS (``change_object.json`` and the like): an image and a condition find one image of a small gallery."""

from __future__ import annotations

import posixpath

from core.errors import InputError
from core.judge.protocols.truth import Asked, Truth, all_files, entries, load_json, unique, words

_COCO_DIGITS = 12


def read(text: str, name: str, split: str = "") -> Truth:
    """Each entry is a question: reference, condition, target, and a gallery of distractors.

    Parameters
    ----------
    text : str
        ``[{"reference", "condition", "target", "gallery": [...]}]``; images are file names, or objects with ``filename``,
        ``val_image_id`` (COCO: 12 digits) or ``image_id``.
    name : str
        The file's name is the task.

    Raises
    ------
    InputError
        It is no such file, or its images are boxes in larger ones, for which crops would have to be cut; with the number
        of the entry.
    """
    if split:
        raise InputError(f"{name} has no splits; leave out the split {split!r}.")
    task = posixpath.basename(name).rpartition(".")[0]
    queries = []
    for number, entry in enumerate(entries(load_json(text, name), name, "templates"), 1):
        gallery = entry.get("gallery")
        if not isinstance(gallery, list) or not gallery:
            raise InputError(f"Entry {number} of {name} has no gallery; it is no file of this kind, or is damaged.")
        target, reference = _file(entry.get("target"), number, name), _file(entry.get("reference"), number, name)
        candidates = tuple(dict.fromkeys((target, *(_file(one, number, name) for one in gallery))))
        queries.append(Asked(f"t{number}", words(entry, "condition", number, name), (target,), reference, candidates, task))
    return Truth("genecis", unique(queries, name), all_files(queries))


def _file(said: object, number: int, name: str) -> str:
    if isinstance(said, str) and said.strip():
        return said.strip()
    if isinstance(said, dict):
        if any(key in said for key in ("instance_bbox", "bbox")) and not said.get("filename"):
            raise InputError(f"Entry {number} of {name} means a box of an image; cut the boxes out and give their files as 'filename'.")
        if said.get("val_image_id") is not None:
            return words(said, "val_image_id", number, name).zfill(_COCO_DIGITS)
        for key in ("filename", "file", "image_id"):
            if said.get(key) is not None:
                return words(said, key, number, name)
    if isinstance(said, int) and not isinstance(said, bool):
        return str(said)
    raise InputError(f"Entry {number} of {name} names an image in a way that is not known; give a file name.")
