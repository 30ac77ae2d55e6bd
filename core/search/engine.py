"""One search from query to answer: terms to vectors, filters to positions, then rank, fold and fill in."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.encode.protocol import Encoder
from core.errors import EncoderError, InputError, NotFound
from core.index.corrected import Corrected, search_corrected
from core.index.exact import rounded, within
from core.index.planner import search_vectors
from core.query.compose import Composed, compose
from core.query.parse import check
from core.rank import fold as folding
from core.search import cutoffs, recipes, sets
from core.search.banks import Bank, bank
from core.search.browse import browse
from core.search.correction import TEXTS_AT_ONCE, Correction, correction
from core.search.facts import facts
from core.search.filters import filtered, n_live, numbers, positions, remembered, state_of
from core.search.own import own_rows
from core.store import Collection, VectorView
from core.types import Hit, HubSetting, Job, Query, Recipe, SearchResult, Term, VectorSet

EncoderFor = Callable[[str], Encoder]

_VECTORS_KEPT = 512
_vectors: OrderedDict[tuple[str, ...], np.ndarray] = OrderedDict()
_lock = threading.Lock()


@dataclass
class _Clock:
    """Milliseconds by step."""

    ms: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("encode", "filter", "search", "rank"), 0.0))
    began: float = field(default_factory=time.perf_counter)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.ms[step] += (now - self.last) * 1e3
        self.last = now

    def done(self) -> dict[str, float]:
        return {**self.ms, "total": (time.perf_counter() - self.began) * 1e3}


def run(
    collection: Collection,
    query: Query,
    k: int = 20,
    *,
    recipe: Recipe = Recipe(),
    encoder_for: EncoderFor | None = None,
    offset: int = 0,
    later: Callable[[VectorSet, HubSetting], object] | None = None,
    keep_references: bool = False,
) -> SearchResult:
    """Answer a query.

    Parameters
    ----------
    k : int
        Hits wanted. Exactly ``min(k, matched - offset)`` come back, fewer only where a recipe folds.
    recipe : Recipe
    encoder_for : callable
        Encoder by name; asked only where a term has to be encoded. Default: `core.encode.load_encoder`.
    offset : int
        Hits left out at the top; ranks go on counting.
    later : callable, optional
        Called with the vector set and the setting where a hub correction has to be made first and that takes over
        about a second; the answer is then without it and says so. Default: make it now.
    keep_references : bool
        Rank the items the query itself names, too, as some benchmarks do; people want to see others.

    Returns
    -------
    SearchResult
        A query without terms is browsed by name, with scores of 0.

    Raises
    ------
    QueryError
        The query or its filter cannot be read, its terms cancel out, or it has words where no text encoder is.
    NotFound
        A reference (item, upload) or the vector set is not there.
    EncoderError
        The encoder cannot be had, or is not the one that made the vectors.
    """
    if k < 0 or offset < 0:
        raise InputError(f"k and offset must be 0 or more, not {k} and {offset}.")
    check(query)
    recipes.check(recipe)
    if not query.terms:
        return replace(browse(collection, query, limit=k, offset=offset), recipe=recipe.name)
    clock = _Clock()
    chosen, warnings = sets.choose(collection, query, recipe)
    view = collection.view(chosen.set_id)
    composed = composed_of(collection, query, view, recipe, encoder_for)
    clock.lap("encode")

    subset = subset_of(collection, query, view, warnings)
    references = np.unique(view.find(term.value for term in query.terms if term.kind == "item" and not keep_references))
    passing = view.live if subset is None else subset
    matched = len(passing) - len(within(references, passing))
    clock.lap("filter")

    want = min(offset + k, matched)
    added = correction_of(collection, query, view, recipe, encoder_for, later, warnings)
    clock.lap("rank")

    def plain(count: int) -> Corrected:
        found, scores, plan = search_vectors(collection, view, composed.q, count, subset, recipe.index, exclude=references)
        return Corrected(found, scores, scores.astype(np.float64), None, plan)

    own = own_rows(collection, view, query, composed.vectors, added)

    def search(count: int) -> Corrected:
        if added is None:
            return plain(count)
        return search_corrected(
            collection, view, composed.q, count, added.bias, subset, recipe.index, exclude=references, lifted=added.lifted,
            own=own,
        )

    alike: list[tuple[str, ...]] = []
    if recipe.fold:
        found, alike = _folded(collection, view, search, plain, want, matched, passing, references)
    else:
        found = search(want)
    clock.lap("search")

    hits = _hits(collection, view, composed, found.take(slice(offset, None)), offset, alike[offset:])
    if all(term.weight < 0 for term in query.terms):
        warnings.append("Every term has a minus, so these are the images least like them.")
    bias = None if added is None else added.bias
    setting = HubSetting() if added is None else added.setting
    line, note = cutoffs.line_of(collection, view, query, cutoffs.Key.of(chosen.set_id, query, recipe, setting), composed.q, bias, hits)
    clock.lap("rank")
    return SearchResult(
        query=query, k=k, hits=hits, total=len(view.live), matched=matched, plan=found.plan, timings=clock.done(),
        warnings=tuple(warnings), generation=view.generation, recipe=recipe.name, space=chosen.space,
        set_id=chosen.set_id, hub=setting, cutoff=line, cutoff_note=note,
    )


# ---------------------------------------------------------------- terms to a vector


def composed_of(
    collection: Collection, query: Query, view: VectorView, recipe: Recipe, encoder_for: EncoderFor | None
) -> Composed:
    """The query's terms as one vector in the view's space."""
    encoder = None
    if any(term.kind != "item" for term in query.terms):
        encoder = _encoder(encoder_for, view.set)
    vectors = np.stack([_vector(collection, term, view, encoder) for term in query.terms])
    modalities = ["text" if term.kind == "text" else "image" for term in query.terms]
    text_mean = encoder.text_mean if encoder is not None else None
    return compose(query.terms, vectors, modalities, view.mean, text_mean, recipe.compose)


def _encoder(encoder_for: EncoderFor | None, vector_set: VectorSet) -> Encoder:
    if encoder_for is None:
        from core.encode import load_encoder as encoder_for
    return _fitting(encoder_for(vector_set.encoder), vector_set)


def _fitting(encoder: Encoder, vector_set: VectorSet) -> Encoder:
    if encoder.fingerprint != vector_set.weights or encoder.spaces.get(vector_set.space) != vector_set.dim:
        raise EncoderError(
            f"The vectors {vector_set.set_id} were made with weights {vector_set.weights} of {vector_set.encoder}, and"
            f" this installation has {encoder.fingerprint}. To use words and uploads, encode the images again: on Home,"
            " Encoders; or python -m core index."
        )
    return encoder


def _vector(collection: Collection, term: Term, view: VectorView, encoder: Encoder | None) -> np.ndarray:
    """float32 (d,) unit vector of one term in the view's space."""
    if term.kind == "item":
        position = view.position(term.value)
        if position is None:
            where = "is not in this collection"
            if collection.has([term.value]):
                trashed = collection.item(term.value).status == "trashed"
                where = "is in the trash" if trashed else "has no vector yet"
            raise NotFound(f"The image {term.value} of the query {where}; take it out of the query.")
        return view.rows([position])[0]
    assert encoder is not None
    key = (encoder.fingerprint, encoder.preprocessing, view.set.space, term.kind, term.value)
    with _lock:
        if key in _vectors:
            _vectors.move_to_end(key)
            return _vectors[key]
    if term.kind == "text":
        vector = encoder.encode_texts([term.value])[0]
    else:
        path = collection.upload_path(term.value)
        vector = (encoder.encode_images if view.set.space == "joint" else encoder.encode_visual)([path])[0]
    with _lock:
        _vectors[key] = vector
        while len(_vectors) > _VECTORS_KEPT:
            _vectors.popitem(last=False)
    return vector


