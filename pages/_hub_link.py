"""What the Hubs page keeps in the link: k, who asks, the correction, how much of it, how hubs are listed, and one hub."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

HUB, K, SIDE, PART, LIST = "hub", "k", "side", "part", "list"


def get(name: str, choices: Sequence[str], usual: str) -> str:
    """A value of the link if it is one of the choices, else the usual one."""
    asked = str(st.query_params.get(name, usual))
    return asked if asked in choices else usual


def put(name: str, value: str, usual: str = "") -> None:
    """Keep a value in the link; the usual one is left out."""
    if value != usual:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def hub() -> str:
    """The id of the hub whose own page is shown; empty: all hubs."""
    return str(st.query_params.get(HUB, ""))


def show_hub(item_id: str) -> None:
    """Show an item's own page at the next run; empty: all hubs again."""
    put(HUB, item_id)
