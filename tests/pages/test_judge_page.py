"""The Judge page: pools, queues of several judges, query sets, and what is sent to the browser."""

# ruff: noqa: F811 - fixtures of judge_world are arguments here

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.jobs import Queue
from core.types import Judgment
from core.workbench.cutoffs import CutoffService
from core.workbench.judgments import Imported
from core.workbench.query_sampling import Added
from pages import _judge_screen
from pages._judge_agreement import agreement_line
from pages._judge_brought import grades_said, queries_said
from pages._judge_queue import DECIDE, Setting
from pages._judging import save_presses
from tests.cutoff_world import cutoff_world
from tests.pages.judge_world import PROJECT, app, captions, differ, judging, pool, quiet, says, sent, shown, wb  # noqa: F401
from tests.working import do_jobs, no_worker  # noqa: F401

# ---------------------------------------------------------------- judging


FORBIDDEN = ("rank", "score", "cosine", "recipe", "plainest", "summed", "found", "title", "caption", "file", ".png", "-circle", "ranks")


@pytest.mark.parametrize("pooled", [True, False])
def test_blind_nothing_of_rank_score_recipe_or_name_is_sent(app, wb, sent, pooled):
    if pooled:
        pool(wb)
    judging(app, judge_name="ann")
    data = sent[-1]
    query = wb.querysets.get("Colours").queries[0]
    assert data["blind"] is True and data["query"]["text"] == "red" and "3 perfect" in data["query"]["guideline"]
    found = wb.search(query.query, 6 if pooled else 10, log=False).item_ids
    shown = [item["id"] for item in data["items"]]
    assert sorted(shown) == sorted(found) and shown != list(found)  # blind by default, in an order of the judge's own
    assert set().union(*data["items"]) == {"id", "thumb", "full", "judged", "order", "grade", "note", "copies"}
    told = json.dumps(data["items"]).lower()
    assert not [word for word in FORBIDDEN if word in told]
    seen_by_ann = shown
    judging(AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60), judge_name="bob")
    assert sorted(item["id"] for item in sent[-1]["items"]) == sorted(shown)
    assert [item["id"] for item in sent[-1]["items"]] != seen_by_ann


def test_a_judge_who_is_not_blind_sees_where_each_was_found(app, wb, sent):
    pool(wb)
    judging(app, judge_name="ann")
    app.toggle(key="judge_blind").set_value(False).run()
    found = {item["found"] for item in sent[-1]["items"]}
    assert found == {"plainest 1", "plainest 2 · summed 2", "plainest 3", "plainest 4 · summed 4", "plainest 5", "plainest 6 · summed 6"}
    assert all("circle" in item["title"] or "square" in item["title"] or "triangle" in item["title"] for item in sent[-1]["items"])
    app.selectbox(key="judge_pool").set_value("").run()
    assert [item["found"][:6] for item in sent[-1]["items"]] == [f"rank {n}" for n in range(1, 10)] + ["rank 1"]


def test_a_judge_goes_through_a_pool_and_continues(app, wb, sent):
    record = pool(wb)
    mine = wb.pools.queue(record.pool_id, "ann")
    first, second, _ = mine
    for item in mine[first]:
        wb.judgments.add(first, item, 1, "ann", ms=2500)
    wb.judgments.add(second, mine[second][0], 2, "bob")
    judging(app, judge_name="ann")
    assert "Query 2 of 3 · Colours" in captions(app) and sent[-1]["query"]["id"] == second
    assert not any(item["judged"] for item in sent[-1]["items"])  # bob's grade is bob's
    assert any("2\\.5 s for a judgment" in one for one in captions(app))
    app.button(key="judge_previous").click().run()
    assert [(i["judged"], i["grade"], i["order"]) for i in sent[-1]["items"]] == [(True, 1, n) for n in range(6)]
    app.button(key="judge_next").click().run()
    for item in mine[second]:
        wb.judgments.add(second, item, None, "ann")
    again = judging(AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60), judge_name="ann")
    assert "Query 3 of 3 · Colours" in captions(again)


def test_a_divided_pool_shows_each_judge_their_part_and_a_guest_all(app, wb, sent):
    pool(wb, judges=("ann", "bob"), overlap=0.0)
    seen = {}
    for who in ("ann", "bob", "guest"):
        page = judging(AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60), judge_name=who)
        seen[who] = {item["id"] for item in sent[-1]["items"]}
        assert any("as a guest" in one for one in captions(page)) == (who == "guest")
    query = wb.querysets.get("Colours").queries[0].query_id
    assert seen["ann"] | seen["bob"] == seen["guest"] == {row.item_id for row in wb.pools.rows("ppool", query)}
    assert not seen["ann"] & seen["bob"]


