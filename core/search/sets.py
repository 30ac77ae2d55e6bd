"""Which vectors answer a query: words need the joint space, images alone are better compared by looks."""

from __future__ import annotations

from core.errors import QueryError
from core.search.filters import remembered, state_of
from core.search.recipes import OF_THE_COLLECTION
from core.store import Collection
from core.types import Query, Recipe, VectorSet

NO_ENCODER = "none"
"""The encoder's name of vectors that were brought along without one."""


def choose(collection: Collection, query: Query, recipe: Recipe) -> tuple[VectorSet, list[str]]:
    """The vector set that answers a query under a recipe, and what is to be said about that.

    With the recipe's set ``active``, a query made of images alone uses the visual space where it has every image that
    could be found otherwise. Words, and uploads for vectors without an encoder, go to a set beside the recipe's that can
    answer them.

    Raises
    ------
    QueryError
        No set can answer it.
    NotFound
        The recipe's set is not there.
    """
    chosen = collection.set(None if recipe.set in OF_THE_COLLECTION else recipe.set)
    kinds = {term.kind for term in query.terms}

    def answers(other: VectorSet) -> bool:
        return (other.has_text or "text" not in kinds) and (other.encoder != NO_ENCODER or "upload" not in kinds)

    if answers(chosen):
        if recipe.set != "active" or "text" in kinds:
            return chosen, []
        visual, lacking = by_looks(collection, chosen)
        return visual, _said(lacking)
    able = [other for other in collection.sets() if answers(other)]
    siblings = [other for other in able if made_by(other) == made_by(chosen)]
    if siblings:
        return siblings[0], []
    lacks = "have no text" if "text" in kinds and not chosen.has_text else "came without an encoder"
    if able and recipe.set in OF_THE_COLLECTION:
        return able[0], [f"Answered with {able[0].set_id}: the active vectors, {chosen.set_id}, {lacks}."]
    example = "image:<item id>" if chosen.encoder == NO_ENCODER else "image:<item id>, or an upload"
    if lacks == "have no text":
        raise QueryError(
            f"Words cannot be searched here: the vectors {chosen.set_id} have no text encoder. Search by example instead"
            f" ({example}), use file: or caption:, or index the images with an encoder such as starter."
        )
    raise QueryError(
        f"Images from outside cannot be searched with here: the vectors {chosen.set_id} came without an encoder. Use an"
        f" image of the collection ({example}), or index the images with an encoder such as starter."
    )


def by_looks(collection: Collection, chosen: VectorSet) -> tuple[VectorSet, int]:
    """What images alone are compared with, and how many images keep it from being the visual space.

    Returns
    -------
    VectorSet
        The visual set that belongs to `chosen`, if it has every image that `chosen` has; otherwise `chosen`.
    int
        Live images that `chosen` has and its visual set lacks; 0 where there is no visual set.
    """
    visual = visual_of(collection, chosen)
    if visual is None:
        return chosen, 0
    key = (*state_of(collection), "lacking", chosen.set_id, visual.set_id)
    lacking = remembered(key, lambda: collection.lacking(visual.set_id, chosen.set_id))
    return (chosen, lacking) if lacking else (visual, 0)


def visual_of(collection: Collection, chosen: VectorSet) -> VectorSet | None:
    """The visual set made by the same encoder, weights, preprocessing and precision as a joint one."""
    if chosen.space != "joint" or chosen.encoder == NO_ENCODER:
        return None
    return next((s for s in collection.sets() if s.space == "visual" and made_by(s) == made_by(chosen)), None)


def made_by(vector_set: VectorSet) -> tuple[str, str, str, str]:
    """What the sets of one encoder have in common, whatever their space."""
    return vector_set.encoder, vector_set.weights, vector_set.preprocessing, vector_set.precision


def _said(lacking: int) -> list[str]:
    if not lacking:
        return []
    images = "1 image has" if lacking == 1 else f"{lacking:,} images have"
    return [f"Compared by meaning, not by looks: {images} no vector in the visual space yet."]
