"""TREC's two file formats: qrels (``topic iteration docno relevance``) and runs (``qid Q0 docno rank score tag``).

What these functions write they read back to the byte; what they read from elsewhere they write in the plain form,
one space between fields and a line feed at the end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.errors import InputError
from core.judge.judgments import Consolidated
from core.wording import counted

_TOKEN = re.compile(r"\S+")
_LINE_END = re.compile(r"\r\n|\r|\n")  # as files are read by line; str.splitlines would end lines at form feeds too


@dataclass(frozen=True, slots=True)
class Qrel:
    """One line of a qrels file."""

    topic: str
    docno: str
    relevance: int
    iteration: str = "0"


@dataclass(frozen=True, slots=True)
class RunLine:
    """One line of a run file. `score` keeps its text, so that a run is written back as it was read."""

    topic: str
    docno: str
    rank: int
    score: str
    tag: str = "loupe"


def _fields(text: str, n: int, what: str) -> Iterable[tuple[int, list[str]]]:
    for number, line in enumerate(_LINE_END.split(text), 1):
        if not line.strip():
            continue
        parts = _TOKEN.findall(line)
        if len(parts) != n:
            raise InputError(f"Line {number} of the {what} has {counted(len(parts), 'field')} where {n} are needed: {line[:80]!r}.")
        yield number, parts


def _token(value: str, what: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise InputError(f"{what} {value!r} is empty or holds white space, which TREC files cannot carry.")
    return value


def parse_qrels(text: str, grades: Sequence[int] | None = None) -> list[Qrel]:
    """Read qrels.

    Parameters
    ----------
    text : str
        Four fields a line, separated by white space.
    grades : sequence of int, optional
        The only grades that may stand there, in order.

    Raises
    ------
    InputError
        With the line's number, where a line has another number of fields or a grade is no integer or not one of `grades`.
    """
    out = []
    for number, (topic, iteration, docno, relevance) in _fields(text, 4, "qrels"):
        try:
            out.append(Qrel(topic, docno, int(relevance), iteration))
        except ValueError:
            raise InputError(f"Line {number} of the qrels has the grade {relevance!r}, which is no integer.") from None
        if grades is not None and out[-1].relevance not in grades:
            raise InputError(f"Line {number} of the qrels: grades here are {grades[0]} to {grades[-1]}; {topic} {docno} has {relevance}.")
    return out


def format_qrels(qrels: Iterable[Qrel]) -> str:
    """Write qrels, a line each, in the order given."""
    return "".join(
        f"{_token(q.topic, 'The topic')} {_token(q.iteration, 'The iteration')} "
        f"{_token(q.docno, 'The item id')} {q.relevance}\n"
        for q in qrels
    )


def parse_run(text: str) -> list[RunLine]:
    """Read a run: six fields a line.

    Raises
    ------
    InputError
        With the line's number, where fields are missing or rank or score is no number.
    """
    out = []
    for number, (topic, _, docno, rank, score, tag) in _fields(text, 6, "run"):
        try:
            if math.isnan(float(score)):
                raise ValueError(score)
            out.append(RunLine(topic, docno, int(rank), score, tag))
        except ValueError:
            raise InputError(f"Line {number} of the run has rank {rank!r} and score {score!r}; numbers are needed.") from None
    return out


def format_run(lines: Iterable[RunLine]) -> str:
    """Write a run, a line each, in the order given."""
    return "".join(
        f"{_token(r.topic, 'The topic')} Q0 {_token(r.docno, 'The item id')} {r.rank} {r.score} {_token(r.tag, 'The tag')}\n"
        for r in lines
    )


def qrels_of(consolidated: Sequence[Consolidated]) -> tuple[list[Qrel], int]:
    """Qrels of the pairs that have a grade, and how many pairs were left out because nobody could tell.

    Returns
    -------
    qrels : list of Qrel
        Sorted by (topic, docno).
    n_cant_tell : int
    """
    graded = [Qrel(c.query_id, c.item_id, c.grade) for c in consolidated if c.grade is not None]
    return graded, len(consolidated) - len(graded)
