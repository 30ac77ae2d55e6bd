"""Evaluating through the workbench: the job, the kept rankings, stale or not, notes, files to take along."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile

import numpy as np
import pytest

import core.encode
from core.encode import vector_sets
from core.errors import Cancelled, InputError, NotFound
from core.jobs import Queue
from core.jobs.progress import Progress
from core.judge import parse_qrels, parse_run
from core.judge.kept import ALL, kept_for, tags_of
from core.query.parse import parse
from core.search import engine
from core.search.recipes import save_recipe
from core.types import HubSetting, Judgment, NewItem, Query, Recipe, SavedQuery, Term
from core.workbench import Workbench
from core.workbench.evaluation_files import overlap
from tests.fakes import FakeEncoder
from tests.proof_world import proof_world
from tests.working import do_jobs, no_worker  # noqa: F401
from tests.worlds import colour_world

pytestmark = pytest.mark.usefixtures("no_worker")


def judged(tmp_path, *, made: bool = False) -> Workbench:
    """The colour world, in which "red" and "blue" are judged: the three items of the colour 3, 2, 1 in the order of their names."""
    wb = colour_world(tmp_path / "images")
    items = wb.items.many(wb.collection.ids())
    for query in wb.judgments.queries("Colours")[:2]:
        own = sorted((i for i in items if i.meta["colour"] == query.text), key=lambda i: i.file)
        other = next(i for i in items if i.meta["colour"] == "grey")
        for item, grade in [*zip(own, (3, 2, 1)), (other, 0)]:
            origin = {"judge": "names", "origin": "names"} if made else {"judge": "ann"}
            wb.collection.judgments.add(Judgment(query.query_id, item.item_id, grade, **origin))
    return wb


def run(wb: Workbench, do_jobs, *recipes: str, query_set: str = "Colours", depth: int = 50) -> Workbench:  # noqa: F811
    wb.evaluations.start(query_set, recipes or ("plain", "sum"), depth=depth)
    do_jobs()
    (job,) = (job for job in Queue().jobs(wb.key)[:1])
    assert job.state == "done", job.message
    return wb


def test_the_table_is_what_the_search_found_by_hand(tmp_path, do_jobs):  # noqa: F811
    wb = run(judged(tmp_path), do_jobs)
    found = wb.evaluations.result("Colours")
    assert found.n_ungraded == 1 and found.table.recipes == ("plain", "sum") and found.table.baseline == "plain"
    assert any("1 of 3 queries has no grades yet and is not measured." in note for note in found.notes)
    for at, query in enumerate(wb.judgments.queries("Colours")[:2]):
        hits = wb.search(query.query, 50, log=False).item_ids
        grades = wb.judgments.grades_for(query.query_id)
        assert found.rankings["plain"][query.query_id] == hits
        right = [rank for rank, item in enumerate(hits, 1) if grades.get(item, 0) >= 1]
        assert len(right) == 3
        value = {one.key: found.table.values["plain", one.key][at] for one in found.table.metrics}
        assert value["P@10"] == pytest.approx(sum(rank <= 10 for rank in right) / 10)
        assert value["R@10"] == pytest.approx(sum(rank <= 10 for rank in right) / 3)
        assert value["AP@50"] == pytest.approx(sum(n / rank for n, rank in enumerate(right, 1)) / 3)
        assert value["RR"] == pytest.approx(1 / right[0])
        gained = sum(grades.get(item, 0) / np.log2(rank + 1) for rank, item in enumerate(hits[:10], 1))
        assert value["nDCG@10"] == pytest.approx(gained / (3 + 2 / np.log2(3) + 1 / np.log2(4)))
        assert found.table.unjudged["plain", 10][at] == pytest.approx(sum(item not in grades for item in hits[:10]) / 10)
    assert wb.evaluations.result("Colours") is not None and wb.evaluations.result(ALL) is None


def test_a_grade_given_later_counts_at_once_and_relevance_is_an_option(tmp_path, do_jobs):  # noqa: F811
    wb = run(judged(tmp_path), do_jobs)
    before = wb.evaluations.result("Colours").table
    third = wb.judgments.queries("Colours")[2]
    for item in wb.search(third.query, 3, log=False).item_ids:
        wb.judgments.add(third.query_id, item, 1, "ann")
    after = wb.evaluations.result("Colours")
    assert len(before.queries) == 2 and len(after.table.queries) == 3 and not after.n_ungraded and not after.stale
    assert after.table.values["plain", "RR"][2] == 1.0
    strict = wb.evaluations.result("Colours", rel=2)
    assert strict.table.n_bare == 1 and strict.table.values["plain", "RR"][2] == 0.0
    assert len(wb.evaluations.result("Colours", rel=2, skip_bare=True).table.queries) == 2


def test_reopening_reads_what_was_kept_and_says_what_changed(tmp_path, do_jobs, monkeypatch):  # noqa: F811
    wb = judged(tmp_path)
    save_recipe(wb.collection, Recipe(name="mine", compose="sum"))
    run(wb, do_jobs, "plain", "mine")
    monkeypatch.setattr("core.search.engine.run", lambda *a, **k: pytest.fail("nothing is searched again"))
    again = Workbench.open(wb.key)
    assert again.evaluations.result("Colours").stale == ()
    assert kept_for(wb.collection, "Colours").answers
    save_recipe(wb.collection, Recipe(name="mine", compose="sum", fold=True))
    wb.collection.save_queries([SavedQuery(q.query_id, "new", q) for q in [parse("yellow")]], "Colours")
    item = NewItem(item_id="new", sha256="n", file="n.png", path="", width=1, height=1, n_bytes=1, date="")
    wb.collection.commit([item])
    said = " ".join(again.evaluations.result("Colours").stale)
    assert "Images came" in said and "recipe mine has changed" in said and "4 queries now; 3 were run" in said


def test_made_judgments_are_named_and_can_be_left_out(tmp_path, do_jobs):  # noqa: F811
    wb = run(judged(tmp_path, made=True), do_jobs)
    assert any(note.startswith("8 of 8 grades were made without people, from: names.") for note in wb.evaluations.result("Colours").notes)
    with pytest.raises(InputError, match="by people"):
        wb.evaluations.result("Colours", people_only=True)


def test_an_earlier_version_of_a_set_is_measured_as_it_was(tmp_path, do_jobs):  # noqa: F811
    wb = judged(tmp_path)
    first = [q.query_id for q in wb.querysets.get("Colours").queries]
    wb.querysets.add("purple", "Colours")
    wb.evaluations.start("Colours@1", ["plain"], start=False)
    do_jobs()
    found = Workbench.open(wb.key).evaluations.result("Colours@1")
    assert list(found.kept.queries) == first and found.kept.version == 1 and not found.stale
    with pytest.raises(NotFound, match="no version 9"):
        wb.evaluations.start("Colours@9", ["plain"], start=False)


def test_imported_grades_are_not_called_made(tmp_path, do_jobs):  # noqa: F811
    wb = colour_world(tmp_path / "images")
    query = wb.judgments.queries("Colours")[0]
    wb.collection.judgments.add(Judgment(query.query_id, wb.collection.ids()[0], 2, "TREC <b>", origin="imported"))
    notes = run(wb, do_jobs).evaluations.result("Colours").notes
    assert "1 of 1 grades was imported from: TREC <b>." in notes and not any("without people" in note for note in notes)


def test_what_cannot_be_run_is_said_before_any_job(tmp_path, do_jobs):  # noqa: F811
    wb = colour_world(tmp_path / "images")
    with pytest.raises(InputError, match="Nothing is judged yet"):
        wb.evaluations.start("Colours")
    query = wb.judgments.queries("Colours")[0]
    wb.judgments.add(query.query_id, wb.collection.ids()[0], 2, "ann")
    wb.collection.save_queries([SavedQuery("t1", "x", parse("grey"))], "Other")
    with pytest.raises(InputError, match="None of the 1 queries of Other is judged"):
        wb.evaluations.start("Other")
    with pytest.raises(NotFound, match="no query set 'No'"):
        wb.evaluations.start("No")
    with pytest.raises(NotFound, match="no recipe 'no'"):
        wb.evaluations.start("Colours", ["no"])
    with pytest.raises(InputError, match="1 to 12 recipes"):
        wb.evaluations.start("Colours", [])
    assert not Queue().jobs()
    first = wb.evaluations.start("Colours", ["plain"])
    assert wb.evaluations.start("Colours", ["plain"]).job_id == first.job_id
    with pytest.raises(InputError, match="under way"):
        wb.evaluations.start("Colours", ["sum"])


def test_a_query_that_fails_counts_nothing_and_is_named(tmp_path, do_jobs):  # noqa: F811
    wb = judged(tmp_path)
    gone = Query((Term("item", "nosuchitem"),))
    wb.collection.save_queries([SavedQuery(gone.query_id, "like what is gone", gone)], "Colours")
    wb.judgments.add(gone.query_id, wb.collection.ids()[0], 3, "ann")
    found = run(wb, do_jobs, "plain").evaluations.result("Colours")
    assert found.table.values["plain", "RR"][-1] == 0.0
    assert any("plain could not answer 1 query, which counts 0: The image nosuchitem" in note for note in found.notes)


def test_a_query_that_fails_and_has_no_grades_counts_nowhere(tmp_path, do_jobs):  # noqa: F811
    wb = judged(tmp_path)
    gone = Query((Term("item", "nosuchitem"),))
    wb.collection.save_queries([SavedQuery(gone.query_id, "like what is gone", gone)], "Colours")
    found = run(wb, do_jobs).evaluations.result("Colours")
    assert gone.query_id in found.kept.ran["plain"].failed and gone.query_id not in found.table.queries
    assert "2 of 4 queries have no grades yet and are not measured." in found.notes
    assert "could not answer" not in " ".join(found.notes) + wb.evaluations.report(found)


def test_story_and_report_name_a_composed_query_in_words_and_show_its_pictures(tmp_path, do_jobs):  # noqa: F811
    wb = judged(tmp_path)
    items = {i.file: i.item_id for i in wb.items.many(wb.collection.ids())}
    file, item = next(iter(items.items()))
    query = parse(f"image:{item} grey^2")
    wb.collection.save_queries([SavedQuery(query.query_id, f"image:{item} grey^2", query)], "Alone")
    wb.judgments.add(query.query_id, wb.collection.ids()[1], 3, "ann")
    found = run(wb, do_jobs, "plain", "sum", query_set="Alone").evaluations.result("Alone")
    words = f"like {file}, with: grey \u00d72"
    assert found.named.words == {query.query_id: words} and found.words[query.query_id].startswith("image:")
    assert found.named.shown(query.query_id, lambda term: f"at {term.value}") == [(f"at {item}", file, False)]
    story = wb.evaluations.story(found)
    assert story[0].text.startswith(f"Somebody looks for \u201c{words}\u201d.")
    report = wb.evaluations.report(found)
    assert words in report and f"image:{item}" not in report
    strip = rf'The query asks with</div><div class="lp-strip"><div class="lp-card"><img src="data:image[^"]+" alt="{file}">'
    assert re.search(strip, report)


def test_all_judged_queries_of_several_sets(tmp_path, do_jobs):  # noqa: F811
    wb = judged(tmp_path)
    assert [one.name for one in wb.evaluations.asked()] == ["Colours"]
    query = parse("grey")
    wb.collection.save_queries([SavedQuery(query.query_id, "grey", query)], "Other")
    wb.judgments.add(query.query_id, wb.collection.ids()[0], 2, "ann")
    assert [(one.name, one.n_queries, one.n_judged) for one in wb.evaluations.asked()] == [(ALL, 3, 3), ("Colours", 3, 2), ("Other", 1, 1)]
    assert len(run(wb, do_jobs, "plain", query_set=ALL).evaluations.result(ALL).table.queries) == 3


def test_a_cancelled_evaluation_keeps_nothing(tmp_path, do_jobs, monkeypatch):  # noqa: F811
    wb = judged(tmp_path)
    job = wb.evaluations.start("Colours", ["plain"])
    real = engine.run

    def stop(*_):
        raise Cancelled("no")

    def cancelling(*args, **more):
        monkeypatch.setattr(Progress, "at", stop)
        return real(*args, **more)

    monkeypatch.setattr(engine, "run", cancelling)
    do_jobs()
    assert Queue().get(job.job_id).state == "cancelled"
    assert wb.evaluations.result("Colours") is None


# ---------------------------------------------------------------- files


def test_trec_files_give_the_same_figures_to_ir_measures(tmp_path, do_jobs):  # noqa: F811
    import ir_measures

    found = run(judged(tmp_path), do_jobs, "plain", "hub:is:20:items", "folded").evaluations.result("Colours")
    data = Workbench.open("Colours").evaluations.runs(found)
    assert data == Workbench.open("Colours").evaluations.runs(found)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(files) == {"qrels.txt", "qrels.infAP.txt", "queries.tsv", "plain.run", "hub-is-20-items.run", "folded.run"}
    assert len(parse_qrels(files["qrels.txt"])) == 8 and {line.tag for line in parse_run(files["plain.run"])} == {"plain"}
    for recipe, tag in tags_of(list(found.kept.ran)).items():
        for one in found.table.metrics:
            measure = ir_measures.parse_measure(one.key)
            qrels = list(ir_measures.read_trec_qrels(files["qrels.infAP.txt" if one.key == "infAP" else "qrels.txt"]))
            mean = ir_measures.calc_aggregate([measure], qrels, list(ir_measures.read_trec_run(files[f"{tag}.run"])))[measure]
            assert mean == pytest.approx(found.table.cells[recipe, one.key].mean.value, abs=1e-9), (recipe, one.key)


def test_tags_are_tokens_and_no_two_alike():
    assert tags_of(["a b", "a/b", "../x", "plain"]) == {"a b": "a-b", "a/b": "a-b-2", "../x": "x", "plain": "plain"}


def test_csv_and_json_say_what_the_table_says_and_run_no_formula(tmp_path, do_jobs):  # noqa: F811
    wb = judged(tmp_path)
    query = wb.judgments.queries("Colours")[0]
    wb.collection.save_queries([SavedQuery(query.query_id, "=HYPERLINK(1)", query.query)], "Colours")
    found = run(wb, do_jobs).evaluations.result("Colours")
    rows = list(csv.DictReader(io.StringIO(wb.evaluations.csv(found).decode("utf-8-sig"))))
    assert len(rows) == 4 and rows[0]["query"] == "'=HYPERLINK(1)"
    first = rows[0]  # RR stops at the first hit, which is graded; nDCG@10 has looked at all ten
    assert (first["unjudged to first relevant"], list(first)[-1]) == ("0.0", "unjudged to first relevant") and "unjudged@-1" not in first
    assert float(first["unjudged@10"]) == found.table.unjudged["plain", 10][0] > 0
    mean = sum(float(row["nDCG@10"]) for row in rows if row["recipe"] == "plain") / 2
    said = json.loads(wb.evaluations.json(found))
    assert said["metrics"]["plain"]["nDCG@10"]["mean"]["value"] == pytest.approx(mean, abs=1e-5)
    assert said["ap_divisor"] == "all relevant items" and said["relevant_from"] == 1


def test_the_report_carries_pictures_and_the_licence(tmp_path, do_jobs):  # noqa: F811
    wb = judged(tmp_path)
    wb.collection.set_attribution("Drawn by <Ann>, CC BY-SA 4.0")
    found = run(wb, do_jobs).evaluations.result("Colours")
    text = wb.evaluations.report(found)
    assert "Drawn by &lt;Ann&gt;, CC BY-SA 4.0" in text and "data:image/jpeg;base64," in text and 'alt="a blue circle"' in text
    assert "http" not in text.replace("http-equiv", "")


def test_missing_counts_unjudged_of_any_recipe(tmp_path, do_jobs):  # noqa: F811
    wb = run(judged(tmp_path), do_jobs, "plain")
    found = wb.evaluations.result("Colours")
    missing = wb.evaluations.missing(found)
    query = found.table.queries[0]
    assert missing[query] == sum(item not in found.grades[query] for item in found.rankings["plain"][query][:10])


# ---------------------------------------------------------------- hubs, pools, training


def test_a_planted_hub_is_told_through_the_service(do_jobs):  # noqa: F811
    wb = proof_world(n=200)
    queries = {n: parse(f"number {n} asked") for n in range(0, 180, 3)}
    wb.collection.save_queries([SavedQuery(q.query_id, f"number {n} asked", q) for n, q in queries.items()], "Numbers")
    wb.collection.judgments.add_many([Judgment(q.query_id, f"x{n:03d}", 3, "ann") for n, q in queries.items()])
    found = run(wb, do_jobs, "plain", "hubs-corrected", query_set="Numbers").evaluations.result("Numbers")
    assert found.table.best("nDCG@10") == "hubs-corrected"
    why, fix = wb.evaluations.story(found)[3:]
    assert why.told and why.panels[0].entries[0].item_id == "x199"
    assert fix.told and "With the recipe hubs-corrected" in fix.text


def test_pools_are_measured_and_kept(do_jobs):  # noqa: F811
    wb = proof_world(n=120, lean=0.0)
    assert wb.evaluations.pools() is None
    wb.evaluations.start_pools()
    do_jobs()
    said = wb.evaluations.pools()
    assert [row[0] for row in said["rows"]] == [5, 10, 20, 50, 119] and said["captions"] == 119 and not said["stale"]
    assert all(0 <= hard <= random <= 1 for _, hard, random in said["rows"])
    assert said["rows"][-1][1] == said["rows"][-1][2]


def test_recipes_name_vectors_and_corrections(tmp_path, do_jobs):  # noqa: F811
    wb = judged(tmp_path)
    assert "hub:csls:20:auto" in wb.evaluations.recipes()
    assert wb.evaluations.describe(Recipe(name="x", hub=HubSetting("csls", 20.0, "captions"))) == (
        "Hub correction CSLS, compared with the bank captions.")  # fmt: skip
    assert wb.evaluations.describe(Recipe(name="x")) == "As plain."


def test_another_encoders_vectors_can_be_compared(tmp_path, do_jobs, monkeypatch):  # noqa: F811
    class Other(FakeEncoder):
        name, fingerprint = "other", "fa4e000000000002"

        def encode_texts(self, texts):
            return np.roll(super().encode_texts(texts), 1, axis=1)  # red finds what comes after red

    wb = judged(tmp_path)
    monkeypatch.setitem(core.encode._loaded, "other", Other())
    ids = wb.collection.ids()
    one = vector_sets(Other())[0]
    wb.collection.add_set(one)
    wb.collection.commit((), {one.set_id: (ids, Other().encode_images([wb.collection.original_path(i) for i in ids]))})
    (name,) = (name for name in wb.evaluations.recipes() if name.startswith("vectors "))
    table = run(wb, do_jobs, "plain", name).evaluations.result("Colours").table
    assert table.cells["plain", "RR"].mean.value > table.cells[name, "RR"].mean.value
    assert wb.evaluations.result("Colours").kept.ran[name].set_id == one.set_id


def test_queries_like_those_that_were_trained_on(do_jobs, monkeypatch):  # noqa: F811
    wb = proof_world(n=60)
    texts = {"seen words": "number 1 said", "seen item": "something else 2", "new": "other thing"}
    queries = {what: parse(text) for what, text in texts.items()}
    wb.collection.save_queries([SavedQuery(q.query_id, texts[what], q) for what, q in queries.items()], "Q")
    right = {"seen words": "x050", "seen item": "x002", "new": "x051"}
    wb.collection.judgments.add_many([Judgment(queries[what].query_id, item, 2, "ann") for what, item in right.items()])
    found = run(wb, do_jobs, "plain", query_set="Q").evaluations.result("Q")
    assert wb.evaluations.trained_on(found) is None  # nothing was adapted
    monkeypatch.setattr("core.workbench.evaluation_files.is_adapted", lambda name: True)
    monkeypatch.setattr("core.workbench.evaluation_files._training", lambda *a: (frozenset({"x001", "x002"}), ""))
    seen = overlap(wb.collection, found)
    assert seen.shares_words.tolist() == [True, False, False] and seen.shares_items.tolist() == [False, True, False]
    assert seen.inside.tolist() == [True, True, False] and seen.n_images == 2
    values = found.table.values["plain", "RR"]
    assert seen.gaps["plain", "RR"].outside == pytest.approx(values[2]) and seen.gaps["plain",
                                                                                      "RR"].inside == pytest.approx(values[:2].mean())


def test_a_real_adaptation_names_what_it_was_trained_on(do_jobs, monkeypatch):  # noqa: F811
    from core.encode import adapt
    from core.jobs.pipelines import align, maps
    from tests.workbench.test_adapt_service import StrangeEncoder, _no_map, world

    monkeypatch.setattr(core.encode, "_loaded", {"strange": StrangeEncoder()})

    settings = adapt.FitSettings(learning_rate=3e-3, stay=1.0)
    monkeypatch.setattr(align, "fit", lambda *a, **k: adapt.fit(*a, settings=settings, **k))
    monkeypatch.setattr(maps, "_map", lambda context, collection, view, graph, refit: _no_map(view))
    monkeypatch.setattr(maps, "_groups", lambda *a: None)
    wb = world()
    wb.adapt.start()
    do_jobs()
    wb.adapt.accept()
    do_jobs()
    captions = {item: texts[0] for item, texts in wb.collection.captions_of(wb.collection.ids()).items()}
    queries = {item: parse(text) for item, text in list(captions.items())[:30]}
    wb.collection.save_queries([SavedQuery(q.query_id, captions[item], q) for item, q in queries.items()], "Q")
    wb.collection.judgments.add_many([Judgment(q.query_id, item, 3, "ann") for item, q in queries.items()])
    seen = wb.evaluations.trained_on(run(wb, do_jobs, "plain", query_set="Q").evaluations.result("Q"))
    record = wb.collection.setting("adapt.last")
    assert seen.n_images == record["split"]["train"] and seen.encoder.startswith("adapted:")
    assert 0 < seen.shares_items.sum() < 30  # some of the thirty were held back
    assert seen.gaps["plain", "RR"].n_inside == seen.inside.sum()


def test_the_rankings_are_measured_as_benchmarks_do_it_too(tmp_path, do_jobs):  # noqa: F811
    from core.workbench.benchmarks import benchmarks

    wb = run(judged(tmp_path), do_jobs, "plain", depth=60)
    red, blue = (q.query_id for q in wb.judgments.queries("Colours")[:2])
    found = wb.evaluations.result("Colours")
    first = [found.grades[red][item] for item in found.rankings["plain"][red] if item in found.grades[red]][:3]
    assert sorted(first) == [1, 2, 3]  # the three of the colour come first, so AP is 1 whatever their order
    wb.collection.judgments.add(Judgment(blue, found.rankings["plain"][blue][0], None, "bea", 1e12))
    by_name = {one.name: one for one in benchmarks(wb.collection, found)}
    assert list(by_name) == ["mAP@50", "mAP easy", "mAP medium", "mAP hard"]  # 60 hits are too few for mAP@100
    assert by_name["mAP@50"].values["plain"] == pytest.approx(1.0) and by_name["mAP@50"].n_queries == 2
    assert by_name["mAP medium"].values["plain"] == pytest.approx(1.0)
    # hard: grades 2 and 3 are taken out, so the one graded 1 stands first
    assert by_name["mAP hard"].values["plain"] == pytest.approx(1.0) and by_name["mAP hard"].n_queries == 2
