"""Fixtures of every room: a home of its own for each test, a tiny encoder, pictures, and the research images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import fakes

PROJECT = Path(__file__).resolve().parents[1]


def data_folder() -> Path:
    """Where the research images are: ``LOUPE_DATA``, or ``../shared/data`` beside the project."""
    return Path(os.environ.get("LOUPE_DATA") or PROJECT.parent / "shared" / "data")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, with the reason, what needs data that is not here; run benchmarks only when asked for by their marker."""
    folder = data_folder()
    no_data = pytest.mark.skip(reason=f"needs the research images: {folder} is absent; set LOUPE_DATA")
    no_bench = pytest.mark.skip(reason="measures; run by `make bench` (pytest -m bench)")
    for item in items:
        if item.get_closest_marker("needs_data") and not folder.is_dir():
            item.add_marker(no_data)
        if item.get_closest_marker("bench") and "bench" not in (config.option.markexpr or ""):
            item.add_marker(no_bench)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh ``LOUPE_HOME`` for every test; afterwards this process lets go of its files.

    ``LOUPE_CACHE`` is left alone: exported model graphs are expensive, and hash-checked. Nothing of a test has to
    survive a power cut, so this process does not wait for the disk.
    """
    from core.store import db, view

    folder = tmp_path / "home"
    monkeypatch.setenv("LOUPE_HOME", str(folder))
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    made = db.Database.__init__

    def made_without_waiting(database: db.Database, *args: object, **more: object) -> None:
        made(database, *args, **{**more, "synchronous": "OFF"})

    monkeypatch.setattr(db.Database, "__init__", made_without_waiting)
    yield folder
    view.forget()
    db.close_idle()


@pytest.fixture
def data_dir() -> Path:
    """The research images; a test that uses it carries the marker ``needs_data``."""
    return data_folder()


@pytest.fixture
def fake_encoder() -> fakes.FakeEncoder:
    """An encoder of 16 dimensions for which "red" finds red pictures."""
    return fakes.FakeEncoder()


@pytest.fixture
def make_images() -> Callable[..., list[Path]]:
    """``make_images(folder, n)`` writes n different pictures named by colour and shape; see `tests.fakes`."""
    return fakes.make_images
