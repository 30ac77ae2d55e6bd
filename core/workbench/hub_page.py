"""One hub at a time: its facts, the queries that it captures, and whose right answers it stands before."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import NotFound
from core.judge import consolidate
from core.rank import hubness
from core.search.filters import remembered, state_of
from core.store import Collection
from core.types import Item
from core.workbench.correcting import CorrectedView
from core.workbench.hubs import Captured, HubService, HubsView

CAPTURED_AT_MOST = 300
"""Queries of one hub that are looked at, those that rank it highest first."""
RIGHT_FROM = 1
"""A judged item is a right answer from this grade on, as in the proof (`core.judge.truth`)."""
_CHUNK = 8_192


@dataclass(frozen=True, slots=True)
class HubRow:
    """One item in the table of hubs, or of items never found.

    Attributes
    ----------
    share : float
        Of the queries that have it in their top k, 0..1.
    distance : float or None
        1 - cosine to the centroid of all items; None where it has no vector any more.
    nearer : float or None
        Share of the other items that lie nearer to the centroid.
    after : int or None
        N_k with the correction, None without one.
    """

    item: Item
    n_k: int
    share: float
    distance: float | None
    nearer: float | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """A query that a hub captures, and where its right answer stands.

    Attributes
    ----------
    asker : Captured
        The query, and the rank it gives the hub.
    right : Item or None
        The best ranked right answer; None where none is known, or the hub is one.
    right_rank : int or None
    after, right_after : int or None
        Both ranks with the correction, None without one.
    itself : bool
        The hub is a right answer: it stands where it belongs.
    """

    asker: Captured
    right: Item | None = None
    right_rank: int | None = None
    after: int | None = None
    right_after: int | None = None
    itself: bool = False

    @property
    def displaced(self) -> bool:
        """Whether the right answer is known and ranks below the hub."""
        return self.right_rank is not None and self.right_rank > self.asker.rank


@dataclass(frozen=True)
class HubPage:
    """Everything a hub's own page says.

    Attributes
    ----------
    row : HubRow
    cases : tuple of Case
        The hub's queries, those that rank it highest first; at most `CAPTURED_AT_MOST`.
    known : int
        Of `cases`, those whose right answer is known.
    """

    row: HubRow
    cases: tuple[Case, ...]
    known: int

    @property
    def displaced(self) -> tuple[Case, ...]:
        """The cases whose right answer ranks below the hub, the narrowest first."""
        found = [case for case in self.cases if case.displaced]
        return tuple(sorted(found, key=lambda case: (case.right_rank, case.asker.rank, case.asker.text)))

    @property
    def alone_before(self) -> int:
        """Queries in which the hub is first and the right answer second."""
        return sum(case.asker.rank == 1 and case.right_rank == 2 for case in self.cases)


class HubPageService:
    """``wb.hub_pages``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    # ------------------------------------------------------------ tables

    def hubs(self, view: HubsView, after: CorrectedView | None = None, limit: int | None = None) -> tuple[HubRow, ...]:
        """The hubs with their facts, the largest first; ties by id."""
        order = np.lexsort((view.item_ids, -view.n_k))
        return self._rows(view, after, order[view.n_k[order] >= view.threshold][:limit])

    def antihubs(self, view: HubsView, after: CorrectedView | None = None, limit: int | None = None) -> tuple[HubRow, ...]:
        """The items that no query finds, the farthest from the centroid first; ties by id."""
        ids, distances, _ = self._centroid()
        far = dict(zip(ids.tolist(), distances.tolist()))
        none = np.flatnonzero(view.n_k == 0)
        away = np.array([far.get(item_id, -1.0) for item_id in view.item_ids[none].tolist()])
        return self._rows(view, after, none[np.lexsort((view.item_ids[none], -np.round(away, 9)))][:limit])

    def csv(self, view: HubsView, rows: Iterable[HubRow]) -> bytes:
        """Rows as a table for spreadsheets."""
        return _csv([
            {
                "item_id": row.item.item_id, "file": row.item.file, "caption": row.item.caption, "n_k": row.n_k,
                "expected_n_k": round(view.mean, 6), "chance_n_k": view.chance, "share_of_queries": round(row.share, 6),
                "centroid_distance": _rounded(row.distance), "share_of_items_nearer": _rounded(row.nearer),
                **({} if row.after is None else {"n_k_corrected": row.after}),
            } for row in rows
        ])  # fmt: skip

    # ------------------------------------------------------------ one hub

    def page(self, view: HubsView, item_id: str, after: CorrectedView | None = None) -> HubPage:
        """One item, hub or not, with the queries that find it.

        Raises
        ------
        NotFound
            There is no such item, or it was not among those counted.
        """
        self._collection.item(item_id)
        place = np.flatnonzero(view.item_ids == item_id)
        if not len(place):
            raise NotFound("This image is not among those counted: it has no vector in the vectors in use, or is new.")
        found = HubService(self._collection).captured(item_id, view.k, view.query_side, CAPTURED_AT_MOST)
        cases = self._cases(view, item_id, found, after)
        known = sum(case.itself or case.right_rank is not None for case in cases)
        return HubPage(self._rows(view, after, place)[0], cases, known)

    def page_csv(self, page: HubPage) -> bytes:
        """The queries of a hub as a table for spreadsheets."""
        corrected = any(case.after is not None for case in page.cases)
        return _csv([
            {
                "query": case.asker.text or case.asker.item.item_id, "hub_rank": case.asker.rank,
                "right_answer": page.row.item.item_id if case.itself else case.right.item_id if case.right else "",
                "right_answer_rank": case.asker.rank if case.itself else case.right_rank,
                "displaced": "yes" if case.displaced else "no" if case.itself or case.right else "",
                **({"hub_rank_corrected": case.after, "right_answer_rank_corrected": case.after if case.itself else case.right_after}
                   if corrected else {}),
            } for case in page.cases
        ])  # fmt: skip

    # ------------------------------------------------------------ parts of it

    def _rows(self, view: HubsView, after: CorrectedView | None, places: np.ndarray) -> tuple[HubRow, ...]:
        ids = view.item_ids[places].tolist()
        known, distances, nearer = self._centroid()
        where = {item_id: at for at, item_id in enumerate(known.tolist())}
        counted = {} if after is None else dict(zip(after.item_ids.tolist(), after.n_k.tolist()))
        rows = []
        for item, item_id, n_k in zip(self._collection.items(ids), ids, view.n_k[places].tolist()):
            at = where.get(item_id)
            rows.append(HubRow(
                item, n_k, n_k / max(view.n_queries, 1), None if at is None else float(distances[at]),
                None if at is None else float(nearer[at]), counted.get(item_id),
            ))  # fmt: skip
        return tuple(rows)

    def _centroid(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(ids, distance to the centroid, share of the others nearer) of the live items."""
        view = self._collection.view()

        def measure() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            parts = [view.live[start : start + _CHUNK] for start in range(0, len(view.live), _CHUNK)]
            away = [hubness.centroid_distances(view.rows(part), view.mean) for part in parts]
            distances = np.concatenate(away) if away else np.zeros(0)
            return view.item_ids[view.live], distances, hubness.share_nearer(distances)

        return remembered((self._collection.path, self._collection.uid, view.set.set_id, view.epoch, view.changed, "centroid"), measure)

    def _cases(self, view: HubsView, item_id: str, found: Sequence[Captured], after: CorrectedView | None) -> tuple[Case, ...]:
        vectors = self._collection.view()
        live = sorted(vectors.item_ids[vectors.live].tolist())
        place_of = {other: at for at, other in enumerate(live)}
        names = live if view.query_side == "items" else HubService(self._collection).texts(view.query_side)
        row_of = {name: row for row, name in enumerate(names)}
        right = self._right(view.query_side, [one.text for one in found])
        pairs: list[tuple[int, int]] = []  # a query and an item whose rank is wanted: of each query the hub's first
        wanted: list[slice] = []
        for one in found:
            asked = row_of.get(one.text if one.item is None else one.item.item_id)
            answers = right.get(one.text, ())
            sought = [item_id, *([] if item_id in answers else answers)]
            start = len(pairs)
            if asked is not None and item_id in place_of:
                pairs += [(asked, place_of[other]) for other in sought if other in place_of]
            wanted.append(slice(start, len(pairs)))
        itself = [item_id in right.get(one.text, ()) for one in found]
        if not pairs or (after is None and len(pairs) <= len(found)):  # no rank is wanted that is not known
            return tuple(Case(one, itself=own) for one, own in zip(found, itself))
        before, then = self._ranks(view, names, pairs, after)
        best = [min(range(part.start + 1, part.stop), key=lambda row: (int(before[row]), row), default=None) for part in wanted]
        items = {item.item_id: item for item in self._collection.items(sorted({live[pairs[row][1]] for row in best if row is not None}))}
        return tuple(
            Case(
                one, None if row is None else items[live[pairs[row][1]]], None if row is None else int(before[row]),
                None if then is None or part.start == part.stop else int(then[part.start]),
                None if then is None or row is None else int(then[row]), own,
            ) for one, part, row, own in zip(found, wanted, best, itself)
        )  # fmt: skip

    def _ranks(
        self, view: HubsView, names: Sequence[str], pairs: Sequence[tuple[int, int]], after: CorrectedView | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Ranks of pairs (row of the asking vectors, place among the live items by id), plain and corrected."""
        vectors = self._collection.view()
        rows = vectors.live[np.argsort(vectors.item_ids[vectors.live], kind="stable")]
        asked, sought = np.array(pairs, np.int64).T
        used, asked = np.unique(asked, return_inverse=True)

        def find(bias: np.ndarray | None) -> np.ndarray:
            items = vectors.rows(rows)
            if view.query_side == "items":
                return hubness.ranks(items, items[used], asked, sought, bias=bias, skip=used)
            return hubness.ranks(items, HubService(self._collection).asking(view.query_side)[used], asked, sought, bias=bias)

        who = tuple(names[row] for row in used.tolist())
        key = (*state_of(self._collection), vectors.set.set_id, "hub ranks", view.query_side, who, tuple(pairs))
        before = remembered(key, lambda: find(None))
        if after is None or not np.array_equal(after.item_ids, vectors.item_ids[rows]):
            return before, None
        return before, remembered((*key, after.setting, hashlib.sha256(after.bias.tobytes()).digest()), lambda: find(after.bias))

    def _right(self, side: str, texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Text -> ids of the items that answer it; texts without a known answer are left out."""
        asked: dict[str, dict[str, None]] = {text: {} for text in texts if text}
        if side == "captions" and asked:
            # A caption may have been given to several images: each of them answers it.
            for item_id, text in self._collection.select(
                "SELECT item_id, text FROM captions JOIN items USING (item_id) WHERE trashed_at IS NULL"
                " AND text IN (SELECT value FROM json_each(?)) ORDER BY item_id", (json.dumps(list(asked)),),
            ):  # fmt: skip
                asked[text][item_id] = None
        elif side == "queries" and asked:
            graded: dict[str, list[str]] = {}
            for said in consolidate(self._collection.judgments.all()):
                if said.grade is not None and said.grade >= RIGHT_FROM:
                    graded.setdefault(said.query_id, []).append(said.item_id)
            for text, query_id in HubService(self._collection).asked():
                if text in asked:
                    asked[text] |= dict.fromkeys(graded.get(query_id, ()))
        return {text: tuple(ids) for text, ids in asked.items() if ids}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _csv(rows: Sequence[Mapping[str, object]]) -> bytes:
    """UTF-8 with a mark that spreadsheets know it by; text that they would run as a formula stays text."""
    from core.jobs.exporting import cell

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(list(rows[0]) if rows else [])
    for row in rows:
        writer.writerow([cell(value) for value in row.values()])
    return b"\xef\xbb\xbf" + text.getvalue().encode()