# ---------------------------------------------------------------- hub correction


def correction_of(
    collection: Collection, query: Query, view: VectorView, recipe: Recipe, encoder_for: EncoderFor | None,
    later: Callable[[VectorSet, HubSetting], object] | None, warnings: list[str],
) -> Correction | None:
    """What is added to the cosines, or None; what is to be said about it goes to `warnings`."""
    if recipe.hub.method == "none":
        return None
    if all(term.weight < 0 for term in query.terms):
        warnings.append("The hub correction is left off: a query of minus terms alone finds what other queries do not.")
        return None
    words = any(term.kind == "text" for term in query.terms)
    known = bank(collection, view, recipe.hub.bank)
    if words and recipe.hub.bank != "items" and known[0].name == "items":
        # Images find each other for other reasons than words find them: on Flickr8k dev, R@1 1.3 to 4.5 points lower.
        lacking = "too few captions" if recipe.hub.bank == "auto" else f"no {recipe.hub.bank}"
        warnings.append(f"The hub correction is left off: there are {lacking} to compare with, and compared with the"
                        " images themselves queries in words usually get worse. Choose that bank to try it all the same.")
        return None
    waits: list[object] = []

    def put_off(setting: HubSetting) -> None:
        waits.append(later(view.set, setting))  # type: ignore[misc] - only asked where it is given

    # A query of items alone has not loaded the encoder, and that takes longer than somebody waits.
    loaded = any(term.kind != "item" for term in query.terms)
    try:
        found = prepare(
            collection, view, recipe.hub, encoder_for, later=put_off if later is not None else None, loaded=loaded, known=known
        )
    except EncoderError as error:
        warnings.append(f"The hub correction is left off: its bank cannot be encoded. {error}")
        return None
    if found is not None:
        warnings += found.said
    elif waits and isinstance(waits[0], Job) and waits[0].state in ("failed", "cancelled"):
        warnings.append(f"The hub correction could not be made; these results are without it. {waits[0].message}".strip())
    elif waits:
        warnings.append("The hub correction is being prepared; these results are without it.")
    else:
        warnings.append("The hub correction is left off: there is too little to compare the images with.")
    return found


