"""Facets: counts that leave a column's own condition out, checked against counting by hand."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import QueryError
from core.query.parse import parse
from core.search.browse import browse
from core.search.facets import MAX_VALUES, facets
from core.store import Collection
from core.types import Column, Facet, Query
from tests import fakes


def by_name(collection: Collection, line: str = "", where: str = "") -> dict[str, Facet]:
    return {facet.column: facet for facet in facets(collection, parse(line, where))}


def test_counts_without_a_filter(pictures: Collection) -> None:
    found = by_name(pictures)
    assert list(found) == ["colour", "price", "sold", "note", "tag", "date"]
    assert found["colour"].values[0] == ("black", 2)
    assert dict(found["colour"].values) == {**dict.fromkeys(fakes.COLOURS, 2), "orange": 1, None: 1}
    assert found["colour"].values[0] == ("black", 2) and found["colour"].values[-2:] == (("orange", 1), (None, 1))
    assert dict(found["sold"].values) == {True: 12, False: 11, None: 1}
    assert (found["price"].minimum, found["price"].maximum, found["price"].kind) == (0.0, 230.0, "number")
    assert dict(found["tag"].values) == {"best": 3, "old": 1, None: 21}
    assert found["date"].values == (("2022", 8), ("2023", 8), ("2024", 8))
    assert found["date"].minimum == 1646092800.0  # 2022-03-01 UTC


def test_a_column_s_own_condition_is_left_out(pictures: Collection) -> None:
    found = by_name(pictures, where="colour = red and price >= 100")
    assert dict(found["colour"].values)["red"] == 1 and dict(found["colour"].values)["blue"] == 1
    assert dict(found["sold"].values) == {True: 1, False: 0}
    assert dict(found["price"].values)[0] == 1 and dict(found["price"].values)[120] == 1
    assert dict(found["price"].values)[130] == 0  # counted among the red ones of any price
    assert dict(found["tag"].values) == {"best": 1, "old": 0}
    tagged = by_name(pictures, where="tag = old and sold = false")
    assert dict(tagged["tag"].values) == {"best": 1, "old": 1, None: 10 + 0}
    assert dict(tagged["sold"].values) == {True: 0, False: 1}


def test_literals_count_too(pictures: Collection) -> None:
    found = by_name(pictures, "anything caption:red")
    assert {value for value, n in found["colour"].values if n} == {"red"}


def test_every_count_is_what_choosing_it_gives(pictures: Collection) -> None:
    """Disjunctive counts by the door a user takes: put the value into the filter and count."""
    where = "sold = true and colour in ('red', 'blue', 'green')"
    rest = {"sold": "colour in ('red', 'blue', 'green')", "colour": "sold = true"}
    for facet in facets(pictures, Query(where=where)):
        left = rest.get(facet.column, where)
        for value, n in facet.values:
            text = json.dumps(value).replace('"', "'")
            chosen = f"{facet.column} is null" if value is None else f"{facet.column} = {text}"
            assert browse(pictures, Query(where=f"({left}) and {chosen}")).matched == n, (facet.column, value)


def test_columns_that_are_no_facet(brought: object) -> None:
    n = MAX_VALUES + 1
    collection = brought({f"i{x}": [1, x] for x in range(n)},  # type: ignore[operator]
                         {f"i{x}": {"many": f"v{x}", "number": x * 1.5, "few": "a", "day": f"2024-05-{x % 28 + 1:02d}",
                                    "date": "x", "nothing": None} for x in range(n)})
    found = by_name(collection)
    assert set(found) == {"number", "few", "day", "meta.date"}
    assert found["number"].values == () and found["number"].maximum == 300.0
    assert found["few"].values == (("a", n),)
    assert ("2024-05-01", 8) in found["day"].values  # all in one month: by day
    assert browse(collection, Query(where="day = 2024-05-01")).matched == 8
    assert browse(collection, Query(where="\"meta.date\" = x")).matched == n


def test_missing_files_make_status_a_facet(pictures: Collection) -> None:
    pictures.mark_missing([pictures.original_path("p00")])
    assert dict(by_name(pictures)["status"].values) == {"ok": 23, "missing": 1}


def test_a_bad_filter_is_said(pictures: Collection, home: object) -> None:
    for collection in (pictures, Collection.create("Empty")):
        with pytest.raises(QueryError):
            facets(collection, Query(where="colour ="))
    assert facets(Collection.open("Empty")) == ()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.sampled_from(("red", "blue", "green", "pink")), max_size=3), st.sampled_from(("", "true", "false")),
       st.sampled_from((None, "best", "old")))
def test_counts_agree_with_counting_by_hand(
    pictures: Collection, colours: set[str], sold: str, tag: str | None
) -> None:
    parts = []
    if colours:
        parts.append("colour in (" + ", ".join(f"'{c}'" for c in sorted(colours)) + ")")
    if sold:
        parts.append(f"sold = {sold}")
    if tag:
        parts.append(f"tag = {tag}")
    items = pictures.items(pictures.ids())
    passes = {
        "colour": lambda i: not colours or i.meta.get("colour") in colours,
        "sold": lambda i: not sold or i.meta.get("sold") is (sold == "true"),
        "tag": lambda i: not tag or tag in i.tags,
    }
    found = by_name(pictures, where=" and ".join(parts))
    for column in ("colour", "sold"):
        others = [ok for name, ok in passes.items() if name != column]
        expected = Counter(i.meta.get(column) for i in items if all(ok(i) for ok in others))
        assert {v: n for v, n in found[column].values if n} == dict(expected)
    expected = Counter(t for i in items if passes["colour"](i) and passes["sold"](i) for t in i.tags or (None,))
    assert {v: n for v, n in found["tag"].values if n} == dict(expected)


def test_declared_kinds_rule(brought: object) -> None:
    collection = brought({"a": [1, 0], "b": [1, 1], "c": [0, 1]},  # type: ignore[operator]
                         {"a": {"x": 1}, "b": {"x": "two"}, "c": {"x": 1}})
    assert dict(by_name(collection)["x"].values) == {"1": 2, "two": 1}  # values disagree: text
    collection.set_columns([Column("x", "number")])
    assert dict(by_name(collection)["x"].values) == {1: 2, None: 1}
