"""Results on which judges differ: which of them are in the queue, and how many are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages._judge_queue import DECIDE, kept
from pages._shared import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.judge import Disagreement
    from core.workbench import Workbench

_SMALL = "judge_small"


def disputes(wb: Workbench, queue: str, judge: str, queries: Sequence[str]) -> tuple[dict[str, list[str]], str]:
    """Query id -> items in dispute, and what they are in words; with the switch for small differences.

    In their own queue a judge gets those that they have said something of.
    """
    def read() -> list[Disagreement]:
        there = set(wb.collection.ids())
        found = wb.judgments.disagreements(set(queries), small=True)
        return [one for one in found if one.item_id in there and (queue == DECIDE or judge in [name for name, _ in one.grades])]

    small = st.toggle("Smaller differences, too", key=_SMALL, bind="query-params",
                      help="Also results with grades next to each other where judges agree that it is relevant: 1 and 2, or 2 and 3.")
    every = kept((wb.key, queue, judge, tuple(queries)), read)
    shown: dict[str, list[str]] = {}
    for one in every:
        if small or not one.small:
            shown.setdefault(one.query_id, []).append(one.item_id)
    n_small = sum(one.small for one in every)
    return {q: shown[q] for q in queries if q in shown}, in_words(len(every) - n_small, n_small, small=small, own=queue != DECIDE)


def in_words(n_large: int, n_small: int, *, small: bool, own: bool) -> str:
    """What is in the queue and what is left out of it.

    Parameters
    ----------
    n_large, n_small : int
        Results where judges differ by much, and by less.
    small : bool
        The latter are in the queue.
    own : bool
        It is the queue of a judge who is one of them.
    """
    who = "judges, you among them," if own else "judges"
    if small:
        less = f"; in {n_small:,} of them the grades are 1 apart and all say relevant" * bool(n_small)
        return f"{count(n_large + n_small, 'result')} where {who} gave different grades{less}."
    left = "no smaller differences are" if not n_small else f"{count(n_small, 'smaller difference')} {'is' if n_small == 1 else 'are'}"
    return (f"{count(n_large, 'result')} where {who} are 2 grades or more apart or do not agree whether it is relevant (1 and more); "
            f"{left} left out.")  # fmt: skip
