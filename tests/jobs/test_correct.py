"""The job that makes a hub correction: what it says while it works."""

from __future__ import annotations

import pytest

from core.jobs import Queue
from core.jobs.pipelines import correct, wording
from core.jobs.progress import Progress
from core.jobs.worker import Context
from core.rank.hubness import item_bias
from core.types import HubSetting
from pages import _jobs
from tests.fakes import FakeEncoder
from tests.worlds import colour_world


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """(stage, done, total) at every step of a job."""
    steps: list[tuple[str, int, int]] = []
    check = Progress.check

    def noted(self: Progress) -> None:
        steps.append((self._stage, self._done, self._total))
        check(self)

    monkeypatch.setattr(Progress, "check", noted)
    return steps


def do(wb, setting):  # noqa: ANN001, ANN201
    queue = Queue()
    queue.add("correct", wb.key, {"set": wb.collection.set().set_id, "method": setting.method, "beta": setting.beta, "bank": setting.bank})
    job = queue.claim(0)
    with Progress(queue, job.job_id) as progress:
        return correct.run(Context(queue.home, queue, job, progress))


def test_the_texts_of_the_bank_are_a_stage_of_their_own(home, tmp_path, monkeypatch, seen):  # noqa: ANN001
    monkeypatch.setattr(wording, "TEXT_CHUNK", 10)
    wb = colour_world(tmp_path / "images")
    assert do(wb, HubSetting("is", 20.0, "captions"))["made"]
    texts = sorted({wb.collection.item(item).captions[0] for item in wb.collection.ids()})
    n = len(texts)
    encoding = [(done, total) for stage, done, total in seen if stage == correct.READING]
    assert encoding[0] == (0, n) and encoding[-1] == (n, n) and (10, n) in encoding
    stages = list(dict.fromkeys(stage for stage, _, _ in seen))
    assert stages == ["reading the bank", correct.READING, correct.COMPARING]
    assert [done for stage, done, _ in seen if stage == correct.COMPARING] == [0, 36]
    view = wb.collection.view()
    expected = item_bias(FakeEncoder().encode_texts(texts), view.rows(view.live), "is", 20.0)  # in whatever order they were encoded
    assert wb.correcting.bias(HubSetting("is", 20.0, "captions"))[1] == pytest.approx(expected - expected.mean(), abs=1e-5)
    seen.clear()
    assert do(wb, HubSetting("is", 10.0, "captions"))["made"]  # the texts are known by now
    assert list(dict.fromkeys(stage for stage, _, _ in seen)) == ["reading the bank", correct.COMPARING]


def test_the_stage_is_what_pages_say(home, tmp_path):  # noqa: ANN001
    wb = colour_world(tmp_path / "images")
    queue = Queue()
    queue.add("correct", wb.key, {})
    job = queue.claim(0)
    queue.beat(job.job_id, correct.READING, 640, 2_000, 0.0, None)
    assert _jobs.sentence(queue.get(job.job_id)) == "Encoding the texts of the bank 640 of 2,000"
