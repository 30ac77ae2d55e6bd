"""Where good results end, on pages: learn and use it, the line in Search and its switch, and refining a judged query."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import InputError
from core.jobs import Queue
from core.jobs.pipelines import cutoff
from core.judge import graded
from core.query.parse import parse
from core.types import SavedQuery
from pages import _jobs, _shared
from tests.cutoff_world import cutoff_world
from tests.working import do_jobs, no_worker  # noqa: F401

PROJECT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("no_worker")
LINE = '"number 3 asked"'


@pytest.fixture
def app() -> AppTest:
    _shared.collections_changed()
    return AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)


@pytest.fixture
def panel(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The part, in a page that draws nothing else."""
    from pages._cutoff import cutoff_panel

    monkeypatch.setattr("pages._hub_parts.settings", lambda wb: None)
    monkeypatch.setattr("pages._hub_parts.not_yet", cutoff_panel)
    return app


def run(app: AppTest, at: str = "hubs", **asked: str) -> AppTest:
    for name, value in asked.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{at}.py").run()
    assert not app.exception
    assert app.container(key="frame")
    return app


def said(app: AppTest) -> str:
    parts = (*app.subheader, *app.markdown, *app.caption, *app.success, *app.info, *app.error)
    return "\n".join(part.value for part in parts).replace("\\", "")


def keys(app: AppTest) -> set[str]:
    return {button.key for button in app.button}


def learn(wb, do_jobs) -> None:  # noqa: ANN001, F811
    wb.cutoffs.start()
    do_jobs()


def grid(app: AppTest) -> dict:
    return next(json.loads(one.proto.json) for one in app.get("bidi_component") if one.key == "search_grid")


# ---------------------------------------------------------------- the panel


def test_too_few_labels_say_how_many_there_are_and_are_needed(panel, do_jobs) -> None:  # noqa: F811
    wb = cutoff_world(queries=2, judged=6)
    run(panel)
    assert "Queries of words: 12 judged results, 4 relevant, on 2 queries with a relevant one. Learning a probability" in said(panel)
    learn(wb, do_jobs)
    run(panel)
    text = said(panel)
    assert "Queries of words." in text and "which no judgment has checked" in text
    assert text.count("12 ") == 1 and "The line of the z-score falls within the first 40 results" in text
    assert not [table for table in panel.dataframe if "P@R95" in table.value.columns]
    panel.button(key="cutoff_use").click().run()
    assert wb.search(LINE, 20).cutoff.rung == "zscore"


def test_start_progress_and_cancel(panel) -> None:
    cutoff_world(queries=10)
    run(panel)
    panel.selectbox(key="cutoff_recall").set_value(0.9).run()
    panel.button(key="cutoff_start").click().run()
    (job,) = Queue().jobs()
    assert (job.kind, job.args["recipe"], job.args["recall"], job.args["rel"]) == ("cutoff", "plain", 0.9, 1)
    assert "the result waits here" in said(panel) and "cutoff_start" not in keys(panel)
    panel.button(key="cutoff_cancel").click().run()
    assert Queue().get(job.job_id).state == "cancelled"
    assert "cutoff_start" in keys(panel)


def test_a_failure_is_said_here_and_not_on_home(panel, do_jobs, monkeypatch) -> None:  # noqa: F811
    def fails(*a: object) -> None:
        raise InputError("The judgments have *gone*")

    monkeypatch.setattr(cutoff, "learn_all", fails)
    learn(cutoff_world(queries=6), do_jobs)
    run(panel)
    assert [error.value.replace("\\", "") for error in panel.error] == ["The judgments have *gone*"]
    assert not _jobs.failed()


