"""Hub correction of a search: one number per item, kept beside the vectors, that is added to the cosine.

The bias of an item says how much a bank of other queries likes it: less is added to what all of them find. It is
stored as an artifact of the vector set with the fingerprint of its bank. Items that came since get theirs when it is
next used; another bank (new captions, other words), or moved rows, and it is made anew. Its mean over the items is
taken off, which changes no ranking and keeps scores near the cosine.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import Damaged
from core.index.corrected import highest
from core.rank.hubness import item_bias
from core.search import banks
from core.search.banks import Bank
from core.search.filters import remembered
from core.store import Collection, VectorView
from core.types import HubSetting

Encode = Callable[[Sequence[str]], np.ndarray]
Progress = Callable[[int, int], None]

AT_ONCE = 20_000 * banks.BANK_AT_MOST
"""Pairs of an item and a bank row that are compared while somebody waits: about a second."""
TEXTS_AT_ONCE = 200
"""Texts of a bank that are encoded while somebody waits."""
_KEPT = 12  # biases of a vector set; strengths that were only tried go again
_ROWS = 8192
_PASSES = {"dual_is": 2, "dual_is_additive": 2, "sinkhorn": 6}
_GROWN = 0.1  # share by which the logged queries may change before a bank of them is taken anew
_lock = threading.RLock()


@dataclass(frozen=True, eq=False)
class Correction:
    """What is added to the cosines.

    Attributes
    ----------
    bias : ndarray of float32, shape (n,)
        By position in the view.
    lifted : ndarray of int64
        Of `core.index.corrected.highest`.
    setting : HubSetting
        With the bank that was used.
    said : tuple of str
    """

    bias: np.ndarray
    lifted: np.ndarray
    setting: HubSetting
    said: tuple[str, ...] = ()


class _Later(Exception):
    """A bias that takes too long to make now."""


def correction(
    collection: Collection,
    view: VectorView,
    setting: HubSetting,
    encode: Encode,
    *,
    later: Callable[[HubSetting], object] | None = None,
    on_progress: Progress | None = None,
) -> Correction | None:
    """The bias of a setting for a view: the stored one, brought up to date, or a new one.

    Parameters
    ----------
    setting : HubSetting
        Its method is not ``none``.
    encode : callable
        Encodes texts in the view's space; only asked for a bank of words that is not known yet.
    later : callable, optional
        Called with the setting instead of making a bias that takes over about a second. What there was before the
        last change is used then, if there is anything. Without it the caller waits.

    Returns
    -------
    Correction or None
        None: there is none yet (`later` was called), or there are too few items or texts to compare with.
    """
    bank, said = banks.bank(collection, view, setting.bank)
    bank = _steady(collection, view, bank)
    if len(bank) < 2 or len(view.live) < 2:
        return None
    used = replace(setting, bank=bank.name, beta=20.0 if setting.method == "csls" else float(setting.beta))
    kind = kind_of(used)
    key = (collection.path, collection.uid, view.set.set_id, kind, view.epoch, view.changed, len(view), bank.fingerprint)

    def make() -> tuple[np.ndarray, np.ndarray]:
        with _lock:
            bias = _current(collection, view, used, bank, encode, later is not None, on_progress)
        return bias, highest(bias)

    notes = (said,) if said else ()
    try:
        return Correction(*remembered(key, make), used, notes)
    except _Later:
        later(setting)  # type: ignore[misc] - it is there, or nothing would be put off
    old = _stored(collection, kind, view)
    if old is None:
        return None
    bias = np.zeros(len(view), np.float32)
    bias[: len(old[0])] = old[0]
    stale = "The hub correction is from before the last changes; it is being brought up to date."
    return Correction(bias, highest(bias), used, (*notes, stale))


def kind_of(setting: HubSetting) -> str:
    """The kind of artifact that the bias of a setting is kept as; its bank is not ``auto``."""
    beta = 20.0 if setting.method == "csls" else float(setting.beta)
    return f"hub-{setting.method}-{hashlib.sha256(f'{beta!r} {setting.bank}'.encode()).hexdigest()[:10]}"


# ---------------------------------------------------------------- making and keeping


def _current(
    collection: Collection, view: VectorView, setting: HubSetting, bank: Bank, encode: Encode, hurry: bool,
    on_progress: Progress | None,
) -> np.ndarray:
    """float32 (n,): the bias for all rows of the view, stored if it was not."""
    kind = kind_of(setting)
    found = _stored(collection, kind, view)
    bias, centre, start = np.empty(0, np.float32), None, 0
    if found is not None and found[1]["bank"] == bank.fingerprint:
        whole = setting.method == "sinkhorn"  # each item's share hangs on all the others
        if whole and found[2] < view.changed:
            bias = np.empty(0, np.float32)
        else:
            bias, centre, start = found[0], float(found[1]["centre"]), len(found[0])  # type: ignore[arg-type]
        if start >= len(view):
            return bias[: len(view)]
    known = None if bank.positions is not None else _encoded(collection, view, bank)
    rows = len(view) - start
    if hurry and (
        rows * len(bank) * _PASSES.get(setting.method, 1) > AT_ONCE
        or (bank.positions is None and known is None and len(bank) > TEXTS_AT_ONCE)
    ):
        raise _Later
    if bank.positions is not None:
        vectors = view.rows(bank.positions)
    elif known is None:
        vectors = np.asarray(encode(list(bank.texts)), np.float32)
        collection.put_artifact(
            _bank_kind(bank.name), view.set.set_id, {"vectors": vectors},
            {"bank": bank.fingerprint, "texts": list(bank.texts)}, view.generation,
        )
    else:
        vectors = known
    fresh = _biases(collection, view, setting, bank, vectors, start, on_progress)
    if centre is None:
        centre = float(fresh[view.live].mean())
    bias = np.concatenate([bias, (fresh - centre).astype(np.float32)])
    meta = {"bank": bank.fingerprint, "rows_of_bank": len(bank), "epoch": view.epoch, "centre": centre,
            "method": setting.method, "beta": setting.beta, "of": setting.bank}
    collection.put_artifact(kind, view.set.set_id, {"bias": bias}, meta, view.generation)
    _tidy(collection, view.set.set_id)
    return bias


def _biases(
    collection: Collection, view: VectorView, setting: HubSetting, bank: Bank, vectors: np.ndarray, start: int,
    on_progress: Progress | None,
) -> np.ndarray:
    """float64: the bias of the rows from `start` on. Rows in the trash have one too: they may come back."""
    n = len(view) - start
    if setting.method == "sinkhorn":
        out = np.zeros(n)
        where = None if bank.positions is None else np.searchsorted(view.live, bank.positions)
        out[view.live] = item_bias(
            vectors, view.rows(view.live), "sinkhorn", setting.beta, bank_positions=where, on_progress=on_progress
        )
        return out
    dual = setting.method.startswith("dual")
    gallery = banks.sample_of(collection, view) if dual else None
    more = {} if gallery is None else {"gallery_vectors": view.rows(gallery)}
    out = np.empty(n)
    for low in range(start, len(view), _ROWS):
        high = min(low + _ROWS, len(view))
        if gallery is not None:
            more["gallery_positions"] = _within(gallery, low, high)
        out[low - start : high - start] = item_bias(
            vectors, view.rows(np.arange(low, high)), setting.method, setting.beta,
            bank_positions=None if bank.positions is None else _within(bank.positions, low, high), **more,
        )
        if on_progress is not None:
            on_progress(high - start, n)
    return out


def _within(positions: np.ndarray, low: int, high: int) -> np.ndarray:
    """Positions counted from `low`; -1 for those outside low .. high - 1."""
    return np.where((positions >= low) & (positions < high), positions - low, -1)


def _stored(collection: Collection, kind: str, view: VectorView) -> tuple[np.ndarray, dict[str, object], int] | None:
    """(bias, meta, generation) of a stored bias whose rows are still where they were."""
    try:
        found = collection.artifact(kind, view.set.set_id)
        if found is None or found.meta.get("epoch") != view.epoch or "centre" not in found.meta:
            return None
        return np.asarray(found.arrays["bias"], np.float32)[: len(view)], dict(found.meta), found.generation
    except (Damaged, KeyError):
        return None


def _bank_kind(name: str) -> str:
    return f"hubbank-{hashlib.sha256(name.encode()).hexdigest()[:10]}"


def _encoded(collection: Collection, view: VectorView, bank: Bank) -> np.ndarray | None:
    """The stored vectors of a bank of words."""
    try:
        found = collection.artifact(_bank_kind(bank.name), view.set.set_id)
        return None if found is None or found.meta.get("bank") != bank.fingerprint else np.asarray(found.arrays["vectors"])
    except (Damaged, KeyError):
        return None


def _steady(collection: Collection, view: VectorView, bank: Bank) -> Bank:
    """The bank; of logged queries the stored one while it is nearly the same, since every search adds to them."""
    if bank.name != "queries":
        return bank

    def stored() -> Bank:
        try:
            found = collection.artifact(_bank_kind(bank.name), view.set.set_id)
        except Damaged:
            return bank
        texts = () if found is None else tuple(map(str, found.meta.get("texts", ())))  # type: ignore[arg-type]
        if len(texts) < 2 or len(set(texts) ^ set(bank.texts)) > max(2, _GROWN * len(texts)):
            return bank
        return Bank(bank.name, texts, None, str(found.meta["bank"]))  # type: ignore[union-attr]

    return remembered((collection.path, collection.uid, view.set.set_id, "hub-steady", bank.fingerprint), stored)


def _tidy(collection: Collection, set_id: str) -> None:
    rows = collection.select("SELECT kind FROM artifacts WHERE set_id = ? AND kind LIKE 'hub-%' ORDER BY made_at DESC", (set_id,))
    for (kind,) in rows[_KEPT:]:
        collection.drop_artifact(kind, set_id)
