"""Measure Loupe on this machine: ``python -m tests.bench [PART ...]``.

Prints a table in Markdown and writes ``build/bench.json``. Nothing here asserts a time: figures are read by people, and
compared only with figures of the same run.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path

from core.encode.threads import cpu_threads
from tests.bench import hubs, ingest, large, latency, maps, proof, storage

PARTS = {"ingest": ingest.measure, "latency": latency.measure, "storage": storage.measure, "maps": maps.measure,
         "hubs": hubs.measure, "proof": proof.measure}
ON_REQUEST = {"large": large.measure}
ROOT = Path(__file__).resolve().parents[2]


def machine() -> str:
    """Processor, cores and versions in one line."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        name = next((line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line), name)
    return f"{name}, {cpu_threads()} cores, Python {platform.python_version()}"


def _figure(value: float) -> str:
    """Three figures are what such a measurement has."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all these by default; or large")
    wanted = parser.parse_args().parts or list(PARTS)
    known = PARTS | ON_REQUEST
    if unknown := [part for part in wanted if part not in known]:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(known)}")
    rows = []
    print(f"Machine: {machine()}\n\n| part | what | value |\n|---|---|---:|")
    for part in wanted:
        for row in known[part]():
            rows.append(row)
            values = _figure(row.value) + ("" if row.p95 is None else f" / {_figure(row.p95)}")
            print(f"| {row.part} | {row.what} | {row.shown or f'{values} {row.unit}'} |", flush=True)
    out = ROOT / "build" / "bench.json"
    out.parent.mkdir(exist_ok=True)
    document = {"machine": machine(), "at": time.strftime("%Y-%m-%d"), "rows": [row.__dict__ for row in rows]}
    out.write_text(json.dumps(document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
