"""Which recipes the Judge page compares to suggest images: of the link, chosen, evaluated last, or the usual ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import Damaged, LoupeError
from core.judge.kept import ALL
from core.search.recipes import recipe as recipe_named
from core.workbench.evaluating import RECIPES_AT_MOST

if TYPE_CHECKING:
    from core.workbench import Workbench

USUAL = ("plain", "hubs-corrected")
_RECIPES = "judge_suggest_recipes"


def compared(wb: Workbench, query_set: str) -> tuple[str, ...]:
    """The recipes that are compared: of the link, those chosen before, of the last evaluation, or the usual ones."""
    known = wb.evaluations.recipes()
    linked = _read(st.query_params.get("recipes", ""))
    chosen = linked if linked is not None else st.session_state.get(_RECIPES) or _evaluated(wb, query_set)
    chosen = [name for name in dict.fromkeys(chosen) if _there(wb, name)][:RECIPES_AT_MOST]
    if not chosen and linked is None:
        chosen = [name for name in USUAL if _there(wb, name)]
    st.session_state[_RECIPES] = chosen
    st.multiselect("Recipes to compare", list(dict.fromkeys([*(name for name in known if _there(wb, name)), *chosen])), key=_RECIPES,
                   max_selections=RECIPES_AT_MOST, persist_state="page", on_change=_recipes_written,
                   help="At first those of the last evaluation.")  # fmt: skip
    return tuple(chosen)


def _recipes_written() -> None:
    st.query_params["recipes"] = json.dumps(list(st.session_state[_RECIPES]))


def _read(text: str) -> list[str] | None:
    """The recipes of a link, which is anybody's text."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return [name for name in said if isinstance(name, str)] if isinstance(said, list) else None


def _evaluated(wb: Workbench, query_set: str) -> list[str]:
    for name in (query_set, ALL):
        try:
            kept = wb.evaluations.rankings(name)
        except Damaged:
            continue
        if kept is not None:
            return list(kept.ran)
    return []


def _there(wb: Workbench, name: str) -> bool:
    try:
        recipe_named(wb.collection, name)
    except LoupeError:
        return False
    return True
