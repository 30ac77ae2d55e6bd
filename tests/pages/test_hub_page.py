"""The tables of the Hubs page, a hub's own page, and the maps on both."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.jobs import Queue
from core.types import HubSetting
from pages import _hub_around, _hub_map, _shared
from tests.worlds import colour_world

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def app() -> AppTest:
    _shared.collections_changed()
    return AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)


@pytest.fixture
def wb(tmp_path):
    return colour_world(tmp_path / "images")


@pytest.fixture
def drawn(monkeypatch) -> list:
    """The points of every map that was drawn."""
    points: list = []
    for module in (_hub_map, _hub_around):
        monkeypatch.setattr(module, "map_view", lambda shown, **_: points.append(shown))
    return points


def framed(app: AppTest, **link: str) -> AppTest:
    for name, value in link.items():
        app.query_params[name] = value
    app.switch_page("pages/hubs.py").run()
    assert not app.exception
    assert app.title[0].value == "Hubs" and app.container(key="frame")
    return app


def texts(app: AppTest) -> list[str]:
    return [one.value for kind in (app.markdown, app.caption, app.subheader, app.info) for one in kind]


def a_hub(wb, **asked) -> str:
    """The largest; in this world no item is found twice as often as the mean, so it may be no hub."""
    view = wb.hubs.report(**asked)
    return str(view.item_ids[view.n_k.argmax()])


def test_the_table_says_how_far_beyond_chance_a_hub_is(app, wb):
    framed(app, k="1", side="captions")
    view = wb.hubs.report(1, "captions")
    rows = wb.hub_pages.hubs(view)
    assert rows, "this world has hubs at k = 1"
    table = app.dataframe[0].value
    assert table["N_k"].tolist() == [row.n_k for row in rows] == sorted((row.n_k for row in rows), reverse=True)
    assert set(table["expected"]) == {view.mean} and set(table["chance"]) == {view.chance}
    assert table["share"].tolist() == [row.n_k / 36 for row in rows]
    assert table["distance"].tolist() == [row.distance for row in rows]
    assert table["picture"][0] == f"/api/thumb/{wb.key}/{rows[0].item.item_id}"
    assert "after" not in table
    assert app.select_slider(key="hubs_k").value == 1 and app.selectbox(key="hubs_side").value == "captions"


def test_the_table_has_n_k_after_a_correction(app, wb):
    framed(app, k="1", side="captions", recipe="hub:is:20:items")
    view = wb.hubs.report(1, "captions")
    after = wb.correcting.corrected(view, HubSetting("is", 20.0, "items"))
    counted = dict(zip(after.item_ids.tolist(), after.n_k.tolist()))
    assert app.dataframe[0].value["after"].tolist() == [counted[row.item.item_id] for row in wb.hub_pages.hubs(view)]


def test_items_never_found_have_a_table_too(app, wb):
    framed(app, k="1", side="captions")
    view = wb.hubs.report(1, "captions")
    never = app.dataframe[1].value
    assert len(never) == (view.n_k == 0).sum() and set(never["N_k"]) == {0}
    assert never["distance"].tolist() == sorted(never["distance"], reverse=True)


def test_pictures_instead_of_tables_stay_in_the_link(app, wb):
    framed(app, k="1")
    app.segmented_control(key="hubs_list").set_value("pictures").run()
    assert not app.exception and app.query_params["list"] == "pictures"
    assert not app.dataframe
    app.segmented_control(key="hubs_list").set_value("table").run()
    assert "list" not in app.query_params and app.dataframe


def test_more_measures_are_there_with_what_they_mean(app, wb):
    framed(app)
    labels = {metric.label for metric in app.metric}
    assert {"Skewness without the never found", "Atkinson"} <= labels
    assert any("sqrt N_k" in text for text in texts(app))


def test_a_hub_of_the_link_has_its_own_page_and_a_way_back(app, wb, drawn):
    hub = a_hub(wb, k=5)
    view = wb.hubs.report(5)
    page = wb.hub_pages.page(view, hub)
    framed(app, hub=hub, k="5")
    assert any(f"{page.row.n_k} of 36 queries have it in their top 5" in text for text in texts(app))
    assert {metric.label for metric in app.metric} == {"N_k", "Expected", "Of queries", "Centroid distance"}
    assert any("choose captions as the queries" in text for text in texts(app))
    (points,) = drawn
    askers = [case.asker.item.item_id for case in page.cases]
    assert points.ids[0] == hub and points.ids[1 : 1 + len(askers)].tolist() == askers and len(points.ids) == 36
    assert points.star == tuple(points.xy[0].tolist())
    assert points.edges.tolist() == [[0, i + 1] for i in range(len(askers))] and points.pictured == 1 + len(askers)
    assert points.colouring.counts == (1, len(askers), 35 - len(askers))
    assert [points.colouring.codes[place] for place in points.drawn[:2]] == [0, 1]
    app.run()
    assert any("of 36 queries have it" in text for text in texts(app)), "a reload shows the same"
    app.button(key="hub_back").click().run()
    assert not app.exception and "hub" not in app.query_params
    assert any(metric.label == "Skewness of N_k" for metric in app.metric)


def test_a_hub_that_is_not_here_is_said(app, wb):
    framed(app, hub="*nobody*")
    assert any("not in this collection" in text for text in texts(app))
    app.button(key="hub_back").click().run()
    assert not app.exception and any(metric.label == "Gini" for metric in app.metric)


def test_captions_show_whose_right_answer_is_displaced_before_and_after(app, wb, drawn):
    view = wb.hubs.report(5, "captions")
    setting = HubSetting("is", 20.0, "items")
    pages = [wb.hub_pages.page(view, item_id, wb.correcting.corrected(view, setting)) for item_id in view.item_ids.tolist()]
    page = max(pages, key=lambda one: len(one.displaced))
    assert page.displaced, "some caption's image ranks below another"
    framed(app, hub=page.row.item.item_id, k="5", side="captions", recipe="hub:is:20:items")
    table = app.dataframe[0].value
    expected = [(c.asker.text, c.asker.rank, c.after, c.right_rank, c.right_after) for c in page.displaced]
    assert list(zip(table["query"], table["hub"], table["after"], table["rank"], table["then"])) == expected
    assert all(hub < right for _, hub, _, right, _ in expected)
    assert any(f"In {len(expected)} of" in text for text in texts(app))
    assert not any("in the bank of the correction" in text for text in texts(app))
    right = list(dict.fromkeys(case.right.item_id for case in page.displaced))
    assert drawn[0].ids[1 : 1 + len(right)].tolist() == right


def test_queries_that_are_their_own_bank_are_said_to_be(app, wb):
    view = wb.hubs.report(5, "captions")
    hub = max((wb.hub_pages.page(view, item_id) for item_id in view.item_ids.tolist()), key=lambda one: len(one.displaced))
    framed(app, hub=hub.row.item.item_id, k="5", side="captions", recipe="hub:is:20:captions")
    assert any("in the bank of the correction" in text for text in texts(app))


def test_queries_without_grades_say_how_to_get_to_know(app, wb):
    view = wb.hubs.report(5, "queries")
    framed(app, hub=a_hub(wb, k=5, query_side="queries"), k="5", side="queries")
    assert any("grade of 1 or more" in text for text in texts(app))
    wb.judgments.add(wb.judgments.queries()[0].query_id, str(view.item_ids[view.n_k == 0][0]), 2, "ann")
    app.run()
    assert not app.exception


def test_an_item_that_nobody_finds_has_a_page(app, wb):
    view = wb.hubs.report(1)
    framed(app, hub=str(view.item_ids[view.n_k == 0][0]), k="1")
    assert any(text.startswith("Never found: 0 of 36") for text in texts(app))
    assert "No query has it in its top 1." in texts(app)


def test_the_map_shows_n_k_as_size_and_a_part_of_the_correction(app, wb, drawn):
    framed(app, k="1", recipe="hub:is:20:items")
    view = wb.hubs.report(1)
    setting = HubSetting("is", 20.0, "items")

    def sizes(counted) -> list[int]:
        found = dict(zip(counted.item_ids.tolist(), counted.n_k.tolist()))
        counts = _hub_map.np.array([found[item_id] for item_id in drawn[-1].ids.tolist()])
        return _hub_map.sizes_by_count(counts, float(view.n_k.max())).tolist()

    assert drawn[-1].sizes.tolist() == sizes(wb.correcting.corrected(view, setting))
    assert drawn[-1].counts.sum() == 36
    whole = drawn[-1].map_id
    app.select_slider(key="hubs_part").set_value(0.5).run()
    assert not app.exception and app.query_params["part"] == "0.5"
    assert drawn[-1].sizes.tolist() == sizes(wb.correcting.corrected(view, setting, 0.5))
    app.select_slider(key="hubs_part").set_value(0.0).run()
    assert drawn[-1].sizes.tolist() == sizes(view) and drawn[-1].map_id == whole, "the picture keeps its place"
    n_k = dict(zip(view.item_ids.tolist(), view.n_k.tolist()))
    assert (drawn[-1].flags == [int(n_k[i] >= view.threshold) for i in drawn[-1].ids.tolist()]).all()
    app.select_slider(key="hubs_part").set_value(1.0).run()
    assert "part" not in app.query_params


@pytest.mark.parametrize("own_page", [False, True])
def test_without_a_map_there_is_a_button_that_makes_one(app, wb, monkeypatch, own_page):
    monkeypatch.setattr("core.jobs.ensure_worker", lambda home=None: False)
    monkeypatch.setattr("core.workbench.maps.MapService.collection_map", lambda self: None)
    framed(app, **({"hub": a_hub(wb)} if own_page else {}))
    assert "No map yet" in [one.value for one in app.subheader]
    app.button(key="hubs_make_map").click().run()
    assert not app.exception
    assert [job.kind for job in Queue().jobs(wb.key, live=True)] == ["refresh"]
    assert any("is being made" in text for text in texts(app))


def test_what_the_link_cannot_mean_is_as_usual(app, wb):
    framed(app, k="999", side="nobody", list="3d", part="7", recipe="hub:is:20:items")
    assert app.select_slider(key="hubs_k").value == 10 and app.selectbox(key="hubs_side").value == "items"
    assert app.segmented_control(key="hubs_list").value == "table" and app.select_slider(key="hubs_part").value == 1.0


def test_hostile_captions_stay_text(app, wb):
    item_id = a_hub(wb)
    wb.collection.set_captions(item_id, ["# *boo* <script>alert(1)</script>"])
    framed(app, hub=item_id)
    assert any(text.startswith("\\# \\*boo\\*") for text in texts(app))
    assert not any("<script>" in text for text in texts(app))
