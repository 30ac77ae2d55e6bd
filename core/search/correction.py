"""Hub correction of a search: one number per item, kept beside the vectors, that is added to the cosine.

The bias of an item says how much a bank of other queries likes it: less is added to what all of them find. It is
stored as an artifact of the vector set with the fingerprint of what it was made from. Items that came since get theirs
when it is next used; another bank (new captions, other words; for the dual methods other items too), or moved rows, and
it is made anew. Its mean over the items is taken off, which changes no ranking and keeps scores near the cosine.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from core.errors import Damaged
from core.index.corrected import Lifted, highest
from core.rank.hubness import ItemBias, LazyRows, item_bias_with_parts, local, sinkhorn, softmax
from core.search import banks, recipes
from core.search.banks import Bank
from core.search.filters import remembered
from core.store import Collection, VectorView
from core.types import HubSetting

Encode = Callable[[Sequence[str]], np.ndarray]
Progress = Callable[[int, int], None]

AT_ONCE = 20_000 * banks.BANK_AT_MOST
"""Pairs of an item and a bank row that are compared while somebody waits: about a second."""
TEXTS_AT_ONCE = 200
"""Texts of a bank that are encoded while somebody waits, at most."""
_ENCODED_WITHIN_S = 0.7  # and only where the first few say that all take no longer
_PACED = 8
_WAITED_S = 0.5  # for somebody else who is making the same
_KEPT = 12  # biases of a vector set; strengths that were only tried go again
_ROWS = 8192
_SINKHORN_PASSES = 6
_GROWN = 0.1  # share by which the logged queries may change before a bank of them is taken anew
_CONSTANTS = f"2 {softmax.BETA_GALLERY} {softmax.ADDITIVE_WEIGHT} {local.K} {sinkhorn.N_ITERS}"
_slow: set[tuple[object, ...]] = set()
_turns: dict[tuple[object, ...], threading.Lock] = {}
_guard = threading.Lock()


@dataclass(frozen=True, eq=False)
class Correction:
    """What is added to the cosines.

    Attributes
    ----------
    bias : ndarray of float32, shape (n,)
        By position in the view.
    lifted : Lifted
        Of `core.index.corrected.highest`.
    setting : HubSetting
        With the bank that was used.
    said : tuple of str
    bank : Bank or None
        What it was made from; None for one from before the last changes.
    parts : ndarray of float32, shape (n, p), or None
        Of `core.rank.hubness.ItemBias`: to take rows out of the bank.
    scalings : ndarray of float64, shape (B,), or None
    """

    bias: np.ndarray
    lifted: Lifted
    setting: HubSetting
    said: tuple[str, ...] = ()
    bank: Bank | None = None
    parts: np.ndarray | None = None
    scalings: np.ndarray | None = None


class Later(Exception):
    """A bias that takes too long to make now."""


def correction(
    collection: Collection,
    view: VectorView,
    setting: HubSetting,
    encode: Encode,
    *,
    later: Callable[[HubSetting], object] | None = None,
    texts_at_once: int = TEXTS_AT_ONCE,
    on_progress: Progress | None = None,
    known: tuple[Bank, str] | None = None,
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
    texts_at_once : int
        Texts that may be encoded before `later` is called; 0 where the encoder is not loaded.
    known : tuple, optional
        Of `core.search.banks.bank` for the setting, where the caller has it.

    Returns
    -------
    Correction or None
        None: there is none yet (`later` was called), or there are too few items or texts to compare with.
    """
    bank, said = known or banks.bank(collection, view, setting.bank)
    bank = _steady(collection, view, bank)
    if len(bank) < 2 or len(view.live) < 2:
        return None
    used = replace(setting, bank=bank.name, beta=20.0 if setting.method == "csls" else float(setting.beta))
    key = (*_place(collection, view, used), view.epoch, view.changed, len(view), bank.fingerprint)

    notes = (said,) if said else ()

    def make() -> Correction:
        made = _current(collection, view, used, bank, encode, None if later is None else texts_at_once, on_progress)
        return Correction(made.values, highest(made.values, view), used, (), bank, made.parts, made.scalings)

    try:
        return replace(remembered(key, make), said=notes)
    except Later:
        later(setting)  # type: ignore[misc] - it is there, or nothing would be put off
    old = stored(collection, used, view)
    if old is None:
        return None
    bias = np.zeros(len(view), np.float32)
    bias[: len(old[0].values)] = old[0].values
    stale = "The hub correction is from before the last changes; it is being brought up to date."
    return Correction(bias, highest(bias, view), used, (*notes, stale))


