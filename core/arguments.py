"""What the command line takes: its commands and their options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from core.errors import InputError


class Parser(argparse.ArgumentParser):
    """Raises what is wrong as one sentence, where argparse would print the usage and exit."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError."""
        raise InputError(f"{message}; see: {self.prog} --help")


_FREE_TEXT = ("--text", "--minus-text", "--query", "--where")


def read(argv: Sequence[str]) -> argparse.Namespace:
    """What a command line says.

    Raises
    ------
    InputError
        It cannot be read; the message says why.
    """
    # argparse takes what begins with a dash for an option, and queries may begin with one: -night.
    # Two dashes are no minus of a query: there the value was forgotten, and argparse says so.
    words, joined = list(argv), []
    while words:
        word = words.pop(0)
        if word in _FREE_TEXT and words and not words[0].startswith("--"):
            word = f"{word}={words.pop(0)}"
        joined.append(word)
    return parser().parse_args(joined)


def parser() -> Parser:
    """The parser of ``python -m core``; `command` of what it gives names the command."""
    made = Parser(prog="python -m core", description="Loupe on the command line.", allow_abbrev=False)
    commands = made.add_subparsers(dest="command", required=True, parser_class=Parser)

    def command(name: str, help: str) -> argparse.ArgumentParser:
        new = commands.add_parser(name, help=help, description=help, allow_abbrev=False)
        new.add_argument("--json", action="store_true", help="print one JSON document on stdout and nothing else there")
        return new

    index = command("index", "Index a folder, image, zip or table; again: continue with what is new.")
    index.add_argument("source", metavar="SOURCE")
    index.add_argument("--name", required=True, help="of the collection")
    index.add_argument("--encoder", help="starter, openclip:<model>/<pretrained>; another one than"
                       " before adds a vector set (default: the one in use, starter for a new collection)")  # fmt: skip
    index.add_argument("--captions", metavar="FILE", help="CSV, Parquet or JSONL: file, caption, other columns are metadata")
    index.add_argument("--vectors", metavar="FILE", help=".npy or Parquet with (id, vector), instead of encoding")

    search = command("search", "Search a collection.")
    search.add_argument("name", metavar="NAME")
    search.add_argument("--text", action="append", default=[], help="words; may be repeated")
    search.add_argument("--image", action="append", default=[], metavar="FILE", help="an image to search with")
    search.add_argument("--item", action="append", default=[], metavar="ID", help="an item to search with")
    search.add_argument("--minus-text", action="append", default=[], metavar="TEXT", help="words to keep away from")
    search.add_argument("--query", help='a line of the query language, as in: "red car"^2 -night')
    search.add_argument("--where", help="a filter, as in: colour = 'red' and width >= 400")
    search.add_argument("-k", type=int, default=20, help="hits (default 20)")
    search.add_argument("--recipe", default="plain", help="a recipe, or hub:is:20:captions, or folded+hub:is:20:captions (default plain)")

    hubs = command("hubs", "Say how unevenly items are found.")
    hubs.add_argument("name", metavar="NAME")
    hubs.add_argument("-k", type=int, default=10, help="results of each query that are looked at (default 10)")
    hubs.add_argument("--query-side", default="items", choices=("items", "captions", "queries"))

    prove = command("prove", "Try every hub correction on the collection's own right answers: does one help here?")
    prove.add_argument("name", metavar="NAME")
    prove.add_argument("--truth", choices=("captions", "labels", "judgments"),
                       help="where right answers come from (default: the first that has enough)")  # fmt: skip
    prove.add_argument("--column", "--labels", dest="column", metavar="COLUMN",
                       help="of the labels: images that have the same value in it must find each other")  # fmt: skip
    prove.add_argument("--metric", choices=("R@1", "R@5", "R@10", "nDCG@10"),
                       help="what decides (default: nDCG@10 for judgments, else R@1)")  # fmt: skip
    prove.add_argument("--seed", type=int, default=0, help="of the split into bank, tuning and test")
    prove.add_argument("--use", action="store_true", help="keep what is recommended as the recipe hub-corrected")

    evaluate = command("evaluate", "Measure a TREC run against qrels, with the figures of ir-measures; needs no collection. Beside each"
                       " figure the share of results nobody judged, of those the metric looks at: the first 5 for P@5, for RR those down"
                       " to the first relevant one (all where there is none), all for AP.")  # fmt: skip
    evaluate.add_argument("--qrels", required=True, metavar="FILE", help="TREC qrels: topic, iteration, item, grade")
    evaluate.add_argument("--run", required=True, metavar="FILE", help="TREC run: topic, Q0, item, rank, score, tag")
    evaluate.add_argument("--metrics", nargs="+", metavar="METRIC", help="in ir-measures' spelling, by spaces or commas"
                          " (default: nDCG@10 P@5 R@20 AP@50 RR)")  # fmt: skip
    evaluate.add_argument("--rel", type=int, default=1, metavar="GRADE", help="the grade from which an item is relevant (default 1)")

    run = command("run", "Answer every query of a file, and write what is found as a TREC run.")
    run.add_argument("name", metavar="NAME")
    run.add_argument("--queries", required=True, metavar="FILE", help="id<TAB>query, CSV, JSONL, TREC topics, or a query a line")
    run.add_argument("--kind", choices=("lines", "export", "csv", "jsonl", "topics"), help="of the file (default: found out)")
    run.add_argument("--recipe", default="plain", help="as of search (default plain)")
    run.add_argument("-k", type=int, default=100, help="hits a query (default 100)")
    run.add_argument("--out", metavar="FILE", help="where to (default: stdout)")
    run.add_argument("--tag", help="the run's name, in the last column (default: the recipe's)")

    qrels = command("qrels", "Write the grades of a collection as TREC qrels, or add those of a file.")
    qrels.add_argument("name", metavar="NAME")
    way = qrels.add_mutually_exclusive_group(required=True)
    way.add_argument("--export", metavar="FILE", help="where to; - is stdout")
    way.add_argument("--import", dest="take", metavar="FILE", help="qrels with grades from 0 to 3, or a table of them (.csv, .jsonl)")
    qrels.add_argument("--judge", metavar="WHO", help="with --import: whose grades these are, where the file does not say")

    protocol = command("protocol", "Put the questions of a benchmark's file to a collection; prints the benchmark's own figures."
                       " Or measure whether an adaptation holds for kinds of queries it was not trained on (--kind unseen).")  # fmt: skip
    protocol.add_argument("name", metavar="NAME")
    protocol.add_argument("--truth", metavar="FILE", help="the benchmark's file; images are found by file name")
    protocol.add_argument("--kind", required=True, choices=("karpathy", "captions", "cirr", "fashioniq", "genecis", "triplets", "unseen"),
                          help="unseen: no file, but a query set with grades; the encoder is adapted again without each kind of query,"
                          " and both kinds are measured, those trained on and those not")  # fmt: skip
    protocol.add_argument("--set", metavar="SET", help="with unseen: the query set (default: all judged queries)")
    protocol.add_argument("--labels", metavar="COLUMN", help="with unseen: learn from this metadata column instead of the captions")
    protocol.add_argument("--buckets", type=int, default=5, metavar="N", help="with unseen: kinds of queries (default 5)")
    protocol.add_argument("--rel", type=int, default=1, choices=(1, 2, 3), help="with unseen: lowest grade that is relevant (default 1)")
    protocol.add_argument("--seed", type=int, default=0, help="with unseen: of the kinds and the trainings")
    protocol.add_argument("--gallery", metavar="FILE", help="the benchmark's list of the images that are ranked, as FashionIQ and CIRR "
                          "have one (default: those the truth names)")  # fmt: skip
    protocol.add_argument("--split", help="of a file that holds several (default: test, val or dev)")
    protocol.add_argument("--recipe", default="plain", help="as of search (default plain)")
    protocol.add_argument("--among", choices=("truth", "all"), default="truth",
                          help="rank the images the file names, or all of the collection (default truth)")  # fmt: skip
    protocol.add_argument("--keep", metavar="SET", help="keep the questions as this query set, and the answers as grades")

    crops = command("crops", "Cut the boxes out that the attribute tasks of GeneCIS ask with; index the folder, then `protocol`.")
    crops.add_argument("--truth", required=True, metavar="FILE", help="change_attribute.json or focus_attribute.json")
    crops.add_argument("--images", required=True, metavar="DIR", help="Visual Genome's images, at any depth")
    crops.add_argument("--out", required=True, metavar="DIR", help="an existing folder for the crops; what is there is kept")

    cutoff = command("cutoff", "Learn from the judgments where good results end; does it beat a plain cut on the cosine?")
    cutoff.add_argument("name", metavar="NAME")
    cutoff.add_argument("--recipe", default="plain", help="whose scores are cut (default plain)")
    cutoff.add_argument("--recall", type=float, default=0.95, help="share of the relevant results to keep (default 0.95)")
    cutoff.add_argument("--rel", type=int, default=1, choices=(1, 2, 3), help="lowest grade that is relevant (default 1)")
    cutoff.add_argument("--seed", type=int, default=0, help="of the split of the queries into fit, calibrate and test")
    after = cutoff.add_mutually_exclusive_group()
    after.add_argument("--use", action="store_true", help="let searches show the line that is recommended")
    after.add_argument("--leave-off", action="store_true", help="learn nothing; let searches with this recipe show no line any more")

    align = command("align", "Adapt the encoder to the collection's captions or labels; shows before and after.")
    align.add_argument("name", metavar="NAME", nargs="?")
    align.add_argument("--labels", metavar="COLUMN", help="learn from this metadata column instead of the captions")
    align.add_argument("--prompt", default="a photo of a {}", help="what is made of a label (default: a photo of a {})")
    align.add_argument("--seed", type=int, default=0, help="of the split into images to learn from and to measure on")
    what = align.add_mutually_exclusive_group()
    what.add_argument("--accept", action="store_true",
                      help="use the adaptation that waits for a decision; without one adapt first, and use it if it helps")
    what.add_argument("--discard", action="store_true", help="forget the adaptation that waits for a decision")
    what.add_argument("--roll-back", action="store_true", help="search with the original encoder again")
    align.add_argument("--starter-from", type=Path, metavar="DIR", help="instead of a collection: train the starter's own heads"
                       " again from the research images in DIR (`python -m core.encode.align --help` says more)")  # fmt: skip
    align.add_argument("--out", type=Path, default=Path("build/starter"), metavar="DIR",
                       help="with --starter-from: where to (default: build/starter)")  # fmt: skip

    command("list", "List the collections.")
    encoders = command("encoders", "List the encoders; fetch or measure one; switch a collection to another.")
    encoders.add_argument("--fetch", metavar="ENCODER", help="download its weights; again: go on where it stopped")
    encoders.add_argument("--measure", metavar="ENCODER", help="measure its speed on this machine")
    encoders.add_argument("--collection", metavar="NAME", help="list the vector sets of this collection")
    encoders.add_argument("--use", metavar="SET", help="with --collection: let searches use this vector set, or the one of this"
                          " encoder, which is made if it is not there")  # fmt: skip
    export = command("export", "Write ids, vectors, coordinates, N_k, tags and metadata as Parquet.")
    export.add_argument("name", metavar="NAME")
    export.add_argument("path", type=Path, metavar="FILE.parquet")
    export.add_argument("--set", help="vector set (default: the active one)")
    demo = command("demo", "Make the demo collection.")
    demo.add_argument("--no-wait", action="store_true", help="leave it to the background")
    for name, text in (
        ("delete", "Move a collection, or items of it, to the trash."),
        ("restore", "Bring a collection, or items of it, back from the trash."),
    ):
        either = command(name, text)
        either.add_argument("name", metavar="NAME")
        either.add_argument("--item", action="append", default=[], metavar="ID", help="this item only; may be repeated")
    trash = command("trash", "List what is in the trash.")
    trash.add_argument("name", metavar="NAME", nargs="?", help="items of this collection (default: collections)")
    verify = command("verify", "Check that everything on the disk is what it should be.")
    verify.add_argument("name", metavar="NAME")
    verify.add_argument("--repair", action="store_true", help="take out what is damaged; index the source again afterwards")
    jobs = command("jobs", "List what is being done in the background.")
    jobs.add_argument("--cancel", type=int, metavar="JOB", help="stop this job; what it has done stays")
    jobs.add_argument("--all", action="store_true", help="finished ones too")
    worker = command("worker", "Do background work in the foreground, until there is none for a while.")
    worker.add_argument("--home", type=Path, help="folder of collections (default: $LOUPE_HOME)")
    worker.add_argument("--wait", type=float, default=2.0, help="seconds to wait for a worker that is ending")
    worker.add_argument("--idle", type=float, help="seconds without work after which it ends")
    return made
