"""The bias of a hub correction, where making it takes longer than somebody waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from core.encode import Encoder, load_encoder
from core.errors import InputError
from core.jobs.pipelines.wording import encoded
from core.jobs.progress import Progress
from core.jobs.worker import Context
from core.search.engine import prepare
from core.search.recipes import check_hub
from core.store import Collection
from core.types import HubSetting

READING, COMPARING = "encoding the texts of the bank", "comparing the images with the bank"


class _Told:
    """An encoder that says how far it is with the texts, and calls `then`; all else is the encoder's own."""

    def __init__(self, encoder: Encoder, progress: Progress, then: Callable[[], None]) -> None:
        self._encoder = encoder
        self._progress = progress
        self._then = then

    def __getattr__(self, name: str) -> object:
        return getattr(self._encoder, name)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        vectors = encoded(self._encoder, texts, self._progress, READING)
        self._then()
        return vectors


def run(context: Context) -> dict:
    """Do a ``correct`` (arguments ``set``, ``method``, ``beta``, ``bank``)."""
    began, args, progress = time.monotonic(), context.job.args, context.progress
    collection = Collection.open_key(context.job.collection, context.home)
    try:
        setting = check_hub(HubSetting(str(args["method"]), float(args["beta"]), str(args["bank"])))  # type: ignore[arg-type]
    except KeyError as lacking:
        raise InputError(f"A hub correction needs {lacking}.") from None
    view = collection.view(str(args["set"]) if args.get("set") else None)
    progress.stage("reading the bank")
    comparing = False

    def compare() -> None:
        nonlocal comparing
        comparing = True
        progress.stage(COMPARING, len(view))

    def compared(done: int, total: int) -> None:
        if not comparing:  # the texts of the bank were encoded before
            compare()
        progress.at(done, total)

    found = prepare(collection, view, setting, lambda name: _Told(load_encoder(name), progress, compare), on_progress=compared)
    return {"items": len(view.live), "made": found is not None, "seconds": round(time.monotonic() - began, 2)}
