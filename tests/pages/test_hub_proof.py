"""The Hubs page's "Does a correction help here?": what is needed, start, cancel, table, use, leave off."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import InputError
from core.jobs import Queue
from core.jobs.pipelines import prove
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
    return "\n".join(part.value for part in (*app.subheader, *app.markdown, *app.caption, *app.success, *app.info, *app.error))


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