def test_grades_go_to_near_duplicates_only_where_the_pool_says_so(app, wb, sent, monkeypatch):
    saved = []
    monkeypatch.setattr(_judge_screen, "save_presses", lambda *a, **more: saved.append(more))
    pool(wb, propagate=True)
    calls = []
    monkeypatch.setattr(_judge_screen, "judging_screen", lambda data, *, key, on_presses, on_go: calls.append((data, key, on_presses)))
    judging(app, judge_name="ann")
    assert sorted(item["copies"] for item in calls[-1][0]["items"]) == [0, 0, 0, 0, 0, 1]
    wb.pools.divide("ppool", [], 1.0, propagate=False)
    app.run()
    assert {item["copies"] for item in calls[-1][0]["items"]} == {0}


def test_a_press_on_a_pooled_image_grades_its_near_duplicates_and_undo_takes_all_back(wb):
    record = pool(wb, propagate=True)
    query = wb.querysets.get("Colours").queries[0].query_id
    row = next(row for row in wb.pools.rows(record.pool_id, query) if row.copies)
    press = {"uid": "1", "query": query, "judge": "ann", "item": row.item_id, "grade": 3, "ms": 900}
    ledger, copies = {}, wb.pools.copies(record.pool_id, query)
    save_presses(wb.judgments, [press], ledger, frozenset([row.item_id]), copies=copies)
    assert wb.judgments.grades_for(query) == {row.item_id: 3, "copy1": 3}
    assert wb.judgments.export_qrels(with_made=False)[0] == f"{query} 0 {row.item_id} 3\n"
    save_presses(wb.judgments, [press, {**press, "uid": "2", "undo": True}], ledger, frozenset([row.item_id]), copies=copies)
    assert wb.judgments.grades_for(query) == {}


def test_an_item_that_is_gone_is_left_out(app, wb, sent):
    record = pool(wb)
    query = wb.querysets.get("Colours").queries[0].query_id
    gone = wb.pools.rows(record.pool_id, query)[0].item_id
    wb.items.trash([gone])
    judging(app, judge_name="ann")
    assert len(sent[-1]["items"]) == 5 and gone not in {item["id"] for item in sent[-1]["items"]}


def test_a_link_to_a_query_that_no_pool_holds_shows_its_results(app, wb, sent):
    pool(wb)
    wb.querysets.add("purple", "From search")
    query = wb.querysets.get("From search").queries[0].query_id
    app.session_state["judge_set"] = "From search"
    judging(app, judge_name="ann", query=query)
    assert sent[-1]["query"]["id"] == query and len(sent[-1]["items"]) == 10 and sent[-1]["pool"] == ""


def test_blind_stays_off_when_the_page_is_loaded_again(app, wb, sent):
    judging(app, judge_name="ann")
    toggle = app.toggle(key="judge_blind")
    assert toggle.value and sent[-1]["blind"] and toggle.proto.query_param_key == "judge_blind"  # the browser writes the link
    again = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)
    judging(again, judge_name="ann", judge_blind="false")
    assert not again.toggle(key="judge_blind").value and not sent[-1]["blind"]


def test_can_t_tell_is_counted_by_itself(app, wb):
    first, second, *_ = wb.querysets.get("Colours").queries
    item, other = wb.collection.ids()[:2]
    wb.judgments.add(first.query_id, item, 2, "ann")
    wb.judgments.add(first.query_id, other, None, "bob")
    wb.judgments.add(second.query_id, item, 3, "bob")
    wb.judgments.add(second.query_id, item, None, "bob")
    judging(app, judge_name="ann")
    assert any("1 grade and 2 \u201ccan't tell\u201d by 2 judges on 2 queries." in one for one in captions(app))
    part(app, "Queries")
    assert "1 of 3 queries has grades by people." in told(app)
    table = next(one.value for one in app.dataframe if "Grades" in one.value.columns)
    assert list(table["Grades"]) == [1, 0, 0]


def test_agreement_names_queries_in_words(app, wb):
    item, other = wb.items.many(wb.collection.ids()[:2])
    wb.querysets.add(f"image:{item.item_id} red", "Composed")
    (query,) = wb.querysets.get("Composed").queries
    for judge in ("ann", "bob"):
        wb.judgments.add(query.query_id, other.item_id, 2, judge)
    judging(app, judge_name="ann")
    table = next(one.value for one in app.dataframe if "Raw agreement" in one.value.columns)
    assert list(table["Query"]) == [f"like {item.file}, with: red"]


