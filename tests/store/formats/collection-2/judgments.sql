BEGIN TRANSACTION;
CREATE TABLE judgments (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            query_id TEXT NOT NULL,
            item_id TEXT NOT NULL,
            grade INTEGER,
            judge TEXT NOT NULL,
            at REAL NOT NULL,
            note TEXT NOT NULL DEFAULT '',
            origin TEXT NOT NULL DEFAULT 'judge',
            undone_at REAL, ms INTEGER, copied_from INTEGER);
INSERT INTO "judgments" VALUES(1,'q1','i000001',2,'me',1.79561954172745633128e+09,'','judge',NULL,NULL,NULL);
CREATE INDEX judgments_query ON judgments (query_id, item_id);
CREATE INDEX judgments_judge ON judgments (judge, id);
CREATE INDEX judgments_copies ON judgments (copied_from) WHERE copied_from IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('judgments',1);
COMMIT;
PRAGMA user_version = 2;
