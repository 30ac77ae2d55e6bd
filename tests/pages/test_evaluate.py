"""The Evaluate page: what to do where nothing is judged, run, table, query by query, story, links."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from core.jobs import Queue
from core.query.parse import parse
from core.store import Collection
from core.types import Judgment, SavedQuery
from core.workbench import Workbench
from pages import _jobs, _judge_screen, _shared
from tests.working import do_jobs, no_worker  # noqa: F401
from tests.worlds import colour_world

PROJECT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("no_worker")


@pytest.fixture
def app() -> AppTest:
    _shared.collections_changed()
    return AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)


def run(app: AppTest) -> AppTest:
    app.switch_page("pages/evaluate.py").run()
    assert not app.exception
    assert app.title[0].value == "Evaluate" and app.container(key="frame")
    return app


def said(app: AppTest) -> str:
    parts = (*app.subheader, *app.markdown, *app.caption, *app.info, *app.warning, *app.error)
    return "\n".join(part.value for part in parts).replace("\\", "")


def html(app: AppTest) -> str:
    return "\n".join(one.proto.body for one in app.get("html"))


def keys(app: AppTest) -> set[str]:
    return {button.key for button in app.button}


def judged(tmp_path: Path, origin: str = "judge") -> Workbench:
    wb = colour_world(tmp_path / "images")
    for query in wb.judgments.queries("Colours"):
        for grade, item in zip((3, 0, 2, 1), wb.search(query.query, 4, log=False).item_ids):
            wb.collection.judgments.add(Judgment(query.query_id, item, grade, "ann", origin=origin))
    return wb


def evaluated(tmp_path: Path, do_jobs, *recipes: str, origin: str = "judge") -> Workbench:  # noqa: F811
    wb = judged(tmp_path, origin)
    wb.evaluations.start("Colours", recipes or ("plain", "hub:is:20:items"))
    do_jobs()
    return wb


def test_nothing_there_says_what_to_do(app, tmp_path):
    assert "No collection yet" in said(run(app))
    Collection.create("Empty")
    _shared.collections_changed()
    assert "No queries to evaluate with" in said(run(app)) and "Write a few on Judge" in said(app)
    wb = colour_world(tmp_path / "images")
    app.query_params["c"] = wb.key
    _shared.collections_changed()
    assert "No judgments yet" in said(run(app)) and "There are 3 queries, and no grade" in said(app)
    assert "evaluate_start" not in keys(app)


def test_run_watch_cancel(app, tmp_path):
    judged(tmp_path)
    run(app)
    assert [one.label for one in app.multiselect] == ["Recipes to compare"]
    assert app.multiselect[0].value == ["plain", "hubs-corrected"]
    app.button(key="evaluate_start").click().run()
    assert not app.exception
    (job,) = Queue().jobs()
    assert (job.kind, job.args["query_set"], job.args["recipes"], job.args["depth"]) == ("evaluate", "Colours",
                                                                                         ["plain", "hubs-corrected"], 50)
    assert "evaluate_start" not in keys(app) and "You can leave this page" in said(app)
    app.button(key="evaluate_cancel").click().run()
    assert Queue().get(job.job_id).state == "cancelled" and "evaluate_start" in keys(app)


def test_a_failure_is_said_here_and_not_on_home(app, tmp_path, do_jobs):  # noqa: F811
    wb = judged(tmp_path)
    wb.evaluations.start("Colours", ["plain"])
    for query in wb.judgments.queries("Colours"):
        wb.collection.delete_query(query.query_id)
    wb.judgments.add_typed_queries("red", "Colours")
    wb.collection.delete_query(wb.judgments.queries("Colours")[0].query_id)
    do_jobs()
    wb.judgments.add_typed_queries("red", "Colours")
    run(app)
    assert any("needs a query or more" in error.value for error in app.error)
    assert not _jobs.failed()


def test_the_table_is_shown_with_its_words(app, tmp_path, do_jobs):  # noqa: F811
    wb = evaluated(tmp_path, do_jobs)
    table = wb.evaluations.result("Colours").table
    run(app)
    shown = html(app)
    for one in table.metrics:
        assert f">{one.title}</th>" in shown
        for recipe in table.recipes:
            assert f"{table.cells[recipe, one.key].mean.value:.3f}" in shown
    assert "hub:is:20:items</th>" in shown and "unjudged" in shown and "<b>" in shown
    text = said(app)
    assert "relevant is what was graded 1 or more" in text and "Holm" in text and "Only 3 queries measured" in text
    assert "Made without people" not in text
    assert "RR down to the first relevant one, or at all where there is none" in text
    assert {button.label for button in app.get("download_button")} == {"Report (HTML)", "CSV", "JSON", "TREC runs (zip)"}
    app.selectbox(key=f"evaluate_rel_{wb.key}").set_value("2").run()
    assert not app.exception and "graded 2 or more" in said(app) and app.query_params["rel"] == "2"
    app.selectbox(key=f"evaluate_base_{wb.key}").set_value("hub:is:20:items").run()
    assert not app.exception and app.query_params["base"] == "hub:is:20:items"


def test_each_metric_is_defined_within_a_hover(app, tmp_path, do_jobs):  # noqa: F811
    wb = evaluated(tmp_path, do_jobs)
    meanings = {one.key: one.meaning for one in wb.evaluations.result("Colours").table.metrics}
    run(app)
    assert all(f'title="{text}"' in html(app) for text in meanings.values()) and ".lp-table th[title]{cursor:help" in html(app)
    heading = next(one for one in app.subheader if "nDCG@10" in one.value)
    assert meanings["nDCG@10"] in heading.proto.help.replace("\\", "")
    (table,) = [one for one in app.dataframe if "Metric" in one.value.columns]
    heads = {name: said.get("help") for name, said in json.loads(table.proto.columns).items()}
    assert "mAP@50\\:" in heads["Metric"] and heads["Queries"]
    app.query_params["view"], app.query_params["metric"] = "queries", "RR"
    run(app)
    assert app.selectbox(key=f"evaluate_metric_{wb.key}").help.replace("\\", "") == meanings["RR"]
    assert any(one.proto.help.replace("\\", "") == meanings["nDCG@10"] for one in app.caption if "of which" in one.value)
    assert "A line joins" not in said(app) and 'class="lp-wide">A line joins' in html(app)  # where there are lines: not on a phone


def test_query_by_query_chooses_by_link_and_by_list(app, tmp_path, do_jobs):  # noqa: F811
    wb = evaluated(tmp_path, do_jobs)
    queries = wb.judgments.queries("Colours")
    app.query_params["view"], app.query_params["query"] = "queries", queries[1].query_id
    run(app)
    assert any("blue" in one.value for one in app.subheader)
    bars = json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]
    assert len(bars["x"]) == 3
    shown = html(app)
    assert shown.count('class="lp-row"') == 20 and "3 perfect" in shown and "unjudged" in shown and "lp-lines" in shown
    app.selectbox(key=f"evaluate_query_{wb.key}").set_value(queries[0].query_id).run()
    assert not app.exception and app.query_params["query"] == queries[0].query_id
    assert any("red" in one.value for one in app.subheader)


def test_a_link_to_a_set_without_queries_says_whose_figures_these_are(app, tmp_path, do_jobs):  # noqa: F811
    evaluated(tmp_path, do_jobs)
    app.query_params["set"] = "*Gone*"
    assert "The query set *Gone* of this link has no queries here. These are the figures of Colours (3 of 3 judged)." in said(run(app))
    app.query_params["set"] = "Colours"
    assert "of this link" not in said(run(app))


@pytest.mark.parametrize(("set_name", "people"), [("Colours", False), ("", False), ("Colours", True)])
def test_judge_what_is_missing_opens_exactly_that(app, tmp_path, do_jobs, monkeypatch, set_name, people):  # noqa: F811
    wb = judged(tmp_path)
    wb.judgments.add_typed_queries("purple\npink", "Others")
    wb.querysets.add("red -green", "A set that is chosen on Judge")
    other, top = wb.judgments.queries("Others")[1], "hub:is:20:items"
    for query in (other, wb.judgments.queries("Colours")[1]):
        made = wb.search(query.query, 8, log=False).item_ids[-1]
        wb.collection.judgments.add(Judgment(query.query_id, made, 1, "names", origin="names and keywords"))
    wb.evaluations.start(set_name, ["plain", top, "sum"])
    do_jobs()
    app.query_params["set"] = set_name or "-"
    if people:
        app.query_params["people"] = "1"
    run(app)
    found = wb.evaluations.result(set_name, people_only=people)
    missing = wb.evaluations.missing(found)
    seen = []
    monkeypatch.setattr(_judge_screen, "judging_screen", lambda data, **_: seen.append(data))
    assert opened(link(app, "Judge what is missing"), seen) == (first := next(iter(missing)), missing[first])
    for query in missing:
        app.query_params["view"], app.query_params["query"] = "queries", query
        app.query_params["recipe"] = top
        run(app)
        firsts = {item for name in ("plain", top) for item in found.rankings[name][query][:10]}
        n = len(firsts - found.grades[query].keys())
        assert opened(link(app, f"Judge what is missing ({n})"), seen) == (query, n)
        assert {item["id"] for item in seen[-1]["items"]} == firsts - found.grades[query].keys()


def link(app: AppTest, label: str) -> dict[str, str]:
    """Where a link with this label leads: its parameters."""
    (one,) = [one.proto for one in app.get("page_link") if one.proto.label == label]
    assert one.page == "judge"
    return dict(parse_qsl(one.query_string, strict_parsing=True))


def opened(params: dict[str, str], seen: list) -> tuple[str, int]:
    """The query and the number of images that Judge shows under such a link to somebody who was at another set."""
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)
    page.session_state["judge_set"] = "A set that is chosen on Judge"
    for name, value in {**params, "judge_name": "bob"}.items():
        page.query_params[name] = value
    page.switch_page("pages/judge.py").run()
    assert not page.exception
    return seen[-1]["query"]["id"], len(seen[-1]["items"])


def test_the_story_goes_step_by_step(app, tmp_path, do_jobs):  # noqa: F811
    evaluated(tmp_path, do_jobs)
    app.query_params["view"] = "story"
    run(app)
    assert "1. A query" in html(app)
    for n, name in enumerate(("A win", "A failure", "Why", "The fix"), 2):
        app.button(key="evaluate_next").click().run()
        assert not app.exception and f"{n}. {name}" in html(app) and app.query_params["step"] == str(n)
    assert app.button(key="evaluate_next").disabled
    app.button(key="evaluate_back").click().run()
    assert "4. Why" in html(app)


def test_a_composed_query_is_named_in_words_with_its_picture(app, tmp_path, do_jobs):  # noqa: F811
    wb = judged(tmp_path)
    item = wb.items.many(wb.collection.ids()[:1])[0]
    query = parse(f"image:{item.item_id} red")
    wb.collection.save_queries([SavedQuery(query.query_id, f"image:{item.item_id} red", query)], "Composed")
    wb.judgments.add(query.query_id, wb.collection.ids()[1], 2, "ann")
    wb.evaluations.start("Composed", ("plain", "sum"))
    do_jobs()
    words = f"like {item.file}, with: red"
    app.query_params.update({"view": "story", "set": "Composed"})
    run(app)
    assert f"\u201c{words}\u201d" in html(app) and f"/{item.item_id}\" alt=\"{item.file}\"" in html(app)
    app.query_params["view"] = "queries"
    run(app)
    assert f"\u201c{words}\u201d" in said(app) and app.selectbox(key=f"evaluate_query_{wb.key}").options[0].startswith(words)
    shown = json.dumps([chart.proto.spec for chart in app.get("plotly_chart")])
    assert words in shown and item.item_id not in shown + said(app)


def test_one_recipe_alone_can_be_looked_at(app, tmp_path, do_jobs):  # noqa: F811
    evaluated(tmp_path, do_jobs, "plain")
    run(app)
    assert "plain has nDCG@10" in said(app)
    app.query_params["view"] = "queries"
    run(app)
    assert "the worst first" in said(app) and "lp-card" in html(app)


def test_made_grades_are_named_and_people_only_says_there_are_none(app, tmp_path, do_jobs):  # noqa: F811
    wb = evaluated(tmp_path, do_jobs, origin="names and keywords")
    run(app)
    assert "12 of 12 grades were made without people, from: ann" in said(app)
    app.toggle(key=f"evaluate_people_{wb.key}").set_value(True).run()
    assert not app.exception and "None of these queries has a grade to measure with by people" in said(app)
    assert app.query_params["people"] == "1"


def test_what_is_stale_says_so(app, tmp_path, do_jobs):  # noqa: F811
    wb = evaluated(tmp_path, do_jobs)
    wb.collection.trash_items(wb.collection.ids()[:1])
    run(app)
    assert any("Run it again" in one.value for one in app.warning)


def test_hostile_words_stay_words(app, tmp_path, do_jobs):  # noqa: F811
    wb = judged(tmp_path)
    query = wb.judgments.queries("Colours")[0]
    wb.collection.save_queries([SavedQuery(query.query_id, "<script>x</script> **bold**", query.query)], "Colours")
    wb.evaluations.start("Colours", ["plain", "sum"])
    do_jobs()
    app.query_params["view"], app.query_params["query"] = "queries", query.query_id
    run(app)
    assert "<script>" not in html(app)
    assert any("\\*\\*bold" in one.value for one in app.subheader)


def test_pools_are_started_from_the_page(app, tmp_path, do_jobs):  # noqa: F811
    wb = judged(tmp_path)
    run(app)
    app.button(key="evaluate_pools_start").click().run()
    do_jobs()
    assert wb.evaluations.pools()["captions"] == 36
    run(app)
    assert "36 captions, 36 images" in said(app)


def test_rankings_that_are_damaged_are_said_and_can_be_made_again(app, tmp_path, do_jobs):  # noqa: F811
    wb = evaluated(tmp_path, do_jobs)
    (path,) = wb.collection.artifacts_folder.glob("evaluation-*")
    path.write_bytes(b"no JSON")
    run(app)
    assert len(app.error) == 1 and "evaluate_start" in keys(app)
    app.button(key="evaluate_start").click().run()
    do_jobs()
    run(app)
    assert not app.error and "nDCG@10" in html(app)
