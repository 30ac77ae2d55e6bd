"""How close ingest comes to what the processor allows, for small, middling and large JPEGs.

The ideal is cores / (encode + prepare CPU-seconds an image). Both parts are measured alone with every core busy, as they
are in the pipeline (two busy cores share caches and memory, and a lone thread would look cheaper than it ever is there);
then the real pipeline (read, hash, decode, thumbnail, prepare, encode, commit) is timed on the same files. Everything is
measured three times, in turn, and the medians are reported: other work on the machine comes and goes.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from core.encode import load_encoder
from core.encode.protocol import Encoder
from core.encode.threads import cpu_threads
from core.ingest.images import load
from core.ingest.sources import scan
from core.jobs.pipelines.indexing import Indexer
from core.jobs.progress import Progress
from core.jobs.queue import Queue
from core.store import Collection
from tests.bench.rows import Row

KINDS = (("224-px", (224, 224), 400), ("500-px", (500, 375), 400), ("12-MP", (4000, 3000), 100))
BATCH = 16
ROUNDS = 3


def measure() -> Iterator[Row]:
    encoder = load_encoder("starter")
    for label, size, n in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            images = photos(Path(folder) / "images", size, n)
            batch = np.stack([encoder.prepare(load(path, encoder.input_px).image) for path in images[:BATCH]])
            encoder.encode_prepared(batch)
            rounds = [_round(encoder, images, batch, Path(folder) / f"home-{i}") for i in range(ROUNDS)]
        prepare, encode, rate = (statistics.median(values) for values in zip(*rounds))
        ideal = cpu_threads() / (encode + prepare)
        yield Row("ingest", f"{label} JPEG: encode, CPU an image", encode * 1000, "ms")
        yield Row("ingest", f"{label} JPEG: read, decode, thumbnail, prepare, CPU an image", prepare * 1000, "ms")
        yield Row("ingest", f"{label} JPEG: images a second, committed", rate, "/s")
        yield Row("ingest", f"{label} JPEG: share of the CPU-bound ideal of {ideal:.0f}/s", 100 * rate / ideal, "%")


def _round(encoder: Encoder, images: list[Path], batch: np.ndarray, home: Path) -> tuple[float, float, float]:
    """CPU seconds an image of preparing and of encoding, and images a second of the real pipeline."""
    with ThreadPoolExecutor(cpu_threads()) as pool:
        prepare = _cpu(lambda: list(pool.map(lambda path: encoder.prepare(load(path, encoder.input_px).image), images)))
    encode = _cpu(lambda: [encoder.encode_prepared(batch) for _ in range(8)])
    return prepare / len(images), encode / (8 * len(batch)), len(images) / _run(home, images[0].parent)


def photos(folder: Path, size: tuple[int, int], n: int) -> list[Path]:
    """`n` JPEGs with edges, gradients and grain, so that they cost to decode what photographs do."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    width, height = size
    coarse = Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = rng.normal(0, 8, (height, width, 1))
    paths = []
    for i in range(n):
        turned = coarse.rotate(360 * i / n).filter(ImageFilter.GaussianBlur(1))
        pixels = np.clip(np.asarray(turned, np.float32) + np.roll(grain, 7 * i, axis=0), 0, 255).astype(np.uint8)
        paths.append(folder / f"{i:05d}.jpg")
        Image.fromarray(pixels).save(paths[-1], quality=88)
    return paths


def _cpu(work) -> float:  # noqa: ANN001
    """CPU seconds of all threads of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def _run(home: Path, folder: Path) -> float:
    """Seconds from the first file to the last commit, by the indexer that the worker uses."""
    home.mkdir()
    collection, queue = Collection.create("bench", home), Queue(home)
    found = scan(folder, spool=home / "spool")
    queue.add("ingest", collection.key, {})
    job = queue.claim(0)  # a job that nobody claimed counts as cancelled
    with Progress(queue, job.job_id) as progress:
        start = time.perf_counter()
        account = Indexer(collection, load_encoder("starter"), progress).run(found.candidates, len(found.candidates))
        seconds = time.perf_counter() - start
    if account.added != len(found.candidates):
        raise RuntimeError(f"{account.added} of {len(found.candidates)} pictures were indexed; the measurement is void.")
    return seconds
