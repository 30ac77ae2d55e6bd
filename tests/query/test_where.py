"""The filter text: what it means on a small table, its errors, and that it can only ever become parameters."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import QueryError
from core.query import syntax
from core.query.where import VIRTUAL, compile_where, find_field, where_text, without
from core.store import schema
from core.types import Column

COLUMNS = (
    Column("colour", "text"),
    Column("price", "number"),
    Column("sold", "boolean"),
    Column("taken", "date"),
    Column("odd ' name\\", "text"),
    Column("file", "text"),
    Column("Größe", "number"),
)
ROWS = {
    # id: (file, date, meta, captions, tags, n_k)
    "i1": ("a/red.jpg", "2024-05-31T12:00:00", {"colour": "red", "price": 9, "sold": True, "taken": "2023-01-05"},
           ["A red car", "on a road"], ["best"], 5),
    "i2": ("b/blue.jpg", "2024-06-01", {"colour": "blue", "price": 10.5, "sold": False, "Größe": 3}, [], [], 0),
    "i3": ("b/it's.png", "", {"colour": "it's", "price": "n/a", "odd ' name\\": "x", "file": "meta"}, ["Étoile"],
           ["best", "old"], None),
    "i4": ("c.png", "2023-12-31", {"colour": "", "price": -2, "taken": "2023-01-05 10:00"}, ["a dog"], [], 12),
    "i5": ("d.png", "2023-01-01", {"colour": True, "price": None}, [], ["undone"], 1),
}


@pytest.fixture(scope="module")
def find() -> Callable[[str], str]:
    """Runs a filter over `ROWS`: the digits of the ids that pass."""
    db = sqlite3.connect(":memory:")
    db.create_function("casefold", 1, lambda x: x.casefold() if isinstance(x, str) else x)
    for version in schema.COLLECTION:
        for statement in version:
            db.execute(statement)
    for item_id, (file, date, meta, captions, tags, n_k) in ROWS.items():
        db.execute("INSERT INTO items (item_id, sha256, file, width, height, n_bytes, added_at, date, meta)"
                   " VALUES (?, '', ?, 100, 50, 1, 0, ?, ?)",
                   (item_id, file, date, json.dumps(meta, ensure_ascii=False)))
        db.executemany("INSERT INTO captions VALUES (?, ?, ?)", [(item_id, n, c) for n, c in enumerate(captions)])
        for tag in tags:
            undone = 1.0 if tag == "undone" else None
            db.execute("INSERT INTO tags (batch, item_id, tag, who, at, undone_at) VALUES ('', ?, ?, '', 0, ?)",
                       (item_id, tag, undone))
        if n_k is not None:
            db.execute("INSERT INTO n_k VALUES (?, ?)", (item_id, n_k))

    def run(text: str) -> str:
        condition = compile_where(text, COLUMNS)
        rows = db.execute(f"SELECT item_id FROM items WHERE {condition.sql} ORDER BY n", condition.params)
        return "".join(row[0][1:] for row in rows)

    return run


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", "12345"),
        ("colour = 'red'", "1"),
        ("colour = red", "1"),
        ("COLOUR = red", "1"),
        ("colour = 'it''s'", "3"),
        ("colour = 'true'", "5"),
        ("colour != 'red'", "2345"),
        ("not colour = 'red'", "2345"),
        ("colour is null", "4"),
        ("colour is not null", "1235"),
        ("colour in ('red', 'it''s')", "13"),
        ("colour not in (red, blue)", "345"),
        ("colour ~ 'E'", "125"),
        ("colour < c", "2"),
        ("price = 9", "1"),
        ("price = '9.0'", "1"),
        ("price > 9", "2"),
        ("price >= 9 and price <= 10", "1"),
        ("price < 0", "4"),
        ("price in (9, -2)", "14"),
        ("price is null", "35"),
        ("price != 9", "2345"),
        ("sold = true", "1"),
        ("sold = no", "2"),
        ("sold is null", "345"),
        ("taken = 2023-01-05", "14"),
        ("taken > 2023-01-05", ""),
        ("taken = '2023-01-05 10:00'", "4"),
        ("date = 2024-05", "1"),
        ("date <= 2023", "45"),
        ("date >= 2023-12-31 and date < 2024-06", "14"),
        ("date in (2024-06-01, 2023)", "245"),
        ("date is null", "3"),
        ("tag = best", "13"),
        ("tag != best", "245"),
        ("tag is null", "245"),
        ("tag is not null", "13"),
        ("tag in ('old', 'undone')", "3"),
        ("tag ~ 'ES'", "13"),
        ("tag = best and not tag = old", "1"),
        ("caption ~ 'ROAD'", "1"),
        ("caption ~ 'éTOILE'", "3"),
        ("caption = 'a dog'", "4"),
        ("caption is null", "25"),
        ("id in ('i1', 'i5')", "15"),
        ("file ~ 'b/'", "23"),
        ("\"meta.file\" = 'meta'", "3"),
        ("meta.colour = red", "1"),
        ("\"odd ' name\\\" = x", "3"),
        ("Größe = 3 or GRÖSSE = 3", "2"),
        ("n_k >= 5", "14"),
        ("n_k is null", "3"),
        ("width = 100 and height < 51", "12345"),
        ("status = ok", "12345"),
        ("colour = red or colour = blue and price > 10", "12"),
        ("(colour = red or colour = blue) and price > 10", "2"),
        ("NOT (colour = red OR tag = best) AND price IS NOT NULL", "24"),
    ],
)
def test_meaning(find: Callable[[str], str], text: str, ids: str) -> None:
    assert find(text) == ids


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("colr = 3", 0, "did you mean colour?"),
        ("price = 1 and xyz = 3", 14, "There are: colour, price"),
        ("price = abc", 8, "holds numbers, and 'abc' is none"),
        ("price = 1e999", 8, "too large"),
        ("price ~ 1", 0, "holds numbers"),
        ("sold = maybe", 7, "neither"),
        ("sold > true", 0, "use ="),
        ("taken = yesterday", 8, "no date"),
        ("tag ~ ''", 6, "empty"),
        ("colour = null", 9, "is null"),
        ("colour is red", 10, "null or not null"),
        ("colour red", 7, "in (...)"),
        ("colour = 'red", 9, "never closed"),
        ("(colour = red", 0, "never closed"),
        ("colour = red)", 12, "closes nothing"),
        ("colour = red price = 1", 13, "and / or"),
        ("colour = ", 9, "a value must follow"),
        ("= 3", 0, "condition must follow"),
        ("colour = red and", 16, "condition must follow"),
        ("colour in red", 10, "in parentheses"),
        ("colour in (red", 14, "comma"),
        ("'colour' = red", 0, "double quotes"),
        ('colour = "red"', 9, "single quotes"),
        ("colour !~ red", 7, "not colour ~"),
        ("colour = red;", None, None),
        ("a ! b", 2, "means nothing"),
        ("not " * 60 + "price = 1", 200, "nested"),
        ("(" * 60 + "price = 1" + ")" * 60, 50, "nested"),
        (" or ".join(["price = 1"] * 201), 200 * 13, "200 conditions"),
        ("colour = '\0'", 10, "not text"),
    ],
)
def test_errors_point_at_the_column(text: str, column: int | None, says: str | None) -> None:
    if column is None:
        assert compile_where(text, COLUMNS).params[-1] == "red;"  # a semicolon is a letter like any other
        return
    with pytest.raises(QueryError) as caught:
        compile_where(text, COLUMNS)
    assert (caught.value.column, says in str(caught.value)) == (column, True), str(caught.value)


def test_unknown_columns_list_what_there_is_but_not_hundreds() -> None:
    columns = [Column(f"c{n:03d}", "text") for n in range(100)]
    with pytest.raises(QueryError, match="and 79 more"):
        compile_where("nothing_like_it = 1", columns)


def test_where_text_of_choices() -> None:
    choices = {"colour": ["it's", "a"], "price": 3, "sold": [True], "none": [], "odd ' name\\": [None, "x"]}
    text = where_text(choices)
    assert text == ("colour in ('it''s', 'a') and price = 3 and sold = true and "
                    "(\"odd ' name\\\" is null or \"odd ' name\\\" = 'x')")
    assert compile_where(text, COLUMNS).columns == {"colour", "price", "sold", "odd ' name\\"}
    assert where_text({}) == ""


@pytest.mark.parametrize(
    ("text", "column", "left"),
    [
        ("", "colour", ""),
        ("colour = red", "colour", ""),
        ("colour = red and price > 1 and not colour = blue", "colour", "price > 1"),
        ("COLOUR = red and price > 1", "colour", "price > 1"),
        ("colour = red or price > 1", "colour", "colour = red or price > 1"),
        ("(colour = red or colour = blue) and (tag = a or tag = 'b')", "colour", "tag = a or tag = 'b'"),
        ("colour = red and (colour = blue or tag = a) and tag = b", "colour", "(colour = blue or tag = a) and tag = b"),
    ],
)
def test_without_a_column(text: str, column: str, left: str) -> None:
    assert without(text, column, COLUMNS) == left


texts = st.text(max_size=12).filter(lambda s: "\0" not in s)
names = texts.filter(bool)
operators = st.sampled_from(syntax.OPERATORS)
several = st.lists(texts, min_size=1, max_size=3)
leaves = st.one_of(
    st.builds(lambda c, o, v: syntax.Compare(c, o, (syntax.Value(v),)), names, operators, texts),
    st.builds(lambda c, v: syntax.Compare(c, "in", tuple(map(syntax.Value, v))), names, several),
    st.builds(lambda c: syntax.Compare(c, "null"), names),
)
trees = st.recursive(
    leaves,
    lambda inner: st.builds(syntax.Not, inner) | st.builds(
        lambda word, parts: syntax.Group(word, tuple(parts)),
        st.sampled_from(("and", "or")), st.lists(inner, min_size=2, max_size=3)),
    max_leaves=6,
)


@given(trees)
def test_what_is_written_reads_back_the_same(tree: syntax.Node) -> None:
    assert syntax.read(syntax.write(tree)) == tree


@given(st.text(max_size=40) | st.from_regex(r"[a-c ='\"()<>~,%;-]{0,30}", fullmatch=True))
def test_any_text_is_read_or_refused_with_a_column(text: str) -> None:
    try:
        condition = compile_where(text, [Column("a", "text"), Column("b", "number")])
    except QueryError as error:
        assert error.column is not None and 0 <= error.column <= len(text)
        return
    assert condition.sql.count("?") == len(condition.params)


@given(st.sampled_from(("=", "!=", "<", ">", "~", "in")), names.filter(str.strip), names)
def test_values_and_names_never_become_sql(find: Callable[[str], str], op: str, value: str, name: str) -> None:
    """Whatever is written is a parameter: the SQL is the same for every value, and for every column of a kind."""
    quoted = "'" + value.replace("'", "''") + "'"
    quoted = f"({quoted})" if op == "in" else quoted
    plain = "('x')" if op == "in" else "'x'"
    condition = compile_where(f"colour {op} {quoted}", COLUMNS)
    assert condition.sql == compile_where(f"colour {op} {plain}", COLUMNS).sql
    assert value in condition.params or json.dumps([value], ensure_ascii=False) in condition.params or op == "~"
    assert set(find(f"colour {op} {quoted}")) <= set("12345")
    if name not in VIRTUAL:
        column = Column(name, "text")
        other = compile_where(f"{syntax.write_name(name)} {op} {quoted}", [column])
        assert other.sql == condition.sql


@given(trees.filter(lambda t: all(c.op in ("=", "in", "null", "~", "!=") and all(v.text for v in c.values)
                                  for c in syntax.conditions(t))))
def test_a_filter_and_its_negation_share_everything_out(find: Callable[[str], str], tree: syntax.Node) -> None:
    def rename(node: syntax.Node) -> syntax.Node:
        if isinstance(node, syntax.Compare):
            column = ("colour", "tag", "caption", "file")[len(node.column) % 4]
            return syntax.Compare(column, node.op, node.values)
        if isinstance(node, syntax.Not):
            return syntax.Not(rename(node.part))
        return syntax.Group(node.word, tuple(map(rename, node.parts)))

    text = syntax.write(rename(tree))
    assert sorted(find(text) + find(f"not ({text})")) == list("12345")


@given(names.filter(lambda n: '"' not in n and not any(ord(c) < 32 for c in n)))
def test_every_column_name_is_found_in_the_json(name: str) -> None:
    field = find_field(f"meta.{name}", [Column(name, "text")])
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE items (meta TEXT)")
    db.execute("INSERT INTO items VALUES (?)", (json.dumps({"other": "no", name: "yes"}, ensure_ascii=False),))
    assert db.execute(f"SELECT {field.sql} FROM items", field.params).fetchone() == ("yes",)
