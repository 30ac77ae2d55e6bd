"""Tables: dialects, encodings, types of columns, and which column is which."""

from __future__ import annotations

import json
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.ingest import readers, tables
from core.ingest.columns import clean_names, settle
from core.ingest.tables import read_table
from core.types import Column


def table_of(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path, delimiter):
    content = f'file{delimiter}caption{delimiter}n\na.png{delimiter}"x, y; z | w"{delimiter}1\n' + (
        f'b.png{delimiter}"line one\nline two"{delimiter}2\n'
    )
    table = table_of(tmp_path, content)
    assert table.names == ("file", "caption", "n")
    assert [row.captions for row in table.rows] == [("x, y; z | w",), ("line one line two",)]
    assert [row.meta for row in table.rows] == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings(tmp_path, encoding):
    table = table_of(tmp_path, "file,caption\nä.png,Schöne Grüße – ok\n".encode(encoding))
    assert table.names == ("file", "caption")
    assert (table.rows[0].file, table.rows[0].captions) == ("ä.png", ("Schöne Grüße – ok",))


def test_bytes_of_no_encoding_are_still_read(tmp_path):
    assert table_of(tmp_path, b"file,caption\na.png,\x81\xff\n").rows[0].file == "a.png"


def test_kinds_of_columns(tmp_path):
    table = table_of(
        tmp_path,
        "file,whole,real,flag,day,moment,code,mixed,gap,empty\n"
        "a.png,1,1.5,true,2020-01-31,2020-01-31 10:00,007,1,,\n"
        "b.png,-20,2e3,No,2021-12-01,2020-01-31T10:00:01Z,008,x,3,\n"
        "c.png,NA,nan,FALSE,,2020-01-31,009,2020-01-01,n/a,\n",
    )
    assert {column.name: column.kind for column in table.columns} == {
        "whole": "number",
        "real": "number",
        "flag": "boolean",
        "day": "date",
        "moment": "date",
        "code": "text",
        "mixed": "text",
        "gap": "number",
        "empty": "text",
    }
    assert table.rows[0].meta == {
        "whole": 1, "real": 1.5, "flag": True, "day": "2020-01-31", "moment": "2020-01-31T10:00",
        "code": "007", "mixed": "1",
    }  # fmt: skip
    second = table.rows[1].meta
    assert second["real"] == 2000.0 and second["flag"] is False and second["gap"] == 3
    assert table.rows[2].meta == {"flag": False, "moment": "2020-01-31", "code": "009", "mixed": "2020-01-01"}


def test_settling_hand_cases():
    assert settle(["2020-02-30", "2020-01-01"])[0] == "text"
    assert settle([str(2**70), "1"]) == ("text", [str(2**70), "1"])
    assert settle([2**70, 1]) == ("text", [str(2**70), "1"])
    assert settle([True, None]) == ("boolean", [True, None])
    assert settle([True, 1]) == ("text", ["true", "1"])
    assert settle([float("nan"), float("inf"), 2.0]) == ("number", [None, None, 2.0])
    assert settle([["a", "b"], {"x": 1}, []]) == ("text", ["a, b", '{"x": 1}', None])
    assert settle([None, "", "  "]) == ("text", [None, None, None])
    assert settle(["NA", "nan"]) == ("text", ["NA", "nan"])
    assert settle([date(2020, 1, 2), datetime(2020, 1, 2, 3)]) == ("date", ["2020-01-02", "2020-01-02T03:00:00"])


def test_names_are_made_safe():
    assert clean_names(['a"b', "a b", "A B", "", None, " x\n\ty ", "back\\slash"]) == [
        "ab", "a b", "A B_2", "column 4", "column 5", "x y", "backslash",
    ]  # fmt: skip
    assert clean_names(["Width", "tag", "table_width", "colour"], reserve=True) == [
        "table_width", "table_tag", "table_width_2", "colour",
    ]  # fmt: skip
    assert len(clean_names(["x" * 500])[0]) == 64


def test_metadata_never_takes_a_word_that_filters_know(tmp_path):
    table = table_of(tmp_path, "file,date,Height\na.png,2020-01-01,3\n")
    assert table.columns == (Column("table_date", "date"), Column("table_height", "number"))
    assert table.rows[0].meta == {"table_date": "2020-01-01", "table_height": 3}


