"""Ingest from every kind of source, and again: only what is new, moved files known, changed ones superseded, an account of all."""

from __future__ import annotations

import os
import shutil
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.errors import Cancelled, InputError, LoupeError
from core.jobs import Queue
from core.jobs.pipelines import committing, reading
from core.jobs.pipelines.indexing import batch_size
from core.jobs.progress import HandOver, Progress
from core.jobs.worker import do
from core.store import Collection, list_collections, trashed_collections
from tests.fakes import make_images

pytestmark = pytest.mark.usefixtures("fake", "no_worker")


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    make_images(folder, 12)
    return folder


@pytest.fixture
def collection():
    return Collection.create("c")


def ingest(collection, source, **args):
    """Queue an ingest job and do it here; its result."""
    queue = Queue()
    queue.add("ingest", collection.key, {"source": str(source), "encoder": "fake", **args})
    job = do(queue, queue.claim(os.getpid()), reraise=True)
    return dict(job.result)


def counts(result):
    return {name: result[name] for name in ("indexed", "added", "updated", "unchanged", "missing")}


def file_of(collection):
    return {item.file: item.item_id for item in collection.items(collection.ids())}


# ---------------------------------------------------------------- first time


def test_a_folder(collection, pictures):
    result = ingest(collection, pictures)
    assert counts(result) == {"indexed": 12, "added": 12, "updated": 0, "unchanged": 0, "missing": 0}
    assert (result["collection"], result["encoder"], result["duplicates"], result["skipped"]) == ("c", "fake", [], [])
    assert [s.space for s in collection.sets()] == ["joint", "visual"]
    assert collection.set().space == "joint"
    view = collection.view()
    assert len(view.live) == 12
    item = collection.item(file_of(collection)["0000-red-circle.png"])
    assert (item.width, item.height) == (64, 64)
    assert item.n_k is not None
    assert collection.thumb_path(item.item_id).is_file()
    assert collection.original_path(item.item_id) == pictures / "0000-red-circle.png"


def test_both_spaces_are_filled_in_step(collection, pictures, fake, monkeypatch):
    """At no commit is an image in one space and not in the other, so what images are compared by never flickers."""
    seen = []
    commit = Collection.commit

    def watched(self, *args, **more):
        done = commit(self, *args, **more)
        if len(self.sets()) == 2:
            seen.append([{str(i) for i in self.view(s.set_id).item_ids} for s in self.sets()])
        return done

    monkeypatch.setattr(Collection, "commit", watched)
    ingest(collection, pictures)
    assert seen and all(joint == visual for joint, visual in seen) and len(seen[-1][0]) == 12
    joint, visual = collection.sets()
    assert collection.lacking(visual.set_id, joint.set_id) == 0
    view = collection.view(visual.set_id)
    for file, item_id in file_of(collection).items():
        expected = fake.encode_visual([pictures / file])
        np.testing.assert_allclose(view.rows(view.positions([item_id])), expected, atol=2e-3)


def test_vectors_are_those_the_encoder_makes_of_each_file(collection, pictures, fake):
    (pictures / "0003.png").write_text("no picture")
    ingest(collection, pictures)
    for file, item_id in file_of(collection).items():
        row = collection.view().rows([collection.view().position(item_id)])[0]
        np.testing.assert_allclose(row, fake.encode_images([pictures / file])[0], atol=2e-3)


