"""The frame: every page is shown inside it, the picker and the link agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.store import Collection
from core.types import Job
from pages._shared import collections as _shared_collections

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def app() -> AppTest:
    from pages import _shared

    _shared.collections_changed()
    return AppTest.from_file(str(PROJECT / "app.py"), default_timeout=30)


def test_home_without_collections_says_so_in_the_frame(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert app.title[0].value == "Home"
    assert app.container(key="frame").caption[0].value == "No collection yet"


def test_the_latest_collection_is_picked_and_stands_in_the_link(app: AppTest) -> None:
    Collection.create("Shoes")
    app.run()
    assert not app.exception
    assert app.selectbox(key="frame_picker").value == "shoes"
    assert app.query_params["c"] == "shoes"


def test_the_link_picks_the_collection(app: AppTest) -> None:
    for name in ("Shoes", "Hats"):
        Collection.create(name)
    app.query_params["c"] = "shoes"
    app.run()
    assert app.selectbox(key="frame_picker").value == "shoes"
    app.selectbox(key="frame_picker").set_value("hats").run()
    assert app.query_params["c"] == "hats"
    assert app.session_state["frame_collection"] == "hats"


def test_a_link_to_a_collection_that_is_not_there_says_so(app: AppTest) -> None:
    Collection.create("Shoes")
    app.query_params["c"] = "gone"
    app.run()
    assert "gone" in app.warning[0].value
    assert app.selectbox(key="frame_picker").value == "shoes"
    assert app.query_params["c"] == "shoes"


def test_a_page_that_streamlit_runs_alone_draws_the_frame_around_itself(app: AppTest) -> None:
    Collection.create("Shoes")
    app.run()
    app.switch_page("pages/judge.py").run()
    assert not app.exception
    assert app.selectbox(key="frame_picker").value == "shoes"


def test_errors_are_said_in_a_sentence_and_never_traced() -> None:
    def script() -> None:
        from core.errors import InputError
        from pages._server import on_script_error

        assert on_script_error(InputError("The zip has 3 GB, and 1 GB is the most."))
        assert on_script_error(ZeroDivisionError("division by zero"))

    app = AppTest.from_function(script, default_timeout=30).run()
    assert not app.exception
    assert app.error[0].value == "The zip has 3 GB, and 1 GB is the most."
    assert "Something went wrong" in app.error[1].value
    assert "division" not in app.error[1].value


def test_images_that_come_while_indexing_can_be_included_in_the_results(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    from pages import _frame, _jobs

    Collection.create("Shoes")
    job = Job(7, "ingest", "shoes", "running", "indexing", 60, 100, 20.0, 2.0)
    monkeypatch.setattr(_jobs, "live_jobs", lambda *args: [job])
    app.switch_page("pages/search.py").run()
    assert not app.exception and "frame_more" not in [one.key for one in app.button]
    there = _frame.picked
    monkeypatch.setattr(_frame, "picked", lambda: replace(there(), n_items=60))  # 50 when the page was drawn
    monkeypatch.setattr(_frame, "collections", lambda: tuple(replace(info, n_items=50) for info in _shared_collections()))
    app.run()
    assert not app.exception and app.button(key="frame_more").label == "Include 10 new"
    app.switch_page("pages/hubs.py").run()
    assert "frame_more" not in [one.key for one in app.button]  # nothing is listed there
