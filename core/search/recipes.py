"""Recipes by name: those that are always there, and those a person made for a collection."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import asdict, fields, replace

from core.errors import InputError, NotFound
from core.rank.hubness import BIAS_METHODS
from core.search.banks import check_bank
from core.store import Collection
from core.types import HubSetting, Recipe

BUILT_IN: Mapping[str, Recipe] = {
    "plain": Recipe(),
    "folded": Recipe(name="folded", fold=True),
    "sum": Recipe(name="sum", compose="sum"),
    "joint-only": Recipe(name="joint-only", set="joint"),
    "hubs-corrected": Recipe(name="hubs-corrected", hub=HubSetting("is", 20.0, "auto")),
}
"""``plain`` is the default; ``folded`` shows near-duplicates once; ``sum`` adds terms without centring them;
``joint-only`` compares images alone by meaning too; ``hubs-corrected`` holds back what all queries find."""

AD_HOC = "hub:"
"""A hub correction without a name is written ``hub:METHOD:BETA:BANK``, such as ``hub:is:20:captions``; on top of another
recipe ``RECIPE+hub:METHOD:BETA:BANK``, such as ``folded+hub:is:20:captions``."""
_ON_TOP = f"+{AD_HOC}"
BETA_AT_MOST = 1_000.0

OF_THE_COLLECTION = ("active", "joint")
"""What the set of a recipe can be instead of an id: see `core.types.Recipe`."""

DESCRIPTIONS: Mapping[str, str] = {
    "plain": "Similarity alone, terms centred before they are added.",
    "folded": "As plain, and pictures that are nearly the same are shown once.",
    "sum": "Terms added as they are, without centring; for comparison.",
    "joint-only": "As plain, but images alone are compared by meaning, as words are, instead of by looks.",
    "hubs-corrected": "As plain, and images that turn up for every query are held back (inverted softmax, strength 20, with"
                      " the captions as the bank where there are some, else the images).",
}
_SETTING = "recipes"
_CHOICES = {"index": ("auto", "exact", "usearch"), "compose": ("centred", "sum"), "rerank": ("none",)}


def recipes(collection: Collection) -> dict[str, Recipe]:
    """Every recipe by name, the built-in ones first. One that cannot be read any more is left out."""
    found = dict(BUILT_IN)
    for name, data in sorted(_kept(collection).items()):
        try:
            found[name] = from_json(data)
        except InputError:
            continue
    return found


def recipe(collection: Collection, name: str) -> Recipe:
    """The recipe of that name, or the one that ``hub:METHOD:BETA:BANK`` describes, on top of another or not.

    Raises
    ------
    NotFound
        There is none; the message says which there are.
    InputError
        It was kept by another version and cannot be read, or the description is not possible.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name.startswith(AD_HOC):
        return check(Recipe(name=name, hub=_described(name)))
    kept = _kept(collection)
    if name in kept:
        return from_json(kept[name])
    base, on_top, hub = name.rpartition(_ON_TOP)
    if on_top and _ON_TOP not in base:
        return check(replace(recipe(collection, base), name=name, version=1, hub=_described(AD_HOC + hub)))
    raise NotFound(f"There is no recipe {name!r}; there are: {', '.join([*BUILT_IN, *sorted(kept)])}.")


def save_recipe(collection: Collection, made: Recipe) -> Recipe:
    """Keep a recipe in the collection; one of the same name is replaced and its version counted up.

    Raises
    ------
    InputError
        Its name is that of a built-in one, or a part of it is not possible.
    NotFound
        Its vector set is not there.
    """
    made = check(made)
    if made.name in BUILT_IN or made.name.startswith(AD_HOC) or _ON_TOP in made.name:
        raise InputError(f"The recipe {made.name} is built in; give yours another name.")
    if made.set not in OF_THE_COLLECTION:
        collection.set(made.set)
    kept = _kept(collection)
    if made.name in kept:
        made = replace(made, version=int(kept[made.name].get("version", 1)) + 1)
    collection.set_setting(_SETTING, {**kept, made.name: to_json(made)})
    return made


def delete_recipe(collection: Collection, name: str) -> None:
    """Forget a recipe a person made.

    Raises
    ------
    NotFound
    """
    kept = _kept(collection)
    if name not in kept:
        raise NotFound(f"There is no recipe {name!r} of your own; there are: {', '.join(sorted(kept)) or 'none'}.")
    collection.set_setting(_SETTING, {other: data for other, data in kept.items() if other != name})


