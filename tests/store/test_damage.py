"""Whatever is damaged on the disk is found, named, and said with what to do; repair brings back the rest."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.errors import Damaged, LoupeError, NotFound
from core.store import Collection, db, list_collections, view
from tests.store.material import JOINT, VISUAL, add, misaligned, new_item


@pytest.fixture
def filled(collection) -> Collection:
    for numbers in (range(4), range(4, 8)):
        add(collection, numbers)
    collection.put_artifact("graph", JOINT.set_id, {"links": np.arange(400)}, {}, 2)
    collection.put_artifact_file("index", JOINT.set_id, lambda path: path.write_bytes(b"index" * 100), {}, 2)
    kept = collection.add_original(b"original bytes", "original.jpg")
    collection.commit([new_item(50, path=str(kept), thumbnail=b"")])
    assert collection.verify(deep=True) == []
    return collection


def _reopened(collection: Collection) -> Collection:
    view.forget()
    db.close_idle()
    return Collection(collection.path)


def _sql(collection: Collection, statement: str) -> None:
    """Change the database behind the store's back."""
    db.close_idle()
    connection = sqlite3.connect(collection.path / "collection.db")
    connection.execute(statement)
    connection.commit()
    connection.close()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("this is not what was here before " * 40)


def _lose(path: Path) -> None:
    path.unlink()


DAMAGES = [_cut, _flip, _empty, _text, _lose]


@pytest.mark.parametrize("harm", DAMAGES)
def test_a_segment(filled, harm: Callable[[Path], None]):
    path = filled.segment_path(JOINT.set_id, 1)
    harm(path)
    collection = _reopened(filled)
    (problem,) = collection.verify()
    assert (problem.kind, problem.path) == ("segment", str(path))
    assert "0001.npy" in problem.message and "index its source again" in problem.message
    with pytest.raises(Damaged, match="0001.npy"):
        collection.view(JOINT.set_id)
    assert misaligned(collection.view(VISUAL.set_id)) == [], "the other set still works"
    (said,) = collection.repair()
    assert said.startswith("4 vectors")
    assert collection.verify() == []
    seen = collection.view(JOINT.set_id)
    assert sorted(seen.item_ids) == [f"i{n:06d}" for n in range(4, 8)] and misaligned(seen) == []
    assert collection.vectorless(JOINT.set_id) == ["i000000", "i000001", "i000002", "i000003", "i000050"]
    add(collection, range(4))
    assert sorted(collection.view(JOINT.set_id).item_ids) == [f"i{n:06d}" for n in range(8)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE segments SET n_rows = 3 WHERE seq = 1",
        "UPDATE segments SET n_rows = 4000000000 WHERE seq = 2",
        "UPDATE segments SET start = 7 WHERE seq = 2",
        "DELETE FROM segments WHERE seq = 1",
        "DELETE FROM vectors WHERE position = 2",
        "UPDATE segments SET n_rows = -4 WHERE seq = 2",
    ],
)
def test_a_row_of_the_manifest(filled, statement):
    _sql(filled, statement)
    collection = _reopened(filled)
    problems = collection.verify()
    assert problems and "manifest" in {problem.kind for problem in problems}
    assert all("repair the collection" in problem.message for problem in problems)
    with pytest.raises(Damaged, match="repair the collection"):
        collection.view(JOINT.set_id)
    collection.repair()
    assert collection.verify() == []
    for set_id in (JOINT.set_id, VISUAL.set_id):
        assert misaligned(collection.view(set_id)) == []
    add(collection, range(8))
    assert len(collection.view(JOINT.set_id).live) == 8 and misaligned(collection.view(JOINT.set_id)) == []


def test_a_checksum_in_the_manifest(filled):
    _sql(filled, "UPDATE segments SET sha256 = 'abc' WHERE seq = 1 AND set_id = 'fake-joint'")
    collection = _reopened(filled)
    assert [problem.kind for problem in collection.verify()] == ["segment"]
    with pytest.raises(Damaged, match="checksum"):
        collection.view(JOINT.set_id)


def test_a_vector_of_an_item_that_is_not_there(filled):
    _sql(filled, "UPDATE vectors SET item_id = 'stranger' WHERE position = 5 AND set_id = 'fake-joint'")
    collection = _reopened(filled)
    (problem,) = collection.verify()
    assert problem.kind == "manifest" and "1 of them unknown" in problem.message
    with pytest.raises(Damaged, match="not those it was written for"):
        collection.view(JOINT.set_id)
    collection.repair()
    assert collection.verify() == [] and misaligned(collection.view(JOINT.set_id)) == []


def test_two_items_of_the_manifest_exchanged(filled):
    """Nothing but the digest of a segment's ids can notice it; it would show the wrong pictures."""
    for old, new in (("i000004", "x"), ("i000005", "i000004"), ("x", "i000005")):
        _sql(filled, f"UPDATE vectors SET item_id = '{new}' WHERE item_id = '{old}' AND set_id = 'fake-joint'")
    collection = _reopened(filled)
    assert [problem.kind for problem in collection.verify()] == ["manifest"]
    for call in (collection.view, lambda: collection.compact(JOINT.set_id)):
        with pytest.raises(Damaged, match="not those it was written for"):
            call()
    collection.repair()
    assert collection.verify() == [] and len(collection.view(JOINT.set_id)) == 4
    assert misaligned(collection.view(JOINT.set_id)) == []


