"""How long a query takes, step by step, at 1,000, 10,000 and 100,000 items; and while a collection is being indexed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.workbench import Workbench
from tests.bench.rows import Row, percentile, timed
from tests.bench.synthetic import collection

QUERIES = ("a dog on the beach", "red car at night", "two people talking", "an old house", "a plate of food",
           "children playing football", "a bird in the sky", "city street with lights")  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]
STEPS = ("encode", "filter", "search", "rank", "total")


def measure(sizes: tuple[int, ...] = (1_000, 10_000, 100_000)) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for n in sizes:
            wb = Workbench(collection(home, n))
            yield from _steps(wb, f"{n:,}")
            filtered = [_total(wb, text, where="colour = 'red'") for text in QUERIES * 4]
            yield _row(f"{n:,} items, k 40, filter to a fifth, total", filtered)
            yield _row(f"{n:,} items, render: a whole run of the Search page on the server", _render(wb, home))
        yield from _while_indexing(wb, home, f"{n:,}")


def _total(wb: Workbench, text: str, where: str | None = None) -> float:
    return wb.search(text, 40, where=where, log=False).timings["total"]


def _steps(wb: Workbench, label: str) -> Iterator[Row]:
    for text in QUERIES:
        wb.search(text, 40, log=False)
    results = [wb.search(f"{text} {label} {i}", 40, log=False) for i in range(5) for text in QUERIES]  # each text is new
    for step in STEPS:
        values = [result.timings.get(step, 0.0) for result in results]
        yield _row(f"{label} items, k 40, {step}", values)


def _row(what: str, values: Sequence[float]) -> Row:
    return Row("query", f"{what}, p50 / p95", percentile(values, 0.5), "ms", p95=percentile(values, 0.95))


def _render(wb: Workbench, home: Path) -> list[float]:
    """Milliseconds of the server for a whole run of the Search page: frame, search, filters, 40 cards."""
    from streamlit.testing.v1 import AppTest

    before = os.environ.get("LOUPE_HOME")
    os.environ["LOUPE_HOME"] = str(home)
    try:
        spent = []
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.query_params["c"] = wb.key
        app.switch_page("pages/search.py").run()
        for i in range(21):
            app.query_params["q"] = f"a page with {i} dogs"
            seconds, _ = timed(app.run)
            spent.append(seconds * 1000)
        return spent[1:]
    finally:
        if before is None:
            del os.environ["LOUPE_HOME"]
        else:
            os.environ["LOUPE_HOME"] = before


def _while_indexing(wb: Workbench, home: Path, label: str) -> Iterator[Row]:
    """Another process, niced as the worker is, encodes and commits to the same collection all the time."""
    command = [sys.executable, "-m", "tests.bench.indexing", str(home), wb.key]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as indexing:
        try:
            indexing.stdout.readline()  # the first batch is committed
            values = [_total(wb, f"{text} while indexing {i}") for i in range(10) for text in QUERIES]
            busy = indexing.poll() is None
        finally:
            indexing.stdin.close()
    if not busy:
        raise RuntimeError("Indexing ended before the queries did; the measurement is void.")
    yield _row(f"{label} items, k 40, total, while indexing runs", values)
