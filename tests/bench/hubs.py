"""What counting hubs and correcting for them costs, each beside the bare matrix product that it cannot do without.

Everything of one comparison is measured in this one process, one after the other, twice, and the faster of the two
counts. Bare products are done block by block into one buffer, which is the least that comparing all pairs can take.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from core.encode.machine import has_bf16
from core.encode.threads import cpu_threads
from core.rank import hubness
from core.types import HubSetting
from core.workbench import Workbench
from tests.bench.latency import QUERIES
from tests.bench.rows import Row, percentile, timed
from tests.bench.synthetic import clustered, collection

K = 10
_BLOCK = 1024
_PARTS = ("is", "dual_is", "csls", "sinkhorn")


def measure(n_counted: int = 50_000, n_corrected: int = 100_000, n_bank: int = 2_000) -> Iterator[Row]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(cpu_threads(), user_api="blas"):  # products of this size are worth every core
        yield from _counting(n_counted)
        yield from _bias(n_corrected, n_bank)
    yield from _query(n_corrected)


# ---------------------------------------------------------------- counting


def _counting(n: int) -> Iterator[Row]:
    from core.graph import knn

    vectors = clustered(n)
    products = {name: _best(work) for name, work in _products(vectors, vectors).items()}
    for name, seconds in products.items():
        yield Row("hubs", f"bare product {n:,} x {n:,} x {vectors.shape[1]}, {name}", seconds, "s")
    base = min(products.values())
    seconds = _best(lambda: hubness.k_occurrence_from_vectors(vectors, K))
    yield Row("hubs", f"{K}-occurrence of {n:,}, exact", seconds, "s")
    yield Row("hubs", f"{K}-occurrence of {n:,} / fastest bare product", seconds / base, "times")
    found = knn.nearest(vectors, K)
    yield Row("hubs", f"{K}-occurrence of {n:,}: rows scored in full", 100 * found.in_full / n, "%")
    grown = _memory(lambda: hubness.k_occurrence_from_vectors(vectors, K))
    if grown is not None:
        yield Row("hubs", f"{K}-occurrence of {n:,}: memory beyond the vectors", grown, "MB")
    flat = _faiss(vectors)
    if flat is not None:
        yield Row("hubs", f"{K} nearest of {n:,} with faiss, flat", flat, "s")
        yield Row("hubs", f"faiss, flat / {K}-occurrence", flat / seconds, "times")


def _products(left: np.ndarray, right: np.ndarray) -> dict[str, Callable[[], object]]:
    import torch

    torch.set_num_threads(cpu_threads())
    one, two = torch.from_numpy(left), torch.from_numpy(right)
    buffer = np.empty((_BLOCK, len(right)), np.float32)

    def numpy() -> None:
        for start in range(0, len(left), _BLOCK):
            part = left[start : start + _BLOCK]
            np.matmul(part, right.T, out=buffer[: len(part)])

    def torch_product(a: object, b: object, out: object) -> Callable[[], object]:
        def work() -> None:
            for start in range(0, len(a), _BLOCK):
                part = a[start : start + _BLOCK]
                torch.matmul(part, b.T, out=out[: len(part)])

        return work

    products = {"float32, numpy": numpy, "float32, torch": torch_product(one, two, torch.from_numpy(buffer))}
    if has_bf16():  # elsewhere it takes ten times as long
        half = torch.empty((_BLOCK, len(right)), dtype=torch.bfloat16)
        products["bfloat16, torch"] = torch_product(one.to(torch.bfloat16), two.to(torch.bfloat16), half)
    return products


def _faiss(vectors: np.ndarray) -> float | None:
    """Seconds of faiss's flat batch search; None where faiss is not installed, which Loupe itself does not need."""
    try:
        import faiss
    except ImportError:
        return None
    faiss.omp_set_num_threads(cpu_threads())
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return _best(lambda: index.search(vectors, K + 1))


def _best(work: Callable[[], object], times: int = 2) -> float:
    return min(timed(work)[0] for _ in range(times))


def _memory(work: Callable[[], object]) -> float | None:
    """MB by which the highest use of memory during the work is above that before it; None where it cannot be seen."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
        before = _high_water()
        work()
        return _high_water() - before
    except OSError:
        return None


def _high_water() -> float:
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


# ---------------------------------------------------------------- correcting


def _bias(n: int, n_bank: int) -> Iterator[Row]:
    vectors = clustered(n + n_bank)
    items, bank = vectors[:n], vectors[n:]
    products = {name: _best(work) for name, work in _products(items, bank).items()}
    for name, seconds in products.items():
        yield Row("hubs", f"bare product {n:,} x {n_bank:,} x {items.shape[1]}, {name}", seconds, "s")
    base = min(value for name, value in products.items() if name.startswith("float32"))
    for method in _PARTS:
        more = {"gallery_vectors": bank} if method == "dual_is" else {}
        seconds = _best(lambda: hubness.item_bias(bank, items, method, **more))
        yield Row("hubs", f"bias of {n:,} from a bank of {n_bank:,}, {method}", seconds, "s")
        yield Row("hubs", f"bias, {method} / fastest bare float32 product", seconds / base, "times")


def _query(n: int) -> Iterator[Row]:
    """Corrected queries beside raw ones: the same texts, in turns; also where each query is a row of its own bank."""
    from core.index import usearch

    with tempfile.TemporaryDirectory() as folder:
        wb = Workbench(collection(Path(folder), n))
        texts = [f"{text} {i}" for i in range(8) for text in QUERIES]
        asked = wb.correcting.keep_list("asked", texts)
        recipes = ("hub:is:20:items", f"hub:is:20:{asked}", f"hub:dual_is:20:{asked}", f"hub:csls:20:{asked}")
        for recipe in recipes:
            method, _, bank = recipe.removeprefix("hub:").split(":", 2)
            wb.correcting.bias(HubSetting(method, 20.0, bank))  # what the worker does beforehand
        yield from _added(wb, f"query of {n:,}, every row compared", texts, recipes)
        usearch.save(wb.collection, wb.collection.view())
        yield from _added(wb, f"query of {n:,}, with the index", texts, recipes)


def _added(wb: Workbench, label: str, texts: list[str], recipes: tuple[str, ...]) -> Iterator[Row]:
    spent: dict[str, list[float]] = {name: [] for name in ("plain", *recipes)}
    for text in texts:
        for name in spent:
            timings = wb.search(text, 40, recipe=name, log=False).timings
            spent[name].append(timings["total"] - timings.get("encode", 0.0))
    warm = {name: values[len(QUERIES) :] for name, values in spent.items()}  # the first round reads the vectors in
    plain = warm.pop("plain")
    yield Row("hubs", f"{label}: raw, without encoding, p50 / p95", percentile(plain, 0.5), "ms", p95=percentile(plain, 0.95))
    for name, values in warm.items():
        where = f"{name.split(':')[1]}{', its own bank' if 'list:' in name else ''}"
        extra = [b - a for a, b in zip(plain, values)]
        yield Row("hubs", f"{label}: {where}, what it adds, p50 / p95", percentile(extra, 0.5), "ms", p95=percentile(extra, 0.95))
