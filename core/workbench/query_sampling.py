"""Query sets from what a collection knows: captions, labels, images, and the log of searches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.errors import InputError, QueryError
from core.query.parse import check, render
from core.rank import fold as folding
from core.store import AskedQuery, Collection
from core.types import Query, SavedQuery, Term
from core.workbench.drafts import TEXT_AT_MOST


@dataclass(frozen=True, slots=True)
class Added:
    """What became of queries that were brought.

    Attributes
    ----------
    version, before : int
        The set's version now, and before, for undoing.
    new, known : int
        Queries that were added, and that were in it.
    repeats : int
        The same query again, left out.
    aliases : Mapping of str to str
        Other ids of queries -> the id under which each is kept.
    renamed : int
        Grades that were kept under such ids, and now count for the query.
    graded : int
        New queries that have grades already.
    graded_in : tuple of str
        Other sets that hold these.
    alike : tuple of (str, str)
        New queries that differ from another of the set only in letter case or spaces, with that one; both are kept.
    """

    name: str
    version: int
    new: int
    known: int
    before: int
    repeats: int = 0
    aliases: Mapping[str, str] = field(default_factory=dict)
    renamed: int = 0
    graded: int = 0
    graded_in: tuple[str, ...] = ()
    alike: tuple[tuple[str, str], ...] = ()


class QuerySampling:
    """The part of ``wb.querysets`` that draws queries."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def _take(self, queries: Sequence[SavedQuery], name: str, why: str) -> Added:
        raise NotImplementedError

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
        return self._take(_some(able, n, seed), name, "sampled from captions")

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
        return self._take(_some(able, n, seed), name, f"sampled from {column}")

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
        return self._take(made, name, "sampled from images")

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
        return self._take(made, name, "harvested from the search log")

    def _leaders(self, ids: Iterable[str]) -> list[str]:
        """In order, one a group of near-duplicates."""
        ordered = sorted(ids)
        return [ordered[at] for at in folding.leaders(ordered, folding.load(self._collection))]

    def _path(self, column: str) -> str:
        names = [one.name for one in self._collection.columns()]
        if column not in names:
            raise InputError(f"There is no column {column!r}; there are: {', '.join(names) or 'none'}.")
        return f'$."{column}"'


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
