"""A table alone: its captions and metadata given to items that are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.store import Collection
from core.types import Skipped


@dataclass(frozen=True, slots=True)
class Attached:
    """What became of a table that was joined to items that are there.

    Attributes
    ----------
    updated : int
        Items that got captions or metadata.
    unmatched_rows : tuple of Skipped
        Rows for which there is no item, with the reason.
    unmatched_items : int
        Items without a row.
    unmatched_files : tuple of str
        Their file names.
    """

    updated: int
    unmatched_rows: tuple[Skipped, ...]
    unmatched_items: int
    unmatched_files: tuple[str, ...] = ()


def attach(collection: Collection, path: str | Path) -> Attached:
    """Add a table's captions and metadata to items that are there, by its ``id`` column or by file name.

    Raises
    ------
    InputError
        The table cannot be read, or has neither an id nor a file column.
    """
    from core.ingest.matching import attach_rows
    from core.ingest.tables import read_table

    table = read_table(Path(path).expanduser())
    file_of = dict(collection.select("SELECT item_id, file FROM items WHERE trashed_at IS NULL ORDER BY n DESC"))
    roots = [Path(root) for (root,) in collection.select("SELECT DISTINCT root FROM sources")]
    names = {name for root in roots for name in (root.name, root.stem)}  # of a zip both are used
    joined = attach_rows(table, {file: item_id for item_id, file in file_of.items()}, collection.ids(), names)
    updated = collection.update_metadata(joined.updates)
    if updated:
        collection.set_columns(table.columns)
    left = tuple(sorted(file_of.get(item_id, item_id) for item_id in joined.unmatched_items))
    return Attached(updated, joined.unmatched_rows, len(left), left)


def stands_alone(collection: Collection, source: Path) -> bool:
    """Whether a source is a table for a collection that is there: by id or file, and not one of its files lies beside it."""
    from core.ingest.folders import TABLE_EXTENSIONS
    from core.ingest.matching import candidates_of
    from core.ingest.tables import read_table

    if source.suffix.lower() not in TABLE_EXTENSIONS or not len(collection):
        return False
    table = read_table(source)
    if table.image_column is None:
        return table.id_column is not None
    return not candidates_of(table).candidates
