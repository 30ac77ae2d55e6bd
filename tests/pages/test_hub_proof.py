"""The Hubs page's "Does a correction help here?": what is needed, start, cancel, table, use, leave off."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import InputError
from core.jobs import Queue
from core.jobs.pipelines import prove
from core.query.parse import parse
from core.types import SavedQuery
from core.workbench import Workbench, proving
from pages import _jobs, _shared
from tests.proof_world import proof_world
from tests.working import do_jobs, no_worker  # noqa: F401
from tests.worlds import colour_world

PROJECT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("no_worker")


@pytest.fixture
def app() -> AppTest:
    _shared.collections_changed()
    return AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)


def run(app: AppTest) -> AppTest:
    app.switch_page("pages/hubs.py").run()
    assert not app.exception
    assert app.container(key="frame")
    return app


def said(app: AppTest) -> str:
    """All words, as they are read: without the backslashes that keep markdown from them."""
    parts = (*app.subheader, *app.markdown, *app.caption, *app.success, *app.info, *app.error)
    return "\n".join(part.value for part in parts).replace("\\", "")


def keys(app: AppTest) -> set[str]:
    return {button.key for button in app.button}


def measure(wb: Workbench, do_jobs: object) -> None:  # noqa: F811
    wb.proof.start()
    do_jobs()  # type: ignore[operator]


def test_too_little_says_what_is_needed(app: AppTest, tmp_path: Path) -> None:
    colour_world(tmp_path / "images")
    run(app)
    text = said(app)
    assert "Does a correction help here?" in text
    assert "Captions: 36 images have a caption, and this needs 150 or more" in text
    assert "Judgments: No query has a right answer" in text and "drop a CSV" in text
    assert "hubs_proof_start" not in keys(app)


def test_start_progress_and_cancel(app: AppTest) -> None:
    proof_world()
    run(app)
    assert app.selectbox(key="hubs_proof_from").options == ["Captions (239 images)", "Labels: kind (240 images)"]
    app.selectbox(key="hubs_proof_from").select_index(1).run()
    assert "must find others of its kind" in said(app)
    app.button(key="hubs_proof_start").click().run()
    (job,) = Queue().jobs()
    assert (job.kind, job.args["truth"], job.args["column"]) == ("prove", "labels", "kind")
    assert "the result waits here" in said(app) and "hubs_proof_start" not in keys(app)
    app.button(key="hubs_proof_cancel").click().run()
    assert Queue().get(job.job_id).state == "cancelled"
    assert "hubs_proof_start" in keys(app)


def test_a_failure_is_said_here_and_not_on_home_as_an_indexing_to_repeat(app: AppTest, do_jobs, monkeypatch) -> None:  # noqa: F811
    def too_late(*a: object) -> None:
        raise InputError("The captions have gone")

    monkeypatch.setattr(prove, "prove", too_late)
    measure(proof_world(), do_jobs)
    run(app)
    assert [error.value for error in app.error] == ["The captions have gone"]
    assert "hubs_proof_start" in keys(app)
    assert not _jobs.failed()


def test_a_recommendation_is_used_and_left_off(app: AppTest, do_jobs) -> None:  # noqa: F811
    wb = proof_world()
    measure(wb, do_jobs)
    run(app)
    best = wb.proof.result().recommended
    assert app.success[0].value.startswith(f"Use {best.called} with {best.bank} as the bank")
    table = app.dataframe[-1].value
    assert list(table.columns) == ["Correction", "R@1", "Bank", "R@5", "R@10", "nDCG@10", "Skewness", "Never found"]
    assert list(table["Correction"])[0] == "As it is"
    row = table[(table["Correction"] == best.called) & (table["Bank"] == best.bank)].iloc[0]
    assert row["R@1"].endswith(best.figure("R@1").words)
    assert "interval of its difference on the test part lies above 0" in said(app)
    app.button(key="hubs_proof_use").click().run()
    assert wb.proof.adopted() is not None
    assert "Kept as the recipe **hub-corrected**" in said(app) and "hubs_proof_use" not in keys(app)
    app.button(key="hubs_proof_off").click().run()
    assert wb.proof.adopted() is None and "hubs_proof_use" in keys(app)


def test_leave_it_off_offers_nothing_to_use(app: AppTest, do_jobs) -> None:  # noqa: F811
    measure(proof_world(lean=0.0), do_jobs)
    run(app)
    assert any(info.value.startswith("Leave it off") for info in app.info)
    assert "hubs_proof_use" not in keys(app) and "hubs_proof_off" not in keys(app)


def test_what_search_cannot_do_is_said_instead_of_a_button(app: AppTest, do_jobs, monkeypatch) -> None:  # noqa: F811
    measure(proof_world(), do_jobs)

    def cannot(made: object) -> None:
        raise InputError("That correction is not available.")

    monkeypatch.setattr(proving, "check", cannot)
    run(app)
    assert "That correction is not available" in said(app) and "hubs_proof_use" not in keys(app)


def test_a_stale_result_says_so(app: AppTest, do_jobs) -> None:  # noqa: F811
    wb = proof_world()
    measure(wb, do_jobs)
    wb.collection.trash_items(["x000"])
    run(app)
    assert "have changed since this was measured" in said(app)
    line = wb.proof.result().line
    assert line not in said(app)


def test_the_finding_is_the_second_line_of_the_page(app: AppTest, do_jobs) -> None:  # noqa: F811
    wb = proof_world()
    run(app)
    assert "Correcting for hubs" not in said(app)
    measure(wb, do_jobs)
    run(app)
    figure = wb.proof.result().recommended.figure("R@1")
    line = f"Correcting for hubs lifts R@1 from {figure.before:.1f} to {figure.after:.1f} ({figure.change:+.1f}, 95 % interval "
    (shown,) = [one.value for one in app.markdown if one.value.startswith("Correcting for hubs")]
    assert shown.replace("\\", "").startswith(line) and shown.replace("\\", "").endswith("on your captions.")
    # It stands before the measures, which come right after the headline.
    order = [part.value for part in app.main if part.type in ("subheader", "markdown", "caption")]
    assert order.index(shown) < 4


def test_a_column_of_labels_is_not_chosen_unasked(app: AppTest) -> None:
    wb = proof_world(bare=240)
    wb.collection.update_metadata([(item, (), {"place": f"p{at % 5}", "number": f"n{at}"}) for at, item in enumerate(wb.collection.ids())])
    run(app)
    choice = app.selectbox(key="hubs_proof_from")
    assert choice.options == ["Labels: kind (240 images)", "Labels: place (240 images)"]  # number names each image
    assert choice.value is None and app.button(key="hubs_proof_start").disabled
    app.selectbox(key="hubs_proof_from").select_index(1).run()
    assert not app.button(key="hubs_proof_start").disabled
    app.button(key="hubs_proof_start").click().run()
    assert [job.args["column"] for job in Queue().jobs()] == ["place"]
    assert "Measuring with the labels in place" in said(app)


def test_a_second_proof_says_that_another_is_under_way(app: AppTest) -> None:
    wb = proof_world()
    run(app)
    app.selectbox(key="hubs_proof_from").select_index(1).run()
    wb.proof.start("captions")  # from another window, meanwhile
    app.button(key="hubs_proof_start").click().run()
    assert len(app.error) == 1
    assert "Another one is being measured, with the captions; wait until it is done, or cancel it." in said(app)
    assert "Measuring with the captions" in said(app)
    assert [job.args["truth"] for job in Queue().jobs()] == ["captions"]


def test_judged_at_ten_stands_beside_the_figures_and_few_queries_get_no_advice(app: AppTest, do_jobs) -> None:  # noqa: F811
    wb = proof_world()
    for at in range(30):
        query = parse(f'"number {at} asked"')
        wb.collection.save_queries([SavedQuery(query.query_id, f"number {at} asked", query)], "set")
        wb.judgments.add(query.query_id, f"x{at:03d}", 3, "ann")
        for hit in wb.search(query, 10):
            if hit.item_id != f"x{at:03d}":
                wb.judgments.add(query.query_id, hit.item_id, 0, "ann")
    filtered = parse('"number 40 asked"', "kind = 'k0'")
    wb.collection.save_queries([SavedQuery(filtered.query_id, "number 40", filtered)], "set")
    wb.judgments.add(filtered.query_id, "x040", 3, "ann")
    wb.proof.start("judgments")
    do_jobs()
    run(app)
    table = app.dataframe[-1].value
    assert float(table["Judged@10"][0]) > 90 and list(table.columns)[:2] == ["Correction", "nDCG@10"]
    text = said(app)
    assert "No advice: 15 independent questions tested, and it takes 50 or more to advise" in text
    assert "Judged@10 falls from" in text and "1 judged query is left out: 1 with a filter" in text
    assert "hubs_proof_use" not in keys(app)


def test_what_is_measured_only_is_marked(app: AppTest, do_jobs) -> None:  # noqa: F811
    measure(proof_world(), do_jobs)
    run(app)
    names = list(app.dataframe[-1].value["Correction"])
    assert "Dual dynamic inverted softmax at beta 20 (measured only)" in [
        name.replace("beta 5 ", "beta 20 ").replace("beta 10 ", "beta 20 ").replace("beta 40 ", "beta 20 ").replace("beta 80 ", "beta 20 ")
        for name in names
    ]
    assert "CSLS at k 10" in names
    assert "are no question's right answer" in said(app)


def test_this_part_is_drawn_again_as_others_are() -> None:
    sources = [(PROJECT / "pages" / name).read_text() for name in ("_hub_proof.py", "_measured.py")]
    assert "measured(" in sources[0] and "polled(" in sources[1] and "run_every" not in "".join(sources)