def kind_of(setting: HubSetting) -> str:
    """The kind of artifact that the bias of a setting is kept as; its bank is not ``auto``."""
    beta = 20.0 if setting.method == "csls" else float(setting.beta)
    return f"hub-{setting.method}-{hashlib.sha256(f'{beta!r} {setting.bank}'.encode()).hexdigest()[:10]}"


# ---------------------------------------------------------------- making and keeping


def _current(
    collection: Collection, view: VectorView, setting: HubSetting, bank: Bank, encode: Encode, hurry: int | None,
    on_progress: Progress | None,
) -> ItemBias:
    """The bias (float32) for all rows of the view, stored if it was not. `hurry`: texts that may be encoded."""
    gallery = gallery_of(collection, view, setting)
    made_from = _fingerprint(bank, gallery, view)

    def known() -> tuple[ItemBias | None, float]:
        found = stored(collection, setting, view)
        if found is None or found[1]["bank"] != made_from:
            return None, 0.0
        if setting.method == "sinkhorn" and found[2] < view.changed:  # each item's share hangs on all the others
            return None, 0.0
        return found[0], float(found[1]["centre"])  # type: ignore[arg-type]

    there, centre = known()
    if there is not None and len(there.values) == len(view):
        return there
    with _turn(_place(collection, view, setting), hurry is not None):
        there, centre = known()
        start = 0 if there is None else len(there.values)
        if there is not None and start == len(view):
            return there
        if hurry is not None and (len(view) - start) * pairs(setting, bank, gallery) > AT_ONCE:
            raise Later
        vectors = bank_vectors(collection, view, bank, encode, hurry)
        fresh = biases(view, setting, bank, vectors, gallery, start, on_progress)
        if there is None:
            centre = float(fresh.values[view.live].mean())
        made = replace(fresh, values=(fresh.values - centre).astype(np.float32))
        if there is not None:
            made = replace(made, values=np.concatenate([there.values, made.values]), parts=np.concatenate([there.parts, made.parts]))
        meta = {"bank": made_from, "rows_of_bank": len(bank), "epoch": view.epoch, "centre": centre,
                "method": setting.method, "beta": setting.beta, "of": setting.bank}
        arrays = {"bias": made.values, "parts": made.parts, **({} if made.scalings is None else {"scalings": made.scalings})}
        collection.put_artifact(kind_of(setting), view.set.set_id, arrays, meta, view.generation)
        _tidy(collection, view.set.set_id, kind_of(setting))
    return made


def _place(collection: Collection, view: VectorView, setting: HubSetting) -> tuple[object, ...]:
    return collection.path, view.uid, view.set.set_id, kind_of(setting)


@contextmanager
def _turn(place: tuple[object, ...], hurry: bool) -> Iterator[None]:
    """One makes a bias, others wait for it; who is in a hurry not for long."""
    with _guard:
        turn = _turns.setdefault(place, threading.Lock())
    if not turn.acquire(timeout=_WAITED_S if hurry else -1):
        raise Later
    try:
        yield
    finally:
        turn.release()


def pairs(setting: HubSetting, bank: Bank, gallery: np.ndarray | None) -> int:
    """What an item is compared with to make its bias, as often as that is done."""
    return (len(bank) + (0 if gallery is None else len(gallery))) * (_SINKHORN_PASSES if setting.method == "sinkhorn" else 1)


