"""Home's dialog for adapting: refuse, start, watch, before and after, accept, back; nothing here starts a worker."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.jobs import Queue
from core.workbench import Workbench
from pages import _shared
from tests.working import do_jobs  # noqa: F401
from tests.worlds import colour_world

PROJECT = Path(__file__).resolve().parents[2]
ADAPT = ("Adapt...", "colours")


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.jobs.pipelines import maps

    monkeypatch.setattr("core.jobs.ensure_worker", lambda home=None: False)
    monkeypatch.setattr(maps, "run", lambda context: {})


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(_shared, "demo_pictures", lambda n=8: ((b"",), 1867))
    return AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)


def run(app: AppTest, ask: bool = False) -> AppTest:
    _shared.collections_changed()
    if ask:
        app.session_state["home_dialog"] = ADAPT
    app.run()
    assert not app.exception
    assert len(app.container(key="frame").caption) >= 1  # in the frame, or the wrong thing is being tested
    return app


@pytest.fixture
def wb(tmp_path: Path) -> Workbench:
    """96 pictures whose captions are all different: the colour, and a number that says nothing."""
    made = colour_world(tmp_path / "pictures", 96)
    for n, item in enumerate(made.collection.items(made.collection.ids())):
        made.collection.set_captions(item.item_id, [f"{item.caption} number {n}"])
    return made


def said(app: AppTest) -> str:
    parts = (*app.markdown, *app.caption, *app.success, *app.info, *app.warning, *app.error)
    return "\n".join(part.value for part in parts)


def test_too_few_captions_are_refused_in_words(app: AppTest, tmp_path: Path) -> None:
    wb = colour_world(tmp_path / "pictures", 20)
    run(app, ask=True)
    assert "20 images have a caption, and adapting needs 50 or more" in said(app)
    assert not [button for button in app.button if button.key == "home_adapt_start"]
    assert wb.adapt.job() is None


def test_start_progress_and_cancel(app: AppTest, wb: Workbench) -> None:
    run(app, ask=True)
    assert "the original stays for the way back" in said(app)
    assert app.selectbox(key="home_adapt_from").options == ["Captions (96 images)", "colour (12 kinds, 96 images)"]
    app.button(key="home_adapt_start").click()
    run(app)
    (job,) = Queue().jobs()
    assert (job.kind, job.state, job.args["labels"]) == ("align", "queued", "")
    assert "go on searching" in said(app)
    app.button(key="home_adapt_cancel").click()
    run(app)
    assert Queue().get(job.job_id).state == "cancelled"
    assert app.button(key="home_adapt_start")


def test_a_column_can_be_learned_from(app: AppTest, wb: Workbench) -> None:
    run(app, ask=True)
    app.selectbox(key="home_adapt_from").select_index(1)
    run(app)
    app.button(key="home_adapt_start").click()
    run(app)
    assert Queue().jobs()[0].args["labels"] == "colour"


def offer(wb: Workbench, monkeypatch: pytest.MonkeyPatch, do_jobs: object, gain: bool) -> None:  # noqa: F811
    """An adaptation that is as good, or as useless, as the test needs."""
    from core.jobs.pipelines import align

    compare = align.compare

    def better(images, texts, words, parts, fitted, *more):
        from dataclasses import replace

        from core.encode.adapt import Fitted, Residual
        from core.metrics.intervals import Interval

        report = compare(images, texts, words, parts, Fitted(*(2 * [Residual.identity(16)]), 1, 1.0, 0.0, 0.0), *more)
        change = Interval(12.3, 8.1, 16.4, 29) if gain else Interval(-0.3, -1.2, 0.6, 29)
        return replace(report, verdict="gain" if gain else "none", overall=replace(report.overall, change=change))

    monkeypatch.setattr(align, "compare", better)
    monkeypatch.setattr(align, "fit", lambda *a, **k: _some())
    wb.adapt.start()
    do_jobs()  # type: ignore[operator]


def _some():
    import numpy as np

    from core.encode.adapt import Fitted, Residual

    head = Residual(np.zeros((16, 16), np.float32), np.full(16, 0.01, np.float32))
    return Fitted(head, head, 10, 1.0, 0.5, 0.6)


def test_before_and_after_accept_back_and_again(app: AppTest, wb: Workbench, monkeypatch, do_jobs) -> None:  # noqa: F811
    offer(wb, monkeypatch, do_jobs, gain=True)
    run(app)
    app.button(key="home_adapted_colours").click()  # the card says that there is something to decide
    run(app)
    text = said(app)
    assert "Better: on 29 images kept apart" in text and "+12.3, interval 8.1 to 16.4" in text
    assert "Words find their image" in text and "first answer |" in text
    assert "**better by 12.3 (+8.1 to +16.4)**" in text
    assert "only the 29 others are reported on" in text and "Seed 0" in text
    app.button(key="home_adapt_accept").click()
    run(app)
    assert wb.adapt.job().args["action"] == "accept"
    do_jobs()
    run(app)
    assert wb.adapt.in_use
    assert "In use" in said(app) and "adapted encoder" in said(app)
    app.button(key="home_adapt_back").click()
    run(app)
    assert wb.collection.set().encoder == "fake"
    assert app.button(key="home_adapt_accept").label == "Use it again"


def test_no_gain_is_said_and_discarding_recommended(app: AppTest, wb: Workbench, monkeypatch, do_jobs) -> None:  # noqa: F811
    offer(wb, monkeypatch, do_jobs, gain=False)
    run(app, ask=True)
    assert "No measurable gain: -0.3, interval -1.2 to 0.6. Discard it" in said(app)
    app.button(key="home_adapt_discard").click()
    run(app)
    assert wb.adapt.result().state == "discarded"
    assert app.button(key="home_adapt_start")


def test_a_failed_adaptation_says_why_and_leads_back_to_the_dialog(app: AppTest, wb: Workbench) -> None:
    wb.adapt.start()
    queue = Queue()
    job = queue.claim(1)
    queue.finish(job.job_id, "failed", message="the encoder is not here", error="EncoderError")
    run(app)
    assert "the encoder is not here" in app.error[0].value
    app.button(key=f"home_again_{job.job_id}").click()
    run(app)
    assert app.button(key="home_adapt_start")
