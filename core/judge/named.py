"""Items by what other files call them: an item id, or a file name, with or without folders."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from core.ingest.matching import FileIndex
from core.store import Collection


def file_index(collection: Collection) -> tuple[dict[str, str], FileIndex]:
    """Every file name the live items are known by with its item, copies of the same bytes included.

    Returns
    -------
    items : dict of file to item id
    index : FileIndex
    """
    files: dict[str, str] = dict(collection.select("SELECT file, item_id FROM items WHERE trashed_at IS NULL ORDER BY n DESC"))
    roots = set()
    for path, root, item_id in collection.select(
        "SELECT s.path, s.root, s.item_id FROM sources s JOIN items i ON i.item_id = s.item_id"
        " WHERE i.trashed_at IS NULL ORDER BY s.path"
    ):
        files.setdefault(posixpath.relpath(path, root) if root and path.startswith(root) else posixpath.basename(path), item_id)
        if root:
            roots.add(posixpath.basename(root.rstrip("/")))
    return files, FileIndex(files, roots)


def resolver(collection: Collection) -> Callable[[str], tuple[str | None, str]]:
    """A function from an item id or a file name to (item id, "") or (None, why it is not found); it reads the names once."""
    known: list = []

    def resolve(value: str) -> tuple[str | None, str]:
        if not known:
            shared = "SELECT file, count(*) FROM items WHERE trashed_at IS NULL GROUP BY file HAVING count(*) > 1"
            known.extend((set(collection.ids()), *file_index(collection), dict(collection.select(shared))))
        ids, files, index, several = known
        if value in ids:
            return value, ""
        file, why = index.find(value)
        if file in several:
            return None, f"{several[file]:,} images are called {file[:80]!r}; give the id of one"
        return (files[file], "") if file is not None else (None, why)

    return resolve
