"""The control "correct for hubs": method, strength and bank, on Search and on Hubs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from core.errors import LoupeError
from core.search.banks import LIST, TAG
from core.types import HubSetting
from core.workbench import Workbench

METHODS = {"none": "off", "is": "inverted softmax", "dual_is": "dual inverted softmax", "csls": "CSLS", "sinkhorn": "Sinkhorn"}
BANKS = {"auto": "captions, or the images where there are none", "captions": "captions", "queries": "saved and logged queries",
         "items": "the images themselves"}
STRENGTHS = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0, 100.0, 200.0)
_USUAL = {"sinkhorn": 100.0}
_ABOUT = {
    "none": "Similarity alone.",
    "is": "From each image's score is taken what a bank of other queries gives it: what everybody finds moves down.",
    "dual_is": "As inverted softmax, and other images count as queries too.",
    "csls": "Half the mean similarity to the ten nearest of the bank is taken off. It has no strength.",
    "sinkhorn": "Scaled until the queries of the bank share their attention evenly among the images.",
}


def named(setting: HubSetting) -> str:
    """A correction in words: ``inverted softmax, strength 20, captions``."""
    method = METHODS.get(setting.method, setting.method)
    if setting.method == "none":
        return "no hub correction"
    strength = "" if setting.method == "csls" else f", strength {setting.beta:g}"
    return f"{method}{strength}, {bank_name(setting.bank)}"


def bank_name(bank: str) -> str:
    """A bank in words."""
    return BANKS.get(bank) or (f"images tagged {bank.removeprefix(TAG)}" if bank.startswith(TAG) else f"list {bank.removeprefix(LIST)}")


def hub_control(wb: Workbench, now: HubSetting, changed: Callable[[HubSetting], None], *, key: str) -> None:
    """Draw the choices; `changed` is called with the new setting before the page is drawn again."""
    known = {**METHODS, now.method: METHODS.get(now.method, now.method)}
    strengths = sorted({*STRENGTHS, float(now.beta)})
    banks = list(dict.fromkeys((*wb.correcting.banks(), now.bank)))
    st.session_state[f"{key}_method"] = now.method
    st.session_state[f"{key}_beta"] = float(now.beta)
    st.session_state[f"{key}_bank"] = now.bank

    def read(part: str) -> None:
        value = st.session_state[f"{key}_{part}"]
        made = replace(now, **{part: value})
        if part == "method":
            made = replace(made, beta=_USUAL.get(value, 20.0), bank="auto" if now.method == "none" else now.bank)
        changed(made)

    st.selectbox("Correct for hubs", list(known), key=f"{key}_method", format_func=known.get, on_change=read, args=("method",),
                 help="Hubs are images that turn up for every query. A correction holds them back.")
    st.caption(_ABOUT.get(now.method, ""))
    if now.method == "none":
        return
    if now.method != "csls":
        st.select_slider("Strength", strengths, key=f"{key}_beta", format_func=lambda beta: f"{beta:g}", on_change=read, args=("beta",),
                         help="Beta, an inverse temperature. Too much of it hurts; about 20 suits most encoders.")
    st.selectbox("Compared with", banks, key=f"{key}_bank", format_func=bank_name, on_change=read, args=("bank",),
                 help="The bank: queries that stand for those that people ask. Up to 2,000 of them.")
    _pasted(wb, now, changed, key)


def _pasted(wb: Workbench, now: HubSetting, changed: Callable[[HubSetting], None], key: str) -> None:
    def keep() -> None:
        try:
            bank = wb.correcting.keep_list(st.session_state[f"{key}_name"], st.session_state[f"{key}_lines"])
        except LoupeError as error:
            st.session_state[f"{key}_wrong"] = str(error)
            return
        changed(replace(now, bank=bank))

    with st.expander("Paste queries of your own"), st.form(f"{key}_form", clear_on_submit=False, border=False):
        st.text_input("Name of the list", key=f"{key}_name")
        st.text_area("One query a line", key=f"{key}_lines", height=110)
        st.form_submit_button("Keep and use", on_click=keep)
        wrong = st.session_state.pop(f"{key}_wrong", None)
        if wrong:
            st.error(wrong)
