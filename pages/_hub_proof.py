"""The Hubs page's part "Does a correction help here?": choose right answers, watch, read the table, use it or leave it off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from core.judge.proof import ENOUGH_TEST
from pages import _jobs
from pages._hub_finding import result
from pages._polling import polled
from pages._search_state import plain
from pages._shared import count, open_workbench

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.proving import ProofService, Source

_WRONG, _DONE = "hubs_proof_wrong", "hubs_proof_done"
_LINE = (
    "Every correction is tried at several strengths on questions whose right answers are known here. Strengths are chosen on "
    "one part of them and reported on another, so luck does not count. Nothing changes until you use one."
)


def proof(wb: Workbench) -> None:
    """The whole part."""
    job = wb.proof.job()
    live = job is not None and job.live
    st.subheader("Does a correction help here?", anchor=False)
    st.caption(_LINE)
    polled(_body, 1.0 if live else None)(wb.key, live)


def _body(key: str, was_busy: bool) -> None:
    service = open_workbench(key).proof
    job = service.job()
    if st.session_state.pop(_DONE, False):
        st.rerun()  # the part is drawn again and asks every second while there is work
    if job is not None and job.live:
        if wrong := st.session_state.get(_WRONG, ""):  # it stays while this part is drawn again and again
            st.error(plain(wrong))
        st.progress(_jobs.share(job), text=_jobs.sentence(job, _jobs.behind(job, _jobs.live_jobs(), {})))
        st.caption(f"Measuring {plain(service.under_way())}. You can leave this page; the result waits here.")
        st.button("Cancel", key="hubs_proof_cancel", on_click=_jobs.cancel, args=(job.job_id,))
        return
    if was_busy:
        st.rerun()
    wrong = st.session_state.pop(_WRONG, "") or (job.message if job is not None and job.state == "failed" else "")
    if wrong:
        st.error(plain(wrong))
    outcome = service.result()
    _start(service, again=outcome is not None)
    if outcome is not None:
        result(service, outcome, _try)


def _start(service: ProofService, again: bool) -> None:
    sources = service.sources()
    able = [source for source in sources if not source.why]
    if not able:
        for source in sources:
            st.markdown(f"{_KINDS[source.truth]}: {plain(source.why)}")
        st.caption("Captions and labels come from a table: drop a CSV with file and caption on Home and add it to this collection. "
                   "Judgments are given on the page Judge.")
        return
    # Which of several columns says the kind of an image only a person knows.
    unsure = able[0].truth == "labels" and sum(source.truth == "labels" for source in able) > 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Right answers", able, format_func=_called, key="hubs_proof_from", width=380, index=None if unsure else 0,
                              placeholder="Choose a column of labels", help="Where it is known what a query should find.")
        asked = (service.start, chosen.truth, chosen.column) if chosen else ()
        st.button("Measure again" if again else "Measure", key="hubs_proof_start", type="secondary" if again else "primary",
                  on_click=_try, args=asked, disabled=not chosen, help="Takes seconds to a few minutes.")
    if chosen:
        st.caption(_ASKED[chosen.truth])


_KINDS = {"captions": "Captions", "labels": "Labels", "judgments": "Judgments"}
_ASKED = {
    "captions": "Each caption must find its image among all others. A third of the captioned images is set apart for a bank.",
    "labels": "Each image, used as a query, must find others of its kind.",
    "judgments": "Each judged query must find what was graded 1 or more. Half of the queries test, and advice takes "
                 f"{ENOUGH_TEST} that do: with fewer the figures are shown without it.",
}


def _called(source: Source) -> str:
    if source.truth == "labels":
        return f"Labels: {source.column} ({count(source.n, 'image')})"
    return f"{_KINDS[source.truth]} ({count(source.n, 'image') if source.truth == 'captions' else count(source.n, 'query', 'queries')})"


def _try(do: object, *args: object) -> None:
    try:
        do(*args)  # type: ignore[operator]
        st.session_state[_DONE] = True
    except LoupeError as error:
        st.session_state[_WRONG] = str(error)