def test_learned_used_left_off_and_undone(panel, do_jobs) -> None:  # noqa: F811
    wb = cutoff_world()
    learn(wb, do_jobs)
    run(panel)
    assert panel.success[0].value.startswith("Use the learned cut")
    part = wb.cutoffs.result().parts[0]
    assert part.falls in said(panel) and f"on {part.account['ends']['adapter']['within']} of 60 judged queries" in part.falls
    assert said(panel).count("1,200") == 1 and "716 of them are among the first 100, and only these count." in said(panel)
    table = next(table.value for table in panel.dataframe if "P@R95" in table.value.columns)
    assert list(table.columns) == ["Cut", "P@R95", "PR-AUC", "Recall", "Filtered", "Empty", "Gain", "ECE"]
    assert list(table["Cut"]) == ["plain cosine cut", "z-score", "curve for each query (advised)"]
    assert list(table["Gain"])[0] == "" and list(table["Gain"])[2].startswith("+")
    assert "Queries of one image. 0 results are judged, and learning a probability takes 20 or more. Until then no line is drawn" \
        in said(panel).replace("**", "")
    rows = next(table.value for table in panel.dataframe if "Probability said" in table.value.columns)
    tried = wb.cutoffs.result().parts[0].account["tried"][2]
    assert list(rows["Results"]) == [row["n"] for row in tried["reliability"]] and list(rows["Line"]).count("here") <= 1
    panel.button(key="cutoff_use").click().run()
    assert "show the line" in said(panel) and wb.search(LINE, 20).cutoff is not None
    panel.button(key="cutoff_off").click().run()
    assert wb.search(LINE, 20).cutoff is None and "cutoff_off" not in keys(panel)
    panel.button(key="cutoff_undo").click().run()
    assert wb.search(LINE, 20).cutoff is not None and "cutoff_undo" not in keys(panel)
    wb.judgments.add(wb.judgments.queries("set")[0].query_id, "x001", 1, "bea")
    run(panel)
    assert "The judgments have changed since this was learned" in said(panel)


