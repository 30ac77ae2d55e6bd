"""What the Evaluate page shows, as it stands in the link: query set, baseline, recipe, query, step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pages._shared import PICKED, link_to

if TYPE_CHECKING:
    from core.workbench.evaluating import Outcome

ALL_SETS = "-"
"""In the link: the judged queries of all sets."""


def chosen(name: str, options: Sequence[str], default: str) -> str:
    """The link's value of a parameter, where it is one of the options."""
    value = str(st.query_params.get(name, default))
    return value if value in options else default


def put(name: str, value: str, default: str = "") -> None:
    """Write a value into the link; the default is left out."""
    if value == default:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value


def bound(name: str, options: Sequence[str], default: str) -> str:
    """Ready a widget with the key ``evaluate_NAME`` for what the link says; its value.

    Give the widget ``on_change=written, args=(name, default)``.
    """
    value = chosen(name, options, default)
    st.session_state[key(name)] = value
    return value


def written(name: str, default: str) -> None:
    """The widget was used: the link follows."""
    put(name, str(st.session_state[key(name)]), default)


def key(name: str) -> str:
    """The key of a parameter's widget; of its own for each collection."""
    return f"evaluate_{name}_{st.session_state.get(PICKED)}"


def judge_missing(label: str, found: Outcome, query: str, recipes: Sequence[str]) -> None:
    """Draw a link to Judge that opens what has no grade among the first 10 of these recipes for this query."""
    link_to("judge", label, icon=":material/checklist:", query=query, queue="Suggested", by="missing", set=found.kept.query_set,
            recipes=json.dumps(list(recipes)), people=chosen("people", ("0", "1"), "0"))  # fmt: skip
