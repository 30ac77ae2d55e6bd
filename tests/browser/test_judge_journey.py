"""Journey (e): judge by keyboard, one judge and two; the qrels say what was pressed."""

from __future__ import annotations

import os
import signal

import pytest

from core.query.parse import parse
from core.store import Collection
from core.types import SavedQuery
from tests.browser.conftest import settled
from tests.browser.judges import judge_pool, make_pool, open_judge, press
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


def test_keys_grade_right_after_a_query_set_was_chosen_from_the_list(drawn, serve, page):  # noqa: F811
    home = drawn()
    collection = Collection.open(NAME, home)
    for text, name in (("red", "First"), ("blue", "Second")):
        query = parse(text)
        collection.save_queries([SavedQuery(query.query_id, text, query)], name)
    server = serve(home)
    open_judge(page, server.url, collection.key, "ann")
    page.get_by_role("combobox", name="Query set").click()
    page.get_by_role("option", name="Second").click()
    page.get_by_role("heading", name="blue").wait_for()
    settled(page)
    press(page, "31", 10)
    assert [(j.query_id, j.grade) for j in collection.judgments.all()] == [(query.query_id, 3), (query.query_id, 1)]


def test_a_note_is_kept_and_a_killed_app_has_lost_nothing(drawn, serve, page):  # noqa: F811
    home = drawn()
    collection = Collection.open(NAME, home)
    query = parse("red")
    collection.save_queries([SavedQuery(query.query_id, "red", query)], "Journey")
    server = serve(home)
    open_judge(page, server.url, collection.key, "ann")
    page.keyboard.press("m")
    page.keyboard.type("is it red? 0 1 2")  # the digits are the note's, no grades
    page.keyboard.press("Enter")
    press(page, "2130", 10)
    kept = [(j.grade, j.note) for j in collection.judgments.all()]
    assert kept == [(2, "is it red? 0 1 2"), (1, ""), (3, ""), (0, "")]
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    assert [(j.grade, j.note) for j in collection.judgments.all()] == kept
    again = serve(home)
    open_judge(page, again.url, collection.key, "ann")
    assert page.get_by_test_id("judged").inner_text() == "4 of 10"
    press(page, "x", 10, done=4)
    assert [j.grade for j in collection.judgments.all()] == [2, 1, 3, 0, None]
    page.keyboard.press("k")  # back to the last one, whose note is written afterwards
    page.keyboard.press("m")
    page.keyboard.type("too dark")
    page.keyboard.press("Enter")
    page.get_by_test_id("saved").filter(has_text="saved").wait_for()
    settled(page)
    last = collection.judgments.all()[-1]
    assert (last.grade, last.note, last.judge) == (None, "too dark", "ann")


