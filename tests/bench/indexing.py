"""Work beside a measurement: ``python -m tests.bench.indexing HOME KEY`` encodes and commits until its input is closed."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from core.encode import load_encoder
from core.jobs.worker import be_nice
from core.store import Collection
from tests.bench.synthetic import clustered


def main(home: str, key: str) -> None:
    be_nice()
    collection = Collection.open_key(key, Path(home))
    encoder, ids = load_encoder("starter"), collection.ids()[:64]
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8))
    vectors = clustered(64, collection.set().dim, seed=9)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    first = True
    while not over.is_set():
        encoder.encode_prepared(np.stack([encoder.prepare(image) for _ in range(16)]))
        collection.commit(vectors={collection.set().set_id: (ids, vectors)})
        if first:
            print("going", flush=True)
            first = False


if __name__ == "__main__":
    main(*sys.argv[1:])
