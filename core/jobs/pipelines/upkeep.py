"""Exports that take a while, and checking that everything on the disk is what the database says."""

from __future__ import annotations

from pathlib import Path

from core.errors import InputError
from core.jobs.worker import Context
from core.store import Collection


def run(context: Context) -> dict:
    """Do an ``export`` (arguments ``path``, ``set``) or a ``verify`` (arguments ``deep``, ``repair``)."""
    collection = Collection.open_key(context.job.collection, context.home)
    args = context.job.args
    if context.job.kind == "verify":
        context.progress.stage("checking files")
        done = collection.repair() if args.get("repair") else []
        problems = collection.verify(deep=bool(args.get("deep")))
        if done:
            context.queue.add("refresh", collection.key)
        return {"problems": [{"kind": p.kind, "path": str(p.path), "message": p.message} for p in problems], "done": done}
    path = args.get("path")
    if not path:
        raise InputError("An export needs a path to write to.")
    from core.jobs.exporting import export_parquet

    context.progress.stage("exporting")
    return {"path": str(path), "rows": export_parquet(collection, Path(str(path)), args.get("set"))}
