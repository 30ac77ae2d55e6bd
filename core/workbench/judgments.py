"""Judging as a service: query sets, grades as they are given, and the qrels that come of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.errors import InputError
from core.judge import consolidate, format_qrels, latest, parse_qrels, progress, qrels_of
from core.judge.judgments import PERSON
from core.query.parse import parse
from core.store import Collection
from core.types import Judgment, SavedQuery


@dataclass(frozen=True, slots=True)
class JudgingSummary:
    """What has been judged in a collection: people's latest grades, and those that were made without people."""

    grades: int
    judges: int
    queries: int
    made: int


class JudgmentService:
    """``wb.judgments``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    # ------------------------------------------------------------ queries

    def query_sets(self) -> list[tuple[str, int]]:
        """Every query set with its number of queries."""
        return self._collection.query_sets()

    def queries(self, name: str | None = None) -> list[SavedQuery]:
        """The queries of a set (None: of all) in order."""
        return self._collection.saved_queries(name)

    def save_queries(self, queries: Sequence[SavedQuery], name: str) -> None:
        """Add queries to a set, which is made if it is new."""
        self._collection.save_queries(queries, name)

    def add_typed_queries(self, text: str, name: str) -> int:
        """Add queries typed one a line in the query language.

        Returns
        -------
        int
            Queries added or replaced.

        Raises
        ------
        QueryError
            With the line, where one cannot be read; nothing is added then.
        InputError
            No line has a query.
        """
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            raise InputError("There is no query in the text; write one a line.")
        made = {}
        for line in lines:
            query = parse(line)
            made[query.query_id] = SavedQuery(query.query_id, line, query, origin="typed")
        self._collection.save_queries(list(made.values()), name)
        return len(made)

    # ------------------------------------------------------------ grades

    def add(self, query_id: str, item_id: str, grade: int | None, judge: str, note: str = "", *, origin: str = PERSON) -> int:
        """Keep a grade (None: can't tell); its row id. When this returns it is on the disk.

        Raises
        ------
        InputError
            The judge has no name, or the grade is not 0..3 or None.
        """
        if not judge.strip():
            raise InputError("A grade needs the name of who gave it; write a judge's name first.")
        return self._collection.judgments.add(Judgment(query_id, item_id, grade, judge.strip(), note=note, origin=origin))

    def undo(self, row_id: int) -> None:
        """Take a grade back; the one before it counts again."""
        self._collection.judgments.undo(row_id)

    def undo_last(self, query_id: str, item_id: str, judge: str) -> bool:
        """Take back the last grade a judge gave to an item for a query; the one before it counts again.

        Returns
        -------
        bool
            False where this judge has said nothing of it.
        """
        given = [row_id for row_id, j in self._collection.judgments.rows(query_id)
                 if (j.item_id, j.judge, j.origin) == (item_id, judge.strip(), PERSON)]  # fmt: skip
        if given:
            self.undo(given[-1])
        return bool(given)

    def for_query(self, query_id: str, judge: str) -> Mapping[str, int | None]:
        """This judge's latest word on each item of a query: item id -> grade, None for can't tell."""
        said = latest(self._collection.judgments.all(query_id))
        return {j.item_id: j.grade for j in said if j.judge == judge and j.origin == PERSON}

    def grades_for(self, query_id: str) -> Mapping[str, int]:
        """The one grade of each item of a query that has one, made ones included."""
        said = consolidate(self._collection.judgments.all(query_id))
        return {c.item_id: c.grade for c in said if c.grade is not None}

    def judged_queries(self, judge: str) -> frozenset[str]:
        """Queries on which this judge has said something."""
        return frozenset(j.query_id for j in self._collection.judgments.all() if j.judge == judge and j.origin == PERSON)

    def last_judged(self, judge: str) -> str | None:
        """The query of this judge's last grade."""
        said = [j.query_id for j in self._collection.judgments.all() if j.judge == judge and j.origin == PERSON]
        return said[-1] if said else None

    def progress(self, judge: str, pairs: Sequence[tuple[str, str]]) -> tuple[int, int]:
        """(done, total) of (query id, item id) pairs for a judge."""
        return progress(self._collection.judgments.all(), judge, pairs)

    def summary(self) -> JudgingSummary:
        """How much has been judged, and by how many."""
        said = latest(self._collection.judgments.all())
        people = [j for j in said if j.origin == PERSON]
        return JudgingSummary(
            len(people), len({j.judge for j in people}), len({j.query_id for j in people}), len(said) - len(people)
        )

    # ------------------------------------------------------------ files

    def export_qrels(self, *, with_made: bool = True) -> tuple[str, int]:
        """Qrels as text in TREC's format, and how many pairs are left out because nobody could tell."""
        qrels, n_cant_tell = qrels_of(consolidate(self._collection.judgments.all(), with_made=with_made))
        return format_qrels(qrels), n_cant_tell

    def export_queries(self) -> str:
        """Every saved query, one a line: its id, a tab, and its words (with tabs and line breaks as spaces)."""
        return "".join(f"{q.query_id}\t{' '.join(q.text.split())}\n" for q in self._collection.saved_queries(None))

    def import_qrels(self, text: str, judge: str) -> int:
        """Add the grades of a qrels file under a judge's name; the number of lines.

        Raises
        ------
        InputError
            With the line, where one cannot be read, or a grade is not 0..3; nothing is added then.
        """
        qrels = parse_qrels(text, grades=(0, 1, 2, 3))
        self._collection.judgments.add_many(
            [Judgment(q.topic, q.docno, q.relevance, judge, origin="imported") for q in qrels]
        )
        return len(qrels)