def to_json(made: Recipe) -> dict[str, object]:
    """A recipe as plain data."""
    return asdict(made)


def from_json(data: object) -> Recipe:
    """The recipe of plain data; parts that are not named have their default.

    Raises
    ------
    InputError
        Something in it is not known or not possible.
    """
    if not isinstance(data, Mapping):
        raise InputError("A recipe is a JSON object such as {\"name\": \"mine\", \"fold\": true}.")
    _known(data, Recipe, "recipe")
    values = dict(data)
    if "hub" in values:
        if not isinstance(values["hub"], Mapping):
            raise InputError("The part hub of a recipe is an object such as {\"method\": \"none\"}.")
        _known(values["hub"], HubSetting, "hub setting")
        values["hub"] = HubSetting(**values["hub"])
    return check(Recipe(**values))


def check(made: Recipe) -> Recipe:
    """The recipe, if it can be used.

    Raises
    ------
    InputError
    """
    most = 200 if isinstance(made.name, str) and AD_HOC in made.name else 60
    if not isinstance(made.name, str) or not 1 <= len(made.name) <= most or not made.name.isprintable():
        raise InputError("A recipe's name has 1 to 60 printable characters.")
    if not isinstance(made.version, int) or isinstance(made.version, bool) or made.version < 1:
        raise InputError(f"The version of a recipe is a whole number from 1 on, not {made.version!r}.")
    if not isinstance(made.set, str) or not made.set:
        raise InputError("The set of a recipe is the id of a vector set, or active, or joint.")
    for part, choices in _CHOICES.items():
        if getattr(made, part) not in choices:
            raise InputError(f"{part} of the recipe {made.name} is {getattr(made, part)!r}; it can be"
                             f" {', '.join(choices)}.")
    if not isinstance(made.fold, bool):
        raise InputError(f"fold of the recipe {made.name} is {made.fold!r}; it can be true or false.")
    check_hub(made.hub)
    if made.cutoff is not None:
        raise InputError("A cut-off is not available; leave it out.")
    return made


def check_hub(setting: HubSetting) -> HubSetting:
    """The hub correction, if it can be used.

    Raises
    ------
    InputError
    """
    if setting.method != "none" and setting.method not in BIAS_METHODS:
        raise InputError(f"There is no hub correction {setting.method!r} for searches; there are: none, {', '.join(BIAS_METHODS)}.")
    beta = setting.beta
    if isinstance(beta, bool) or not isinstance(beta, int | float) or not (math.isfinite(beta) and 0 < beta <= BETA_AT_MOST):
        raise InputError(f"The strength (beta) of a hub correction is above 0 and at most {BETA_AT_MOST:,.0f}, not {beta!r}.")
    check_bank(setting.bank)
    return setting


def describe(setting: HubSetting, base: Recipe = BUILT_IN["plain"]) -> str:
    """A hub correction in place of that of a recipe, as the name of one: ``hub:is:20:captions``, or ``plain`` for none.

    What else is in `base` stays: ``folded+hub:is:20:captions``.
    """
    plain = BUILT_IN["plain"]
    if replace(base, name=plain.name, version=plain.version, hub=plain.hub) == plain:
        return plain.name if setting.method == "none" else _written(setting)
    name = base.name.rpartition(_ON_TOP)[0] or base.name
    return name if setting.method == "none" and name in BUILT_IN else f"{name}+{_written(setting)}"


def _written(setting: HubSetting) -> str:
    return f"{AD_HOC}{setting.method}:{setting.beta:g}:{setting.bank}"


def _described(name: str) -> HubSetting:
    parts = name.split(":", 3)
    try:
        return check_hub(HubSetting(parts[1], float(parts[2]), parts[3]))
    except (IndexError, ValueError):
        raise InputError(f"{name!r} is no hub correction; write one like hub:is:20:captions.") from None


def _kept(collection: Collection) -> dict[str, dict[str, object]]:
    kept = collection.setting(_SETTING, {})
    return {name: data for name, data in kept.items() if isinstance(data, dict)} if isinstance(kept, dict) else {}


def _known(data: Mapping[str, object], kind: type, what: str) -> None:
    names = [field.name for field in fields(kind)]
    for key in data:
        if key not in names:
            close = difflib.get_close_matches(str(key), names, 1)
            hint = f"; did you mean {close[0]}?" if close else "."
            raise InputError(f"A {what} has no part {key!r}{hint} It has: {', '.join(names)}.")