def test_images_of_a_query_are_shown_with_it(app, wb, sent):
    item = wb.collection.ids()[0]
    wb.querysets.add(f"red -image:{item}", "Composed")
    app.session_state["judge_set"] = "Composed"
    judging(app, judge_name="ann")
    (picture,) = sent[-1]["query"]["pictures"]
    assert picture["minus"] and picture["src"].endswith(f"/{item}") and sent[-1]["query"]["text"] == "red, unlike this image"
    wb.querysets.sample_images("By example", 1)
    wb.querysets.add(f"image:{item}", "Alone")
    for name, text in (("By example", "like a "), ("Alone", "like this image")):
        page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)
        page.session_state["judge_set"] = name
        judging(page, judge_name="ann")
        assert sent[-1]["query"]["text"].startswith(text) and len(sent[-1]["query"]["pictures"]) == 1


# ---------------------------------------------------------------- several judges


def test_a_disagreement_is_looked_at_again_without_the_others_grade(app, wb, sent):
    query_id, item = differ(wb)
    judging(app, judge_name="ann")
    app.segmented_control(key="judge_queue").set_value("Disagreements").run()
    assert "Query 1 of 1 · Colours" in captions(app)
    (shown,) = sent[-1]["items"]
    assert (shown["id"], shown["earlier"], shown["judged"], shown["grade"]) == (item, 0, False, None) and "given" not in shown
    assert "bob" not in json.dumps(sent[-1]["items"])
    wb.judgments.add(query_id, item, 3, "ann")
    app.run()
    assert [(one["id"], one["judged"], one["grade"]) for one in sent[-1]["items"]] == [(item, True, 3)]  # it does not vanish
    app.button(key="judge_look_again").click().run()
    assert any("There is nothing here that you and another judge see differently" in one.value for one in app.info)
    page = judging(AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60), judge_name="cid")
    page.segmented_control(key="judge_queue").set_value("Disagreements").run()
    assert any("There is nothing here" in one.value for one in page.info)


def test_an_adjudicator_sees_grades_without_names_unless_asked_and_decides(app, wb, sent):
    query_id, item = differ(wb)
    judging(app, judge_name="chief")
    app.segmented_control(key="judge_queue").set_value("Adjudicate").run()
    (shown,) = sent[-1]["items"]
    assert shown["given"] == [{"grade": 0, "note": "note of ann"}, {"grade": 3, "note": "note of bob"}]
    app.toggle(key="judge_names").set_value(True).run()
    assert [one["name"] for one in sent[-1]["items"][0]["given"]] == ["ann", "bob"]
    wb.judgments.add(query_id, item, 2, "chief", origin="adjudication")
    app.run()
    assert [(one["judged"], one["grade"]) for one in sent[-1]["items"]] == [(True, 2)]
    assert wb.judgments.grades_for(query_id)[item] == 2
    assert any("decided by adjudication" in one for one in captions(app))


def test_a_press_of_an_adjudicator_is_an_adjudication():
    setting = Setting("s", (), 0, "chief", False, True, 10, "plain", queue=DECIDE)
    assert setting.origin == "adjudication" and replace(setting, queue="Mine").origin == "judge"


def test_agreement_so_far(app, wb, sent):
    query_id, item = differ(wb)
    assert agreement_line(wb, wb.querysets.get("Colours").queries[2].query_id) == ""
    assert agreement_line(wb, query_id).startswith("0% raw agreement on this query")
    wb.judgments.add(query_id, item, 3, "cid")
    assert agreement_line(wb, query_id).startswith("33% raw agreement on this query")
    assert agreement_line(wb, query_id).endswith("(1 image graded by two or more)")
    judging(app, judge_name="ann", query=query_id)
    assert any("33%" in one for one in captions(app))


# ---------------------------------------------------------------- suggested


OTHER = "hub:is:20:items"


