"""Browsing: pages, orders, literals, filters."""

from __future__ import annotations

from collections import Counter

import pytest

from core.errors import InputError, QueryError
from core.query.parse import parse
from core.search.browse import browse, shuffled
from core.store import Collection


def test_pages_by_name(pictures: Collection) -> None:
    pages = [browse(pictures, limit=10, offset=at) for at in (0, 10, 20, 30)]
    assert [len(page) for page in pages] == [10, 10, 4, 0]
    assert all((page.matched, page.total, page.plan) == (24, 24, "browse") for page in pages)
    ids = [i for page in pages for i in page.item_ids]
    assert ids == sorted(pictures.ids())
    hit = pages[1][0]
    assert (hit.rank, hit.score, hit.caption, hit.file) == (11, 0.0, "a white thing", "0010-white-circle.png")
    assert [h.rank for h in pages[2]] == [21, 22, 23, 24]


def test_orders(pictures: Collection) -> None:
    pictures.set_n_k(["p04", "p09", "p01"], [3, 9, 0])
    assert browse(pictures, sort="n_k", limit=5).item_ids == ("p09", "p04", "p01", "p00", "p02")
    assert browse(pictures, sort="n_k", limit=1)[0].n_k == 9
    assert browse(pictures, sort="-n_k", limit=4).item_ids == ("p01", "p04", "p09", "p00")
    assert browse(pictures, sort="-name", limit=2).item_ids == ("p23", "p22")
    newest = browse(pictures, sort="date", limit=24).item_ids
    assert newest[:2] == ("p02", "p05") and newest[-1] == "p21"
    assert browse(pictures, sort="-date", limit=1).item_ids == ("p00",)
    with pytest.raises(InputError, match="name, date, n_k, random"):
        browse(pictures, sort="size")
    with pytest.raises(InputError):
        browse(pictures, offset=-1)


def test_random_is_the_same_on_every_page_and_for_whoever_asks_again(pictures: Collection) -> None:
    whole = browse(pictures, sort="random", seed=3, limit=24).item_ids
    assert sorted(whole) == sorted(pictures.ids()) and whole != tuple(sorted(whole))
    pages = [browse(pictures, sort="random", seed=3, limit=5, offset=at) for at in range(0, 24, 5)]
    assert whole == tuple(i for page in pages for i in page.item_ids)
    assert whole != browse(pictures, sort="random", seed=4, limit=24).item_ids
    assert whole[::-1] == browse(pictures, sort="-random", seed=3, limit=24).item_ids
    # fewer items keep their order among each other
    some = browse(pictures, parse("", "sold = true"), sort="random", seed=3, limit=24).item_ids
    assert some == tuple(i for i in whole if i in some) and len(some) == 12


def test_random_orders_are_even() -> None:
    ids = tuple(f"i{n:03d}" for n in range(50))
    first = Counter(int(shuffled(ids, seed)[0]) for seed in range(1000))
    assert len(first) > 45 and max(first.values()) < 60
    assert shuffled((), 1).tolist() == []


def test_filters_and_literals(pictures: Collection) -> None:
    result = browse(pictures, parse("caption:red", "price > 50"))
    assert (result.item_ids, result.matched, result.total) == (("p12",), 1, 24)
    assert browse(pictures, parse("file:0003")).item_ids == ("p03",)
    assert browse(pictures, parse("file:triangle")).matched == 0
    assert browse(pictures, parse("file:SQUARE")).matched == 12
    assert browse(pictures, parse("-file:square"), limit=2).item_ids == ("p00", "p01")
    assert browse(pictures, parse('caption:"a red"')).matched == 2
    assert browse(pictures, parse("caption:re")).matched == 0  # words of captions are whole
    assert browse(pictures, parse("red -blue", "colour is null")).item_ids == ("p05",)  # terms are not looked at
    for odd in ('caption:"\\" OR file : \\"a"', "caption:NEAR(a)", "caption:a*", 'file:"-x"'):
        browse(pictures, parse(odd))
    with pytest.raises(QueryError):
        browse(pictures, parse("", "colour ="))


def test_a_change_is_seen_at_once(pictures: Collection) -> None:
    asked = parse("", "tag = best")
    assert browse(pictures, asked).matched == 3
    pictures.tag(["p20"], "best")
    assert browse(pictures, asked).item_ids == ("p00", "p03", "p12", "p20")
    pictures.trash_items(["p00"])
    after = browse(pictures, asked)
    assert (after.item_ids, after.matched, after.total) == (("p03", "p12", "p20"), 3, 23)
    pictures.set_captions("p05", ["a submarine"])
    assert browse(pictures, parse("caption:submarine")).item_ids == ("p05",)
