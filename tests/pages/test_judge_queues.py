"""The Judge page's queues: what each counts, where it begins, what was skipped in it, and where a reload leads."""

# ruff: noqa: F811 - fixtures of judge_world are arguments here

from __future__ import annotations

from types import SimpleNamespace

from streamlit.testing.v1 import AppTest

from pages import _judge_screen
from tests.pages.judge_world import PROJECT, app, captions, differ, judging, pool, quiet, says, sent, shown, wb  # noqa: F401


def test_after_a_reload_a_judge_is_where_they_were(app, wb, sent):
    pool(wb, "Old", depth=6)
    pool(wb, "New", depth=3)
    judging(app, judge_name="ann")
    assert len(sent[-1]["items"]) == 3 and sent[-1]["mode"] == "one"
    app.selectbox(key="judge_pool").set_value("pold").run()
    app.segmented_control(key="judge_mode").set_value("Grid").run()
    app.button(key="judge_next").click().run()

    def reloaded(**bound):
        before, n = sent[-1], len(sent)
        page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)
        judging(page, **app.query_params, **bound)  # what a browser writes into the link for widgets that are bound to it
        assert sent[-1] == before and len(sent) > n
        return before

    now = reloaded(judge_mode="Grid")
    assert (now["pool"], now["mode"], len(now["items"]), now["query"]["text"]) == ("pold", "grid", 6, "blue")
    app.selectbox(key="judge_pool").set_value("").run()
    app.slider(key="judge_depth").set_value(15).run()
    assert len(reloaded(judge_mode="Grid", judge_depth="15")["items"]) == 15


def test_a_judge_who_began_every_query_continues_with_what_is_left(app, wb, sent):
    first, second, third = wb.judgments.queries("Colours")
    for query, n in ((first, 10), (second, 9), (third, 10)):
        for item_id in wb.search(query.query, 10, log=False).item_ids[:n]:
            wb.judgments.add(query.query_id, item_id, 1, "ann")
    judging(app, judge_name="ann")
    assert sent[-1]["query"]["id"] == second.query_id


def test_the_queue_says_what_it_counts_and_takes_smaller_differences_when_asked(app, wb, sent):
    query_id, item = differ(wb)
    two = wb.querysets.get("Colours").queries[1].query_id
    judging(app, judge_name="chief", queue="Adjudicate")
    assert says(app, "1 result where judges are 2 grades or more apart or do not agree whether it is relevant (1 and more); 1 smaller "
                "difference is left out.")  # fmt: skip
    app.toggle(key="judge_small").set_value(True).run()
    assert "Query 1 of 2 · Colours" in captions(app)
    assert says(app, "2 results where judges gave different grades; in 1 of them the grades are 1 apart and all say relevant.")
    assert sent[-1]["left"]["others"] == [{"id": two, "text": "blue", "n": 1, "after": True}]
    page = judging(AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60), judge_name="ann", queue="Disagreements")
    assert says(page, "1 result where judges, you among them, are 2 grades or more apart")
    assert [one.text for one in page.get("progress")] == ["0 of 1 looked at again"]
    wb.judgments.add(query_id, item, 3, "ann")
    page.run()
    assert [one.text for one in page.get("progress")] == ["1 of 1 looked at again"]
    page.button(key="judge_look_again").click().run()
    assert says(page, "There is nothing here that you and another judge see differently.")
    assert says(page, "1 smaller difference is left out")
    page.toggle(key="judge_small").set_value(True).run()
    assert sent[-1]["query"]["id"] == two and not page.exception


def test_adjudicating_begins_with_the_first_query_that_has_no_decision(app, wb, sent):
    one, item = differ(wb, second=(0, 2))
    two, three = (query.query_id for query in wb.querysets.get("Colours").queries[1:])
    other = wb.search(wb.querysets.get("Colours").queries[2].query, 1, log=False).item_ids[0]
    for grade, judge in ((3, "bob"), (0, "ann")):
        wb.judgments.add(three, other, grade, judge)
    wb.judgments.add(one, item, 2, "ann", origin="adjudication")
    judging(app, judge_name="ann", query=three)  # ann judged last in the last query, and it is open
    app.segmented_control(key="judge_queue").set_value("Adjudicate").run()
    assert sent[-1]["query"]["id"] == two and "Query 1 of 2 · Colours" in captions(app)
    wb.judgments.add(two, sent[-1]["items"][0]["id"], 2, "ann", origin="adjudication")
    again = judging(AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60), judge_name="ann", queue="Adjudicate")
    assert sent[-1]["query"]["id"] == three
    again.segmented_control(key="judge_queue").set_value("Mine").run()
    assert not again.exception and "queue" not in again.query_params


def test_an_adjudicator_who_judged_the_image_is_told_their_own_grade(app, wb, sent):
    differ(wb)
    judging(app, judge_name="ann", queue="Adjudicate")
    (shown,) = sent[-1]["items"]
    assert shown["own"] == 0 and all("name" not in one for one in shown["given"])
    judging(AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60), judge_name="chief", queue="Adjudicate")
    assert "own" not in sent[-1]["items"][0]


