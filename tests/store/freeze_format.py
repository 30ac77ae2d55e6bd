"""Write down what a collection of the present format looks like on the disk.

Run once when a format is released: ``python -m tests.store.freeze_format``. The result is committed and never changed;
`tests/store/test_formats.py` opens it with every later program. Databases are kept as SQL text, to be readable.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.store import Collection, PoolRecord, PoolRow, db, schema
from core.types import Judgment, Query, SavedQuery, Term
from tests.store.material import JOINT, VISUAL, add


def main() -> None:
    """Write ``formats/collection-<version>`` for the newest version."""
    target = Path(__file__).parent / "formats" / f"collection-{len(schema.COLLECTION)}"
    if target.exists():
        sys.exit(f"{target} is there already; a released format is never changed.")
    with tempfile.TemporaryDirectory() as home:
        made = Collection.create("Frozen pictures", Path(home))
        made.add_set(JOINT)
        made.add_set(VISUAL)
        add(made, range(4))
        add(made, range(4, 6))
        made.tag(["i000001"], "good", "me")
        made.trash_items(["i000004"])
        made.judgments.add(Judgment("q1", "i000001", 2, "me"))
        red = Query((Term("text", "red"),))
        made.save_queries([SavedQuery(red.query_id, "red", red)], "Frozen")
        made.save_queries([SavedQuery(red.query_id, "red", red, "Any red.")], "Frozen")
        made.add_pool(PoolRecord("p1", "Frozen", "Frozen", 2, 5, ({"label": "plain", "recipe": {}, "where": ""},)),
                      [PoolRow(red.query_id, "i000001", (1,), ("i000002",))])
        made.log_search(Query((Term("text", "red"),)), "plain", made.generation, 1.5, 5)
        for name in ("collection", "judgments", "log"):
            database = made.path / f"{name}.db"
            connection = sqlite3.connect(database)
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            lines = [*_readable(connection), f"PRAGMA user_version = {version};", ""]
            connection.close()
            (made.path / f"{name}.sql").write_text("\n".join(lines), encoding="utf-8")
        db.close_idle()
        for left in (*made.path.glob("*.db*"), made.path / "write.lock"):
            left.unlink(missing_ok=True)
        shutil.copytree(made.path, target)


def _readable(connection: sqlite3.Connection) -> Iterator[str]:
    """The dump of a database, with a full-text table as the statement that makes it instead of its hidden tables."""
    for statement in connection.iterdump():
        if "INSERT INTO sqlite_master" in statement:
            yield connection.execute("SELECT sql FROM sqlite_master WHERE name = 'text_fts'").fetchone()[0] + ";"
        elif "text_fts_" not in statement and "writable_schema" not in statement:
            yield statement


if __name__ == "__main__":
    main()