@pytest.mark.parametrize(
    ("header", "image", "captions", "identity"),
    [
        ("file,caption", "file", ["caption"], None),
        ("id,Image Path,Alt Text", "Image Path", ["Alt Text"], "id"),
        ("title,filename,description", "filename", ["description"], None),
        ("picture,label", "picture", [], None),
        ("file,caption_1,caption_2,text", "file", ["caption_1", "caption_2"], None),
        ("file_name,caption,caption_2", "file_name", ["caption", "caption_2"], None),
        ("foo,bar", None, [], None),
    ],
)
def test_columns_found_by_name(tmp_path, header, image, captions, identity):
    table = table_of(tmp_path, header + "\n" + ",".join("v" for _ in header.split(",")) + "\n")
    assert (table.image_column, list(table.caption_columns), table.id_column) == (image, captions, identity)
    assert table.caption_column == (captions[0] if captions else None)


def test_the_picture_column_found_by_content(tmp_path):
    table = table_of(tmp_path, "what,where\nx,a/b.JPG\ny,c.webp\nz,\n")
    assert table.image_column == "where"
    urls = table_of(tmp_path, "image,local\nhttp://x.org/a.jpg,a.jpg\nhttps://x.org/b.jpg,b.jpg\n")
    assert urls.image_column == "local"
    only = table_of(tmp_path, "image\nhttp://x.org/a.jpg\n")
    assert only.image_column == "image"


def test_columns_chosen_by_hand(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\na,b\n")
    table = read_table(path, image_column="y", caption_column="x")
    assert (table.rows[0].file, table.rows[0].captions) == ("b", ("a",))
    with pytest.raises(InputError, match="no column 'z'; its columns are x, y"):
        read_table(path, image_column="z")


def test_without_a_header(tmp_path):
    table = table_of(tmp_path, "a.png,a dog,7\nb.png,a cat,8\n")
    assert [(row.number, row.file, row.captions, row.meta) for row in table.rows] == [
        (1, "a.png", ("a dog",), {"column 3": 7}),
        (2, "b.png", ("a cat",), {"column 3": 8}),
    ]
    assert [row.file for row in table_of(tmp_path, "a.png\nb.png\n").rows] == ["a.png", "b.png"]


def test_ragged_and_blank_rows(tmp_path):
    table = table_of(tmp_path, "file,caption\n\na.png\nb.png,x,,\nc.png,too,many\n,,\nd.png,y\n")
    said = [(row.file, row.captions) for row in table.rows]
    assert said == [("a.png", ()), ("b.png", ("x",)), ("d.png", ("y",))]
    assert [problem.file for problem in table.problems] == ["c.png"]
    assert table.problems[0].reason.startswith("row 5: it has 3 cells and the header has 2; ")


def test_tables_that_cannot_be_used(tmp_path, monkeypatch):
    for content, words in ((b"", "empty"), (b"\n\n", "empty"), (b"file,caption\n", "no rows")):
        with pytest.raises(InputError, match=words):
            table_of(tmp_path, content)
    with pytest.raises(InputError, match="no table that is read"):
        table_of(tmp_path, b"x", "t.xlsx")
    with pytest.raises(InputError, match="Parquet"):
        table_of(tmp_path, b"PAR1 nonsense PAR1", "t.parquet")
    with pytest.raises(InputError, match="JSON"):
        table_of(tmp_path, b"[1, 2", "t.jsonl")
    with pytest.raises(InputError, match="cannot be read as a table"):
        table_of(tmp_path, b"file,caption\na.png,\"" + b"x" * 200_000 + b'"\n')
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 10)
    with pytest.raises(InputError, match="13 bytes, and the most is 10"):
        table_of(tmp_path, b"file\na.png\nbc")
    monkeypatch.undo()
    monkeypatch.setattr(tables, "MAX_COLUMNS", 2)
    with pytest.raises(InputError, match="3 columns, and the most is 2"):
        table_of(tmp_path, b"a,b,c\n1,2,3\n")
    monkeypatch.undo()
    monkeypatch.setattr(readers, "MAX_ROWS", 2)
    for name, content in (("t.csv", b"f\n1\n2\n3\n"), ("t.jsonl", b'{"f":1}\n' * 3)):
        with pytest.raises(InputError, match="more than 2 rows"):
            table_of(tmp_path, content, name)


