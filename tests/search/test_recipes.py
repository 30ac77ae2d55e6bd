"""Recipes: the built-in ones, those people make, and what is refused."""

from __future__ import annotations

import pytest

from core.errors import InputError, NotFound
from core.search.recipes import (
    BUILT_IN,
    DESCRIPTIONS,
    check,
    delete_recipe,
    describe,
    from_json,
    recipe,
    recipes,
    save_recipe,
    to_json,
)
from core.store import Collection
from core.types import HubSetting, Recipe


def test_built_in(pictures: Collection) -> None:
    assert list(recipes(pictures)) == ["plain", "folded", "sum", "joint-only", "hubs-corrected"] == list(BUILT_IN) == list(DESCRIPTIONS)
    assert recipe(pictures, "plain") == Recipe()
    assert recipe(pictures, "joint-only") == Recipe(name="joint-only", set="joint")
    assert recipe(pictures, "hubs-corrected").hub == HubSetting("is", 20.0, "auto")
    assert recipe(pictures, "folded").fold and recipe(pictures, "sum").compose == "sum"
    with pytest.raises(NotFound, match="plain, folded, sum, joint-only"):
        recipe(pictures, "nothing")


def test_kept_in_the_collection_with_versions(pictures: Collection) -> None:
    mine = Recipe(name="mine", fold=True, index="exact", set=pictures.set().set_id)
    assert save_recipe(pictures, mine) == mine
    assert recipe(Collection.open("Pictures"), "mine") == mine
    assert save_recipe(pictures, Recipe(name="mine", compose="sum")).version == 2
    assert recipe(pictures, "mine") == Recipe(name="mine", compose="sum", version=2)
    assert list(recipes(pictures)) == ["plain", "folded", "sum", "joint-only", "hubs-corrected", "mine"]
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
        ({"hub": {"method": "dis"}}, "no hub correction 'dis' for searches"),
        ({"hub": {"method": "is", "beta": 0}}, "above 0"),
        ({"hub": {"method": "is", "beta": float("nan")}}, "above 0"),
        ({"hub": {"method": "is", "beta": True}}, "above 0"),
        ({"hub": {"method": "is", "beta": 2000}}, "at most 1,000"),
        ({"hub": {"method": "is", "bank": "words"}}, "auto, captions, queries, items"),
        ({"hub": {"method": "is", "bank": "list:"}}, "list"),
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


def test_a_hub_correction_can_be_described(pictures: Collection) -> None:
    for setting in (HubSetting("is", 20, "captions"), HubSetting("csls", 0.5, "list:my words")):
        assert recipe(pictures, describe(setting)) == Recipe(name=describe(setting), hub=setting)
    assert describe(HubSetting("is", 20.0, "captions")) == "hub:is:20:captions" and describe(HubSetting()) == "plain"
    for wrong in ("hub:", "hub:is", "hub:is:much:captions", "hub:is:20"):
        with pytest.raises(InputError, match="hub:is:20:captions"):
            recipe(pictures, wrong)
    with pytest.raises(InputError, match="above 0"):
        recipe(pictures, "hub:is:-1:captions")
    with pytest.raises(InputError, match="built in"):
        save_recipe(pictures, recipe(pictures, "hub:is:20:captions"))


def test_names_and_sets_are_checked_when_kept(pictures: Collection) -> None:
    with pytest.raises(InputError, match="built in"):
        save_recipe(pictures, Recipe(name="plain", fold=True))
    with pytest.raises(NotFound):
        save_recipe(pictures, Recipe(name="mine", set="gone-1"))
    assert save_recipe(pictures, Recipe(name="alike", set="joint", fold=True)).set == "joint"
    delete_recipe(pictures, "alike")
    pictures.set_setting("recipes", {"old": {"name": "old", "future": 1}, "odd": 3, "good": {"name": "good"}})
    assert list(recipes(pictures)) == ["plain", "folded", "sum", "joint-only", "hubs-corrected", "good"]
    with pytest.raises(InputError, match="future"):
        recipe(pictures, "old")


def test_a_hub_correction_on_top_of_another_recipe_leaves_the_rest_of_it(pictures: Collection) -> None:
    setting = HubSetting("is", 20.0, "captions")
    name = describe(setting, recipe(pictures, "folded"))
    assert name == "folded+hub:is:20:captions"
    made = recipe(pictures, name)
    assert (made.name, made.fold, made.hub) == (name, True, setting)
    # Another strength replaces it, none leaves what was there.
    assert describe(HubSetting("csls", 20.0, "items"), made) == "folded+hub:csls:20:items"
    assert describe(HubSetting(), made) == "folded"
    assert describe(setting, recipe(pictures, "hubs-corrected")) == "hub:is:20:captions"
    assert describe(HubSetting(), recipe(pictures, "hub:is:20:captions")) == "plain"
    mine = save_recipe(pictures, Recipe(name="m" * 60, compose="sum", fold=True, hub=setting))
    without = recipe(pictures, describe(HubSetting(), mine))
    assert (without.compose, without.fold, without.hub.method) == ("sum", True, "none")
    assert check(recipe(pictures, describe(HubSetting("sinkhorn", 12.345, "list:" + "x" * 30), without))).fold
    for name in ("folded+hub:is:x:captions", "nothing+hub:is:20:captions", "folded+hub:is:20:items+hub:is:20:items"):
        with pytest.raises((InputError, NotFound)):
            recipe(pictures, name)
    with pytest.raises(InputError):
        save_recipe(pictures, Recipe(name="a+hub:b"))
