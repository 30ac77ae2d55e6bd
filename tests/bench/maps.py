"""How long the kNN graph and the map take, at 2,000 and at 20,000 items."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.rows import Row, timed
from tests.bench.synthetic import collection


def measure(sizes: tuple[int, ...] = (2_000, 20_000)) -> Iterator[Row]:
    from core.atlas import projection
    from core.graph import knn

    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            view = collection(Path(folder), n).view()
            if n == sizes[0]:  # what is compiled and imported once is measured as itself
                first, _ = timed(lambda: projection.fit(knn.build(view), view))
                yield Row("maps", "first map of a process (imports, compilation)", first, "s")
            seconds, graph = timed(lambda: knn.build(view))
            yield Row("maps", f"kNN graph of {n:,}", seconds, "s")
            seconds, _ = timed(lambda: projection.fit(graph, view))
            yield Row("maps", f"UMAP of {n:,} from that graph", seconds, "s")
