"""Query sets as a service: brought as text, sampled from the collection, harvested from the log; edited, versioned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import InputError, NotFound, QueryError
from core.judge.querysets import format_queries
from core.query.parse import check, parse, render
from core.rank import fold as folding
from core.search.filters import condition
from core.store import AskedQuery, Collection, SetVersion
from core.store.names import tidy_name
from core.types import Query, SavedQuery, Term
from core.workbench.drafts import GUIDELINE_AT_MOST, TEXT_AT_MOST, read

QUERIES_AT_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Added:
    """What became of queries that were brought: the set's version now, new ones, ones that were in it, and `before` for undoing."""

    name: str
    version: int
    new: int
    known: int
    before: int


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


class QuerySetService:
    """``wb.querysets``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    # ------------------------------------------------------------ reading

    def names(self) -> list[tuple[str, int]]:
        """Every query set with its number of queries, oldest first."""
        return self._collection.query_sets()

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

    def line(self, query: SavedQuery) -> str:
        """The query in the query language, for editing."""
        return render(query.query)

    # ------------------------------------------------------------ bringing

    def add(self, text: str, name: str, kind: str = "", file: str = "") -> Added:
        """Add the queries of a text to a set, which is made if it is new: all of them, or none where one cannot be read.

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
        self._check_ids({one.query_id: one for one in queries}, name)
        return self.keep(queries, name)

    def _check_ids(self, made: Mapping[str, SavedQuery], name: str) -> None:
        """Judgments are kept by the query's id, so an id must not stand for two queries."""
        for other, _ in self.names():
            for there in self._collection.saved_queries(other):
                new = made.get(there.query_id)
                if new is not None and new.query != there.query:
                    raise InputError(
                        f"The id {there.query_id} stands for {there.text!r} in {other} already, and here for {new.text!r}; "
                        "grades are kept by it, so give one of them another id."
                    )

    def keep(self, queries: Sequence[SavedQuery], name: str, why: str = "added") -> Added:
        """Add queries as they are, without a look at ids that other sets have."""
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

    # ------------------------------------------------------------ sampling and harvesting

    def sample_captions(self, name: str, n: int, seed: int = 0) -> Added:
        """Add captions as queries: an even sample, one a group of near-duplicates, no caption twice.

        Raises
        ------
        InputError
            No image has a caption.
        """
        captions = self._collection.captions_of(self._collection.ids())
        said = {item_id: next((" ".join(t.split()) for t in texts if t.strip()), "") for item_id, texts in captions.items()}
        texts: dict[str, str] = {}
        for item_id in self._leaders(item_id for item_id, text in said.items() if text):
            texts.setdefault(said[item_id].casefold(), said[item_id])
        able = [one for text in texts.values() if (one := _of_words(text, "caption")) is not None]
        if not able:
            raise InputError("No image of the collection has a caption to ask with; sample from labels, or type queries.")
        return self.keep(_some(able, n, seed), name, "sampled from captions")

    def sample_labels(self, name: str, column: str, n: int, seed: int = 0) -> Added:
        """Add the values of a column as queries, each once: an even sample of them.

        Raises
        ------
        InputError
            There is no such column, or it has no values.
        """
        values = self._collection.select(
            "SELECT DISTINCT json_extract(meta, ?) FROM items WHERE trashed_at IS NULL ORDER BY 1", (self._path(column),)
        )
        texts = list(dict.fromkeys(" ".join(str(value).split()) for (value,) in values if value is not None))
        able = [one for text in texts if text and (one := _of_words(text, "label")) is not None]
        if not able:
            raise InputError(f"No image of the collection has a value in {column}.")
        return self.keep(_some(able, n, seed), name, f"sampled from {column}")

    def sample_images(self, name: str, n: int, seed: int = 0, column: str = "") -> Added:
        """Add images as queries, one a group of near-duplicates: an even sample, or evenly from every value of a column.

        Raises
        ------
        InputError
            There are no images, or the column is not there.
        """
        ids = self._leaders(self._collection.ids())
        if not ids:
            raise InputError("There are no images to ask with yet.")
        kinds: dict[str, list[str]] = {}
        if column:
            known = dict(self._collection.select("SELECT item_id, json_extract(meta, ?) FROM items", (self._path(column),)))
            for item_id in ids:
                if known.get(item_id) is not None:
                    kinds.setdefault(str(known[item_id]), []).append(item_id)
            if not kinds:
                raise InputError(f"No image of the collection has a value in {column}.")
        else:
            kinds[""] = ids
        rng = np.random.default_rng(seed)
        dealt = [rng.permutation(kinds[kind]).tolist() for kind in sorted(kinds)]
        dealt = [dealt[at] for at in rng.permutation(len(dealt))]
        # One of each kind in turn, until there are enough.
        order = [items[turn] for turn in range(max(map(len, dealt))) for items in dealt if turn < len(items)]
        names = {item.item_id: item.caption or item.file for item in self._collection.items(order[: max(0, n)])}
        made = []
        for item_id in order[: max(0, n)]:
            query = Query((Term("item", item_id),))
            made.append(SavedQuery(query.query_id, f"like {names.get(item_id) or item_id}"[:TEXT_AT_MOST], query, origin="image"))
        return self.keep(made, name, "sampled from images")

    def asked(self, *, times: int = 1, sessions: int = 1) -> list[AskedQuery]:
        """Queries of the search log, each once, most frequent first: those asked so often, in so many sessions."""
        return [one for one in self._collection.asked_queries() if one.times >= times and one.sessions >= sessions]

    def harvest(self, name: str, n: int | None = None, *, times: int = 1, sessions: int = 1) -> Added:
        """Add queries of the search log to a set, with how often each was asked; the most frequent first.

        Parameters
        ----------
        n : int, optional
            At most so many.
        times, sessions : int
            Only what was asked so often, in so many sessions: 2 sessions leave out what somebody tried once.

        Raises
        ------
        InputError
            No query of the log is like that.
        """
        found = self.asked(times=times, sessions=sessions)[:n]
        if not found:
            raise InputError("No query of the search log was asked that often; ask for less, or search first.")
        made = []
        for one in found:
            where = f" where {one.query.where}" if one.query.where.strip() else ""
            made.append(SavedQuery(one.query_id, f"{render(one.query)}{where}"[:TEXT_AT_MOST], one.query, origin="search log",
                                   asked=one.times))  # fmt: skip
        return self.keep(made, name, "harvested from the search log")

    def _leaders(self, ids: Iterable[str]) -> list[str]:
        """In order, one a group of near-duplicates."""
        ordered = sorted(ids)
        return [ordered[at] for at in folding.leaders(ordered, folding.load(self._collection))]

    def _path(self, column: str) -> str:
        names = [one.name for one in self._collection.columns()]
        if column not in names:
            raise InputError(f"There is no column {column!r}; there are: {', '.join(names) or 'none'}.")
        return f'$."{column}"'

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
            query = parse(line.strip(), where=held.query.where)
            if not query.terms and not query.literals:
                raise InputError("The query is empty; write some words, or remove it.")
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


def _of_words(text: str, origin: str) -> SavedQuery | None:
    """Words as they are; None where they cannot be a query."""
    try:
        query = check(Query((Term("text", text),)))
    except QueryError:
        return None
    return SavedQuery(query.query_id, text[:TEXT_AT_MOST], query, origin=origin)


def _some(able: Sequence[SavedQuery], n: int, seed: int) -> list[SavedQuery]:
    """`n` of them, in their order."""
    if n < 1:
        raise InputError(f"{n} queries were asked for; ask for 1 or more.")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(able))[:n])
    return [able[at] for at in chosen]
