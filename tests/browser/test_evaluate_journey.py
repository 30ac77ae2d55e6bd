"""Journey: evaluate two recipes from the page, press a bar, read the story, take the report along and open it alone."""

from __future__ import annotations

import re

import pytest

from core.query.parse import parse
from core.store import Collection
from core.types import Judgment, SavedQuery
from tests.browser.conftest import settled
from tests.browser.prepared import NAME, drawn, indexed  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser
COLOURS = ("red", "green", "blue", "yellow")


def test_from_judgments_to_a_report_that_opens_alone(drawn, serve, page, browser):  # noqa: F811
    home = drawn()
    collection = Collection.open(NAME, home)
    queries = {colour: parse(f"a {colour} shape") for colour in COLOURS}
    collection.save_queries([SavedQuery(q.query_id, f"a {colour} shape", q) for colour, q in queries.items()], "Shapes")
    items = collection.items(collection.ids())
    collection.judgments.add_many([
        Judgment(query.query_id, item.item_id, 3 if item.meta["colour"] == colour else 0, "ann", 1.0)
        for colour, query in queries.items() for item in items
    ])  # fmt: skip
    server = serve(home)
    page.goto(f"{server.url}/evaluate?c={collection.key}")
    page.get_by_role("button", name="Evaluate", exact=True).click()  # the worker does it, and the page shows it when it is done
    page.locator(".lp-table").wait_for()
    settled(page)
    assert page.locator(".lp-table thead th").all_inner_texts()[1].startswith("plain")
    # Query by query: a press on a bar chooses its query, in the link too.
    page.get_by_text("Query by query").click()
    bars = page.locator(".bars .point path")
    bars.nth(3).wait_for()
    settled(page)
    box = bars.nth(3).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile("query=q[0-9a-f]{16}"))
    settled(page)
    chosen = re.search("query=(q[0-9a-f]{16})", page.url).group(1)
    words = next(f"a {colour} shape" for colour, q in queries.items() if q.query_id == chosen)
    page.get_by_role("heading", name=f"\u201c{words}\u201d").wait_for()
    assert page.locator(".lp-row").count() == 20
    left, right = (page.locator(".lp-list").nth(n).bounding_box() for n in (0, 1))
    assert left["y"] == right["y"] and page.locator(".lp-lines").is_visible()
    page.set_viewport_size({"width": 390, "height": 900})  # a phone: one below the other, without the lines
    page.wait_for_function("document.querySelectorAll('.lp-list')[1].getBoundingClientRect().y > "
                           "document.querySelectorAll('.lp-list')[0].getBoundingClientRect().bottom - 2")  # fmt: skip
    assert not page.locator(".lp-lines").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})
    # The story, and the report.
    page.get_by_text("Story", exact=True).click()
    page.get_by_text("1. A query").wait_for()
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_text("2. A win").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Report (HTML)").click()
    path = home / "report.html"
    waiting.value.save_as(path)
    server.stop()
    context = browser.new_context(viewport={"width": 390, "height": 900}, offline=True)
    alone, asked, wrong = context.new_page(), [], []
    alone.on("request", lambda request: asked.append(request.url))
    alone.on("console", lambda message: wrong.append(message.text))
    alone.goto(path.as_uri())
    assert alone.get_by_text("5. The fix").count() == 1
    assert alone.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert alone.evaluate("document.images.length") > 5
    assert alone.evaluate("document.documentElement.scrollWidth") <= 390
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()] and not wrong
    context.close()