def test_two_judges_judge_ten_images_by_keyboard_and_an_adjudicator_decides(drawn, serve, page, browser):  # noqa: F811
    home = drawn()
    collection = Collection.open(NAME, home)
    queries = [SavedQuery(parse(text).query_id, text, parse(text), "Only this colour.") for text in ("red", "blue")]
    pool_id = make_pool(collection, queries, "Journey", ["plain", "sum"], 5, collapse=False)
    pairs = [(row.query_id, row.item_id) for row in collection.pool_rows(pool_id)]
    assert len(pairs) == 10  # the two recipes find the same for one word
    ann = {pair: "3210x32103"[n] for n, pair in enumerate(pairs)}
    bob = {pair: "1210333100"[n] for n, pair in enumerate(pairs)}
    server = serve(home)
    judge_pool(page, server.url, collection, pool_id, "ann", ann)
    other = browser.new_context(viewport={"width": 390, "height": 844})  # the second judge has a phone, with a keyboard
    other.set_default_timeout(60_000)
    judge_pool(other.new_page(), server.url, collection, pool_id, "bob", bob)
    other.close()
    said = {(j.query_id, j.item_id, j.judge): "x" if j.grade is None else str(j.grade) for j in collection.judgments.all()}
    assert said == {(*pair, "ann"): key for pair, key in ann.items()} | {(*pair, "bob"): key for pair, key in bob.items()}
    assert all(j.ms is not None and j.ms >= 0 for j in collection.judgments.all())
    # ann's x leaves bob's 3; of two neighbours the lower counts; 3 against 1 and 0 against 3 are decided by a third.
    open_judge(page, server.url, collection.key, "chief")
    page.get_by_role("radio", name="Adjudicate").or_(page.get_by_role("button", name="Adjudicate")).first.click()
    page.get_by_text("Grades given:").wait_for()
    settled(page)
    assert "ann" not in page.locator(".given").inner_text() and "bob" not in page.locator(".given").inner_text()
    from core.workbench import Workbench

    dispute = [(d.query_id, d.item_id) for d in Workbench(collection).judgments.disagreements()]
    decided = {}
    for query_id in dict.fromkeys(q.query_id for q in queries if q.query_id in {q for q, _ in dispute}):
        mine = [pair for pair in dispute if pair[0] == query_id]
        page.locator(".query").filter(has_text=next(q.text for q in queries if q.query_id == query_id)).wait_for()
        press(page, "2" * len(mine), len(mine))
        decided |= dict.fromkeys(mine, 2)
        page.keyboard.press("n")
        settled(page)
    expected = {}
    for pair in pairs:
        grades = [int(key) for key in (ann[pair], bob[pair]) if key != "x"]
        expected[pair] = decided.get(pair, sum(grades) // 2 if len(grades) == 2 else grades[0])
    assert len(decided) == 2
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export qrels").click()
    lines = open(waiting.value.path(), encoding="utf-8").read().splitlines()
    assert sorted(lines) == sorted(f"{query} 0 {item} {grade}" for (query, item), grade in expected.items())


def test_what_a_thumb_skips_is_said_at_the_end_and_found_again(drawn, serve, browser):  # noqa: F811
    home = drawn()
    collection = Collection.open(NAME, home)
    queries = [SavedQuery(parse(text).query_id, text, parse(text)) for text in ("red", "blue")]
    pool_id = make_pool(collection, queries, "Journey", ["plain"], 4, collapse=False)
    assert len(collection.pool_rows(pool_id)) == 8
    server = serve(home)
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(60_000)
    page = context.new_page()
    open_judge(page, server.url, collection.key, "ann")
    bar, judged, saved = page.locator(".grades"), page.get_by_test_id("judged"), page.get_by_test_id("saved").filter(has_text="saved")
    for word in ("skip", "perfect", "related", "skip"):
        bar.get_by_role("button", name=word).click()
    judged.filter(has_text="2 of 4").wait_for()
    saved.wait_for()
    settled(page)
    page.reload()  # where it stopped: in this query, at the first one that is left
    judged.filter(has_text="2 of 4").wait_for()
    settled(page)
    bar.get_by_role("button", name="not relevant").click()
    judged.filter(has_text="3 of 4").wait_for()
    bar.get_by_role("button", name="skip").click()
    page.get_by_role("button", name="Next query").click()
    page.locator(".query").filter(has_text="blue").wait_for()
    settled(page)
    press(page, "12x3", 4)
    page.get_by_text('1 image was skipped, without a grade and without can\'t tell: 1 in "red".').wait_for()
    page.keyboard.press("m")  # the note of the image judged last
    page.keyboard.type("no. 3 u")
    page.keyboard.press("Enter")
    saved.wait_for()
    settled(page)
    last = collection.judgments.all()[-1]
    assert (last.query_id, last.grade, last.note) == (queries[1].query_id, 3, "no. 3 u")
    page.get_by_role("button", name="Go to the first one skipped").click()
    page.locator(".query").filter(has_text="red").wait_for()
    settled(page)
    bar.get_by_role("button", name="can't tell").click()
    page.get_by_text("All is judged: 8 images in 2 queries.").wait_for()
    page.get_by_role("radio", name="Grid").or_(page.get_by_role("button", name="Grid")).first.click()
    page.locator(".tile").nth(3).wait_for()
    settled(page)
    blind = page.get_by_role("switch", name="Blind").or_(page.get_by_role("checkbox", name="Blind")).first
    blind.uncheck(force=True)
    page.wait_for_url("**judge_blind=false**")
    settled(page)
    page.reload()  # the grid stays, and so does that this judge is not blind
    page.locator(".tile").nth(3).wait_for()
    assert not blind.is_checked()
    page.get_by_text("All is judged: 8 images in 2 queries.").wait_for()
    saved.wait_for()
    settled(page)
    assert len({(j.query_id, j.item_id) for j in collection.judgments.all()}) == 8
    assert all(j.ms is not None for j in collection.judgments.all() if not j.note)
    context.close()
