"""A collection that is indexed once, by the command line and its worker, and copied for every journey that needs one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import fakes

PROJECT = Path(__file__).resolve().parents[2]
NAME = "Drawn"
N_IMAGES = 48


def cli(home: Path, *arguments: str) -> dict:
    """Run ``python -m core`` on a home; its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "core", *arguments, "--json"], cwd=PROJECT, env={**os.environ, "LOUPE_HOME": str(home)},
        capture_output=True, text=True, timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with one collection of drawn pictures, its graph and map built, its worker stopped."""
    from core.jobs.queue import Queue
    from tests.browser.conftest import _stop_worker

    root = tmp_path_factory.mktemp("indexed")
    home = root / "home"
    home.mkdir()
    fakes.make_images(root / "images", N_IMAGES, size=160)
    with (root / "captions.csv").open("w", encoding="utf-8") as table:
        table.write("file,caption,colour\n")
        for path in sorted((root / "images").iterdir()):
            _, colour, shape = path.stem.split("-")
            table.write(f"{path.name},a {colour} {shape},{colour}\n")
    cli(home, "index", str(root / "images"), "--name", NAME, "--captions", str(root / "captions.csv"))
    for _ in range(600):
        if not Queue(home).jobs(live=True):
            break
        time.sleep(0.5)
    _stop_worker(home)
    yield home


@pytest.fixture
def drawn(indexed: Path, tmp_path: Path) -> Callable[[], Path]:
    """``drawn()`` copies the home, so that a journey may change it."""

    def copy() -> Path:
        target = tmp_path / "drawn-home"
        shutil.copytree(indexed, target)
        return target

    return copy
