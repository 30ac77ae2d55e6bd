"""Home's dialogs about encoders: choosing one for new images, and the vector sets of a collection."""

from __future__ import annotations

import streamlit as st

from core.encode.catalogue import Offer
from core.errors import LoupeError
from core.types import CollectionInfo
from pages import _encoder_cards as cards
from pages import _encoder_sets as sets
from pages import _roots
from pages._shared import collections

_OPEN, _CHOSEN = "encoder_dialog", "encoder_chosen"


# ---------------------------------------------------------------- what the rest of Home calls


def chosen_encoder(place: str) -> str:
    """One line that says which encoder new images get, with a way to change it; the encoder's name.

    Parameters
    ----------
    place : str
        Where on Home this stands.
    """
    from core.encode.catalogue import offer

    name = st.session_state.get(_CHOSEN, "starter")
    found = offer(name)
    if found is None or not found.here:
        name, found = "starter", offer("starter")
    speed = f", about {cards.rate(found.measured.images_per_s)} images/s here" if found.measured else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"Encoder: {found.title}{speed}", width="content")
        if st.button("Change", key=f"encoder_change_{place}", type="tertiary", on_click=_ask, args=("choose", "")):
            st.rerun()  # also out of a fragment: the dialog is opened by the page
    return name


def ask_for_collection(key: str) -> None:
    """Open the dialog of a collection's vector sets when the page is drawn next."""
    _ask("collection", key)


def show() -> None:
    """Open the dialog that was asked for; it stays until it is dismissed, whatever runs again meanwhile."""
    what, key = st.session_state.get(_OPEN, ("", ""))
    if what == "choose":
        _choose()
    elif what == "collection":
        info = next((info for info in collections() if info.key == key and not info.problem), None)
        if info is not None:
            _of_collection(info)


def _ask(what: str, key: str) -> None:
    st.session_state[_OPEN] = (what, key)
    sets.fresh()


def _close() -> None:
    st.session_state.pop(_OPEN, None)


# ---------------------------------------------------------------- for new images


@st.dialog("Choose an encoder", width="large", on_dismiss=_close)
def _choose() -> None:
    st.markdown("For the images you are about to bring. A collection can be switched to another encoder at any time.")
    cards.cards("choose", choose=_take)
    _own_file()
    if st.session_state.get(_OPEN) is None:
        st.rerun()


def _take(offer: Offer) -> None:
    st.session_state[_CHOSEN] = offer.name
    _close()


def _own_file() -> None:
    """A weight file on this computer, for people who have one."""
    from core.encode.hubcache import models
    from core.workbench.encoders import WEIGHT_FILES, own_file

    with st.expander("A weight file of your own"):
        known = models()
        st.caption(f"Any open_clip model: {', '.join(WEIGHT_FILES)}. Only numbers are read from it; nothing in it can run.")
        model = st.selectbox("Model", known, index=known.index("ViT-B-32"), key="encoder_file_model", accept_new_options=True)
        typed = st.text_input("File", key="encoder_file_path", placeholder="/models/vit-b-32.safetensors")
        if st.button("Add to the list", key="encoder_file_add", disabled=not typed.strip()):
            try:
                own_file(str(model), _roots.checked(typed))
            except LoupeError as error:
                st.error(str(error))
                return
            st.rerun()


# ---------------------------------------------------------------- of a collection


@st.dialog("Encoder", width="large", on_dismiss=_close)
def _of_collection(info: CollectionInfo) -> None:
    sets.versions(info)
    _own_file()
