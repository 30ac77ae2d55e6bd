"""Making, opening, naming, listing and throwing away collections."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import InputError, NotFound
from core.store import (
    Collection,
    home,
    list_collections,
    purge_collections,
    restore_collection,
    trashed_collections,
)
from core.types import Query, Term
from tests.store.material import JOINT, add, new_item, vectors

PROJECT = Path(__file__).resolve().parents[2]


def test_home_is_made_where_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("LOUPE_HOME", str(tmp_path / "deep" / "home"))
    assert home() == tmp_path / "deep" / "home" and home().is_dir()
    monkeypatch.delenv("LOUPE_HOME")
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: None)
    assert home() == PROJECT / "data" / "collections"


def test_a_home_that_cannot_be_made(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LOUPE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(InputError, match="LOUPE_HOME"):
        home()


def test_a_new_collection_says_what_it_is(home):
    made = Collection.create("Été à Oléron", attribution="A. Person, CC BY 4.0")
    assert made.key == "ete-a-oleron" and made.path == home / "ete-a-oleron"
    info = made.info()
    assert (info.name, info.n_items, info.encoder, info.generation) == ("Été à Oléron", 0, "", 0)
    assert info.attribution == "A. Person, CC BY 4.0" and info.problem == "" and info.cover == ()
    assert Collection.open("Été à Oléron").path == Collection.open("ete-a-oleron").path == made.path


@pytest.mark.parametrize("name", ["", "   ", "a/b", "a\\b", "a\0b", "a\nb", "x" * 81])
def test_names_that_cannot_be(name):
    with pytest.raises(InputError, match="name"):
        Collection.create(name)
    assert list_collections() == ()


@pytest.mark.parametrize("name", ["..", ".trash", "写真", "😀", "CON", "a" * 80, " two  words "])
def test_names_that_can(name, home):
    made = Collection.create(name)
    assert made.name == name.strip() and made.path.parent == home and not made.key.startswith(".")
    assert Collection.open(name.strip()).key == made.key


def test_a_name_is_had_once(home):
    Collection.create("Cats")
    with pytest.raises(InputError, match="already"):
        Collection.create("Cats")
    assert Collection.create("cats!").key == "cats-2"
    with pytest.raises(InputError, match="already"):
        Collection.open("cats!").rename("Cats")


def test_renaming_keeps_key_and_folder():
    cats = Collection.create("Cats")
    cats.rename("Dogs")
    assert (cats.name, cats.key) == ("Dogs", "cats")
    assert Collection.open("Dogs").key == Collection.open("cats").key == Collection.open_key("cats").key == "cats"
    cats.rename("Dogs")  # its own name is not taken
    new = Collection.create("cats")
    assert new.key == "cats-2"
    assert Collection.open("cats").key == "cats-2", "a name goes before a key"
    assert Collection.open_key("cats").name == "Dogs", "a link's key stays what it was"


def test_opening_what_is_not_there_says_what_is():
    with pytest.raises(NotFound, match="there are: none"):
        Collection.open("Birds")
    Collection.create("Cats")
    Collection.create("Dogs")
    with pytest.raises(NotFound, match="'Birds'; there are: Cats, Dogs"):
        Collection.open("Birds")
    for key in ("../cats", ".trash", "", "birds"):
        with pytest.raises(NotFound):
            Collection.open_key(key)


def test_info_counts(collection):
    add(collection, range(10))
    collection.trash_items(["i000000"])
    info = collection.info()
    assert (info.n_items, info.encoder, info.generation) == (9, "fake", 2)
    assert len(info.cover) == 4 and len(set(info.cover)) == 4 and "i000000" not in info.cover
    on_disk = sum(p.stat().st_size for p in collection.path.rglob("*") if p.is_file() and p.suffix != ".lock")
    assert 0.3 * on_disk < info.n_bytes <= on_disk + 10_000


def test_used_last_is_listed_first():
    first, second = Collection.create("First"), Collection.create("Second")
    assert [info.name for info in list_collections()] == ["Second", "First"]
    first.log_search(Query((Term("text", "x"),)), "plain", 0, 1.0, 0)
    assert [info.name for info in list_collections()] == ["First", "Second"]
    revision = second.revision
    second.touch()
    assert second.revision == revision


def test_other_things_in_the_home_are_not_collections(home):
    Collection.create("Cats")
    (home / "jobs.db").write_bytes(b"")
    (home / "notes").mkdir()
    (home / ".new-1234").mkdir()
    listed = {info.key: info.problem for info in list_collections()}
    assert listed["cats"] == "" and "missing" in listed["notes"] and set(listed) == {"cats", "notes"}


def test_a_collection_that_goes_while_it_is_listed_is_not_listed_as_damaged(home, monkeypatch):
    Collection.create("Cats")
    monkeypatch.setattr("core.store.lists.homes.keys", lambda folder: ["cats", "gone"])
    assert [info.key for info in list_collections()] == ["cats"]


def test_trash_and_restore():
    cats = Collection.create("Cats")
    cats.add_set(JOINT)
    cats.commit([new_item(1)], {JOINT.set_id: vectors(["i000001"], JOINT.dim)})
    cats.view()
    cats.trash()
    assert list_collections() == ()
    with pytest.raises(NotFound):
        Collection.open("Cats")
    for call in (cats.ids, cats.view, cats.trash, lambda: cats.commit([new_item(2)])):
        with pytest.raises(NotFound, match="not there any more"):
            call()
    (thrown,) = trashed_collections()
    assert (thrown.name, thrown.n_items) == ("Cats", 1)
    back = restore_collection(thrown.key)
    assert (back.name, back.key, back.ids()) == ("Cats", "cats", ["i000001"])
    assert trashed_collections() == () and cats.view().position("i000001") == 0


def test_restore_where_the_name_was_taken():
    cats = Collection.create("Cats")
    cats.add_set(JOINT)
    cats.commit([new_item(1)], {JOINT.set_id: vectors(["i000001"], JOINT.dim)})
    cats.view()
    cats.trash()
    other = Collection.create("Cats")
    other.add_set(JOINT)
    assert other.key == "cats-2", "the key of a collection in the trash stays its own"
    assert len(other.view()) == 0
    back = restore_collection("cats")
    assert (back.key, back.name, other.name) == ("cats", "Cats 2", "Cats")
    assert {info.name for info in list_collections()} == {"Cats", "Cats 2"}


def test_restore_what_is_not_there():
    with pytest.raises(NotFound, match="none"):
        restore_collection("cats")


def test_purging_collections():
    Collection.create("Cats").trash()
    assert purge_collections() == []
    (key,) = purge_collections(older_than_days=-1)
    assert key.startswith("cats~") and trashed_collections() == ()
    assert Collection.create("Cats").key == "cats"


def test_settings(collection):
    assert collection.setting("sort") is None and collection.setting("sort", "name") == "name"
    collection.set_setting("sort", {"by": "date", "down": True})
    assert Collection(collection.path).setting("sort") == {"by": "date", "down": True}


def test_generation_and_revision(collection):
    generation, revision = collection.generation, collection.revision
    collection.tag([], "t")
    collection.set_captions(_one(collection), ["words"])
    assert collection.generation == generation + 1 and collection.revision > revision + 1
    collection.activate("fake-visual")
    assert collection.generation == generation + 2 and collection.set().set_id == "fake-visual"


def _one(collection: Collection) -> str:
    collection.commit([new_item(0)])
    return "i000000"


def test_select_cannot_write(collection):
    with pytest.raises(Exception, match="readonly"):
        collection.select("DELETE FROM items")
    assert collection.select("SELECT casefold('ÀB')") == [("àb",)]


def test_importing_the_store_loads_nothing_heavy():
    heavy = "torch umap usearch pandas plotly streamlit onnxruntime sklearn scipy PIL".split()
    code = f"import sys, core.store; print([m for m in {heavy!r} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_use_its_parents_connections(collection):
    _one(collection)
    child = os.fork()
    if child == 0:
        try:
            collection.commit([new_item(1)])
            os._exit(0 if len(collection) == 2 else 3)
        except BaseException:
            os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(collection) == 2


def test_many_collections_do_not_hold_all_files_open():
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("counts open files in /proc")
    for n in range(40):
        Collection.create(f"Collection {n}")
    list_collections()
    assert len(os.listdir(folder)) < 200
