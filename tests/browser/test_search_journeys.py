"""Searching in real Chromium: a query put together from words and results and kept by its link; the grid by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.conftest import settled, start_server

pytestmark = pytest.mark.browser

N_DRAWINGS = 40


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Path:
    """A home with a small collection of drawings, encoded as a visitor's would be."""
    from itertools import islice

    from core.encode import load_encoder
    from core.encode.protocol import vector_sets
    from core.ingest.images import item_id_of, open_image, thumbnail
    from core.store import Collection
    from core.types import NewItem
    from data.demo import render

    home = tmp_path_factory.mktemp("searched")
    encoder = load_encoder("starter")
    collection = Collection.create("Drawings", home)
    items, images = [], []
    for drawn in islice(render(home / "drawn"), N_DRAWINGS):
        data = drawn.path.read_bytes()
        item_id, sha256 = item_id_of(data)
        image = open_image(data)
        items.append(
            NewItem(
                item_id=item_id, sha256=sha256, file=drawn.path.name, path=str(drawn.path), width=image.width,
                height=image.height, n_bytes=len(data), date="2026-01-02T03:04:05", captions=drawn.captions,
                thumbnail=thumbnail(image),
            )
        )  # fmt: skip
        images.append(image)
    vectors = encoder.encode_images(images)
    joint = next(one for one in vector_sets(encoder) if one.space == "joint")
    collection.add_set(joint)
    collection.activate(joint.set_id)
    collection.commit(items, {joint.set_id: ([item.item_id for item in items], vectors)})
    return home


@pytest.fixture(scope="module")
def server(chromium, searched, tmp_path_factory):
    """One app for these journeys; every journey has a browser window of its own."""
    running = start_server(searched, tmp_path_factory.mktemp("log") / "server.log")
    yield running
    running.stop()


def grid_cards(page):
    return page.locator('[role="listbox"][aria-label="Results"] .card')


def ranking(page) -> list[str]:
    """Ids of the results, in order."""
    return grid_cards(page).evaluate_all("cards => cards.map(card => card.dataset.id)")


def ask(page, text: str) -> None:
    box = page.locator(".st-key-search_box input")
    box.fill(text)
    box.press("Enter")
    settled(page)


def chips(page, n: int) -> None:
    page.wait_for_function(
        "n => { const roots = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]"
        ".map(e => e.shadowRoot);"
        " return roots.some(r => r && r.querySelectorAll('.chip').length === n); }", arg=n)
    settled(page)


def test_more_like_this_minus_words_and_the_link_shows_the_same_ranking(server, browser, page) -> None:
    page.goto(f"{server.url}/search?c=drawings")
    page.locator(".card").first.wait_for()
    ask(page, "smiling face")
    chips(page, 1)
    first = page.locator(".card").first
    first.hover()
    first.locator('[data-action="more"]').click()
    chips(page, 2)
    assert page.locator('.chip[data-kind="item"] img').count() == 1
    ask(page, page.locator(".st-key-search_box input").input_value() + " -heart")
    chips(page, 3)
    page.wait_for_url(re.compile("heart"))
    shown, link = ranking(page), page.url
    assert len(shown) == N_DRAWINGS - 1  # all but the drawing that is part of the query
    assert page.locator(".chip.less").inner_text().count("heart") == 1

    context = browser.new_context()
    try:
        fresh = context.new_page()
        fresh.goto(link)
        fresh.locator(".card").first.wait_for()
        chips(fresh, 3)
        assert ranking(fresh) == shown
        box = ".st-key-search_box input"
        assert fresh.locator(box).input_value() == page.locator(box).input_value()
    finally:
        context.close()

    weight = page.locator(".chip .weight input").nth(1)
    weight.fill("0.5")
    weight.press("Enter")
    page.wait_for_url(re.compile(r"%5E0\.5"))
    page.locator(".chip .sign").nth(2).click()
    page.wait_for_url(lambda url: "-" not in url.split("q=")[1].split("&")[0])
    page.go_back()
    page.go_back()
    page.wait_for_url(link)
    settled(page)
    page.wait_for_function("() => document.querySelector('.st-key-search_box input').value.includes('-heart')")
    for _ in range(100):  # the words are back before the pictures are
        if ranking(page) == shown:
            break
        page.wait_for_timeout(200)
    assert ranking(page) == shown


