"""The vector sets of a collection: which one searches use, another one, and back again."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.encode.adapted import is_adapted
from core.errors import LoupeError
from core.types import CollectionInfo, Job
from core.workbench import Workbench
from core.workbench.encoders import SetState
from pages import _encoder_cards as cards
from pages import _jobs
from pages._polling import polled
from pages._shared import collections_changed, count, megabytes, open_workbench

_UNDO, _SAID, _CHANGED = "encoder_undo", "encoder_said", "encoder_changed"


def fresh() -> None:
    """Forget what the dialog said when it was open before."""
    st.session_state.pop(_UNDO, None)
    for key in (_SAID, _CHANGED):
        st.session_state.pop(key, None)


def versions(info: CollectionInfo) -> None:
    """What the dialog of a collection shows."""
    wb = open_workbench(info.key)
    st.markdown(
        f"Each encoder gives **{_plain(info.name)}** vectors of its own. Searches use one of them; the others stay, and you"
        " can go back."
    )
    busy = bool(_encoding(wb))
    polled(_sets, 1.0 if busy else None)(info, busy)
    states = wb.encoders.sets()
    there = tuple(state.set.encoder for state in states)
    st.markdown("**Add another**")
    cards.cards("add", choose=_adder(info.key), label=f"Encode {count(info.n_items, 'image')}",
                images=info.n_items, leave_out=there)


def _sets(info: CollectionInfo, busy: bool) -> None:
    wb = open_workbench(info.key)
    live = _encoding(wb)
    if bool(live) != busy or st.session_state.pop(_CHANGED, False):  # what is around this fragment changes too
        collections_changed()
        st.rerun()
    if said := st.session_state.pop(_SAID, ""):
        st.error(said)
    for state in wb.encoders.sets():
        _set(wb, state, being_filled=any(job.args.get("encoder") == state.set.encoder for job in live))
    _jobs.progress(live, {}, key="encoder_job")
    if live:
        st.caption("Searches go on with the vectors in use; the new ones take over when they cover everything.")
    gone = st.session_state.get(_UNDO)
    if gone is not None and gone[0] == info.key:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"The vectors of {gone[2]} were removed; they are kept for 30 days.", width="content")
            st.button("Undo", key="encoder_undo_button", on_click=_restore, args=(info.key, gone[1]))


def _set(wb: Workbench, state: SetState, *, being_filled: bool) -> None:
    chosen = state.set
    total = state.n_vectors + state.n_lacking
    with st.container(horizontal=True, vertical_alignment="center", key=f"encoder_set_{chosen.set_id}"):
        covered = count(total, "image") if not state.n_lacking else f"{state.n_vectors:,} of {count(total, 'image')}"
        made = " · ".join(part for part in (chosen.engine, chosen.precision, megabytes(state.n_bytes)) if part)
        st.markdown(f"**{_plain(_title(state))}**  \n:small[{covered} · {made}{_spaces(state)}]",
                    help=f"Vector set {chosen.set_id}, {_dimensions(state)}, weights {chosen.weights}; {chosen.preprocessing}")
        if being_filled:
            return
        if state.outdated:
            st.badge("earlier version", color="orange")
        if state.outdated and is_adapted(chosen.encoder):
            st.caption("Adapted from an earlier version of the starter: encode the images with today's, then adapt it again.",
                       width="content")
        elif state.outdated:
            st.button(f"Encode {count(total, 'image')} again", key=f"encoder_renew_{chosen.set_id}", on_click=_add,
                      args=(wb.key, chosen.encoder), help="Made by an earlier version of this encoder: similar images are"
                      " found, but words and uploaded images need vectors of today's. These stay until you remove them.")
        if chosen.active:
            st.badge("in use", color="primary")
        elif state.n_vectors and not state.n_lacking:
            st.button("Switch to this", key=f"encoder_switch_{chosen.set_id}", on_click=_switch, args=(wb.key, chosen.set_id))
        lacking = state.n_lacking + state.n_visual_lacking  # no image is in both
        if lacking and chosen.engine != "brought" and not state.outdated:
            label = f"Encode {count(lacking, 'image')}" + ("" if chosen.active else " and switch")
            st.button(label, key=f"encoder_fill_{chosen.set_id}", on_click=_add, args=(wb.key, chosen.encoder))
        if not chosen.active:
            st.button("Remove", key=f"encoder_remove_{chosen.set_id}", type="tertiary", on_click=_remove,
                      args=(wb.key, chosen.set_id, _title(state)))


def _title(state: SetState) -> str:
    return "vectors of your own" if state.set.engine == "brought" else state.set.encoder.removeprefix("openclip:")


def _spaces(state: SetState) -> str:
    """Which comparisons there are, where there is more than one."""
    if state.visual is None:
        return ""
    if state.n_visual_lacking:
        return f" · by meaning; by looks when {count(state.n_visual_lacking, 'image')} more are encoded"
    return " · by meaning and by looks"


def _dimensions(state: SetState) -> str:
    if state.visual is None:
        return f"{state.set.dim} dimensions"
    return f"{state.set.dim} dimensions for meaning and {state.visual.dim} for looks, which images alone are compared in"


def _encoding(wb: Workbench) -> list[Job]:
    return [job for job in _jobs.live_jobs(wb.key) if job.kind == "encode"]


def _adder(key: str) -> cards.Choose:
    return lambda offer: _add(key, offer.name)


def _add(key: str, encoder: str) -> None:
    _try(lambda wb: wb.encoders.add(encoder), key)


def _switch(key: str, set_id: str) -> None:
    _try(lambda wb: wb.encoders.switch(set_id), key)


def _remove(key: str, set_id: str, title: str) -> None:
    def remove(wb: Workbench) -> None:
        st.session_state[_UNDO] = (key, wb.encoders.remove(set_id), title)

    _try(remove, key)


def _restore(key: str, set_ids: tuple[str, ...]) -> None:
    _try(lambda wb: wb.encoders.restore(set_ids), key)
    st.session_state.pop(_UNDO, None)


def _try(what: Callable[[Workbench], object], key: str) -> None:
    try:
        what(open_workbench(key))
    except LoupeError as error:
        st.session_state[_SAID] = str(error)
    st.session_state[_CHANGED] = True
    collections_changed()


def _plain(text: str) -> str:
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|<>~:$&" else c for c in text)
