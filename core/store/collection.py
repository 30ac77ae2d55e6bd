"""A collection: its name, its life, and all its parts under one roof."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
import uuid
from pathlib import Path

from core.errors import NotFound
from core.store import homes
from core.store.base import read_meta, write_meta
from core.store.commits import CommitPart
from core.store.db import close_idle
from core.store.files import locked, sync_folder
from core.store.judgments import Judgments
from core.store.media import MediaPart
from core.store.names import check_name, slug, tidy_name
from core.store.pools import PoolsPart
from core.store.queries import QueriesPart
from core.store.tags import TagsPart
from core.store.trash import TrashPart
from core.store.verify import VerifyPart
from core.store.view import ViewPart, forget
from core.types import CollectionInfo


class Collection(CommitPart, ViewPart, VerifyPart, MediaPart, TagsPart, TrashPart, QueriesPart, PoolsPart):
    """A named folder of items, vectors, tags, queries and judgments.

    Opening one is cheap and holds nothing open; every call reads or writes for itself, from any thread or process.
    Use `create` and `open`; ``Collection(path)`` reads nothing and is for checking a damaged one.
    """

    # ------------------------------------------------------------ life

    @classmethod
    def create(cls, name: str, home: Path | None = None, *, attribution: str = "") -> Collection:
        """Make an empty collection.

        Parameters
        ----------
        name : str
            1 to 80 characters without slashes, backslashes and control characters.
        attribution : str
            Who made the pictures and under what licence, where that has to be shown.

        Raises
        ------
        InputError
            The name is malformed or taken.
        """
        name, home = check_name(name), homes.resolve(home)
        with locked(home / homes.LOCK):
            homes.clear_unfinished(home)
            homes.check_free(name, home)
            unfinished = home / f"{homes.UNFINISHED}{secrets.token_hex(8)}"
            unfinished.mkdir()
            try:
                key = homes.free_key(slug(name), home)
                fresh = cls(unfinished)
                for db in (fresh._db, fresh._judgments_db, fresh._log_db):
                    db.create = True
                    db.initialise()
                now = time.time()
                with fresh._db.write() as connection:
                    for meta, value in {
                        "name": name,
                        "uid": uuid.uuid4().hex,
                        "created_at": now,
                        "used_at": now,
                        "generation": 0,
                        "revision": 0,
                        "attribution": attribution,
                    }.items():
                        write_meta(connection, meta, value)
                for folder in (
                    fresh.originals_folder,
                    fresh.thumbs_folder,
                    fresh.vectors_folder,
                    fresh.artifacts_folder,
                ):
                    folder.mkdir()
                fresh.uploads_folder.mkdir()
                for db in (fresh._db, fresh._judgments_db, fresh._log_db):
                    db.flush()
                close_idle(unfinished)
                sync_folder(unfinished)
                os.replace(unfinished, home / key)
                sync_folder(home)
            except BaseException:
                close_idle(unfinished)
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
        return cls(home / key)

    @classmethod
    def open(cls, name_or_key: str, home: Path | None = None) -> Collection:
        """Open the collection of that name, or of that key where no collection has the name.

        Raises
        ------
        NotFound
            There is none; the message says which there are.
        Damaged
            Its database cannot be read.
        """
        home = homes.resolve(home)
        named = homes.names(home)
        wanted = tidy_name(name_or_key)
        for key, name in named.items():
            if name == wanted:
                return cls(home / key)
        if name_or_key in named:
            collection = cls(home / name_or_key)
            _ = collection.name  # a damaged one says so here
            return collection
        there = ", ".join(sorted(name for name in named.values() if name)) or "none"
        raise NotFound(f"There is no collection {name_or_key!r}; there are: {there}.")

    @classmethod
    def open_key(cls, key: str, home: Path | None = None) -> Collection:
        """Open the collection of that key, whatever others are called (for links).

        Raises
        ------
        NotFound
        """
        home = homes.resolve(home)
        if not homes.is_key(key) or not (home / key).is_dir():
            raise NotFound(f"There is no collection with the key {key!r}.")
        return cls(home / key)

    @property
    def home(self) -> Path:
        """The folder this collection is in."""
        return self.path.parent

    @property
    def name(self) -> str:
        """The name people gave it."""
        return str(self._meta("name", self.key))

    @property
    def uid(self) -> str:
        """An id no other collection has or had."""
        return str(self._meta("uid", ""))

    @property
    def stamp(self) -> tuple[str, int]:
        """`uid` and `revision`, of one moment."""
        with self._db.read() as connection:
            return str(read_meta(connection, "uid", "")), int(read_meta(connection, "revision", 0))

    @property
    def attribution(self) -> str:
        """Who made the pictures and under what licence."""
        return str(self._meta("attribution", ""))

    def set_attribution(self, text: str) -> None:
        """Say who made the pictures and under what licence."""
        with self._write() as connection:
            write_meta(connection, "attribution", str(text))

    def rename(self, name: str) -> None:
        """Give it another name; key and folder stay, so links keep working.

        Raises
        ------
        InputError
            The name is malformed or taken.
        """
        name = check_name(name)
        with locked(self.home / homes.LOCK):
            homes.check_free(name, self.home, but=self.key)
            with self._write() as connection:
                write_meta(connection, "name", name)

    def touch(self) -> None:
        """Note that it is being used; at most once a minute."""
        now = time.time()
        if now - float(self._meta("used_at", 0.0)) > 60:
            with self._db.write() as connection:  # not a revision: nothing a page shows depends on it
                write_meta(connection, "used_at", now)

    def trash(self) -> None:
        """Move it to the trash of its home, from where `restore_collection` brings it back."""
        with locked(self.home / homes.LOCK):
            if not self.path.is_dir():
                raise NotFound(f"The collection {self.key} is not there any more.")
            homes.move_to_trash(self.path)
        forget(self.path.absolute())

    def discard(self) -> bool:
        """Delete it for good where it holds nothing anybody could miss; whether it did.

        Nothing to miss: no item, not even in the trash, no saved query and no judgment.
        """
        with locked(self.home / homes.LOCK):
            if len(self) or self.ids(trashed=True) or self.saved_queries() or len(self.judgments):
                return False
            close_idle(self.path)
            # Half deleted it must not be taken for a collection.
            unfinished = self.home / f"{homes.UNFINISHED}{secrets.token_hex(8)}"
            os.replace(self.path, unfinished)
            shutil.rmtree(unfinished, ignore_errors=True)
        forget(self.path.absolute())
        return True

    # ------------------------------------------------------------ about it

    @property
    def judgments(self) -> Judgments:
        """Its judgments."""
        return Judgments(self._judgments_db)

    def info(self) -> CollectionInfo:
        """What Home shows of it."""
        with self._db.read() as connection:
            meta = {k: json.loads(v) for k, v in connection.execute("SELECT key, value FROM meta")}
            n_items, n_bytes = connection.execute(
                "SELECT count(*), coalesce(sum(thumb_bytes), 0) FROM items WHERE trashed_at IS NULL"
            ).fetchone()
            for table in ("segments", "artifacts", "originals", "uploads"):
                n_bytes += connection.execute(f"SELECT coalesce(sum(n_bytes), 0) FROM {table}").fetchone()[0]
            n_bytes += connection.execute(
                "SELECT coalesce(sum(n_bytes), 0) FROM sources WHERE path LIKE 'originals/%/%'"
            ).fetchone()[0]
            encoder = connection.execute("SELECT encoder FROM sets ORDER BY active DESC, n LIMIT 1").fetchone()
            last = connection.execute("SELECT coalesce(max(n), 0) FROM items").fetchone()[0]
            cover: list[str] = []
            for quarter in range(4):  # spread over the collection, and always the same ones
                row = connection.execute(
                    "SELECT item_id FROM items WHERE n > ? AND trashed_at IS NULL AND thumb_bytes > 0"
                    " ORDER BY n LIMIT 1",
                    (last * quarter // 4,),
                ).fetchone()
                if row is not None and row[0] not in cover:
                    cover.append(row[0])
            n_skipped = connection.execute("SELECT count(*) FROM skipped").fetchone()[0]
        n_bytes += sum(int(record["n_bytes"]) for record in self.adaptations().values())
        searched = self.searches(1)
        for db in (self._db, self._judgments_db, self._log_db):
            n_bytes += db.path.stat().st_size if db.path.exists() else 0
        return CollectionInfo(
            key=self.key,
            name=str(meta.get("name", self.key)),
            n_items=n_items,
            encoder=encoder[0] if encoder else "",
            generation=int(meta.get("generation", 0)),
            created_at=float(meta.get("created_at", 0.0)),
            used_at=max([float(meta.get("used_at", 0.0)), *(s.at for s in searched)]),
            n_bytes=n_bytes,
            cover=tuple(cover),
            n_skipped=n_skipped,
            attribution=str(meta.get("attribution", "")),
        )
