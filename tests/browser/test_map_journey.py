"""Journey (d): a lasso on the map, the images it holds, their export; the link shows the same; the query's own map."""

from __future__ import annotations

import csv
import re

import pytest

from core.store import Collection
from core.workbench import Workbench
from tests.browser.conftest import settled
from tests.browser.prepared import N_IMAGES, NAME, drawn, indexed  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser


def lasso(page, left: float, top: float, right: float, bottom: float) -> None:  # noqa: ANN001
    """Draw round a part of the map, given in shares of its width and height."""
    box = page.get_by_test_id("map-canvas").bounding_box()
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top + 0.01)]
    at = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in corners]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def n_selected(page) -> int:  # noqa: ANN001
    line = page.get_by_text(re.compile(rf"^[\d,]+ of {N_IMAGES} selected$"))
    line.wait_for()
    return int(line.inner_text().split()[0].replace(",", ""))


def test_lasso_drawer_link_and_export(drawn, serve, page, browser):  # noqa: F811
    home = drawn()
    collection = Collection.open(NAME, home)
    server = serve(home)
    page.goto(f"{server.url}/map?c={collection.key}")
    page.get_by_test_id("map-canvas").wait_for()
    settled(page)
    page.get_by_test_id("map-status").get_by_text(f"{N_IMAGES} images").wait_for()

    page.get_by_test_id("map-lasso").click()
    lasso(page, 0.0, 0.08, 0.999, 0.5)
    upper = n_selected(page)
    assert 0 < upper < N_IMAGES
    settled(page)
    assert page.locator(".card[role=option]").count() == upper
    for width in range(1440, 1446):  # three to a row, also where the drawer is half a pixel narrower than it says
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        tops = [card.bounding_box()["y"] for card in page.locator(".card[role=option]").all()[:3]]
        assert len(set(tops)) == 1, width
    page.set_viewport_size({"width": 1280, "height": 900})
    assert page.get_by_text("No image lies inside").count() == 0

    other = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    other.goto(page.url + "&by=colour")
    assert n_selected(other) == upper
    other.get_by_test_id("map-legend-0").wait_for()
    assert other.get_by_text("BidiComponent Error").count() == 0
    other.context.close()

    page.get_by_role("button", name="Export", exact=True).first.click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV table").click()
    with open(waiting.value.path(), encoding="utf-8-sig", newline="") as table:
        exported = {row["item_id"] for row in csv.DictReader(table)}
    assert len(exported) == upper

    from pages._map.points import Selection, UnitSquare

    wb = Workbench(Collection.open(NAME, home))
    fit = wb.maps.collection_map()
    drawn_round = Selection.from_link(re.search(r"sel=([^&]+)", page.url).group(1).replace("%7E", "~"))
    assert exported == set(wb.maps.select(UnitSquare.around(fit.coords).outward(drawn_round.polygon)))


def test_escape_clears_and_a_point_shows_its_picture(drawn, serve, page):  # noqa: F811
    server = serve(drawn())
    page.goto(f"{server.url}/map")
    page.get_by_test_id("map-canvas").wait_for()
    settled(page)
    lasso(page, 0.0, 0.08, 0.999, 0.999)
    n_selected(page)
    page.keyboard.press("Escape")
    page.get_by_text(re.compile("selected$")).wait_for(state="detached")
    settled(page)
    page.wait_for_url(lambda url: "sel=" not in url)
    box = page.get_by_test_id("map-canvas").bounding_box()
    card = page.get_by_test_id("map-hover")
    for step in range(400):  # across the map until the pointer meets a point
        page.mouse.move(box["x"] + box["width"] * (0.02 + 0.96 * (step % 20) / 20),
                        box["y"] + box["height"] * (0.1 + 0.88 * (step // 20) / 20))
        if card.is_visible():
            break
    assert card.is_visible()
    page.wait_for_function("() => [...document.querySelectorAll('*')].some(e => e.shadowRoot?.querySelector("
                           "'[data-testid=map-hover] img')?.naturalWidth > 0)")


def test_the_map_of_a_query_opens_from_its_link(drawn, serve, page):  # noqa: F811
    server = serve(drawn())
    page.goto(f"{server.url}/map?t=query&q=red")
    page.get_by_text("of true neighbours are neighbours here too").wait_for()
    settled(page)
    assert page.get_by_test_id("map-legend").get_by_text("hits", exact=True).is_visible()
    assert page.get_by_role("textbox", name="Query").input_value() == "red"


def test_it_fits_a_phone(drawn, serve, browser):  # noqa: F811
    server = serve(drawn())
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{server.url}/map")
    page.get_by_test_id("map-canvas").wait_for()
    settled(page)
    box = page.get_by_test_id("map-canvas").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["width"] > 330
    context.close()
