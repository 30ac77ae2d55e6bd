"""Pictures by address: what is sent, what never is, and to whom."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.ingest.images import load
from core.store import Collection
from core.types import NewItem
from pages import _hosts, _routes


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=_routes.routes())
    return TestClient(_hosts.HostCheck(app), base_url="http://127.0.0.1:8501")


def add(collection: Collection, path: Path, item_id: str | None = None) -> str:
    loaded = load(path)
    item = NewItem(
        item_id=item_id or loaded.item_id, sha256=loaded.sha256, file=path.name, path=str(path), root=str(path.parent),
        width=loaded.width, height=loaded.height, n_bytes=loaded.n_bytes, date=loaded.date, thumbnail=loaded.thumbnail,
    )
    collection.commit([item])
    return item.item_id


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    Image.new("RGB", (640, 480), (200, 30, 30)).save(path)
    return path


def test_a_thumbnail_is_a_jpeg_kept_for_ever_and_runs_nothing(client: TestClient, picture: Path) -> None:
    item_id = add(Collection.create("Shoes"), picture)
    answer = client.get(f"/api/thumb/shoes/{item_id}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(answer.content)).size) == 320
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    again = client.get(f"/api/thumb/shoes/{item_id}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and again.content == b""


def test_ids_that_a_table_gave_are_asked_about_again(client: TestClient, picture: Path) -> None:
    add(Collection.create("Shoes"), picture, item_id="shoe:7")
    assert client.get("/api/thumb/shoes/shoe:7").headers["cache-control"] == "private, no-cache"


def test_the_full_image_is_the_file_itself(client: TestClient, picture: Path) -> None:
    item_id = add(Collection.create("Shoes"), picture)
    answer = client.get(f"/api/full/shoes/{item_id}")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == picture.read_bytes()
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize("ending", ["tif", "bmp", "jp2", "ppm"])
def test_formats_that_browsers_do_not_show_become_jpeg(client: TestClient, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"large.{ending}"
    Image.new("RGB", (3000, 1500), (10, 120, 40)).save(path)
    item_id = add(Collection.create("Shoes"), path)
    answer = client.get(f"/api/full/shoes/{item_id}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(answer.content)).size) <= 2400


def test_a_lost_original_shows_its_thumbnail_and_says_so(client: TestClient, picture: Path) -> None:
    item_id = add(Collection.create("Shoes"), picture)
    picture.unlink()
    answer = client.get(f"/api/full/shoes/{item_id}")
    assert answer.status_code == 200
    assert answer.headers["x-loupe-original"] == "lost"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert max(Image.open(io.BytesIO(answer.content)).size) == 320


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"<html><script>1</script>"]
)
def test_a_file_that_is_no_picture_any_more_is_never_sent(client: TestClient, picture: Path, content: bytes) -> None:
    item_id = add(Collection.create("Shoes"), picture)
    picture.write_bytes(content)
    answer = client.get(f"/api/full/shoes/{item_id}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-loupe-original"] == "lost"


def test_a_kept_query_image_is_sent_by_its_hash(client: TestClient, picture: Path) -> None:
    digest = Collection.create("Shoes").keep_upload(picture.read_bytes())
    assert client.get(f"/api/upload/shoes/{digest}").headers["content-type"] == "image/jpeg"
    assert client.get(f"/api/upload/shoes/{digest[:-1]}g").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/api/thumb/shoes/missing", "/api/thumb/nowhere/i0000000000000000", "/api/full/shoes/..%2F..%2Fetc%2Fpasswd",
        "/api/full/..%2Fshoes/x", "/api/thumb/shoes/%00", "/api/upload/shoes/..%2Fcollection.db", "/api/full/.trash/x",
    ],
)
def test_what_is_not_there_is_a_grey_picture_with_404(client: TestClient, address: str) -> None:
    Collection.create("Shoes")
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer.headers["content-type"] in ("image/png", "text/plain; charset=utf-8")
    assert b"root:" not in answer.content
    assert answer.headers.get("cache-control", "no-store") == "no-store"


@pytest.mark.parametrize(
    ("host", "fine"),
    [
        ("localhost:8501", True), ("127.0.0.1", True), ("[::1]:8501", True), ("192.168.1.20:8501", True),
        ("loupe.localhost", True), ("LOCALHOST.", True), ("evil.example", False), ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:8501", False), ("", False),
    ],
)
def test_only_names_of_this_machine_are_answered(host: str, fine: bool) -> None:
    assert _hosts.allowed(host) is fine


def test_loupe_hosts_adds_names(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"host": "photos.example:8501"}
    assert client.get("/api/thumb/a/b", headers=asked).status_code == 421
    monkeypatch.setenv("LOUPE_HOSTS", "photos.example, other.example")
    assert client.get("/api/thumb/a/b", headers=asked).status_code == 404


def test_a_websocket_for_a_strange_name_is_closed() -> None:
    from starlette.websockets import WebSocketDisconnect

    client = TestClient(_hosts.HostCheck(Starlette()), base_url="http://evil.example")
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://evil.example/_stcore/stream"):
        pass


def test_home_by_its_name_is_home(client: TestClient) -> None:
    answer = client.get("/home?c=shoes", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/?c=shoes")
