"""Items, captions, metadata, sources, tags, the trash for items, skipped files."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError, NotFound
from core.store.values import kind_of, scalar
from core.types import Column, Skipped
from tests.store.material import JOINT, VISUAL, add, misaligned, new_item, vectors


def test_an_item_comes_back_as_it_was_given(collection):
    add(collection, range(3))
    collection.tag(["i000001"], "good", "me")
    collection.set_n_k(["i000001"], np.array([7]))
    item = collection.item("i000001")
    assert (item.item_id, item.file, item.captions) == ("i000001", "folder/picture_1.jpg", ("picture number 1",))
    assert dict(item.meta) == {"number": 1, "parity": "odd"} and item.tags == ("good",) and item.n_k == 7
    assert (item.width, item.height, item.n_bytes, item.date, item.status) == (640, 480, 1001, "2024-01-02", "ok")
    assert collection.item("i000002").n_k is None


def test_items_come_in_the_order_asked_even_by_the_thousand(collection):
    collection.commit([new_item(n, thumbnail=b"") for n in range(2500)])
    wanted = [f"i{n:06d}" for n in (*range(2499, -1, -1), 5, 5)]
    assert [item.item_id for item in collection.items(wanted)] == wanted
    captions = collection.captions_of(wanted)
    assert len(captions) == 2500 and captions["i002499"] == ("picture number 2499",)
    assert collection.ids() == wanted[2499::-1]
    assert collection.has([*wanted, "no"]) == set(wanted)
    assert len(collection) == 2500


def test_unknown_items(collection):
    add(collection, range(2))
    with pytest.raises(NotFound, match="Item nobody is not in"):
        collection.item("nobody")
    with pytest.raises(NotFound, match=r"1 of 3 items \(first nobody\)"):
        collection.items(["i000000", "nobody", "i000001"])
    with pytest.raises(NotFound):
        collection.set_captions("nobody", ["x"])
    with pytest.raises(NotFound):
        collection.tag(["i000000", "nobody"], "t")
    assert collection.tags() == [], "nothing of a failed tagging stays"
    with pytest.raises(NotFound):
        collection.original_path("nobody")
    assert collection.captions_of(["nobody"]) == {"nobody": ()}


@pytest.mark.parametrize("item_id", ["", "a b", "../x", "ä", "x" * 65, "a/b"])
def test_ids_that_cannot_be(collection, item_id):
    with pytest.raises(InputError, match="item's id"):
        collection.commit([new_item(1, item_id=item_id)])
    assert len(collection) == 0


def test_ids_of_a_table_may_differ_by_case_only(collection):
    collection.commit([new_item(1, item_id="A.b:c", thumbnail=b"one"), new_item(2, item_id="a.B:C", thumbnail=b"two")])
    assert collection.thumb_path("A.b:c").read_bytes() == b"one"
    assert collection.thumb_path("a.B:C").read_bytes() == b"two"


def test_the_same_image_again_adds_its_path_captions_and_metadata(collection):
    copy = new_item(
        1, path="/source/copy.jpg", captions=("another", "picture number 1"), meta={"extra": True, "number": 9}
    )
    collection.commit([new_item(1), copy])
    collection.commit([new_item(1)])
    item = collection.item("i000001")
    assert item.captions == ("picture number 1", "another")
    assert dict(item.meta) == {"number": 1, "parity": "odd", "extra": True}
    assert set(collection.known_sources()) == {"/source/copy.jpg", "/source/folder/picture_1.jpg"}
    assert len(collection) == 1


def test_changed_bytes_at_a_path_supersede(collection):
    add(collection, range(2))
    collection.tag(["i000001"], "good", "me")
    collection.commit([new_item(50, path=new_item(1).path, file=new_item(1).file, supersedes="i000001")])
    assert collection.ids() == ["i000000", "i000050"]
    assert collection.item("i000050").tags == ("good",) and collection.item("i000001").status == "trashed"
    assert collection.select("SELECT supersedes FROM items WHERE item_id = 'i000050'") == [("i000001",)]
    view = collection.view(JOINT.set_id)
    assert view.position("i000001") is None and view.position("i000000") == 0
    collection.restore_items(["i000001"])
    assert collection.item("i000001").status == "ok"


def test_a_superseded_item_with_another_file_stays(collection):
    collection.commit([new_item(1), new_item(1, path="/source/copy.jpg")])
    collection.commit([new_item(50, path=new_item(1).path)])
    assert collection.ids() == ["i000001", "i000050"]


def test_missing_files_and_their_return(collection):
    collection.commit([new_item(1), new_item(1, path="/source/copy.jpg"), new_item(2)])
    assert collection.mark_missing(["/source/folder/picture_1.jpg", "/source/folder/picture_2.jpg"]) == 1
    assert [i.status for i in collection.items(["i000001", "i000002"])] == ["ok", "missing"]
    assert list(collection.known_sources()) == ["/source/copy.jpg"]
    assert collection.ids() == ["i000001", "i000002"], "a missing file never drops its item"
    collection.add_source("i000002", "/source/moved.jpg", "/source", 5, 6)
    assert collection.item("i000002").status == "ok"
    assert collection.known_sources()["/source/moved.jpg"] == ("i000002", 5, 6)
    assert collection.sources_of("i000002")[0].name == "moved.jpg"
    collection.mark_missing(["/source/moved.jpg"])
    collection.commit([new_item(2)])
    assert collection.item("i000002").status == "ok"


# ---------------------------------------------------------------- captions and metadata


def test_captions_are_found_by_their_words(collection):
    add(collection, range(3))
    collection.set_captions("i000001", ["Ein Hündchen", " ", "läuft im Schnee"])
    assert collection.item("i000001").captions == ("Ein Hündchen", "läuft im Schnee")

    def found(match: str) -> list[str]:
        return [r[0] for r in collection.select("SELECT item_id FROM text_fts WHERE text_fts MATCH ?", (match,))]

    assert found("caption:hundchen") == ["i000001"] and found("caption:schnee") == ["i000001"]
    assert found('caption:"number 1"') == [] and found("caption:number") == ["i000000", "i000002"]
    assert found('file:"picture 2"') == ["i000002"]
    assert collection.select("SELECT n FROM items ORDER BY n") == collection.select(
        "SELECT rowid FROM text_fts ORDER BY 1"
    )


def test_metadata_added_later(collection):
    add(collection, range(3))
    rows = [
        ("i000000", ["new"], {"price": 3, "sold": False}),
        ("i000002", [], {"price": 2.5}),
        ("nobody", ["x"], {"y": 1}),
    ]
    assert collection.update_metadata(rows) == 2
    assert collection.update_metadata(rows) == 2, "the same again changes nothing"
    item = collection.item("i000000")
    assert item.captions == ("picture number 0", "new")
    assert dict(item.meta) == {"number": 0, "parity": "even", "price": 3, "sold": False}
    kinds = {column.name: column.kind for column in collection.columns()}
    assert kinds == {"number": "number", "parity": "text", "price": "number", "sold": "boolean"}
    assert collection.select("""SELECT item_id FROM items WHERE json_extract(meta, '$."price"') < 3""") == [
        ("i000002",)
    ]


def test_kinds_of_columns(collection):
    collection.commit(
        [
            new_item(1, meta={"day": "2024-02-03", "mixed": 1, "empty": None, 'with "quotes"': "x", "nan": math.nan}),
            new_item(2, meta={"day": "2024-02-03T10:11:12Z", "mixed": "one", "np": np.float32(0.5), "i": np.int64(3)}),
        ]
    )
    kinds = {column.name: column.kind for column in collection.columns()}
    assert kinds == {"day": "date", "mixed": "text", "with 'quotes'": "text", "np": "number", "i": "number"}
    assert collection.item("i000001").meta["nan"] is None and collection.item("i000002").meta["np"] == 0.5
    collection.set_columns([Column("i", "text")])
    assert Column("i", "text") in collection.columns()
    with pytest.raises(InputError, match="list"):
        collection.commit([new_item(3, meta={"many": [1, 2]})])


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()))
def test_every_scalar_can_be_kept(value):
    kept = scalar(value)
    assert kept is None or kept == value
    assert kind_of(kept) in (None, "boolean", "number", "date", "text")


# ---------------------------------------------------------------- tags


def test_tags_and_their_undoing(collection):
    add(collection, range(4))
    ids = collection.ids()
    first = collection.tag(ids[:2], " so  good ", "ann")
    second = collection.tag(ids[:3], "so good", "bob")
    assert collection.tags() == [("so good", 3)]
    assert collection.undo_tags(first) == 2, "what bob tagged as well was ann's already"
    assert collection.tags() == [("so good", 1)]
    taken = collection.untag(ids, "so good", "ann")
    assert collection.tags() == []
    assert collection.undo_tags(taken) == 1 and collection.tags() == [("so good", 1)]
    collection.undo_tags(second)
    assert collection.tags() == []
    rows = collection.select("SELECT item_id, who, undone_at IS NULL FROM tags ORDER BY n")
    assert rows == [(ids[0], "ann", 0), (ids[1], "ann", 0), (ids[2], "bob", 0)], "no row is ever deleted"


def test_untag_undone_after_tagging_again(collection):
    add(collection, range(1))
    collection.tag(["i000000"], "a")
    batch = collection.untag(["i000000"], "a")
    collection.tag(["i000000"], "a")
    assert collection.undo_tags(batch) == 0
    assert collection.item("i000000").tags == ("a",)


@pytest.mark.parametrize("tag", ["", "  ", "x" * 81])
def test_tags_that_cannot_be(collection, tag):
    with pytest.raises(InputError, match="1 to 80"):
        collection.tag([], tag)


# ---------------------------------------------------------------- trash


def test_trash_and_restore_of_items(collection):
    add(collection, range(6))
    collection.tag(collection.ids(), "t")
    batch = collection.trash_items(["i000001", "i000004"])
    collection.trash_items(["i000005", "i000001"])
    assert collection.ids() == ["i000000", "i000002", "i000003"] and len(collection) == 3
    assert [item.item_id for item in collection.trashed_items()] == ["i000005", "i000001", "i000004"]
    assert all(item.status == "trashed" for item in collection.trashed_items())
    assert collection.tags() == [("t", 3)]
    view = collection.view(JOINT.set_id)
    assert view.live.tolist() == [0, 2, 3] and collection.vectorless(JOINT.set_id) == []
    assert collection.restore_batch(batch) == 2
    assert collection.restore_items(["i000005", "i000000"]) == 1
    assert collection.trashed_items() == [] and collection.view(JOINT.set_id).live.tolist() == list(range(6))
    generation = collection.generation
    assert collection.restore_items(["i000000"]) == 0 and collection.generation == generation


def test_bringing_an_image_again_takes_it_out_of_the_trash(collection):
    add(collection, range(2))
    collection.trash_items(["i000001"])
    collection.commit([new_item(1)])
    assert collection.ids() == ["i000000", "i000001"]
    assert collection.view(VISUAL.set_id).position("i000001") == 1


def test_purge_and_what_stays(collection):
    add(collection, range(5))
    collection.trash_items(["i000001", "i000002"])
    assert collection.purge() == 0, "thirty days are not over"
    thumb = collection.thumb_path("i000001")
    assert collection.purge(older_than_days=0) == 2
    assert not thumb.exists() and collection.has(["i000001"]) == set()
    for table in ("items", "captions", "sources", "text_fts"):
        assert collection.select(f"SELECT count(*) FROM {table}") == [(3,)]
    view = collection.view(JOINT.set_id)
    assert len(view) == 5 and view.live.tolist() == [0, 3, 4] and misaligned(view) == []
    collection.compact(JOINT.set_id)
    view = collection.view(JOINT.set_id)
    assert len(view) == 3 and view.epoch == 1 and misaligned(view) == []
    add(collection, [1])
    assert collection.view(JOINT.set_id).position("i000001") == 3


# ---------------------------------------------------------------- skipped


def test_skipped_files(collection):
    collection.commit(skipped=[Skipped("a.jpg", "truncated", 5.0), Skipped("b.txt", "not an image", 6.0)])
    collection.commit(skipped=[Skipped("a.jpg", "still truncated", 7.0)])
    assert collection.skipped() == (Skipped("a.jpg", "still truncated", 7.0), Skipped("b.txt", "not an image", 6.0))
    assert collection.info().n_skipped == 2
    collection.commit([new_item(1, file="a.jpg")])
    assert [s.file for s in collection.skipped()] == ["b.txt"], "a file that works now is not skipped any more"
    collection.clear_skipped(["b.txt"])
    assert collection.skipped() == ()


# ---------------------------------------------------------------- vectors at the door


def test_vectors_that_cannot_be(collection):
    add(collection, range(2))
    good = vectors(["i000000"], JOINT.dim)[1]
    for ids, matrix, said in [
        (["i000000"], good[:, :5], r"\(1, 5\).*24"),
        (["i000000", "i000001"], good, "1 vectors for 2"),
        (["i000000"], np.zeros_like(good), "i000000"),
        (["i000000"], good * np.nan, "no direction"),
        (["i000000", "i000000"], np.vstack([good, good]), "two vectors"),
        (["i000000", "nobody"], np.vstack([good, good]), "1 of 2 vectors .* nobody"),
    ]:
        with pytest.raises(InputError, match=said):
            collection.commit(vectors={JOINT.set_id: (ids, matrix)})
    with pytest.raises(NotFound, match="fake-joint, fake-visual"):
        collection.commit(vectors={"other": (["i000000"], good)})
    assert collection.generation == 1 and collection.sweep() == [] and collection.verify() == []


def test_a_second_vector_replaces_the_first(collection):
    add(collection, range(3))
    before = collection.view(JOINT.set_id)
    collection.commit(vectors={JOINT.set_id: vectors(["i000001"], JOINT.dim, version=1)})
    view = collection.view(JOINT.set_id)
    assert view.alive.tolist() == [True, False, True, True] and view.position("i000001") == 3
    assert misaligned(view, {"i000001": 1}) == [] and misaligned(before) == []
    assert view.changed == collection.generation and collection.view(VISUAL.set_id).changed == 1


def test_items_without_vectors(collection):
    collection.commit([new_item(n) for n in range(3)])
    assert collection.vectorless(JOINT.set_id) == ["i000000", "i000001", "i000002"]
    collection.commit(vectors={JOINT.set_id: vectors(["i000001"], JOINT.dim)})
    collection.trash_items(["i000002"])
    assert collection.vectorless(JOINT.set_id) == ["i000000"]
    view = collection.view(JOINT.set_id)
    with pytest.raises(NotFound, match=r"1 of 2 items .* i000000"):
        view.positions(["i000001", "i000000"])
    assert view.find(["i000000", "i000001"]).tolist() == [0] and view.positions(["i000001"]).dtype == np.int64


def test_sets(collection):
    assert [s.set_id for s in collection.sets()] == ["fake-joint", "fake-visual"]
    assert (
        collection.set().set_id == "fake-joint"
        and collection.set().active
        and not collection.set("fake-visual").has_text
    )
    collection.add_set(JOINT)
    assert len(collection.sets()) == 2
    with pytest.raises(InputError, match="24 dimensions"):
        collection.add_set(type(JOINT)(**{**_fields(JOINT), "dim": 5}))
    with pytest.raises(InputError, match="cannot be the id"):
        collection.add_set(type(JOINT)(**{**_fields(JOINT), "set_id": "../x"}))
    with pytest.raises(NotFound, match="fake-joint, fake-visual"):
        collection.view("nothing")


def _fields(vector_set: object) -> dict:
    return {name: getattr(vector_set, name) for name in vector_set.__dataclass_fields__}


def test_the_mean_is_that_of_the_live_rows_however_it_came_about(collection):
    add(collection, range(40))
    for change in (
        lambda: None,
        lambda: add(collection, range(40, 55)),
        lambda: collection.trash_items(["i000003", "i000050"]),
        lambda: collection.commit(vectors={JOINT.set_id: vectors(["i000009"], JOINT.dim, version=1)}),
        lambda: collection.restore_items(["i000003"]),
    ):
        change()
        view = collection.view(JOINT.set_id)
        wanted = view.matrix[view.live].astype(np.float64).mean(axis=0)
        assert view.mean.dtype == np.float32 and np.array_equal(view.mean, wanted.astype(np.float32))
    rows = view.rows(view.live)
    assert rows.dtype == np.float32 and np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert view.matrix.dtype == np.float16 and view.matrix.flags.c_contiguous


def test_vectors_of_many_items_that_are_there_are_looked_up_together(collection, monkeypatch):
    """Looking up all of them for each of them made 50,000 brought vectors take hours."""
    ids = [new_item(n).item_id for n in range(40)]
    collection.commit([new_item(n) for n in range(40)])
    asked, real = [], collection.has
    monkeypatch.setattr(collection, "has", lambda wanted: asked.append(1) or real(wanted))
    collection.commit(vectors={JOINT.set_id: vectors(ids, JOINT.dim)})
    assert len(asked) <= 2
    assert len(collection.view(JOINT.set_id).live) == 40
