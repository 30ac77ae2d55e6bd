BEGIN TRANSACTION;
CREATE TABLE artifacts (
            kind TEXT NOT NULL,
            set_id TEXT NOT NULL,
            file TEXT NOT NULL,
            n_bytes INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            generation INTEGER NOT NULL,
            meta TEXT NOT NULL,
            made_at REAL NOT NULL,
            PRIMARY KEY (kind, set_id)) WITHOUT ROWID;
CREATE TABLE captions (
            item_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            text TEXT NOT NULL,
            PRIMARY KEY (item_id, position)) WITHOUT ROWID;
INSERT INTO "captions" VALUES('i000000',0,'picture number 0');
INSERT INTO "captions" VALUES('i000001',0,'picture number 1');
INSERT INTO "captions" VALUES('i000002',0,'picture number 2');
INSERT INTO "captions" VALUES('i000003',0,'picture number 3');
INSERT INTO "captions" VALUES('i000004',0,'picture number 4');
INSERT INTO "captions" VALUES('i000005',0,'picture number 5');
CREATE TABLE columns (name TEXT PRIMARY KEY, kind TEXT NOT NULL);
INSERT INTO "columns" VALUES('number','number');
INSERT INTO "columns" VALUES('parity','text');
CREATE TABLE folds (item_id TEXT PRIMARY KEY, group_id TEXT NOT NULL, decision TEXT NOT NULL DEFAULT '');
CREATE TABLE items (
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
            meta TEXT NOT NULL DEFAULT '{}');
