"""Home in the frame: the ways in, the collections, rename, delete and undo; nothing here starts a worker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.jobs import Queue
from core.store import Collection, trashed_collections
from core.types import Skipped
from pages import _home_cards, _jobs, _shared, _spool

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are queued, and nobody does them."""
    monkeypatch.setattr("core.jobs.ensure_worker", lambda home=None: False)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(_shared, "demo_pictures", lambda n=8: ((b"",), 1867))
    _shared.collections_changed()
    return AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)


def run(app: AppTest) -> AppTest:
    _shared.collections_changed()
    app.run()
    assert not app.exception
    # In the frame, or the wrong thing is being tested.
    assert len(app.container(key="frame").caption) >= 1
    return app


def test_three_ways_in(app: AppTest) -> None:
    assert [heading.value for heading in run(app).subheader] == [
        "Try the demo", "Bring your images", "Index a folder on this computer", "Encoders",
    ]
    assert any("20 MB an image and 1 GB a zip" in caption.value for caption in app.caption)


def test_the_demo_is_queued_and_the_frame_says_so(app: AppTest) -> None:
    run(app).button(key="home_demo").click()
    app.run()
    (job,) = Queue().jobs()
    assert (job.kind, job.state) == ("demo", "queued")
    assert app.session_state["frame_collection"] == job.collection
    assert any("waiting to start" in caption.value for caption in app.container(key="frame").caption)


def test_a_folder_of_this_computer_is_queued_where_it_is(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "Sea"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "a.png")
    monkeypatch.setenv("LOUPE_ROOTS", str(tmp_path))
    run(app).text_input(key="home_path").set_value(str(folder))
    run(app)
    assert any("1 image in Sea" in caption.value for caption in app.caption)
    app.button(key="home_folder_go").click()
    app.run()
    (job,) = Queue().jobs()
    assert job.args["source"] == str(folder.resolve())
    assert (job.args["keep"], job.args["confine"], job.args["captions"]) == (False, True, None)
    assert Collection.open("Sea").key == job.collection


def test_a_table_in_the_folder_is_offered_and_used(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "Sea"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "a.png")
    (folder / "words.csv").write_text("file,caption\na.png,the sea\n")
    monkeypatch.setenv("LOUPE_ROOTS", str(tmp_path))
    run(app).text_input(key="home_path").set_value(str(folder))
    run(app)
    assert app.selectbox(key=f"home_folder_table_{folder.resolve()}").options == ["words.csv", "no table"]
    app.button(key="home_folder_go").click()
    app.run()
    (job,) = Queue().jobs()
    assert job.args["captions"] == str(folder.resolve() / "words.csv")


