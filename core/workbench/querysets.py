"""Query sets as a service: brought as text, edited, versioned; `core.workbench.query_sampling` draws queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from core.errors import InputError, NotFound, QueryError
from core.judge.judgments import ADJUDICATION, PERSON
from core.judge.querysets import format_queries
from core.judge.repeats import nearly, once
from core.query.parse import render
from core.search.filters import condition
from core.store import SetVersion
from core.store.names import check_name, tidy_name
from core.types import Query, SavedQuery
from core.workbench.drafts import GUIDELINE_AT_MOST, TEXT_AT_MOST, parsed, read
from core.workbench.query_sampling import Added, QuerySampling

QUERIES_AT_MOST = 20_000


@dataclass(frozen=True)
class Graded:
    """Queries of a set that people have graded, and the other sets that hold some of these: name -> how many."""

    n: int
    n_queries: int
    others: Mapping[str, int]


@dataclass(frozen=True)
class QuerySet:
    """A query set at a version."""

    name: str
    version: int
    queries: tuple[SavedQuery, ...]

    @property
    def at(self) -> str:
        """``set@version``."""
        return f"{self.name}@{self.version}"


class QuerySetService(QuerySampling):
    """``wb.querysets``."""

    # ------------------------------------------------------------ reading

    def names(self, *, emptied: bool = False) -> list[tuple[str, int]]:
        """Every query set with its number of queries, oldest first; with `emptied` those of which all queries were removed, too."""
        return self._collection.query_sets(emptied=emptied)

    def put_away(self, name: str, *, away: bool = True) -> None:
        """List an emptied set no more, or again. Its versions stay; queries that are added bring it back."""
        self._collection.put_query_set_away(name, away=away)

    def versions(self, name: str) -> list[SetVersion]:
        """Every version of a set, oldest first."""
        return self._collection.query_versions(name)

    def get(self, name: str) -> QuerySet:
        """The set of that name as it is now, or ``set@version`` as it was.

        Raises
        ------
        NotFound
            There is no such set, or it has no such version.
        """
        found, version, queries = self._collection.named_queries(name)
        if version:
            return QuerySet(found, version, tuple(queries))
        there = ", ".join(one for one, _ in self.names()) or "none"
        raise NotFound(f"There is no query set {name!r}; there are: {there}.")

    def graded(self, name: str) -> Graded:
        """How many queries of a set have grades by people, and which other sets share them: a grade belongs to a query."""
        ids = {one.query_id for one in self._collection.saved_queries(name)}
        graded = self._graded_ids() & ids
        return Graded(len(graded), len(ids), self._holding(graded, name))

    def twice(self, name: str) -> Mapping[str, str]:
        """Ids of queries that a set has a second time, as sets from before may -> the id of the first."""
        held = self._collection.saved_queries(name)
        kept = {one.query_id for one in once(held).queries}
        first: dict[str, str] = {}
        for one in held:
            first.setdefault(one.query.query_id, one.query_id)
        return {one.query_id: first[one.query.query_id] for one in held if one.query_id not in kept}

    def _graded_ids(self) -> set[str]:
        return self._collection.judgments.graded((PERSON, ADJUDICATION))

    def _holding(self, ids: set[str], but: str) -> dict[str, int]:
        found = Counter(set_name for set_name, query_id in self._collection.select("SELECT set_name, query_id FROM queries ORDER BY n")
                        if set_name != but and query_id in ids)  # fmt: skip
        return dict(found)

    def line(self, query: SavedQuery) -> str:
        """The query in the query language, for editing."""
        return render(query.query)

    # ------------------------------------------------------------ bringing

    def check_name(self, name: str) -> str:
        """The name of a query set as it is kept.

        Raises
        ------
        InputError
            No set can be called so.
        """
        return check_name(name, "query set")

    def add(self, text: str, name: str, kind: str = "", file: str = "") -> Added:
        """Add the queries of a text to a set, which is made if it is new: all of them, or none where one cannot be read.

        The same query is in a set once. What else the file calls it is remembered, so that qrels with those ids still match.

        Parameters
        ----------
        kind : str
            ``lines``, ``csv``, ``jsonl``, ``topics`` or ``export`` (see `core.judge.querysets`); empty: found out.
        file : str
            Name of the file, for its kind and for messages; empty for what was typed or pasted.

        Raises
        ------
        QueryError
            With the line and column, where a typed query cannot be read.
        InputError
            The text cannot be read as this kind, has no query, or an id stands for two queries.
        """
        queries = read(self._collection, text, kind, file)
        if not queries:
            raise InputError("There is no query in the text; write one a line.")
        return self.add_queries(queries, name)

    def add_queries(self, queries: Sequence[SavedQuery], name: str) -> Added:
        """Add queries that are read already; see `add`."""
        if len(queries) > QUERIES_AT_MOST:
            raise InputError(f"These are {len(queries):,} queries, and {QUERIES_AT_MOST:,} at once are possible.")
        for one in queries:
            if one.query.where:
                try:
                    condition(self._collection, Query(where=one.query.where))
                except QueryError as error:
                    raise QueryError(f"In the filter of {one.text[:80]!r}: {error}", error.column, error.text or one.query.where) from None
        self._check_ids({one.query_id: one for one in queries})
        return self._take(queries, name, "added")

    def _check_ids(self, made: Mapping[str, SavedQuery]) -> None:
        """Judgments are kept by the query's id, so an id must not stand for two queries."""
        called: dict[str, list[str]] = {}
        for alias, query_id in self._collection.query_aliases().items():
            called.setdefault(query_id, []).append(alias)
        for other, _ in self.names():
            for there in self._collection.saved_queries(other):
                for query_id in (there.query_id, *called.get(there.query_id, ())):
                    new = made.get(query_id)
                    if new is not None and new.query != there.query:
                        raise InputError(
                            f"The id {query_id} stands for {there.text!r} in {other} already, and here for {new.text!r}; "
                            "grades are kept by it, so give one of them another id."
                        )

    def _take(self, queries: Sequence[SavedQuery], name: str, why: str) -> Added:
        """Add queries, each once, and remember what else they are called."""
        name = tidy_name(name)
        held = self._collection.saved_queries(name)
        found = once(queries, held, self._collection.query_aliases())
        new = {one.query_id for one in found.queries} - {one.query_id for one in held}
        added = self.keep(found.queries, name, why)
        self._collection.add_query_aliases(found.aliases)
        saved = {one.query_id for one in self._collection.saved_queries()}
        renamed = sum(self._collection.judgments.rename_query(alias, query_id)
                      for alias, query_id in found.aliases.items() if alias not in saved)  # fmt: skip
        graded = self._graded_ids() & new
        alike = nearly([one for one in found.queries if one.query_id in new], held)
        return replace(added, repeats=found.repeats, aliases=found.aliases, renamed=renamed, graded=len(graded),
                       graded_in=tuple(self._holding(graded, name)),
                       alike=tuple((one.text, other.text) for one, other in alike))  # fmt: skip

    def keep(self, queries: Sequence[SavedQuery], name: str, why: str = "added") -> Added:
        """Add queries as they are, under their ids, without a look at what the set has under others."""
        name = tidy_name(name)
        held = {q.query_id: q for q in self._collection.saved_queries(name)}
        versions = self.versions(name)
        before = versions[-1].version if versions else 0
        # A guideline that somebody wrote outlives the same query brought again without one.
        kept = [
            replace(q, guideline=q.guideline or held[q.query_id].guideline, asked=max(q.asked, held[q.query_id].asked))
            if q.query_id in held else q for q in queries
        ]  # fmt: skip
        version = self._collection.save_queries(kept, name, why)
        new = sum(q.query_id not in held for q in kept)
        return Added(name, version, new, len(kept) - new, before)

    def keep_asked(self, query: Query, name: str) -> tuple[str, str]:
        """Keep a query that was asked elsewhere in a set `name`; one that some set holds stays where it is, under its id there.

        Grades are kept by a query's id: under two ids half of them would be missing on either side.

        Returns
        -------
        tuple of (set, query id)
            Of several that hold it the first with grades.
        """
        held = [(one, there.query_id) for one, _ in self.names() for there in self._collection.saved_queries(one)
                if there.query.query_id == query.query_id]  # fmt: skip
        graded = self._graded_ids() if held else set()
        if held:
            return next((place for place in held if place[1] in graded), held[0])
        return self.keep([SavedQuery(query.query_id, render(query), query)], name).name, query.query_id

    # ------------------------------------------------------------ changing

    def edit(self, name: str, query_id: str, *, line: str | None = None, guideline: str | None = None) -> int:
        """Change a query's words (it is then another query: grades stay with the old one) or its guideline.

        Returns
        -------
        int
            The version before, for `restore`.

        Raises
        ------
        QueryError
            The line cannot be read.
        InputError
            The query is in the set already, or the guideline is too long.
        NotFound
        """
        held = next((q for q in self._collection.saved_queries(name) if q.query_id == query_id), None)
        if held is None:
            raise NotFound(f"The set {name} has no query {query_id} any more.")
        new = held
        if line is not None and line.strip() != render(held.query):
            from core.judge.named import resolver  # it knows how ingest matches names, and ingest loads Pillow

            known = {term.value for term in held.query.terms if term.kind == "item"}  # of it, what is deleted since may stay
            query = parsed(line.strip(), resolver(self._collection), held.query.where, known)
            if not query.terms and not query.literals:
                raise InputError("The query is empty; write some words, or remove it.")
            if any(one.query == query and one.query_id != query_id for one in self._collection.saved_queries(name)):
                raise InputError(f"The query {line.strip()[:TEXT_AT_MOST]!r} is in {name} already.")
            new = SavedQuery(query.query_id, line.strip()[:TEXT_AT_MOST], query, held.guideline, "typed")
        if guideline is not None:
            if len(guideline) > GUIDELINE_AT_MOST:
                raise InputError(f"The guideline has {len(guideline):,} characters, and {GUIDELINE_AT_MOST:,} are possible.")
            new = replace(new, guideline=guideline.strip())
        return self._collection.replace_query(query_id, name, new)

    def guide(self, name: str, query_ids: Sequence[str], guideline: str) -> int:
        """Give queries of a set a guideline, all of them in one version; the version before.

        Raises
        ------
        InputError
            It is too long.
        """
        if len(guideline) > GUIDELINE_AT_MOST:
            raise InputError(f"The guideline has {len(guideline):,} characters, and {GUIDELINE_AT_MOST:,} are possible.")
        wanted = set(query_ids)
        before = max((v.version for v in self.versions(name)), default=0)
        held = [q for q in self._collection.saved_queries(name) if q.query_id in wanted]
        self._collection.save_queries([replace(q, guideline=guideline.strip()) for q in held], name, "guideline")
        return before

    def remove(self, name: str, query_ids: Sequence[str]) -> int:
        """Take queries out of a set; the version before, for `restore`. Grades stay."""
        return self._collection.delete_queries(query_ids, name)

    def restore(self, name: str, version: int, query_ids: Sequence[str] | None = None) -> int:
        """Make a set, or some of its queries, what they were in an earlier version; the version that this makes."""
        return self._collection.restore_queries(name, version, query_ids)

    # ------------------------------------------------------------ files

    def export(self, name: str, kind: str = "jsonl") -> str:
        """The queries of a set (or ``set@version``) as ``jsonl``, ``csv`` or ``topics``, which `add` reads."""
        return format_queries(self.get(name).queries, kind)
