"""Parts of a page that are drawn again by themselves while something goes on."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import streamlit as st

_drawn = itertools.count()


def polled(part: Callable[..., None], every: float | None) -> Callable[..., None]:
    """`part` as a fragment that runs again every so many seconds; None: only when the page is drawn.

    A fragment goes by its function's name and its place. Were they the same in the next drawing of the page, a tick of
    the drawing before, arriving while this one ends, would start a run that makes Streamlit forget the last elements of
    the page on their way to the browser. So every drawing has a name of its own: a tick of an old one is not heeded.
    """
    if every is None:
        return st.fragment(part)

    @functools.wraps(part)
    def again(*args: object) -> None:
        part(*args)

    again.__qualname__ = f"{part.__qualname__}_{next(_drawn)}"
    return st.fragment(again, run_every=every)