INSERT INTO "items" VALUES(1,'i000000','5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9','folder/picture_0.jpg',640,480,1000,1.79561954169784927367e+09,'2024-01-01','ok',NULL,NULL,NULL,44,1263328749,'{"number":0,"parity":"even"}');
INSERT INTO "items" VALUES(2,'i000001','6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b','folder/picture_1.jpg',640,480,1001,1.79561954169784927367e+09,'2024-01-02','ok',NULL,NULL,NULL,44,3010360223,'{"number":1,"parity":"odd"}');
INSERT INTO "items" VALUES(3,'i000002','d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35','folder/picture_2.jpg',640,480,1002,1.79561954169784927367e+09,'2024-01-03','ok',NULL,NULL,NULL,44,1618511688,'{"number":2,"parity":"even"}');
INSERT INTO "items" VALUES(4,'i000003','4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce','folder/picture_3.jpg',640,480,1003,1.79561954169784927367e+09,'2024-01-04','ok',NULL,NULL,NULL,44,2556045626,'{"number":3,"parity":"odd"}');
INSERT INTO "items" VALUES(5,'i000004','4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a','folder/picture_4.jpg',640,480,1004,1.79561954171603536606e+09,'2024-01-05','trashed',NULL,1.79561954172528910633e+09,'0bfb63befd85cee4',44,488925351,'{"number":4,"parity":"even"}');
INSERT INTO "items" VALUES(6,'i000005','ef2d127de37b942baad06145e54b0c619a1f22327b2ebbcfbec78f5564afe39d','folder/picture_5.jpg',640,480,1005,1.79561954171603536606e+09,'2024-01-06','ok',NULL,NULL,NULL,44,3842426581,'{"number":5,"parity":"odd"}');
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('attribution','""');
INSERT INTO "meta" VALUES('created_at','1795619541.6172931');
INSERT INTO "meta" VALUES('generation','3');
INSERT INTO "meta" VALUES('name','"Frozen pictures"');
INSERT INTO "meta" VALUES('revision','9');
INSERT INTO "meta" VALUES('uid','"b04d0dd3e56d42af8e445d9298c3eebc"');
INSERT INTO "meta" VALUES('used_at','1795619541.6172931');
CREATE TABLE n_k (item_id TEXT PRIMARY KEY, n_k INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE originals (
            name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, n_bytes INTEGER NOT NULL, added_at REAL NOT NULL);
CREATE TABLE pool_pairs (
            pool_id TEXT NOT NULL,
            query_id TEXT NOT NULL,
            item_id TEXT NOT NULL,
            ranks TEXT NOT NULL,
            copies TEXT NOT NULL DEFAULT '[]',
            PRIMARY KEY (pool_id, query_id, item_id)) WITHOUT ROWID;
INSERT INTO "pool_pairs" VALUES('p1','q977d59ceb69ff142','i000001','[1]','["i000002"]');
CREATE TABLE pools (
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
            removed_at REAL);
INSERT INTO "pools" VALUES('p1','Frozen','Frozen',2,5,'[{"label": "plain", "recipe": {}, "where": ""}]',1,0,0,'[]',1.0,0,1.79561954176546382903e+09,NULL);
CREATE TABLE queries (
            n INTEGER PRIMARY KEY,
            set_name TEXT NOT NULL,
            query_id TEXT NOT NULL,
            text TEXT NOT NULL,
            query TEXT NOT NULL,
            guideline TEXT NOT NULL DEFAULT '',
            origin TEXT NOT NULL DEFAULT 'typed',
            added_at REAL NOT NULL, asked INTEGER NOT NULL DEFAULT 0,
            UNIQUE (set_name, query_id));
INSERT INTO "queries" VALUES(1,'Frozen','q977d59ceb69ff142','red','{"literals":[],"terms":[{"kind":"text","value":"red","weight":1.0}],"where":""}','Any red.','typed',1.79561954174949288363e+09,0);
CREATE TABLE query_history (
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
            until INTEGER);
INSERT INTO "query_history" VALUES(1,'Frozen','q977d59ceb69ff142',1,'red','{"literals":[],"terms":[{"kind":"text","value":"red","weight":1.0}],"where":""}','','typed',0,1,2);
INSERT INTO "query_history" VALUES(2,'Frozen','q977d59ceb69ff142',1,'red','{"literals":[],"terms":[{"kind":"text","value":"red","weight":1.0}],"where":""}','Any red.','typed',0,2,NULL);
CREATE TABLE query_versions (
            set_name TEXT NOT NULL,
            version INTEGER NOT NULL,
            at REAL NOT NULL,
            why TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (set_name, version)) WITHOUT ROWID;
INSERT INTO "query_versions" VALUES('Frozen',1,1.79561954174982047081e+09,'added');
INSERT INTO "query_versions" VALUES('Frozen',2,1.79561954175743293763e+09,'added');
CREATE TABLE segments (
            set_id TEXT NOT NULL,
            seq INTEGER NOT NULL,
            start INTEGER NOT NULL,
            n_rows INTEGER NOT NULL,
            n_bytes INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            ids_sha256 TEXT NOT NULL,
            added_at REAL NOT NULL,
            PRIMARY KEY (set_id, seq)) WITHOUT ROWID;
INSERT INTO "segments" VALUES('fake-joint',1,0,4,320,'b0d6a918e93ac5ffebe3fd4be653438a0fd1ac5c9bf935173c688812e2395059','5fa91905bbaac1606ddbb5644f1147db864986e376b8c4bc738b4f548bd16c68',1.79561954169848322871e+09);
INSERT INTO "segments" VALUES('fake-joint',2,4,2,224,'05bf435b76635b41485a48bcb3ac6ec66a6cefac0abfacc43c75e025f912f81b','9ca54d1d12e4be1df196d4f0845afe4f10c58ee891c4701d63f055731965f594',1.79561954171651864051e+09);
INSERT INTO "segments" VALUES('fake-visual',1,0,4,192,'ba005d8fb74fc22bb25bcb780e75907f7ab34013c575f86d1061681b3aec98ec','5fa91905bbaac1606ddbb5644f1147db864986e376b8c4bc738b4f548bd16c68',1.79561954169856905936e+09);
INSERT INTO "segments" VALUES('fake-visual',2,4,2,160,'443f12f6d7991c8d2d33fe64fad6e81506f8b591f28908da14b0f1b6c55fdcde','9ca54d1d12e4be1df196d4f0845afe4f10c58ee891c4701d63f055731965f594',1.79561954171659874917e+09);
CREATE TABLE sets (
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
            changed INTEGER NOT NULL DEFAULT 0);
INSERT INTO "sets" VALUES('fake-joint',1,'fake','w1','squash','joint',24,'','float32',1,1,0,2,3);
INSERT INTO "sets" VALUES('fake-visual',2,'fake','w1','squash','visual',8,'','float32',0,0,0,2,3);
CREATE TABLE skipped (file TEXT PRIMARY KEY, reason TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE sources (
            path TEXT PRIMARY KEY,
            item_id TEXT NOT NULL,
            root TEXT NOT NULL DEFAULT '',
            n_bytes INTEGER NOT NULL DEFAULT 0,
            mtime_ns INTEGER NOT NULL DEFAULT 0,
            missing INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
INSERT INTO "sources" VALUES('/source/folder/picture_0.jpg','i000000','/source',1000,1000000000000000000,0);
INSERT INTO "sources" VALUES('/source/folder/picture_1.jpg','i000001','/source',1001,1000000000000000001,0);
INSERT INTO "sources" VALUES('/source/folder/picture_2.jpg','i000002','/source',1002,1000000000000000002,0);
INSERT INTO "sources" VALUES('/source/folder/picture_3.jpg','i000003','/source',1003,1000000000000000003,0);
INSERT INTO "sources" VALUES('/source/folder/picture_4.jpg','i000004','/source',1004,1000000000000000004,0);
INSERT INTO "sources" VALUES('/source/folder/picture_5.jpg','i000005','/source',1005,1000000000000000005,0);
CREATE TABLE tags (
            n INTEGER PRIMARY KEY,
            batch TEXT NOT NULL,
            item_id TEXT NOT NULL,
            tag TEXT NOT NULL,
            who TEXT NOT NULL,
            at REAL NOT NULL,
            undone_at REAL,
            undone_by TEXT,
            undone_batch TEXT);
INSERT INTO "tags" VALUES(1,'cf00b3c19e8d7b7a','i000001','good','me',1.79561954172246098513e+09,NULL,NULL,NULL);
CREATE VIRTUAL TABLE text_fts USING fts5 (
            item_id UNINDEXED, file, caption, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');
INSERT INTO "text_fts" VALUES('i000000','folder/picture_0.jpg','picture number 0');
INSERT INTO "text_fts" VALUES('i000001','folder/picture_1.jpg','picture number 1');
INSERT INTO "text_fts" VALUES('i000002','folder/picture_2.jpg','picture number 2');
INSERT INTO "text_fts" VALUES('i000003','folder/picture_3.jpg','picture number 3');
INSERT INTO "text_fts" VALUES('i000004','folder/picture_4.jpg','picture number 4');
INSERT INTO "text_fts" VALUES('i000005','folder/picture_5.jpg','picture number 5');
CREATE TABLE uploads (hash TEXT PRIMARY KEY, n_bytes INTEGER NOT NULL, added_at REAL NOT NULL);
CREATE TABLE vectors (
            set_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            item_id TEXT NOT NULL,
            dead INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (set_id, position)) WITHOUT ROWID;
INSERT INTO "vectors" VALUES('fake-joint',0,'i000000',0);
INSERT INTO "vectors" VALUES('fake-joint',1,'i000001',0);
INSERT INTO "vectors" VALUES('fake-joint',2,'i000002',0);
INSERT INTO "vectors" VALUES('fake-joint',3,'i000003',0);
INSERT INTO "vectors" VALUES('fake-joint',4,'i000004',0);
INSERT INTO "vectors" VALUES('fake-joint',5,'i000005',0);
INSERT INTO "vectors" VALUES('fake-visual',0,'i000000',0);
INSERT INTO "vectors" VALUES('fake-visual',1,'i000001',0);
INSERT INTO "vectors" VALUES('fake-visual',2,'i000002',0);
INSERT INTO "vectors" VALUES('fake-visual',3,'i000003',0);
INSERT INTO "vectors" VALUES('fake-visual',4,'i000004',0);
INSERT INTO "vectors" VALUES('fake-visual',5,'i000005',0);
CREATE INDEX items_live ON items (n, item_id, thumb_bytes) WHERE trashed_at IS NULL;
CREATE INDEX items_trashed ON items (trashed_at) WHERE trashed_at IS NOT NULL;
CREATE INDEX items_sha256 ON items (sha256);
CREATE INDEX items_file ON items (file);
CREATE INDEX items_date ON items (date);
CREATE INDEX sources_item ON sources (item_id, missing);
CREATE UNIQUE INDEX tags_live ON tags (item_id, tag) WHERE undone_at IS NULL;
CREATE INDEX tags_by_tag ON tags (tag, item_id) WHERE undone_at IS NULL;
CREATE INDEX tags_batch ON tags (batch);
CREATE INDEX tags_undone_batch ON tags (undone_batch) WHERE undone_batch IS NOT NULL;
CREATE INDEX n_k_count ON n_k (n_k);
CREATE INDEX folds_group ON folds (group_id);
CREATE UNIQUE INDEX vectors_live ON vectors (set_id, item_id) WHERE dead = 0;
CREATE INDEX vectors_dead ON vectors (set_id, position) WHERE dead = 1;
CREATE INDEX query_history_set ON query_history (set_name, since);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('items',6);
COMMIT;
PRAGMA user_version = 2;
