"""Readers while segments are added, and many writers at once: threads and processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from core.store import Collection, VectorView, view
from core.types import Judgment
from tests.store.material import JOINT, VISUAL, add, misaligned, new_item, vectors

BATCH = 5
ROUNDS = 24
PROJECT = Path(__file__).resolve().parents[2]


def _whole(seen: VectorView, collection: Collection) -> None:
    """A snapshot is of whole commits, every vector is its item's, and every live item can be shown."""
    assert len(seen.live) % BATCH == 0
    assert misaligned(seen) == []
    ids = [str(i) for i in seen.item_ids[seen.live][-BATCH:]]
    assert [item.item_id for item in collection.items(ids)] == ids


def _write(collection: Collection) -> None:
    for n in range(ROUNDS):
        add(collection, range(n * BATCH, (n + 1) * BATCH))
        if n % 6 == 5:
            collection.compact(JOINT.set_id)
        if n == ROUNDS // 2:  # replaced by the same vectors: many dead rows, so the next merge starts a new epoch
            ids = collection.ids()
            collection.commit(vectors={JOINT.set_id: vectors(ids, JOINT.dim)})


def test_threads_read_while_segments_are_added(collection):
    stop, errors, seen_sizes = threading.Event(), [], set()

    def read() -> None:
        try:
            generation = 0
            while not stop.is_set():
                seen = Collection(collection.path).view(JOINT.set_id)
                assert seen.generation >= generation
                generation = seen.generation
                _whole(seen, collection)
                seen_sizes.add(len(seen.live))
        except BaseException as error:
            errors.append(error)
            raise

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        _write(collection)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert errors == []
    assert len(seen_sizes) > 2
    assert len(collection.view(JOINT.set_id).live) == BATCH * ROUNDS
    assert collection.verify() == []


def test_a_process_reads_while_segments_are_added(collection, tmp_path):
    script = f"""
import sys, time
from pathlib import Path
from core.store import Collection
from tests.store.test_concurrency import _whole
collection = Collection(Path({str(collection.path)!r}))
sizes, stop = set(), Path({str(tmp_path / "stop")!r})
print("ready", flush=True)
while not stop.exists():
    seen = collection.view({JOINT.set_id!r})
    _whole(seen, collection)
    sizes.add(len(seen.live))
print(max(sizes), len(sizes), flush=True)
"""
    reader = subprocess.Popen(
        [sys.executable, "-c", script], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert reader.stdout.readline().strip() == "ready"
    _write(collection)
    (tmp_path / "stop").touch()
    said, wrong = reader.communicate(timeout=120)
    assert reader.returncode == 0, wrong
    assert int(said.split()[1]) >= 2, "the reader saw the collection grow"


def test_twenty_threads_judging_lose_nothing(collection):
    def judge(n: int) -> list[int]:
        own = Collection(collection.path)
        return [own.judgments.add(Judgment(f"q{k}", f"i{n}", k % 4, f"judge {n}")) for k in range(15)]

    with ThreadPoolExecutor(20) as pool:
        rows = [row for made in pool.map(judge, range(20)) for row in made]
    kept = collection.judgments.all()
    assert len(kept) == len(set(rows)) == 300
    assert {(j.query_id, j.item_id, j.grade, j.judge) for j in kept} == {
        (f"q{k}", f"i{n}", k % 4, f"judge {n}") for n in range(20) for k in range(15)
    }


def test_two_processes_judging_lose_nothing(collection):
    script = f"""
import sys
from pathlib import Path
from core.store import Collection
from core.types import Judgment
for n in range(100):
    Collection(Path({str(collection.path)!r})).judgments.add(Judgment("q", f"i{{n}}", 1, sys.argv[1]))
"""
    writers = [subprocess.Popen([sys.executable, "-c", script, f"judge {n}"], cwd=PROJECT) for n in range(2)]
    for n in range(50):
        collection.judgments.add(Judgment("q", f"i{n}", 2, "here"))
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    assert len(collection.judgments.all("q")) == 250


def test_threads_that_commit_tag_and_trash_at_once(collection):
    add(collection, range(1000, 1020))

    def work(n: int) -> None:
        own = Collection(collection.path)
        add(own, range(n * 10, n * 10 + 10))
        own.tag([f"i{1000 + n:06d}"], "tagged", f"person {n}")
        own.trash_items([f"i{n * 10:06d}"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(collection) == 20 + 8 * 9 and len(collection.trashed_items()) == 8
    assert dict(collection.tags()) == {"tagged": 8}
    seen = collection.view(JOINT.set_id)
    assert misaligned(seen) == [] and misaligned(collection.view(VISUAL.set_id)) == []
    assert set(seen.item_ids[seen.live]) == set(collection.ids())
    assert collection.verify() == [] and collection.sweep() == []


def test_a_sweep_during_commits_takes_nothing_away(collection):
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            Collection(collection.path).sweep()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for n in range(15):
            add(collection, range(n * 3, n * 3 + 3))
            collection.put_artifact("graph", JOINT.set_id, {"a": np.arange(n + 1)}, {}, n)
    finally:
        stop.set()
        sweeper.join()
    assert collection.verify() == [] and len(collection.view(JOINT.set_id)) == 45


def test_an_old_view_stays_what_it_was(collection):
    add(collection, range(4))
    old = collection.view(JOINT.set_id)
    ids, matrix, alive = old.item_ids.copy(), old.matrix.copy(), old.alive.copy()
    for n in range(1, 30):
        add(collection, range(n * 4, n * 4 + 4))
        collection.view(JOINT.set_id)
    collection.trash_items(["i000001"])
    collection.commit(vectors={JOINT.set_id: vectors(["i000002"], JOINT.dim, version=1)})
    new = collection.view(JOINT.set_id)
    assert np.array_equal(old.item_ids, ids) and np.array_equal(old.matrix, matrix) and np.array_equal(old.alive, alive)
    assert old.position("i000001") == 1 and new.position("i000001") is None
    assert old.position("i000002") == 2 and new.position("i000002") == 120
    assert old.position("i000050") is None


def test_a_reader_finds_the_merged_segment_when_the_old_ones_go_between_list_and_file(collection, monkeypatch):
    for n in range(3):
        add(collection, range(n * 2, n * 2 + 2))
    real, merged = view.segments_of, []

    def list_then_merge(connection, set_id):
        found = real(connection, set_id)
        if not merged:
            merged.append(True)
            thread = threading.Thread(target=lambda: Collection(collection.path).compact(set_id))
            thread.start()
            thread.join()
        return found

    monkeypatch.setattr(view, "segments_of", list_then_merge)
    seen = collection.view(JOINT.set_id)
    assert len(seen) == 6 and misaligned(seen) == []


def test_the_same_object_while_nothing_changes(collection):
    add(collection, range(2))
    first = collection.view()
    assert collection.view() is first and Collection(collection.path).view(JOINT.set_id) is first
    collection.tag(["i000000"], "t")
    assert collection.view() is first, "a tag is not a change of vectors"
    collection.commit([new_item(5)])
    later = collection.view()
    assert later.generation == first.generation + 1 and later.changed == first.changed
    assert later.matrix is first.matrix


def test_only_new_segments_are_read(collection, monkeypatch):
    add(collection, range(3))
    collection.view(JOINT.set_id)
    read = []
    real = view.read_segment
    monkeypatch.setattr(
        view, "read_segment", lambda path, segment, out: read.append(segment.seq) or real(path, segment, out)
    )
    add(collection, range(3, 6))
    assert len(collection.view(JOINT.set_id)) == 6
    assert read == [2]
