"""Judging: grades given by people, made one where several judged, and written in TREC's formats."""

from core.judge.judgments import (
    CANT_TELL,
    GRADE_WORDS,
    Consolidated,
    Disagreement,
    consolidate,
    disagreements,
    latest,
    progress,
)
from core.judge.trec import Qrel, RunLine, format_qrels, format_run, parse_qrels, parse_run, qrels_of

__all__ = [
    "CANT_TELL",
    "Consolidated",
    "Disagreement",
    "GRADE_WORDS",
    "Qrel",
    "RunLine",
    "consolidate",
    "disagreements",
    "format_qrels",
    "format_run",
    "latest",
    "parse_qrels",
    "parse_run",
    "progress",
    "qrels_of",
]
