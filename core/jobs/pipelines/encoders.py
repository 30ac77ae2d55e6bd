"""Work on encoders: fetching weights, measuring, and choosing the precision that a collection's images are encoded in."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from core.encode import Encoder, load_encoder, measured, precisions_of, probing
from core.encode.machine import has_bf16
from core.errors import EncoderError, InputError
from core.jobs.progress import HandOver
from core.jobs.queue import Queue
from core.jobs.worker import Context
from core.store import Collection

STEP_ASIDE_S = 2.0


def run(context: Context) -> dict:
    """Do a ``fetch`` or a ``probe`` (argument ``encoder``)."""
    name = str(context.job.args.get("encoder") or "")
    if not name:
        raise InputError("Say which encoder.")
    return fetch(context, name, give_way=True) if context.job.kind == "fetch" else probe(context, name)


def fetch(context: Context, name: str, *, give_way: bool = False) -> dict:
    """Bring weights onto this computer; progress counts bytes.

    Parameters
    ----------
    give_way : bool
        Hand the job over as soon as other work waits: the download goes on where it was, afterwards.
    """
    from core.encode.fetching import fetch as fetched

    progress, looked = context.progress, time.monotonic()
    progress.stage("asking the server")
    stage = f"downloading {name}"
    begun = False

    def check() -> None:
        nonlocal looked
        progress.check()
        if give_way and time.monotonic() - looked > STEP_ASIDE_S:
            looked = time.monotonic()
            if _somebody_waits(context.queue):
                raise HandOver

    def tell(done: int, total: int) -> None:
        nonlocal begun
        if not begun:
            progress.stage(stage, total)
            begun = True
        progress.at(done, total)

    return fetched(name, tell, check)


def _somebody_waits(queue: Queue) -> bool:
    return any(job.state == "queued" and job.kind != "fetch" for job in queue.jobs(live=True))


def probe(context: Context, name: str) -> dict:
    """Measure an encoder and keep the result for this home and machine."""
    progress, stage = context.progress, ""
    progress.stage(f"loading the encoder {name}")

    def tell(said: str, done: int, total: int) -> None:
        nonlocal stage
        if said != stage:
            stage = said
            progress.stage(said, total)
        progress.at(done, total)

    with tempfile.TemporaryDirectory() as folder:
        found = probing.measure(name, lambda: named_pictures(Path(folder)), tell=tell, check=progress.check)
    measured.save(name, found, context.home)
    return {"encoder": name, "images_per_s": round(found.images_per_s, 2), "precision": found.precision,
            "recall_fp32": found.recall_fp32, "recall_bf16": found.recall_bf16}  # fmt: skip


def named_pictures(folder: Path) -> probing.Captioned:
    """The demo's first 200 drawings with their names: there on every computer, and the same on all of them."""
    from itertools import islice

    from core.ingest.images import open_image
    from data.demo import render

    drawn = list(islice(render(folder), probing.GATE_IMAGES))
    return probing.Captioned([open_image(one.path) for one in drawn], [one.captions[0] for one in drawn])


def encoder_for(context: Context, collection: Collection, name: str) -> Encoder:
    """The encoder to index a collection with, in the precision that its vectors have already, else the one measured here.

    Measuring takes a while and is done once for each model and machine, where there is a choice at all.

    Raises
    ------
    EncoderError
        There is no such encoder, or its weights are not on this computer (after fetching them, where the job may).
    """
    from core.encode.openclip import NotHere

    progress = context.progress
    progress.stage(f"loading the encoder {name}")
    try:
        exact = load_encoder(name)
    except NotHere:
        if not context.job.args.get("fetch"):
            raise
        fetch(context, name)
        progress.stage(f"loading the encoder {name}")
        exact = load_encoder(name)
    if len(precisions_of(exact)) == 1:
        return exact
    there = {
        s.precision: s.active
        for s in sorted(collection.sets(), key=lambda s: s.active)
        if (s.encoder, s.weights, s.preprocessing) == (name, exact.fingerprint, exact.preprocessing)
    }
    if there:
        return load_encoder(name, list(there)[-1])
    if not has_bf16():
        return exact
    known = measured.load(context.home).get(name)
    if known is None or known.fingerprint != exact.fingerprint:
        try:
            probe(context, name)
        except EncoderError:
            return exact  # the comparison is an extra
        known = measured.load(context.home).get(name)
    return load_encoder(name, known.precision if known is not None else "float32")