def test_bad_files_are_named_and_shift_nobody(collection, pictures):
    (pictures / "0001-note.jpg").write_text("this is no picture")
    whole = (pictures / "0002-blue-circle.png").read_bytes()
    (pictures / "0002-cut.png").write_bytes(whole[: len(whole) // 2])
    result = ingest(collection, pictures)
    assert counts(result)["added"] == 12
    assert sorted(s["file"] for s in result["skipped"]) == ["0001-note.jpg", "0002-cut.png"]
    assert all(s["reason"] for s in result["skipped"])
    assert {s.file for s in collection.skipped()} == {"0001-note.jpg", "0002-cut.png"}


def test_identical_bytes_are_reported_and_indexed_once(collection, pictures):
    (pictures / "sub").mkdir()
    shutil.copy(pictures / "0000-red-circle.png", pictures / "sub" / "again.png")
    result = ingest(collection, pictures)
    assert counts(result)["indexed"] == 12
    assert result["duplicates"] == [{"file": "sub/again.png", "same_as": "0000-red-circle.png"}]
    item_id = file_of(collection)["0000-red-circle.png"]
    assert len(collection.sources_of(item_id)) == 2
    # They are the same the second time, and still one item.
    again = ingest(collection, pictures)
    assert again["duplicates"] == result["duplicates"]
    assert counts(again) == {"indexed": 12, "added": 0, "updated": 0, "unchanged": 12, "missing": 0}


def test_a_copy_that_comes_first_is_one_duplicate(collection, pictures):
    ingest(collection, pictures)
    (original,) = (path.name for path in pictures.glob("0003*"))
    shutil.copy(pictures / original, pictures / "0000-a-copy.png")
    result = ingest(collection, pictures)
    assert counts(result) == {"indexed": 12, "added": 0, "updated": 0, "unchanged": 12, "missing": 0}
    assert result["duplicates"] == [{"file": original, "same_as": "0000-a-copy.png"}]


def test_the_same_pictures_at_another_place_are_there_already(collection, pictures, tmp_path):
    ingest(collection, pictures)
    shutil.copytree(pictures, tmp_path / "copy")
    for again in (False, True):
        result = ingest(collection, tmp_path / "copy")
        assert counts(result) == {"indexed": 12, "added": 0, "updated": 0, "unchanged": 12, "missing": 0}
        assert len(result["duplicates"]) == (0 if again else 12)


def test_the_home_of_collections_is_not_looked_into(collection, pictures, home):
    ingest(collection, pictures)
    (home.parent / "beside.png").write_bytes(next(pictures.glob("0001*")).read_bytes())
    assert any(home.rglob("*.jpg"))  # thumbnails
    result = ingest(collection, home.parent)
    assert counts(result)["added"] == 0
    assert not [s for s in (*result["skipped"], *result["duplicates"]) if s["file"].startswith(home.name + "/")]


def test_what_is_gone_is_missing_also_when_nothing_is_left(collection, pictures):
    (table := pictures / "table.csv").write_text("file\n" + "".join(f"{p.name}\n" for p in sorted(pictures.glob("*.png"))))
    ingest(collection, table)
    files = sorted(pictures.glob("*.png"))
    files[0].unlink()
    result = ingest(collection, table)
    assert counts(result) == {"indexed": 11, "added": 0, "updated": 0, "unchanged": 11, "missing": 1}
    for file in files[1:]:
        file.unlink()
    with pytest.raises(InputError, match="There are no images"):
        ingest(collection, pictures)
    assert {item.status for item in collection.items(collection.ids())} == {"missing"}


def test_pictures_in_the_trash_are_said_to_be_there(collection, pictures):
    ingest(collection, pictures)
    collection.trash_items(collection.ids())
    with pytest.raises(InputError, match="All of the 12 images .* are in the collection's trash"):
        ingest(collection, pictures)


def test_a_collection_made_for_nothing_leaves_no_trash(collection, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError):
        ingest(collection, tmp_path / "empty", made=True)
    assert list_collections() == trashed_collections() == ()


def test_a_collection_another_job_waits_for_stays(collection, tmp_path):
    (tmp_path / "empty").mkdir()
    Queue().add("refresh", collection.key, {})
    with pytest.raises(InputError):
        ingest(collection, tmp_path / "empty", made=True)
    assert [info.key for info in list_collections()] == ["c"]


def test_a_job_that_is_handed_over_keeps_its_empty_collection(collection, pictures, monkeypatch):
    from core.jobs.pipelines import ingest as pipeline

    def hand_over(*_, **__):
        raise HandOver

    monkeypatch.setattr(pipeline, "scan", hand_over)
    queue = Queue()
    queue.add("ingest", collection.key, {"source": str(pictures), "encoder": "fake", "made": True})
    assert do(queue, queue.claim(os.getpid())).state == "queued"
    assert [info.key for info in list_collections()] == ["c"]


def test_one_picture(collection, pictures):
    assert counts(ingest(collection, pictures / "0004-purple-circle.png"))["added"] == 1
    # The others of its folder are not missing because one of them was asked for.
    ingest(collection, pictures)
    assert counts(ingest(collection, pictures / "0004-purple-circle.png"))["missing"] == 0


def test_a_table_with_captions_metadata_and_ids(collection, pictures):
    (pictures / "t.csv").write_text(
        "id,file,caption,price\nred-1,0000-red-circle.png,a red dot,3\ngreen,0001-green-circle.png,a green dot,4\nx,nowhere.png,none,5\n"
    )
    result = ingest(collection, pictures / "t.csv")
    assert counts(result)["added"] == 2
    item = collection.item("red-1")
    assert item.captions == ("a red dot",)
    assert item.meta["price"] == 3
    assert [c.name for c in collection.columns()] == ["price"]
    assert len(result["unmatched_rows"]) == 1
    assert result["unmatched_rows"][0]["file"] == "nowhere.png"


def test_of_identical_files_the_first_row_says_what_the_item_is_also_again(collection, pictures):
    shutil.copy(pictures / "0000-red-circle.png", pictures / "copy.png")
    table = pictures / "table.csv"
    table.write_text("file,caption,price,note\n0000-red-circle.png,first,1,\ncopy.png,second,2,only here\n")
    assert counts(ingest(collection, table)) == {"indexed": 1, "added": 1, "updated": 0, "unchanged": 0, "missing": 0}
    item = collection.item(file_of(collection)["0000-red-circle.png"])
    assert (dict(item.meta), item.captions) == ({"price": 1, "note": "only here"}, ("first", "second"))
    assert counts(ingest(collection, table)) == {"indexed": 1, "added": 0, "updated": 0, "unchanged": 1, "missing": 0}
    assert collection.item(item.item_id).meta == item.meta


@pytest.mark.parametrize("column", ["file", "id"])
def test_a_table_alone_only_adds_words_to_a_collection_that_is_there(collection, pictures, tmp_path, column):
    ingest(collection, pictures)
    item_id = file_of(collection)["0000-red-circle.png"]
    wanted = {"file": "0000-red-circle.png", "id": item_id}[column]
    table = tmp_path / "more.csv"
    table.write_text(f"{column},caption,price\n{wanted},a circle,2\nnobody,x,3\n")
    result = ingest(collection, table)
    assert counts(result) == {"indexed": 1, "added": 0, "updated": 1, "unchanged": 0, "missing": 0}
    assert [row["file"] for row in result["unmatched_rows"]] == ["nobody"]
    assert len(result["unmatched_files"]) == 11
    assert (collection.item(item_id).captions, dict(collection.item(item_id).meta)) == (("a circle",), {"price": 2})
    assert collection.skipped() == ()
    table.write_text(f"{column},price\nnobody,3\n")
    with pytest.raises(InputError, match="None of the 1 rows of more.csv is an image of c or a file beside the table"):
        ingest(collection, table)


def test_captions_beside_a_folder_are_matched_both_ways(collection, pictures, tmp_path):
    table = tmp_path / "captions.csv"
    table.write_text("file,caption\n0000-red-circle.png,one\n0000-red-circle.png,two\nother.png,three\n")
    result = ingest(collection, pictures, captions=str(table))
    assert collection.item(file_of(collection)["0000-red-circle.png"]).captions == ("one", "two")
    assert [row["file"] for row in result["unmatched_rows"]] == ["other.png"]
    assert len(result["unmatched_files"]) == 11


def test_a_zip_is_kept_in_the_collection(collection, pictures, tmp_path):
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for picture in sorted(pictures.iterdir()):
            archive.write(picture, f"in/{picture.name}")
        archive.writestr("in/readme.txt", "hello")
    result = ingest(collection, path)
    assert counts(result)["added"] == 12
    assert [s["file"] for s in result["skipped"]] == ["in/readme.txt"]
    item_id = file_of(collection)["in/0000-red-circle.png"]
    original = collection.original_path(item_id)
    assert original.read_bytes() == (pictures / "0000-red-circle.png").read_bytes()
    assert original.is_relative_to(collection.originals_folder)
    assert not list((collection.home / ".spool").iterdir())
    assert collection.sweep() == []

    before = os.stat(original).st_mtime_ns
    assert counts(ingest(collection, path)) == {"indexed": 12, "added": 0, "updated": 0, "unchanged": 12, "missing": 0}
    assert os.stat(original).st_mtime_ns == before


def test_uploads_are_moved_out_of_the_spool(collection, pictures):
    names = sorted(p.name for p in pictures.iterdir())
    result = ingest(collection, pictures, keep=True)
    assert counts(result)["added"] == 12
    assert not pictures.exists() or not list(pictures.rglob("*.png"))
    assert sorted(file_of(collection)) == names
    for item_id in collection.ids():
        assert collection.original_path(item_id).is_relative_to(collection.originals_folder)
    assert collection.sweep() == []


def test_uploads_that_were_skipped_stay_to_be_tried_again(collection, pictures):
    whole = next(pictures.glob("*.png")).read_bytes()
    (pictures / "zz.png").write_bytes(whole[: len(whole) // 2])
    assert [s["file"] for s in ingest(collection, pictures, keep=True)["skipped"]] == ["zz.png"]
    assert [path.name for path in pictures.rglob("*.png")] == ["zz.png"]
    with pytest.raises(InputError, match="^Nothing in what was uploaded could be indexed"):
        ingest(collection, pictures, keep=True)
    make_images(pictures.parent / "new", 13)[12].replace(pictures / "zz.png")
    assert counts(ingest(collection, pictures, keep=True))["added"] == 1
    assert [skipped.file for skipped in collection.skipped()] == []


# ---------------------------------------------------------------- again


def test_again_reads_nothing_and_adds_what_is_new(collection, pictures, monkeypatch):
    ingest(collection, pictures)
    generation = collection.generation
    new = make_images(pictures.parent / "more", 14)[12:]
    for path in new:
        shutil.copy(path, pictures)
    read, real = [], reading.load
    monkeypatch.setattr(reading, "load", lambda path, px: read.append(path.name) or real(path, px))
    result = ingest(collection, pictures)
    assert counts(result) == {"indexed": 14, "added": 2, "updated": 0, "unchanged": 12, "missing": 0}
    assert sorted(read) == sorted(path.name for path in new)
    assert collection.generation > generation


def test_a_moved_file_keeps_its_id_and_its_tags_and_is_not_decoded(collection, pictures, monkeypatch):
    ingest(collection, pictures)
    item_id = file_of(collection)["0000-red-circle.png"]
    collection.tag([item_id], "mine")
    (pictures / "sub").mkdir()
    os.rename(pictures / "0000-red-circle.png", pictures / "sub" / "renamed.png")
    monkeypatch.setattr(reading, "load", lambda *_: pytest.fail("it was decoded"))
    result = ingest(collection, pictures)
    assert counts(result) == {"indexed": 12, "added": 0, "updated": 0, "unchanged": 12, "missing": 0}
    assert result["duplicates"] == []
    item = collection.item(item_id)
    assert (item.status, item.tags) == ("ok", ("mine",))
    assert collection.original_path(item_id) == pictures / "sub" / "renamed.png"
    assert item.file == "sub/renamed.png"
    assert collection.select("SELECT item_id FROM text_fts WHERE text_fts MATCH 'renamed'") == [(item_id,)]


def test_a_copy_that_stays_where_the_first_was_lost_gives_its_name(collection, pictures):
    shutil.copy(pictures / "0000-red-circle.png", pictures / "z-copy.png")
    ingest(collection, pictures)
    item_id = file_of(collection)["0000-red-circle.png"]
    os.unlink(pictures / "0000-red-circle.png")
    assert counts(ingest(collection, pictures)) == {"indexed": 12, "added": 0, "updated": 0, "unchanged": 12, "missing": 0}
    assert (collection.item(item_id).file, collection.item(item_id).status) == ("z-copy.png", "ok")


def test_changed_bytes_are_a_new_item_that_supersedes_the_old(collection, pictures):
    ingest(collection, pictures)
    old = file_of(collection)["0000-red-circle.png"]
    Image.new("RGB", (40, 30), (30, 160, 50)).save(pictures / "0000-red-circle.png")
    result = ingest(collection, pictures)
    assert counts(result) == {"indexed": 12, "added": 0, "updated": 1, "unchanged": 11, "missing": 0}
    new = file_of(collection)["0000-red-circle.png"]
    assert new != old
    assert collection.select("SELECT supersedes FROM items WHERE item_id = ?", (new,)) == [(old,)]
    assert collection.item(old).status == "trashed"
    assert collection.view().position(old) is None


def test_a_file_that_was_only_touched_is_unchanged(collection, pictures):
    ingest(collection, pictures)
    os.utime(pictures / "0000-red-circle.png", (1, 1))
    result = ingest(collection, pictures)
    assert counts(result) == {"indexed": 12, "added": 0, "updated": 0, "unchanged": 12, "missing": 0}
    assert result["duplicates"] == []


def test_a_file_that_is_gone_is_missing_and_comes_back(collection, pictures):
    ingest(collection, pictures)
    item_id = file_of(collection)["0000-red-circle.png"]
    aside = pictures.parent / "aside.png"
    os.rename(pictures / "0000-red-circle.png", aside)
    result = ingest(collection, pictures)
    assert counts(result) == {"indexed": 11, "added": 0, "updated": 0, "unchanged": 11, "missing": 1}
    assert collection.item(item_id).status == "missing"
    assert collection.view().position(item_id) is not None  # it is still found, by its thumbnail
    os.rename(aside, pictures / "0000-red-circle.png")
    assert counts(ingest(collection, pictures))["missing"] == 0
    assert collection.item(item_id).status == "ok"


def test_items_in_the_trash_stay_there(collection, pictures):
    ingest(collection, pictures)
    item_id = file_of(collection)["0000-red-circle.png"]
    collection.trash_items([item_id])
    assert counts(ingest(collection, pictures))["indexed"] == 11
    assert collection.item(item_id).status == "trashed"


def test_new_captions_reach_items_that_are_there(collection, pictures, tmp_path):
    ingest(collection, pictures)
    table = tmp_path / "captions.csv"
    table.write_text("file,caption,price\n0000-red-circle.png,red,2\n0001-green-circle.png,green,3\n")
    result = ingest(collection, pictures, captions=str(table))
    assert counts(result) == {"indexed": 12, "added": 0, "updated": 2, "unchanged": 10, "missing": 0}
    assert collection.item(file_of(collection)["0000-red-circle.png"]).captions == ("red",)
    assert counts(ingest(collection, pictures, captions=str(table)))["updated"] == 0


def test_another_encoder_adds_a_vector_set(collection, pictures, monkeypatch):
    import core.encode
    from tests.fakes import FakeEncoder

    ingest(collection, pictures)

    class Other(FakeEncoder):
        name = "other"
        fingerprint = "0ther00000000001"
        spaces = {"joint": 16}

        def encode_prepared(self, batch):
            return {"joint": super().encode_prepared(batch)["joint"]}

    monkeypatch.setitem(core.encode._loaded, "other", Other())
    result = ingest(collection, pictures, encoder="other")
    assert counts(result) == {"indexed": 12, "added": 0, "updated": 12, "unchanged": 0, "missing": 0}
    assert {s.encoder for s in collection.sets()} == {"fake", "other"}
    assert collection.set().encoder == "other"
    assert len(collection.view().live) == 12
    assert len(collection) == 12


def test_a_lost_vector_and_a_lost_thumbnail_are_made_again(collection, pictures):
    ingest(collection, pictures)
    item_id = file_of(collection)["0000-red-circle.png"]
    collection.thumb_path(item_id).unlink()
    collection.repair()
    assert collection.thumbless() == [item_id]
    assert counts(ingest(collection, pictures))["updated"] == 1
    assert collection.thumb_path(item_id).is_file()
    assert collection.verify() == []


# ---------------------------------------------------------------- nothing, errors, cancelling


def test_nothing_to_index_is_an_error_with_the_account(collection, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(InputError, match="no images in"):
        ingest(collection, folder)
    (folder / "a.jpg").write_text("no picture")
    with pytest.raises(InputError, match="1 of 1 files were skipped, the first is a.jpg"):
        ingest(collection, folder)
    job = Queue().jobs()[0]
    assert job.state == "failed"
    assert job.result["indexed"] == 0
    assert [s["file"] for s in job.result["skipped"]] == ["a.jpg"]


def test_a_collection_made_for_nothing_goes_away(tmp_path):
    made = Collection.create("for nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError):
        ingest(made, tmp_path / "empty", made=True)
    assert not made.path.exists()


def test_an_encoder_that_is_not_there(collection, pictures):
    with pytest.raises(LoupeError, match="no encoder 'nonsense'"):
        ingest(collection, pictures, encoder="nonsense")


def test_what_was_encoded_before_a_cancellation_stays(collection, tmp_path, fake, monkeypatch):
    folder = tmp_path / "many"
    make_images(folder, 60)
    queue = Queue()
    job = queue.add("ingest", collection.key, {"source": str(folder), "encoder": "fake"})
    seen = []

    def encode(batch):
        seen.append(len(batch))
        if len(seen) == 2:
            queue.cancel(job.job_id)
            while not progresses[-1].cancelled():
                time.sleep(0.01)
        return type(fake).encode_prepared(fake, batch)

    progresses = []
    real = Progress.__enter__
    monkeypatch.setattr(Progress, "__enter__", lambda self: progresses.append(self) or real(self))

    monkeypatch.setattr(fake, "encode_prepared", encode, raising=False)
    with pytest.raises(Cancelled):
        do(queue, queue.claim(1), reraise=True)
    assert queue.get(job.job_id).state == "cancelled"
    # ... and gets its neighbours and its map, without which Hubs and Map would wait for ever.
    assert [waiting.kind for waiting in queue.jobs(collection.key, live=True)] == ["refresh"]
    assert len(collection) >= 32
    assert len(collection.view().live) == len(collection)


def test_an_image_the_encoder_makes_nothing_of_is_skipped(collection, pictures, fake, monkeypatch):
    def encode(batch):
        made = type(fake).encode_prepared(fake, batch)
        made["joint"][3] = np.nan
        return made

    monkeypatch.setattr(fake, "encode_prepared", encode, raising=False)
    result = ingest(collection, pictures)
    assert counts(result)["added"] == 11
    assert [s["file"] for s in result["skipped"]] == ["0003-yellow-circle.png"]


def test_a_full_disk_is_said_and_stops_the_job(collection, pictures, monkeypatch):
    monkeypatch.setattr(
        Collection, "commit", lambda *_, **__: (_ for _ in ()).throw(LoupeError("the disk is full; make room"))
    )
    monkeypatch.setattr(committing, "FIRST_AFTER_S", 0.0)
    with pytest.raises(LoupeError, match="the disk is full"):
        ingest(collection, pictures)


# ---------------------------------------------------------------- vectors brought along


def test_brought_vectors_by_file_name_have_no_words(collection, pictures, tmp_path):
    rng = np.random.default_rng(0)
    names = sorted(p.name for p in pictures.iterdir())
    np.save(tmp_path / "v.npy", rng.normal(size=(12, 5)).astype(np.float32))
    (tmp_path / "v.ids.txt").write_text("\n".join([*names[:11], "stranger.png"]))
    result = ingest(collection, pictures, encoder="none", vectors=str(tmp_path / "v.npy"))
    assert counts(result)["added"] == 12
    assert len(collection.view().live) == 11
    said = {row["file"]: row["reason"] for row in result["unmatched_rows"]}
    assert "no item of this id or file name" in said["stranger.png"]
    assert "no vector in v.npy" in said[names[11]]
    assert not collection.set().has_text


def test_brought_vectors_that_fit_no_image_leave_nothing_behind(pictures, tmp_path):
    np.save(tmp_path / "x.npy", np.eye(2, 8, dtype=np.float32))
    (tmp_path / "x.ids.txt").write_text("one\ntwo\n")
    made = Collection.create("v")
    with pytest.raises(InputError, match="None of the 2 ids in x.npy .* 'one', and the items are called like '0000-red-circle"):
        ingest(made, pictures, encoder="none", vectors=str(tmp_path / "x.npy"), made=True)
    assert list_collections() == ()
    (tmp_path / "x.ids.txt").write_text("one\nelsewhere/0000-red-circle.png\n")
    made = Collection.create("v")
    assert ingest(made, pictures, encoder="none", vectors=str(tmp_path / "x.npy"), made=True)["indexed"] == 12
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="There are no images in"):
        ingest(made, empty, encoder="none", vectors=str(tmp_path / "x.npy"))


def test_brought_vectors_of_a_named_encoder_must_have_its_width(collection, pictures, tmp_path):
    names = sorted(p.name for p in pictures.iterdir())
    (tmp_path / "v.ids.txt").write_text("\n".join(names))
    np.save(tmp_path / "v.npy", np.ones((12, 5), np.float32))
    with pytest.raises(InputError, match=r"5 dimensions and the encoder fake makes 16"):
        ingest(collection, pictures, vectors=str(tmp_path / "v.npy"))
    np.save(tmp_path / "v.npy", np.ones((12, 16), np.float32))
    ingest(collection, pictures, vectors=str(tmp_path / "v.npy"))
    assert collection.set().has_text
    assert collection.set().encoder == "fake"


@pytest.mark.parametrize("seconds, images", [(0.01, 16), (0.125, 16), (0.2, 8), (0.5, 8), (0.6, 3), (1.0, 2), (5.0, 1)])
def test_slow_models_get_small_batches(seconds, images):
    assert batch_size(seconds) == images
