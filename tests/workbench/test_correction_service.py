"""Hub corrections as a service, and the job that makes a large one."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.jobs import Queue
from core.jobs.worker import run_here
from core.types import HubSetting
from core.workbench import Workbench, correcting
from tests.worlds import colour_world

IS = HubSetting("is", 20.0, "captions")


@pytest.fixture
def wb(home, tmp_path) -> Workbench:  # noqa: ANN001
    return colour_world(tmp_path / "images")


def test_banks_are_those_there_is_something_in(wb: Workbench) -> None:
    assert wb.correcting.banks() == ("auto", "captions", "queries", "items")
    assert wb.correcting.keep_list("mine", ["red", "blue"]) == "list:mine"
    assert wb.correcting.banks()[-1] == "list:mine" and wb.correcting.lists() == {"mine": ["red", "blue"]}
    wb.correcting.delete_list("mine")
    for name, lines in (("", "a\nb"), ("a:b", "a\nb"), ("mine", "a\na")):
        with pytest.raises(InputError):
            wb.correcting.keep_list(name, lines)


@pytest.mark.parametrize("side", ["items", "captions", "queries"])
def test_n_k_is_that_of_corrected_searches(wb: Workbench, side: str) -> None:
    before = wb.hubs.report(5, side)
    after = wb.correcting.corrected(before, IS)
    assert after.n_k.sum() == before.n_k.sum() == before.k * before.n_queries
    counts = dict.fromkeys(after.item_ids.tolist(), 0)
    ids, bias = wb.correcting.bias(IS)
    order = np.argsort(ids)
    assert ids[order].tolist() == after.item_ids.tolist()
    view = wb.collection.view()
    rows = view.rows(view.positions(after.item_ids.tolist())).astype(np.float64)
    asking = rows if side == "items" else wb.hubs.asking(side).astype(np.float64)
    scores = asking @ rows.T + bias[order]
    if side == "items":
        np.fill_diagonal(scores, -np.inf)
    for row in np.round(scores, 6):
        for item_id in after.item_ids[np.argsort(-row, kind="stable")[:5]]:
            counts[item_id] += 1
    assert list(counts.values()) == after.n_k.tolist()


def test_a_large_bias_is_made_by_the_worker_once(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobs.ensure_worker", lambda home=None: False)
    monkeypatch.setattr("core.search.correction.AT_ONCE", 10)
    result = wb.search("red", recipe="hub:is:20:captions", wait=False)
    assert result.hub.method == "none" and "being prepared" in result.warnings[0]
    assert wb.search("blue", recipe="hub:is:20:captions", wait=False).hub.method == "none"
    assert wb.correcting.corrected(wb.hubs.report(5), IS) is None
    (job,) = wb.jobs(live=True)
    assert job.kind == "correct"
    done = run_here(Queue(), job.job_id)
    assert done.state == "done" and done.result["made"] is True
    assert wb.search("red", recipe="hub:is:20:captions", wait=False).hub == IS
    assert wb.correcting.corrected(wb.hubs.report(5), IS) is not None
    assert wb.search("red", recipe="hub:csls:20:items").hub.method == "csls", "who waits has it made"


def test_a_bias_that_cannot_be_made_is_not_tried_at_every_search(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobs.ensure_worker", lambda home=None: False)
    vector_set = wb.collection.set()
    first = wb.correcting.queue(vector_set, HubSetting("is", 20.0, "list:gone"))
    with pytest.raises(Exception, match="no list"):
        run_here(Queue(), first.job_id)
    assert wb.correcting.queue(vector_set, HubSetting("is", 20.0, "list:gone")).job_id == first.job_id
    assert wb.correcting.queue(vector_set, IS).job_id != first.job_id


def test_who_cancels_a_correction_is_not_asked_again_by_every_search(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobs.ensure_worker", lambda home=None: False)
    monkeypatch.setattr("core.search.correction.AT_ONCE", 10)
    wb.search("red", recipe="hub:is:20:captions", wait=False)
    (job,) = wb.jobs(live=True)
    Queue().cancel(job.job_id)
    result = wb.search("red", recipe="hub:is:20:captions", wait=False)
    assert wb.jobs(live=True) == () and "could not be made" in result.warnings[0] and "cancelled" in result.warnings[0]


def test_too_many_items_to_ask_each_other_is_said(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correcting, "ITEMS_AT_MOST", 20)
    with pytest.raises(InputError, match="36 items"):
        wb.correcting.corrected(wb.hubs.report(5), IS)
    assert wb.correcting.corrected(wb.hubs.report(5, "captions"), IS) is not None
