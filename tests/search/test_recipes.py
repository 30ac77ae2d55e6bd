"""Recipes: the built-in ones, those people make, and what is refused."""

from __future__ import annotations

import pytest

from core.errors import InputError, NotFound
from core.search.recipes import BUILT_IN, DESCRIPTIONS, delete_recipe, from_json, recipe, recipes, save_recipe, to_json
from core.store import Collection
from core.types import Recipe


def test_built_in(pictures: Collection) -> None:
    assert list(recipes(pictures)) == ["plain", "folded", "sum", "joint-only"] == list(BUILT_IN) == list(DESCRIPTIONS)
    assert recipe(pictures, "plain") == Recipe()
    assert recipe(pictures, "joint-only") == Recipe(name="joint-only", set="joint")
    assert recipe(pictures, "folded").fold and recipe(pictures, "sum").compose == "sum"
    with pytest.raises(NotFound, match="plain, folded, sum, joint-only"):
        recipe(pictures, "nothing")


def test_kept_in_the_collection_with_versions(pictures: Collection) -> None:
    mine = Recipe(name="mine", fold=True, index="exact", set=pictures.set().set_id)
    assert save_recipe(pictures, mine) == mine
    assert recipe(Collection.open("Pictures"), "mine") == mine
    assert save_recipe(pictures, Recipe(name="mine", compose="sum")).version == 2
    assert recipe(pictures, "mine") == Recipe(name="mine", compose="sum", version=2)
    assert list(recipes(pictures)) == ["plain", "folded", "sum", "joint-only", "mine"]
    delete_recipe(pictures, "mine")
    assert "mine" not in recipes(pictures)
    with pytest.raises(NotFound, match="of your own"):
        delete_recipe(pictures, "plain")


def test_json_round_trip() -> None:
    for made in BUILT_IN.values():
        assert from_json(to_json(made)) == made
    assert from_json({"name": "x"}) == Recipe(name="x")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "JSON object"),
        ({"fould": True}, "did you mean fold"),
        ({"fold": "yes"}, "true or false"),
        ({"index": "faiss"}, "auto, exact, usearch"),
        ({"compose": "max"}, "centred, sum"),
        ({"rerank": "x"}, "none"),
        ({"hub": {"method": "csls"}}, "not available"),
        ({"hub": {"betta": 1}}, "did you mean beta"),
        ({"hub": "none"}, "object"),
        ({"cutoff": 0.2}, "not available"),
        ({"version": 0}, "whole number"),
        ({"name": ""}, "1 to 60"),
        ({"name": "a\nb"}, "1 to 60"),
        ({"set": ""}, "vector set"),
    ],
)
def test_what_cannot_be_is_refused(data: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        from_json(data)


def test_names_and_sets_are_checked_when_kept(pictures: Collection) -> None:
    with pytest.raises(InputError, match="built in"):
        save_recipe(pictures, Recipe(name="plain", fold=True))
    with pytest.raises(NotFound):
        save_recipe(pictures, Recipe(name="mine", set="gone-1"))
    assert save_recipe(pictures, Recipe(name="alike", set="joint", fold=True)).set == "joint"
    delete_recipe(pictures, "alike")
    pictures.set_setting("recipes", {"old": {"name": "old", "future": 1}, "odd": 3, "good": {"name": "good"}})
    assert list(recipes(pictures)) == ["plain", "folded", "sum", "joint-only", "good"]
    with pytest.raises(InputError, match="future"):
        recipe(pictures, "old")
