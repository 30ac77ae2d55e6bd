"""Another encoder for a collection that is there: its images encoded into a vector set beside the one in use."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from core.encode import Encoder, cpu_threads, vector_sets
from core.errors import ImageError, InputError, NotFound
from core.jobs.pipelines import deriving
from core.jobs.pipelines.committing import Committer
from core.jobs.pipelines.encoders import encoder_for
from core.jobs.pipelines.indexing import BATCH, batch_size
from core.jobs.worker import Context
from core.store import Collection


def run(context: Context) -> dict:
    """Do an ``encode`` job (arguments ``encoder``, ``activate``): every image without a vector gets one.

    The vectors in use are searched meanwhile. Where `activate` is true the new ones take their place when the last image
    is done; until then, and when the job is cancelled, nothing changes for a search. Running it again goes on.
    """
    began, args = time.monotonic(), context.job.args
    collection = Collection.open_key(context.job.collection, context.home)
    name = str(args.get("encoder") or "")
    encoder = encoder_for(context, collection, name)
    sets = vector_sets(encoder)
    for vector_set in sets:
        collection.add_set(vector_set)
    if args.get("activate"):
        collection.want(sets[0].set_id)
    base = deriving.original(collection, encoder)
    filler = Filler(context, collection, base)
    filler.run()
    for derived in deriving.derived_from(collection, base):
        deriving.catch_up(collection, derived)
    for vector_set in sets:
        collection.compact(vector_set.set_id)
    if args.get("activate") and collection.wanted == sets[0].set_id:
        if not len(collection.view(sets[0].set_id).live):
            raise InputError(f"Not one image of {collection.name} could be encoded with {name}; the vectors in use stay.")
        collection.activate(sets[0].set_id)
    if collection.set().set_id == sets[0].set_id:
        context.queue.add("refresh", collection.key)
    return {
        "collection": collection.name,
        "encoder": name,
        "set": sets[0].set_id,
        "engine": sets[0].engine,
        "precision": sets[0].precision,
        "encoded": filler.encoded,
        "from_thumbnails": filler.from_thumbnails,
        "left": filler.left,
        "seconds": round(time.monotonic() - began, 2),
    }


def bring_up_to_date(context: Context, collection: Collection) -> None:
    """Queue the encoding of images that came in with another encoder than the one in use, which is to stay in use."""
    active = collection.set()
    if collection.wanted is None and active.engine != "brought" and collection.vectorless(active.set_id):
        context.queue.add("encode", collection.key, {"encoder": active.encoder, "activate": False})


class Filler:
    """Encodes the images of a collection that lack a vector of this encoder.

    Attributes
    ----------
    encoded, from_thumbnails, left : int
        Images that got a vector; those of them whose file is lost or changed, so that the thumbnail had to do; images
        of which nothing can be read.
    """

    def __init__(self, context: Context, collection: Collection, encoder: Encoder) -> None:
        self._progress = context.progress
        self._collection = collection
        self._encoder = encoder
        self._sets = vector_sets(encoder)
        self._files = _unchanged(collection)
        self._lacking: dict[str, set[str]] = {}
        self.encoded = self.from_thumbnails = self.left = 0

    def run(self) -> None:
        """Encode them all; what is done is committed, also when it is cancelled."""
        lacking = {s.set_id: self._collection.vectorless(s.set_id) for s in self._sets}
        needed = list(dict.fromkeys(item_id for ids in lacking.values() for item_id in ids))
        self._lacking = {set_id: set(ids) for set_id, ids in lacking.items()}
        self._progress.stage("encoding", len(needed))
        size, done = BATCH, 0
        with Committer(self._collection) as committer, ThreadPoolExecutor(cpu_threads(), "prepare") as pool:
            while done < len(needed):
                ids = needed[done : done + size]
                read = [(i, *pair) for i, pair in zip(ids, pool.map(self._prepared, ids)) if pair is not None]
                self.left += len(ids) - len(read)
                began = time.monotonic()
                if read:
                    self._encode(read, committer)
                    size = batch_size((time.monotonic() - began) / len(read))
                done += len(ids)
                committer.tick()
                self._progress.at(done)

    def _encode(self, read: list[tuple[str, np.ndarray, bool]], committer: Committer) -> None:
        made = self._encoder.encode_prepared(np.stack([pixels for _, pixels, _ in read]))
        for row, (item_id, _, from_thumbnail) in enumerate(read):
            vectors = {s.set_id: made[s.space][row] for s in self._sets}
            if any(not np.isfinite(vector).all() or not vector.any() for vector in vectors.values()):
                self.left += 1
                continue
            # A space that has the image keeps its vector: with a new one its graph and map would be made anew.
            new = {set_id: vector for set_id, vector in vectors.items() if item_id in self._lacking[set_id]}
            committer.add(None, item_id, new)
            self.encoded += 1
            self.from_thumbnails += from_thumbnail

    def _prepared(self, item_id: str) -> tuple[np.ndarray, bool] | None:
        """The model's input, and whether it was made from the thumbnail; None where nothing can be read."""
        from core.ingest.images import open_image

        for path, from_thumbnail in self._places(item_id):
            try:
                return self._encoder.prepare(open_image(path, target_px=self._encoder.input_px)), from_thumbnail
            except (ImageError, OSError):
                continue
        return None

    def _places(self, item_id: str) -> Iterator[tuple[Path, bool]]:
        for path in self._files.get(item_id, ()):
            yield path, False
        try:
            yield self._collection.thumb_path(item_id), True
        except NotFound:
            return


def _unchanged(collection: Collection) -> dict[str, list[Path]]:
    """Item -> files that are still what they were: another picture under an old name must not lend its vector."""
    found: dict[str, list[Path]] = {}
    for path, (item_id, n_bytes, mtime_ns) in collection.known_sources().items():
        try:
            status = os.stat(path)
        except OSError:
            continue
        if n_bytes in (0, status.st_size) and mtime_ns in (0, status.st_mtime_ns):
            found.setdefault(item_id, []).append(Path(path))
    return found
