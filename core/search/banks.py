"""Banks: the reference queries or items that a hub correction is computed from.

``captions``: the first caption of each item; ``queries``: saved and logged text queries; ``items``: the items
themselves, each left out of its own comparison; ``list:NAME``: lines a person pasted; ``tag:NAME``: the images with a tag,
such as some that were put in to be held out, with a filter that leaves them out of the answers; ``auto``: captions where
there are some, else the items. Of more than `BANK_AT_MOST` a sample is taken that changes little when items come or go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.errors import InputError, NotFound
from core.search.filters import remembered, state_of
from core.store import Collection, VectorView

BANK_AT_MOST = 2_000
NAMED = ("auto", "captions", "queries", "items")
LIST, TAG = "list:", "tag:"
ENOUGH_CAPTIONS = 10
"""Captions from which on ``auto`` uses them."""
_SETTING = "banks"
_LOGGED = 1_000
_LOG_STEP = 25  # searches after which the log is read again
_EVERY = 100  # up to here after each: a short log soon is another bank, and one that was cleared is empty at once


@dataclass(frozen=True)
class Bank:
    """What a correction compares the items with.

    Attributes
    ----------
    name : str
        Never ``auto``.
    texts : tuple of str
        Of a bank of words, to be encoded.
    positions : ndarray of int64 or None
        Of a bank of items, in the view.
    fingerprint : str
        Another one as soon as the bank is another.
    kept : tuple of str
        In place of texts: the names of those whose vectors are stored.
    """

    name: str
    texts: tuple[str, ...]
    positions: np.ndarray | None
    fingerprint: str
    kept: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names) if self.positions is None else len(self.positions)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What the texts are known by beside their vectors: see `name_of`."""
        return self.kept or tuple(map(name_of, self.texts))


