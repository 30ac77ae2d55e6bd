"""``wb.cutoffs`` and what ``wb.judgments`` does with grades: learned by the worker, kept, shown, stale, left off, forgotten."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.__main__ import main
from core.errors import InputError, NotFound
from core.jobs import Queue
from core.jobs.pipelines import cutoff
from core.judge import graded
from core.query.feedback import Weights
from core.query.parse import parse
from core.types import SavedQuery
from tests.cutoff_world import cutoff_world
from tests.proof_world import proof_world
from tests.working import do_jobs, no_worker, worker_here  # noqa: F401

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def learned(wb, do_jobs, *args, **more):  # noqa: ANN001, ANN002, ANN003, ANN201, F811
    wb.cutoffs.start(*args, **more)
    do_jobs()
    (job, *_) = Queue().jobs()
    assert job.state == "done", job.message
    return wb.cutoffs.result()


# ---------------------------------------------------------------- learning


@pytest.fixture(autouse=True)
def all_ranks_count(monkeypatch):
    """Worlds of 200 images whose judged ones were drawn at random; what the first 100 mean is a test of its own."""
    monkeypatch.setattr(graded, "LOOKED_AT", 1_000)


def test_what_is_there_names_the_rung(no_worker):  # noqa: F811
    wb = cutoff_world(queries=8, judged=10)
    there = wb.cutoffs.sources()[0]
    assert (there.kind, there.labels, there.relevant, there.queries, there.rung.name) == ("words", 80, 24, 8, "platt")
    assert wb.cutoffs.sources(3)[0].rung.why == (
        "0 queries with a relevant result are judged, and learning a probability takes 6 or more, so that some can test it.")
    assert [(one.kind, one.labels) for one in cutoff_world(queries=0, name="None").cutoffs.sources()] == [
        ("words", 0), ("image", 0), ("composed", 0)]


def of_three_kinds():  # noqa: ANN201
    """Six judged queries, 48 judged results: enough together, and of no kind alone."""
    wb = cutoff_world(queries=2, judged=8)
    for at, line in enumerate(("image:x000", "image:x001", "image:x002 number", "image:x003 number")):
        query = parse(line)
        wb.collection.save_queries([SavedQuery(query.query_id, line, query)], "set")
        for n in range(8):
            wb.judgments.add(query.query_id, f"x{40 + 8 * n + at:03d}", 2 * (n < 4), "ann")
    return wb


def test_what_will_be_learned_is_said_for_each_kind_and_so_it_comes(no_worker, do_jobs):  # noqa: F811
    wb = of_three_kinds()
    before = wb.cutoffs.sources()
    assert [(one.kind, one.labels, one.queries) for one in before] == [("words", 16, 2), ("composed", 16, 2), ("image", 16, 2)]
    assert [one.sentence.partition("relevant one. ")[2] for one in before] == ["Learning a probability takes 20 or more."] * 3
    found = learned(wb, do_jobs)
    assert {part.kind: part.rung for part in found.parts} == {one.kind: one.rung.name for one in before}
    assert found.learned == () and wb.cutoffs.sources() == before


def test_parts_without_a_relevant_result_are_foreseen_too(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=6, judged=10)
    for query in wb.judgments.queries("set")[1:]:
        for item, grade in wb.judgments.grades_for(query.query_id).items():
            wb.judgments.add(query.query_id, item, 2 if grade else None, "ann")  # all that is graded is relevant
    before = wb.cutoffs.sources()[0]
    assert before.rung.name == "zscore" and "each part needs relevant results and others" in before.sentence
    part = learned(wb, do_jobs).parts[0]
    assert (part.rung, part.why) == (before.rung.name, before.rung.why)


def test_what_only_a_search_can_tell_is_said_once_it_is_known(monkeypatch, no_worker, do_jobs):  # noqa: F811
    monkeypatch.setattr(graded, "LOOKED_AT", 20)
    wb = cutoff_world(queries=6, judged=20)
    assert wb.cutoffs.sources()[0].rung.name == "platt"
    part = learned(wb, do_jobs).parts[0]
    there = wb.cutoffs.sources()[0]
    assert (there.labels, there.counting, there.rung.name) == (120, part.n_labels, part.rung)
    assert f"{part.n_labels} of them {'is' if part.n_labels == 1 else 'are'} among the first 20, and only these count." in there.sentence
    assert wb.cutoffs.sources(2)[0].counting == 120  # it was not learned so


def test_drifting_queries_get_the_learned_cut(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world()
    found = learned(wb, do_jobs)
    part = found.parts[0]
    assert (part.kind, part.rung, part.better, part.recommended) == ("words", "adapter", True, "adapter")
    assert part.account["n_queries"] == [24, 18, 18] and part.account["n_labels"] == 1200
    assert part.sentence.startswith("Use the learned cut") and found.sentence == part.sentence
    assert [one["kind"] for one in part.account["tried"]] == ["cosine", "zscore", "adapter"]
    for one in part.account["tried"]:
        figures = one["figures"]
        assert set(figures) == {"pr_auc", "precision", "recall", "precision_at_cut", "filtered", "emptied"}
        assert all(f["low"] <= f["value"] <= f["high"] for f in figures.values())
        assert 0 <= one["ece"] <= 1 and one["reliability"]
    assert {other.kind for other in found.parts[1:]} == {"image", "composed"}
    assert not any(other.tested for other in found.parts[1:])
    json.loads(json.dumps(dict(found.account), allow_nan=False))


def test_where_all_queries_lie_on_one_scale_the_plain_cut_is_enough(no_worker, do_jobs):  # noqa: F811
    wb = proof_world()
    for at in range(60):
        query = parse(f'"number {at} asked"')
        wb.collection.save_queries([SavedQuery(query.query_id, f"number {at}", query)], "set")
        for hit in wb.search(query, 12):
            own = hit.item_id == f"x{at:03d}"
            wb.judgments.add(query.query_id, hit.item_id, 3 if own else int(hit.item_id[-1] == str(at % 10)), "ann")
    part = learned(wb, do_jobs).parts[0]
    assert (part.rung, part.better, part.recommended, part.account["n_test"]) == ("adapter", False, "cosine", 18)
    assert "is not better on held-out queries" in part.sentence
    wb.cutoffs.adopt()
    assert wb.search('"number 3 asked"', 10).cutoff.rung == "cosine"


def test_too_few_labels_fall_down_the_ladder_with_both_numbers(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=2, judged=6)
    found = learned(wb, do_jobs)
    part = next(one for one in found.parts if one.kind == "words")
    assert (part.rung, part.recommended, part.tested) == ("zscore", "zscore", False)
    assert part.why == "12 results are judged, and learning a probability takes 20 or more."
    wb.cutoffs.adopt()
    cut = wb.search('"number 3 asked"', 50).cutoff
    assert cut.rung == "zscore" and cut.probability is None and "unchecked" in cut.words


def test_nothing_judged_at_all_still_gives_a_line(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=0)
    learned(wb, do_jobs)
    assert wb.cutoffs.adopt() == 3  # words, one image, several terms
    assert wb.search("image:x003", 20).cutoff.rung == "zscore"
    assert wb.search("number image:x003", 20).cutoff.rung == "zscore"


def test_what_cannot_be_asked_is_left_out_and_said(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=10)
    minus = parse("-number")
    wb.collection.save_queries([SavedQuery(minus.query_id, "minus", minus)], "set")
    wb.judgments.add(minus.query_id, "x001", 1, "ann")
    wb.judgments.add("q-unknown", "x001", 1, "ann")
    wb.judgments.add(wb.judgments.queries("set")[0].query_id, "not-here", 3, "ann")  # an item that is no more
    found = learned(wb, do_jobs)
    assert found.left_out == "2 judged queries are left out: 1 not kept as a query any more, 1 of minus terms alone."
    assert found.parts[0].account["n_labels"] == 200


def test_only_the_first_results_count_and_what_is_not_judged_of_them_is_said(monkeypatch, no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=30)
    monkeypatch.setattr(graded, "LOOKED_AT", 50)
    part = learned(wb, do_jobs).parts[0]
    first = {q.query_id: wb.search(q.query, 50).item_ids for q in wb.judgments.queries("set")}
    judged = {q: [item in wb.judgments.grades_for(q) for item in items] for q, items in first.items()}
    assert part.account["n_labels"] == sum(map(sum, judged.values())) < 600
    share = np.mean([np.mean(known[:40]) for known in judged.values()])
    assert part.account["judged"] == pytest.approx(share, abs=1e-4)
    assert any(note.startswith(f"Only {share:.0%} of the first 40 results of these queries are judged.") for note in part.notes)


def test_where_the_line_falls_is_what_searches_show(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=30)
    part = learned(wb, do_jobs, recall=0.6).parts[0]
    assert set(part.account["ends"]) == {"cosine", "zscore", "adapter"}
    for method, said in part.account["ends"].items():
        wb.cutoffs.adopt(method)
        after = sorted(wb.search(query.query, 200).cutoff.after for query in wb.judgments.queries("set"))
        assert said == {"n": 30, "shown": 40, "within": sum(0 < n < 40 for n in after), "empty": after.count(0),
                        "further": sum(40 <= n < 200 for n in after), "whole": after.count(200), "median": after[14]}  # fmt: skip
    assert part.account["ends"]["cosine"]["empty"] > 0
    assert part.falls.startswith("The line of the ") and "of 30 judged queries" in part.falls


def test_queries_that_ask_the_same_are_one(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=24)
    for saved in wb.judgments.queries("set")[:12]:
        again = parse(saved.query.terms[0].value.upper().replace(" ", "  "))
        wb.collection.save_queries([SavedQuery(again.query_id, "again", again)], "set")
        for item, grade in wb.judgments.grades_for(saved.query_id).items():
            wb.judgments.add(again.query_id, item, grade, "ann")
    part = learned(wb, do_jobs).parts[0]
    assert sum(part.account["n_queries"]) == 36
    assert part.account["n_test"] == 7  # of 24 groups


def test_kinds_of_queries_are_learned_apart(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=10)
    for at in range(10):
        query = parse(f"image:x{at:03d}")
        wb.collection.save_queries([SavedQuery(query.query_id, "image", query)], "images")
        for item in range(20, 30):
            wb.judgments.add(query.query_id, f"x{item:03d}", int(item % 8 == at % 8), "ann")
    found = learned(wb, do_jobs)
    kinds = {part.kind: part for part in found.parts}
    assert kinds["words"].account["n_labels"] == 200 and kinds["image"].account["n_labels"] == 100
    assert kinds["words"].signature != kinds["image"].signature and kinds["image"].tested


def test_a_grade_counts_from_the_one_that_is_asked_for(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=10)
    assert learned(wb, do_jobs, rel=2).parts[0].account["n_relevant"] == 60
    assert learned(wb, do_jobs, rel=3).parts[0].account["n_relevant"] == 0


# ---------------------------------------------------------------- using it


def test_used_left_off_brought_back_and_forgotten(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world()
    line = '"number 3 asked"'
    learned(wb, do_jobs)
    assert wb.search(line, 30).cutoff is None and not wb.cutoffs.result().in_use  # nothing changes before it is used
    assert wb.cutoffs.adopt() == 1
    assert wb.cutoffs.result().parts[0].in_use == "adapter"
    result = wb.search(line, 60)
    cut = result.cutoff
    assert 0 < cut.after < 60 and cut.rung == "adapter" and cut.probability is not None
    assert all((hit.score >= cut.score - 1e-6) == (hit.rank <= cut.after) for hit in result)
    lines = wb.cutoffs.leave_off()
    assert wb.search(line, 30).cutoff is None
    wb.cutoffs.bring_back(lines)
    assert wb.search(line, 60).cutoff == cut
    assert wb.cutoffs.adopt("cosine") == 1
    assert wb.search(line, 30).cutoff.rung == "cosine"
    with pytest.raises(InputError, match="learned by cosine, zscore, adapter"):
        wb.cutoffs.adopt("platt")
    wb.cutoffs.forget()
    assert wb.cutoffs.result() is None and wb.search(line, 30).cutoff is None
    assert not list(wb.collection.artifacts_folder.glob("cutoff-*"))
    with pytest.raises(NotFound):
        wb.cutoffs.forget()
    with pytest.raises(InputError, match="learn it first"):
        wb.cutoffs.adopt()


def test_lines_of_several_recipes_stand_side_by_side(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=30)
    line, other = '"number 3 asked"', "hub:is:20:items"
    learned(wb, do_jobs)
    wb.cutoffs.adopt()
    learned(wb, do_jobs, other)
    assert not wb.cutoffs.result().in_use and wb.search(line, 9).cutoff is not None
    wb.cutoffs.adopt()
    assert wb.search(line, 9, recipe=other).cutoff is not None
    assert {how["recipe"] for how in wb.cutoffs.shown().values()} == {"plain", other}
    wb.cutoffs.leave_off("plain")
    assert wb.search(line, 9).cutoff is None and wb.search(line, 9, recipe=other).cutoff is not None


def test_queries_left_with_nothing_are_named(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=30)
    part = learned(wb, do_jobs, recall=0.3).parts[0]
    recommended = next(one for one in part.account["tried"] if one["kind"] == part.recommended)
    share = recommended["figures"]["emptied"]["value"]
    assert len(part.account["empty"]) == round(share * part.account["n_queries"][2]) > 0
    assert set(part.account["empty"]) <= {query.text for query in wb.judgments.queries("set")}


def test_it_is_stale_when_the_judgments_change(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=10)
    assert learned(wb, do_jobs).stale == ""
    wb.cutoffs.adopt()
    cut = wb.search('"number 3 asked"', 10).cutoff
    assert wb.cutoffs.current(cut.fingerprint)
    row = wb.judgments.add(wb.judgments.queries("set")[0].query_id, "x199", 1, "bea")
    assert "judgments have changed" in wb.cutoffs.result().stale
    assert not wb.cutoffs.current(cut.fingerprint)
    wb.judgments.undo(row)
    assert wb.cutoffs.result().stale == ""


def test_one_at_a_time_and_what_cannot_be_is_said(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=10)
    job = wb.cutoffs.start()
    assert wb.cutoffs.start().job_id == job.job_id
    with pytest.raises(InputError, match="being learned for the recipe plain"):
        wb.cutoffs.start("sum")
    for recall in (0, 1, 95, "0.9"):
        with pytest.raises(InputError, match="such as 0.95"):
            wb.cutoffs.start(recall=recall)
    with pytest.raises(InputError, match="1, 2 or 3, not 0"):
        wb.cutoffs.start(rel=0)
    with pytest.raises(NotFound, match="no recipe"):
        wb.cutoffs.start("unknown")
    Queue().cancel(job.job_id)
    assert not wb.cutoffs.job().live


def test_progress_names_its_stages(no_worker, monkeypatch, do_jobs):  # noqa: F811
    from core.jobs.progress import Progress

    stages = []
    stage = Progress.stage
    monkeypatch.setattr(Progress, "stage", lambda self, name, total=0: (stages.append((name, total)), stage(self, name, total))[1])
    learned(cutoff_world(queries=10), do_jobs)
    assert (cutoff.SCORING, 10) in stages and (cutoff.LEARNING, 0) in stages


def test_the_command_line(worker_here, capsys):  # noqa: F811
    cutoff_world(queries=30, name="c")
    assert main(["cutoff", "c", "--recall", "0.9", "--use", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["recall"], said["recipe"], said["parts"][0]["rung"]) == (0.9, "plain", "adapter")
    assert len(said["used"]) == 1 and said["sentence"]
    assert main(["search", "c", "--text", "number 4 asked", "-k", "200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["hits"]) == len(found["cutoff"]["probabilities"]) == 200
    assert found["cutoff"]["after"] == sum(hit["score"] >= found["cutoff"]["score"] for hit in found["hits"]) > 0
    assert main(["cutoff", "c"]) == 0
    out = capsys.readouterr().out
    assert "P@R95" in out and "PR-AUC" in out and "cosine" in out
    assert main(["cutoff", "c", "--leave-off", "--json"]) == 0
    off = json.loads(capsys.readouterr().out)
    assert len(off["left_off"]) == 1 and off["used"] == {}
    assert main(["cutoff", "c", "--recall", "7"]) == 2
    assert "such as 0.95" in capsys.readouterr().err


# ---------------------------------------------------------------- suggestions and refining


def test_suggestions_by_disagreement_leave_out_what_is_judged(no_worker):  # noqa: F811
    wb = cutoff_world(queries=4)
    query = wb.judgments.queries("set")[1]
    found = wb.judgments.suggest(query, ["plain", "hub:is:40:items"], 5)
    assert 0 < len(found) <= 5
    judged = wb.judgments.grades_for(query.query_id)
    assert not {one.item_id for one in found} & set(judged)
    pools = {name: wb.search(query.query, 50, recipe=name).item_ids for name in ("plain", "hub:is:40:items")}
    for one in found:
        assert {name: pools[name].index(one.item_id) + 1 for name in pools if one.item_id in pools[name]} == one.ranks
    wb.judgments.add(query.query_id, found[0].item_id, None, "bea")  # could not tell
    again = wb.judgments.suggest(query, ["plain", "hub:is:40:items"], 5)
    assert found[0].item_id not in {one.item_id for one in again}
    assert found[0].item_id in {one.item_id for one in wb.judgments.suggest(query, ["plain", "hub:is:40:items"], 50, judge="cal")}


def test_suggestions_nearest_to_the_cut(no_worker, do_jobs):  # noqa: F811
    wb = cutoff_world(queries=30)
    with pytest.raises(InputError, match="No cut-off is in use"):
        wb.judgments.suggest('"number 3 asked"', ["plain"], 5, "cutoff")
    learned(wb, do_jobs)
    wb.cutoffs.adopt()
    result = wb.search('"number 77 asked"', 50)
    found = wb.judgments.suggest('"number 77 asked"', ["plain"], 4, "cutoff")
    at = result.cutoff.probability
    assert [one.value for one in found] == sorted(one.value for one in found)
    nearest = min(range(50), key=lambda n: (round(abs(result.cutoff.probabilities[n] - at), 9), result.item_ids[n]))
    assert found[0].item_id == result.item_ids[nearest]


def test_ungraded_counts_who_could_not_tell_and_perhaps_made_grades(no_worker):  # noqa: F811
    wb = cutoff_world(queries=4, judged=0)
    query = wb.judgments.queries("set")[1]
    first = wb.search(query.query, 10).item_ids
    wb.judgments.add(query.query_id, first[0], 0, "bea")
    wb.judgments.add(query.query_id, first[1], None, "bea")
    wb.judgments.add(query.query_id, first[2], 2, "names", origin="names and keywords")
    found = wb.judgments.ungraded(query, ["plain"])
    assert [(one.item_id, one.ranks) for one in found] == [(first[n], {"plain": n + 1}) for n in (1, 3, 4, 5, 6, 7, 8, 9)]
    assert [one.item_id for one in wb.judgments.ungraded(query, ["plain"], 3, with_made=False)] == [first[1], first[2]]
    with pytest.raises(InputError, match="0 and 10"):
        wb.judgments.ungraded(query, [])


@pytest.mark.parametrize(
    ("recipes", "more", "wrong"),
    [(["plain"], {}, "1 is named"), (["plain", "plain"], {}, "1 is named"), ([], {"by": "cutoff"}, "Name the recipe"),
     (["plain", "sum"], {"by": "luck"}, "not by 'luck'"), (["plain", "sum"], {"n": 0}, "not 0 and 50")],
)  # fmt: skip
def test_suggestions_that_cannot_be_made(no_worker, recipes, more, wrong):  # noqa: F811
    with pytest.raises(InputError, match=wrong):
        cutoff_world(queries=1).judgments.suggest("number", recipes, **more)


def test_refining_is_a_link_and_is_measured(no_worker):  # noqa: F811
    wb = cutoff_world(queries=3)
    query = wb.judgments.queries("set")[2]
    seen = []
    found = wb.judgments.refine(query, splits=5, on_progress=lambda *at: seen.append(at))
    assert parse(found.line) == found.query and found.why == ""
    grades = wb.judgments.grades_for(query.query_id)
    assert (found.n_more, found.n_less) == (sum(g > 0 for g in grades.values()), 10)
    assert seen[-1] == (5, 5) and 0 <= found.gain.before <= 1 and found.gain.change.n == 5
    result = wb.search(found.line, 40)
    made_of = {term.value for term in found.query.terms if term.kind == "item"}
    assert not made_of & set(result.item_ids)
    assert found == wb.judgments.refine(query, splits=5)


def test_refining_finds_more_of_the_topic(no_worker):  # noqa: F811
    """The words lean away from the images; what is judged shows where they are."""
    wb = cutoff_world(queries=1, judged=60)
    query = wb.judgments.queries("set")[0]
    topic = {f"x{n:03d}" for n in range(200) if n % 8 == 0}
    found = wb.judgments.refine(query)
    made_of = {term.value for term in found.query.terms}
    before = [item for item in wb.search(query.query, 200).item_ids if item not in made_of][:10]
    after = wb.search(found.line, 10).item_ids
    assert len(topic & set(after)) >= len(topic & set(before))
    assert found.gain.after >= found.gain.before - 1e-9


def test_refining_with_too_little_says_so(no_worker):  # noqa: F811
    wb = cutoff_world(queries=1, judged=3)
    query = wb.judgments.queries("set")[0]
    found = wb.judgments.refine(query)
    assert found.gain is None and "here 3 are judged and 1 relevant" in found.why
    with pytest.raises(InputError, match="0 are judged and 0 of them are relevant"):
        wb.judgments.refine("number 9")
    plain = wb.judgments.refine(query, weights=Weights(gamma=0.0))
    assert plain.n_less == 0


def test_refining_under_a_correction_and_by_image(no_worker):  # noqa: F811
    wb = cutoff_world(queries=1)
    query = wb.judgments.queries("set")[0]
    assert wb.judgments.refine(query, "hub:is:20:items", splits=3).gain is not None
    image = parse("image:x000")
    for item, grade in (("x008", 3), ("x016", 2), ("x001", 0), ("x002", 0), ("x000", 3)):
        wb.judgments.add(image.query_id, item, grade, "ann")
    found = wb.judgments.refine(image, splits=3)
    assert [term.value for term in found.query.terms][:1] == ["x000"] and found.n_more == 2
    assert found.gain is not None