def test_suggested_is_what_recipes_rank_most_differently_and_stays_put(app, wb, sent):
    query = wb.querysets.get("Colours").queries[2]
    judging(app, judge_name="ann", query=query.query_id)
    app.segmented_control(key="judge_queue").set_value("Suggested").run()
    assert not app.exception and app.query_params["queue"] == "Suggested"
    assert app.multiselect(key="judge_suggest_recipes").value == ["plain", "hubs-corrected"]
    app.multiselect(key="judge_suggest_recipes").set_value(["plain", OTHER]).run()
    app.slider(key="judge_suggest_n").set_value(4).run()
    plain, other = (wb.search(query.query, 50, recipe=name, log=False).item_ids for name in ("plain", OTHER))
    gap = {item: abs((1 / (plain.index(item) + 1) if item in plain else 0) - (1 / (other.index(item) + 1) if item in other else 0))
           for item in {*plain, *other}}  # fmt: skip
    expected = sorted((item for item in gap if gap[item] > 1e-6), key=lambda item: (-round(gap[item], 6), item))
    first = shown(sent)
    assert len(expected) > 4 and set(first) == set(expected[:4]) and first != expected[:4]
    assert set().union(*sent[-1]["items"]) == {"id", "thumb", "full", "judged", "order", "grade", "note", "copies"}
    assert not [word for word in FORBIDDEN if word in json.dumps(sent[-1]["items"]).lower()]
    for n, item in enumerate(first, 1):
        wb.judgments.add(query.query_id, item, 1, "ann")
        app.run()
        assert shown(sent) == first and sum(one["judged"] for one in sent[-1]["items"]) == n
    list_before = sent[-1]["pool"]
    app.button(key="judge_look_again").click().run()
    assert set(shown(sent)) == set(expected[4:8]) and sent[-1]["pool"] != list_before
    app.toggle(key="judge_blind").set_value(False).run()
    one = next(item for item in sent[-1]["items"] if item["id"] in plain and item["id"] in other)
    assert one["found"] == f"plain {plain.index(one['id']) + 1} \u00b7 {OTHER} {other.index(one['id']) + 1}"
    app.button(key="judge_next").click().run()
    assert sent[-1]["query"]["id"] == wb.querysets.get("Colours").queries[0].query_id and not app.exception


def test_suggested_says_of_which_queries_a_cut_off_is_learned(app, wb, sent, monkeypatch):
    def learned(*kinds: str) -> None:
        monkeypatch.setattr(CutoffService, "result", lambda self: SimpleNamespace(learned=kinds))
        judging(app, judge_name="ann", queue="Suggested")

    learned()
    assert says(app, "No cut-off could be learned: too little is judged.") and not says(app, "A cut-off is learned")
    learned("image", "composed")
    assert says(app, "A cut-off is learned for queries of one image and several terms, not for queries of words.")
    learned("words")
    assert says(app, "A cut-off is learned for queries of words, but searches do not show it.")


def test_suggested_says_what_cannot_be(app, wb, sent):
    judging(app, judge_name="ann", queue="Suggested", recipes='["plain"]', by="cutoff")
    assert app.button(key="judge_by_cutoff").disabled and says(app, "No cut-off is learned yet")
    assert says(app, "takes two recipes or more") and sent[-1]["items"] == []
    app.multiselect(key="judge_suggest_recipes").set_value([]).run()
    assert not app.exception and says(app, "0 are named")
    app.multiselect(key="judge_suggest_recipes").set_value(["plain", "sum"]).run()  # one word: both rank it alike
    assert says(app, "rank all that is not judged alike")
    app.segmented_control(key="judge_queue").set_value("Mine").run()
    assert not app.exception and "queue" not in app.query_params and len(shown(sent)) == 10


@pytest.mark.parametrize("recipes", ["[", "{}", '[1, "no such <b>", ["plain"]]', "[" * 5000])
def test_suggested_recipes_of_a_link_are_anybodys_text(app, wb, sent, recipes):
    judging(app, judge_name="ann", queue="Suggested", recipes=recipes, by="nonsense", set="nowhere", query="none")
    assert app.title[0].value == "Judge" and not app.exception


def test_suggested_nearest_to_the_cut_off(app, no_worker, do_jobs, sent):
    wb = cutoff_world(queries=30)
    wb.cutoffs.start()
    do_jobs()
    query = wb.judgments.queries("set")[3]
    judging(app, judge_name="bob", queue="Suggested", by="cutoff", query=query.query_id)
    assert app.button(key="judge_by_cutoff").disabled and says(app, "searches do not show it")
    wb.cutoffs.adopt()
    app.run()
    app.button(key="judge_by_cutoff").click().run()
    result = wb.search(query.query, 50, log=False)
    graded = wb.judgments.grades_for(query.query_id)
    away = {item: round(abs(p - result.cutoff.probability), 9) for item, p in zip(result.item_ids, result.cutoff.probabilities)
            if item not in graded}  # fmt: skip
    assert not app.exception and set(shown(sent)) == set(sorted(away, key=lambda item: (away[item], item))[:10])
    assert says(app, "The cut-off of the recipe plain")


