"""Ingest: a source into a collection, by the worker. Running it again continues and adds only what is new."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from core.encode import Encoder
from core.errors import Cancelled, InputError
from core.ingest.folders import TABLE_EXTENSIONS
from core.ingest.sources import Candidate, Scan, scan
from core.jobs.attaching import attach, stands_alone
from core.jobs.pipelines import bring, deriving, maps
from core.jobs.pipelines.encode import bring_up_to_date
from core.jobs.pipelines.encoders import encoder_for
from core.jobs.pipelines.indexing import Account, Indexer
from core.jobs.pipelines.keeping import Keeper, clear
from core.jobs.progress import HandOver
from core.jobs.worker import Context
from core.store import Collection
from core.types import Skipped

GRAPH_AT_ONCE = 4000
"""With so many items the neighbour graph takes half a second, so hubs and N_k are there as soon as ingest is over."""


class NothingIndexed(InputError):
    """Nothing in the source could be indexed; `result` says file by file why."""

    def __init__(self, message: str, result: dict) -> None:
        super().__init__(message)
        self.result = result


def run(context: Context) -> dict:
    """Do an ingest job. Arguments: see `core.workbench.Workbench.submit_ingest`."""
    began, args, progress = time.monotonic(), context.job.args, context.progress
    collection = Collection.open_key(context.job.collection, context.home)
    spool = context.home / ".spool" / f"job-{context.job.job_id}"
    handed_over = False
    try:
        progress.stage("looking for images")
        source = Path(str(args["source"]))
        if not (args.get("captions") or args.get("vectors") or args.get("keep")) and stands_alone(collection, source):
            return _attached(collection, source) | {"seconds": round(time.monotonic() - began, 2)}
        found = scan(
            source,
            captions=args.get("captions"),
            spool=spool,
            confine=bool(args.get("confine")),
            leave_out=context.home,
            on_progress=progress.at,
            cancelled=progress.cancelled,
        )
        if args.get("keep"):
            # Zips among uploads are jobs of their own.
            found = _without(found, ".zip")
        from_zip = any(Path(c.path).is_relative_to(spool) for c in found.candidates[:1])
        keeper = Keeper(collection, str(source)) if args.get("keep") or from_zip else None
        try:
            result = index(context, collection, found, str(args.get("encoder") or "starter"), keeper, args.get("vectors"))
        except NothingIndexed as nothing:
            nothing.result["seconds"] = round(time.monotonic() - began, 2)
            raise
        if keeper is not None and args.get("keep"):
            clear(found.candidates, source, {skipped["file"] for skipped in result["skipped"]})
        return result | {"seconds": round(time.monotonic() - began, 2)}
    except HandOver:
        handed_over = True  # the next worker needs the collection, empty or not
        raise
    finally:
        shutil.rmtree(spool, ignore_errors=True)
        if context.job.args.get("made") and not handed_over:
            _drop_if_empty(context, collection)


def index(
    context: Context, collection: Collection, found: Scan, encoder_name: str, keeper: Keeper | None, vectors: object = None
) -> dict:
    """Index what a scan found, and say what became of it.

    Raises
    ------
    InputError
        Nothing could be indexed.
    """
    progress = context.progress
    brought = bring.read(Path(str(vectors)), encoder_name) if vectors else None
    encoder: Encoder | None = None
    if brought is None:
        encoder = deriving.original(collection, encoder_for(context, collection, encoder_name))
    else:
        bring.check(collection, brought, found.candidates)
    if found.skipped:
        collection.commit(skipped=found.skipped)
    before = {s.set_id for s in collection.sets()}
    indexer = Indexer(collection, encoder, progress, keeper)
    new = next((s.set_id for s in indexer.sets if s.space == "joint" and s.set_id not in before), None)
    if new is not None:
        collection.want(new)
    try:
        account = indexer.run(found.candidates, len(found.candidates))
    except Cancelled:
        # What came in stays, so it gets its map and its neighbours too; not where the whole collection went away.
        if (indexer.account.added or indexer.account.updated) and collection.path.is_dir():
            context.queue.add("refresh", collection.key)
        raise
    if found.columns:
        collection.set_columns(found.columns)
    unmatched_vectors: tuple[Skipped, ...] = ()
    if brought is not None and account.items:
        progress.stage("taking over vectors")
        set_id, unmatched_vectors = bring.commit(collection, brought, encoder_name)
        collection.activate(set_id)
    else:
        joint = next((s.set_id for s in indexer.sets if s.space == "joint"), None)
        if joint is not None and joint == collection.wanted:
            if collection.vectorless(joint) and collection.set().set_id != joint:
                # Searches go on with the vectors that cover everything until these do.
                context.queue.add("encode", collection.key, {"encoder": encoder_name, "activate": True})
            else:
                collection.activate(joint)
    if keeper is None and (root := _root_of(str(context.job.args.get("source", "")))):
        indexer.mark_missing(root)
    for vector_set in collection.sets():
        collection.compact(vector_set.set_id)
    skipped = (*found.skipped, *account.skipped)
    result = _result(collection, encoder_name, found, account, skipped, unmatched_vectors)
    if not account.items:
        raise NothingIndexed(_nothing(found.candidates, skipped, _called(context.job.args)), result)
    follow_up(context, collection, account)
    return result


def follow_up(context: Context, collection: Collection, account: Account) -> None:
    """Neighbours and N_k at once where that takes no time; the rest as a job of its own."""
    if not (account.added or account.updated or account.missing):
        return
    bring_up_to_date(context, collection)
    view = collection.view()
    if len(view.live) <= GRAPH_AT_ONCE:
        maps.fresh_graph(collection, view, context.progress)
    context.queue.add("refresh", collection.key)


def _result(
    collection: Collection,
    encoder_name: str,
    found: Scan,
    account: Account,
    skipped: tuple[Skipped, ...],
    unmatched_vectors: tuple[Skipped, ...],
) -> dict:
    return {
        "collection": collection.name,
        "encoder": encoder_name,
        "indexed": len(account.items),
        "added": account.added,
        "updated": account.updated,
        "unchanged": account.unchanged,
        "missing": account.missing,
        "duplicates": account.duplicates,
        "skipped": _named(skipped),
        "unmatched_rows": _named((*found.unmatched_rows, *unmatched_vectors)),
        "unmatched_files": list(found.unmatched_files),
    }


def _attached(collection: Collection, table: Path) -> dict:
    """The account of a table alone, which only adds captions and metadata.

    Raises
    ------
    InputError
        Not one of its rows is an item.
    """
    done = attach(collection, table)
    if not done.updated:
        first = done.unmatched_rows[0]
        raise InputError(
            f"None of the {len(done.unmatched_rows):,} rows of {table.name} is an image of {collection.name} or a file beside "
            f"the table, the first is {first.file}: {first.reason}; name files or ids as the collection does."
        )
    return {
        "collection": collection.name,
        "encoder": collection.set().encoder if collection.sets() else bring.NO_ENCODER,
        "indexed": done.updated,
        "added": 0,
        "updated": done.updated,
        "unchanged": 0,
        "missing": 0,
        "duplicates": [],
        "skipped": [],
        "unmatched_rows": _named(done.unmatched_rows),
        "unmatched_files": list(done.unmatched_files),
    }


def _named(skipped: tuple[Skipped, ...]) -> list[dict[str, str]]:
    return [{"file": s.file, "reason": s.reason} for s in skipped]


def _root_of(source: str) -> str:
    """The folder of which a source names every file: itself, or the table's; of one picture there is none."""
    if os.path.isdir(source):
        return source
    return os.path.dirname(source) if Path(source).suffix.lower() in TABLE_EXTENSIONS else ""


def _called(args: Mapping[str, object]) -> str:
    """What people call the source: an upload waits in a folder that they do not know."""
    source = str(args.get("source", ""))
    return "what was uploaded" if args.get("keep") and os.path.isdir(source) else source


def _nothing(candidates: tuple[Candidate, ...], skipped: tuple[Skipped, ...], source: str) -> str:
    if skipped:
        return (f"Nothing in {source} could be indexed: {len(skipped):,} of {len(candidates) or len(skipped):,} files were "
                f"skipped, the first is {skipped[0].file}: {skipped[0].reason}.")  # fmt: skip
    if candidates:
        return f"All of the {len(candidates):,} images in {source} are in the collection's trash; restore them from there."
    return f"There are no images in {source}; give a folder, a zip, a table or a file with images."


def _without(found: Scan, ending: str) -> Scan:
    return replace(found, skipped=tuple(s for s in found.skipped if not s.file.lower().endswith(ending)))


def _drop_if_empty(context: Context, collection: Collection) -> None:
    """A collection that was made for this job and has no images after it goes away again, unless it lists reasons."""
    others = [job for job in context.queue.jobs(collection.key, live=True) if job.job_id != context.job.job_id]
    if collection.path.is_dir() and not others and not collection.skipped():
        collection.discard()