def prepare(
    collection: Collection, view: VectorView, setting: HubSetting, encoder_for: EncoderFor | None = None, *,
    later: Callable[[HubSetting], object] | None = None, loaded: bool = True,
    on_progress: Callable[[int, int], None] | None = None, known: tuple[Bank, str] | None = None,
) -> Correction | None:
    """`core.search.correction.correction`, with the texts of its bank encoded by the encoder of the view's vectors.

    Parameters
    ----------
    loaded : bool
        The encoder is at hand; otherwise texts are left to `later`.

    Raises
    ------
    EncoderError
        The encoder cannot be had, or is not the one that made the vectors.
    """
    return correction(
        collection, view, setting, lambda texts: _encoder(encoder_for, view.set).encode_texts(texts),
        later=later, texts_at_once=TEXTS_AT_ONCE if loaded else 0, on_progress=on_progress, known=known,
    )


# ---------------------------------------------------------------- filters, folding


def subset_of(collection: Collection, query: Query, view: VectorView, warnings: list[str]) -> np.ndarray | None:
    """Positions that pass the filter, ascending; None without a filter."""
    if not filtered(query):
        found, waiting = None, n_live(collection) - len(view.live)
    else:
        found = positions(collection, query, view)
        waiting = len(numbers(collection, query)) - len(found)
    if waiting > 0:
        images = "1 image has" if waiting == 1 else f"{waiting:,} images have"
        warnings.append(f"{images} no vector in {view.set.set_id} yet and cannot be found by similarity.")
    return found


def _folded(
    collection: Collection,
    view: VectorView,
    search: Callable[[int], Corrected],
    plain: Callable[[int], Corrected],
    want: int,
    matched: int,
    passing: np.ndarray,
    references: np.ndarray,
) -> tuple[Corrected, list[tuple[str, ...]]]:
    """As `search`, with near-duplicates under their leader; more is fetched until there are `want` of them.

    The rank before a correction is that among the folded results of `plain`.
    """
    folds, members = remembered((*state_of(collection), "folds"), lambda: _folds(collection))
    usable = np.zeros(len(view), dtype=bool)
    usable[passing] = True
    usable[references] = False

    def can_stand(item_id: str) -> bool:
        position = view.position(item_id)
        return position is not None and bool(usable[position])

    def stands_for(item_id: str) -> tuple[bool, str]:
        # A group is called as one of its members, which may stand for itself.
        group = folds.group(item_id)
        return (False, item_id) if group is None else (True, group)

    count = min(matched, want + 16)
    while True:
        found = search(count)
        leaders = folding.leaders(view.item_ids[found.positions].tolist(), folds, can_stand)[:want]
        if len(leaders) == want or count >= matched:
            break
        count = min(matched, 2 * count)
    found = found.take(np.asarray(leaders, np.int64))
    ids = view.item_ids[found.positions].tolist()
    alike = []
    for item_id in ids:
        others = members.get(folds.group(item_id) or "", ())
        alike.append(tuple(other for other in others if other != item_id and can_stand(other)))
    if found.before is not None and len(ids):
        # A group stands where its leader stood, which another member may be now.
        depth = min(matched, int(found.before.max()))
        uncorrected = view.item_ids[plain(depth).positions].tolist()
        led = [uncorrected[n] for n in folding.leaders(uncorrected, folds, can_stand)]
        places = {stands_for(item_id): rank for rank, item_id in enumerate(led, 1)}
        where = [places.get(stands_for(item_id)) for item_id in ids]
        deeper = np.array([place is None for place in where]) if found.deeper is not None else None
        before = np.array([len(led) + 1 if place is None else place for place in where], np.int64)
        found = replace(found, before=before, deeper=deeper)
    return found, alike


def _folds(collection: Collection) -> tuple[folding.Folds, dict[str, list[str]]]:
    folds = folding.load(collection)
    return folds, folds.members()


# ---------------------------------------------------------------- hits


def _hits(
    collection: Collection, view: VectorView, composed: Composed, found: Corrected, offset: int,
    alike: Sequence[tuple[str, ...]],
) -> tuple[Hit, ...]:
    ids = view.item_ids[found.positions].tolist()
    given = composed.contributions(view.rows(found.positions))
    if found.before is not None:
        given = np.column_stack([given, found.scores - found.cosines])
    given = given.tolist()
    scores, cosines = rounded(found.scores).tolist(), rounded(found.cosines).tolist()
    return tuple(
        Hit(
            item_id=item_id, rank=offset + n + 1, score=scores[n], cosine=cosines[n], terms=tuple(given[n]),
            file=file, caption=caption, n_k=n_k, alike=alike[n] if alike else (),
            rank_before=None if found.before is None else int(found.before[n]),
            before_at_least=found.deeper is not None and bool(found.deeper[n]),
        )
        for n, (item_id, (file, caption, n_k)) in enumerate(zip(ids, facts(collection, ids)))
    )