def test_the_screen_knows_what_was_skipped_in_the_other_queries_of_a_pool(app, wb, sent):
    record = pool(wb)
    mine = wb.pools.queue(record.pool_id, "ann")
    first, second, third = mine
    for item in mine[first][2:]:
        wb.judgments.add(first, item, 1, "ann")
    wb.judgments.add(first, mine[first][0], None, "ann")  # can't tell is a word, too
    wb.judgments.add(first, mine[first][1], 1, "bob")  # and another judge's is not hers
    for item in mine[second]:
        wb.judgments.add(second, item, 2, "ann")
    judging(app, judge_name="ann", query=third)
    assert sent[-1]["left"] == {"others": [{"id": first, "text": "red", "n": 1, "after": False}], "queries": 2, "images": 12}
    app.button(key="judge_previous").click().run()
    assert [(one["id"], one["n"], one["after"]) for one in sent[-1]["left"]["others"]] == [(first, 1, False), (third, 6, True)]
    wb.judgments.add(first, mine[first][1], 0, "ann")
    for item in mine[third]:
        wb.judgments.add(third, item, 2, "ann")
    app.run()
    assert sent[-1]["left"] == {"others": [], "queries": 2, "images": 12}


def test_what_was_skipped_among_results_is_looked_for_at_the_last_query(app, wb, sent):
    first, second, third = wb.querysets.get("Colours").queries
    found = wb.search(first.query, 10, log=False).item_ids
    for item in found[:7]:
        wb.judgments.add(first.query_id, item, 1, "ann")
    judging(app, judge_name="ann", query=second.query_id)
    assert sent[-1]["left"] is None  # it would take a search of every query
    app.button(key="judge_next").click().run()
    assert [(one["id"], one["n"]) for one in sent[-1]["left"]["others"]] == [(first.query_id, 3), (second.query_id, 10)]
    app.button(key="judge_previous").click().run()
    assert [(one["id"], one["n"]) for one in sent[-1]["left"]["others"]] == [(first.query_id, 3), (third.query_id, 10)]


def test_a_query_that_finds_nothing_has_the_way_on(app, wb, sent):
    wb.querysets.add("red\nfile:nowhere", "Some")
    app.session_state["judge_set"] = "Some"
    first, second = (query.query_id for query in wb.querysets.get("Some").queries)
    judging(app, judge_name="ann", query=second)
    assert says(app, "This query finds nothing here") and sent[-1]["items"] == [] and sent[-1]["hasPrevious"]
    assert [(one["id"], one["n"]) for one in sent[-1]["left"]["others"]] == [(first, 10)]


def test_the_button_leads_to_a_query_that_is_there_and_to_no_other(app, wb, monkeypatch):
    pool(wb)
    calls = []
    monkeypatch.setattr(_judge_screen, "judging_screen", lambda data, *, key, on_presses, on_go: calls.append((data, key, on_go)))
    first, _, third = (query.query_id for query in wb.querysets.get("Colours").queries)
    judging(app, judge_name="ann", query=third)
    went, before = {}, calls[-1][0]["left"]["others"][1]["id"]
    monkeypatch.setattr(_judge_screen.st, "query_params", went)
    for go, expected in (({"to": first}, first), ({"to": "elsewhere"}, None), ({"to": None}, None), ("previous", before)):
        went.clear()
        monkeypatch.setattr(_judge_screen.st, "session_state", {calls[-1][1]: SimpleNamespace(go=go)})
        calls[-1][2]()
        assert went.get("query") == expected


def test_suggested_says_what_is_not_in_the_pool(app, wb, sent):
    record = pool(wb, depth=4)
    query = wb.querysets.get("Colours").queries[0]
    inside = set(wb.pools.queue(record.pool_id, "ann")[query.query_id])
    judging(app, judge_name="ann", query=query.query_id)
    assert set(shown(sent)) == inside
    app.query_params["by"] = "missing"
    app.segmented_control(key="judge_queue").set_value("Suggested").run()
    app.button(key="judge_by_missing").click().run()
    outside = set(shown(sent)) - inside
    assert inside & set(shown(sent)) and outside
    assert says(app, f"{len(outside)} of the {len(shown(sent))} images that are suggested here are not in the pool Pool; their grades "
                "count for the query all the same. Which ones is hidden while you are blind.")  # fmt: skip
    assert "outside" not in set().union(*sent[-1]["items"])
    app.toggle(key="judge_blind").set_value(False).run()
    assert {one["id"] for one in sent[-1]["items"] if one.get("outside")} == outside and not says(app, "hidden while you are blind")
    assert [(one["n"], one["after"]) for one in sent[-1]["left"]["others"]] == [(None, True), (None, True)]  # nobody opened them
    app.segmented_control(key="judge_queue").set_value("Mine").run()
    app.selectbox(key="judge_pool").set_value("").run()
    app.segmented_control(key="judge_queue").set_value("Suggested").run()
    assert not app.exception and not says(app, "not in the pool")  # no pool is judged
