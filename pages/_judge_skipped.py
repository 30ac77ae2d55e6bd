"""What a judge has skipped: images without a word of theirs, in all the queries of what they judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from core.query.words import in_words
from pages._judge_queue import DIFFER, OWN, begun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set

    from core.workbench import Workbench
    from pages._judge_queue import Setting

_FOUND, _TEXT_AT_MOST = "judge_found_kept", 60


def done(wb: Workbench, setting: Setting) -> Set[tuple[str, str]]:
    """Pairs of query and image that are judged; "can't tell" is a word, too. Of what is looked at again: those that were."""
    if setting.queue != DIFFER:
        return wb.judgments.judged(setting.judge, setting.origin)
    since = begun()
    return {(query_id, item_id) for query_id in setting.pairs or ()
            for item_id, said in wb.judgments.given(query_id, setting.judge).items() if said.at >= since}  # fmt: skip


def skipped(wb: Workbench, setting: Setting) -> dict[str, object] | None:
    """What is left in the other queries; None while that is not known, as where it would take a search of every query.

    Returns
    -------
    dict or None
        ``others``: {id, text, n, after} of each query with something left, in order; `n` is None for suggested images that
        were not asked for yet, and `after` says that the query comes after this one. ``queries`` and ``images``: how many
        there are in all, without this one.
    """
    lists = _lists(wb, setting)
    if lists is None:
        return None
    judged = done(wb, setting)
    others: list[dict[str, object]] = []
    for at, query in enumerate(setting.queries):
        listed = lists.get(query.query_id)
        n = None if listed is None else sum((query.query_id, item) not in judged for item in listed)
        if at != setting.at and n != 0:
            text = in_words(query)
            text = text if len(text) <= _TEXT_AT_MOST else f"{text[: _TEXT_AT_MOST - 3]}..."
            others.append({"id": query.query_id, "text": text, "n": n, "after": at > setting.at})
    images = sum(len(listed) for query_id, listed in lists.items() if query_id != setting.query.query_id)
    return {"others": others, "queries": len(setting.queries) - 1, "images": images}


def _lists(wb: Workbench, setting: Setting) -> Mapping[str, Sequence[str]] | None:
    """Query id -> images to judge."""
    if setting.queue != OWN or setting.pairs is not None:
        return setting.opened or setting.pairs
    key = (wb.key, wb.generation, setting.recipe, setting.depth, tuple(query.query_id for query in setting.queries))
    held = st.session_state.get(_FOUND)
    if held is None or held[0] != key:
        if setting.at + 1 < len(setting.queries):
            return None
        with st.spinner("Looking for what was skipped ..."):
            held = st.session_state[_FOUND] = (key, {query.query_id: _found(wb, setting, query.query_id) for query in setting.queries})
    return held[1]


def _found(wb: Workbench, setting: Setting, query_id: str) -> tuple[str, ...]:
    asked = next(query.query for query in setting.queries if query.query_id == query_id)
    try:
        return wb.search(asked, setting.depth, recipe=setting.recipe, log=False).item_ids
    except LoupeError:
        return ()  # there is nothing to judge, and its own screen says why