def gallery_of(collection: Collection, view: VectorView, setting: HubSetting) -> np.ndarray | None:
    """Positions of the second bank, of the dual methods."""
    return banks.sample_of(collection, view) if setting.method.startswith("dual") else None


def _fingerprint(bank: Bank, gallery: np.ndarray | None, view: VectorView) -> str:
    """Another one as soon as anything is another that every row's bias depends on."""
    rows = b"" if gallery is None else gallery.tobytes() + str(view.epoch).encode()
    return hashlib.sha256(f"{_CONSTANTS} {bank.fingerprint} ".encode() + rows).hexdigest()[:16]


def biases(
    view: VectorView, setting: HubSetting, bank: Bank, vectors: np.ndarray, gallery: np.ndarray | None, start: int,
    on_progress: Progress | None = None,
) -> ItemBias:
    """The bias of the rows from `start` on. Rows in the trash have one too: they may come back."""
    n = len(view) - start
    if setting.method == "sinkhorn":
        where = None if bank.positions is None else np.searchsorted(view.live, bank.positions)
        rows = LazyRows((len(view.live), view.set.dim), lambda part: view.rows(view.live[part]))
        made = item_bias_with_parts(vectors, rows, "sinkhorn", setting.beta, bank_positions=where, on_progress=on_progress)
        values, parts = np.zeros(n), np.zeros((n, 1), np.float32)
        values[view.live], parts[view.live] = made.values, made.parts
        return ItemBias(values, parts, made.scalings)
    found = []
    for low in range(start, len(view), _ROWS):
        high = min(low + _ROWS, len(view))
        found.append(_bias_of(view, setting, bank.positions, vectors, gallery, np.arange(low, high)))
        if on_progress is not None:
            on_progress(high - start, n)
    return ItemBias(np.concatenate([one.values for one in found]), np.concatenate([one.parts for one in found]))


def _bias_of(
    view: VectorView, setting: HubSetting, positions: np.ndarray | None, vectors: np.ndarray, gallery: np.ndarray | None,
    chosen: np.ndarray,
) -> ItemBias:
    """Of the rows `chosen` (ascending) by bank rows `vectors`, which are items `positions`."""
    more: dict[str, object] = {}
    if gallery is not None:
        more = {"gallery_vectors": view.rows(gallery), "gallery_positions": _among(gallery, chosen)}
        if setting.method == "dual_is_additive":
            more["beta2"] = setting.beta  # as published: one temperature for both halves
    where = None if positions is None else _among(positions, chosen)
    return item_bias_with_parts(vectors, view.rows(chosen), setting.method, setting.beta, bank_positions=where, **more)


