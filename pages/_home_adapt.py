"""Home's dialog for adapting a collection's encoder: start it, watch it, read before and after, keep it or not, go back."""

from __future__ import annotations

import streamlit as st

from core.errors import LoupeError
from core.types import CollectionInfo
from core.workbench.adapting import AdaptService, Change, Outcome, Source
from pages import _jobs
from pages._shared import collections_changed, count, open_workbench

ASKED, _WRONG, _DONE = "home_dialog", "home_adapt_wrong", "home_adapt_done"
_LINE = (
    "Loupe learns from this collection's own words how they are meant here, and shows on images it has not learned from "
    "whether searching gets better. Nothing changes until you accept, and the original stays for the way back."
)


def close() -> None:
    """Forget that the dialog was asked for."""
    st.session_state.pop(ASKED, None)
    st.session_state.pop(_WRONG, None)


@st.dialog("Adapt to this collection", width="large", on_dismiss=close)
def adapt(info: CollectionInfo) -> None:
    """Everything about adapting the encoder of one collection."""
    job = open_workbench(info.key).adapt.job()
    st.markdown(_LINE)
    st.fragment(_body, run_every=1.0 if job is not None and job.live else None)(info, job is not None and job.live)


def _body(info: CollectionInfo, was_busy: bool) -> None:
    service = open_workbench(info.key).adapt
    job = service.job()
    if st.session_state.pop(_DONE, False):
        st.rerun()  # the cards behind show it too; the dialog opens again, and asks every second while there is work
    if job is not None and job.live:
        st.progress(_jobs.share(job), text=_jobs.sentence(job, _jobs.behind(job, _jobs.live_jobs(), {})))
        st.caption("You can close this and go on searching; the result waits here.")
        st.button("Cancel", key="home_adapt_cancel", on_click=_jobs.cancel, args=(job.job_id,))
        return
    if was_busy:
        collections_changed()
        st.rerun()  # the dialog opens again with the result, and stops asking
    wrong = st.session_state.pop(_WRONG, "") or (job.message if job is not None and job.state == "failed" else "")
    if wrong:
        st.error(wrong)
    outcome = service.result()
    if outcome is not None and outcome.state != "discarded":
        _result(service, outcome)
        with st.expander("Adapt again"):
            _start(service)
    else:
        _start(service)
    if service.in_use and (outcome is None or outcome.state != "used"):
        st.button("Back to the original", key="home_adapt_back", on_click=_try, args=(service.roll_back,))


# ---------------------------------------------------------------- start


def _start(service: AdaptService) -> None:
    checked = service.check()
    if not checked.can:
        st.markdown(checked.why)
        st.caption("Captions and labels come from a table: drop a CSV with file and caption on Home and add it to this collection.")
        return
    chosen = st.selectbox("Learn from", checked.sources, format_func=_called, key="home_adapt_from") or checked.sources[0]
    st.button("Start", type="primary", key="home_adapt_start", on_click=_try, args=(service.start, chosen.column or None),
              help="Takes seconds to a few minutes. About half of the images are learned from, the others are for measuring.")


def _called(source: Source) -> str:
    if not source.column:
        return f"Captions ({count(source.n_items, 'image')})"
    return f"{source.column} ({source.n_kinds:,} kinds, {count(source.n_items, 'image')})"


def _try(do: object, *args: object) -> None:
    try:
        do(*args)  # type: ignore[operator]
        st.session_state[_DONE] = True
    except LoupeError as error:
        st.session_state[_WRONG] = str(error)
    collections_changed()


# ---------------------------------------------------------------- before and after


def _result(service: AdaptService, outcome: Outcome) -> None:
    said = {"gain": st.success, "none": st.info, "loss": st.warning, "mixed": st.warning}[outcome.verdict]
    said(f"{outcome.sentence} {outcome.advice if outcome.state != 'used' else ''}".strip())
    st.markdown(_table((*outcome.changes, outcome.overall)))
    st.caption("In brackets: where the change would fall in 95 of 100 repetitions on other images; with 0 in between it may be chance.")
    with st.container(horizontal=True):
        if outcome.waits:
            again = outcome.state == "aside"
            st.button("Use it again" if again else "Accept", key="home_adapt_accept", on_click=_try, args=(service.accept,),
                      type="primary" if outcome.verdict == "gain" else "secondary")
            st.button("Discard", key="home_adapt_discard", on_click=_try, args=(service.discard,),
                      type="primary" if outcome.verdict in ("none", "loss") else "secondary")
        if outcome.state == "used":
            st.markdown("In use: searches go through the adapted encoder.")
            st.button("Back to the original", key="home_adapt_back", on_click=_try, args=(service.roll_back,),
                      help="At once. The adapted vectors are kept, so you can change your mind.")
    with st.expander("How this was measured"):
        st.markdown(_account(outcome))


def _table(changes: tuple[Change, ...]) -> str:
    """Markdown: what is counted, before and after in per cent, the change in words."""
    *figures, mean = changes
    rows = [f"| {_plain(c.meaning)} | {c.before:.1f} | {c.after:.1f} | {c.words} |" for c in figures]
    bold = f"| **All searches, mean** | **{mean.before:.1f}** | **{mean.after:.1f}** | **{mean.words}** |"
    return "\n".join(["| Of 100 tries | Before | After | Change |", "|:--|--:|--:|:--|", bold, *rows])


def _account(outcome: Outcome) -> str:
    said = outcome.account
    parts: dict[str, int] = said["split"]  # type: ignore[assignment]
    kept = "Images that share a caption, copies and near-duplicates are on one side."
    if said["kind"] == "labels":
        kept = "Copies and near-duplicates are on one side; the labels are the same on both, their images are not."
    names = ", ".join(c.name for c in outcome.changes)
    return (
        f"{parts['train']:,} images were learned from, {parts['validation']:,} decided when to stop, and only the "
        f"{parts['test']:,} others are reported on, with their {said['test_texts']:,} texts: each is searched among these. {kept} "
        f"Seed {parts['seed']}; {said['seconds']:,} s; learned from {_plain(str(said['learned_from']))}; base encoder "
        f"{_plain(str(said['encoder']))}; heads {said['digest'] or 'none'}. In technical terms: {_plain(names)}, and their mean "
        "recall; paired bootstrap, 2,000 resamples by group of images."
    )


def _plain(text: str) -> str:
    """`text` without the marks that mean something in a Markdown table."""
    return "".join(f"\\{c}" if c in r"\`*_[]|<>~:$" else c for c in text)
