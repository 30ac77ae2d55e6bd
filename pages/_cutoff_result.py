"""What was learned about where good results end: the advice, each way of cutting with its figures, and whether to trust it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import streamlit as st

from core.rank.cutoff.wording import MEANINGS, NAMES
from core.search.cutoffs import KINDS
from pages._cutoff_use import use_it
from pages._search_state import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.workbench.cutoffs import CutoffService, Outcome, Part

_TERMS = {
    "Cut": "How the results are cut.",
    "PR-AUC": "Area under precision over recall, all judged results of the test queries pooled; 1 is ideal.",
    "Recall": "At the cut itself: share of the relevant results that stay above the line.",
    "Filtered": "Share of the judged results below the line.",
    "Empty": "Share of the test queries with nothing above the line.",
    "Gain": "P@R minus that of the plain cosine cut, in points, measured on the same queries.",
    "ECE": "Expected calibration error: how far the probabilities are from what is true, on average; 0 is ideal.",
}


def result(service: CutoffService, outcome: Outcome, n_judged: Mapping[str, int], press: Callable[..., None]) -> None:
    """Everything; `press` is called with what a button does.

    Parameters
    ----------
    n_judged : Mapping of kind of query to int
        Judged results that are spoken of above, which are not said again.
    """
    if outcome.stale:
        st.caption(plain(outcome.stale))
    if outcome.left_out:
        st.caption(plain(outcome.left_out))
    for part in outcome.parts:
        if part.tested:
            _part(part, outcome.recall, n_judged)
    alone = not any(part.tested for part in outcome.parts)
    for part in outcome.parts:
        if not part.tested:
            text = part.sentence if alone else f"{part.why} Until then no line is drawn for them."
            if part.n_labels == n_judged.get(part.kind):
                text = text.replace(part.why, str(part.account.get("reach") or part.why))
            st.caption(f"**Queries of {KINDS[part.kind]}.** {plain(f'{text} {part.falls}'.strip())}")
    use_it(service, outcome, press)
    with st.expander("How this was measured"):
        st.markdown(_account(outcome))
        st.download_button("Export as JSON", json.dumps(dict(outcome.account), ensure_ascii=False, indent=1), "cutoff.json",
                           "application/json", on_click="ignore", key="cutoff_export")


def _part(part: Part, recall: float, n_judged: Mapping[str, int]) -> None:
    why = "" if part.n_labels == n_judged.get(part.kind) else f" {plain(part.why)}"
    st.markdown(f"**Queries of {KINDS[part.kind]}.**{why}")
    (st.success if part.better else st.info)(plain(part.sentence))
    if part.falls:
        st.markdown(plain(part.falls))
    for note in part.notes:
        st.caption(plain(note))
    first = f"P@R{100 * recall:g}"
    config = {name: st.column_config.Column(name, help=text) for name, text in _TERMS.items()}
    config[first] = st.column_config.Column(first, help=f"Precision where {recall:.0%} of the relevant results are kept.")
    st.dataframe([_row(one, first, part) for one in part.account["tried"]], hide_index=True,  # type: ignore[attr-defined]
                 key=f"cutoff_table_{part.kind}_{part.signature}", column_config=config)
    st.caption("Per cent but for PR-AUC and ECE; behind each the bounds of 95 of 100 repetitions on other queries.")
    if empty := part.account.get("empty"):
        st.caption(f"Test queries with nothing above the advised line: {plain(', '.join(map(str, empty)))}.")  # type: ignore[arg-type]
    with st.expander(f"Calibration of the {NAMES[part.recommended]}"):
        _calibration(part)


def _row(one: Mapping[str, object], first: str, part: Part) -> dict[str, object]:
    figures = one["figures"]
    marks = [mark for mark, so in (("advised", one["kind"] == part.recommended), ("in use", one["kind"] == part.in_use)) if so]
    name = NAMES[str(one["kind"])] + (f" ({', '.join(marks)})" if marks else "")
    return {
        "Cut": name, first: _percent(figures["precision"]),  # type: ignore[index]
        "PR-AUC": _span(figures["pr_auc"], 1, 3), "Recall": _percent(figures["recall"]),  # type: ignore[index]
        "Filtered": _percent(figures["filtered"]), "Empty": _percent(figures["emptied"]),  # type: ignore[index]
        "Gain": "" if one["gain"] is None else _span(one["gain"], 100, 1, "+"),  # type: ignore[arg-type]
        "ECE": f"{one['ece']:.3f}",
    }  # fmt: skip


def _percent(figure: Mapping[str, float | None]) -> str:
    return _span(figure, 100, 1)


def _span(figure: Mapping[str, float | None], times: float, digits: int, sign: str = "") -> str:
    """``44.6 (38.0 to 52.1)``; a dash where there is nothing to say."""
    if figure["value"] is None:
        return "\u2013"

    def number(name: str) -> str | None:
        at = figure[name]
        return None if at is None else f"{at * times:{sign}.{digits}f}"

    value, low, high = number("value"), number("low"), number("high")
    return str(value) if low is None or high is None else f"{value} ({low} to {high})"


def _calibration(part: Part) -> None:
    tried = next(one for one in part.account["tried"] if one["kind"] == part.recommended)  # type: ignore[attr-defined]
    at = tried["probability"]
    st.dataframe(
        [{"Probability said": f"{row['low']:.0%} to {row['high']:.0%}", "Mean said": f"{row['said']:.1%}", "Relevant": f"{row['true']:.1%}",
          "Results": row["n"], "Line": "here" if at is not None and row["low"] <= at < row["high"] else ""}
         for row in tried["reliability"]],
        hide_index=True, key=f"cutoff_reliability_{part.kind}_{part.signature}",
    )  # fmt: skip
    st.caption("Of the results that were said to be relevant with such a probability, how many are. The closer the two, the better.")


def _account(outcome: Outcome) -> str:
    said = outcome.account
    lines = []
    for part in outcome.parts:
        if part.tested:
            fit, calibrate, test = part.account["n_queries"]  # type: ignore[misc]
            at, f1, low, high = part.account["f1"]  # type: ignore[misc]
            lines.append(
                f"- Queries of {KINDS[part.kind]}: {part.account['n_labels']:,} judged results, {part.account['n_relevant']:,} relevant; "
                f"of the queries {fit:,} fitted, {calibrate:,} laid the cut, {test:,} tested ({part.account['n_test']:,} that ask "
                f"something of their own). The score with the best F1 is {at:.3f} (F1 {f1:.2f}; bounds {low:.3f} to {high:.3f}). "
                f"Vectors {plain(part.set_id)}."
            )  # fmt: skip
    meanings = "\n".join(f"- **{NAMES[kind]}**: {plain(text)}" for kind, text in MEANINGS.items())
    return (f"{said['rule']} Queries are split, never pairs; only judged results count, so the figures are those of the pools that were "
            f"judged. Intervals resample the test queries 1,000 times; seed {said['seed']}; {said['seconds']:,} s; generation "
            f"{said['generation']}.\n\n" + "\n".join(lines) + "\n\n" + meanings)  # fmt: skip
