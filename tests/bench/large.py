"""A million images, which nobody waits for by default: ``python -m tests.bench large`` takes about half an hour and 8 GB of disk.

The index, the sample that counts hubs before all pairs are compared, what it finds of the true neighbours, and queries.
"""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.index import sampled, usearch
from core.workbench import Workbench
from tests.bench.latency import QUERIES
from tests.bench.rows import Row, percentile, timed
from tests.bench.synthetic import collection


def measure(n: int = 1_000_000) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        seconds, made = timed(lambda: collection(Path(folder), n))
        yield Row("large", f"a collection of {n:,}: making it from vectors", seconds, "s")
        seconds, _ = timed(lambda: usearch.save(made, made.view()))
        yield Row("large", f"index of {n:,}", seconds, "s")
        view = made.view()
        index = usearch.load(made, view)
        seconds, _ = timed(lambda: sampled.save(made, index, view))
        asked = min(sampled.ASKED, n)
        yield Row("large", f"hubs of {n:,}: {asked:,} sampled items asked, {sampled.CHECKED} of them checked", seconds, "s")
        wb = Workbench(made)
        seconds, report = timed(lambda: wb.hubs.report(k=10))
        yield Row("large", f"hubs of {n:,}: recall@10 of the sample", 100 * report.recall, "%")
        yield Row("large", f"hubs of {n:,}: report from the sample", seconds, "s")
        for text in QUERIES:
            wb.search(text, 40, log=False)
        spent = [wb.search(f"{text} {i}", 40, log=False).timings["total"] for i in range(5) for text in QUERIES]
        yield Row("large", f"query of {n:,}, k 40, total, p50 / p95", percentile(spent, 0.5), "ms", p95=percentile(spent, 0.95))
        yield Row("large", "highest memory of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")
