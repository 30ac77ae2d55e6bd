"""Karpathy's split files (``dataset_flickr8k.json``, ``dataset_flickr30k.json``, ``dataset_coco.json``): captions find their image."""

from __future__ import annotations

from collections import Counter

from core.errors import InputError
from core.judge.protocols.truth import Asked, Truth, chosen_split, entries, load_json, unique, words


def read(text: str, name: str, split: str = "") -> Truth:
    """Every caption of the images of a split is a question, and its image the answer.

    Parameters
    ----------
    text : str
        ``{"images": [{"filename", "filepath"?, "split", "sentences": [{"raw", "sentid"?}]}]}``.
    split : str
        By default ``test``.

    Raises
    ------
    InputError
        It is no such file; with the number of the image that is not as it should be.
    """
    said = load_json(text, name)
    images = entries(said.get("images") if isinstance(said, dict) else None, name, "images")
    splits = [words(image, "split", number, name, needed=False) for number, image in enumerate(images, 1)]
    split = chosen_split(Counter(splits), split, name)
    queries, gallery, without = [], [], 0
    for number, (image, part) in enumerate(zip(images, splits), 1):
        if part != split:
            continue
        folder = words(image, "filepath", number, name, needed=False)
        file = words(image, "filename", number, name)
        file = f"{folder}/{file}" if folder else file
        gallery.append(file)
        sentences = image.get("sentences")
        if not isinstance(sentences, list):
            raise InputError(f"Image {number} of {name} has no list of sentences; it is no file of this kind, or is damaged.")
        without += not sentences
        for place, sentence in enumerate(sentences):
            if not isinstance(sentence, dict):
                raise InputError(f"Image {number} of {name} has a sentence that is no object.")
            raw = sentence.get("raw")
            if not isinstance(raw, str) or not raw.strip():
                raise InputError(f"Sentence {place + 1} of image {number} of {name} has no 'raw'; it is no file of this kind, or is"
                                 " damaged.")  # fmt: skip
            own = words(sentence, "sentid", number, name, needed=False)
            queries.append(Asked(f"s{own}" if own else f"i{number}.{place}", raw.strip(), (file,)))
    left = {"images of other splits": len(images) - len(gallery), "images without a sentence": without}
    return Truth("karpathy", unique(queries, name), tuple(dict.fromkeys(gallery)), split, {what: n for what, n in left.items() if n})
