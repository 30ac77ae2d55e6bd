"""The Hubs page's part "Does a correction help here?": choose right answers, watch, read the table, use it or leave it off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.judge.proof import ENOUGH_TEST
from pages._hub_finding import result
from pages._measured import measured
from pages._search_state import plain
from pages._shared import count

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.proving import ProofService, Source
    from pages._measured import Press

_LINE = (
    "Every correction is tried at several strengths on questions whose right answers are known here. Strengths are chosen on "
    "one part of them and reported on another, so luck does not count. Nothing changes until you use one."
)


def proof(wb: Workbench) -> None:
    """The whole part."""
    st.subheader("Does a correction help here?", anchor=False)
    st.caption(_LINE)
    measured(wb, "hubs_proof", lambda wb: wb.proof.job(), _drawn, lambda wb: f"Measuring {wb.proof.under_way()}.")


def _drawn(wb: Workbench, press: Press) -> None:
    outcome = wb.proof.result()
    _start(wb.proof, press, again=outcome is not None)
    if outcome is not None:
        result(wb.proof, outcome, press)


def _start(service: ProofService, press: Press, again: bool) -> None:
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
                  on_click=press, args=asked, disabled=not chosen, help="Takes seconds to a few minutes.")
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