def test_a_link_opens_what_is_missing_whatever_was_chosen_here(app, wb, sent):
    pool(wb)
    wb.querysets.add("purple\nred -green", "Other")
    query = wb.querysets.get("Other").queries[1]
    tops = [wb.search(query.query, 50, recipe=name, log=False).item_ids[:10] for name in ("plain", OTHER)]
    assert set(tops[0]) != set(tops[1]) and tops[1][2] != tops[0][0]
    wb.judgments.add(query.query_id, tops[0][0], 3, "bob")
    wb.judgments.add(query.query_id, tops[0][1], None, "ann")  # could not tell: it has no grade, and counts as missing
    wb.collection.judgments.add(Judgment(query.query_id, tops[1][2], 1, "keywords", origin="names and keywords"))
    app.session_state["judge_set"] = "Colours"
    judging(app, judge_name="ann", queue="Suggested", by="missing", query=query.query_id, recipes=json.dumps(["plain", OTHER]))
    assert sent[-1]["query"]["id"] == query.query_id and app.selectbox(key="judge_set").value == "Other"
    missing = {*tops[0], *tops[1]} - {tops[0][0], tops[1][2]}
    assert set(shown(sent)) == missing and sum(one["judged"] for one in sent[-1]["items"]) == 1
    app.query_params["people"] = "1"
    app.run()
    assert set(shown(sent)) == missing | {tops[1][2]}
    app.selectbox(key="judge_set").set_value("Colours").run()  # and from there to another set
    assert sent[-1]["query"]["text"] == "red" and app.query_params["set"] == "Colours"


# ---------------------------------------------------------------- query sets


def part(app, name):
    app.segmented_control(key="judge_part").set_value(name).run()
    assert not app.exception
    return app


def test_without_queries_the_page_takes_some(app, wb):
    wb.querysets.remove("Colours", [q.query_id for q in wb.querysets.get("Colours").queries])
    wb.querysets.put_away("Colours")
    judging(app)
    app.text_area[0].set_value("red\nblue -green")
    app.button("FormSubmitter:judge_add_My queries-Add queries").click().run()
    assert not app.exception and [q.text for q in wb.querysets.get("My queries").queries] == ["red", "blue -green"]
    assert any("2 queries added" in one.value for one in app.success)


def test_queries_are_added_by_sampling_and_from_the_log_with_a_way_back(app, wb):
    wb.search("purple")
    part(judging(app), "Queries")
    app.number_input(key="judge_sample_n_Colours").set_value(4)
    app.button(key="judge_sample_draw_Colours").click().run()
    assert not app.exception and len(wb.querysets.get("Colours").queries) == 7
    app.button(key="judge_undo_press").click().run()
    assert len(wb.querysets.get("Colours").queries) == 3
    app.button(key="judge_log_add_Colours").click().run()
    assert wb.querysets.get("Colours").queries[-1].text == "purple"


def test_earlier_versions_are_shown_and_used_again(app, wb):
    wb.querysets.add("purple", "Colours")
    part(judging(app), "Queries")
    assert any("version 2" in one and "Colours@2" in one.replace("\\", "") for one in captions(app))
    app.selectbox(key="judge_version_Colours").set_value(1).run()
    app.button(key="judge_version_use_Colours").click().run()
    assert not app.exception and [q.text for q in wb.querysets.get("Colours").queries] == ["red", "blue", "green -blue"]
    app.button(key="judge_undo_press").click().run()
    assert len(wb.querysets.get("Colours").queries) == 4 and len(wb.querysets.versions("Colours")) == 4


@pytest.mark.parametrize("others", [True, False])
def test_an_emptied_set_stays_with_its_versions_until_it_is_put_away(app, wb, others):
    if others:
        wb.querysets.add("purple", "Another")
    part(judging(app), "Queries")
    app.selectbox(key="judge_queries_set").set_value("Colours").run()
    wb.querysets.remove("Colours", [q.query_id for q in wb.querysets.get("Colours").queries])
    app.session_state["judge_queries_set"] = "Colours"
    app.run()
    assert not app.exception and app.selectbox(key="judge_queries_set").value == "Colours"
    assert any("no queries in this set any more" in one.value for one in app.info)
    app.button(key="judge_set_away").click().run()
    assert [name for name, _ in wb.querysets.names(emptied=True)] == (["Another"] if others else [])
    app.button(key="judge_undo_press").click().run()
    assert not app.exception and app.selectbox(key="judge_queries_set").value == "Colours"
    app.selectbox(key="judge_version_Colours").set_value(1).run()
    app.button(key="judge_version_use_Colours").click().run()
    assert len(wb.querysets.get("Colours").queries) == 3 and app.selectbox(key="judge_queries_set").value == "Colours"
    app.button(key="judge_undo_press").click().run()
    assert wb.querysets.get("Colours").queries == () and app.selectbox(key="judge_queries_set").value == "Colours"
    wb.querysets.put_away("Colours")
    wb.querysets.add("red", "Colours")
    assert ("Colours", 1) in wb.querysets.names()
    wb.querysets.remove("Colours", [wb.querysets.get("Colours").queries[0].query_id])
    assert ("Colours", 0) in wb.querysets.names(emptied=True), "queries that were added had brought it back"


