"""The demo collection: drawn and indexed at once, so that the first answers come while most of it is still to be drawn."""

from __future__ import annotations

import time

from core.encode import load_encoder
from core.jobs.pipelines.indexing import Indexer
from core.jobs.pipelines.ingest import follow_up
from core.jobs.worker import Context
from core.store import Collection

QUERY_SET = "Demo queries"
_LOADED = "demo.queries_loaded"


def run(context: Context) -> dict:
    """Draw, index, and load the demo's judged queries."""
    from data.demo import COLUMNS, catalogue, judgments, render, saved_queries

    began, progress = time.monotonic(), context.progress
    collection = Collection.open_key(context.job.collection, context.home)
    if not collection.setting(_LOADED):
        collection.save_queries(saved_queries(), QUERY_SET)
        collection.judgments.add_many(judgments(time.time()))
        collection.set_setting(_LOADED, True)
    collection.set_columns(COLUMNS)
    progress.stage("loading the encoder starter")
    indexer = Indexer(collection, load_encoder("starter"), progress)
    drawings = render(collection.originals_folder / "demo", cancelled=progress.cancelled)
    account = indexer.run(drawings, len(catalogue()))
    for vector_set in collection.sets():
        collection.compact(vector_set.set_id)
    follow_up(context, collection, account)
    return {
        "collection": collection.name,
        "encoder": "starter",
        "indexed": len(account.items),
        "added": account.added,
        "updated": account.updated,
        "unchanged": account.unchanged,
        "missing": 0,
        "duplicates": account.duplicates,
        "skipped": [{"file": s.file, "reason": s.reason} for s in account.skipped],
        "seconds": round(time.monotonic() - began, 2),
    }
