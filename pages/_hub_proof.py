"""The Hubs page's part "Does a correction help here?": choose right answers, watch, read the table, use it or leave it off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from pages import _jobs
from pages._search_state import plain
from pages._shared import count, link_to, open_workbench

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.proving import Outcome, ProofService, Source, Tried

_WRONG, _DONE = "hubs_proof_wrong", "hubs_proof_done"
_LINE = (
    "Every correction is tried at several strengths on questions whose right answers are known here. Strengths are chosen on "
    "one part of them and reported on another, so luck does not count. Nothing changes until you use one."
)
_TERMS = {
    "Correction": "What was tried, at the strength that did best on the tuning part.",
    "Bank": "The reference queries or images a correction is computed from. None of the questions is in a bank of captions.",
    "Skewness": "How uneven the 10-occurrence is; 0: every image is found equally often.",
    "Never found": "Anti-hubs: share of images that are in no question's top 10.",
    "R@1": "Of 100 questions, how many have a right answer on top.",
    "R@5": "Of 100 questions, how many have one among the first 5.",
    "R@10": "Of 100 questions, how many have one among the first 10.",
    "nDCG@10": "How good the order of the first 10 is, 100 is ideal: grades count, and count less further down.",
}


def proof(wb: Workbench) -> None:
    """The whole part."""
    job = wb.proof.job()
    live = job is not None and job.live
    st.subheader("Does a correction help here?", anchor=False)
    st.caption(_LINE)
    st.fragment(_body, run_every=1.0 if live else None)(wb.key, live)


def _body(key: str, was_busy: bool) -> None:
    service = open_workbench(key).proof
    job = service.job()
    if st.session_state.pop(_DONE, False):
        st.rerun()  # the part is drawn again and asks every second while there is work
    if job is not None and job.live:
        st.progress(_jobs.share(job), text=_jobs.sentence(job, _jobs.behind(job, _jobs.live_jobs(), {})))
        st.caption("You can leave this page; the result waits here.")
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
        _result(service, outcome)


def _start(service: ProofService, again: bool) -> None:
    sources = service.sources()
    able = [source for source in sources if not source.why]
    if not able:
        for source in sources:
            st.markdown(f"{_KINDS[source.truth]}: {plain(source.why)}")
        st.caption("Captions and labels come from a table: drop a CSV with file and caption on Home and add it to this collection. "
                   "Judgments are given on the page Judge.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Right answers", able, format_func=_called, key="hubs_proof_from", width=380,
                              help="Where it is known what a query should find.") or able[0]
        st.button("Measure again" if again else "Measure", key="hubs_proof_start", type="secondary" if again else "primary",
                  on_click=_try, args=(service.start, chosen.truth, chosen.column), help="Takes seconds to a minute or two.")
    st.caption(_ASKED[chosen.truth])


_KINDS = {"captions": "Captions", "labels": "Labels", "judgments": "Judgments"}
_ASKED = {
    "captions": "Each caption must find its image. A third of the images is set apart for a bank.",
    "labels": "Each image, used as a query, must find others of its kind.",
    "judgments": "Each judged query must find what was graded 1 or more.",
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


def _result(service: ProofService, outcome: Outcome) -> None:
    (st.success if outcome.recommended is not None else st.info)(plain(outcome.sentence))
    if outcome.stale:
        st.caption("The collection or its vectors have changed since this was measured.")
    with st.container(horizontal=True, vertical_alignment="center"):
        if outcome.in_use:
            st.markdown("Kept as the recipe **hub-corrected**.")
            link_to("search", "Search with it", recipe="hub-corrected")
        elif outcome.recommended is not None and not (wrong := service.can_adopt()):
            st.button("Use it", key="hubs_proof_use", type="primary", on_click=_try, args=(service.adopt,),
                      help="Keeps it as the recipe hub-corrected, which searches can choose.")
        elif outcome.recommended is not None:
            st.caption(plain(wrong))
        if service.adopted() is not None:
            st.button("Leave it off", key="hubs_proof_off", on_click=_try, args=(service.leave_off,),
                      help="Forgets the recipe hub-corrected; searches are plain again.")
    st.dataframe(_table(outcome), hide_index=True, key="hubs_proof_table",
                 column_config={name: st.column_config.Column(name, help=text) for name, text in _TERMS.items()})
    st.caption("Per cent; then the difference to no correction in points, and where it would fall in 95 of 100 repetitions on other "
               "questions. With 0 in between it may be chance.")
    with st.expander("How this was measured"):
        st.markdown(_account(outcome))


def _table(outcome: Outcome) -> list[dict[str, object]]:
    return [_line(one, one is outcome.raw, outcome.metric) for one in (outcome.raw, *outcome.tried)]


def _line(one: Tried, bare: bool, first: str) -> dict[str, object]:
    figures = {f.name: f"{f.after:.1f}" if bare else f"{f.after:.1f}  {f.words}" for f in one.figures}
    return {"Correction": one.title if bare else one.called, first: figures.pop(first), "Bank": "" if bare else one.bank, **figures,
            "Skewness": f"{one.skewness:.2f}", "Never found": f"{one.antihub_share:.1%}"}  # fmt: skip


def _account(outcome: Outcome) -> str:
    said = outcome.account
    banks = "; ".join(f"{name} ({n:,})" for name, n in said["banks"].items())  # type: ignore[attr-defined]
    terms = {one.title: one.meaning for one in reversed(outcome.tried)}  # of two of one title the first
    return (
        f"{said['n_tuning']:,} questions tuned and {said['n_test']:,} others tested, over {said['n_items']:,} images. Banks: {banks}. "
        f"Search takes all captions, or all images, as the bank. {said['rule']} Decided by {outcome.metric}; "
        f"paired bootstrap by group, 2,000 resamples; seed {said['seed']}; "
        f"{said['seconds']:,} s; vectors {plain(str(said['set']))}, generation {said['generation']}.\n\n"
        + "\n".join(f"- **{title}**: {plain(meaning)}" for title, meaning in terms.items())
    )
