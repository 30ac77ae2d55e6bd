BEGIN TRANSACTION;
CREATE TABLE searches (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            query_id TEXT NOT NULL,
            query TEXT NOT NULL,
            recipe TEXT NOT NULL,
            generation INTEGER NOT NULL,
            ms REAL NOT NULL,
            n INTEGER NOT NULL);
INSERT INTO "searches" VALUES(1,1.79561954177015161513e+09,'q977d59ceb69ff142','{"literals":[],"terms":[{"kind":"text","value":"red","weight":1.0}],"where":""}','plain',3,1.5,5);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('searches',1);
COMMIT;
PRAGMA user_version = 1;
