"""The facade and its services, on pictures of colours with the fake encoder."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import numpy as np
import pytest

from core.atlas.neighbourhood import place
from core.errors import InputError, LoupeError, NotFound, QueryError
from core.jobs import Queue
from core.jobs.exporting import cell
from core.types import Query, Term
from core.workbench import Workbench
from tests.fakes import make_images


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    make_images(folder, 14)
    (folder / "captions.csv").write_text(
        "file,caption,price\n" + "".join(f"{p.name},=a {p.stem[5:]} picture,{n}\n" for n, p in enumerate(sorted(folder.glob("*.png"))))
    )
    return folder


@pytest.fixture
def wb(pictures, fake, no_worker):
    return Workbench.create("colours", pictures, encoder="fake", captions=pictures / "captions.csv")


def by_file(wb):
    return {item.file: item.item_id for item in wb.items.many(wb.collection.ids())}


# ---------------------------------------------------------------- create, open, list


def test_create_waits_and_reports_progress(pictures, fake, no_worker):
    seen = []
    wb = Workbench.create("c", str(pictures), encoder="fake", on_progress=seen.append)
    assert (wb.name, wb.key, len(wb.collection)) == ("c", "c", 14)
    assert wb.generation >= 1
    assert seen[-1].state == "done"
    assert [info.name for info in Workbench.list()] == ["c"]
    assert Workbench.open("c").collection.path == wb.collection.path
    # What follows is left to a worker.
    assert [(job.kind, job.state) for job in wb.jobs()] == [("refresh", "queued"), ("ingest", "done")]


def test_create_again_continues(wb, pictures):
    again = Workbench.create("colours", pictures, encoder="fake")
    assert again.key == wb.key
    assert wb.jobs()[0].kind in ("ingest", "refresh")
    assert len(again.collection) == 14


def test_create_raises_what_went_wrong_and_leaves_nothing(tmp_path, fake, no_worker):
    with pytest.raises(InputError, match="There is nothing at .*nowhere"):
        Workbench.create("c", tmp_path / "nowhere", encoder="fake")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no images"):
        Workbench.create("c", tmp_path / "empty", encoder="fake")
    assert Workbench.list() == ()
    with pytest.raises(InputError, match="slash"):
        Workbench.create("a/b", tmp_path / "empty", encoder="fake")
    with pytest.raises(NotFound, match="there are: none"):
        Workbench.open("c")


def test_create_goes_to_the_worker_where_one_is_at_work(pictures, fake, worker_here, monkeypatch):
    from core.jobs import worker
    from core.jobs.lock import WorkerLock
    from core.store import home

    lock = WorkerLock(home())
    assert lock.acquire()
    import threading

    threading.Timer(0.5, lock.release).start()
    monkeypatch.setattr(worker, "run_here", lambda *_: None)
    wb = Workbench.create("c", pictures, encoder="fake")
    assert len(wb.collection) == 14


# ---------------------------------------------------------------- search


def test_words_find_the_right_picture_first(wb):
    result = wb.search("red", k=3)
    assert len(result) == 3
    assert {hit.file for hit in result[:2]} == {"0000-red-circle.png", "0012-red-square.png"}
    assert (result.total, result.matched, result.plan) == (14, 14, "exact")
    scores = [hit.score for hit in result]
    assert scores == sorted(scores, reverse=True)
    for hit in result:
        assert sum(hit.terms) == pytest.approx(hit.score, abs=1e-5)


@pytest.mark.parametrize("k", [1, 5, 14, 100])
def test_exactly_the_smaller_of_k_and_matched(wb, k):
    assert len(wb.search("blue", k=k)) == min(k, 14)
    result = wb.search("blue", k=k, where="price < 4")
    assert (len(result), result.matched) == (min(k, 4), 4)


def test_filters_join_the_query_s_own(wb):
    query = Query((Term("text", "red"),), where="price < 9 or price > 11")
    assert {hit.file[:4] for hit in wb.search(query, k=50, where="price >= 8")} == {"0008", "0012", "0013"}


def test_by_example_leaves_the_example_out(wb):
    ids = by_file(wb)
    result = wb.search(f"image:{ids['0000-red-circle.png']}", k=20)
    assert result[0].file == "0012-red-square.png"
    assert result.matched == len(result) == 13
    assert wb.items.neighbours(ids["0000-red-circle.png"], 1)[0][0].file == "0012-red-square.png"


def test_without_terms_it_browses_by_name(wb):
    result = wb.search("", k=3)
    assert result.plan == "browse"
    assert [hit.file[:4] for hit in result] == ["0000", "0001", "0002"]
    assert result.matched == 14


def test_wrong_questions(wb):
    with pytest.raises(QueryError):
        wb.search("red ^")
    with pytest.raises(QueryError):
        wb.search("red", where="price <")
    with pytest.raises(NotFound):
        wb.search("image:nobody")
    with pytest.raises(NotFound, match="no recipe 'best'"):
        wb.search("red", recipe="best")
    for k in (0, -1, 2.5, True):
        with pytest.raises(InputError, match="1 hit or more"):
            wb.search("red", k=k)


def test_searches_are_logged_here_unless_that_is_off(wb):
    wb.search("red")
    wb.search("")  # looking around is no search
    assert [s.query.terms[0].value for s in wb.collection.searches()] == ["red"]
    wb.collection.log_enabled = False
    wb.search("blue")
    assert len(wb.collection.searches()) == 1


# ---------------------------------------------------------------- items


def test_tags_and_trash_can_be_undone(wb):
    ids = by_file(wb)
    red = ids["0000-red-circle.png"]
    batch = wb.items.tag([red], "nice", "me")
    assert wb.items.tags() == [("nice", 1)]
    assert wb.search("", where="tag = 'nice'").item_ids == (red,)
    wb.items.undo(batch)
    assert wb.items.tags() == []
    batch = wb.items.trash([red])
    assert red not in wb.search("red", k=50).item_ids
    assert [item.item_id for item in wb.items.trashed()] == [red]
    wb.items.undo(batch)
    assert red in wb.search("red", k=50).item_ids


def test_a_table_is_joined_to_what_is_there(wb, tmp_path):
    table = tmp_path / "more.csv"
    table.write_text("file,colour\n0000-red-circle.png,red\nnobody.png,none\n")
    done = wb.items.attach_table(table)
    assert (done.updated, len(done.unmatched_rows), done.unmatched_items) == (1, 1, 13)
    assert wb.items.get(by_file(wb)["0000-red-circle.png"]).meta["colour"] == "red"
    assert "colour" in [column.name for column in wb.items.columns()]
    assert [f.column for f in wb.items.facets()]


def test_near_duplicates_are_listed_and_decided_on(wb):
    ids = by_file(wb)
    a, b, c = ids["0000-red-circle.png"], ids["0012-red-square.png"], ids["0001-green-circle.png"]
    wb.collection.set_folds({a: a, b: a, c: c})
    (group,) = wb.items.duplicates()
    assert {item.item_id for item in group.items} == {a, b}
    assert wb.items.decide([a], "keep") == ""
    assert "keep" in wb.items.duplicates()[0].decisions
    batch = wb.items.decide([b], "remove")
    assert wb.items.duplicates() == []
    wb.items.undo(batch)
    assert len(wb.items.duplicates()) == 1
    with pytest.raises(InputError):
        wb.items.decide([a], "burn")


# ---------------------------------------------------------------- ways out


def exported(wb, what, kind):
    out = io.BytesIO()
    wb.items.export_hits(what, kind, out)
    return out.getvalue()


def test_hits_as_csv_that_no_spreadsheet_runs(wb):
    result = wb.search("red", k=4)
    text = exported(wb, result, "csv").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["rank"]) for row in rows] == [1, 2, 3, 4]
    assert [row["item_id"] for row in rows] == list(result.item_ids)
    assert [float(row["score"]) for row in rows] == [hit.score for hit in result]
    assert all(row["captions"].startswith("'=a ") for row in rows)
    assert {float(row["price"]) for row in rows} <= set(range(14))


def test_exported_hits_say_what_was_asked_and_what_each_term_gave(wb):
    result = wb.search("red^2 -circle", k=2)
    rows = [json.loads(line) for line in exported(wb, result, "jsonl").splitlines()]
    assert rows[0]["query"] == '"red"^2 -"circle"'
    assert [part["term"] for part in rows[0]["terms"]] == ['"red"^2', '-"circle"']
    assert sum(part["gave"] for part in rows[0]["terms"]) == pytest.approx(rows[0]["score"], abs=1e-5)
    (first, _) = csv.DictReader(io.StringIO(exported(wb, result, "csv").decode("utf-8-sig")))
    assert first["query"] == rows[0]["query"]
    assert first["terms"].lstrip("'").endswith(' from -"circle"') and ' from "red"^2 | ' in first["terms"]


@pytest.mark.parametrize("value, expected", [
    ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\tx", "'\tx"), ("a=1", "a=1"), (-0.5, -0.5), (None, ""),
    (["=x", "y"], "'=x | y"), ("", ""),
])  # fmt: skip
def test_cells(value, expected):
    assert cell(value) == expected


def test_hits_as_json_lines(wb):
    ids = wb.collection.ids()[:3]
    rows = [json.loads(line) for line in exported(wb, ids, "jsonl").splitlines()]
    assert [row["item_id"] for row in rows] == ids
    assert rows[0]["captions"] == ["=a red-circle picture"]
    assert rows[0]["meta"] == {"price": 0}


def test_hits_as_a_zip_with_the_images(wb, pictures):
    result = wb.search("red", k=3)
    lost = pictures / result[2].file
    lost.unlink()
    with zipfile.ZipFile(io.BytesIO(exported(wb, result, "zip"))) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("hits.csv").decode("utf-8-sig"))))
        for hit, row in zip(result[:2], rows):
            assert archive.read(row["image"]) == (pictures / hit.file).read_bytes()
        assert rows[2]["image"].endswith("(thumbnail; the original is lost)")
        assert len(archive.namelist()) == 4
    with pytest.raises(InputError, match="csv, jsonl, zip"):
        exported(wb, result, "exe")


def test_parquet_goes_out_and_comes_back(wb, tmp_path, pictures):
    import pyarrow.parquet as pq

    path = tmp_path / "all.parquet"
    wb.items.tag(wb.collection.ids()[:1], "nice")
    assert wb.items.export_parquet(path) == 14
    table = pq.read_table(path)
    assert {"id", "vector", "x", "y", "n_k", "file", "captions", "tags", "price"} <= set(table.column_names)
    assert table.column("tags").to_pylist()[0] == ["nice"]
    back = Workbench.create("back", pictures, encoder="fake", vectors=path)
    before, after = wb.collection.view(), back.collection.view()
    for item_id in wb.collection.ids():
        np.testing.assert_allclose(
            before.rows([before.position(item_id)]), after.rows([after.position(item_id)]), atol=1e-3
        )
    assert back.search("red", k=2).item_ids == wb.search("red", k=2).item_ids


def test_brought_vectors_without_an_encoder_answer_by_example_only(wb, tmp_path, pictures):
    path = tmp_path / "all.parquet"
    wb.items.export_parquet(path)
    job = Workbench.submit_ingest("plain", pictures, vectors=path)
    from core.workbench.submitting import finish_here

    finish_here(job, None)
    plain = Workbench.open("plain")
    with pytest.raises(QueryError, match="Words cannot be searched here"):
        plain.search("red")
    item_id = by_file(plain)["0000-red-circle.png"]
    assert plain.search(f"image:{item_id}", k=1)[0].file == "0012-red-square.png"


def test_a_new_collection_is_copied_not_encoded(wb, fake, monkeypatch):
    monkeypatch.setattr(fake, "encode_prepared", lambda _: pytest.fail("it was encoded"), raising=False)
    ids = wb.collection.ids()[:5]
    wb.items.tag(ids[:2], "nice")
    made = wb.items.new_collection("some", ids)
    copy = Workbench.open("some")
    assert made.key == copy.key
    assert copy.collection.ids() == ids
    for item_id in ids:
        old, new = wb.items.get(item_id), copy.items.get(item_id)
        assert (new.file, new.captions, new.meta, new.tags) == (old.file, old.captions, old.meta, old.tags)
        assert copy.items.thumb_path(item_id).read_bytes() == wb.items.thumb_path(item_id).read_bytes()
        assert copy.collection.original_path(item_id) == wb.collection.original_path(item_id)
    assert [s.set_id for s in copy.collection.sets()] == [s.set_id for s in wb.collection.sets()]
    assert set(copy.search("red", k=9).item_ids) == set(ids)
    assert copy.search(f"image:{ids[0]}", k=9).space == "visual"
    assert [c.name for c in copy.items.columns()] == ["price"]
    assert copy.collection.verify() == []


def test_a_new_collection_brings_kept_originals_along(fake, no_worker, pictures):
    job = Workbench.submit_ingest("kept", pictures, encoder="fake", keep=True)
    from core.workbench.submitting import finish_here

    finish_here(job, None)
    kept = Workbench.open("kept")
    ids = kept.collection.ids()[:2]
    made = kept.items.new_collection("two", ids)
    kept.collection.trash_items(ids)
    kept.collection.purge(0)
    for item_id in ids:
        assert made.original_path(item_id).is_relative_to(made.originals_folder)
    assert made.sweep() == []


def test_a_new_collection_that_cannot_be_leaves_nothing(wb):
    with pytest.raises(InputError, match="at least one image"):
        wb.items.new_collection("none", [])
    with pytest.raises(NotFound):
        wb.items.new_collection("none", [*wb.collection.ids(), "stranger"])
    with pytest.raises(InputError, match="already"):
        wb.items.new_collection("colours", wb.collection.ids())
    assert [info.name for info in Workbench.list()] == ["colours"]


# ---------------------------------------------------------------- maps and hubs


def test_the_map_is_there_at_once_and_the_worker_s_later(wb, do_jobs):
    first = wb.maps.collection_map()
    assert first.method == "pca"
    assert set(first.item_ids) == set(wb.collection.ids())
    do_jobs()
    kept = wb.maps.collection_map()
    assert set(kept.item_ids) == set(wb.collection.ids())
    assert kept.generation == wb.generation
    gone = wb.collection.ids()[0]
    wb.items.trash([gone])
    assert gone not in wb.maps.collection_map().item_ids


def test_colours_follow_the_map(wb, do_jobs):
    do_jobs()
    shown = wb.maps.collection_map()
    values, kind = wb.maps.colours("price")
    assert kind == "number"
    assert values == [wb.items.get(str(i)).meta["price"] for i in shown.item_ids]
    assert wb.maps.colours("n_k")[0] == [wb.items.get(str(i)).n_k for i in shown.item_ids]
    red = by_file(wb)["0000-red-circle.png"]
    wb.items.tag([red], "rare")
    wb.items.tag(wb.collection.ids()[:3], "common")
    tags = dict(zip(shown.item_ids, wb.maps.colours("tag")[0]))
    assert tags[red] == "common"
    for by in wb.maps.colour_choices():
        assert len(wb.maps.colours(by)[0]) == 14
    with pytest.raises(InputError, match="cannot be coloured by"):
        wb.maps.colours("smell")
    # All images are "ok", and none has a date: colours by these would say nothing.
    assert {"cluster", "n_k", "tag", "price"} <= set(wb.maps.colour_choices())
    assert not {"status", "date", "judgment"} & set(wb.maps.colour_choices())


def test_a_lasso_holds_what_lies_in_it(wb):
    shown = wb.maps.collection_map()
    low, high = shown.coords.min(axis=0) - 1, shown.coords.max(axis=0) + 1
    everything = [str(i) for i in shown.item_ids]
    assert wb.maps.select(box=(*low, *high)) == everything
    middle = float(np.median(shown.coords[:, 0]))
    left = wb.maps.select(polygon=[(low[0], low[1]), (middle, low[1]), (middle, high[1]), (low[0], high[1])])
    assert left == [i for i, xy in zip(everything, shown.coords) if xy[0] < middle]
    with pytest.raises(InputError):
        wb.maps.select()


def test_the_surroundings_of_a_query(wb):
    result = wb.search("red", k=3)
    near = wb.maps.neighbourhood(result)
    assert tuple(near.item_ids[:3]) == result.item_ids
    assert near.n_hits == 3
    assert len(near.coords) == len(near.item_ids)


def test_the_surroundings_of_an_image_are_those_of_the_space_it_was_compared_in(wb):
    red = by_file(wb)["0000-red-circle.png"]
    result = wb.search(f"image:{red}", k=3)
    visual = wb.collection.view(result.set_id)
    assert (result.space, visual.set.space) == ("visual", "visual")
    near = wb.maps.neighbourhood(result, per_hit=2)
    assert tuple(near.item_ids[:3]) == result.item_ids and len(near.item_ids) > 3
    rows = visual.rows(visual.positions(near.item_ids.tolist()))
    np.testing.assert_allclose(near.coords, place(rows @ rows.T), atol=1e-6)
    assert near.n_k.tolist() == [wb.items.get(item_id).n_k for item_id in near.item_ids.tolist()]
    words = wb.maps.neighbourhood(wb.search("red", k=3))
    joint = wb.collection.view()
    rows = joint.rows(joint.positions(words.item_ids.tolist()))
    np.testing.assert_allclose(words.coords, place(rows @ rows.T), atol=1e-6)


def test_similar_images_are_those_that_look_alike(wb):
    red = by_file(wb)["0000-red-circle.png"]
    visual = wb.collection.view(wb.search(f"image:{red}", k=1).set_id)
    near = wb.items.neighbours(red, 5)
    assert [item.item_id for item, _ in near] == list(wb.search(f"image:{red}", k=5).item_ids)
    own, others = visual.rows(visual.positions([red])), visual.rows(visual.positions([item.item_id for item, _ in near]))
    np.testing.assert_allclose([cosine for _, cosine in near], (others @ own.T)[:, 0], atol=1e-5)


def test_one_encoder_is_one_entry_with_all_its_spaces(wb):
    (state,) = wb.encoders.sets()
    assert (state.set.space, state.visual.space, state.n_visual_lacking) == ("joint", "visual", 0)
    assert state.n_bytes == sum(f.stat().st_size for f in wb.collection.vectors_folder.rglob("*.npy"))


def test_refitting_is_a_job(wb, do_jobs):
    job = wb.maps.refit(seed=3)
    assert (job.kind, job.args) == ("refit", {"seed": 3})
    do_jobs()
    assert Queue().get(job.job_id).state == "done"


def test_hubs_are_there_as_soon_as_ingest_is_over(wb):
    view = wb.hubs.report(k=5)
    assert (view.k, view.n_items, view.n_queries) == (5, 14, 14)
    assert view.n_k.sum() == 5 * 14


def test_waiting_for_the_graph(wb, pictures, tmp_path, do_jobs, monkeypatch):
    from core.jobs.pipelines import ingest as pipeline

    wb.maps.wait_for_graph()  # it is there
    monkeypatch.setattr(pipeline, "GRAPH_AT_ONCE", 0)
    make_images(pictures, 15)
    Workbench.create("colours", pictures, encoder="fake")
    do_jobs()
    wb.maps.wait_for_graph()
    assert wb.hubs.report(k=5).n_items == 15


# ---------------------------------------------------------------- jobs


def test_jobs_for_pages(pictures, fake, no_worker):
    job = Workbench.submit_ingest("later", pictures, encoder="fake")
    assert job.state == "queued"
    wb = Workbench.open("later")
    assert [j.job_id for j in wb.jobs(live=True)] == [job.job_id]
    assert wb.search("", k=5).matched == 0


def test_the_demo_is_queued_once(no_worker):
    one = Workbench.submit_demo()
    assert one.kind == "demo"
    assert Workbench.submit_demo().job_id == one.job_id
    assert "OpenMoji" in Workbench.open(one.collection).info().attribution


def test_k_may_be_any_integer_and_a_log_that_cannot_be_written_stops_no_search(wb, monkeypatch):
    assert len(wb.search("red", np.int64(3))) == 3

    def full(*_):
        raise LoupeError("the disk is full")

    monkeypatch.setattr(type(wb.collection), "log_search", full)
    result = wb.search("red", 3)
    assert len(result) == 3
    assert result.warnings == ("This search was not noted: the disk is full",)


@pytest.mark.parametrize("before", ["", "pictures/", "/somewhere/pictures/", "elsewhere/", "a/b/"])
def test_a_table_alone_may_name_the_folder_before_the_files(wb, tmp_path, before):
    files = sorted(by_file(wb))
    table = tmp_path / "more.csv"
    table.write_text("photo,weight\n" + "".join(f"{before}{file},{n}\n" for n, file in enumerate(files)) + f"{before}none.png,9\n")
    attached = wb.items.attach_table(table)
    assert (attached.updated, len(attached.unmatched_rows), attached.unmatched_items) == (14, 1, 0)
    assert wb.search("red", 99, where="weight >= 10").matched == 4


def test_a_folder_only_some_rows_name_is_not_guessed_away(wb, tmp_path):
    first, second, *_ = sorted(by_file(wb))
    table = tmp_path / "more.csv"
    table.write_text(f"photo,weight\n{first},1\nother/{second},2\n")
    assert wb.items.attach_table(table).updated == 1
