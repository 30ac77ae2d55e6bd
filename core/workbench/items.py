"""Items as a service: reading, browsing, tags, trash, near-duplicates, and ways out of the collection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from core.errors import InputError
from core.store import Collection
from core.types import Column, Facet, Item, Query, SearchResult, Skipped

if TYPE_CHECKING:
    from core.jobs.attaching import Attached


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Items that are nearly the same image.

    Attributes
    ----------
    group_id : str
    items : tuple of Item
        The largest image first.
    decisions : tuple of str
        ``keep``, or empty where nobody has decided; one for each item.
    """

    group_id: str
    items: tuple[Item, ...]
    decisions: tuple[str, ...]


class ItemService:
    """``wb.items``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    # ------------------------------------------------------------ reading

    def get(self, item_id: str) -> Item:
        """One item.

        Raises
        ------
        NotFound
        """
        return self._collection.item(item_id)

    def many(self, ids: Sequence[str]) -> list[Item]:
        """Items in the order of `ids`.

        Raises
        ------
        NotFound
        """
        return self._collection.items(ids)

    def thumb_path(self, item_id: str) -> Path:
        """An item's thumbnail: JPEG, longest side 320.

        Raises
        ------
        NotFound
        """
        return self._collection.thumb_path(item_id)

    def browse(
        self, query: Query | None = None, sort: str = "name", seed: int = 0, limit: int = 60, offset: int = 0
    ) -> SearchResult:
        """All items that pass the query's filters, page by page; its terms are not looked at.

        Parameters
        ----------
        sort : {"name", "date", "n_k", "random"}
        seed : int
            For ``random``: the same seed gives the same order.
        """
        from core.search.browse import browse

        return browse(self._collection, query or Query(), sort=sort, seed=seed, limit=limit, offset=offset)

    def facets(self, query: Query | None = None) -> tuple[Facet, ...]:
        """Columns with the values that can be chosen and exact counts under the query's other filters."""
        from core.search.facets import facets

        return facets(self._collection, query or Query())

    def columns(self) -> tuple[Column, ...]:
        """Metadata columns in the order they came."""
        return self._collection.columns()

    def neighbours(self, item_id: str, k: int = 12) -> list[tuple[Item, float]]:
        """The `k` most similar other items with their cosines, best first: by looks, where there is a visual space.

        Raises
        ------
        NotFound
            No such item, or it has no vector.
        """
        from core.index.exact import top_k
        from core.search.sets import by_looks

        view = self._collection.view(by_looks(self._collection, self._collection.set())[0].set_id)
        at = view.positions([item_id])
        positions, scores = top_k(view.matrix, view.rows(at)[0], k + 1, view.live, ids=view.item_ids)
        near = [(str(view.item_ids[p]), float(s)) for p, s in zip(positions, scores) if p != at[0]][:k]
        return list(zip(self._collection.items([i for i, _ in near]), [s for _, s in near]))

    def skipped(self) -> tuple[Skipped, ...]:
        """Files that could not be used, with their reasons, newest first."""
        return self._collection.skipped()

    def clear_skipped(self, files: Iterable[str] | None = None) -> None:
        """Forget skipped files (None: all of them)."""
        self._collection.clear_skipped(files)

    # ------------------------------------------------------------ tags and trash

    def tags(self) -> list[tuple[str, int]]:
        """Every tag with its number of items, most frequent first."""
        return self._collection.tags()

    def tag(self, ids: Iterable[str], tag: str, who: str = "") -> str:
        """Tag items; the batch is for `undo`."""
        return self._collection.tag(ids, tag, who)

    def untag(self, ids: Iterable[str], tag: str, who: str = "") -> str:
        """Take a tag from items; the batch is for `undo`."""
        return self._collection.untag(ids, tag, who)

    def undo(self, batch: str) -> int:
        """Undo one `tag`, `untag` or `trash`; how many rows that changed."""
        return self._collection.undo_tags(batch) or self._collection.restore_batch(batch)

    def trash(self, ids: Iterable[str]) -> str:
        """Move items to the trash, where they stay for 30 days; the batch is for `undo`."""
        return self._collection.trash_items(ids)

    def restore(self, ids: Iterable[str]) -> int:
        """Take items out of the trash; how many came back."""
        return self._collection.restore_items(ids)

    def trashed(self) -> list[Item]:
        """Items in the trash, the latest first."""
        return self._collection.trashed_items()

    # ------------------------------------------------------------ captions and metadata

    def attach_table(self, path: str | Path) -> Attached:
        """Add a table's captions and metadata to items that are there, by its ``id`` column or by file name.

        Raises
        ------
        InputError
            The table cannot be read, or has neither an id nor a file column.
        """
        from core.jobs.attaching import attach

        return attach(self._collection, path)

    # ------------------------------------------------------------ near-duplicates

    def duplicates(self) -> list[DuplicateGroup]:
        """Groups of nearly equal images of which at least two are still there, the largest group first."""
        rows = self._collection.select(
            "SELECT group_id, item_id, decision FROM folds JOIN items USING (item_id) WHERE trashed_at IS NULL"
            " ORDER BY group_id, width * height DESC, n_bytes DESC, item_id"
        )
        groups: dict[str, list[tuple[str, str]]] = {}
        for group_id, item_id, decision in rows:
            groups.setdefault(group_id, []).append((item_id, decision))
        kept = {group_id: members for group_id, members in groups.items() if len(members) > 1}
        found = {item.item_id: item for item in self.many([i for members in kept.values() for i, _ in members])}
        made = [
            DuplicateGroup(group_id, tuple(found[i] for i, _ in members), tuple(d for _, d in members))
            for group_id, members in kept.items()
        ]
        return sorted(made, key=lambda group: (-len(group.items), group.group_id))

    def decide(self, ids: Sequence[str], decision: str) -> str:
        """Say what becomes of near-duplicates: ``keep`` notes it, ``remove`` moves them to the trash.

        Returns
        -------
        str
            For ``remove`` the batch for `undo`; otherwise an empty string.
        """
        if decision not in ("keep", "remove", ""):
            raise InputError(f"A near-duplicate can be kept or removed, not {decision!r}.")
        self._collection.decide_fold(ids, decision)
        return self.trash(ids) if decision == "remove" else ""

    # ------------------------------------------------------------ ways out

    def export_hits(self, what: SearchResult | Sequence[str], kind: str, out: BinaryIO) -> None:
        """Write hits (or items by id): ``csv``, ``jsonl``, or ``zip`` with the images and a ``hits.csv``.

        Raises
        ------
        InputError
            There is no such format.
        """
        from core.jobs.exporting import export_hits

        export_hits(self._collection, what, kind, out)

    def export_parquet(self, path: str | Path, set_id: str | None = None) -> int:
        """Write every item with its vector, map coordinates, N_k, tags and metadata; the number of rows."""
        from core.jobs.exporting import export_parquet

        return export_parquet(self._collection, Path(path).expanduser(), set_id)

    def new_collection(self, name: str, ids: Sequence[str]) -> Collection:
        """Copy items with captions, metadata, tags, thumbnails and vectors into a new collection; nothing is encoded.

        Raises
        ------
        InputError
            The name cannot be used, or there are no ids.
        NotFound
            One of the items is not in the collection.
        """
        from core.workbench.copying import copy_items

        return copy_items(self._collection, name, ids)
