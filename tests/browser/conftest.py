"""Journeys in real Chromium: a fresh server on a free loopback port with a home of its own, and a browser."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--use-gl=swiftshader", "--enable-webgl", "--ignore-gpu-blocklist",
]
PATIENCE_MS = 60_000
"""How long a journey waits for something to appear; machines of the CI are slow."""


@dataclass
class Server:
    """A running app."""

    url: str
    home: Path
    log: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End the app and the worker of its home, and nothing else."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
        _stop_worker(self.home)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Debian's Chromium; skips without it, or fails where ``LOUPE_REQUIRE_BROWSER=1``."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        reason = "Chromium is not installed: apt-get install chromium"
        if os.environ.get("LOUPE_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[object]:
    """One browser for all journeys; each journey has a context of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser) -> Iterator[object]:  # noqa: ANN001 - playwright is imported where it is needed
    """A fresh browser window: no cookies, no history."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.fixture
def serve(chromium: str, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """``serve()`` starts a fresh app; ``serve(home=...)`` on a home that a test has prepared."""
    running: list[Server] = []

    def start(home: Path | None = None, **env: str) -> Server:
        server = start_server(home or tmp_path / "home", tmp_path / f"server-{len(running)}.log", **env)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


def start_server(home: Path, log: Path, **env: str) -> Server:
    """Start the app and wait until it answers."""
    home.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "LOUPE_HOME": str(home), "LOUPE_DEMO": "", "PYTHONUNBUFFERED": "1", **env}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port),
             "--server.address", "127.0.0.1", "--server.headless", "true"],
            cwd=PROJECT, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    for _ in range(240):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).read()
            return Server(url, home, log, process)
        except OSError:
            time.sleep(0.25)
    process.kill()
    raise RuntimeError(f"the app did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _stop_worker(home: Path) -> None:
    """End the worker of this home, by the id it noted down, if it still holds the lock."""
    from core.jobs.lock import WorkerLock
    from core.jobs.queue import Queue

    note = Queue(home).worker() if (home / "jobs.db").is_file() else None
    if note is not None and WorkerLock(home).is_held():
        with contextlib.suppress(ProcessLookupError):
            os.kill(note.pid, signal.SIGTERM)


def settled(page) -> None:  # noqa: ANN001
    """Wait until Streamlit says that no script runs."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=PATIENCE_MS)