def test_suggestions_are_for_the_queries_of_the_pool_that_was_judged(app, wb, sent):
    wb.judgments.save_queries(wb.querysets.get("Colours").queries[:1], "Bits")
    wb.judgments.save_queries(wb.querysets.get("Colours").queries, "A larger one")
    judging(app, judge_name="ann", set="A larger one")
    pool(wb)
    app.run()
    app.selectbox(key="judge_pool").set_value("ppool").run()
    app.segmented_control(key="judge_queue").set_value("Suggested").run()
    assert not app.exception and app.selectbox(key="judge_set").value == "Colours"


def test_hostile_names_are_text(app, wb):
    wb.querysets.add("[click](x) <b> **x**", "$a$ *b* <script>")
    app.session_state["judge_set"] = "$a$ *b* <script>"
    judging(app, judge_name="<b>me</b> *x*")
    shown = [*captions(app), *(one.value for one in app.markdown)]
    assert not any("<script>" in one.replace("\\<", "") for one in shown)
    part(app, "Queries")
    part(app, "Pools")


def told(app):
    return " ".join(one.value for one in (*app.success, *app.get("text"), *app.caption)).replace("\\", "")


def test_what_was_brought_twice_is_said(app, wb):
    red = wb.querysets.get("Colours").queries[0].query_id
    wb.judgments.add(red, wb.collection.ids()[0], 3, "ann")
    part(judging(app), "Queries")
    assert "1 of 3 queries has grades by people." in told(app)
    app.selectbox(key="judge_queries_set").set_value("A new set").run()
    app.text_input(key="judge_queries_new").set_value("Pasted").run()
    app.text_area[0].set_value("red\nyellow\nred\nred")
    app.button("FormSubmitter:judge_add_Pasted-Add queries").click().run()
    assert not app.exception and "2 queries added to Pasted. 2 lines said the same again and were left out." in told(app)
    assert "1 of the 2 new queries has grades already, from the set Colours." in told(app)
    assert "1 of 2 queries has grades already, shared with the set Colours (1)" in told(app)


def test_a_new_set_is_one_press_away_and_made_grades_are_told_from_those_by_people(app, wb):
    first = wb.querysets.get("Colours").queries[0].query_id
    wb.judgments.add(first, wb.collection.ids()[0], 3, "ann")
    part(judging(app), "Queries")
    assert "Made" not in app.dataframe[0].value.columns
    wb.collection.judgments.add(Judgment(first, wb.collection.ids()[1], 2, "names", origin="names and keywords"))
    app.run()
    table = app.dataframe[0].value
    assert (table["Grades"].tolist(), table["Made"].tolist()) == ([1, 0, 0], [1, 0, 0])
    app.button(key="judge_queries_new_set").click().run()
    assert not app.exception and app.text_input(key="judge_queries_new").label == "Name of the new set"
    assert "judge_queries_new_set" not in [one.key for one in app.button]


def test_a_name_that_no_set_can_have_is_refused_before_anything_is_typed(app, wb):
    part(judging(app), "Queries")
    app.button(key="judge_queries_new_set").click().run()
    app.text_input(key="judge_queries_new").set_value("eval <b>6</b>").run()
    said = [one.value.replace("\\", "") for one in app.error]
    assert not app.exception and said == ["The query set's name contains '/'; leave out slashes, backslashes and control characters."]
    assert not app.text_area
    app.text_input(key="judge_queries_new").set_value("eval 6").run()
    assert not app.error and app.text_area


def brought(app, key, name, data):
    next(one for one in app.file_uploader if one.key == key).upload(name, data, "text/plain").run()
    return app


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_files_are_read_in_the_encoding_that_their_first_bytes_say(app, wb, sent, encoding):
    brought(part(judging(app, judge_name="ann"), "Queries"), "judge_file_Colours", "q.csv", "id,query\n7,café\n".encode(encoding))
    app.button(key="judge_file_add_Colours").click().run()
    assert not app.exception and [(q.query_id, q.text) for q in wb.querysets.get("Colours").queries][3:] == [("7", "café")]
    red, item = wb.querysets.get("Colours").queries[0].query_id, wb.collection.ids()[0]
    brought(part(app, "Judge"), "judge_bring", "g.csv", f"query_id,item_id,grade,judge\n{red},{item},3,zoë\n".encode(encoding))
    app.button(key="judge_bring_add").click().run()
    assert not app.exception and [(j.judge, j.grade) for j in wb.collection.judgments.all()] == [("zoë", 3)]


