"""Format versions: every database written since version 1 opens, and a migration happens wholly or not at all."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from core.errors import LoupeError
from core.store import Collection, db, schema, view
from core.store.db import Database
from core.types import Judgment
from tests.store.material import JOINT, add, misaligned

FORMATS = Path(__file__).parent / "formats"
"""Collections as they were written by the first program of each format; made by `tests/store/freeze_format.py`."""


@pytest.mark.parametrize("frozen", sorted(FORMATS.glob("collection-*")), ids=lambda path: path.name)
def test_a_collection_of_every_format_opens_and_goes_on(frozen, home):
    home.mkdir()
    shutil.copytree(frozen, home / "frozen")
    for dump in (home / "frozen").glob("*.sql"):
        connection = sqlite3.connect(dump.with_suffix(".db"))
        connection.executescript(dump.read_text(encoding="utf-8"))
        connection.close()
        dump.unlink()
    collection = Collection.open("Frozen pictures")
    assert collection.ids() == [f"i{n:06d}" for n in range(6) if n != 4]
    assert [item.item_id for item in collection.trashed_items()] == ["i000004"]
    assert collection.item("i000001").captions == ("picture number 1",) and collection.item("i000001").tags == ("good",)
    seen = collection.view(JOINT.set_id)
    assert len(seen) == 6 and misaligned(seen) == []
    assert [j.grade for j in collection.judgments.all()] == [2] and len(collection.searches()) == 1
    assert collection.select("SELECT item_id FROM text_fts WHERE text_fts MATCH 'caption:\"number 3\"'") == [
        ("i000003",)
    ]
    assert collection.verify(deep=True) == []
    if frozen.name != "collection-1":  # versions of query sets and pools came with the second
        assert [(v.version, v.n) for v in collection.query_versions("Frozen")] == [(1, 1), (2, 1)]
        assert [q.guideline for q in collection.saved_queries("Frozen", 1)] == [""]
        assert [row.copies for row in collection.pool_rows(collection.pools()[0].pool_id)] == [("i000002",)]
    add(collection, range(6, 9))
    collection.compact(JOINT.set_id)
    assert len(collection.view(JOINT.set_id)) == 9 and collection.verify() == []
    for database, steps in (("collection.db", schema.COLLECTION), ("judgments.db", schema.JUDGMENTS)):
        assert _version(collection.path / database) == len(steps)


def test_there_is_a_frozen_collection_of_every_format():
    assert {path.name for path in FORMATS.glob("collection-*")} == {
        f"collection-{version}" for version in range(1, len(schema.COLLECTION) + 1)
    }


def _version(path: Path) -> int:
    connection = sqlite3.connect(path)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return version


ONE = ("CREATE TABLE things (name TEXT)", "INSERT INTO things VALUES ('first')")
TWO = ("ALTER TABLE things ADD COLUMN size INTEGER", "UPDATE things SET size = 5")


def _three(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE INDEX things_size ON things (size)")


def _open(path: Path, *steps: db.Migration) -> Database:
    db.close_idle()
    return Database(path, steps, label="The things", create=True)


def _rows(database: Database) -> list[tuple]:
    with database.read() as connection:
        return connection.execute("SELECT * FROM things").fetchall()


def test_migrations_run_once_and_in_order(tmp_path):
    path = tmp_path / "things.db"
    assert _rows(_open(path, ONE)) == [("first",)] and _version(path) == 1
    assert _rows(_open(path, ONE, TWO, _three)) == [("first", 5)] and _version(path) == 3
    assert _rows(_open(path, ONE, TWO, _three)) == [("first", 5)]
    with pytest.raises(LoupeError, match="format 3 and this Loupe reads up to format 2; update Loupe"):
        _rows(_open(path, ONE, TWO))


@pytest.mark.parametrize("fails_at", range(3))
def test_a_migration_that_fails_changes_nothing(tmp_path, fails_at):
    path = tmp_path / "things.db"
    _rows(_open(path, ONE))
    broken = [*TWO]
    broken.insert(fails_at, "INSERT INTO nowhere VALUES (1)")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        _rows(_open(path, ONE, broken, _three))
    assert _version(path) == 1 and _rows(_open(path, ONE)) == [("first",)]
    assert _rows(_open(path, ONE, TWO, _three)) == [("first", 5)]


def test_two_programs_migrating_at_once(tmp_path):
    path = tmp_path / "things.db"
    _rows(_open(path, ONE))
    db.close_idle()
    start, found = threading.Barrier(4), []

    def migrate() -> None:
        start.wait()
        found.append(_rows(Database(path, (ONE, TWO, _three), label="The things")))

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[("first", 5)]] * 4


def test_a_write_waits_for_another_and_says_so_when_it_takes_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(db, "BUSY_TIMEOUT_S", 0.05)
    database = _open(tmp_path / "things.db", ONE)
    with database.write() as connection:
        connection.execute("INSERT INTO things VALUES ('second')")
        assert _rows(database) == [("first",)], "a reader is never blocked and sees what was there before"
        with pytest.raises(LoupeError, match="in use by another process"):
            with database.write():
                pass
    assert len(_rows(database)) == 2


def test_a_failed_write_leaves_nothing(tmp_path):
    database = _open(tmp_path / "things.db", ONE)
    with pytest.raises(RuntimeError):
        with database.write() as connection:
            connection.execute("INSERT INTO things VALUES ('second')")
            raise RuntimeError
    assert _rows(database) == [("first",)]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        with database.read() as connection:
            connection.execute("INSERT INTO things VALUES ('third')")


def test_a_connection_to_another_file_of_the_same_name_is_not_used(tmp_path):
    path = tmp_path / "things.db"
    first = _open(path, ONE)
    assert len(_rows(first)) == 1
    for old in tmp_path.glob("things.db*"):
        old.rename(tmp_path / f"old-{old.name}")
    second = Database(path, (("CREATE TABLE things (name TEXT)",),), label="The things", create=True)
    assert _rows(second) == [] and _rows(first) == []


def test_judgments_survive_a_crash_of_everything_else(collection, home):
    collection.judgments.add(Judgment("q", "i", 3, "me"))
    view.forget()
    db.close_idle()
    (collection.path / "collection.db").write_bytes(b"rubbish")
    assert [j.grade for j in Collection(collection.path).judgments.all()] == [3]
