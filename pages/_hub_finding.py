"""What a proof on the Hubs page found: the advice, the table of everything tried, and how it was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages._search_state import plain
from pages._shared import link_to

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.workbench import Workbench
    from core.workbench.findings import Tried
    from core.workbench.proving import Outcome, ProofService

_TERMS = {
    "Correction": "What was tried, at the strength that did best on the tuning part. Measured only: search cannot serve it.",
    "Bank": "The reference queries or images a correction is computed from. None of the questions is in a bank of captions.",
    "Skewness": "How uneven the 10-occurrence is; 0: every image is found equally often.",
    "Never found": "Anti-hubs: share of images that are in no question's top 10.",
    "R@1": "Of 100 questions, how many have a right answer on top.",
    "R@5": "Of 100 questions, how many have one among the first 5.",
    "R@10": "Of 100 questions, how many have one among the first 10.",
    "nDCG@10": "How good the order of the first 10 is, 100 is ideal: grades count, and count less further down.",
    "Judged@10": "How much of the first 10 anybody graded. What nobody graded counts as wrong.",
}


def proof_line(wb: Workbench) -> None:
    """The finding of the last proof, for the top of the page; nothing where there is none, or it is from before a change."""
    outcome = wb.proof.result()
    if outcome is not None and not outcome.stale:
        st.markdown(plain(outcome.line))


def result(service: ProofService, outcome: Outcome, press: Callable[..., None]) -> None:
    """Everything; `press` is called with what a button does."""
    (st.success if outcome.recommended is not None else st.info)(plain(outcome.sentence))
    if outcome.stale:
        st.caption("The collection, its judgments or its vectors have changed since this was measured.")
    for note in outcome.notes:
        st.caption(plain(note))
    with st.container(horizontal=True, vertical_alignment="center"):
        if outcome.in_use:
            st.markdown("Kept as the recipe **hub-corrected**.")
            link_to("search", "Search with it", recipe="hub-corrected")
        elif outcome.recommended is not None and not (wrong := service.can_adopt()):
            st.button("Use it", key="hubs_proof_use", type="primary", on_click=press, args=(service.adopt,),
                      help="Keeps it as the recipe hub-corrected, which searches can choose.")
        elif outcome.recommended is not None:
            st.caption(plain(wrong))
        if service.adopted() is not None:
            st.button("Leave it off", key="hubs_proof_off", on_click=press, args=(service.leave_off,),
                      help="Forgets the recipe hub-corrected; searches are plain again.")
    st.dataframe(_table(outcome), hide_index=True, key="hubs_proof_table",
                 column_config={name: st.column_config.Column(name, help=text) for name, text in _TERMS.items()})
    st.caption("Per cent; then the difference to no correction in points, and where it would fall in 95 of 100 repetitions on other "
               "questions. With 0 in between it may be chance; and of so many rows one or the other lies above 0 by luck, so the advice "
               "rests on the one that was chosen on the tuning part.")
    with st.expander("How this was measured"):
        st.markdown(_account(outcome))


def _table(outcome: Outcome) -> list[dict[str, object]]:
    return [_row(one, one is outcome.raw, outcome.metric) for one in (outcome.raw, *outcome.tried)]


def _row(one: Tried, bare: bool, first: str) -> dict[str, object]:
    called = one.title if bare else one.called + ("" if one.served else " (measured only)")
    graded = {} if one.graded is None else {"Judged@10": f"{one.graded:.1f}"}
    figures = {f.name: f"{f.after:.1f}" if bare else f"{f.after:.1f}  {f.words}" for f in one.figures}
    return {"Correction": called, first: figures.pop(first), "Bank": "" if bare else one.bank, **figures, **graded,
            "Skewness": f"{one.skewness:.2f}", "Never found": f"{one.antihub_share:.1%}"}  # fmt: skip


_LEFT_OUT = {
    "captions": "Images whose captions are the bank of other images' captions are not among them, nor are copies of images that are "
                "asked about: their own captions would hold them back, and nobody else. ",
    "labels": "Images without a label are not among them, and of copies one is. ",
}


def _known(said: Mapping[str, object], name: str) -> str:
    return f"{said[name]:,}" if name in said else "an unknown number"


def _account(outcome: Outcome) -> str:
    said = outcome.account
    banks = "; ".join(f"{name} ({n:,})" for name, n in said["banks"].items())  # type: ignore[attr-defined]
    terms = {one.title: one.meaning for one in reversed(outcome.tried)}  # of two of one title the first
    untried = ", ".join(said.get("untried", ()))
    return (
        f"{said['n_tuning']:,} questions tuned and {said['n_test']:,} others tested ({_known(said, 'n_groups')} independent ones: those "
        f"about one image or its copies count once), over {said['n_items']:,} images of {_known(said, 'n_collection')}; "
        f"{_known(said, 'n_unasked')} of them are no question's right answer. {_LEFT_OUT.get(str(said['truth']), '')}Banks: {banks}. "
        f"Search takes all captions, or all images, as the bank. {said['rule']} Decided by {outcome.metric}; "
        f"paired bootstrap by group, 2,000 resamples; seed {said['seed']}; "
        f"{said['seconds']:,} s; vectors {plain(str(said['set']))}, generation {said['generation']}."
        + (f" Not tried, for it would take too large a table: {untried}." if untried else "") + "\n\n"
        + "\n".join(f"- **{title}**: {plain(meaning)}" for title, meaning in terms.items())
    )
