"""Doing jobs in tests: the fake encoder by its name, and a worker that runs here instead of as a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes import FakeEncoder


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEncoder:
    """The fake encoder, loadable as ``fake`` by everything in this process."""
    import core.encode

    encoder = FakeEncoder()
    monkeypatch.setitem(core.encode._loaded, "fake", encoder)
    return encoder


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody starts a worker process: jobs wait in the queue until the test does them."""
    import core.jobs
    import core.jobs.waiting

    monkeypatch.setattr(core.jobs, "ensure_worker", lambda home=None: False)
    monkeypatch.setattr(core.jobs.waiting, "ensure_worker", lambda home=None: False)


@pytest.fixture
def worker_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever asks for a worker gets one on a thread of this process, which ends when the queue is empty."""
    import core.jobs
    import core.jobs.waiting
    from core.jobs.worker import run_worker

    threads: list[threading.Thread] = []

    def start(home: Path | None = None) -> bool:
        threads.append(threading.Thread(target=run_worker, args=(home,), kwargs={"idle_s": 0.0}))
        threads[-1].start()
        return True

    monkeypatch.setattr(core.jobs, "ensure_worker", start)
    monkeypatch.setattr(core.jobs.waiting, "ensure_worker", start)
    yield
    for thread in threads:
        thread.join(60)


@pytest.fixture
def do_jobs() -> Callable[[], None]:
    """``do_jobs()`` does everything in the queue, here and now."""
    from core.jobs.worker import run_worker

    def run() -> None:
        assert run_worker(idle_s=0.0)

    return run
