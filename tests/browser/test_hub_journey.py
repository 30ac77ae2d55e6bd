"""Hubs: from the table to a hub's own page and back, its map, and the correction coming in on the collection's map."""

from __future__ import annotations

import csv
import re

import pytest

from core.store import Collection
from core.workbench import Workbench
from tests.browser.conftest import settled
from tests.browser.prepared import NAME, drawn, indexed  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser


def test_a_hub_is_opened_shared_and_left(drawn, serve, page, browser):  # noqa: F811
    home = drawn()
    collection = Collection.open(NAME, home)
    wb = Workbench(collection)
    view = wb.hubs.report(5, "captions")
    assert view.n_hubs
    server = serve(home)
    page.goto(f"{server.url}/hubs?c={collection.key}&k=5&side=captions&list=pictures")
    page.get_by_text("Where the hubs lie").wait_for()
    settled(page)
    page.locator(".card[role=option]").first.click()
    page.get_by_text(re.compile(r"queries have it in their top 5")).wait_for()
    settled(page)
    hub = view.hubs[0][0].item_id
    assert f"hub={hub}" in page.url
    assert page.locator('[data-testid="stMain"]').evaluate("main => main.scrollTop") == 0
    with page.expect_download() as waiting:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name="CSV").click()
    with open(waiting.value.path(), encoding="utf-8-sig", newline="") as table:
        assert len(list(csv.DictReader(table))) == view.hubs[0][1]

    other = browser.new_context(viewport={"width": 390, "height": 800}).new_page()
    other.goto(page.url)
    other.get_by_text(re.compile(r"queries have it in their top 5")).wait_for()
    settled(other)
    assert other.evaluate("document.documentElement.scrollWidth") <= 390
    other.context.close()

    page.keyboard.press("Escape")
    page.get_by_text("Where the hubs lie").wait_for()
    assert "hub=" not in page.url
    page.go_back()
    page.get_by_text(re.compile(r"queries have it in their top 5")).wait_for()


def test_the_map_follows_the_correction_and_opens_an_image(drawn, serve, page):  # noqa: F811
    home = drawn()
    collection = Collection.open(NAME, home)
    server = serve(home)
    page.goto(f"{server.url}/hubs?c={collection.key}&k=5&recipe=hub:csls:20:items")
    canvas, legend = page.get_by_test_id("map-canvas"), page.get_by_test_id("map-legend")
    canvas.wait_for()
    settled(page)
    before = {}
    for key, part in (("", ""), ("ArrowLeft", "0.75"), ("ArrowLeft", "0.5"), ("ArrowLeft", "0.25"), ("ArrowLeft", "0")):
        if key:
            page.locator(".st-key-hubs_part input").focus()
            page.keyboard.press(key)
            page.wait_for_url(re.compile(rf"part={part}(&|$)"))
            settled(page)
        before[part] = legend.inner_text()
    assert before[""] != before["0"], "the counts on the map are those of the part"
    canvas.scroll_into_view_if_needed()
    box, card = canvas.bounding_box(), page.get_by_test_id("map-hover")
    for step in range(400):  # until the pointer rests on a point
        page.mouse.move(box["x"] + box["width"] * (0.2 + 0.03 * (step % 20)), box["y"] + box["height"] * (0.15 + 0.035 * (step // 20)))
        if card.is_visible():
            break
    assert re.match(r"(never found|found once|found \d+ times)", card.inner_text())
    page.mouse.down()
    page.mouse.up()
    page.get_by_text(re.compile(r"queries have it in their top 5")).wait_for()
    settled(page)
    assert page.locator('[data-testid="stMain"]').evaluate("main => main.scrollTop") == 0
