"""How long a query takes, step by step, at 1,000, 10,000 and 100,000 items; and while a collection is being indexed."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from core.workbench import Workbench
from tests.bench.rows import Row, percentile, timed
from tests.bench.synthetic import clustered, collection

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
            yield Row("query", f"{n:,} items, filter to a fifth, p50 total", percentile(filtered, 0.5), "ms")
            yield Row("query", f"{n:,} items, a whole run of the Search page on the server, p50", _render(wb, home), "ms")
        yield from _while_indexing(wb, f"{n:,}")


def _total(wb: Workbench, text: str, where: str | None = None) -> float:
    return wb.search(text, 40, where=where, log=False).timings["total"]


def _steps(wb: Workbench, label: str) -> Iterator[Row]:
    for text in QUERIES:
        wb.search(text, 40, log=False)
    results = [wb.search(f"{text} {label} {i}", 40, log=False) for i in range(5) for text in QUERIES]  # each text is new
    for step in STEPS:
        values = [result.timings.get(step, 0.0) for result in results]
        yield Row("query", f"{label} items, k 40, {step}, p50 / p95 {percentile(values, 0.95):.3g}", percentile(values, 0.5), "ms")


def _render(wb: Workbench, home: Path) -> float:
    """Milliseconds of the server for a whole run of the Search page: frame, search, filters, 40 cards."""
    from streamlit.testing.v1 import AppTest

    before = os.environ.get("LOUPE_HOME")
    os.environ["LOUPE_HOME"] = str(home)
    try:
        spent = []
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.query_params["c"] = wb.key
        app.switch_page("pages/search.py").run()
        for i in range(6):
            app.query_params["q"] = f"a page with {i} dogs"
            seconds, _ = timed(app.run)
            spent.append(seconds * 1000)
        return percentile(spent[1:], 0.5)
    finally:
        if before is None:
            del os.environ["LOUPE_HOME"]
        else:
            os.environ["LOUPE_HOME"] = before


def _while_indexing(wb: Workbench, label: str) -> Iterator[Row]:
    """Another thread encodes and commits to the same collection all the time."""
    from core.encode import load_encoder

    encoder, stop = load_encoder(wb.collection.set().encoder), threading.Event()
    set_id = wb.collection.set().set_id
    ids = wb.collection.ids()[:64]

    def index() -> None:
        import numpy as np
        from PIL import Image

        image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8))
        vectors = clustered(64, wb.collection.set().dim, seed=9)
        while not stop.is_set():
            encoder.encode_prepared(np.stack([encoder.prepare(image)] * 8))
            wb.collection.commit(vectors={set_id: (ids, vectors)})

    worker = threading.Thread(target=index, daemon=True)
    worker.start()
    try:
        values = [_total(wb, f"{text} while indexing {i}") for i in range(5) for text in QUERIES]
    finally:
        stop.set()
        worker.join()
    yield Row("query", f"{label} items while indexing, p50 total", percentile(values, 0.5), "ms")
    yield Row("query", f"{label} items while indexing, p95 total", percentile(values, 0.95), "ms")
