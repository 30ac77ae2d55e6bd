"""The Judge page as tests open it: a small collection, pools, judges who differ, and what is sent to the browser."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.store import PoolRecord, PoolRow
from pages import _judge_screen, _shared
from tests.worlds import colour_world

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr("core.jobs.ensure_worker", lambda home=None: False)


@pytest.fixture
def app() -> AppTest:
    _shared.collections_changed()
    return AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)


@pytest.fixture
def wb(tmp_path):
    return colour_world(tmp_path / "images")


@pytest.fixture
def sent(monkeypatch):
    """Everything the page sends to the judging screen, newest last."""
    seen = []
    monkeypatch.setattr(_judge_screen, "judging_screen", lambda data, **_: seen.append(json.loads(json.dumps(data))))
    return seen


def pool(wb, name="Pool", depth=6, **more):
    """A pool as the worker makes it, of two recipes with other hits each."""
    arms = tuple({"label": label, "recipe": {"name": label}, "where": ""} for label in ("plainest", "summed"))
    record = replace(PoolRecord("p" + name.lower(), name, "Colours", 1, depth, arms, seed=4), **more)
    rows = []
    for query in wb.querysets.get("Colours").queries:
        found = wb.search(query.query, depth, log=False).item_ids
        rows += [PoolRow(query.query_id, item, (n, None if n % 2 else n), (f"copy{n}",) if n == 1 else ())
                 for n, item in enumerate(found, 1)]  # fmt: skip
    wb.collection.add_pool(record, rows)
    return record


def judging(app, **link):
    for name, value in link.items():
        app.query_params[name] = value
    app.switch_page("pages/judge.py").run()
    assert not app.exception
    return app


def captions(app):
    return [one.value for one in app.caption]


def differ(wb, first=(0, 3), second=(1, 2)):
    """Two judges are far apart on an image of the first query, and a grade apart on one of the second; the former."""
    one, two, _ = wb.querysets.get("Colours").queries
    items = wb.search(one.query, 3, log=False).item_ids
    for grade, judge in zip(first, ("ann", "bob")):
        wb.judgments.add(one.query_id, items[0], grade, judge, note=f"note of {judge}")
    for grade, judge in zip(second, ("ann", "bob")):
        wb.judgments.add(two.query_id, items[1], grade, judge)
    return one.query_id, items[0]


def shown(sent):
    return [item["id"] for item in sent[-1]["items"]]


def says(app, words):
    return any(words in one.value.replace("\\", "") for one in (*app.caption, *app.info))
