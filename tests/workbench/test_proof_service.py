"""The proof through the workbench and the queue: refuse, measure, read, use, leave off."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.errors import Cancelled, InputError
from core.jobs import Queue
from core.jobs.pipelines import prove
from core.jobs.progress import Progress
from core.judge import proof
from core.judge.corrections import corrections
from core.query.parse import parse
from core.types import NewItem, SavedQuery, VectorSet
from core.workbench import findings, proving
from core.workbench.findings import Compared, Tried
from core.workbench.proving import RECIPE
from tests.proof_world import proof_world

pytestmark = pytest.mark.usefixtures("no_worker")


def measured(wb, do_jobs, *what, **more):
    wb.proof.start(*what, **more)
    do_jobs()
    assert wb.proof.job().state == "done", wb.proof.job().message
    return wb.proof.result()


def test_too_few_are_refused_before_any_job():
    wb = proof_world(60)
    assert [(s.truth, s.n, bool(s.why)) for s in wb.proof.sources()] == [
        ("captions", 59, True), ("labels", 60, True), ("judgments", 0, True)
    ]  # fmt: skip
    with pytest.raises(InputError, match="59 images have a caption, and this needs 150 or more"):
        wb.proof.start()
    with pytest.raises(InputError, match="No query has a right answer .* needs 20 or more"):
        wb.proof.start("judgments")
    with pytest.raises(InputError, match=r"no column 'colour' .* there are: kind \(60 images\)"):
        wb.proof.start("labels", "colour")
    with pytest.raises(InputError, match="goes with labels"):
        wb.proof.start("captions", "kind")
    with pytest.raises(InputError, match="'MAP' is none"):
        wb.proof.start(metric="MAP")
    assert not Queue().jobs() and wb.proof.result() is None


def test_a_hub_is_found_out_and_the_correction_kept_and_left_off(do_jobs):
    wb = proof_world()
    assert wb.proof.start() == wb.proof.start()  # one at a time
    outcome = measured(wb, do_jobs)
    best = outcome.recommended
    assert best is not None and best.served in ("captions", "items")
    assert outcome.sentence.startswith(f"Use {best.called} with {best.bank} as the bank: R@1 +")
    assert f"[{best.figure('R@1').low:.1f}, " in outcome.sentence and best.figure("R@1").low > 0
    assert best.skewness < outcome.raw.skewness
    said = outcome.account
    assert (said["truth"], said["generation"], said["set"]) == ("captions", wb.generation, wb.collection.set().set_id)
    assert json.loads(json.dumps(said)) == said
    assert not outcome.stale and not outcome.in_use and wb.proof.adopted() is None

    made = wb.proof.adopt()
    assert (made.name, made.hub.method, made.hub.bank) == (RECIPE, best.method, best.served)
    assert wb.proof.result().in_use and wb.proof.adopted() == made.hub
    asked = [f"number {at} asked anew" for at in range(0, 200, 5)]

    def first(recipe):
        return sum(wb.search(text, 1, recipe=recipe)[0].item_id == f"x{int(text.split()[1]):03d}" for text in asked)

    assert first(RECIPE) >= first("plain") + 4  # new questions are answered better by what was kept
    wb.proof.leave_off()
    wb.proof.leave_off()
    assert wb.proof.adopted() is None and not wb.proof.result().in_use


def test_what_search_cannot_do_is_not_kept(do_jobs, monkeypatch):
    wb = proof_world()
    measured(wb, do_jobs)

    def cannot(made):
        raise InputError("not available")

    monkeypatch.setattr(proving, "check", cannot)
    assert wb.proof.can_adopt() == "not available"
    with pytest.raises(InputError, match="not available"):
        wb.proof.adopt()


def test_without_a_hub_it_is_left_off_and_nothing_can_be_kept(do_jobs):
    wb = proof_world(lean=0.0)
    outcome = measured(wb, do_jobs)
    assert outcome.recommended is None and outcome.sentence.startswith("Leave it off")
    with pytest.raises(InputError, match="No correction is recommended"):
        wb.proof.adopt()


def test_several_captions_give_a_bank_of_the_same_images(do_jobs):
    outcome = measured(proof_world(captions=3), do_jobs)
    assert set(outcome.account["banks"]) == {"captions of other images", "captions of the same images", "the images themselves"}
    served = {one.bank for one in outcome.tried if one.served == "captions"}
    assert served == {"captions of the same images"}  # as search has it


def test_labels_and_judgments_can_be_the_right_answers(do_jobs):
    wb = proof_world()
    outcome = measured(wb, do_jobs, "labels", "kind")
    assert (outcome.account["truth"], outcome.account["column"], outcome.metric) == ("labels", "kind", "R@1")
    for at in range(30):
        query = parse(f'"number {at} asked"')
        wb.collection.save_queries([SavedQuery(query.query_id, f"number {at} asked", query)], "set")
        wb.judgments.add(query.query_id, f"x{at:03d}", 3, "ann")
        wb.judgments.add(query.query_id, f"x{at + 1:03d}", 0, "ann")
    outcome = measured(wb, do_jobs, "judgments")
    assert outcome.metric == "nDCG@10" and outcome.account["n_test"] == 15
    figure = outcome.tried[outcome.account["judged"]].figure("nDCG@10")
    assert outcome.recommended is None and figure.low > 0  # 15 show a hub as large as this, and advice takes 50
    assert outcome.sentence.startswith("No advice: 15 independent questions tested, and it takes 50 or more to advise.")
    assert outcome.line.startswith("15 independent questions are too few to tell whether correcting for hubs helps: nDCG@10 from ")
    with pytest.raises(InputError, match="No correction is recommended"):
        wb.proof.adopt()


def test_a_changed_collection_makes_it_stale(do_jobs):
    wb = proof_world()
    measured(wb, do_jobs)
    wb.collection.tag(["x001"], "seen")
    assert not wb.proof.result().stale  # no answer hangs on that
    wb.collection.set_captions("x002", ["another one"])
    assert wb.proof.result().stale
    measured(wb, do_jobs, "labels", "kind")
    wb.collection.set_captions("x003", ["another one still"])
    assert not wb.proof.result().stale
    wb.collection.update_metadata([("x003", (), {"kind": "k7"})])
    assert wb.proof.result().stale
    measured(wb, do_jobs)
    wb.collection.trash_items(["x000"])
    assert wb.proof.result().stale


def test_cancelling_leaves_the_last_result(do_jobs):
    wb = proof_world()
    before = measured(wb, do_jobs).account
    queue = Queue()
    job = queue.add("prove", wb.key, {"truth": "captions"})
    queue.claim(0)
    queue.cancel(job.job_id)
    with Progress(queue, job.job_id) as progress:
        progress._cancel.set()
        with pytest.raises(Cancelled):
            prove.prove(wb.collection, job.args, progress)
    assert wb.proof.result().account == before


def test_images_without_vectors_ask_nothing(do_jobs):
    wb = proof_world()
    bare = NewItem(item_id="y0", sha256="y0", file="f", path="", width=1, height=1, n_bytes=1, date="", captions=("number 3",))
    wb.collection.commit([bare])
    assert measured(wb, do_jobs).account["n_items"] <= 160


# ---------------------------------------------------------------- what is served


def judged(wb, line, at, grades, where=""):
    query = parse(line, where)
    wb.collection.save_queries([SavedQuery(query.query_id, line, query)], "set")
    for step, grade in enumerate(grades):
        wb.judgments.add(query.query_id, f"x{at + step:03d}", grade, "ann")


def test_labels_are_measured_and_corrected_where_images_are_compared(do_jobs):
    wb = proof_world(480, visual=True, lean=1.6)
    visual = wb.search("image:x003", 5)
    outcome = measured(wb, do_jobs, "labels", "kind")
    assert (visual.space, outcome.account["set"], outcome.account["space"]) == ("visual", visual.set_id, "visual")
    # Of the joint space nothing of a kind would be known: one in eight would be right by chance.
    assert outcome.raw.figure("R@1").before > 25 and not outcome.stale
    best = outcome.recommended
    assert best is not None and best.served == "items"
    made = wb.proof.adopt()
    assert made.hub.bank == "auto" and wb.proof.result().in_use
    found = wb.search("image:x003", 5, recipe=RECIPE)
    assert (found.space, found.hub.bank, found.hub.method, found.hub.beta) == ("visual", "items", made.hub.method, made.hub.beta)
    words = wb.search("number 3 asked anew", 5, recipe=RECIPE)
    assert (words.space, words.hub.bank) == ("joint", "captions")  # and not the images, which words do worse with
    assert any("queries in words" in note and "not measured" in note for note in outcome.notes)
    # As soon as an image lacks looks, search goes back to the joint space, and what was measured is of before.
    wb.collection.commit([NewItem(item_id="z", sha256="z", file="z", path="", width=1, height=1, n_bytes=1, date="", meta={"kind": "k1"})],
                         {wb.collection.set().set_id: (["z"], wb.collection.view().rows([0]))})  # fmt: skip
    assert wb.search("image:x003", 5).space == "joint" and wb.proof.result().stale


def test_captions_are_measured_in_the_joint_space(do_jobs):
    outcome = measured(proof_world(visual=True), do_jobs)
    assert outcome.account["space"] == "joint" and outcome.recommended.served in ("captions", "items")


def test_images_without_a_caption_are_searched_and_counted(do_jobs):
    outcome = measured(proof_world(300, bare=60), do_jobs)
    bank = outcome.account["banks"]["captions of other images"]
    assert outcome.account["n_items"] == 300 - bank and outcome.account["n_unasked"] == 61  # the hub has none either
    assert outcome.account["n_collection"] == 300
    assert any(note.startswith("Only some images have a caption.") for note in outcome.notes) == (
        outcome.tried[outcome.account["judged"]].bank == "captions of other images")  # fmt: skip
    assert not any(note.startswith("Only some") for note in measured(proof_world(name="all"), do_jobs).notes)


def test_words_are_measured_with_the_vectors_that_answer_them(do_jobs):
    wb = proof_world()
    ids = wb.collection.ids()
    brought = VectorSet("brought-1", "none", "0", "none", "joint", 8, engine="brought", has_text=False)
    wb.collection.add_set(brought)
    rows = np.random.default_rng(0).standard_normal((len(ids), 8)).astype(np.float32)
    wb.collection.commit([], {brought.set_id: (ids, rows / np.linalg.norm(rows, axis=1, keepdims=True))})
    wb.collection.activate(brought.set_id)
    answered = wb.search("number 3 asked anew", 3)
    outcome = measured(wb, do_jobs, "captions")
    assert outcome.account["set"] == answered.set_id != brought.set_id and not outcome.stale


def test_what_judged_queries_cannot_be_measured_are_left_out_and_named(do_jobs):
    wb = proof_world()
    for at in range(22):
        judged(wb, f'"number {at} asked"', at, (3, 0))
    judged(wb, '"number 30 asked" file:x03', 30, (3,))
    judged(wb, '"number 31 asked" caption:said', 31, (3,))
    judged(wb, '"number 32 asked"', 32, (3,), "kind = 'k0'")
    judged(wb, "image:x033", 34, (3,))
    judged(wb, '-"number 35 asked"', 36, (3,))
    wb.judgments.add("q" + "0" * 16, "x050", 3, "ann")
    judged(wb, '"number 40 asked"', 40, (0, 0))  # nothing right is known
    assert [s.n for s in wb.proof.sources() if s.truth == "judgments"] == [22]
    outcome = measured(wb, do_jobs, "judgments")
    assert outcome.account["n_tuning"] + outcome.account["n_test"] == 22
    assert outcome.account["left_out"] == {
        "with file: or caption:": 2, "with a filter": 1, "with an image": 1, "of minus terms alone": 1, "not kept as a query any more": 1,
    }  # fmt: skip
    (note,) = [note for note in outcome.notes if "left out" in note]
    assert note.startswith("6 judged queries are left out: ") and "1 with a filter" in note


def test_too_few_after_leaving_out_says_both():
    wb = proof_world()
    for at in range(19):
        judged(wb, f'"number {at} asked"', at, (3,))
    judged(wb, '"number 32 asked"', 32, (3,), "kind = 'k0'")
    says = "19 queries have a right answer .* needs 20 or more.* 1 judged query is left out: 1 with a filter"
    with pytest.raises(InputError, match=says):
        wb.proof.start("judgments")


def test_judged_at_ten_is_said_and_a_fall_of_it_in_words(do_jobs, monkeypatch):
    """The ten that plain search gives are graded, as they are where judgments come from what was found: a correction
    brings up images that nobody saw."""
    wb = proof_world()
    for at in range(110):
        line = f'"number {at} asked"'
        judged(wb, line, at, ())
        query = parse(line)
        for hit in wb.search(line, 10):
            wb.judgments.add(query.query_id, hit.item_id, 3 if hit.item_id == f"x{at:03d}" else 0, "ann")
        wb.judgments.add(query.query_id, f"x{at:03d}", 3, "ann")
    outcome = measured(wb, do_jobs, "judgments")
    assert outcome.raw.graded == pytest.approx(100.0)
    best = outcome.tried[outcome.account["judged"]]
    assert best.graded < 100
    (note,) = [note for note in outcome.notes if "Judged@10" in note]
    assert note.startswith(f"Judged@10 falls from 100.0 to {best.graded:.1f} %") and "count as wrong" in note
    assert not outcome.stale
    wb.judgments.add(parse('"number 3 asked"').query_id, "x200", 0, "ann")
    assert wb.proof.result().stale
    assert measured(wb, do_jobs, "captions").raw.graded is None


def test_what_does_best_and_cannot_be_served_is_said(do_jobs, monkeypatch):
    grid = {"csls": (10,), "csls_k": (1, 50)}
    monkeypatch.setattr(prove.proof.prove, "__kwdefaults__", {**prove.proof.prove.__kwdefaults__, "grid": grid})
    wb = proof_world()
    outcome = measured(wb, do_jobs)
    tuned = {one.words: row["tuned"] for one, row in zip(outcome.tried, outcome.account["rows"]) if one.bank.startswith("captions")}
    served, other = tuned["csls at k 10"], max(t for words, t in tuned.items() if words != "csls at k 10")
    said = [note for note in outcome.notes if "measured only" in note]
    assert bool(said) == (other > served)
    if said:
        assert "CSLS at k" in said[0] and said[0].endswith("is measured only: search has CSLS at k 10.")


# ---------------------------------------------------------------- what is asked for


def columns(wb):
    """A second column of labels, and one that names each image."""
    wb.collection.update_metadata([(item, (), {"place": f"p{at % 5}", "number": f"n{at}"}) for at, item in enumerate(wb.collection.ids())])


def test_the_column_of_labels_is_never_chosen_unasked(do_jobs):
    wb = proof_world(bare=240)  # no captions
    columns(wb)
    assert [s.column for s in wb.proof.sources() if s.column] == ["kind", "place"]  # the one that names each image is not offered
    for asked in ((), ("labels",)):
        with pytest.raises(InputError, match=r"one has to be named: kind \(240 images\), place \(240 images\)"):
            wb.proof.start(*asked)
    with pytest.raises(InputError, match="no column 'number' whose values are shared"):
        wb.proof.start("labels", "number")
    assert not Queue().jobs()
    assert wb.proof.start("labels", "place").args["column"] == "place"


def test_a_column_that_is_named_is_found_among_very_many():
    wb = proof_world(bare=240)
    wb.collection.update_metadata([("x000", (), {f"a{n:02d}": "b" for n in range(30)})])
    wb.collection.update_metadata([(item, (), {"zuletzt": f"p{at % 5}"}) for at, item in enumerate(wb.collection.ids())])
    assert wb.proof.start("labels", "zuletzt").args["column"] == "zuletzt"


def test_one_column_of_labels_needs_no_name():
    assert proof_world(bare=240).proof.start().args["column"] == "kind"


def test_another_proof_waits_for_the_one_under_way():
    wb = proof_world()
    first = wb.proof.start("labels", "kind")
    assert wb.proof.start("labels", "kind") == first and wb.proof.under_way() == "with the labels in kind"
    for asked, more in ((("captions",), {}), (("labels", "kind"), {"metric": "R@5"}), (("labels", "kind"), {"seed": 1})):
        with pytest.raises(InputError, match="Another one is being measured, with the labels in kind; wait"):
            wb.proof.start(*asked, **more)
    assert [job.job_id for job in Queue().jobs()] == [first.job_id]
    Queue().cancel(first.job_id)
    assert wb.proof.under_way() == "" and wb.proof.start("captions").args["truth"] == "captions"


def test_the_line_has_the_figures():
    row = Tried("is", "Inverted softmax", "", "is at beta 20", "the captions", 20.0, "captions",
                (Compared("R@1", 22.5, 24.6, 2.1, 1.2, 3.0),), 0.5, 0.1)  # fmt: skip
    said = {"metric": "R@1", "truth": "captions", "n_test": 900, "n_groups": 400}
    assert findings.line(row, row, said) == (
        "Correcting for hubs lifts R@1 from 22.5 to 24.6 (+2.1, 95 % interval 1.2 to 3.0) on your captions."
    )
    kinds = {**said, "truth": "labels", "column": "kind"}
    assert findings.line(row, None, kinds).startswith("Correcting for hubs is no clear gain: R@1 from 22.5") and "labels in kind" in (
        findings.line(row, None, kinds))  # fmt: skip
    assert findings.line(None, None, said) == "Correcting for hubs brought nothing on your captions."
    assert findings.line(row, None, {**said, "n_groups": 12}).startswith("12 independent questions are too few to tell")


@pytest.mark.parametrize(("method", "beta"), [("none", 0.0), ("is", 10.0), ("dual_is", 20.0), ("csls", 10.0), ("sinkhorn", 20.0)])
def test_what_is_measured_is_what_search_gives(method, beta):
    """The same ten in the same order, ties by id included: half of the images have a copy of their vector."""
    wb = proof_world(120)
    view, ids = wb.collection.view(), wb.collection.ids()[:60]
    copies = [NewItem(item_id=f"a{i}" if n % 2 else f"z{i}", sha256=f"c{i}", file=f"c{i}", path="", width=1, height=1, n_bytes=1, date="")
              for n, i in enumerate(ids)]  # fmt: skip
    wb.collection.commit(copies, {view.set.set_id: ([item.item_id for item in copies], view.rows(view.positions(ids)))})
    lines = [f'"number {at} asked"' + (f' "number {at + 1} said"^0.5 -"number {at + 2}"^0.3' if at % 3 == 0 else "") for at in range(24)]
    for at, line in enumerate(lines):
        judged(wb, line, at, (3,))
    queue = Queue()
    queue.add("prove", wb.key, {})
    job = queue.claim(0)
    with Progress(queue, job.job_id) as progress:
        trial, _ = prove._trial(wb.collection, wb.collection.view(), "judgments", "", progress, 0)
    S = proof._similarities(trial)
    bank = trial.banks[-1]
    assert bank.served == "items" and len(bank.vectors) == len(wb.collection) == 180
    made = corrections(method, (beta,), S, trial.items, bank.vectors, bank.positions, 0) if method != "none" else ()
    scores = next((one.scores(np.arange(24)) for one in made), S)
    found = proof._top(trial, np.arange(24), scores)
    recipe = "plain" if method == "none" else f"hub:{method}:{beta:g}:items"
    order = {query.query_id: query for query in (parse(line) for line in lines)}
    everything = sorted(wb.collection.ids())
    for row, name in zip(found, sorted(order)):
        hits = wb.search(order[name], 10, recipe=recipe)
        mine, theirs = [everything[at] for at in row], [hit.item_id for hit in hits]
        if method != "none":  # a bias is taken in float32: copies may differ by less than a rounding, and change places
            mine, theirs = ([item.lstrip("az") for item in some] for some in (mine, theirs))
        assert mine == theirs
