"""Bringing images through the browser, in real Chromium: many files, bad files, and finding what was brought."""

from __future__ import annotations

import io
import struct
import zlib
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image

from tests.browser.conftest import settled

pytestmark = pytest.mark.browser


def bring(page, paths: list[Path] | Path) -> None:
    """Give files, or a folder, to the drop zone as a visitor would."""
    label = "Choose a folder" if isinstance(paths, Path) else "Choose files"
    chooser = page.locator(f'input[type=file][aria-label="{label}"]')
    chooser.wait_for(state="attached")
    chooser.set_input_files(str(paths) if isinstance(paths, Path) else [str(path) for path in paths])


def bomb(path: Path) -> None:
    """A PNG of 60,000 x 60,000 pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def drawings(folder: Path, n: int) -> dict[str, Path]:
    """The first drawings of the demo: what is on them -> file."""
    from data.demo import render

    return {drawn.captions[0]: drawn.path for drawn in islice(render(folder), n)}


def test_uploaded_images_are_indexed_in_sight_and_the_right_one_is_found_first(serve, page, tmp_path) -> None:
    drawn = drawings(tmp_path / "drawn", 12)
    server = serve()
    page.goto(server.url)
    bring(page, list(drawn.values()))
    page.get_by_text("Received 12 images").wait_for()
    page.get_by_label("Name of the collection").fill("Drawings")
    page.get_by_label("Name of the collection").blur()
    settled(page)
    page.get_by_role("button", name="Index 12 images").click()
    page.wait_for_url("**/search**")
    page.get_by_text("12 images · starter").wait_for()
    box = page.locator(".st-key-search_box input")
    box.fill("eyeglasses")
    box.press("Enter")
    page.wait_for_url("**q=eyeglasses**")
    page.locator('.loupe-grid .card[aria-label^="1: eyeglasses"]').first.wait_for()


def test_bad_files_are_named_and_the_rest_is_searchable(serve, page, tmp_path) -> None:
    drawn = drawings(tmp_path / "drawn", 3)
    folder = tmp_path / "mixed"
    folder.mkdir()
    for path in drawn.values():
        (folder / path.name).write_bytes(path.read_bytes())
    bomb(folder / "bomb.png")
    (folder / "letter.jpg").write_text("Dear reader, this is no picture.")
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 80).save(whole, "PNG")
    (folder / "cut.png").write_bytes(whole.getvalue()[:-2000])
    (folder / "notes.txt").write_text("not an image at all")

    server = serve()
    page.goto(server.url)
    bring(page, folder)
    page.get_by_text("Received 6 images").wait_for()
    page.get_by_text("1 file not taken").wait_for()
    page.get_by_role("button", name="Index 6 images").click()
    page.get_by_text("3 images · starter").wait_for()
    page.locator(".loupe-grid .card").nth(2).wait_for()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Home").click()
    page.get_by_role("button", name="4 files skipped").click()
    page.get_by_role("dialog").get_by_text("Skipped files").wait_for()
    with page.expect_download() as download:
        page.locator(".st-key-home_skipped_csv button").click()
    rows = Path(download.value.path()).read_text(encoding="utf-8")
    assert "bomb.png" in rows and "too many pixels" in rows
    assert "letter.jpg" in rows and "the content is text" in rows
    assert "cut.png" in rows and "cut short" in rows
    assert "notes.txt" in rows and "not a picture, a zip or a table" in rows


def test_what_came_of_a_stopped_upload_is_not_mixed_with_the_next_one(serve, page, tmp_path) -> None:
    wrong, right = tmp_path / "wrong", tmp_path / "right"
    for folder, n in ((wrong, 12), (right, 2)):
        folder.mkdir()
        for i in range(n):
            Image.new("RGB", (32, 32), (i * 9, 0, 0)).save(folder / f"{i}.png")
    server = serve()
    page.goto(server.url)
    sent = []
    # The first files arrive, the others are on their way until the visitor has had enough.
    page.route("**/api/import/**", lambda route: sent.append(route) if len(sent) >= 4 else (sent.append(1), route.continue_()))
    bring(page, wrong)
    page.get_by_text("Receiving 4 of 12 files").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Stopped after 4 of 12 files").wait_for()
    page.unroute("**/api/import/**")
    page.get_by_role("button", name="Choose again").click()
    settled(page)
    bring(page, right)
    page.get_by_text("Received 2 images").wait_for()
    assert page.get_by_label("Name of the collection").input_value() == "right"
    spooled = [path for path in (server.home / ".spool").rglob("*.png")]
    assert len(spooled) == 2


def test_a_folder_of_1500_files_arrives_and_is_indexed(serve, page, tmp_path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(1500):
        Image.new("RGB", (32, 32), (i % 256, i // 256 * 40, (i * 7) % 256)).save(folder / f"tile-{i:04}.png")
    server = serve()
    page.goto(server.url)
    bring(page, folder)
    page.get_by_text("Received 1,500 images").wait_for(timeout=180_000)
    assert page.get_by_label("Name of the collection").input_value() == "many"
    page.get_by_role("button", name="Index 1,500 images").click()
    page.get_by_text("of 1,500").first.wait_for(timeout=120_000)