@pytest.mark.parametrize("harm", DAMAGES)
@pytest.mark.parametrize("kind", ["graph", "index"])
def test_an_artifact(filled, kind, harm):
    path, _, _ = filled.artifact_path(kind, JOINT.set_id)
    harm(path)
    collection = _reopened(filled)
    with pytest.raises(Damaged, match="made again"):
        collection.artifact_path(kind, JOINT.set_id)
    if kind == "graph":
        with pytest.raises(Damaged):
            collection.artifact(kind, JOINT.set_id)
    (problem,) = collection.verify()
    assert (problem.kind, problem.path) == ("artifact", str(path))
    collection.repair()
    assert collection.artifact_path(kind, JOINT.set_id) is None and collection.verify() == []


@pytest.mark.parametrize("harm", DAMAGES)
def test_a_thumbnail(filled, harm):
    path = filled.thumb_path("i000003")
    harm(path)
    collection = _reopened(filled)
    (problem,) = collection.verify()
    assert problem.kind == "thumbnail" and "i000003" in problem.message
    collection.repair()
    assert collection.verify() == []
    with pytest.raises(NotFound, match="i000003"):
        collection.thumb_path("i000003")
    assert collection.thumbless() == ["i000003", "i000050"]
    collection.commit([new_item(3)])
    assert collection.thumb_path("i000003").read_bytes() == new_item(3).thumbnail
    assert collection.verify() == []


@pytest.mark.parametrize("harm", DAMAGES)
def test_a_kept_original(filled, harm):
    path = filled.original_path("i000050")
    harm(path)
    (problem,) = _reopened(filled).verify(deep=True)
    assert problem.kind == "original" and "upload it again" in problem.message


@pytest.mark.parametrize("harm", [_text, _lose, lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xee" * 9000)])
def test_the_database(filled, home, harm):
    filled._db.flush()
    _reopened(filled)
    for name in ("collection.db-wal", "collection.db-shm"):
        (filled.path / name).unlink(missing_ok=True)
    harm(filled.path / "collection.db")
    collection = Collection(filled.path)
    problems = collection.verify()
    assert [problem.kind for problem in problems] == ["database"]
    assert "collection.db" in problems[0].message and ("copy" in problems[0].message)
    for call in (collection.ids, collection.view, lambda: collection.name, lambda: Collection.open("pictures")):
        with pytest.raises(Damaged):
            call()
    other = Collection.create("Another")
    infos = {info.key: info for info in list_collections()}
    assert "collection.db" in infos["pictures"].problem and infos[other.key].problem == ""
    assert collection.repair() == [], "nothing is thrown away that a copy could bring back"
    collection.trash()
    assert [info.key for info in list_collections()] == ["another"]


def test_a_page_inside_the_database(filled):
    add(filled, range(100, 400))
    filled._db.flush()
    _reopened(filled)
    path = filled.path / "collection.db"
    data = bytearray(path.read_bytes())
    for at in range(4096 * 5, len(data), 4096 * 3):
        data[at : at + 64] = b"\xff" * 64
    path.write_bytes(data)
    problems = Collection(filled.path).verify()
    assert problems[0].kind == "database" and "damaged" in problems[0].message


def test_judgments(filled):
    db.close_idle()
    for path in filled.path.glob("judgments.db*"):
        path.unlink()
    collection = _reopened(filled)
    (problem,) = collection.verify()
    assert problem.kind == "database" and "judgments.db" in problem.message and "missing" in problem.message
    with pytest.raises(Damaged, match="copy"):
        collection.judgments.all()
    assert "judgments" in collection.repair()[0]
    assert collection.judgments.all() == [] and collection.verify() == []


def test_a_format_from_the_future_is_not_touched(filled):
    _sql(filled, "PRAGMA user_version = 99")
    collection = _reopened(filled)
    with pytest.raises(LoupeError, match=r"format 99 .* up to format \d+; update Loupe"):
        collection.ids()
    assert "update Loupe" in list_collections()[0].problem


def test_sweep_leaves_what_the_database_names(filled):
    before = {path for path in filled.path.rglob("*") if path.is_file()}
    strays = ["vectors/fake-joint/00000077.npy", "vectors/gone-set/00000001.npy", "artifacts/.tmp-abc"]
    strays += ["thumbs/ab/x.jpg", "thumbs/00/.tmp-y.jpg", "queries/0.jpg", "originals/left.jpg"]
    for stray in strays:
        (filled.path / stray).parent.mkdir(parents=True, exist_ok=True)
        (filled.path / stray).write_bytes(b"garbage")
    young = filled.originals_folder / ".incoming-1"
    young.write_bytes(b"half an upl")
    assert filled.sweep() == sorted(strays)
    assert {path for path in filled.path.rglob("*") if path.is_file()} == before | {young}
    assert filled.sweep() == []
