"""Journey: evaluate two recipes from the page, press a bar, read the story, take the report along and open it alone."""

from __future__ import annotations

import re
from math import log2

import pytest

from core.query.parse import parse
from core.store import Collection
from core.types import Judgment, SavedQuery
from tests.browser.conftest import settled
from tests.browser.judges import judge_pool, make_pool, press
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


# Per query, by rank in plain: what ann presses, what bob presses, and the grade that comes of it: the median rounded down; x is no
# grade, and two of them leave none.
PRESSED = {
    "red": (("2", "1", 1), ("3", "3", 3), ("x", "2", 2), ("1", "0", 0), ("3", "0", 1)),
    "blue": (("0", "3", 1), ("2", "3", 2), ("x", "x", None), ("3", "3", 3), ("0", "1", 0)),
}


def by_hand() -> float:
    """nDCG@10 of plain, the mean of the two queries: gain is the grade, over log2(rank + 1); without a grade it is 0."""
    red = 1 / log2(2) + 3 / log2(3) + 2 / log2(4) + 0 / log2(5) + 1 / log2(6)
    best_red = 3 / log2(2) + 2 / log2(3) + 1 / log2(4) + 1 / log2(5) + 0 / log2(6)
    blue = 1 / log2(2) + 2 / log2(3) + 0 / log2(4) + 3 / log2(5) + 0 / log2(6)
    best_blue = 3 / log2(2) + 2 / log2(3) + 1 / log2(4) + 0 / log2(5)
    return (red / best_red + blue / best_blue) / 2


def test_two_judges_by_keyboard_end_in_the_right_ndcg(drawn, serve, page):  # noqa: F811
    import ir_measures

    from core.workbench import Workbench

    home = drawn()
    collection = Collection.open(NAME, home)
    queries = {text: parse(text) for text in PRESSED}
    pool_id = make_pool(collection, [SavedQuery(q.query_id, text, q) for text, q in queries.items()], "Journey", ["plain", "sum"], 5,
                        collapse=False)  # fmt: skip
    ranked = {(row.query_id, row.ranks[0]): row.item_id for row in collection.pool_rows(pool_id)}
    pairs = {(q.query_id, ranked[q.query_id, rank]): pressed
             for text, q in queries.items() for rank, pressed in enumerate(PRESSED[text], 1)}  # fmt: skip
    assert len(ranked) == len(pairs) == 10
    server = serve(home)
    for n, judge in enumerate(("ann", "bob")):
        judge_pool(page, server.url, collection, pool_id, judge, {pair: pressed[n] for pair, pressed in pairs.items()})
    page.goto(f"{server.url}/evaluate?c={collection.key}")
    page.get_by_role("button", name="Evaluate", exact=True).click()
    page.locator(".lp-table").wait_for()
    settled(page)
    assert page.locator(".lp-table thead th").nth(1).inner_text().startswith("plain")
    cell = page.locator(".lp-table tbody tr").filter(has=page.get_by_text("nDCG@10", exact=True)).locator("td").first
    assert cell.locator("b, span").first.inner_text() == f"{by_hand():.3f}" == "0.785"
    # A second opinion of the arithmetic.
    qrels = [ir_measures.Qrel(query, item, grade) for (query, item), (_, _, grade) in pairs.items() if grade is not None]
    run = [ir_measures.ScoredDoc(query, item, -rank) for (query, rank), item in ranked.items()]
    assert ir_measures.calc_aggregate([ir_measures.nDCG @ 10], qrels, run)[ir_measures.nDCG @ 10] == pytest.approx(by_hand())
    # The link beside it opens the rest of the first ten on Judge, without rank or name, and one grade fewer is missing then.
    service = Workbench(collection).evaluations
    missing = service.missing(service.result("Journey"))
    query_id, left = next(iter(missing.items()))
    assert left >= 5
    page.get_by_role("link", name="Judge what is missing").click()
    name = page.get_by_role("textbox", name="Your name")
    name.wait_for()
    name.fill("ann")
    name.press("Enter")
    page.get_by_test_id("judged").wait_for()
    settled(page)
    before = page.get_by_test_id("judged").inner_text()
    done, total = (int(part) for part in before.split(" of "))
    assert total == left and f"query={query_id}" in page.url
    press(page, "2", left, done)
    assert page.get_by_test_id("judged").inner_text() == f"{done + 1} of {left}"  # the list stays as it was
    assert sum(service.missing(service.result("Journey")).values()) == sum(missing.values()) - 1
