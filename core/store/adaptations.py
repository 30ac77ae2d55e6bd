"""Adaptations of an encoder to a collection: small heads files, and what is known of each.

A record in SQLite names the file ``heads/<digest>.safetensors``, whose digest is the beginning of its SHA-256. A file
without a record is garbage; unlike an artifact, one with a record cannot be made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from core.errors import Damaged, NotFound
from core.store.base import CollectionBase, read_meta, write_meta
from core.store.files import write_durably

_RECORDS = "setting.adaptations"
DIGEST_CHARS = 8


class AdaptationsPart(CollectionBase):
    """Heads files of a collection."""

    @property
    def heads_folder(self) -> Path:
        """Heads files: ``<digest>.safetensors``."""
        return self.path / "heads"

    def heads_path(self, digest: str) -> Path:
        """Where a heads file is or would be."""
        return self.heads_folder / f"{digest}.safetensors"

    def adaptations(self) -> dict[str, dict[str, object]]:
        """Digest -> record of every adaptation, the oldest first."""
        return dict(self._meta(_RECORDS, {}))  # type: ignore[arg-type]

    def put_adaptation(self, data: bytes, record: Mapping[str, object]) -> str:
        """Keep a heads file with what is known of it; its digest. The same bytes again only renew the record."""
        sha256 = hashlib.sha256(data).hexdigest()
        digest = sha256[:DIGEST_CHARS]
        with self._files_lock():
            write_durably(self.heads_path(digest), lambda file: file.write(data))
            with self._write() as connection:
                records = dict(read_meta(connection, _RECORDS, {}))  # type: ignore[arg-type]
                records[digest] = {**record, "sha256": sha256, "n_bytes": len(data)}
                write_meta(connection, _RECORDS, records)
        return digest

    def note_adaptation(self, digest: str, **changes: object) -> None:
        """Change what is known of an adaptation; its file is not touched.

        Raises
        ------
        NotFound
        """
        with self._write() as connection:
            records = dict(read_meta(connection, _RECORDS, {}))  # type: ignore[arg-type]
            if digest not in records:
                raise NotFound(f"{self.name} has no adaptation {digest}.")
            records[digest] = {**records[digest], **changes}
            write_meta(connection, _RECORDS, records)

    def drop_adaptation(self, digest: str) -> None:
        """Forget an adaptation and its file; nothing happens where there is none."""
        with self._files_lock():
            with self._write() as connection:
                records = dict(read_meta(connection, _RECORDS, {}))  # type: ignore[arg-type]
                records.pop(digest, None)
                write_meta(connection, _RECORDS, records)
            self.heads_path(digest).unlink(missing_ok=True)

    def read_heads(self, digest: str) -> bytes:
        """The bytes of a heads file.

        Raises
        ------
        NotFound
            The collection has no such adaptation.
        Damaged
            The file is missing or not the one that was written.
        """
        record = self.adaptations().get(digest)
        if record is None:
            raise NotFound(f"{self.name} has no adaptation {digest}.")
        path = self.heads_path(digest)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise Damaged(f"The heads file {path} is missing or cannot be read ({error.strerror})") from error
        if hashlib.sha256(data).hexdigest() != record["sha256"]:
            raise Damaged(f"The heads file {path} does not have the checksum the database names")
        return data
