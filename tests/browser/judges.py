"""What journeys on Judge share: judge by keyboard, and the grades that this has to leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping

from core.store import Collection
from core.types import SavedQuery
from tests.browser.conftest import PROJECT, settled


def open_judge(page, url: str, key: str, judge: str, **link: str) -> None:  # noqa: ANN001
    """Open Judge as a judge and wait until the screen stands."""
    more = "".join(f"&{name}={value}" for name, value in link.items())
    page.goto(f"{url}/judge?c={key}&judge_name={judge}{more}")
    page.get_by_test_id("judged").wait_for()
    settled(page)


def press(page, keys: str, total: int, done: int = 0) -> None:  # noqa: ANN001
    """Grade image after image with one key each, and wait until all of it is saved."""
    for n, key in enumerate(keys, done + 1):
        page.keyboard.press(key)
        page.get_by_test_id("judged").filter(has_text=f"{n} of {total}").wait_for()
    page.get_by_test_id("saved").filter(has_text="saved").wait_for()
    settled(page)


def judge_pool(
    page, url: str, collection: Collection, pool_id: str, judge: str, grade_of: Mapping[tuple[str, str], str]  # noqa: ANN001
) -> None:
    """Judge all of a judge's part of a pool by keyboard.

    Parameters
    ----------
    grade_of : Mapping of (query id, item id) to key
        ``0`` to ``3``, or ``x``.
    """
    from core.workbench import Workbench

    queue = Workbench(collection).pools.queue(pool_id, judge)
    for query_id, items in queue.items():
        open_judge(page, url, collection.key, judge, query=query_id)
        press(page, "".join(grade_of[query_id, item_id] for item_id in items), len(items))


def make_pool(collection: Collection, queries: list[SavedQuery], name: str, arms: list[str], depth: int, **more: object) -> str:
    """A query set and a pool of it; the pool's id. `more` as in `PoolService.make`.

    Made in a process of its own, as the worker does it: an encoder is not loaded beside a browser.
    """
    collection.save_queries(queries, name)
    done = subprocess.run(
        [sys.executable, "-m", "tests.browser.judges", collection.key,
         json.dumps({"query_set": name, "arms": arms, "depth": depth, **more})],
        cwd=PROJECT, env={**os.environ, "LOUPE_HOME": str(collection.home)}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()[-1]


def _main(key: str, said: str) -> None:
    from core.jobs import Queue
    from core.jobs.worker import run_here
    from core.workbench import Workbench

    collection = Collection.open_key(key)
    job = Workbench(collection).pools.make(**json.loads(said), start=False)
    done = run_here(Queue(collection.home), job.job_id)
    assert done is not None and done.state == "done", done
    print(done.result["pool"])


if __name__ == "__main__":
    _main(*sys.argv[1:])
