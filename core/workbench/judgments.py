"""Judging as a service: query sets, grades as they are given, and the qrels that come of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection as Some
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from core.errors import InputError
from core.judge import Disagreement, consolidate, disagreements, format_qrels, latest, parse_qrels, progress, qrels_of
from core.judge.agreement import Report, agreement
from core.judge.judgments import ADJUDICATION, COPIES, PERSON
from core.judge.records import Rows, format_judgments, read_rows
from core.store import Collection
from core.types import Judgment, SavedQuery
from core.wording import counted, grades
from core.workbench.querysets import QuerySetService


@dataclass(frozen=True, slots=True)
class JudgingSummary:
    """What has been judged in a collection: people's latest grades; those that were made without people; what adjudicators
    decided; grades copied to near-duplicates; and where people's latest word is that they cannot tell."""

    grades: int
    judges: int
    queries: int
    made: int
    adjudicated: int = 0
    copied: int = 0
    cant_tell: int = 0

    @property
    def by_people(self) -> str:
        """``85 grades and 8 \u201ccan't tell\u201d by 2 judges on 7 queries``."""
        queries = counted(self.queries, "query", "queries")
        return f"{grades(self.grades, self.cant_tell)} by {counted(self.judges, 'judge')} on {queries}"


@dataclass(frozen=True)
class Imported:
    """Grades that came from a file.

    Attributes
    ----------
    rows : tuple of int
        For `JudgmentService.undo_many`: what was taken.
    n_read : int
        Rows of the file.
    n_queries : int
        Different ones.
    n_items : int
        Different ones.
    unknown_queries, unknown_items : Mapping of str to int
        What is called so in the file and is in no query set, or no item of this collection -> its rows. Their grades are kept,
        and count once it is there.
    not_found : tuple of (line, file, why)
        Rows left out, for no image is called so.
    aliased : int
        Rows under another id of a query that a set has.
    again : int
        Rows on a pair that the same judge has graded in an earlier one; the last counts.
    """

    rows: tuple[int, ...]
    n_read: int
    n_queries: int
    n_items: int
    unknown_queries: Mapping[str, int]
    unknown_items: Mapping[str, int]
    not_found: tuple[tuple[int, str, str], ...] = ()
    aliased: int = 0
    again: int = 0


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
        """Add queries to a set, which is made if it is new. A guideline that one has there is kept where it brings none."""
        QuerySetService(self._collection).keep(queries, name)

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
        added = QuerySetService(self._collection).add(text, name, "lines")
        return added.new + added.known

    # ------------------------------------------------------------ grades

    def add(
        self, query_id: str, item_id: str, grade: int | None, judge: str, note: str = "", *, origin: str = PERSON,
        ms: int | None = None, copies: Sequence[str] = (),
    ) -> int:
        """Keep a grade (None: can't tell); its row id. When this returns it is on the disk.

        Parameters
        ----------
        origin : str
            ``judge``, ``adjudication``, or what made it.
        ms : int, optional
            How long the item was looked at.
        copies : sequence of item ids
            Near-duplicates that get the grade, too, with an origin of their own; undoing it undoes them.

        Raises
        ------
        InputError
            The judge has no name, or the grade is not 0..3 or None.
        """
        if not judge.strip():
            raise InputError("A grade needs the name of who gave it; write a judge's name first.")
        given = Judgment(query_id, item_id, grade, judge.strip(), note=note, origin=origin, ms=ms)
        return self._collection.judgments.add(given, copies, COPIES.get(origin, origin))

    def undo(self, row_id: int) -> None:
        """Take a grade back, and its copies; the one before it counts again."""
        self._collection.judgments.undo(row_id)

    def undo_last(self, query_id: str, item_id: str, judge: str, origin: str = PERSON) -> bool:
        """Take back the last grade a judge gave to an item for a query; the one before it counts again.

        Returns
        -------
        bool
            False where this judge has said nothing of it.
        """
        return self._collection.judgments.undo_last(query_id, item_id, judge.strip(), origin)

    def for_query(self, query_id: str, judge: str, origin: str = PERSON) -> Mapping[str, int | None]:
        """This judge's latest word on each item of a query: item id -> grade, None for can't tell."""
        return {item_id: j.grade for item_id, j in self.given(query_id, judge, origin).items()}

    def given(self, query_id: str, judge: str, origin: str = PERSON) -> Mapping[str, Judgment]:
        """The same whole, with note and time, in the order in which the items were first judged."""
        return {j.item_id: j for j in latest(self._collection.judgments.all(query_id, judge.strip())) if j.origin == origin}

    def judged(self, judge: str, origin: str = PERSON) -> frozenset[tuple[str, str]]:
        """Pairs of query and item on which this judge has said something."""
        return frozenset(self._collection.judgments.pairs((origin,), judge.strip()))

    def median_seconds(self, judge: str) -> float | None:
        """The median time this judge takes for a judgment; None until there is one that was measured."""
        taken = self._collection.judgments.times(judge.strip(), PERSON)
        return median(taken) / 1000 if taken else None

    # ------------------------------------------------------------ several judges

    def said(self, query_id: str) -> Mapping[str, tuple[Judgment, ...]]:
        """Item id -> each judge's latest word on it, by name."""
        found: dict[str, list[Judgment]] = {}
        for j in latest(self._collection.judgments.all(query_id)):
            if j.origin == PERSON:
                found.setdefault(j.item_id, []).append(j)
        return {item_id: tuple(sorted(given, key=lambda j: j.judge)) for item_id, given in found.items()}

    def disagreements(
        self, queries: Some[str] | None = None, *, rel: int = 1, decided: bool = False, small: bool = False
    ) -> list[Disagreement]:
        """Pairs on which judges differ (see `core.judge.disagreements`), the furthest apart first.

        Parameters
        ----------
        queries : collection of query ids, optional
            Of these only.
        decided : bool
            With those that an adjudicator has decided.
        small : bool
            With those where the grades are one apart and agree on relevance.
        """
        said = self._collection.judgments.all()
        found = disagreements([j for j in said if queries is None or j.query_id in queries], rel, small=small)
        return [one for one in found if decided or not one.adjudicated]

    def grades_for(self, query_id: str) -> Mapping[str, int]:
        """The one grade of each item of a query that has one, made ones included."""
        said = consolidate(self._collection.judgments.all(query_id))
        return {c.item_id: c.grade for c in said if c.grade is not None}

    def judged_queries(self, judge: str) -> frozenset[str]:
        """Queries on which this judge has said something."""
        return frozenset(query_id for query_id, _ in self.judged(judge))

    def last_judged(self, judge: str) -> str | None:
        """The query of this judge's last grade."""
        last = self._collection.judgments.last(judge.strip(), PERSON)
        return None if last is None else last.query_id

    def progress(self, judge: str, pairs: Sequence[tuple[str, str]]) -> tuple[int, int]:
        """(done, total) of (query id, item id) pairs for a judge."""
        return progress(self._collection.judgments.all(None, judge.strip()), judge.strip(), pairs)

    def summary(self) -> JudgingSummary:
        """How much has been judged, and by how many."""
        counts = self._collection.judgments.counts()
        given, cant_tell, judges, queries = counts.pop(PERSON, (0, 0, 0, 0))
        adjudicated = sum(counts.pop(ADJUDICATION, (0, 0, 0, 0))[:2])
        copied = sum(counts.pop(origin, (0, 0, 0, 0))[0] for origin in COPIES.values())
        return JudgingSummary(given, judges, queries, sum(one[0] for one in counts.values()), adjudicated, copied, cant_tell)

    def by_query(self) -> tuple[Counter[str], Counter[str]]:
        """How many grades each query has, by its id: by people, every judge's; and made without people."""
        people: Counter[str] = Counter()
        made: Counter[str] = Counter()
        for one in latest(self._collection.judgments.all()):
            if one.grade is None:
                continue
            if one.origin == PERSON:
                people[one.query_id] += 1
            elif one.origin not in (ADJUDICATION, *COPIES.values()):
                made[one.query_id] += 1
        return people, made

    # ------------------------------------------------------------ files

    def export_qrels(self, *, with_made: bool = True) -> tuple[str, int]:
        """Qrels as text in TREC's format, and how many pairs are left out because nobody could tell."""
        qrels, n_cant_tell = qrels_of(consolidate(self._collection.judgments.all(), with_made=with_made))
        return format_qrels(qrels), n_cant_tell

    def export_queries(self) -> str:
        """Every saved query, one a line: its id, a tab, and its words (with tabs and line breaks as spaces)."""
        return "".join(f"{q.query_id}\t{' '.join(q.text.split())}\n" for q in self._collection.saved_queries(None))

    def export_judgments(self, kind: str) -> str:
        """Every judge's latest word as ``csv`` or ``jsonl``, with its query's words, its file, time and note."""
        said = latest(self._collection.judgments.all())
        files = dict(self._collection.select("SELECT item_id, file FROM items"))
        return format_judgments(said, kind, queries={q.query_id: q.text for q in self._collection.saved_queries()}, files=files)

    def undo_many(self, rows: Sequence[int]) -> None:
        """Take back grades that came together."""
        for row in rows:
            self._collection.judgments.undo(row)

    def bring(self, text: str, name: str, judge: str = "") -> Imported:
        """Add the grades of a file: CSV or JSONL with a judge for each, or TREC qrels under the name of one. They count as that judge's.

        Parameters
        ----------
        name : str
            Of the file: ``.csv``, ``.jsonl`` and ``.ndjson`` are tables, everything else is qrels.

        Raises
        ------
        InputError
            With the line, where one cannot be read, or a grade is not 0..3; nothing is added then. A row whose image is named by
            a file that is not here is left out, and said.
        """
        text = text.removeprefix("\ufeff")
        if name.lower().endswith((".csv", ".jsonl", ".ndjson")):
            from core.judge.named import resolver  # it brings the decoder along

            file = read_rows(text, name, judge=judge, resolve=resolver(self._collection))
        else:
            if not judge.strip():
                raise InputError("Qrels do not say who gave the grades; give a name for them.")
            file = Rows(tuple(Judgment(q.topic, q.docno, q.relevance, judge.strip()) for q in parse_qrels(text, (0, 1, 2, 3))), {})
        kept_as = self._kept_as({j.query_id for j in file.judgments})
        items = {j.item_id for j in file.judgments}
        there = self._collection.has(items)
        said = [replace(j, query_id=kept_as[j.query_id] or j.query_id) for j in file.judgments]
        rows = self._collection.judgments.add_many(said)
        return Imported(
            tuple(rows), len(file.judgments) + len(file.not_found), len(kept_as), len(items),
            Counter(file.words.get(j.query_id) or j.query_id for j in file.judgments if kept_as[j.query_id] is None),
            Counter(j.item_id for j in file.judgments if j.item_id not in there), file.not_found,
            sum(kept_as[j.query_id] not in (None, j.query_id) for j in file.judgments),
            len(said) - len({(j.query_id, j.item_id, j.judge, j.origin) for j in said}),
        )  # fmt: skip

    def _kept_as(self, named: Some[str]) -> dict[str, str | None]:
        """Ids of a file -> the id under which a set has the query: its own, one that it is an alias of, that of its content."""
        saved = {one.query_id: one for one in self._collection.saved_queries()}
        content: dict[str, str] = {}
        for query_id, one in saved.items():
            content.setdefault(one.query.query_id, query_id)
        aliases = self._collection.query_aliases()
        return {one: next((known for known in (one, aliases.get(one)) if known in saved), content.get(one)) for one in named}

    # ------------------------------------------------------------ agreement

    def agreement(self, queries: Some[str] | None = None) -> Report:
        """How far the judges agree, over all and for each query (of these only)."""
        said = self._collection.judgments.all()
        return agreement([j for j in said if queries is None or j.query_id in queries])
