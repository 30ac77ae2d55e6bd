"""The proof through the workbench and the queue: refuse, measure, read, use, leave off."""

from __future__ import annotations

import json

import pytest

from core.errors import Cancelled, InputError
from core.jobs import Queue
from core.jobs.pipelines import prove
from core.jobs.progress import Progress
from core.query.parse import parse
from core.types import NewItem, SavedQuery
from core.workbench import proving
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
    with pytest.raises(InputError, match=r"no column 'colour' .* there are: kind \(60\)"):
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
    assert outcome.recommended is not None  # even 15 queries show a hub as large as this


def test_a_changed_collection_makes_it_stale(do_jobs):
    wb = proof_world()
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
