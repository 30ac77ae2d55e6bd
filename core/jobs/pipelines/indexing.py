"""The heart of ingest: candidates in, items with vectors out, only what is new, and an account of every file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from core.encode.protocol import Encoder, vector_sets
from core.ingest.sources import Candidate
from core.jobs.pipelines import deriving
from core.jobs.pipelines.committing import Committer
from core.jobs.pipelines.keeping import Keeper
from core.jobs.pipelines.reading import Read, Reader
from core.jobs.progress import Progress
from core.store import Collection
from core.types import NewItem, Scalar, Skipped

BATCH = 16
BATCH_S = 2.0
"""Models that take longer for a batch get smaller ones, so that cancelling and progress stay prompt."""
SMALL_BATCH = 8
"""Fewer only for models of more than half a second an image: a model runs several parts of a batch side by side."""
COMPARE_AT_A_TIME = 500


@dataclass
class Account:
    """What became of the candidates."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    missing: int = 0
    duplicates: list[dict[str, str]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    items: set[str] = field(default_factory=set)


class Indexer:
    """Brings candidates into a collection.

    Parameters
    ----------
    collection : Collection
    encoder : Encoder or None
        None: vectors are brought by other means.
    progress : Progress
    keeper : Keeper, optional
        For files whose place is temporary.
    """

    def __init__(
        self, collection: Collection, encoder: Encoder | None, progress: Progress, keeper: Keeper | None = None
    ) -> None:
        self._collection = collection
        self._encoder = encoder
        self._progress = progress
        self._keeper = keeper
        self.sets = vector_sets(encoder) if encoder is not None else ()
        self.account = Account()
        self._sources = collection.known_sources()
        self._there = collection.has(item_id for item_id, _, _ in self._sources.values()) | set(collection.ids())
        for vector_set in self.sets:
            collection.add_set(vector_set)
        # Adapted vectors follow from those of their base: first for what is there, then for each batch.
        self._derived = deriving.derived_from(collection, encoder) if encoder is not None else ()
        for derived in self._derived:
            deriving.catch_up(collection, derived)
        lacking = {item_id for s in self.sets for item_id in collection.vectorless(s.set_id)} | set(collection.thumbless())
        self._complete = self._there - lacking
        self._trashed = set(collection.ids(trashed=True))
        self._file_of: dict[str, str] = {}
        self._said_of: dict[str, Mapping[str, Scalar]] = {}
        self._seen_paths: set[str] = set()
        # Copies of items of another place; told at the end, as that place may be met in this very run.
        self._copies: dict[str, dict[str, str]] = {}
        self._worded: list[tuple[Candidate, str]] = []
        self._batch: list[Read] = []
        self._batch_size = BATCH

    # ------------------------------------------------------------ the run

    def run(self, candidates: Iterable[Candidate], total: int) -> Account:
        """Read, encode and commit them all.

        Raises
        ------
        Cancelled
            What was encoded by then is committed.
        """
        self._progress.stage("indexing", total)
        reader = Reader(
            self._encoder,
            self._sources,
            self._complete,
            keep=self._keeper.keep if self._keeper else None,
            kept_path=self._keeper.place if self._keeper else lambda candidate: os.fspath(candidate.path),
            check=self._progress.check,
        )
        with Committer(self._collection) as committer:
            try:
                for done, read in enumerate(reader.read(candidates)):
                    self._take(read, committer)
                    if len(self._batch) >= self._batch_size:
                        self._encode(committer)
                    committer.tick()
                    self._progress.at(done + 1 - len(self._batch))
            finally:
                self._encode(committer)
        self._progress.at(total)
        self.account.duplicates.extend(self._copies.values())
        self._update_words()
        return self.account

    def _take(self, read: Read, committer: Committer) -> None:
        account, candidate = self.account, read.candidate
        if read.reason:
            skipped = Skipped(candidate.file, read.reason, time.time())
            account.skipped.append(skipped)
            committer.skip(skipped)
            return
        self._seen_paths.add(read.path)
        item_id = read.item_id
        first = self._file_of.get(item_id)
        if first is not None:
            self._copies.pop(item_id, None)
            account.duplicates.append({"file": candidate.file, "same_as": first})
            if any(waiting.item_id == item_id for waiting in self._batch):
                self._encode(committer)  # the item comes in under the name it was met with first
            if not read.untouched:
                # What a table says of the file the item was met as first stays; otherwise every run would turn it over.
                said = self._said_of[item_id]
                more = {name: value for name, value in candidate.meta.items() if name not in said}
                self._said_of[item_id] = {**said, **more}
                committer.add(replace(self._new_item(read), meta=more), item_id, {})
            return
        self._file_of[item_id], self._said_of[item_id] = candidate.file, candidate.meta
        if read.untouched:
            if item_id not in self._trashed:
                account.items.add(item_id)
                self._words_of(candidate, item_id)
            return
        account.items.add(item_id)
        if read.loaded is None:
            if (other := self._other_place(item_id, read.path)) is not None:
                self._copies[item_id] = {"file": candidate.file, "same_as": other}
            committer.add(self._new_item(read), item_id, {})
            self._words_of(candidate, item_id)
            return
        self._batch.append(read)

    def _encode(self, committer: Committer) -> None:
        """Encode the waiting batch and hand it to the committer."""
        batch, self._batch = self._batch, []
        if not batch:
            return
        vectors: list[dict[str, np.ndarray]] = [{} for _ in batch]
        if self._encoder is not None:
            began = time.monotonic()
            made = self._encoder.encode_prepared(np.stack([read.pixels for read in batch]))
            self._batch_size = batch_size((time.monotonic() - began) / len(batch))
            filled = [(self.sets, made), *((derived.sets, derived.encoder.adapt(made)) for derived in self._derived)]
            for vector_set, rows in ((each, by_space[each.space]) for sets, by_space in filled for each in sets):
                for row, found in zip(rows, vectors):
                    found[vector_set.set_id] = row
        for read, found in zip(batch, vectors):
            if any(not np.isfinite(row).all() or not np.any(row) for row in found.values()):
                skipped = Skipped(read.candidate.file, "the encoder could not make anything of this image", time.time())
                self.account.skipped.append(skipped)
                self.account.items.discard(read.item_id)
                committer.skip(skipped)
                continue
            self._count(read)
            committer.add(self._new_item(read), read.item_id, found)
            self._complete.add(read.item_id)

    # ------------------------------------------------------------ accounts

    def _count(self, read: Read) -> None:
        known = self._sources.get(read.path)
        if read.item_id in self._there or (known is not None and known[0] != read.item_id):
            self.account.updated += 1
        else:
            self.account.added += 1

    def _other_place(self, item_id: str, path: str) -> str | None:
        """The file name of the same bytes at another place that is still there; None if they were moved here."""
        if path in self._sources:  # its own place, only written anew
            return None
        for other in self._collection.sources_of(item_id):
            if os.fspath(other) != path and other.exists():
                return self._collection.item(item_id).file
        return None

    def _new_item(self, read: Read) -> NewItem:
        candidate, loaded = read.candidate, read.loaded
        known = self._sources.get(read.path)
        if loaded is None:  # the item is there: only its new place and words are added
            old = self._collection.item(read.item_id)
            size, date, sha256, thumbnail = (old.width, old.height), old.date, "", b""
        else:
            size, date, sha256, thumbnail = (loaded.width, loaded.height), loaded.date, loaded.sha256, loaded.thumbnail
        return NewItem(
            item_id=read.item_id,
            sha256=sha256,
            file=candidate.file,
            path=read.path,
            width=size[0],
            height=size[1],
            n_bytes=candidate.n_bytes,
            date=date,
            captions=candidate.captions,
            meta=candidate.meta,
            mtime_ns=candidate.mtime_ns,
            root=candidate.root,
            thumbnail=thumbnail,
            supersedes=known[0] if known is not None and known[0] != read.item_id else None,
        )

    # ------------------------------------------------------------ words of items that were there

    def _words_of(self, candidate: Candidate, item_id: str) -> None:
        if candidate.captions or candidate.meta:
            self._worded.append((candidate, item_id))
        else:
            self.account.unchanged += 1

    def _update_words(self) -> None:
        """Bring captions and metadata of untouched images up to date, where the table says something new."""
        for start in range(0, len(self._worded), COMPARE_AT_A_TIME):
            self._progress.check()
            piece = self._worded[start : start + COMPARE_AT_A_TIME]
            items = {item.item_id: item for item in self._collection.items([item_id for _, item_id in piece])}
            changed = [
                (item_id, candidate.captions, candidate.meta)
                for candidate, item_id in piece
                if not set(candidate.captions) <= set(items[item_id].captions)
                or not _within(candidate.meta, items[item_id].meta)
            ]
            if changed:
                self._collection.update_metadata(changed)
            self.account.updated += len(changed)
            self.account.unchanged += len(piece) - len(changed)

    # ------------------------------------------------------------ files that are gone

    def mark_missing(self, root: str) -> None:
        """Note the files that were known under `root` and are not there any more, or are no images any more."""
        inside = os.path.join(root, "")
        gone = [
            path
            for path in self._sources
            if path not in self._seen_paths and path.startswith(inside) and not os.path.exists(path)
        ]
        bad = {skipped.file for skipped in self.account.skipped}
        gone += [path for path in self._sources if path.startswith(inside) and os.path.relpath(path, root) in bad]
        if gone:
            self._collection.mark_missing(gone)
        self.account.missing = self._collection.select(
            "SELECT count(DISTINCT item_id) FROM sources JOIN items USING (item_id)"
            " WHERE items.status = 'missing' AND substr(path, 1, ?) = ?",
            (len(inside), inside),
        )[0][0]


def batch_size(seconds: float) -> int:
    """How many images to encode at a time, where one takes so many seconds."""
    if seconds * BATCH <= BATCH_S:
        return BATCH
    return SMALL_BATCH if seconds * SMALL_BATCH <= 2 * BATCH_S else max(1, int(BATCH_S / seconds))


def _within(new: Mapping[str, object], old: Mapping[str, object]) -> bool:
    return all(name.replace('"', "'") in old and old[name.replace('"', "'")] == value for name, value in new.items())
