"""Journey (e): judge three results by keyboard; the qrels say what was pressed."""

from __future__ import annotations

import pytest

from core.query.parse import parse
from core.store import Collection
from core.types import SavedQuery
from tests.browser.conftest import settled
from tests.browser.prepared import NAME, drawn, indexed  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser


def test_three_grades_by_keyboard_end_in_the_qrels(drawn, serve, page):  # noqa: F811
    home = drawn()
    collection = Collection.open(NAME, home)
    query = parse("red")
    collection.save_queries([SavedQuery(query.query_id, "red", query)], "Journey")
    server = serve(home)
    page.goto(f"{server.url}/judge?c={collection.key}&judge_name=ann")
    judged = page.get_by_test_id("judged")
    judged.wait_for()
    assert judged.inner_text() == "0 of 10"
    settled(page)
    for n, key in enumerate("302", 1):
        page.keyboard.press(key)
        judged.filter(has_text=f"{n} of 10").wait_for()
    page.keyboard.press("u")  # the 2 is taken back, and can't tell takes its place
    page.keyboard.press("x")
    page.get_by_text("saved", exact=True).wait_for()
    settled(page)
    said = [(j.grade, j.judge) for j in collection.judgments.all(query.query_id)]
    assert said == [(3, "ann"), (0, "ann"), (None, "ann")]
    page.reload()  # a judge continues where the last press was
    page.get_by_test_id("judged").wait_for()
    assert page.get_by_test_id("judged").inner_text() == "3 of 10"
    settled(page)
    page.keyboard.press("u")  # undo reaches back behind the reload, and the grade can be given again
    page.get_by_test_id("judged").filter(has_text="2 of 10").wait_for()
    page.get_by_text("saved", exact=True).wait_for()
    page.keyboard.press("x")
    page.get_by_test_id("judged").filter(has_text="3 of 10").wait_for()
    page.get_by_text("saved", exact=True).wait_for()
    settled(page)
    assert [(j.grade, j.judge) for j in collection.judgments.all(query.query_id)] == said
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export qrels").click()
    lines = open(waiting.value.path(), encoding="utf-8").read().splitlines()
    first, second = (j.item_id for j in collection.judgments.all()[:2])
    assert sorted(lines) == sorted([f"{query.query_id} 0 {first} 3", f"{query.query_id} 0 {second} 0"])
