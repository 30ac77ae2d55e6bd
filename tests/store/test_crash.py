"""A process that dies between any two steps loses nothing that was finished, and leaves nothing half done."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from core.store import Collection, db, list_collections, restore_collection, trashed_collections, view
from core.store.verify import _files
from core.types import Query, SavedQuery, Skipped, Term
from tests.store.crashes import killed_before_each_step, steps_of
from tests.store.material import JOINT, VISUAL, add, misaligned, new_item, vectors

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="kills forked processes, which this system does not have"
)


def _close() -> None:
    view.forget()
    db.close_idle()


def _open(home: Path) -> Collection:
    return Collection.open("Pictures", home)


def _garbage(collection: Collection) -> list[str]:
    return [path.name for path in collection._garbage()]


def _sound(collection: Collection, step: str, versions: dict[str, int] | None = None) -> None:
    """Nothing damaged, every vector at its item, and a sweep leaves exactly what the database names."""
    assert collection.verify(deep=True) == [], step
    assert misaligned(collection.view(JOINT.set_id), versions) == [], step
    assert misaligned(collection.view(VISUAL.set_id)) == [], step
    collection.sweep()
    assert _garbage(collection) == [], step
    assert collection.verify(deep=True) == [], step


@pytest.fixture
def started(collection, home) -> Path:
    """A home whose collection has eight items in three segments."""
    for numbers in (range(3), range(3, 6), range(6, 8)):
        add(collection, numbers)
    collection.put_artifact("graph", JOINT.set_id, {"links": np.arange(6)}, {"k": 3}, collection.generation)
    _close()
    return home


def _commit(home: Path) -> None:
    """New items, a new vector for item 1, changed bytes at the path of item 2, and a skipped file, in one commit."""
    changed = new_item(92, path=new_item(2).path, file=new_item(2).file)
    items = [new_item(10), new_item(11), changed]
    ids = [item.item_id for item in items]
    joint_ids, joint = vectors([*ids, "i000001"], JOINT.dim)
    joint[-1] = vectors(["i000001"], JOINT.dim, version=1)[1][0]
    _open(home).commit(
        items,
        {JOINT.set_id: (joint_ids, joint), VISUAL.set_id: vectors(ids, VISUAL.dim)},
        [Skipped("bad.jpg", "it is truncated")],
    )


def test_commit(started, tmp_path):
    before = {f"i{n:06d}" for n in range(8)}
    after = before - {"i000002"} | {"i000010", "i000011", "i000092"}
    outcomes = set()
    for step, home in killed_before_each_step(_commit, started, tmp_path / "scratch"):
        collection = _open(home)
        done = collection.generation == 4
        outcomes.add(done)
        for again in (False, True):
            if again:
                _commit(home)  # running it again continues
            state = (set(collection.ids()), bool(collection.skipped()), collection.generation > 3)
            assert state == ((after, True, True) if done or again else (before, False, False)), step
            joint = collection.view(JOINT.set_id)
            assert set(joint.item_ids[joint.live]) == state[0], step
            assert misaligned(joint, {"i000001": 1} if done or again else None) == [], step
            assert misaligned(collection.view(VISUAL.set_id)) == [], step
            assert all(collection.thumb_path(item_id).is_file() for item_id in state[0]), step
        assert collection.artifact("graph", JOINT.set_id).arrays["links"].tolist() == list(range(6))
        _sound(collection, step, {"i000001": 1})
        assert [item.item_id for item in collection.trashed_items()] == ["i000002"]
    assert outcomes == {False}  # every step before COMMIT leaves the old state: COMMIT is the last one


def test_the_order_of_a_commit(started, tmp_path):
    """Whole files under their names, and synced, before the transaction that names them begins."""
    steps = steps_of(_commit, started, tmp_path / "scratch")
    begins = max(n for n, step in enumerate(steps) if step == "BEGIN IMMEDIATE")
    for_good = [n for n, step in enumerate(steps) if step in ("write", "os.replace", "os.fsync")]
    assert for_good and max(for_good) < begins
    assert steps[-1] == "COMMIT"
    assert steps.count("os.fsync") == 4  # file and folder, for two segments
    last_write = max(n for n, step in enumerate(steps) if step == "write")
    assert steps[last_write + 1 :].index("os.fsync") < steps[last_write + 1 :].index("os.replace")


def test_merging_segments(started, tmp_path):
    for step, home in killed_before_each_step(lambda h: _open(h).compact(JOINT.set_id), started, tmp_path / "scratch"):
        collection = _open(home)
        seen = collection.view(JOINT.set_id)
        assert len(seen) == 8 and seen.epoch == 0 and misaligned(seen) == [], step
        _sound(collection, step)
        collection.compact(JOINT.set_id)
        assert len(list(_files(collection.vectors_folder / JOINT.set_id))) == 1, step
        _sound(collection, step)


def test_dropping_dead_rows(started, tmp_path):
    collection = _open(started)
    replaced = {f"i{n:06d}": 1 for n in range(4)}
    collection.commit(vectors={JOINT.set_id: vectors(replaced, JOINT.dim, version=1)})
    before = collection.view(JOINT.set_id)
    assert len(before) == 12 and len(before.live) == 8
    _close()
    for step, home in killed_before_each_step(lambda h: _open(h).compact(JOINT.set_id), started, tmp_path / "scratch"):
        seen = _open(home).view(JOINT.set_id)
        assert (len(seen), seen.epoch) in ((12, 0), (8, 1)), step
        assert len(seen.live) == 8 and misaligned(seen, replaced) == [], step
        _open(home).compact(JOINT.set_id)
        assert len(_open(home).view(JOINT.set_id)) == 8, step
        assert misaligned(_open(home).view(JOINT.set_id), replaced) == [], step
        assert _open(home).verify() == []
        _open(home).sweep()
        assert _garbage(_open(home)) == []


def _put_graph(home: Path) -> None:
    _open(home).put_artifact("graph", JOINT.set_id, {"links": np.arange(9)}, {"k": 4}, 9)


def _put_index(home: Path) -> None:
    _open(home).put_artifact_file("graph", JOINT.set_id, lambda path: path.write_bytes(b"index" * 50), {"k": 4}, 9)


@pytest.mark.parametrize("action", [_put_graph, _put_index])
def test_artifacts(started, tmp_path, action):
    for step, home in killed_before_each_step(action, started, tmp_path / "scratch"):
        collection = _open(home)
        path, meta, generation = collection.artifact_path("graph", JOINT.set_id)
        assert (meta, generation) in (({"k": 3}, 3), ({"k": 4}, 9)), step
        assert collection.verify() == [], step
        _sound(collection, step)
        action(home)
        assert collection.artifact_path("graph", JOINT.set_id)[1] == {"k": 4}
        _sound(collection, step)


def _purge(home: Path) -> None:
    _open(home).purge(older_than_days=0)


def test_purge(started, tmp_path):
    collection = _open(started)
    kept = collection.add_original(b"bytes of picture 20", "twenty.jpg")
    collection.commit([new_item(20, path=str(kept))])
    collection.trash_items(["i000004", "i000020"])
    _close()
    for step, home in killed_before_each_step(_purge, started, tmp_path / "scratch"):
        collection = _open(home)
        assert len(collection.trashed_items()) in (0, 2), step
        assert len(collection.ids()) == 7, step
        _sound(collection, step)
        _purge(home)
        assert collection.trashed_items() == [] and collection.has(["i000004", "i000020"]) == set()
        assert list(_files(collection.originals_folder)) == []
        _sound(collection, step)


def test_originals(started, tmp_path):
    def keep(home: Path) -> None:
        _open(home).add_original(b"some bytes", "a picture.jpg")

    for step, home in killed_before_each_step(keep, started, tmp_path / "scratch"):
        keep(home)
        collection = _open(home)
        for left in collection.originals_folder.glob(".incoming-*"):
            os.utime(left, (0, 0))  # a sweep leaves young ones alone: another process may be writing them
        _sound(collection, step)
        assert [path.read_bytes() for path in _files(collection.originals_folder)] == [b"some bytes"], step


def test_uploads(started, tmp_path):
    from PIL import Image

    def keep(home: Path) -> None:
        _open(home).keep_upload(Image.new("RGB", (8, 8), "red"))

    for step, home in killed_before_each_step(keep, started, tmp_path / "scratch"):
        _sound(_open(home), step)
        keep(home)
        _sound(_open(home), step)
        assert len(list(_files(_open(home).uploads_folder))) == 1, step


def test_making_a_collection(started, tmp_path):
    for step, home in killed_before_each_step(lambda h: Collection.create("More", h), started, tmp_path / "scratch"):
        names = sorted(info.name for info in list_collections(home))
        assert names in (["Pictures"], ["More", "Pictures"]), step
        assert all(info.problem == "" for info in list_collections(home)), step
        made = Collection.create("More still", home)
        add_to = [made] + ([Collection.open("More", home)] if "More" in names else [])
        for collection in add_to:
            collection.add_set(JOINT)
            collection.add_set(VISUAL)
            add(collection, range(2))
            assert collection.verify() == [], step
        assert not list(home.glob(".new-*")), step


def test_trash_and_restore_of_a_collection(started, tmp_path):
    def there_and_back(home: Path) -> None:
        _open(home).trash()
        restore_collection("pictures", home)

    for step, home in killed_before_each_step(there_and_back, started, tmp_path / "scratch"):
        there, away = list_collections(home), trashed_collections(home)
        assert len(there) + len(away) == 1, step
        collection = _open(home) if there else restore_collection(away[0].key, home)
        assert len(collection) == 8 and collection.key == "pictures", step
        _sound(collection, step)


def test_repair(started, tmp_path):
    collection = _open(started)
    segment = collection.segment_path(JOINT.set_id, 2)
    segment.write_bytes(segment.read_bytes()[:-5])
    _close()
    for step, home in killed_before_each_step(lambda h: _open(h).repair(), started, tmp_path / "scratch"):
        collection = _open(home)
        collection.repair()
        assert collection.vectorless(JOINT.set_id) == ["i000003", "i000004", "i000005"], step
        _sound(collection, step)


def test_small_writes_happen_wholly_or_not_at_all(started, tmp_path):
    """Tags, captions, metadata, saved queries, trash of items: one transaction each."""
    query = Query((Term("text", "red"),))

    def write(home: Path) -> None:
        collection = _open(home)
        collection.tag(["i000000", "i000001"], "good", "me")
        collection.update_metadata([("i000000", ["new words"], {"new": 1}), ("i000001", ["more words"], {"new": 2})])
        collection.save_queries([SavedQuery(query.query_id, "red", query), SavedQuery("q2", "blue", query)], "mine")
        collection.trash_items(["i000005", "i000006"])

    for step, home in killed_before_each_step(write, started, tmp_path / "scratch"):
        collection = _open(home)
        assert collection.tags() in ([], [("good", 2)]), step
        found = collection.select("SELECT count(*) FROM text_fts WHERE text_fts MATCH 'caption:words'")[0][0]
        assert (found, len(collection.columns())) in ((0, 2), (2, 3)), step
        assert collection.query_sets() in ([], [("mine", 2)]), step
        assert len(collection.ids()) in (8, 6), step
        assert len(collection.view(JOINT.set_id).live) == len(collection.ids()), step
        _sound(collection, step)