def _among(positions: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Where positions stand among those `chosen`, ascending; -1 for the others."""
    found = np.minimum(np.searchsorted(chosen, positions), len(chosen) - 1)
    return np.where(chosen[found] == positions, found, -1)


def stored(collection: Collection, setting: HubSetting, view: VectorView) -> tuple[ItemBias, dict[str, object], int] | None:
    """(bias, meta, generation) of a stored bias whose rows are still where they were."""
    try:
        found = collection.artifact(kind_of(setting), view.set.set_id)
        if found is None or found.meta.get("epoch") != view.epoch or "centre" not in found.meta:
            return None
        values = np.asarray(found.arrays["bias"], np.float32)[: len(view)]
        parts = np.asarray(found.arrays["parts"], np.float32)[: len(view)]
        return ItemBias(values, parts, found.arrays.get("scalings")), dict(found.meta), found.generation
    except (Damaged, KeyError):
        return None


def _bank_kind(name: str) -> str:
    return f"hubbank-{hashlib.sha256(name.encode()).hexdigest()[:10]}"


def _encoded(collection: Collection, view: VectorView, bank: Bank) -> tuple[dict[str, np.ndarray], Mapping[str, object]]:
    """(vector by `core.search.banks.name_of` its text, meta) as stored for a bank of words; its texts are not kept."""
    try:
        found = collection.artifact(_bank_kind(bank.name), view.set.set_id)
        if found is not None:
            return dict(zip(found.meta["names"], found.arrays["vectors"], strict=True)), found.meta  # type: ignore[call-overload]
    except (Damaged, KeyError, ValueError):
        pass
    return {}, {}


def bank_vectors(
    collection: Collection, view: VectorView, bank: Bank, encode: Encode, hurry: int | None = None
) -> np.ndarray:
    """float32 (B, d): the rows of a bank; only texts that are new to it are encoded, and kept."""
    if bank.positions is not None:
        return view.rows(bank.positions)
    known, meta = _encoded(collection, view, bank)
    lacking = [n for n, name in enumerate(bank.names) if name not in known]
    if lacking:
        if bank.kept:
            raise Damaged("The vectors of the logged queries are damaged; search again, and they are made anew.")
        texts = [bank.texts[n] for n in lacking]
        rows = _in_time(texts, encode, hurry, (collection.path, view.set.set_id))
        known.update(zip([bank.names[n] for n in lacking], rows, strict=True))
    vectors = np.stack([known[name] for name in bank.names]).astype(np.float32)
    if lacking or meta.get("bank") != bank.fingerprint:
        collection.put_artifact(
            _bank_kind(bank.name), view.set.set_id, {"vectors": vectors},
            {"bank": bank.fingerprint, "names": list(bank.names)}, view.generation,
        )
    return vectors


def _in_time(texts: list[str], encode: Encode, hurry: int | None, place: tuple[object, ...]) -> np.ndarray:
    """Encode; where somebody waits the first few texts say whether all take too long."""
    if hurry is None or len(texts) <= min(hurry, _PACED):
        return np.asarray(encode(texts), np.float32)
    if len(texts) > hurry or place in _slow:
        raise Later
    began = time.perf_counter()
    first = np.asarray(encode(texts[:_PACED]), np.float32)
    if (time.perf_counter() - began) / _PACED * len(texts) > _ENCODED_WITHIN_S:
        _slow.add(place)
        raise Later
    return np.concatenate([first, np.asarray(encode(texts[_PACED:]), np.float32)])


def _steady(collection: Collection, view: VectorView, bank: Bank) -> Bank:
    """The bank; of logged queries the stored one while it is nearly the same, since every search adds to them."""
    if bank.name != "queries":
        return bank

    def kept() -> Bank:
        known, meta = _encoded(collection, view, bank)
        if len(known) < 2 or len(set(known) ^ set(bank.names)) > max(2, _GROWN * len(known)):
            return bank
        return Bank(bank.name, (), None, str(meta["bank"]), tuple(known))

    return remembered((collection.path, view.uid, view.set.set_id, "hub-steady", bank.fingerprint), kept)


def _tidy(collection: Collection, set_id: str, latest: str) -> None:
    """Let biases go that were made long ago, those of recipes stay; and the vectors of lists that are no more."""
    wanted = {latest}
    for made in recipes.recipes(collection).values():
        if made.hub.method != "none":
            wanted |= {kind_of(replace(made.hub, bank=bank)) for bank in (made.hub.bank, "captions", "items")}
    rows = collection.select("SELECT kind FROM artifacts WHERE set_id = ? AND kind LIKE 'hub-%' ORDER BY made_at DESC", (set_id,))
    gone = [kind for (kind,) in rows if kind not in wanted][_KEPT - 1 :]
    there = {_bank_kind(name) for name in (*banks.NAMED, *(banks.LIST + name for name in banks.lists(collection)))}
    rows = collection.select("SELECT kind FROM artifacts WHERE set_id = ? AND kind LIKE 'hubbank-%'", (set_id,))
    for kind in (*gone, *(kind for (kind,) in rows if kind not in there)):
        collection.drop_artifact(kind, set_id)