def test_how_many_results_are_judged_is_said_once(panel, do_jobs, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr(graded, "LOOKED_AT", 1_000)
    wb = cutoff_world(queries=30)
    learn(wb, do_jobs)
    run(panel)
    assert "600 judged results, 180 relevant, on 30 queries with a relevant one. That is enough for a curve" in said(panel)
    assert "Queries of one image: nothing is judged, and learning a probability takes 20 or more." in said(panel)
    assert "results are judged" not in said(panel).split("Queries of words.")[1].split("Queries of")[0]


def test_a_line_of_another_recipe_can_be_left_off_too(panel, do_jobs) -> None:  # noqa: F811
    wb = cutoff_world(queries=10)
    learn(wb, do_jobs)
    wb.cutoffs.adopt()
    wb.cutoffs.start("hub:is:20:items")
    do_jobs()
    run(panel)
    assert "cutoff_off" not in keys(panel) and "cutoff_off_plain" in keys(panel)
    panel.button(key="cutoff_off_plain").click().run()
    assert not wb.cutoffs.shown() and "cutoff_off_plain" not in keys(panel)
    panel.button(key="cutoff_undo").click().run()
    assert {how["recipe"] for how in wb.cutoffs.shown().values()} == {"plain"}


# ---------------------------------------------------------------- the line in Search


def test_the_line_and_its_switch(app, do_jobs) -> None:  # noqa: F811
    wb = cutoff_world()
    learn(wb, do_jobs)
    run(app, "search", q=LINE, k="100")
    before = [card["id"] for card in grid(app)["cards"]]
    assert grid(app)["divider"] is None and "search_line" not in {toggle.key for toggle in app.toggle}
    wb.cutoffs.adopt()
    run(app, "search")
    cut = wb.search(LINE, 100).cutoff
    shown = grid(app)
    assert shown["divider"]["before"] == cut.after < 48
    assert shown["divider"]["label"] == f"less likely relevant below ({cut.probability:.0%} relevant at the line)"  # above one half
    assert shown["divider"]["title"] == cut.words
    assert [card["id"] for card in shown["cards"]] == before  # it moves nothing
    assert f"{cut.after} of 100 shown are above the line" in said(app)
    app.toggle(key="search_line").set_value(False).run()
    assert not app.exception
    assert grid(app)["divider"] is None and app.query_params["line"] in ("off", ["off"])
    app.toggle(key="search_line").set_value(True).run()
    assert grid(app)["divider"] is not None and "line" not in app.query_params
    wb.judgments.add(wb.judgments.queries("set")[0].query_id, "x001", 1, "bea")
    app.run()
    assert "The judgments have changed since it was learned" in said(app)


@pytest.mark.parametrize(
    ("probability", "words"),
    [(None, "likely irrelevant below"), (0.12, "likely irrelevant below (12% relevant at the line)"),
     (0.8, "less likely relevant below (80% relevant at the line)")],
)  # fmt: skip
def test_what_stands_on_the_line(probability, words) -> None:
    from core.types import Cutoff, Hit, Query, SearchResult
    from pages._search_line import divider

    hits = tuple(Hit(f"x{n}", n + 1, 0.0, 0.0) for n in range(4))
    result = SearchResult(Query(), 4, hits, 4, 4, "exact", cutoff=Cutoff(2, True, 0.1, probability, words="Why."))
    assert divider(result, hits) == {"before": 2, "label": words, "title": "Why."}
    assert divider(result, hits[2:])["before"] == 0 and divider(result, hits[3:]) is None and divider(result, hits[:2]) is None


def test_a_link_with_the_line_off_is_kept(app, do_jobs) -> None:  # noqa: F811
    wb = cutoff_world()
    learn(wb, do_jobs)
    wb.cutoffs.adopt()
    run(app, "search", q=LINE, line="off")
    assert grid(app)["divider"] is None and not app.toggle(key="search_line").value
    assert any("line=off" in block.value for block in app.code)


def test_the_line_is_on_the_page_it_falls_on(app, do_jobs, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr("pages._search_state.PAGE_SIZE", 5)
    wb = cutoff_world()
    learn(wb, do_jobs)
    wb.cutoffs.adopt()
    cut = wb.search(LINE, 100).cutoff
    assert cut.after > 5
    for page in (1, cut.after // 5 + 1, cut.after // 5 + 2):
        run(app, "search", q=LINE, k="100", page=str(page))
        expected = cut.after - 5 * (page - 1)
        divider = grid(app)["divider"]
        assert (divider is None) if not 0 <= expected < 5 else divider["before"] == expected


def test_for_another_recipe_it_is_not_shown_and_that_is_said_once(app, do_jobs) -> None:  # noqa: F811
    wb = cutoff_world()
    learn(wb, do_jobs)
    wb.cutoffs.adopt()
    note = "learned with the recipe plain; the line is not shown with this one"
    run(app, "search", q=LINE, recipe="hub:is:20:items")
    assert note in said(app) and grid(app)["divider"] is None
    app.run()
    assert note in said(app)  # the same search is drawn again
    app.text_input(key="search_box").set_value('"number 4 asked"').run()
    assert note not in said(app)


# ---------------------------------------------------------------- refining


@pytest.fixture
def judge(app: AppTest) -> AppTest:
    return app


def test_refine_before_and_after_and_search_with_it(judge) -> None:
    wb = cutoff_world(queries=3)
    query = wb.judgments.queries("set")[0]
    run(judge, "judge", judge_name="ann", query=query.query_id)
    assert "added to the query, by their grade" in said(judge)
    judge.button(key="judge_refine_go").click().run()
    assert not judge.exception
    expected = wb.judgments.refine(query)
    values = {metric.label: metric.value for metric in judge.metric}
    assert values == {"nDCG@10 before": f"{expected.gain.before:.3f}", "After": f"{expected.gain.after:.3f}"}
    assert "In 95 of 100 splits the difference lies between" in said(judge)
    assert "alpha 1 for the query, beta 0.75 for relevant images, gamma 0.15" in said(judge)
    assert any(block.value == expected.line for block in judge.code)
    judge.run()
    assert len(judge.metric) == 2  # it stays until something is judged
    wb.judgments.add(query.query_id, "x199", 1, "ann")
    judge.run()
    assert not judge.metric and "judge_refine_go" in keys(judge)


def test_refine_with_nothing_relevant_or_nothing_judged(judge) -> None:
    wb = cutoff_world(queries=0)
    query = parse("number <b>1</b>")
    wb.collection.save_queries([SavedQuery(query.query_id, "number <b>1</b>", query)], "set")
    run(judge, "judge", judge_name="ann", query=query.query_id)
    assert "judge_refine_go" not in keys(judge) and "Rocchio" not in said(judge)
    wb.judgments.add(query.query_id, "x001", 0, "ann")
    judge.run()
    assert "It takes a relevant image, one or more; 1 image is graded and 0 are relevant." in said(judge)
    wb.judgments.add(query.query_id, "x002", 3, "ann")
    judge.run()
    judge.button(key="judge_refine_go").click().run()
    assert not judge.exception
    assert "Not measured: Measuring what refining does takes 4 judged images or more, 2 of them relevant; here 2 are judged" in said(judge)


def test_the_part_that_is_drawn_again_is_polled() -> None:
    sources = [(PROJECT / "pages" / name).read_text() for name in ("_cutoff.py", "_measured.py")]
    assert "measured(" in sources[0] and "polled(" in sources[1] and "run_every" not in "".join(sources)
