"""A part of a page that measures: a button starts a job, its progress takes the button's place, then comes what was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from pages import _jobs
from pages._polling import polled
from pages._search_state import plain
from pages._shared import open_workbench

if TYPE_CHECKING:
    from core.types import Job
    from core.workbench import Workbench

Press = Callable[..., None]
"""Does what a button does, with its arguments, before the part is drawn again; what is wrong is said there."""


def measured(
    wb: Workbench, name: str, job_of: Callable[[Workbench], Job | None], draw: Callable[[Workbench, Press], None],
    says: Callable[[Workbench], str] = lambda wb: "",
) -> None:
    """The part, which looks again every second while its job is live.

    Parameters
    ----------
    name : str
        What the keys of its state and of its Cancel begin with.
    draw : callable
        Draws all that stands there while nothing is under way; its buttons call what it is given as second.
    says : callable, optional
        A sentence about what is under way.
    """
    job = job_of(wb)
    live = job is not None and job.live
    polled(_body, 1.0 if live else None)(wb.key, live, name, job_of, draw, says)


def _body(
    key: str, was_busy: bool, name: str, job_of: Callable[[Workbench], Job | None], draw: Callable[[Workbench, Press], None],
    says: Callable[[Workbench], str],
) -> None:
    wb, wrong_key, done = open_workbench(key), f"{name}_wrong", f"{name}_done"
    job = job_of(wb)
    if st.session_state.pop(done, False):
        st.rerun()  # the part is drawn again and asks every second while there is work
    if job is not None and job.live:
        if wrong := st.session_state.get(wrong_key, ""):  # it stays while this part is drawn again and again
            st.error(plain(wrong))
        st.progress(_jobs.share(job), text=_jobs.sentence(job, _jobs.behind(job, _jobs.live_jobs(), {})))
        st.caption(plain(f"{says(wb)} You can leave this page; the result waits here.".strip()))
        st.button("Cancel", key=f"{name}_cancel", on_click=_jobs.cancel, args=(job.job_id,))
        return
    if was_busy:
        st.rerun()
    wrong = st.session_state.pop(wrong_key, "") or (job.message if job is not None and job.state == "failed" else "")
    if wrong:
        st.error(plain(wrong))

    def press(do: Callable[..., object], *args: object) -> None:
        try:
            do(*args)
            st.session_state[done] = True
        except LoupeError as error:
            st.session_state[wrong_key] = str(error)

    draw(wb, press)