def test_a_file_that_is_no_text_is_named_with_the_line(app, wb):
    brought(part(judging(app), "Queries"), "judge_file_Colours", "q.csv", "query\ncafé\n".encode("latin-1"))
    assert not app.exception and [one.value.replace("\\", "") for one in app.error] == [
        "q.csv is no text in UTF-8: line 2 has a byte that cannot be read; save it as UTF-8."
    ]  # fmt: skip
    brought(app, "judge_file_Colours", "q.csv", b"red\n" * 2_000_000)
    assert any("8,000,000 bytes, and 5,000,000 are possible" in one.value for one in app.error)


def test_a_set_says_what_it_has_twice(app, wb):
    red = wb.querysets.get("Colours").queries[0]
    wb.judgments.save_queries([replace(red, query_id="q<7>")], "Colours")
    part(judging(app), "Queries")
    assert f"1 query is in this set twice, and judged and counted twice: q<7> = {red.query_id}. Remove one of each." in told(app)


def test_queries_that_differ_in_letter_case_are_said(app, wb):
    part(judging(app), "Queries")
    app.text_area[0].set_value("Red\nyellow")
    app.button("FormSubmitter:judge_add_Colours-Add queries").click().run()
    assert not app.exception
    assert ("1 query differs from another only in letter case or spaces: 'Red' and 'red'. It is kept, for an encoder may tell them apart."
            in told(app))  # fmt: skip
    two = Added("s", 1, 2, 0, 0, alike=(("A dog", "a dog"), ("A cat", "a cat")))
    assert queries_said(two)[1] == ("2 queries differ from another only in letter case or spaces, such as 'A dog' and 'a dog'. "
                                    "They are kept, for an encoder may tell them apart.")  # fmt: skip


def test_sentences_count_in_the_singular_and_the_plural():
    one = Added("s", 1, 1, 1, 0, 1, {"q7": "q2"}, 1, 1, ("a",))
    assert " ".join(queries_said(one)) == (
        "1 query added to s; 1 was in it already. 1 line said the same again and was left out. 1 query was there twice: q7 = q2. Each is "
        "kept once, and grades that a file gives to the other id are taken for it. 1 grade under such an id counts for it now. 1 of the "
        "1 new query has grades already, from the set a."
    )  # fmt: skip
    many = Added("s", 1, 9, 2, 0, 2, {f"q{n}": "q0" for n in range(1, 8)}, 2, 2, ("a", "b"))
    assert " ".join(queries_said(many)) == (
        "9 queries added to s; 2 were in it already. 2 lines said the same again and were left out. 7 queries were there twice: q1 = q0, "
        "q2 = q0, q3 = q0, q4 = q0, q5 = q0 and 2 more. Each is kept once, and grades that a file gives to the other id are taken for it. "
        "2 grades under such an id count for it now. 2 of the 9 new queries have grades already, from the sets a, b."
    )  # fmt: skip
    one = Imported((1,), 2, 1, 1, {"red": 1}, {"i1": 1}, ((3, "f.jpg", "no picture is called so"),), 1, 1)
    assert " ".join(grades_said(one)) == (
        "2 rows read, 1 taken. 1 row names 1 query that no set has: 'red'. Its grade is kept; add it under Queries, with the same id or "
        "words, and it counts. 1 row names 1 image that is not in this collection: 'i1'. Its grade is kept, and counts once the image is "
        "here under this id. 1 row is left out, for its file is not found: 'f.jpg' in line 3 (no picture is called so). Bring the "
        "images first, then the file again. 1 row has another id of a query that a set has, and counts for it. 1 row grades what the same "
        "judge had graded before in this file; the last one counts."
    )  # fmt: skip
    many = Imported(tuple(range(9)), 11, 2, 2, {"red": 3, "q8": 1}, {"i1": 2, "i2": 1},
                    ((3, "f.jpg", "no"), (5, "g.jpg", "no")), 2, 2)  # fmt: skip
    assert " ".join(grades_said(many)) == (
        "11 rows read, 9 taken. 4 rows name 2 queries that no set has: 'red', 'q8'. Their grades are kept; add them under Queries, with "
        "the same ids or words, and they count. 3 rows name 2 images that are not in this collection: 'i1', 'i2'. Their grades are kept, "
        "and count once the images are here under these ids. 2 rows are left out, for their files are not found: 'f.jpg' in line 3, "
        "'g.jpg' in line 5 (no). Bring the images first, then the file again. 2 rows have another id of a query that a set has, and "
        "count for it. 2 rows grade what the same judge had graded before in this file; the last one counts."
    )  # fmt: skip


# ---------------------------------------------------------------- pools


