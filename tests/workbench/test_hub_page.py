"""A hub's own page, on five images whose ranks can be read off by eye."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from core import encode
from core.encode import vector_sets
from core.errors import NotFound
from core.graph import knn
from core.query.parse import parse
from core.store import Collection
from core.types import HubSetting, NewItem, SavedQuery
from core.workbench import Workbench
from tests import fakes

RED, GREEN, BLUE, BLACK, WHITE = (list(fakes.COLOURS).index(name) for name in ("red", "green", "blue", "black", "white"))
ITEMS = {  # caption, and the cosine with some words; the rest of the length goes to a direction of its own
    "a": ("red", {RED: 0.4}),
    "b": ("blue", {BLUE: 0.8}),
    "c": ("green", {GREEN: 0.3}),
    "d": ("white", {GREEN: 0.4, WHITE: 0.9}),
    "h": ("black", {RED: 0.5, GREEN: 0.5, BLUE: 0.5, BLACK: 0.5}),
}
"""
red    h .5  a .4              its image comes second, the hub alone before it
green  h .5  d .4  c .3        its image comes third
blue   b .8  h .5              its image comes first
black  h .5  a 0 (tie by id)   the hub is its image
white  d .9  a 0               the hub is not there
"""


def five() -> Workbench:
    encoder = fakes.FakeEncoder()
    encode._loaded[encoder.name] = encoder
    vectors = np.zeros((5, 16), np.float32)
    for row, (_, weights) in enumerate(ITEMS.values()):
        for at, weight in weights.items():
            vectors[row, at] = weight
        vectors[row, 11 + row] = max(0.0, 1 - float(vectors[row] @ vectors[row])) ** 0.5
    collection = Collection.create("Five")
    vector_set = vector_sets(encoder)[0]
    collection.add_set(vector_set)
    collection.activate(vector_set.set_id)
    items = [
        NewItem(item_id=i, sha256=i, file=f"{i}.png", path=f"/nowhere/{i}.png", width=8, height=8, n_bytes=1, date="", captions=(caption,))
        for i, (caption, _) in ITEMS.items()
    ]  # fmt: skip
    collection.commit(items, {vector_set.set_id: (list(ITEMS), vectors)})
    knn.save(collection, knn.build(collection.view(), k=4))
    return Workbench(collection)


def said(cases) -> list[tuple]:
    return [(c.asker.text, c.asker.rank, c.right and c.right.item_id, c.right_rank, c.itself) for c in cases]


def less(wb: Workbench, view, amount: float = 0.3):
    """A correction that takes `amount` from the hub and leaves all else."""
    made = wb.correcting.corrected(view, HubSetting("csls", 20.0, "captions"))
    bias = np.where(made.item_ids == "h", -amount, 0).astype(np.float32)
    return replace(made, bias=bias)


def test_whose_right_answer_a_hub_displaces():
    wb = five()
    view = wb.hubs.report(2, "captions")
    assert dict(zip(view.item_ids.tolist(), view.n_k.tolist())) == {"a": 3, "b": 1, "c": 0, "d": 2, "h": 4}
    assert (view.mean, view.threshold, view.chance) == (2.0, 4.0, 5)  # 5 trials with 2/5: P(<= 4) is 0.98976
    page = wb.hub_pages.page(view, "h")
    assert sorted(said(page.cases)) == [
        ("black", 1, None, None, True), ("blue", 2, "b", 1, False), ("green", 1, "c", 3, False), ("red", 1, "a", 2, False),
    ]  # fmt: skip
    assert [case.asker.text for case in page.displaced] == ["red", "green"]
    assert (page.known, page.alone_before) == (4, 1)
    assert page.row.n_k == 4 and page.row.share == 0.8 and page.row.after is None
    assert all(case.after is None and case.right_after is None for case in page.cases)


def test_both_ranks_after_a_correction():
    wb = five()
    view = wb.hubs.report(2, "captions")
    page = wb.hub_pages.page(view, "h", less(wb, view))
    # the hub now scores .2: red a .4 h .2; green d .4 c .3 h .2; blue b .8 h .2; black h .2 and the others 0
    after = {case.asker.text: (case.after, case.right_after) for case in page.cases}
    assert after == {"red": (2, 1), "green": (3, 2), "blue": (2, 1), "black": (1, None)}
    assert [(case.asker.rank, case.right_rank) for case in page.displaced] == [(1, 2), (1, 3)]  # before stays before
    lines = list(csv.DictReader(io.StringIO(wb.hub_pages.page_csv(page).decode("utf-8-sig"))))
    red = next(line for line in lines if line["query"] == "red")
    assert red == {
        "query": "red", "hub_rank": "1", "right_answer": "a", "right_answer_rank": "2", "displaced": "yes",
        "hub_rank_corrected": "2", "right_answer_rank_corrected": "1",
    }  # fmt: skip
    assert next(line for line in lines if line["query"] == "black")["displaced"] == "no"


def test_a_caption_of_two_images_is_answered_by_the_better_of_them():
    wb = five()
    wb.collection.set_captions("d", ["white", "green"])
    case = next(c for c in wb.hub_pages.page(wb.hubs.report(2, "captions"), "h").cases if c.asker.text == "green")
    assert (case.right.item_id, case.right_rank) == ("d", 2)


def test_right_answers_of_queries_are_what_judges_said():
    wb = five()
    queries = {text: parse(text) for text in ("red", "blue", "black", "green")}
    wb.judgments.save_queries([SavedQuery(q.query_id, text, q) for text, q in queries.items()], "Mine")
    view = wb.hubs.report(2, "queries")
    page = wb.hub_pages.page(view, "h")
    assert (page.known, page.displaced, len(page.cases)) == (0, (), 4)
    for text, item_id, grade in (("red", "a", 1), ("red", "b", 0), ("blue", "b", 3), ("black", "h", 2), ("green", "c", 0)):
        wb.judgments.add(queries[text].query_id, item_id, grade, "ann")
    page = wb.hub_pages.page(view, "h")
    assert sorted(said(page.cases)) == [
        ("black", 1, None, None, True), ("blue", 2, "b", 1, False), ("green", 1, None, None, False), ("red", 1, "a", 2, False),
    ]  # fmt: skip
    assert (page.known, [case.asker.text for case in page.displaced]) == (3, ["red"])


def test_items_that_ask_have_no_right_answer_but_a_rank_after():
    wb = five()
    view = wb.hubs.report(1)
    page = wb.hub_pages.page(view, "h")
    # cosines: a-h .2, b-h .4, c-h .15, d-h .2, c-d .12, others 0: everybody's nearest is the hub, the hub's is b
    assert [(case.asker.item.item_id, case.asker.rank) for case in page.cases] == [(i, 1) for i in "abcd"]
    assert page.known == 0 and page.row.n_k == 4
    page = wb.hub_pages.page(view, "h", less(wb, view, 0.1))
    # a .1 to h, 0 to others; b .3; c .05 to h but .12 to d; d .1 to h but .12 to c
    assert [case.after for case in page.cases] == [1, 1, 2, 2]


def test_rows_say_how_central_an_item_is():
    wb = five()
    view = wb.hubs.report(2, "captions")
    (hub,) = wb.hub_pages.hubs(view, less(wb, view))
    vectors = wb.collection.view().rows(wb.collection.view().positions(list(ITEMS))).astype(np.float64)
    middle = vectors.mean(axis=0)
    expected = 1 - vectors @ middle / np.linalg.norm(middle) / np.linalg.norm(vectors, axis=1)
    assert hub.distance == pytest.approx(expected[4], abs=1e-3)
    assert hub.nearer == sum(expected[:4] < expected[4]) / 4
    corrected = wb.correcting.corrected(view, HubSetting("csls", 20.0, "captions"))
    assert (hub.item.item_id, hub.n_k, hub.after) == ("h", 4, int(corrected.n_k[4]))
    (never,) = wb.hub_pages.antihubs(view)
    assert (never.item.item_id, never.n_k, never.share) == ("c", 0, 0.0)
    (line,) = csv.DictReader(io.StringIO(wb.hub_pages.csv(view, [hub]).decode("utf-8-sig")))
    names = ("item_id", "n_k", "expected_n_k", "chance_n_k", "share_of_queries")
    assert [line[name] for name in names] == ["h", "4", "2.0", "5", "0.8"]


def test_items_never_found_come_the_farthest_first():
    wb = five()
    view = wb.hubs.report(1)
    rows = wb.hub_pages.antihubs(view)
    assert {row.item.item_id for row in rows} == {i for i, n in zip(view.item_ids, view.n_k) if n == 0}
    assert [row.distance for row in rows] == sorted((row.distance for row in rows), reverse=True)
    assert wb.hub_pages.antihubs(view, limit=1) == rows[:1]


def test_text_that_a_spreadsheet_would_run_stays_text():
    wb = five()
    view = wb.hubs.report(2, "captions")
    (row,) = wb.hub_pages.hubs(view)
    evil = replace(row, item=replace(row.item, captions=("=cmd|'/c calc'!A1",)))
    assert "'=cmd" in wb.hub_pages.csv(view, [evil]).decode("utf-8-sig")


def test_an_item_that_was_not_counted_is_said():
    wb = five()
    view = wb.hubs.report(2, "captions")
    with pytest.raises(NotFound):
        wb.hub_pages.page(view, "nobody")
    wb.items.trash(["h"])
    with pytest.raises(NotFound, match="not among those counted"):
        wb.hub_pages.page(wb.hubs.report(2, "captions"), "h")


def test_parts_of_a_correction_lie_between_none_and_all():
    wb = five()
    view = wb.hubs.report(2, "captions")
    setting = HubSetting("is", 5.0, "captions")
    assert wb.correcting.parts(view) == (0.0, 0.25, 0.5, 0.75, 1.0)
    whole = wb.correcting.corrected(view, setting)
    none = wb.correcting.corrected(view, setting, 0.0)
    assert dict(zip(none.item_ids.tolist(), none.n_k.tolist())) == dict(zip(view.item_ids.tolist(), view.n_k.tolist()))
    half = wb.correcting.corrected(view, setting, 0.5)
    assert half.bias == pytest.approx(whole.bias / 2) and half.n_k.sum() == whole.n_k.sum()
    large = replace(view, n_items=30_000, n_queries=2_000)
    assert wb.correcting.parts(large) == (0.0, 1.0)
