"""A benchmark's own list of the images that are ranked, where it has one beside its questions.

FashionIQ (``image_splits/split.dress.val.json``: a list of ids) and CIRR (``split.rc2.val.json``: names and their paths) rank more
images than their questions name; figures that were published with them can be compared only with them.
"""

from __future__ import annotations

from dataclasses import replace

from core.errors import InputError
from core.judge.protocols.truth import Truth, load_json


def with_gallery(truth: Truth, text: str, name: str) -> Truth:
    """The same questions among the images of a list.

    Parameters
    ----------
    truth : Truth
    text : str
        ``["B001", ...]``, or ``{"dev-1-img0": "./dev/dev-1-img0.png", ...}``, of which the names are taken.
    name : str
        Of the file, for messages.

    Raises
    ------
    InputError
        It is no such list; or a right answer is not in it; or the questions are of several categories, each with its own images.
    """
    said = load_json(text, name)
    listed = list(said) if isinstance(said, dict | list) else []
    if not listed:
        raise InputError(f"{name} is no list of images; ids in a list are needed, or an object with a path for each name.")
    for number, one in enumerate(listed, 1):
        if not isinstance(one, str) or not one.strip():
            raise InputError(f"Entry {number} of {name} is no name of an image; it is no list of images.")
    gallery = dict.fromkeys(one.strip() for one in listed)
    if truth.kind == "fashioniq" and len({one.category for one in truth.queries}) > 1:
        raise InputError("The questions are of several categories, each with its own images; give a file of one category with its list.")
    for number, one in enumerate(truth.queries, 1):
        lost = next((target for target in one.targets if target not in gallery), None)
        if lost is not None:
            raise InputError(f"The target {lost!r} of question {number} ({one.query_id}) is not in {name}; it belongs to another split.")
    return replace(truth, gallery=tuple(gallery))
