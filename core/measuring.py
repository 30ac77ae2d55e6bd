"""What ``evaluate``, ``run``, ``qrels``, ``protocol`` and ``crops`` do and say: thin, over core/metrics and core/judge."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.terminal import named_file
from core.wording import counted, verb


@dataclass(frozen=True, slots=True)
class Said:
    """What a command says: one JSON document, or a text for people, and remarks beside either."""

    document: object
    text: str
    remarks: tuple[str, ...] = ()


Progress = Callable[[int, int], None]
_TABLES = (".csv", ".jsonl", ".ndjson")


def _nobody(done: int, total: int) -> None:
    """Progress that nobody looks at."""


def evaluate(args: argparse.Namespace, progress: Progress = _nobody) -> Said:
    """``evaluate --qrels FILE --run FILE``: the figures ir-measures gives, without a collection.

    Raises
    ------
    InputError
        With the line, where a file cannot be read.
    """
    from core.judge.textfiles import read_text
    from core.judge.trec import parse_qrels, parse_run
    from core.metrics.evaluate import DEFAULTS
    from core.metrics.names import split
    from core.metrics.table import measured

    qrels = parse_qrels(read_text(args.qrels, "qrels file"))
    run = parse_run(read_text(args.run, "run file"))
    metrics = split(" ".join(args.metrics)) if args.metrics else DEFAULTS
    found = measured(
        [(q.topic, q.docno, q.relevance) for q in qrels], [(r.topic, r.docno, float(r.score)) for r in run], metrics, rel=args.rel
    )
    document = {
        "metrics": dict(found.metrics),
        "intervals": {name: None if one is None else [one.low, one.high] for name, one in found.intervals.items()},
        "n_queries": found.n_queries,
        "unjudged": dict(found.unjudged),
    }
    return Said(document, _table(found), found.notes)


def _table(found: object) -> str:
    lines = [f"{'metric':<20}{'mean':>8}   {'95 % interval':<20}unjudged"]
    for name, value in found.metrics.items():
        one, share = found.intervals[name], found.unjudged[name]
        between = "" if one is None else f"{one.low:.4f} to {one.high:.4f}"
        lines.append(f"{name:<20}{value:>8.4f}   {between:<20}{'no result' if share is None else f'{share:.1%} {_looked_at(name)}'}")
    from_grade = f"relevant: grade {found.rel} or more" + ("" if found.rel == 1 else "; nDCG takes grades as they are")
    return "\n".join([*lines, f"{counted(found.n_queries, 'query', 'queries')}; {from_grade}; interval: bootstrap over queries"])


def _looked_at(name: str) -> str:
    """Of which results the unjudged share is, in words."""
    cut = f"the first {name.rpartition('@')[2]}" if "@" in name else "all results"
    if name.partition("@")[0].partition("(")[0] == "RR":
        return "down to the first relevant one" if "@" not in name else f"down to the first relevant one of {cut}"
    return "of as many as are relevant" if name.startswith("Rprec") else f"of {cut}"


# ---------------------------------------------------------------- run


def run(args: argparse.Namespace, progress: Progress = _nobody) -> Said:
    """``run NAME --queries FILE``: what a recipe finds for each query, as a TREC run.

    Raises
    ------
    InputError
        With the line, where a query cannot be read; or a query has no answer to give (``query 12 (q7): why``).
    NotFound
        There is no such recipe.
    """
    from core.judge.named import resolver
    from core.judge.querysets import read_queries
    from core.judge.repeats import once
    from core.judge.runs import answered, run_lines
    from core.judge.textfiles import read_text
    from core.judge.trec import format_run
    from core.search.filters import condition
    from core.search.recipes import recipe as recipe_named
    from core.types import Query
    from core.workbench import Workbench

    if args.k < 1:
        raise InputError(f"k is {args.k}; give 1 or more.")
    wb = Workbench.open(args.name)
    # What is wrong with the command is said before hundreds of queries are answered.
    recipe = recipe_named(wb.collection, args.recipe)
    if args.out is not None:
        named_file(args.out)
    queries = read_queries(read_text(args.queries, "file of queries"), Path(args.queries).name, kind=args.kind,
                           resolve=resolver(wb.collection), known=wb.judgments.queries(),
                           filters=lambda where: condition(wb.collection, Query(where=where)))  # fmt: skip
    twice = once(queries).aliases
    lines, remarks = [], []
    if twice:
        remarks.append(f"{counted(len(twice), 'query', 'queries')} {verb(len(twice))} there twice, and counted twice: "
                       f"{_few([f'{other} = {first}' for other, first in twice.items()])}.")  # fmt: skip
    for n, (query, result) in enumerate(answered(queries, lambda query: wb.search(query, args.k, recipe=recipe, log=False)), 1):
        lines += run_lines(query.query_id, result, args.tag or _tag(args.recipe))
        remarks += [f"{query.query_id}: {warning}" for warning in result.warnings]
        if not len(result):
            remarks.append(f"{query.query_id} finds nothing, so it has no line in the run.")
        progress(n, len(queries))
    text = format_run(lines)
    document = {"collection": wb.name, "recipe": args.recipe, "k": args.k, "queries": len(queries), "lines": len(lines)}
    if args.out is None:
        return Said({**document, "run": text}, text.removesuffix("\n"), _once(remarks))
    _write(args.out, text)
    return Said({**document, "out": str(args.out)}, f"{counted(len(lines), 'line')} for "
                f"{counted(len(queries), 'query', 'queries')} written to {args.out}", _once(remarks))  # fmt: skip


def _tag(recipe: str) -> str:
    return "".join(c if c.isprintable() and not c.isspace() else "-" for c in recipe) or "loupe"


# ---------------------------------------------------------------- qrels


def qrels(args: argparse.Namespace, progress: Progress = _nobody) -> Said:
    """``qrels NAME --export FILE | --import FILE --judge WHO``; a table (CSV, JSON lines) comes in, too, with judges of its own.

    Raises
    ------
    InputError
        The file cannot be read, or has a grade that is not 0 to 3; then nothing is added.
    """
    from core.judge.textfiles import read_text
    from core.workbench import Workbench

    if args.take is not None and not (args.judge or "").strip() and not args.take.lower().endswith(_TABLES):
        raise InputError("--import needs --judge NAME: whose grades these are; only tables may say it themselves.")
    if args.take is None and args.judge is not None:
        raise InputError("--judge belongs to --import.")
    wb = Workbench.open(args.name)
    if args.take is not None:
        return _import(wb, read_text(args.take, "qrels file"), Path(args.take).name, (args.judge or "").strip())
    text, n_cant_tell = wb.judgments.export_qrels()
    n, stdout = text.count("\n"), str(args.export) == "-"
    if not stdout:
        _write(args.export, text)
    left = (f"{counted(n_cant_tell, 'pair')} {verb(n_cant_tell)} left out because nobody could tell.",) if n_cant_tell else ()
    document = {"collection": wb.name, "grades": n, "cant_tell": n_cant_tell}
    if stdout:
        return Said({**document, "qrels": text}, text.removesuffix("\n"), left)
    return Said({**document, "out": str(args.export)}, f"{counted(n, 'grade')} written to {args.export}", left)


def _import(wb: object, text: str, name: str, judge: str) -> Said:
    found = wb.judgments.bring(text, name, judge)
    items, queries = len(found.unknown_items), len(found.unknown_queries)
    kept, remarks = "{} grades are kept: {}.".format, []
    if items:
        remarks.append(f"{items:,} of {found.n_items:,} items {verb(items)} not in {wb.name}; "
                       + kept(verb(items, "its", "their"), _few(found.unknown_items)))  # fmt: skip
    if queries:
        remarks.append(f"{queries:,} of {found.n_queries:,} queries {verb(queries)} not saved in {wb.name}; "
                       + kept(verb(queries, "its", "their"), _few(found.unknown_queries))
                       + f" They count once a query set has {verb(queries, 'it', 'them')}.")  # fmt: skip
    if found.aliased:
        remarks.append(f"{counted(found.aliased, 'row')} under another id of a query that is saved, and counted for it.")
    if found.again:
        remarks.append(f"{counted(found.again, 'row')} on what the same judge has graded before in the file; the last one counts.")
    if found.not_found:
        remarks.append(f"{counted(len(found.not_found), 'row')} left out, because the image is not found: "
                       f"{_few([f'line {line}: {file[:60]}: {why}' for line, file, why in found.not_found])}.")  # fmt: skip
    document = {
        "collection": wb.name, "read": found.n_read, "imported": len(found.rows), "judge": judge,
        "items": {"known": found.n_items - items, "unknown": items},
        "queries": {"known": found.n_queries - queries, "unknown": queries},
    }  # fmt: skip
    whose = f" as {judge}'s" if judge else ""
    of = counted(found.n_queries, "query", "queries")
    return Said(document, f"{counted(found.n_read, 'row')} read; {len(found.rows):,} of them, on {of}, added{whose}.", tuple(remarks))


def _few(names: Iterable[str], most: int = 5) -> str:
    said = list(names)
    return ", ".join(said[:most]) + (f" and {len(said) - most:,} more" if len(said) > most else "")


# ---------------------------------------------------------------- protocol


def protocol(args: argparse.Namespace, progress: Progress = _nobody) -> Said:
    """``protocol NAME --truth FILE --kind KIND``: the questions of a benchmark put to a collection, and its own figures.

    Raises
    ------
    InputError
        The file is none of that kind, or no question of it can be asked here.
    """
    from collections import Counter

    from core.judge.named import resolver
    from core.judge.protocols import match, read_truth
    from core.judge.protocols.asking import ask
    from core.judge.protocols.galleries import with_gallery
    from core.judge.protocols.recalls import table_of
    from core.judge.textfiles import read_text
    from core.search.engine import run as search
    from core.search.recipes import recipe as recipe_named
    from core.workbench import Workbench

    if args.kind == "unseen":
        return _unseen(args, progress)
    if args.truth is None:
        raise InputError(f"--kind {args.kind} needs --truth FILE: the benchmark's file.")
    wb = Workbench.open(args.name)
    if args.keep is not None:
        wb.querysets.check_name(args.keep)
    text = read_text(args.truth, "file of ground truth")
    truth = read_truth(text, args.kind, Path(args.truth).name, args.split or "")
    if args.gallery is not None:
        truth = with_gallery(truth, read_text(args.gallery, "list of images"), Path(args.gallery).name)
    items, recipe = wb.collection.ids(), recipe_named(wb.collection, args.recipe)
    matched = match(truth, resolver(wb.collection), items)
    found = ask(
        matched, lambda query, k, keep: search(wb.collection, query, k, recipe=recipe, keep_references=keep), items,
        among=args.among, progress=progress,
    )  # fmt: skip
    left = Counter(why for _, why in matched.left_out)
    document = {
        "collection": wb.name, "kind": truth.kind, "split": truth.split, "recipe": args.recipe, "among": args.among,
        "questions": len(truth.queries), "asked": found.n_questions, "gallery": found.n_gallery,
        "files": {"named": matched.n_files, "found": matched.n_found}, "items": {"total": matched.n_items, "named": matched.n_named},
        "left_out": dict(left), "metrics": dict(found.metrics), "chance": dict(found.chance), "definition": found.definition,
    }  # fmt: skip
    if args.keep is not None:
        document["kept"] = _keep(wb, matched, args.keep)
    split = f", split {truth.split}" if truth.split else ""
    among = f"{counted(found.n_questions, 'question')} among {counted(found.n_gallery, 'image')}"
    lines = [f"{truth.kind}{split}: {among}, recipe {args.recipe}", table_of(found.metrics),
             *([f"by chance: {_brief(found.chance)}"] if found.chance else []), found.definition]  # fmt: skip
    missing = [f"not found: {file[:80]}: {why}" for file, why in matched.missing[:5]]
    if missing and truth.kind == "genecis" and "bbox" in text:
        missing.append("Some of its images are boxes in larger ones: `crops` cuts them out; index the folder it writes.")
    remarks = (matched.sentence, *(f"{n:,} left out: {why}" for why, n in left.items()), *missing, *found.warnings)
    return Said(document, "\n".join(lines), _once(remarks))


def crops(args: argparse.Namespace, progress: Progress = _nobody) -> Said:
    """``crops --truth FILE --images DIR --out DIR``: the boxes that GeneCIS asks with, as images to make a collection of.

    Raises
    ------
    InputError
        The file names no boxes, or a folder is not there.
    """
    from core.judge.protocols.crops import cut
    from core.judge.textfiles import read_text

    images, out = Path(args.images).expanduser(), Path(args.out).expanduser()
    for folder in (images, out):
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}.")
    found = cut(read_text(args.truth, "file of ground truth"), Path(args.truth).name, images, out, progress)
    document = {"boxes": found.n_boxes, "written": found.n_written, "there": found.n_there, "missing": len(found.missing),
                "unreadable": len(found.unreadable)}  # fmt: skip
    text = f"{counted(found.n_written, 'crop')} written to {out}, {found.n_there:,} there before, of {found.n_boxes:,}."
    remarks = [f"not cut: {file}: {why}" for file, why in found.unreadable]
    if found.missing:
        remarks.insert(0, f"{counted(len(found.missing), 'image')} not found under {images}: {_few(found.missing)}")
    return Said(document, text, _once(remarks))


def _unseen(args: argparse.Namespace, progress: Progress) -> Said:
    """Adapt again without each kind of query of a set, and measure both."""
    from core.workbench import Workbench
    from core.workbench import unseen as words
    from core.workbench.submitting import finish_here

    if args.truth is not None or args.keep is not None or args.split is not None:
        raise InputError("--truth, --split and --keep are for a benchmark's file; --kind unseen takes a query set (--set).")
    service = Workbench.open(args.name).evaluations
    job = service.start_unseen(args.set or "", args.labels or "", rel=args.rel, buckets=args.buckets, seed=args.seed, start=False)
    finish_here(job, lambda job: progress(job.done, job.total) if job.total else None)
    said = service.unseen()
    assert said is not None
    document = {name: value for name, value in said.items() if name not in ("stale", "answers", "made_at")}
    return Said({**document, "sentence": words.sentence(said)}, words.as_text(said))


def _keep(wb: object, matched: object, name: str) -> dict[str, object]:
    """Keep the questions as a query set, and their right answers as grades that people's own go before."""
    from core.types import Judgment

    queries, right = matched.saved()
    wb.judgments.save_queries(queries, name)
    said = f"ground truth ({matched.kind})"
    wb.collection.judgments.add_many([Judgment(q.topic, q.docno, q.relevance, matched.kind, origin=said) for q in right])
    return {"set": name, "queries": len(queries), "grades": len(right)}


def _brief(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in values.items())


def _write(path: str | Path, text: str) -> None:
    """Write a text, to a file whole or not at all."""
    from core.store.files import write_durably

    path = named_file(path)
    if path.exists() and not path.is_file():  # a pipe or a terminal: not to be replaced by a file
        path.write_bytes(text.encode())
    else:
        write_durably(path, lambda file: file.write(text.encode()))


def _once(remarks: Sequence[str], most: int = 20) -> tuple[str, ...]:
    kept = tuple(dict.fromkeys(remarks))
    return kept if len(kept) <= most else (*kept[:most], f"and {len(kept) - most:,} more remarks")


COMMANDS: Mapping[str, Callable[..., Said]] = {
    "evaluate": evaluate, "run": run, "qrels": qrels, "protocol": protocol, "crops": crops,
}  # fmt: skip
