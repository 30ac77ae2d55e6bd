"""GeneCIS (``change_object.json`` and the like): an image and a condition find one image of a small gallery."""

from __future__ import annotations

import posixpath

from core.errors import InputError
from core.judge.protocols.crops import box_of, crop_name
from core.judge.protocols.truth import Asked, Truth, all_files, entries, load_json, unique, words

_COCO_DIGITS = 12


def read(text: str, name: str, split: str = "") -> Truth:
    """Each entry is a question: reference, condition, target, and a gallery of distractors.

    Parameters
    ----------
    text : str
        ``[{"reference", "condition", "target", "gallery": [...]}]``; images are file names, or objects with ``filename``,
        ``val_image_id`` (COCO: 12 digits) or ``image_id``. With ``instance_bbox`` a box in the image is meant: the file that
        `crops.cut` makes of it.
    name : str
        The file's name is the task.

    Raises
    ------
    InputError
        It is no such file; with the number of the entry.
    """
    if split:
        raise InputError(f"{name} has no splits; leave out the split {split!r}.")
    task = posixpath.basename(name).rpartition(".")[0]
    queries = []
    for number, entry in enumerate(entries(load_json(text, name), name, "templates"), 1):
        gallery = entry.get("gallery")
        if not isinstance(gallery, list) or not gallery:
            raise InputError(f"Entry {number} of {name} has no gallery; it is no file of this kind, or is damaged.")
        target, reference = (_file(entry.get(key), f"the {key} of entry {number} of {name}") for key in ("target", "reference"))
        others = (_file(one, f"image {place} in the gallery of entry {number} of {name}") for place, one in enumerate(gallery, 1))
        candidates = tuple(dict.fromkeys((target, *others)))
        queries.append(Asked(f"t{number}", words(entry, "condition", number, name), (target,), reference, candidates, task))
    return Truth("genecis", unique(queries, name), all_files(queries))


def _file(said: object, what: str) -> str:
    if isinstance(said, str) and said.strip():
        return said.strip()
    if isinstance(said, int) and not isinstance(said, bool):
        return str(said)
    if not isinstance(said, dict):
        raise InputError(f"{_upper(what)} is {'missing' if said is None else 'named in a way that is not known'}; give a file name.")
    known = {key: str(value).strip() for key, value in said.items() if isinstance(value, str | int) and not isinstance(value, bool)}
    if file := known.get("filename") or known.get("file"):
        return file
    if whole := known.get("val_image_id"):  # of COCO the whole image is meant, whatever else the file says of it
        return whole.zfill(_COCO_DIGITS)
    if not known.get("image_id"):
        raise InputError(f"{_upper(what)} has none of 'filename', 'val_image_id' and 'image_id'; give a file name.")
    try:
        box = box_of(said)
    except ValueError as error:
        raise InputError(f"{_upper(what)} is a box that cannot be read: {error}.") from error
    return crop_name(known["image_id"], box) if box else known["image_id"]


def _upper(what: str) -> str:
    return what[0].upper() + what[1:]
