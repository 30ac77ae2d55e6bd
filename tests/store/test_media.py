"""Thumbnails, kept originals, images used as queries, derived files, saved queries, judgments, the log."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageError, InputError, NotFound
from core.store import Collection, media
from core.store.queries import as_text, from_text
from core.types import Judgment, Query, SavedQuery, Term, TextMatch
from tests.store.material import JOINT, add, new_item


def _bytes(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# ---------------------------------------------------------------- thumbnails and originals


def test_thumbnails(collection):
    add(collection, range(2))
    assert collection.thumb_path("i000001").read_bytes() == new_item(1).thumbnail
    for item_id in ("nobody", "../../collection", ""):
        with pytest.raises(NotFound):
            collection.thumb_path(item_id)


def test_originals_move_with_the_home(collection, home, tmp_path):
    kept = collection.add_original(b"bytes", "picture.jpg")
    collection.commit([new_item(1, path=str(kept))])
    assert collection.original_path("i000001") == kept
    assert collection.known_sources() == {str(kept): ("i000001", 1001, 10**18 + 1)}
    collection.trash()
    home.rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / ".trash").joinpath(*_only(tmp_path / "elsewhere" / ".trash")).rename(
        tmp_path / "elsewhere" / "pictures"
    )
    moved = Collection.open("Pictures", tmp_path / "elsewhere")
    assert moved.original_path("i000001").read_bytes() == b"bytes"
    assert list(moved.known_sources()) == [str(moved.originals_folder / "picture.jpg")]


def _only(folder):
    (name,) = [path.name for path in folder.iterdir()]
    return (name,)


def test_a_lost_original_is_none_and_another_source_serves(collection, tmp_path):
    first, second = tmp_path / "1.jpg", tmp_path / "2.jpg"
    first.write_bytes(b"x"), second.write_bytes(b"x")
    collection.commit([new_item(1, path=str(first)), new_item(1, path=str(second))])
    first.unlink()
    assert collection.original_path("i000001") == second
    second.unlink()
    assert collection.original_path("i000001") is None


def test_names_of_originals(collection, tmp_path):
    folder = collection.originals_folder
    assert collection.add_original(b"1", "a.jpg") == collection.add_original(b"1", "a.jpg") == folder / "a.jpg"
    assert collection.add_original(b"2", "a.jpg") == folder / "a-2.jpg"
    assert (
        collection.add_original(b"2", "A.JPG").name == "A-2.JPG"
        or collection.add_original(b"2", "A.JPG").parent == folder
    )
    for name in (
        "../../evil.jpg",
        "..\\evil.jpg",
        "/etc/passwd",
        "",
        "...",
        "a\0b.jpg",
        "ü" * 300 + ".jpg",
        ".incoming-x",
    ):
        path = collection.add_original(name.encode() + b"!", name)
        assert path.parent == folder and not path.name.startswith(".") and len(path.name.encode()) <= 200
        assert path.read_bytes() == name.encode() + b"!"
    (tmp_path / "big.zip").write_bytes(b"z" * 1000)
    assert collection.add_original(tmp_path / "big.zip", "big.zip").stat().st_size == 1000
    assert (tmp_path / "big.zip").exists() and collection.verify(deep=True) == [] and collection.sweep() == []


# ---------------------------------------------------------------- images used as queries


def test_an_upload_is_re_encoded_small_upright_and_on_white(collection):
    picture = Image.new("RGBA", (3000, 1500), (255, 0, 0, 0))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where I live"
    upload = collection.keep_upload(_bytes(picture, exif=exif))
    kept = Image.open(collection.upload_path(upload))
    assert kept.size == (512, 1024) and kept.format == "JPEG" and not kept.getexif()
    assert kept.getpixel((5, 5)) == (255, 255, 255)
    assert collection.keep_upload(_bytes(picture, exif=exif)) == upload
    assert collection.upload_path(upload).stem == upload and len(upload) == 32


def test_what_cannot_be_an_upload(collection, monkeypatch):
    whole = _bytes(Image.effect_noise((64, 64), 50))
    for data in (b"", b"no image", whole[: len(whole) // 2]):
        with pytest.raises(ImageError):
            collection.keep_upload(data)
    monkeypatch.setattr(media, "MAX_UPLOAD_PIXELS", 100)
    with pytest.raises(ImageError, match="4,096 pixels; 100"):
        collection.keep_upload(whole)
    for upload in ("../collection", "abc", "f" * 32):
        with pytest.raises(NotFound, match="upload it again"):
            collection.upload_path(upload)


def test_uploads_make_room_but_saved_ones_stay(collection, monkeypatch):
    first, second = (collection.keep_upload(Image.new("RGB", (9, 9), colour)) for colour in ("red", "blue"))
    query = Query((Term("upload", first),))
    collection.save_queries([SavedQuery(query.query_id, "like this", query)], "mine")
    monkeypatch.setattr(media, "MAX_UPLOADS_BYTES", 10)
    third = collection.keep_upload(Image.new("RGB", (9, 9), "green"))
    assert collection.upload_path(first).is_file() and collection.upload_path(third).is_file()
    with pytest.raises(NotFound):
        collection.upload_path(second)
    assert collection.purge_uploads() == 0
    assert collection.purge_uploads(older_than_days=0) == 1, "the third; the first is saved"
    assert collection.upload_path(first).is_file() and collection.sweep() == []


# ---------------------------------------------------------------- artifacts


def test_artifacts(collection):
    assert (
        collection.artifact("graph", JOINT.set_id) is None and collection.artifact_path("index", JOINT.set_id) is None
    )
    arrays = {"neighbors": np.arange(6, dtype=np.int32).reshape(2, 3), "names": np.array(["a", "bb"])}
    collection.put_artifact("graph", JOINT.set_id, arrays, {"k": 3}, 4)
    old = collection.artifact("graph", JOINT.set_id)
    assert (old.kind, old.set_id, old.generation, dict(old.meta)) == ("graph", JOINT.set_id, 4, {"k": 3})
    assert sorted(old.arrays) == ["names", "neighbors"] and len(old.arrays) == 2
    collection.put_artifact("graph", JOINT.set_id, {"neighbors": np.zeros(1)}, {}, 5)
    assert np.array_equal(old.arrays["neighbors"], arrays["neighbors"]), "an open one can still be read when replaced"
    assert old.arrays["names"].tolist() == ["a", "bb"] and old.arrays["neighbors"].dtype == np.int32
    assert collection.artifact("graph", JOINT.set_id).generation == 5
    assert len(list(collection.artifacts_folder.iterdir())) == 1
    collection.put_artifact("colours", "", {"x": np.ones(2)}, {}, 1)
    assert collection.artifact("colours", "").arrays["x"].tolist() == [1, 1]
    collection.drop_artifact("colours", "")
    collection.drop_artifact("colours", "")
    assert collection.artifact("colours", "") is None and collection.verify() == [] and collection.sweep() == []


def test_artifacts_that_cannot_be(collection):
    with pytest.raises(InputError, match="'a' holds Python objects"):
        collection.put_artifact("graph", JOINT.set_id, {"a": np.array([{}])}, {}, 1)
    with pytest.raises(InputError, match="cannot be the id"):
        collection.put_artifact("../graph", JOINT.set_id, {}, {}, 1)

    def fail(path):
        path.write_bytes(b"half")
        raise RuntimeError("the writer failed")

    with pytest.raises(RuntimeError):
        collection.put_artifact_file("index", JOINT.set_id, fail, {}, 1)
    assert collection.artifact_path("index", JOINT.set_id) is None and collection.sweep() == []


# ---------------------------------------------------------------- queries, log, judgments

QUERY = Query(
    (Term("text", 'red "car"', 2.0), Term("item", "i000001", -0.5)), (TextMatch("file", "x", True),), "a = 'ü'"
)


def test_saved_queries(collection):
    saved = [SavedQuery(QUERY.query_id, "red car", QUERY, "cars only", "demo"), SavedQuery("301", "topic", Query())]
    collection.save_queries(saved, "first")
    collection.save_queries(saved[1:], "second")
    collection.save_queries([SavedQuery("301", "topic, better", Query())], "first")
    assert collection.query_sets() == [("first", 2), ("second", 1)]
    assert collection.saved_queries("first") == [saved[0], SavedQuery("301", "topic, better", Query())]
    assert [q.query_id for q in collection.saved_queries()] == [QUERY.query_id, "301"]
    collection.delete_query("301", "first")
    assert collection.query_sets() == [("first", 1), ("second", 1)]
    collection.delete_query("301")
    assert collection.query_sets() == [("first", 1)] and collection.saved_queries("none") == []


def test_a_query_survives_its_text():
    assert from_text(as_text(QUERY)) == QUERY and as_text(QUERY) == QUERY.canonical
    assert from_text(json.dumps({})) == Query()


def test_the_log_and_its_switch(collection):
    collection.log_search(QUERY, "plain", 3, 12.5, 40)
    (logged,) = collection.searches()
    assert (logged.query, logged.query_id, logged.recipe) == (QUERY, QUERY.query_id, "plain")
    assert (logged.generation, logged.ms, logged.n) == (3, 12.5, 40) and logged.at > 1e9
    collection.log_enabled = False
    collection.log_search(Query(), "plain", 3, 1.0, 0)
    assert len(collection.searches()) == 1 and not Collection(collection.path).log_enabled
    collection.log_enabled = True
    for _ in range(5):
        collection.log_search(Query(), "plain", 4, 1.0, 0)
    assert [s.generation for s in collection.searches(2)] == [4, 4]
    collection.clear_log()
    assert collection.searches() == []


def test_judgments_are_only_ever_added(collection):
    first = collection.judgments.add(Judgment("q1", "i1", 2, "ann"))
    second = collection.judgments.add(Judgment("q1", "i1", 3, "ann", note="changed my mind"))
    collection.judgments.add(Judgment("q2", "i1", None, "bob", at=5.0))
    assert [j.grade for j in collection.judgments.all()] == [2, 3, None], "every press is kept"
    assert [j.grade for j in collection.judgments.all("q1")] == [2, 3]
    collection.judgments.undo(second)
    collection.judgments.undo(second)
    assert collection.judgments.rows("q1")[0][0] == first and len(collection.judgments) == 2
    with collection._judgments_db.read() as connection:
        assert connection.execute("SELECT count(*) FROM judgments").fetchone() == (3,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with pytest.raises(NotFound, match="number 99"):
        collection.judgments.undo(99)
    for wrong in (4, -1, True, 1.5, "2"):
        with pytest.raises(InputError, match="grade"):
            collection.judgments.add(Judgment("q1", "i1", wrong, "ann"))
    with pytest.raises(InputError, match="id"):
        collection.judgments.add(Judgment("", "i1", 1, "ann"))
    with pytest.raises(InputError):
        collection.judgments.add_many([Judgment("q1", "i2", 1, "ann"), Judgment("q1", "i2", 9, "ann")])
    assert len(collection.judgments) == 2
