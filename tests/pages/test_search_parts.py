"""The parts of Search that need no browser: filter text as choices, and what the grid accepts from one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import QueryError
from core.query import syntax
from core.types import Hit, Item, Term
from pages._grid import _checked
from pages._search_cards import card, number
from pages._search_where import NONE, Range, conditions, joined, read, write


@pytest.mark.parametrize(
    ("where", "choices", "rest"),
    [
        ("", {}, []),
        ("colour = 'red'", {"colour": ("red",)}, []),
        ("colour in ('red', 'blue') and size >= 3 and size <= 7", {"colour": ("red", "blue"), "size": Range("3", "7")}, []),
        ("colour is null or colour = 'red'", {"colour": (NONE, "red")}, []),
        ("colour = 'red' or size = 3", {}, ["colour = 'red' or size = 3"]),
        ("not colour = 'red' and file ~ 'x'", {}, ["not colour = 'red'", "file ~ 'x'"]),
        ("size >= 3 and size >= 4", {"size": Range("3", None)}, ["size >= 4"]),
        ("\"base colour\" = 'it''s'", {"base colour": ("it's",)}, []),
    ],
)
def test_a_filter_is_split_into_choices_and_the_rest(where, choices, rest):
    assert read(where) == (choices, rest)
    again = write(choices, rest, frozenset({"size"}))
    assert read(again) == (choices, rest)
    assert joined(conditions(where)) == where


def test_a_filter_that_cannot_be_read_is_an_error():
    with pytest.raises(QueryError):
        read("colour = ")


words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12)


@given(st.dictionaries(words, st.lists(words, min_size=1, max_size=4, unique=True).map(tuple), max_size=4))
def test_choices_survive_being_written_and_read(choices):
    text = write(choices)
    assert read(text) == (choices, [])
    syntax.read(text)


@pytest.mark.parametrize(
    "raw",
    [
        None, "open", {}, {"type": "explode", "id": "a", "ids": ["a"]}, {"type": "open", "id": "z", "ids": ["z"]},
        {"type": "tag", "id": None, "ids": []}, {"type": "tag", "id": None, "ids": ["z", 3]},
    ],
)  # fmt: skip
def test_the_grid_takes_no_event_about_cards_it_did_not_show(raw):
    assert _checked(raw, frozenset({"a", "b"})) is None


def test_the_grid_takes_events_about_its_cards():
    shown = frozenset({"a", "b"})
    assert _checked({"type": "more", "id": "a", "ids": ["a"]}, shown) == {
        "type": "more", "id": "a", "ids": ["a"], "grade": None}
    assert _checked({"type": "tag", "id": None, "ids": ["b", "gone", "a"]}, shown)["ids"] == ["b", "a"]
    assert _checked({"type": "grade", "id": "a", "ids": ["a"], "grade": 7}, shown)["grade"] is None


def test_scores_are_short():
    assert [number(value) for value in (0.4123, -0.03, 1.0, 12.5)] == [".412", "-.030", "1.000", "12.500"]


def test_taking_a_filter_chip_out_leaves_the_other_conditions(monkeypatch):
    import streamlit as st

    from pages import _search_chips as chips
    from pages import _search_state as link

    monkeypatch.setattr(st, "session_state", {})
    link.put(q="red", where="colour = 'red' and number > 3 and not tag = 'done'", page=2)
    chips._handle(None, {"type": "remove_filter", "index": 1})
    assert link.state()["where"] == "colour = 'red' and not tag = 'done'" and link.state()["page"] == 1
    chips._handle(None, {"type": "clear"})
    assert (link.state()["q"], link.state()["where"]) == ("", "")


def test_keep_is_shown_and_a_second_press_takes_it_back(monkeypatch):
    from types import SimpleNamespace

    from core.types import Item
    from core.workbench.items import DuplicateGroup
    from pages import _search_duplicates as duplicates

    a, b = (Item(item_id=i, file=f"{i}.png") for i in ("a", "b"))
    decided, grids = {"a": "", "b": ""}, []
    items = SimpleNamespace(
        many=lambda ids: [a, b],
        duplicates=lambda: [DuplicateGroup("a", (a, b), (decided["a"], decided["b"]))],
        decide=lambda ids, decision: decided.update(dict.fromkeys(ids, decision)),
    )
    monkeypatch.setattr(duplicates, "card", lambda item: {"id": item.item_id})
    monkeypatch.setattr(duplicates, "card_grid", lambda cards, on_event, **_: grids.append((cards, on_event)))
    monkeypatch.setattr(duplicates.undo, "bar", lambda *_: None)
    monkeypatch.setattr(duplicates.st, "caption", lambda *_: None)
    for expected in ("keep", ""):
        duplicates.look_alikes(SimpleNamespace(items=items), ["a", "b"])
        grids[-1][1]({"type": "keep", "id": "a", "ids": ["a"], "grade": None})
        assert decided == {"a": expected, "b": ""}
    assert [card.get("badge") for cards, _ in grids for card in cards] == [None, None, "kept", None]


def test_searches_that_differ_in_a_weight_read_differently():
    from core.query.parse import parse
    from pages._search_bar import in_words

    assert in_words(parse('"red shoes"^3 -night^0.5', where="year > 2011")) == (
        "red shoes \u00d73 - night \u00d70.5, where year > 2011")


def test_a_card_says_where_a_correction_moved_it():
    item = Item("i1", "a.png", captions=("a",), n_k=30)

    def shown(rank: int, before: int | None, hub: float = 20.0):  # noqa: ANN202
        terms = (0.5,) if before is None else (0.5, -0.1)
        return card(item, Hit("i1", rank, 0.4, 0.5, terms, rank_before=before), hub_from=hub, terms=[Term("text", "red")])

    down = shown(7, 1)
    assert (down["moved"], down["moved_up"], down["demoted"]) == ("1 \u2192 7", False, True) and "from rank 1 to 7" in down["hub"]
    assert down["parts"] == [["red", 0.5], ["hub correction", -0.1]]
    assert shown(1, 7)["moved_up"] and "demoted" not in shown(1, 7) and "hub" in shown(1, 7)
    assert not {"moved", "demoted"} & set(shown(2, 2)) and "hub" not in shown(7, 1, hub=99.0)
    assert not {"moved", "parts"} & set(shown(1, None))


def test_a_rank_that_the_index_does_not_know_is_said_to_be_the_least():
    from pages._search_cards import demoted, stood

    item = Item("i1", "a.png", captions=("a",), n_k=30)
    hit = Hit("i1", 3, 0.4, 0.5, (0.5, -0.1), rank_before=257, before_at_least=True)
    shown = card(item, hit, hub_from=20.0, terms=[Term("text", "red")])
    assert shown["moved"] == "over 256 \u2192 3" and shown["moved_up"] and "demoted" not in shown
    assert stood(Hit("i1", 3, 0.4, 0.5, rank_before=1_234)) == "1,234"
    assert not demoted(Hit("i1", 300, 0.4, 0.5, rank_before=257, before_at_least=True)), "it may have stood lower"
