"""The Map page in the frame."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.worlds import colour_world

PROJECT = Path(__file__).resolve().parents[2]
ROUND_ALL = "-1000.-1000_101000.-1000_101000.101000_-1000.101000"


@pytest.fixture
def app() -> AppTest:
    from pages import _shared

    _shared.collections_changed()
    return AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)


@pytest.fixture
def wb(tmp_path):
    return colour_world(tmp_path / "images")


def framed(app: AppTest, **link: str) -> AppTest:
    for name, value in link.items():
        app.query_params[name] = value
    app.switch_page("pages/map.py").run()
    assert not app.exception
    assert app.container(key="frame")  # the page stands in the frame, not alone
    return app


def texts(app: AppTest) -> list[str]:
    return [one.value for kind in (app.markdown, app.caption, app.text, app.subheader) for one in kind]


def test_without_a_collection_the_page_says_so(app):
    framed(app)
    assert "No map yet" in [one.value for one in app.subheader]


def test_a_map_is_there_at_once_with_its_picker(app, wb):
    framed(app)
    assert app.segmented_control(key="map_tab").value == "collection"
    assert app.selectbox(key="map_by").value == "cluster"
    assert any("principal axes" in text for text in texts(app))
    app.selectbox(key="map_by").set_value("n_k").run()
    assert not app.exception
    assert app.query_params["by"] == "n_k"


def test_a_link_opens_the_drawer_over_all_points(app, wb):
    n = len(wb.collection.view().live)
    framed(app, sel=ROUND_ALL)
    assert f"**{n:,} of {n:,} selected**" in texts(app)
    app.button(key="map_tag").click().run()
    assert not app.exception
    assert f"{n} images selected." in texts(app)


def test_hidden_colours_are_left_out_of_the_selection(app, wb):
    framed(app, sel=ROUND_ALL + "~0", by="none")
    assert any(text.startswith("**0 of") for text in texts(app))


def test_a_broken_link_shows_the_map_without_a_selection(app, wb):
    framed(app, sel="nonsense", by="no-such-column", t="elsewhere")
    assert app.selectbox(key="map_by").value == "cluster"
    assert not any("selected" in text for text in texts(app))
    assert "by" not in app.query_params


def test_this_query_asks_for_one_and_then_says_how_true_the_picture_is(app, wb):
    framed(app, t="query")
    assert "Ask something" in [one.value for one in app.subheader]
    app.text_input(key="map_query").set_value("red").run()
    assert not app.exception
    assert any("of true neighbours are neighbours here too" in text for text in texts(app))
    assert app.query_params["q"] == "red" and app.query_params["t"] == "query"
    app.text_input(key="map_query").set_value('"red').run()
    assert not app.exception
    assert not any("true neighbours" in text for text in texts(app))
    app.segmented_control(key="map_tab").set_value("collection").run()
    assert "t" not in app.query_params


def test_more_like_this_leads_to_the_map_of_the_query(app, wb):
    framed(app)
    item_id = str(wb.collection.view().item_ids[0])
    app.session_state["search_state"] = {**app.session_state["search_state"], "q": f"image:{item_id}"}
    app.session_state["search_touched"] = True
    app.run()
    assert not app.exception
    assert app.segmented_control(key="map_tab").value == "query" and app.query_params["t"] == "query"
    app.segmented_control(key="map_tab").set_value("collection").run()
    assert app.segmented_control(key="map_tab").value == "collection"
