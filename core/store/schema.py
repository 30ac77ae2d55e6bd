"""The tables of a collection, version by version.

A list is never edited once it was released: a change is one more entry. The tables of ``collection.db`` named below
are a public schema for reading (`Collection.select`):

``items(n, item_id, sha256, file, width, height, n_bytes, added_at, date, status, supersedes, trashed_at, meta)``,
``sources(path, item_id, root, n_bytes, mtime_ns, missing)``, ``captions(item_id, position, text)``,
``tags(batch, item_id, tag, who, at, undone_at)``, ``text_fts(item_id, file, caption)`` with ``rowid = items.n``,
``columns(name, kind)``, ``n_k(item_id, n_k)``, ``folds(item_id, group_id, decision)``, ``meta(key, value)``,
``queries(set_name, query_id, text, query, guideline, origin, asked)``, ``query_versions(set_name, version, at, why)``,
``query_history(set_name, query_id, place, text, query, guideline, origin, asked, since, until)``: a query was in the
versions from ``since`` on and before ``until`` (NULL: to this day);
``pools(pool_id, name, set_name, set_version, depth, arms, ...)``, ``pool_pairs(pool_id, query_id, item_id, ranks, copies)``.

A live item has ``trashed_at IS NULL``; a live tag has ``undone_at IS NULL``. ``items.meta`` is a JSON object; a value
is read with ``json_extract(meta, '$."name"')``. ``sources.path`` is absolute, or relative to the collection's folder
for originals that Loupe keeps itself.
"""

from __future__ import annotations

