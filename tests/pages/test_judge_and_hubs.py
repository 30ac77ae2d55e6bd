"""Judge and Hubs in the frame."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.graph import knn
from core.jobs import Queue
from core.store import Collection
from core.types import HubSetting
from pages import _shared
from tests.worlds import colour_world

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def app() -> AppTest:
    _shared.collections_changed()
    return AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)


def framed(app: AppTest, page: str, title: str) -> AppTest:
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert app.title[0].value == title
    assert app.container(key="frame")  # the page stands in the frame, not alone
    return app


@pytest.mark.parametrize(("page", "title", "says"), [("judge", "Judge", "Nothing to judge yet"), ("hubs", "Hubs", "No collection yet")])
def test_without_a_collection_the_page_says_so(app, page, title, says):
    framed(app, page, title)
    assert says in [one.value for one in app.subheader]


def test_judging_asks_for_a_name_then_shows_the_first_query(app, tmp_path):
    wb = colour_world(tmp_path / "images")
    framed(app, "judge", "Judge")
    assert "Write your name first" in app.info[0].value
    app.text_input(key="judge_name").set_value("ann").run()
    assert not app.exception
    assert not app.info
    assert app.query_params["query"] == wb.judgments.queries("Colours")[0].query_id
    assert "Query 1 of 3 · Colours" in [one.value for one in app.caption]
    app.button(key="judge_next").click().run()
    assert "Query 2 of 3 · Colours" in [one.value for one in app.caption]
    app.button(key="judge_previous").click().run()
    assert "Query 1 of 3 · Colours" in [one.value for one in app.caption]


def test_a_judge_continues_where_the_last_grade_was_given(app, tmp_path):
    wb = colour_world(tmp_path / "images")
    _, second, _ = wb.judgments.queries("Colours")
    found = wb.search(second.query, 10).item_ids
    wb.judgments.add(second.query_id, found[0], 3, "ann")
    framed(app, "judge", "Judge")
    app.text_input(key="judge_name").set_value("ann").run()
    assert "Query 2 of 3 · Colours" in [one.value for one in app.caption]  # one of its ten is graded
    assert any("1 grade by 1 judge on 1 query." in one.value for one in app.caption)


def test_a_judge_who_is_done_with_a_query_gets_one_without_grades(app, tmp_path):
    wb = colour_world(tmp_path / "images")
    first, _, _ = wb.judgments.queries("Colours")
    for item_id in wb.search(first.query, 10).item_ids:
        wb.judgments.add(first.query_id, item_id, 1, "ann")
    framed(app, "judge", "Judge")
    app.text_input(key="judge_name").set_value("ann").run()
    assert "Query 2 of 3 · Colours" in [one.value for one in app.caption]


def test_a_query_that_cannot_be_read_is_pointed_at_and_none_is_added(app, tmp_path):
    wb = colour_world(tmp_path / "images")
    framed(app, "judge", "Judge")
    app.segmented_control(key="judge_part").set_value("Queries").run()
    app.text_area[0].set_value('red\n"never closed')
    app.button("FormSubmitter:judge_add_Colours-Add queries").click().run()
    assert not app.exception
    assert len(app.error) == 1 and "^" in app.code[0].value
    assert app.segmented_control(key="judge_part")  # the rest of the page stands
    assert len(wb.judgments.queries("Colours")) == 3


def test_hubs_say_the_finding_in_words(app, tmp_path):
    wb = colour_world(tmp_path / "images")
    framed(app, "hubs", "Hubs")
    view = wb.hubs.report()
    assert f"{view.report.antihub_share:.1%} of the items are never found" in app.subheader[0].value
    assert {metric.label for metric in app.metric} >= {"Skewness of N_k", "Robin Hood index", "Never found"}
    app.select_slider(key="hubs_k").set_value(5).run()
    assert not app.exception
    assert any("top 5" in one.value for one in app.caption)


def test_a_hub_correction_shows_what_it_changes(app, tmp_path):
    wb = colour_world(tmp_path / "images")
    framed(app, "hubs", "Hubs")
    assert not any(metric.delta for metric in app.metric)
    app.selectbox(key="hubs_correction_method").set_value("is").run()
    assert not app.exception and app.query_params["recipe"] == "hub:is:20:auto"
    view = wb.hubs.report()
    after = wb.correcting.corrected(view, HubSetting("is", 20.0, "auto"))
    skew = next(metric for metric in app.metric if metric.label == "Skewness of N_k")
    assert skew.value == f"{view.report.skewness:.2f} \u2192 {after.report.skewness:.2f}"
    assert any(one.value.startswith("With the correction ") for one in app.markdown)
    names = [trace["name"] for trace in json.loads(app.get("plotly_chart")[0].proto.spec)["data"]]
    assert names == ["before", "after"]
    app.select_slider(key="hubs_correction_beta").set_value(5.0).run()
    app.selectbox(key="hubs_correction_bank").set_value("items").run()
    assert not app.exception and app.query_params["recipe"] == "hub:is:5:items"
    assert any("are those of its bank" in one.value for one in app.markdown)
    app.button(key="hubs_use").click().run()
    assert not app.exception


def test_a_correction_of_the_link_that_cannot_be_is_said(app, tmp_path):
    colour_world(tmp_path / "images")
    app.query_params["recipe"] = "hub:magic:1:items"
    framed(app, "hubs", "Hubs")
    assert "magic" in app.warning[0].value


@pytest.mark.parametrize("n", [1, 3, 16])
def test_too_few_images_for_hubs_is_said(app, tmp_path, n):
    colour_world(tmp_path / "images", n)
    framed(app, "hubs", "Hubs")
    assert app.subheader[0].value.startswith(f"Too few images to speak of hubs: {n}")


def test_hubs_that_are_not_counted_say_what_will_change_that(app, tmp_path, monkeypatch):
    monkeypatch.setattr("core.jobs.ensure_worker", lambda home=None: False)
    Collection.create("Empty")
    framed(app, "hubs", "Hubs")
    assert "No images yet" in [one.value for one in app.subheader]
    wb = colour_world(tmp_path / "images")
    monkeypatch.setattr("core.graph.knn.load", lambda *_, **__: None)
    app.query_params["c"] = wb.key
    _shared.collections_changed()
    framed(app, "hubs", "Hubs")
    assert any("have not been found yet" in one.value for one in app.markdown)
    app.button(key="hubs_refresh").click().run()
    assert [job.kind for job in Queue().jobs(wb.key, live=True)] == ["refresh"]
    assert any("are being found" in one.value for one in app.markdown)


def test_how_many_items_were_compared_in_full_is_said_where_rough_cosines_decided(app, tmp_path):
    wb = colour_world(tmp_path / "images")
    wb.maps.refresh()
    assert not any("Every pair was compared" in one.value for one in framed(app, "hubs", "Hubs").caption)  # all were
    view = wb.collection.view()
    graph = knn.load(wb.collection)
    knn.save(wb.collection, replace(graph, in_full=2))
    framed(app, "hubs", "Hubs")
    (said,) = [one.value for one in app.caption if "Every pair was compared" in one.value]
    assert f"2 items in full precision; for the other {len(view.live) - 2} " in said
