"""The judging screen: what is sent to the browser, and what becomes of its presses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from core.query.words import in_words
from core.types import Item, Judgment, SearchResult
from pages._judge_parts import turn
from pages._judge_queue import DECIDE, DIFFER, OWN, SUGGESTED, Setting, begun, in_order
from pages._judge_skipped import skipped
from pages._judge_words import pictures
from pages._judging import judging_screen, save_presses
from pages._search_state import plain
from pages._shared import full_url, thumb_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.workbench import Workbench

GUIDELINE = "How well does the image answer the query? 3 perfect, 2 relevant, 1 related, 0 not relevant."
_ACKED = 400
"""Presses the screen is told are saved; it never has more than a few that it does not know of yet."""


def screen(wb: Workbench, setting: Setting) -> None:
    """The query's images with a grade each; every press is saved before anything is drawn."""
    query, ledger = setting.query, st.session_state.setdefault("judge_ledger", {})
    result = None
    if setting.pairs is None:
        result = wb.search(query.query, setting.depth, recipe=setting.recipe, log=False)
        ids = in_order(setting, result.item_ids)
    else:
        ids = setting.pairs[query.query_id]
    if not ids:
        st.info(plain(setting.nothing))
    pool_id = setting.pool.pool_id if setting.pool is not None else ""
    # A list that is suggested anew is another one: the screen must not go on where the one before ended.
    listed = hashlib.sha256(json.dumps(ids).encode()).hexdigest()[:16] if setting.queue == SUGGESTED else pool_id
    # Ids are strangers' text, and not every text can be part of a component's key.
    place = json.dumps([wb.key, listed, setting.queue, query.query_id])
    key = f"judging_{hashlib.sha256(place.encode()).hexdigest()[:24]}"
    copies = wb.pools.copies(pool_id, query.query_id) if pool_id else {}

    def on_presses() -> None:
        save_presses(wb.judgments, st.session_state[key].presses, ledger, frozenset(ids), origin=setting.origin, copies=copies)

    def on_go() -> None:
        go = st.session_state[key].go
        if not isinstance(go, Mapping):
            turn(setting, 1 if go == "next" else -1)
        elif go.get("to") in [one.query_id for one in setting.queries]:
            st.query_params["query"] = go["to"]

    judging_screen(
        {
            "query": {"id": query.query_id, "text": in_words(query), "guideline": query.guideline or GUIDELINE,
                      "pictures": pictures(query)},
            "collection": wb.key,
            "judge": setting.judge,
            "queue": "" if setting.queue == OWN else setting.queue,
            "pool": listed,
            "mode": "grid" if setting.grid else "one",
            "blind": setting.blind,
            "acked": list(ledger.get("saved", {}))[-_ACKED:],
            "hasNext": setting.at + 1 < len(setting.queries),
            "hasPrevious": setting.at > 0,
            "left": skipped(wb, setting),
            "items": items(wb, setting, ids, result, {item: len(alike) for item, alike in copies.items()}),
        },
        key=key, on_presses=on_presses, on_go=on_go,
    )  # fmt: skip


def items(
    wb: Workbench, setting: Setting, ids: Sequence[str], result: SearchResult | None, copies: Mapping[str, int]
) -> list[dict[str, object]]:
    """What the browser gets of each image. Blind, nothing in it says which recipe found it, how high, or what it is called."""
    query_id = setting.query.query_id
    given = dict(wb.judgments.given(query_id, setting.judge, setting.origin))
    earlier = {}
    if setting.queue == DIFFER:  # what was said before the queue was made is what is in dispute
        earlier = {item_id: j.grade for item_id, j in given.items() if j.at < begun()}
        given = {item_id: j for item_id, j in given.items() if item_id not in earlier}
    order = {item_id: at for at, item_id in enumerate(given)}
    said = wb.judgments.said(query_id) if setting.queue == DECIDE else {}
    shown: list[dict[str, object]] = []
    for item_id in ids:
        one: dict[str, object] = {
            "id": item_id, "thumb": thumb_url(item_id), "full": full_url(item_id), "judged": item_id in given,
            "order": order.get(item_id), "grade": given[item_id].grade if item_id in given else None,
            "note": given[item_id].note if item_id in given else "", "copies": copies.get(item_id, 0),
        }  # fmt: skip
        if item_id in earlier:
            one["earlier"] = earlier[item_id]
        if setting.queue == DECIDE:
            one["given"] = _given(said.get(item_id, ()), names=setting.names)
            if mine := [j.grade for j in said.get(item_id, ()) if j.judge == setting.judge]:
                one["own"] = mine[0]
        shown.append(one)
    if not setting.blind:
        _open(wb, setting, shown, result)
    return shown


def _given(said: Sequence[Judgment], *, names: bool) -> list[dict[str, object]]:
    """Grades for an adjudicator: by grade without names, so that their order names nobody either."""
    ordered = said if names else sorted(said, key=lambda j: (j.grade is None, j.grade, j.note))
    return [{"grade": j.grade, "note": j.note} | ({"name": j.judge} if names else {}) for j in ordered]


def _open(wb: Workbench, setting: Setting, shown: list[dict[str, object]], result: SearchResult | None) -> None:
    """Add what a judge who is not blind sees: names, and where the image was found."""
    known: dict[str, Item] = {item.item_id: item for item in wb.collection.items([str(one["id"]) for one in shown])}
    found = {**setting.found, **{hit.item_id: f"rank {hit.rank} · score {hit.score:.3f}" for hit in result or ()}}
    if setting.pool is not None:
        labels = [str(arm["label"]) for arm in setting.pool.arms]
        for row in wb.pools.rows(setting.pool.pool_id, setting.query.query_id):
            found[row.item_id] = " · ".join(f"{label} {rank}" for label, rank in zip(labels, row.ranks) if rank is not None)
    for one in shown:
        item = known[str(one["id"])]
        one |= {"title": item.caption or item.file, "found": found.get(item.item_id, "")}
        if item.item_id in setting.outside:
            one["outside"] = True