def test_a_pool_is_asked_for_and_what_is_wrong_is_said(app, wb):
    part(judging(app), "Pools")
    assert app.multiselect(key="judge_pool_arms").value == ["plain", "hubs-corrected", "sum"]
    app.text_input(key="judge_pool_where").set_value("nothing = 3")
    app.button("FormSubmitter:judge_pool_make-Make the pool").click().run()
    assert not app.exception and any("nothing" in one.value for one in app.error) and wb.pools.job() is None
    app.text_input(key="judge_pool_where").set_value("")
    app.text_input(key="judge_pool_judges").set_value("ann, bob,ann")
    app.slider(key="judge_pool_depth").set_value(7)
    app.button("FormSubmitter:judge_pool_make-Make the pool").click().run()
    assert not app.exception
    (job,) = Queue().jobs(wb.key, live=True)
    assert job.kind == "pool" and job.args["judges"] == ["ann", "bob"] and job.args["overlap"] == 0.2 and job.args["depth"] == 7
    app.button(key="judge_pool_cancel").click().run()
    assert Queue().jobs(wb.key, live=True) == ()


def test_the_pool_that_was_asked_for_is_opened_when_it_is_made(app, wb, do_jobs):
    pool(wb)
    part(judging(app), "Pools")
    assert app.selectbox(key="judge_pools_shown").value == "ppool"
    app.text_input(key="judge_pool_where").set_value("number < 5")
    app.slider(key="judge_pool_depth").set_value(7)
    app.button("FormSubmitter:judge_pool_make-Make the pool").click().run()
    assert app.selectbox(key="judge_pools_shown").value == "ppool"
    do_jobs()
    app.run()
    made = wb.pools.list()[-1]
    assert not app.exception and app.selectbox(key="judge_pools_shown").value == made.pool_id != "ppool"
    assert made.name == "Colours, top 7, number < 5"
    (said,) = [one.value.replace("\\", "") for one in app.success]
    assert said.startswith("The pool Colours, top 7, number < 5 is made: ") and said.endswith(" pairs of query and image, in 3 queries.")
    app.selectbox(key="judge_pools_shown").set_value("ppool").run()
    assert app.selectbox(key="judge_pools_shown").value == "ppool" and not app.success


def test_what_a_filter_leaves_of_a_pool_is_said_under_its_field(app, wb):
    part(judging(app), "Pools")

    def make(where):
        app.text_input(key="judge_pool_where").set_value(where)
        app.button("FormSubmitter:judge_pool_make-Make the pool").click().run()
        assert not app.exception
        (form,) = [block for block in blocks(app.main) if block.type == "form"]
        shown = [one for one in leaves(form) if one.type in ("text_input", "alert", "code", "slider", "error", "warning")]
        return shown[next(n for n, one in enumerate(shown) if getattr(one, "key", "") == "judge_pool_where") + 1 :]

    wrong = make("nothing = 3")
    assert wrong[0].type == "error" and "nothing" in wrong[0].value and wrong[1].type == "code" and "^" in wrong[1].value
    none = make("number < 0")
    assert none[0].type == "error" and wb.pools.job() is None
    assert none[0].value.replace("\\", "") == ("3 of 3 queries find nothing with this filter: 'red', 'blue', 'green -blue'. "
                                               "No pool is made.")  # fmt: skip
    wb.querysets.add("query,where\nred,number < 5\nblue,number > 5\n", "narrow", "csv")
    app.run()
    app.selectbox(key="judge_pool_set").set_value("narrow")
    some = make("number > 5")
    assert some[0].type == "warning" and "1 of 2 queries finds nothing with this filter: 'red'" in some[0].value.replace("\\", "")
    assert len(Queue().jobs(wb.key, live=True)) == 1


def blocks(block):
    for child in getattr(block, "children", {}).values():
        yield child
        yield from blocks(child)


def leaves(block):
    return [one for one in blocks(block) if not getattr(one, "children", {})]


def test_a_pool_in_numbers_and_put_away(app, wb):
    record = pool(wb)
    wb.judgments.add(*wb.pools.pairs(record.pool_id)[0], 3, "ann")
    part(judging(app), "Pools")
    assert any(one.value.startswith("**1 of 18** pairs of query and image judged, in 3 queries; 50% found by one recipe alone") for one in
               app.markdown)  # fmt: skip
    app.button(key="judge_pool_remove").click().run()
    assert not app.exception and wb.pools.list() == []
    app.button(key="judge_undo_press").click().run()
    assert [one.pool_id for one in wb.pools.list()] == [record.pool_id]
    app.button(key="judge_pool_go").click().run()
    assert not app.exception and app.segmented_control(key="judge_part").value == "Judge"