def test_the_filter_panel_stays_open_and_its_conditions_are_chips(server, page) -> None:
    page.goto(f"{server.url}/search?c=drawings")
    page.locator(".card").first.wait_for()
    page.get_by_text("Filters", exact=True).click()
    box = page.locator(".st-key-search_where input")
    box.fill("width > 10 and not file ~ 'zzz'")
    box.press("Enter")
    chips(page, 2)
    box.fill("width > 10 and not file ~ 'zzz' and height > 10", timeout=5000)  # still there: nothing was folded
    box.press("Enter")
    chips(page, 3)
    page.locator(".chip.filter .x").first.click()
    chips(page, 2)
    page.wait_for_url(lambda url: "width" not in url and "height" in url)
    assert box.input_value() == "not file ~ 'zzz' and height > 10"


def test_the_grid_by_mouse_and_keys(server, page) -> None:
    page.goto(f"{server.url}/search?c=drawings")
    cards = grid_cards(page)
    cards.nth(5).wait_for()
    settled(page)
    chosen = page.locator('.card[aria-selected="true"]')
    middle = {"x": 40, "y": 40}
    cards.nth(1).click(position=middle)
    cards.nth(4).click(position=middle, modifiers=["Shift"])
    assert chosen.count() == 4
    cards.nth(2).click(position=middle, modifiers=["Control"])
    assert chosen.count() == 3
    page.keyboard.press("Control+a")
    assert chosen.count() == cards.count()
    page.keyboard.press("Escape")
    assert chosen.count() == 0
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    second = cards.nth(1).get_attribute("data-id")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"item={second}"))
    page.get_by_role("dialog").locator("img").first.wait_for()
    settled(page)
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(f"item={cards.nth(2).get_attribute('data-id')}"))
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "item=" not in url)
    settled(page)
    cards.nth(2).focus()
    page.keyboard.press("l")
    page.wait_for_url(re.compile("q=-image"))


def test_far_down_a_deletion_moves_nothing_and_another_query_begins_at_its_top(server, page) -> None:
    page.goto(f"{server.url}/search?c=drawings&q=face")
    cards = grid_cards(page)
    cards.nth(35).wait_for()
    settled(page)
    before = ranking(page)
    scrolled = "() => document.querySelector('[data-testid=stMain]').scrollTop"
    cards.nth(25).scroll_into_view_if_needed()
    cards.nth(25).click(position={"x": 40, "y": 40})
    assert page.evaluate(scrolled) > 100
    at = cards.nth(22).bounding_box()["y"]
    page.locator('[data-bar="remove"]').click()
    undo = page.locator(".st-key-search_undo_page_press button")
    undo.wait_for()
    settled(page)
    box = undo.bounding_box()
    assert 0 < box["y"] < page.viewport_size["height"] - box["height"]  # the way back is in sight
    assert abs(cards.nth(22).bounding_box()["y"] - at) < 3
    undo.click()
    page.wait_for_function("n => [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')].some("
                           "e => e.shadowRoot.querySelectorAll('.card').length === n)", arg=len(before))
    settled(page)
    assert ranking(page) == before

    deep = cards.nth(38)
    deep.scroll_into_view_if_needed()
    deep.hover()
    deep.locator('[data-action="less"]').click()
    chips(page, 2)
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollTop < 250")
    assert cards.first.bounding_box()["y"] > 0


def test_selected_images_are_tagged_and_exported(server, page) -> None:
    page.goto(f"{server.url}/search?c=drawings")
    cards = grid_cards(page)
    cards.nth(5).wait_for()
    settled(page)
    cards.nth(0).click(position={"x": 40, "y": 40})
    cards.nth(2).click(position={"x": 40, "y": 40}, modifiers=["Shift"])
    expected = ranking(page)[:3]
    page.locator('[data-bar="export"]').click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV table").click()
    rows = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == expected


def test_a_pasted_image_is_a_query(server, page) -> None:
    import base64
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (80, 60), (250, 200, 40)).save(buffer, "PNG")
    page.goto(f"{server.url}/search?c=drawings")
    page.locator(".card").first.wait_for()
    settled(page)
    page.evaluate(
        """data => {
            const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
            const clipboard = new DataTransfer();
            clipboard.items.add(new File([bytes], "pasted.png", {type: "image/png"}));
            const init = {clipboardData: clipboard, bubbles: true, cancelable: true};
            document.dispatchEvent(new ClipboardEvent("paste", init));
        }""",
        base64.b64encode(buffer.getvalue()).decode(),
    )
    page.wait_for_url(re.compile("q=upload"))
    page.locator('.chip[data-kind="upload"] img').wait_for()
    assert page.locator(".card .rank").first.inner_text() == "1"
