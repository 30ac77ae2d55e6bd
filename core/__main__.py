"""The command line: ``python -m core index | search | hubs | list | ...``. Thin: every command is one call of the workbench."""

from __future__ import annotations

import os

# Before numpy is loaded: a query multiplies small matrices, for which more threads only cost time to start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from dataclasses import asdict  # noqa: E402

from core import documents  # noqa: E402
from core.arguments import read  # noqa: E402
from core.errors import Damaged, InputError, LoupeError, NotFound, QueryError  # noqa: E402
from core.terminal import Line, named_file, print_json, say  # noqa: E402
from core.types import Job, Query, Term  # noqa: E402

USER_ERROR, UNEXPECTED, INTERRUPTED = 2, 1, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 0, or 2 where the user can mend it (one line on stderr says how)."""
    try:
        args = read(sys.argv[1:] if argv is None else argv)
        return COMMANDS[args.command](args)
    except QueryError as error:
        at = "" if error.column is None else f" (at character {error.column + 1} of: {error.text})"
        return _fail(f"{error}{at}")
    except LoupeError as error:
        return _fail(str(error))
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # Whoever read the output has enough of it (``| head``).
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}; check that the disk has room and that you may read and write there.")
    except KeyboardInterrupt:
        print("", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a mistake of ours is said in one line too
        if os.environ.get("LOUPE_DEBUG"):
            raise
        print(f"loupe: an unexpected error, {type(error).__name__}: {' '.join(str(error).split())}; "
              "with LOUPE_DEBUG=1 it says where", file=sys.stderr)  # fmt: skip
        return UNEXPECTED


# ---------------------------------------------------------------- commands


def _index(args: argparse.Namespace) -> int:
    from core.workbench import Workbench

    job = Workbench.submit_ingest(
        args.name, args.source, encoder=args.encoder, captions=args.captions, vectors=args.vectors, fetch=True
    )
    return _wait(job, args.json, lambda result: f"{result['indexed']:,} images in {result['collection']}: "
                 f"{result['added']:,} added, {result['updated']:,} updated, {result['unchanged']:,} unchanged, "
                 f"{result['missing']:,} missing, {len(result['duplicates']):,} duplicates, "
                 f"{len(result['skipped']):,} skipped, {result['seconds']:,.1f} s")  # fmt: skip


def _demo(args: argparse.Namespace) -> int:
    from core.workbench import Workbench

    job = Workbench.submit_demo()
    if args.no_wait:
        print(json.dumps({"job": job.job_id}) if args.json else f"The demo is being made (job {job.job_id}).")
        return 0
    return _wait(job, args.json, lambda result: f"{result['indexed']:,} images in {result['collection']}")


def _search(args: argparse.Namespace) -> int:
    from core.query.parse import parse, render
    from core.workbench import Workbench
    from core.workbench.asking import keep_query_image

    wb = Workbench.open(args.name)
    query = parse(args.query or "")
    terms = [Term("text", text) for text in args.text]
    terms += [Term("upload", keep_query_image(wb.collection, path)) for path in args.image]
    terms += [Term("item", item_id) for item_id in args.item]
    terms += [Term("text", text, -1.0) for text in args.minus_text]
    query = Query((*query.terms, *terms), query.literals, query.where)
    result = wb.search(query, args.k, where=args.where, recipe=args.recipe)
    if args.json:
        print_json(documents.of_search(result, render(query)))
        return 0
    for hit in result:
        print(f"{hit.rank:>4}  {hit.score:+.4f}  {hit.item_id}  {hit.file}  {hit.caption}")
    compared = f", {result.space} space" if result.set_id else ""
    print(f"{len(result):,} of {result.matched:,} matching of {result.total:,}, {result.plan}{compared}, "
          f"{result.timings.get('total', 0.0):.0f} ms", file=sys.stderr)  # fmt: skip
    for warning in result.warnings:
        print(warning, file=sys.stderr)
    return 0


def _hubs(args: argparse.Namespace) -> int:
    from core.workbench import Workbench

    if args.k < 1:
        raise InputError(f"k is {args.k}; give 1 or more.")
    wb = Workbench.open(args.name)
    wb.maps.wait_for_graph()
    view = wb.hubs.report(args.k, args.query_side)
    if view is None:
        raise InputError(f"{wb.name} has no vectors yet; index its images first.")
    say(args, documents.of_hubs(view), documents.lines_of_hubs(view))
    return 0


def _prove(args: argparse.Namespace) -> int:
    from core.workbench import Workbench

    proof = Workbench.open(args.name).proof
    _finished(proof.start(args.truth or "", args.column or "", metric=args.metric or "", seed=args.seed))
    outcome = proof.result()
    recipe = proof.adopt().name if args.use and outcome.recommended is not None else None
    account = {**outcome.account, "sentence": outcome.sentence, "notes": list(outcome.notes), "recipe": recipe}
    say(args, account, documents.of_proof(outcome, recipe))
    return 0


def _measure(args: argparse.Namespace) -> int:
    from core import measuring

    with Line() as shown:
        counted = "image" if args.command == "crops" else "step" if getattr(args, "kind", "") == "unseen" else "query"
        said = measuring.COMMANDS[args.command](args, documents.Pace(counted, shown.write))
    if args.json or said.text:
        say(args, said.document, said.text)
    for remark in said.remarks:
        print(remark, file=sys.stderr)
    return 0


def _cutoff(args: argparse.Namespace) -> int:
    from core.workbench import Workbench

    service = Workbench.open(args.name).cutoffs
    if args.leave_off:
        off = service.leave_off(args.recipe)
        say(args, {"left_off": list(off), "used": service.shown()}, f"Searches with {args.recipe} show no line.")
        return 0
    _finished(service.start(args.recipe, recall=args.recall, rel=args.rel, seed=args.seed))
    if args.use:
        service.adopt()
    outcome = service.result()
    say(args, {**outcome.account, "sentence": outcome.sentence, "used": service.shown()}, documents.of_cutoff(outcome))
    return 0


def _align(args: argparse.Namespace) -> int:
    from core.workbench import Workbench

    if (args.name is None) == (args.starter_from is None):
        raise InputError("Give the NAME of a collection to adapt to, or --starter-from DIR to train the starter again.")
    if args.starter_from is not None:
        from core.encode.align.__main__ import run

        say(args, figures := run(args.starter_from, args.out)["figures"], json.dumps(figures, indent=1))
        return 0
    adapt = Workbench.open(args.name).adapt
    if args.roll_back:
        encoder = adapt.roll_back()
        say(args, {"collection": args.name, "encoder": encoder}, f"{args.name} is searched with {encoder} again.")
        return 0
    if args.discard:
        adapt.discard()
        say(args, {"collection": args.name, "state": "discarded"}, "The adaptation is discarded.")
        return 0
    waiting, take = adapt.result(), args.accept
    if not args.accept or args.labels or waiting is None or not waiting.waits:
        _finished(adapt.start(args.labels, prompt=args.prompt, seed=args.seed))
        waiting = adapt.result()
        take = args.accept and waiting.waits and waiting.verdict == "gain"
    if take:
        _finished(adapt.accept())
        waiting = adapt.result()
    end = "In use now; `--roll-back` goes back." if waiting.state == "used" else waiting.advice
    said = {**waiting.account, "state": waiting.state, "sentence": waiting.sentence, "advice": waiting.advice}
    say(args, said, f"{waiting.table}\n{waiting.sentence}\n{end}")
    return 0


def _list(args: argparse.Namespace) -> int:
    from core.store import home
    from core.workbench import Workbench

    found = Workbench.list()
    if args.json:
        print_json({"home": str(home()), "collections": [{**asdict(info), "items": info.n_items} for info in found]})
        return 0
    for info in found:
        print(f"{info.name}  {info.n_items:,} images  {info.encoder or '-'}{'  ' + info.problem if info.problem else ''}")
    return 0


def _encoders(args: argparse.Namespace) -> int:
    from core.workbench import Workbench
    from core.workbench.encoders import offers, submit_fetch, submit_probe

    if args.use and not args.collection:
        raise InputError("--use needs --collection.")
    if args.fetch:
        return _wait(submit_fetch(args.fetch), args.json, lambda result: f"{result['encoder']} is at {result['path']}"
                     f"{'' if result['checked'] else '; the server named no checksum'}")  # fmt: skip
    if args.measure:
        return _wait(submit_probe(args.measure), args.json,
                     lambda result: f"{result['encoder']}: {result['images_per_s']:,.1f} images/s in {result['precision']}")  # fmt: skip
    if args.collection:
        wb = Workbench.open(args.collection)
        if args.use and (job := wb.encoders.use(args.use)) is not None:
            return _wait(job, args.json, lambda result: f"{wb.name} is searched with {wb.collection.set().set_id}")
        states = wb.encoders.sets()
        say(args, {"sets": [asdict(state) for state in states]}, "\n".join(map(documents.line_of_set, states)))
        return 0
    found = offers()
    say(args, {"encoders": [asdict(one) for one in found]}, "\n".join(map(documents.line_of_encoder, found)))
    return 0


def _export(args: argparse.Namespace) -> int:
    from core.workbench import Workbench

    rows = Workbench.open(args.name).items.export_parquet(named_file(args.path), args.set)
    say(args, {"path": str(args.path), "rows": rows}, f"{rows:,} items written to {args.path}")
    return 0


def _delete(args: argparse.Namespace) -> int:
    from core.store import Collection
    from core.workbench import Workbench

    if args.item:
        wb = Workbench.open(args.name)
        wb.items.many(args.item)
        wb.items.trash(args.item)
    else:
        try:
            collection = Collection.open(args.name)
        except Damaged:  # it cannot be read, but it can go
            collection = Collection.open_key(args.name)
        collection.trash()
    say(args, {"trashed": args.item or args.name}, "Moved to the trash, where it stays for 30 days; `restore` brings it back.")
    return 0


def _restore(args: argparse.Namespace) -> int:
    from core.store import restore_collection, trashed_collections
    from core.workbench import Workbench

    if args.item:
        n = Workbench.open(args.name).items.restore(args.item)
        if not n:
            raise NotFound(f"None of {', '.join(args.item)} is in the trash of {args.name}; `trash {args.name}` lists what is.")
        say(args, {"restored": n}, f"{n:,} images came back.")
        return 0
    key = next((info.key for info in trashed_collections() if info.name == args.name), args.name)
    name = restore_collection(key).name
    say(args, {"restored": name}, f"{name} is back.")
    return 0


def _trash(args: argparse.Namespace) -> int:
    from core.store import trashed_collections
    from core.workbench import Workbench

    if args.name:
        there = [{"item_id": item.item_id, "file": item.file} for item in Workbench.open(args.name).items.trashed()]
    else:
        there = [{"name": info.name, "key": info.key, "items": info.n_items} for info in trashed_collections()]
    say(args, {"trash": there}, "\n".join("  ".join(str(v) for v in row.values()) for row in there) or "The trash is empty.")
    return 0


def _verify(args: argparse.Namespace) -> int:
    from core.store import Collection

    collection = Collection.open(args.name)
    done = collection.repair() if args.repair else []
    problems = collection.verify(deep=True)
    said = {"done": done, "problems": [{"kind": p.kind, "path": str(p.path), "message": p.message} for p in problems]}
    say(args, said, "\n".join([*done, *(p.message for p in problems)]) or "Everything is what it should be.")
    return USER_ERROR if problems else 0


def _jobs(args: argparse.Namespace) -> int:
    from core.jobs import Queue, ensure_worker

    queue = Queue()
    if args.cancel is not None:
        queue.cancel(args.cancel)
        ensure_worker()
    found = queue.jobs(live=not args.all)
    say(args, {"jobs": [asdict(job) for job in found]}, "\n".join(map(documents.line_of_job, found)) or "Nothing is being done.")
    return 0


def _worker(args: argparse.Namespace) -> int:
    from core.jobs.worker import IDLE_S, be_nice, run_worker, told_by_signal

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    be_nice()
    idle_s = IDLE_S if args.idle is None else args.idle
    if args.home is not None:
        os.environ["LOUPE_HOME"] = str(args.home)  # adapted encoders are looked for in the home that is served
    ran = run_worker(args.home, wait_s=args.wait, idle_s=idle_s, told=told_by_signal())
    return 0 if ran else _fail("Another worker serves this home already.")


# ---------------------------------------------------------------- waiting and saying


def _finished(job: Job) -> Job:
    """Wait for a job of the worker, showing its progress on a terminal; what it failed with is raised."""
    from core.jobs import Queue, wait

    with Line() as shown:
        return wait(Queue(), job.job_id, shown.show)


def _wait(job: Job, as_json: bool, sentence: object) -> int:
    """Wait for a job of the worker, showing its progress on a terminal."""
    from core.jobs import Queue, wait

    queue, shown = Queue(), Line()
    try:
        result = dict(wait(queue, job.job_id, shown.show).result)
    except KeyboardInterrupt:
        shown.clear()
        print(f"Still running in the background; cancel with: python -m core jobs --cancel {job.job_id}", file=sys.stderr)
        return INTERRUPTED
    except LoupeError:
        shown.clear()
        account = queue.get(job.job_id).result
        if as_json and account:
            print_json(account)
        raise
    shown.clear()
    if as_json:
        print_json(result)
    else:
        print(sentence(result))  # type: ignore[operator]
        for skipped in result.get("skipped", [])[:20]:
            print(f"skipped {skipped['file']}: {skipped['reason']}", file=sys.stderr)
    return 0


def _fail(message: str) -> int:
    print(f"loupe: {' '.join(message.split())}", file=sys.stderr)
    return USER_ERROR


COMMANDS = {
    "index": _index,
    "search": _search,
    "hubs": _hubs,
    "prove": _prove,
    **dict.fromkeys(("evaluate", "run", "qrels", "protocol", "crops"), _measure),
    "cutoff": _cutoff,
    "align": _align,
    "list": _list,
    "encoders": _encoders,
    "export": _export,
    "demo": _demo,
    "delete": _delete,
    "restore": _restore,
    "trash": _trash,
    "verify": _verify,
    "jobs": _jobs,
    "worker": _worker,
}

if __name__ == "__main__":
    sys.exit(main())