def test_a_folder_outside_the_roots_is_refused_in_words(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOUPE_ROOTS", str(tmp_path))
    run(app).text_input(key="home_path").set_value("/etc/nothing-like-it")
    run(app)
    assert any("allowed are folders under" in caption.value for caption in app.caption)
    assert not Queue().jobs()


def arrived(app: AppTest, home: Path, files: dict[str, bytes]) -> _spool.Batch:
    """As if the visitor's browser had just sent these files."""
    batch = _spool.open_batch(home)
    for name, data in files.items():
        path = batch.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        batch.files[name] = len(data)
    app.session_state["home_batch"] = app.session_state["home_arrived"] = batch.batch_id
    return batch


def test_an_uploaded_folder_is_named_after_itself_and_moved_into_the_collection(app: AppTest, home: Path) -> None:
    files = {"Sea/a.jpg": b"1", "Sea/deep/b.png": b"2", "Sea/captions.csv": b"file,caption\na.jpg,x\n"}
    batch = arrived(app, home, files)
    batch.refused["Sea/notes.pdf"] = "not a picture, a zip or a table"
    run(app)
    assert app.text_input(key="home_name").value == "Sea"
    assert app.selectbox(key="home_table").value == "captions.csv"
    assert app.button(key="home_index").label == "Index 2 images"
    app.button(key="home_index").click()
    app.run()
    (job,) = Queue().jobs()
    assert job.args["source"] == str(batch.root / "Sea")
    assert job.args["captions"] == str(batch.root / "Sea" / "captions.csv")
    assert job.args["keep"] is True
    assert batch.root.is_dir()  # the worker needs it
    assert [skipped.file for skipped in Collection.open("Sea").skipped()] == ["Sea/notes.pdf"]


def test_nothing_usable_says_so_and_discarding_removes_it(app: AppTest, home: Path) -> None:
    batch = arrived(app, home, {})
    batch.refused["notes.pdf"] = "not a picture, a zip or a table"
    run(app)
    assert any("Nothing that can be indexed" in text.value for text in app.markdown)
    assert any("1 file not taken" in expander.label for expander in app.expander)
    app.button(key="home_again").click()
    run(app)
    assert not batch.folder.exists()


def test_a_table_alone_asks_which_collection_it_belongs_to(app: AppTest, home: Path) -> None:
    Collection.create("Shoes")
    arrived(app, home, {"more.csv": b"id,colour\nx,red\n"})
    run(app)
    assert app.selectbox(key="home_table_to").value == "shoes"
    app.button(key="home_table_add").click()
    run(app)
    assert any("0 images of Shoes got captions" in said.value for said in app.success)


def test_a_collection_can_be_renamed_deleted_and_brought_back(app: AppTest) -> None:
    Collection.create("Shoes")
    run(app)
    app.session_state["home_dialog"] = ("Rename", "shoes")
    run(app)
    assert app.text_input(key="home_rename").value == "Shoes"
    _home_cards._delete("shoes", "Shoes")
    assert [info.name for info in trashed_collections()] == ["Shoes"]
    run(app)
    app.button(key=f"home_restore_{trashed_collections()[0].key}").click()
    run(app)
    assert [info.name for info in _shared.collections()] == ["Shoes"]


def test_skipped_files_are_counted_on_the_card_and_listed(app: AppTest) -> None:
    Collection.create("Shoes").commit(skipped=[Skipped("bad.jpg", "cut short"), Skipped("b.png", "the file is empty")])
    run(app)
    assert app.button(key="home_skipped_shoes").label == "2 files skipped"
    app.button(key="home_skipped_shoes").click()
    run(app)
    assert set(app.dataframe[0].value["reason"]) == {"cut short", "the file is empty"}


def test_a_damaged_collection_is_named_and_can_only_be_deleted(app: AppTest, home: Path) -> None:
    Collection.create("Shoes")
    Collection.create("Hats")
    (home / "hats" / "collection.db").write_bytes(b"this is not a database" * 100)
    run(app)
    assert app.button(key="home_open_hats").disabled
    assert not app.button(key="home_open_shoes").disabled
    assert app.error


def test_a_failed_job_is_said_on_home(app: AppTest) -> None:
    Collection.create("Shoes")
    queue = Queue()
    job = queue.add("ingest", "shoes", {"source": "/gone"})
    queue.claim(1)
    queue.finish(job.job_id, "failed", message="nothing in it could be indexed")
    run(app)
    assert "Shoes: nothing in it could be indexed" in app.error[0].value
    app.button(key=f"home_dismiss_{job.job_id}").click()
    run(app)
    assert not app.error


def test_an_indexing_that_was_stopped_can_be_continued_from_its_card(app: AppTest, tmp_path: Path) -> None:
    Collection.create("Shoes")
    queue, folder = Queue(), tmp_path / "pictures"
    folder.mkdir()
    stopped = queue.add("ingest", "shoes", {"source": str(folder)})
    queue.claim(1)
    queue.beat(stopped.job_id, "indexing", 3, 9)
    queue.finish(stopped.job_id, "cancelled")
    run(app)
    assert app.button(key="home_continue_shoes").label == "Continue at 3 of 9"
    app.button(key="home_continue_shoes").click()
    run(app)
    (again,) = queue.jobs(live=True)
    assert (again.kind, again.args["source"]) == ("ingest", str(folder))
    assert not [button for button in app.button if button.key == "home_continue_shoes"]  # it is at work


def test_a_folder_can_be_looked_through_again_and_an_upload_not(app: AppTest, tmp_path: Path) -> None:
    queue = Queue()
    for name, keep in (("Shoes", False), ("Hats", True)):
        Collection.create(name)
        job = queue.add("ingest", name.lower(), {"source": str(tmp_path), "keep": keep})
        queue.claim(1)
        queue.finish(job.job_id, "done")
    last = _jobs.last_brought()
    assert _jobs.source_there(last["shoes"])
    assert not _jobs.source_there(last["hats"])  # nothing that could be indexed is left of it
    (tmp_path / "cut.jpg").write_bytes(b"x")
    assert _jobs.source_there(last["hats"])
    run(app)
    app.session_state["home_do_shoes"] = None
    _home_cards._bring_again("shoes")
    assert [job.collection for job in queue.jobs(live=True)] == ["shoes"]


@pytest.mark.parametrize(
    ("done", "total", "rate", "eta", "said"),
    [
        (1204, 1696, 24.0, 20.4, "Indexing 1,204 of 1,696, 24/s, 20 s left"),
        (3, 10, 0.42, 17.0, "Indexing 3 of 10, 0.4/s, 17 s left"),
        (0, 0, 0.0, None, "Indexing: scanning"),
        (5, 9000, 2.0, 4500.0, "Indexing 5 of 9,000, 2.0/s, 75 min left"),
        (5, 90000, 2.0, 45000.0, "Indexing 5 of 90,000, 2.0/s, 12 h 30 min left"),
    ],
)
def test_progress_in_one_line(done: int, total: int, rate: float, eta: float | None, said: str) -> None:
    from core.types import Job

    job = Job(1, "ingest", "c", "running", stage="scanning", done=done, total=total, rate=rate, eta=eta)
    assert _jobs.sentence(job) == said


def test_what_follows_an_indexing_names_its_step_once_and_a_queued_one_what_it_waits_for() -> None:
    from core.types import Job

    first = Job(1, "refresh", "a", "running", stage="drawing the map")
    assert _jobs.sentence(first) == "Drawing the map"
    assert _jobs.sentence(Job(1, "refresh", "a", "running", stage="finding neighbours", done=2, total=8)) == "Finding neighbours 2 of 8"
    second = Job(2, "ingest", "b", "queued")
    assert _jobs.sentence(second, _jobs.behind(second, [first, second], {"a": "Emoji demo"})) == "Indexing: waiting for Emoji demo"
    assert _jobs.behind(Job(3, "ingest", "a", "queued"), [first], {}) == ""


@pytest.mark.parametrize(("encoder", "said"), [("", "no vectors yet"), ("none", "vectors of your own"), ("starter", "starter")])
def test_vectors_are_named_in_words(encoder: str, said: str) -> None:
    Collection.create("Shoes")
    _shared.collections_changed()
    assert _shared.vectors_of(replace(_shared.collections()[0], encoder=encoder)) == said


def test_a_collection_that_is_being_filled_says_that_its_images_are_on_their_way(app: AppTest) -> None:
    Collection.create("Shoes")
    _shared.collections_changed()
    app.switch_page("pages/search.py").run()
    assert "No images here yet" in [heading.value for heading in app.subheader]
    Queue().add("ingest", "shoes", {"source": "/somewhere"})
    app.run()
    assert "The first images are on their way" in [heading.value for heading in app.subheader]
