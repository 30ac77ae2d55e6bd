"""Uploads: what is taken, what is refused with which reason, and from whom."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.errors import InputError, NotFound
from pages import _imports, _spool

JPEG = b"\xff\xd8\xff" + b"x" * 100


@pytest.fixture
def batch(home: Path) -> _spool.Batch:
    return _spool.open_batch(home)


@pytest.fixture
def client(batch: _spool.Batch) -> TestClient:
    return TestClient(Starlette(routes=_imports.routes()), base_url="http://127.0.0.1:8501",
                      headers={"X-Loupe-Token": batch.token})


def test_a_file_is_written_under_its_path(client: TestClient, batch: _spool.Batch) -> None:
    answer = client.post(f"/api/import/{batch.batch_id}?name=holiday/day 1/sea.JPG&size=103", content=JPEG)
    assert (answer.status_code, answer.json()) == (200, {"bytes": 103})
    assert (batch.root / "holiday" / "day 1" / "sea.JPG").read_bytes() == JPEG
    assert batch.n_bytes == 103
    assert [p.name for p in batch.named({".jpg"})] == ["sea.JPG"]
    assert not [p for p in batch.folder.iterdir() if p.name.startswith("part-")]


@pytest.mark.parametrize(
    ("name", "size", "reason"),
    [
        ("notes.pdf", 10, "not a picture, a zip or a table"),
        ("README", 10, "not a picture, a zip or a table"),
        ("huge.jpg", 20_000_001, "too large: 20,000,001 bytes, and the most is 20,000,000"),
        ("all.zip", 1_000_000_001, "too large: 1,000,000,001 bytes, and the most is 1,000,000,000"),
    ],
)
def test_refused_files_are_named_with_the_reason(client, batch, name: str, size: int, reason: str) -> None:
    answer = client.post(f"/api/import/{batch.batch_id}?name={name}&size={size}")
    assert (answer.status_code, answer.json()) == (422, {"refused": reason})
    assert [(s.file, s.reason) for s in batch.skipped] == [(name, reason)]
    assert not batch.files


def test_a_body_that_is_longer_than_it_said_is_cut_off(client, batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_spool.LIMITS, ".jpg", 50)
    answer = client.post(f"/api/import/{batch.batch_id}?name=a.jpg&size=10", content=JPEG)
    assert answer.json() == {"refused": "too large: more than 50 bytes"}
    assert not list(batch.folder.rglob("*.*")) and not batch.files


@pytest.mark.parametrize("name", ["../../evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "a/%00.jpg"])
def test_paths_stay_inside_the_batch(client, batch, home: Path, name: str) -> None:
    answer = client.post(f"/api/import/{batch.batch_id}?name={name}&size=3", content=b"abc")
    assert answer.status_code == 422
    assert not list(home.rglob("*evil*"))


def test_files_that_nobody_means_are_dropped_silently(client, batch) -> None:
    for name in (".DS_Store", "a/.hidden/b.jpg", "__MACOSX/x.jpg", "Thumbs.db"):
        assert client.post(f"/api/import/{batch.batch_id}?name={name}&size=3", content=b"abc").json()["ignored"]
    assert not batch.files and not batch.refused


def test_a_wrong_token_or_a_strange_page_gets_nothing(client, batch) -> None:
    address = f"/api/import/{batch.batch_id}?name=a.jpg&size=103"
    assert client.post(address, content=JPEG, headers={"X-Loupe-Token": "guess"}).status_code == 404
    assert client.post(address, content=JPEG, headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.post(address, content=JPEG, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post("/api/import/0123?name=a.jpg&size=103", content=JPEG).status_code == 404
    assert not batch.files
    fine = {"Origin": "http://127.0.0.1:8501", "Sec-Fetch-Site": "same-origin"}
    assert client.post(address, content=JPEG, headers=fine).status_code == 200


def test_a_file_where_a_folder_is_says_so(client, batch) -> None:
    client.post(f"/api/import/{batch.batch_id}?name=a.jpg/b.jpg&size=103", content=JPEG)
    answer = client.post(f"/api/import/{batch.batch_id}?name=a.jpg&size=103", content=JPEG)
    assert "the same name" in answer.json()["refused"]


def test_closing_removes_the_files_and_forgets_the_batch(client, batch) -> None:
    client.post(f"/api/import/{batch.batch_id}?name=a.jpg&size=103", content=JPEG)
    _spool.close(batch.batch_id, remove=True)
    assert not batch.folder.exists()
    with pytest.raises(NotFound):
        _spool.find(batch.batch_id)


def test_old_uploads_are_swept_and_open_ones_kept(home: Path, client, batch) -> None:
    client.post(f"/api/import/{batch.batch_id}?name=a.jpg&size=103", content=JPEG)
    old, waiting = home / ".spool" / "old", home / ".spool" / "waiting"
    for folder in (old, waiting, batch.folder):
        folder.mkdir(exist_ok=True)
        os.utime(folder, (time.time() - 3 * 86_400,) * 2)
    assert _spool.sweep(home, in_use=[str(waiting / "files")]) == 1
    assert batch.folder.is_dir() and waiting.is_dir() and not old.exists()


@given(st.text(max_size=60))
def test_a_clean_name_never_leaves_the_folder(name: str) -> None:
    try:
        clean = _spool.clean_name(name)
    except InputError:
        return
    root = Path("/spool/files")
    assert Path(os.path.normpath(root / clean)).is_relative_to(root)
    assert not clean.startswith("/") and "\0" not in clean