def name_of(text: str) -> str:
    """What a text of a bank is known by where it must not be read: logged queries are forgotten when a person says so."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def check_bank(name: object) -> str:
    """The name of a bank, if it can be one.

    Raises
    ------
    InputError
    """
    if isinstance(name, str) and (name in NAMED or any(name.startswith(kind) and len(name) > len(kind) for kind in (LIST, TAG))):
        return name
    raise InputError(f"The bank of a hub correction is {name!r}; it can be {', '.join(NAMED)}, list: and the name of a list, or "
                     "tag: and a tag.")


def bank(collection: Collection, view: VectorView, name: str) -> tuple[Bank, str]:
    """The bank of that name for a vector set, and what is to be said about it.

    Where words cannot be compared with the vectors, or there are none, the items stand in.

    Raises
    ------
    NotFound
        There is no such list, or no image has the tag.
    """
    check_bank(name)
    if name.startswith(TAG):
        return _tagged(collection, view, name), ""
    said = ""
    if name != "items":
        if not view.set.has_text or view.set.space == "visual":
            said = "words cannot be compared with these vectors"
        else:
            asked = "captions" if name == "auto" else name
            found = _words(collection, asked)
            if len(found) >= (ENOUGH_CAPTIONS if name == "auto" else 1):
                return found, ""
            said = f"there are no {asked}"
    said = f"The images themselves are the bank of the hub correction: {said}." if said and name != "auto" else ""
    return _items(collection, view), said


def sample_of(collection: Collection, view: VectorView) -> np.ndarray:
    """int64 positions, ascending, of the live items, of at most `BANK_AT_MOST` of them."""

    def choose() -> np.ndarray:
        if len(view.live) <= BANK_AT_MOST:
            return view.live
        return np.sort(view.live[_sampled(view.item_ids[view.live].tolist())])

    key = (collection.path, view.uid, "hub-sample", view.set.set_id, view.epoch, view.changed)
    return remembered(key, choose)


# ---------------------------------------------------------------- lists that people paste


def keep_list(collection: Collection, name: str, lines: str | Sequence[str]) -> str:
    """Keep lines of text as a bank; one of the same name is replaced. The bank's name, ``list:NAME``.

    Raises
    ------
    InputError
        The name cannot be used, or there are fewer than two different lines.
    """
    name = str(name).strip()
    if not 1 <= len(name) <= 30 or not name.isprintable() or ":" in name:
        raise InputError("The name of a list has 1 to 30 printable characters and no colon.")
    lines = lines.splitlines() if isinstance(lines, str) else lines
    texts = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(texts) < 2:
        raise InputError("A bank needs at least two different lines, one query a line.")
    collection.set_setting(_SETTING, {**lists(collection), name: texts})
    return LIST + name


def lists(collection: Collection) -> dict[str, list[str]]:
    """The lists kept in a collection, by name."""
    kept = collection.setting(_SETTING, {})
    return {str(name): [str(text) for text in texts] for name, texts in kept.items()} if isinstance(kept, dict) else {}


def _lines(collection: Collection, name: str) -> list[str]:
    kept = lists(collection)
    if name not in kept:
        raise NotFound(f"There is no list {name!r} here; there are: {', '.join(sorted(kept)) or 'none'}.")
    return kept[name]


def delete_list(collection: Collection, name: str) -> None:
    """Forget a list.

    Raises
    ------
    NotFound
    """
    _lines(collection, name)
    collection.set_setting(_SETTING, {other: texts for other, texts in lists(collection).items() if other != name})


# ---------------------------------------------------------------- what is in a bank


def _words(collection: Collection, name: str) -> Bank:
    """Different texts, sampled where there are too many."""

    def of(texts: Sequence[str]) -> Bank:
        texts = _cut(texts)
        return Bank(name, texts, None, _fingerprint("\0".join(texts).encode()))

    if name == "queries":
        # Noting a search leaves the collection's revision alone.
        n = collection.n_searches()
        key: tuple[object, ...] = (*state_of(collection), "hub-bank", name, n if n < _EVERY else n // _LOG_STEP * _LOG_STEP)
        return remembered(key, lambda: of(_asked(collection)))
    if name.startswith(LIST):
        return remembered((*state_of(collection), "hub-bank", name), lambda: of(_lines(collection, name.removeprefix(LIST))))
    return remembered((*state_of(collection), "hub-bank", name), lambda: of(_captions(collection)))


def _captions(collection: Collection) -> list[str]:
    rows = collection.select(
        "SELECT text FROM captions JOIN items USING (item_id) WHERE trashed_at IS NULL AND position = 0 ORDER BY item_id"
    )
    return [row[0] for row in rows]


def _asked(collection: Collection) -> list[str]:
    asked = [query.query for query in collection.saved_queries()]
    asked += [search.query for search in collection.searches(_LOGGED)]
    return [q.terms[0].value for q in asked if len(q.terms) == 1 and q.terms[0].kind == "text" and q.terms[0].weight > 0]


def _cut(texts: Sequence[str]) -> tuple[str, ...]:
    different = sorted({text for text in texts if text.strip()})
    return tuple(different) if len(different) <= BANK_AT_MOST else tuple(different[i] for i in sorted(_sampled(different)))


def _sampled(names: Sequence[str]) -> list[int]:
    """Which of the names are in the sample: those of the lowest hashes, so that a new one moves one out at most."""
    hashes = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    return sorted(range(len(names)), key=hashes.__getitem__)[:BANK_AT_MOST]


def _tagged(collection: Collection, view: VectorView, name: str) -> Bank:
    """The live items with a tag, of at most `BANK_AT_MOST` of them."""
    tag = name.removeprefix(TAG)

    def choose() -> np.ndarray:
        rows = collection.select(
            "SELECT DISTINCT item_id FROM tags JOIN items USING (item_id) WHERE tag = ? AND undone_at IS NULL AND trashed_at IS NULL"
            " ORDER BY item_id", (tag,),
        )  # fmt: skip
        ids = [row[0] for row in rows]
        return view.find(ids if len(ids) <= BANK_AT_MOST else [ids[i] for i in _sampled(ids)])

    positions = remembered((*state_of(collection), "hub-bank", view.set.set_id, name), choose)
    if not len(positions):
        there = ", ".join(tag for tag, _ in collection.tags()) or "none"
        raise NotFound(f"No image here has the tag {tag!r}; there are: {there}.")
    return Bank(name, (), positions, _fingerprint(positions.tobytes() + str(view.epoch).encode()))


def _items(collection: Collection, view: VectorView) -> Bank:
    positions = sample_of(collection, view)
    return Bank("items", (), positions, _fingerprint(positions.tobytes() + str(view.epoch).encode()))


def _fingerprint(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
