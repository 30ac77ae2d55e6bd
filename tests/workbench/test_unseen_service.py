"""Adapting without each kind of query, through the workbench, the queue, the command line and the Evaluate page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import core.encode
from core.__main__ import main
from core.encode import adapt
from core.errors import InputError, NotFound
from core.jobs import Queue
from core.jobs.pipelines import align, maps, unseen
from core.query.parse import parse
from core.types import Judgment, SavedQuery
from core.workbench import Workbench
from core.workbench.unseen import MEANS
from pages import _shared
from tests.workbench.test_adapt_service import StrangeEncoder, _no_map, world
from tests.working import do_jobs, no_worker  # noqa: F401

PROJECT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("no_worker")


@pytest.fixture
def wb(monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """240 images with captions, texts that want adapting; 40 judged queries, and one of several terms."""
    monkeypatch.setattr(core.encode, "_loaded", {"strange": StrangeEncoder()})
    settings = adapt.FitSettings(learning_rate=3e-3, stay=1.0, steps=200)
    for module in (align, unseen):
        monkeypatch.setattr(module, "fit", lambda *a, **k: adapt.fit(*a, settings=settings, **k))
    monkeypatch.setattr(maps, "_map", lambda context, collection, view, graph, refit: _no_map(view))
    monkeypatch.setattr(maps, "_groups", lambda *a: None)
    made = world()
    queries = {f"x{n:03d}": parse(f"number {n}") for n in range(40)} | {"x050": parse("number image:x051")}
    made.collection.save_queries([SavedQuery(q.query_id, item, q) for item, q in queries.items()], "Q")
    made.collection.judgments.add_many([Judgment(q.query_id, item, 3, "ann") for item, q in queries.items()])
    return made


def test_it_is_done_kept_and_stale_when_judgments_change(wb, do_jobs):  # noqa: F811
    assert wb.evaluations.unseen() is None
    before = wb.search("number 3", 20).item_ids, wb.collection.generation
    job = wb.evaluations.start_unseen("Q", buckets=4)
    assert wb.evaluations.start_unseen("Q", buckets=4).job_id == job.job_id
    do_jobs()
    assert Queue().get(job.job_id).state == "done", Queue().get(job.job_id).message
    said = wb.evaluations.unseen()
    assert (said["queries"], said["queries_left_out"], said["images"], said["kept_apart"]) == (40, 1, 240, 40)
    assert (said["learned_from"], said["buckets"], len(said["trained"]), said["stale"]) == ("captions", 4, 4, False)
    assert sum(t["n_outside"] for t in said["trained"]) == 40 and len({t["n_train"] + t["n_validation"] for t in said["trained"]}) == 1
    first = said["figures"][0]
    assert first["metric"] == "nDCG@10" and first["inside"] > first["before"] and first["gap"]["low"] <= first["gap"]["high"]
    json.loads(json.dumps(said, allow_nan=False))
    assert (wb.search("number 3", 20).item_ids, wb.collection.generation) == before and not wb.collection.adaptations()
    wb.judgments.add(wb.judgments.queries("Q")[0].query_id, "x100", 1, "bea")
    assert wb.evaluations.unseen()["stale"]


def test_labels_are_learned_from_too_and_what_cannot_be_is_said(wb, do_jobs):  # noqa: F811
    for wrong, says in (({"rel": 4}, "1, 2 or 3, not 4"), ({"buckets": 1}, "2 to 20 kinds, not 1")):
        with pytest.raises(InputError, match=says):
            wb.evaluations.start_unseen("Q", **wrong)
    with pytest.raises(NotFound, match="no query set 'R'; there are: Q"):
        wb.evaluations.start_unseen("R")
    wb.evaluations.start_unseen("Q", "nothing")
    do_jobs()
    assert "no column 'nothing'" in wb.evaluations.job().message and wb.evaluations.unseen() is None
    wb.evaluations.start_unseen("Q", "side", buckets=2)
    do_jobs()
    assert "The words of the 200 images to train on are all of one kind of 2" in wb.evaluations.job().message  # to this encoder
    wb.collection.update_metadata([(f"x{n:03d}", (), {"shelf": f"shelf {n % 12}"}) for n in range(240)])
    wb.evaluations.start_unseen("Q", "shelf", buckets=3)
    do_jobs()
    assert wb.evaluations.job().state == "done", wb.evaluations.job().message
    assert wb.evaluations.unseen()["learned_from"] == "shelf"


def test_the_command_prints_both_kinds(wb, capsys):
    assert main(["protocol", "World", "--kind", "unseen", "--set", "Q", "--buckets", "3", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["query_set"] == "Q" and len(said["trained"]) == 3 and "kinds of queries" in said["sentence"]
    assert {"before", "inside", "outside", "gap", "gain_outside"} <= set(said["figures"][0])
    assert main(["protocol", "World", "--kind", "unseen", "--set", "Q", "--buckets", "3"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(said["sentence"]) and all(name in text for name in MEANS) and "so no answer was trained on" in text
    for more, says in ((["--kind", "unseen", "--truth", "x"], "takes a query set"), (["--kind", "cirr"], "needs --truth FILE")):
        assert main(["protocol", "World", *more]) == 2
        assert says in capsys.readouterr().err


def test_evaluate_offers_it_where_an_adapted_encoder_is_compared(wb, do_jobs):  # noqa: F811
    wb.adapt.start()
    do_jobs()
    wb.adapt.accept()
    do_jobs()
    wb.evaluations.start("Q", ["plain"])
    do_jobs()
    _shared.collections_changed()
    app = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)
    app.switch_page("pages/evaluate.py").run()
    assert not app.exception
    assert any("Kinds of queries it was not trained on." in one.value for one in app.markdown)
    app.button(key="evaluate_unseen_start").click().run()
    assert not app.exception and wb.evaluations.job().args["part"] == "unseen" and wb.evaluations.job().args["query_set"] == "Q"
    do_jobs()
    app.run()
    assert not app.exception
    (table,) = [one.value for one in app.dataframe if "Kind not trained on" in one.value.columns]
    assert list(table["Metric"]) == ["nDCG@10", "P@10", "R@10", "AP@50", "RR", "Judged@10"]
    text = "\n".join(one.value for one in (*app.caption, *app.info)).replace("\\", "")
    assert "so no answer was trained on" in text and "The adaptation in use is not measured here" in text