COLLECTION = (
    # version 1
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE items (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            item_id TEXT NOT NULL UNIQUE,
            sha256 TEXT NOT NULL,
            file TEXT NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            n_bytes INTEGER NOT NULL,
            added_at REAL NOT NULL,
            date TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'ok' CHECK (status IN ('ok', 'missing', 'trashed')),
            supersedes TEXT,
            trashed_at REAL,
            trash_batch TEXT,
            thumb_bytes INTEGER NOT NULL DEFAULT 0,
            thumb_crc INTEGER NOT NULL DEFAULT 0,
            meta TEXT NOT NULL DEFAULT '{}')""",
        "CREATE INDEX items_live ON items (n, item_id, thumb_bytes) WHERE trashed_at IS NULL",
        "CREATE INDEX items_trashed ON items (trashed_at) WHERE trashed_at IS NOT NULL",
        "CREATE INDEX items_sha256 ON items (sha256)",
        "CREATE INDEX items_file ON items (file)",
        "CREATE INDEX items_date ON items (date)",
        """CREATE TABLE sources (
            path TEXT PRIMARY KEY,
            item_id TEXT NOT NULL,
            root TEXT NOT NULL DEFAULT '',
            n_bytes INTEGER NOT NULL DEFAULT 0,
            mtime_ns INTEGER NOT NULL DEFAULT 0,
            missing INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID""",
        "CREATE INDEX sources_item ON sources (item_id, missing)",
        """CREATE TABLE captions (
            item_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            text TEXT NOT NULL,
            PRIMARY KEY (item_id, position)) WITHOUT ROWID""",
        """CREATE TABLE tags (
            n INTEGER PRIMARY KEY,
            batch TEXT NOT NULL,
            item_id TEXT NOT NULL,
            tag TEXT NOT NULL,
            who TEXT NOT NULL,
            at REAL NOT NULL,
            undone_at REAL,
            undone_by TEXT,
            undone_batch TEXT)""",
        "CREATE UNIQUE INDEX tags_live ON tags (item_id, tag) WHERE undone_at IS NULL",
        "CREATE INDEX tags_by_tag ON tags (tag, item_id) WHERE undone_at IS NULL",
        "CREATE INDEX tags_batch ON tags (batch)",
        "CREATE INDEX tags_undone_batch ON tags (undone_batch) WHERE undone_batch IS NOT NULL",
        """CREATE VIRTUAL TABLE text_fts USING fts5 (
            item_id UNINDEXED, file, caption, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3')""",
        "CREATE TABLE columns (name TEXT PRIMARY KEY, kind TEXT NOT NULL)",
        "CREATE TABLE n_k (item_id TEXT PRIMARY KEY, n_k INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX n_k_count ON n_k (n_k)",
        "CREATE TABLE folds (item_id TEXT PRIMARY KEY, group_id TEXT NOT NULL, decision TEXT NOT NULL DEFAULT '')",
        "CREATE INDEX folds_group ON folds (group_id)",
        "CREATE TABLE skipped (file TEXT PRIMARY KEY, reason TEXT NOT NULL, at REAL NOT NULL)",
        """CREATE TABLE sets (
            set_id TEXT PRIMARY KEY,
            n INTEGER NOT NULL,
            encoder TEXT NOT NULL,
            weights TEXT NOT NULL,
            preprocessing TEXT NOT NULL,
            space TEXT NOT NULL,
            dim INTEGER NOT NULL,
            engine TEXT NOT NULL,
            precision TEXT NOT NULL,
            has_text INTEGER NOT NULL,
            active INTEGER NOT NULL DEFAULT 0,
            epoch INTEGER NOT NULL DEFAULT 0,
            last_seq INTEGER NOT NULL DEFAULT 0,
            changed INTEGER NOT NULL DEFAULT 0)""",
        """CREATE TABLE segments (
            set_id TEXT NOT NULL,
            seq INTEGER NOT NULL,
            start INTEGER NOT NULL,
            n_rows INTEGER NOT NULL,
            n_bytes INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            ids_sha256 TEXT NOT NULL,
            added_at REAL NOT NULL,
            PRIMARY KEY (set_id, seq)) WITHOUT ROWID""",
        """CREATE TABLE vectors (
            set_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            item_id TEXT NOT NULL,
            dead INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (set_id, position)) WITHOUT ROWID""",
        "CREATE UNIQUE INDEX vectors_live ON vectors (set_id, item_id) WHERE dead = 0",
        "CREATE INDEX vectors_dead ON vectors (set_id, position) WHERE dead = 1",
        """CREATE TABLE artifacts (
            kind TEXT NOT NULL,
            set_id TEXT NOT NULL,
            file TEXT NOT NULL,
            n_bytes INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            generation INTEGER NOT NULL,
            meta TEXT NOT NULL,
            made_at REAL NOT NULL,
            PRIMARY KEY (kind, set_id)) WITHOUT ROWID""",
        """CREATE TABLE originals (
            name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, n_bytes INTEGER NOT NULL, added_at REAL NOT NULL)""",
        "CREATE TABLE uploads (hash TEXT PRIMARY KEY, n_bytes INTEGER NOT NULL, added_at REAL NOT NULL)",
        """CREATE TABLE queries (
            n INTEGER PRIMARY KEY,
            set_name TEXT NOT NULL,
            query_id TEXT NOT NULL,
            text TEXT NOT NULL,
            query TEXT NOT NULL,
            guideline TEXT NOT NULL DEFAULT '',
            origin TEXT NOT NULL DEFAULT 'typed',
            added_at REAL NOT NULL,
            UNIQUE (set_name, query_id))""",
    ),
    # version 2: versions of query sets, pools
    (
        "ALTER TABLE queries ADD COLUMN asked INTEGER NOT NULL DEFAULT 0",
        """CREATE TABLE query_versions (
            set_name TEXT NOT NULL,
            version INTEGER NOT NULL,
            at REAL NOT NULL,
            why TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (set_name, version)) WITHOUT ROWID""",
        """CREATE TABLE query_history (
            n INTEGER PRIMARY KEY,
            set_name TEXT NOT NULL,
            query_id TEXT NOT NULL,
            place INTEGER NOT NULL,
            text TEXT NOT NULL,
            query TEXT NOT NULL,
            guideline TEXT NOT NULL,
            origin TEXT NOT NULL,
            asked INTEGER NOT NULL,
            since INTEGER NOT NULL,
            until INTEGER)""",
        "CREATE INDEX query_history_set ON query_history (set_name, since)",
        """INSERT INTO query_versions (set_name, version, at, why)
            SELECT set_name, 1, max(added_at), 'made before versions were kept' FROM queries GROUP BY set_name""",
        """INSERT INTO query_history (set_name, query_id, place, text, query, guideline, origin, asked, since)
            SELECT set_name, query_id, n, text, query, guideline, origin, asked, 1 FROM queries ORDER BY n""",
        """CREATE TABLE pools (
            pool_id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            set_name TEXT NOT NULL,
            set_version INTEGER NOT NULL,
            depth INTEGER NOT NULL,
            arms TEXT NOT NULL,
            collapse INTEGER NOT NULL,
            propagate INTEGER NOT NULL,
            seed INTEGER NOT NULL,
            judges TEXT NOT NULL DEFAULT '[]',
            overlap REAL NOT NULL DEFAULT 1,
            generation INTEGER NOT NULL,
            made_at REAL NOT NULL,
            removed_at REAL)""",
        """CREATE TABLE pool_pairs (
            pool_id TEXT NOT NULL,
            query_id TEXT NOT NULL,
            item_id TEXT NOT NULL,
            ranks TEXT NOT NULL,
            copies TEXT NOT NULL DEFAULT '[]',
            PRIMARY KEY (pool_id, query_id, item_id)) WITHOUT ROWID""",
    ),
)

JUDGMENTS = (
    # version 1
    (
        """CREATE TABLE judgments (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            query_id TEXT NOT NULL,
            item_id TEXT NOT NULL,
            grade INTEGER,
            judge TEXT NOT NULL,
            at REAL NOT NULL,
            note TEXT NOT NULL DEFAULT '',
            origin TEXT NOT NULL DEFAULT 'judge',
            undone_at REAL)""",
        "CREATE INDEX judgments_query ON judgments (query_id, item_id)",
    ),
    # version 2: how long a judgment took, and which one it is a copy of
    (
        "ALTER TABLE judgments ADD COLUMN ms INTEGER",
        "ALTER TABLE judgments ADD COLUMN copied_from INTEGER",
        "CREATE INDEX judgments_judge ON judgments (judge, id)",
        "CREATE INDEX judgments_copies ON judgments (copied_from) WHERE copied_from IS NOT NULL",
    ),
)

LOG = (
    # version 1
    (
        """CREATE TABLE searches (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            query_id TEXT NOT NULL,
            query TEXT NOT NULL,
            recipe TEXT NOT NULL,
            generation INTEGER NOT NULL,
            ms REAL NOT NULL,
            n INTEGER NOT NULL)""",
    ),
)
