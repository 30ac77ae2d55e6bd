"""Home: three ways to bring images in, what is being built, and the collections there are."""

from __future__ import annotations

from pages._shared import guard

guard()

import streamlit as st  # noqa: E402

from pages import _encoder_cards as encoders  # noqa: E402
from pages import _encoder_dialogs as encoder_dialogs  # noqa: E402
from pages import _home_cards as cards  # noqa: E402
from pages import _home_folder as folder  # noqa: E402
from pages import _home_upload as upload  # noqa: E402
from pages._home_demo import demo  # noqa: E402
from pages._shared import collections  # noqa: E402

st.title("Home", anchor=False)
st.caption("Bring a folder of images; leave knowing what your search finds, what it misses, and why.")
with st.container(key="home_ways"):
    first, second, third = st.columns([4, 5, 4], gap="large")
    with first:
        demo()
    with second:
        upload.bring()
    with third:
        folder.index()

cards.show(collections())
encoders.section()
cards.trash()
encoder_dialogs.show()
