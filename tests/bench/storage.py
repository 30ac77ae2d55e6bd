"""Disk and memory that an item takes, vectors and database; thumbnails depend on the pictures and are counted apart."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.rows import Row
from tests.bench.synthetic import collection

_PROBE = """
import sys
from pathlib import Path
from core.store import Collection
from core.index.exact import top_k
import numpy as np
c = Collection.open("bench {n}", Path(sys.argv[1]))
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
before = resident()
view = c.view()
top_k(view.matrix, np.ones(view.matrix.shape[1], np.float32) / 23, 10)
print(resident() - before)
"""


def measure(n: int = 50_000) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        made = collection(Path(folder), n)
        vectors = sum(f.stat().st_size for f in (made.path / "vectors").rglob("*") if f.is_file())
        database = sum(f.stat().st_size for f in made.path.glob("collection.db*"))
        yield Row("storage", "vectors on disk, per item", vectors / n, "bytes")
        yield Row("storage", "database on disk, per item (caption, two columns)", database / n, "bytes")
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE.replace("{n}", str(n)), folder], capture_output=True, text=True, check=True
        )
        yield Row("storage", "memory of a searching process, per item", int(probe.stdout) / n, "bytes")