def test_nul_bytes_are_dropped(tmp_path):
    assert table_of(tmp_path, b"file,caption\na\0.png,x\0y\n").rows[0].captions == ("xy",)


def test_json_lines(tmp_path):
    lines = [
        {"file": "a.png", "captions": ["one", "two", "one"], "n": 1, "id": 7},
        {"file": "b.png", "extra": {"k": [1]}, "n": 2.5},
    ]
    content = "\n".join(map(json.dumps, lines)) + '\n\nnot json\n[1]\n{"file": "c.png", "n": NaN}\n'
    content += "[" * 100000 + "\n"
    table = table_of(tmp_path, content, "t.jsonl")
    assert [(row.number, row.file, row.item_id, row.captions, row.meta) for row in table.rows] == [
        (1, "a.png", "7", ("one", "two"), {"n": 1}),
        (2, "b.png", None, (), {"n": 2.5, "extra": '{"k": [1]}'}),
        (6, "c.png", None, (), {}),
    ]
    assert [problem.reason[:6] for problem in table.problems] == ["row 4:", "row 5:", "row 7:"]


def test_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    columns = {
        "file": pa.array(["a.png", "b.png"]),
        "caption": pa.array([["one", "two"], None], pa.list_(pa.string())),
        "n": pa.array([1, None], pa.int32()),
        "flag": pa.array([True, False]),
        "day": pa.array([date(2020, 1, 2), None]),
        "kind": pa.array(["x", "y"]).dictionary_encode(),
        "vector": pa.array([[1.0, 2.0]] * 2, pa.list_(pa.float32())),
        "bytes": pa.array([b"1", b"2"]),
    }
    pq.write_table(pa.table(columns), path)
    table = read_table(path)
    assert table.columns == (
        Column("n", "number"), Column("flag", "boolean"), Column("day", "date"), Column("kind", "text"),
    )  # fmt: skip
    assert [(row.number, row.file, row.captions, row.meta) for row in table.rows] == [
        (1, "a.png", ("one", "two"), {"n": 1, "flag": True, "day": "2020-01-02", "kind": "x"}),
        (2, "b.png", (), {"flag": False, "kind": "y"}),
    ]


def test_parquet_with_the_pictures_inside(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"image": pa.array([{"bytes": b"1", "path": "x"}])}), path)
    with pytest.raises(InputError, match="pictures must be files"):
        read_table(path)


def test_parquet_that_unpacks_to_too_much(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"file": pa.array(["a.png"] * 1000)}), path)
    monkeypatch.setattr(readers, "MAX_UNPACKED_BYTES", 10)
    with pytest.raises(InputError, match="and the most is 10"):
        read_table(path)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from([".csv", ".tsv", ".jsonl"]))
def test_any_bytes_give_a_table_or_a_reason(tmp_path, content, extension):
    try:
        table = table_of(tmp_path, content, "any" + extension)
    except InputError as error:
        assert len(str(error)) > 10
    else:
        assert len(set(map(str.lower, table.names))) == len(table.names)
        assert all('"' not in name for name in table.names)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=12), st.integers(), st.floats(), st.booleans()), max_size=8))
def test_any_cells_settle_into_one_kind(cells):
    kind, values = settle(cells)
    assert len(values) == len(cells)
    allowed = {"text": str, "date": str, "boolean": bool, "number": (int, float)}[kind]
    assert all(value is None or isinstance(value, allowed) for value in values)
    # What is settled stays settled.
    assert kind == "date" or settle(values)[1] == values or kind == "text"
    json.dumps(values, allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=8))
def test_any_names_become_safe_and_different(names):
    cleaned = clean_names(names, reserve=True)
    assert len({name.lower() for name in cleaned}) == len(names)
    assert all(name and '"' not in name and "\\" not in name and name.isprintable() for name in cleaned)


def test_numbers_survive(tmp_path):
    values = [0.1, 1e-30, -5, 2**62]
    table = table_of(tmp_path, "file,v\n" + "".join(f"a.png,{value!r}\n" for value in values))
    assert [row.meta["v"] for row in table.rows] == values
    assert np.isfinite(values).all()
