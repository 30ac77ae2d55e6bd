"""Checking what is on disk against what SQLite says, sweeping what it does not name, repairing what can be."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import Damaged, LoupeError, NotFound
from core.store.adaptations import AdaptationsPart
from core.store.artifacts import ArtifactsPart, check_artifact, missing_artifact
from core.store.base import execute_in
from core.store.compaction import CompactionPart
from core.store.files import TEMPORARY, sha256_of
from core.store.media import INCOMING
from core.store.names import hashed_name
from core.store.segments import AGAIN, check_ids, end_of, load_segment, segments_of


@dataclass(frozen=True, slots=True)
class Problem:
    """Something damaged or missing.

    Attributes
    ----------
    kind : str
        ``database``, ``manifest``, ``segment``, ``artifact``, ``heads``, ``thumbnail`` or ``original``.
    path : str
    message : str
        What is wrong and what to do, in one sentence.
    """

    kind: str
    path: str
    message: str


class VerifyPart(ArtifactsPart, CompactionPart, AdaptationsPart):
    """Health of a collection's files."""

    def verify(self, *, deep: bool = False) -> list[Problem]:
        """Everything that is damaged or missing; an empty list when all is well.

        Parameters
        ----------
        deep : bool
            Also compare the checksums of kept originals, which reads all of them.
        """
        problems = list(self._check_databases())
        if any(Path(problem.path).name == "collection.db" for problem in problems):
            return problems  # nothing can be compared with it
        for check in (self._check_segments, self._check_artifacts, self._check_heads, self._check_thumbs):
            problems += check()
        problems += self._check_originals(deep)
        return problems

    def _check_databases(self) -> Iterator[Problem]:
        for db in (self._db, self._judgments_db, self._log_db):
            try:
                wrong = db.check()
            except LoupeError as error:
                yield Problem("database", str(db.path), str(error))
                continue
            if wrong:
                yield Problem(
                    "database",
                    str(db.path),
                    f"{db.label} ({db.path}) is damaged ({wrong}); put the file back from a copy, "
                    "or index the images again under a new name.",
                )

    def _check_segments(self) -> Iterator[Problem]:
        for set_id, dim in self.select("SELECT set_id, dim FROM sets ORDER BY n"):
            manifest = str(self.path / "collection.db")
            with self._db.read() as connection:
                n_named, last, n_unknown = connection.execute(
                    "SELECT count(*), coalesce(max(position), -1), coalesce(sum(dead = 0 AND NOT EXISTS"
                    " (SELECT 1 FROM items WHERE items.item_id = vectors.item_id)), 0) FROM vectors WHERE set_id = ?",
                    (set_id,),
                ).fetchone()
                end = end_of(connection, set_id)
                ids = [r[0] for r in connection.execute(_IDS, (set_id,))]
                try:
                    segments = segments_of(connection, set_id)
                except Damaged as error:
                    yield Problem("manifest", manifest, str(error))
                    continue
            odd = (n_named, last) != (end, end - 1) or n_unknown > 0
            if odd:
                yield Problem(
                    "manifest",
                    manifest,
                    f"The list of vectors of {set_id} is damaged: the segments have {end} rows, the database names "
                    f"items for {n_named}, {n_unknown} of them unknown; {AGAIN}.",
                )
            for segment in segments:
                path = self.segment_path(set_id, segment.seq)
                try:
                    load_segment(path, segment, dim)
                except (Damaged, OSError) as error:
                    yield Problem("segment", str(path), str(error))
                try:
                    if not odd:  # otherwise it was said already
                        check_ids(set_id, segment, ids[segment.start : segment.start + segment.n_rows])
                except Damaged as error:
                    yield Problem("manifest", manifest, str(error))

    def _check_artifacts(self) -> Iterator[Problem]:
        for kind, file, n_bytes, sha256 in self.select("SELECT kind, file, n_bytes, sha256 FROM artifacts"):
            path = self.artifacts_folder / file
            try:
                check_artifact(path, n_bytes, sha256, kind, again=True)
            except FileNotFoundError:
                yield Problem("artifact", str(path), str(missing_artifact(path, kind)))
            except (Damaged, OSError) as error:
                yield Problem("artifact", str(path), str(error))

    def _check_heads(self) -> Iterator[Problem]:
        named = {r[0].rpartition(":")[2] for r in self.select("SELECT encoder FROM sets WHERE encoder LIKE 'adapted:%'")}
        for digest in sorted(named | self.adaptations().keys()):
            try:
                self.read_heads(digest)
            except (Damaged, NotFound) as error:
                remedy = "words and new images cannot be brought into the adapted vectors; go back to the original encoder or adapt again."
                yield Problem("heads", str(self.heads_path(digest)), f"{str(error).rstrip('.')}: {remedy}")

    def _check_thumbs(self) -> Iterator[Problem]:
        remedy = f"{AGAIN} to make it anew."
        for item_id, n_bytes, crc in self.select(
            "SELECT item_id, thumb_bytes, thumb_crc FROM items WHERE thumb_bytes > 0"
        ):
            path = self.thumb_file(item_id)
            try:
                data = path.read_bytes()
            except OSError:
                yield Problem("thumbnail", str(path), f"The thumbnail of item {item_id} ({path}) is missing; {remedy}")
                continue
            if len(data) != n_bytes or zlib.crc32(data) != crc:
                yield Problem("thumbnail", str(path), f"The thumbnail of item {item_id} ({path}) is damaged; {remedy}")

    def _check_originals(self, deep: bool) -> Iterator[Problem]:
        for name, n_bytes, sha256 in self.select("SELECT name, n_bytes, sha256 FROM originals"):
            path = self.originals_folder / name
            if not path.is_file():
                wrong = "is missing"
            elif path.stat().st_size != n_bytes:
                wrong = f"has {path.stat().st_size} bytes where the database says {n_bytes}"
            elif deep and sha256_of(path) != sha256:
                wrong = "does not have the checksum the database names"
            else:
                continue
            yield Problem("original", str(path), f"The kept original {path} {wrong}; upload it again.")

    # ------------------------------------------------------------ sweeping

    def sweep(self) -> list[str]:
        """Remove files that SQLite does not name, left by a crash; their paths within the collection's folder."""
        removed = []
        with self._files_lock():
            for path in self._garbage():
                path.unlink(missing_ok=True)
                removed.append(path.relative_to(self.path).as_posix())
        return sorted(removed)

    def _garbage(self) -> Iterator[Path]:
        named = {self.segment_path(*row) for row in self.select("SELECT set_id, seq FROM segments")}
        named |= {self.artifacts_folder / row[0] for row in self.select("SELECT file FROM artifacts")}
        named |= {self.uploads_folder / f"{row[0]}.jpg" for row in self.select("SELECT hash FROM uploads")}
        named |= {self.originals_folder / row[0] for row in self.select("SELECT name FROM originals")}
        named |= {self.heads_path(digest) for digest in self.adaptations()}
        # Files of zips and uploads, kept in folders of their own: the items they belong to name them.
        named |= {self.path / row[0] for row in self.select("SELECT path FROM sources WHERE path LIKE 'originals/%'")}
        for folder in (
            self.vectors_folder, self.artifacts_folder, self.heads_folder, self.uploads_folder, self.originals_folder,
        ):
            for path in _files(folder):
                if path.name.startswith(INCOMING):
                    # An upload may be on its way in without holding the lock; a day old, it is not.
                    if time.time() - path.stat().st_mtime > 86400:
                        yield path
                elif path not in named:
                    yield path
        thumbs = {hashed_name(row[0]) for row in self.select("SELECT item_id FROM items WHERE thumb_bytes > 0")}
        for path in _files(self.thumbs_folder):
            if path.name.startswith(TEMPORARY) or path.stem not in thumbs:
                yield path

    # ------------------------------------------------------------ repairing

    def repair(self) -> list[str]:
        """Take out what is damaged so that the rest works, and indexing the source again fills the gaps.

        Vectors in damaged segments, damaged artifacts and damaged thumbnails are forgotten; an absent judgments file is
        started anew. A damaged database cannot be repaired and stays untouched.

        Returns
        -------
        list of str
            What was done, one sentence each.
        """
        done = []
        if not self._judgments_db.path.exists() and self.path.is_dir():
            self._judgments_db.create = True
            self._judgments_db.initialise()
            done.append("The judgments' file was missing; an empty one was made.")
        problems = self.verify()
        if any(problem.kind == "database" for problem in problems):
            return done
        for set_id in (vector_set.set_id for vector_set in self.sets()):
            lost = self._drop_unsure(set_id)
            if lost:
                done.append(
                    f"{lost} vectors of {set_id} were lost; index the source again to encode these images anew."
                )
        bad = {Path(problem.path) for problem in problems if problem.kind == "artifact"}
        for kind, set_id, file in self.select("SELECT kind, set_id, file FROM artifacts"):
            if self.artifacts_folder / file in bad:
                self.drop_artifact(kind, set_id)
                done.append(
                    f"The damaged {kind} of {set_id or 'the collection'} was removed; the next refresh makes it anew."
                )
        bad = {Path(problem.path) for problem in problems if problem.kind == "thumbnail"}
        ids = [
            i for (i,) in self.select("SELECT item_id FROM items WHERE thumb_bytes > 0") if self.thumb_file(i) in bad
        ]
        if ids:
            with self._files_lock():
                with self._write() as connection:
                    execute_in(connection, "UPDATE items SET thumb_bytes = 0, thumb_crc = 0 WHERE item_id IN ({})", ids)
                for path in bad:
                    path.unlink(missing_ok=True)
            done.append(f"{len(ids)} damaged thumbnails were removed; index the source again to make them anew.")
        return done

    def thumbless(self) -> list[str]:
        """Ids of live items that have no thumbnail."""
        return [
            r[0]
            for r in self.select("SELECT item_id FROM items WHERE thumb_bytes = 0 AND trashed_at IS NULL ORDER BY n")
        ]


_IDS = "SELECT item_id FROM vectors WHERE set_id = ? ORDER BY position"


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else iter(())
