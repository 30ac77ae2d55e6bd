"""The bias of a hub correction, where making it takes longer than somebody waits."""

from __future__ import annotations

import time

from core.encode import load_encoder
from core.errors import InputError
from core.jobs.worker import Context
from core.search.engine import prepare
from core.search.recipes import check_hub
from core.store import Collection
from core.types import HubSetting


def run(context: Context) -> dict:
    """Do a ``correct`` (arguments ``set``, ``method``, ``beta``, ``bank``)."""
    began, args = time.monotonic(), context.job.args
    collection = Collection.open_key(context.job.collection, context.home)
    try:
        setting = check_hub(HubSetting(str(args["method"]), float(args["beta"]), str(args["bank"])))  # type: ignore[arg-type]
    except KeyError as lacking:
        raise InputError(f"A hub correction needs {lacking}.") from None
    view = collection.view(str(args["set"]) if args.get("set") else None)
    context.progress.stage("comparing the images with the bank", len(view))
    found = prepare(collection, view, setting, load_encoder, on_progress=context.progress.at)
    return {"items": len(view.live), "made": found is not None, "seconds": round(time.monotonic() - began, 2)}
