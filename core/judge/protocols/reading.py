"""Ground truth by the name of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.errors import InputError
from core.judge.protocols import captions, cirr, fashioniq, genecis, karpathy, triplets
from core.judge.protocols.truth import Truth

_READERS: Mapping[str, Callable[[str, str, str], Truth]] = {
    "karpathy": karpathy.read,
    "captions": captions.read,
    "cirr": cirr.read,
    "fashioniq": fashioniq.read,
    "genecis": genecis.read,
    "triplets": triplets.read,
}
KINDS = tuple(_READERS)


def read_truth(text: str, kind: str, name: str = "the truth", split: str = "") -> Truth:
    """A file of ground truth.

    Parameters
    ----------
    kind : one of `KINDS`
    name : str
        Of the file, for messages; FashionIQ and GeneCIS have the category in it.
    split : str
        Of a file that holds several.

    Raises
    ------
    InputError
        It is no such file; the message has the number of the entry or line.
    """
    if kind not in _READERS:
        raise InputError(f"There is no kind of ground truth called {kind!r}; there are: {', '.join(KINDS)}.")
    return _READERS[kind](text, name, split)
