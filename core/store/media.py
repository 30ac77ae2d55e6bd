"""Pictures on disk: thumbnails, originals of our own, and images used as queries."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ImageError, NotFound
from core.store.base import execute_in
from core.store.files import publish, sha256_of, write_durably
from core.store.items import ItemsPart

if TYPE_CHECKING:
    from PIL import Image

UPLOAD_PX = 1024
"""Longest side of an image kept as a query."""
MAX_UPLOAD_PIXELS = 100_000_000
MAX_UPLOADS_BYTES = 500 * 1024 * 1024
"""Room for images kept as queries; the oldest that no saved query names go first."""
INCOMING = ".incoming-"
"""How the name of an original begins while it is being copied; swept when it has not grown for a day."""

_HASH = re.compile(r"[0-9a-f]{32}")


class MediaPart(ItemsPart):
    """Pictures of a collection."""

    # ------------------------------------------------------------ thumbnails

    def thumb_path(self, item_id: str) -> Path:
        """An item's thumbnail: JPEG, longest side 320.

        Raises
        ------
        NotFound
        """
        path = self.thumb_file(item_id)
        if not path.is_file():
            raise NotFound(f"There is no thumbnail of item {item_id}; index the collection's source again to make it.")
        return path

    # ------------------------------------------------------------ originals

    def original_path(self, item_id: str) -> Path | None:
        """A file with the item's bytes, or None if it is lost.

        Raises
        ------
        NotFound
            There is no such item.
        """
        for path in self.sources_of(item_id):
            if path.is_file():
                return path
        if not self.has([item_id]):
            raise NotFound(f"Item {item_id} is not in this collection; it may have been removed for good.")
        return None

    def add_original(self, data: bytes | Path, name: str) -> Path:
        """Keep a copy of an uploaded file; its path inside the collection's folder.

        The same bytes under the same name are kept once; other bytes under a name that is taken get a number.

        Parameters
        ----------
        data : bytes or Path
            The bytes, or a file to copy.
        name : str
            What the person called it; folders in it are dropped.
        """
        self.originals_folder.mkdir(parents=True, exist_ok=True)
        incoming = self.originals_folder / f"{INCOMING}{secrets.token_hex(8)}"
        try:
            if isinstance(data, Path):
                shutil.copyfile(data, incoming)
                sha256 = sha256_of(incoming)
            else:
                incoming.write_bytes(data)
                sha256 = hashlib.sha256(data).hexdigest()
            n_bytes = incoming.stat().st_size
            with self._files_lock():
                taken = dict(self.select("SELECT name, sha256 FROM originals"))
                name = _free_name(_safe_name(name), sha256, taken)
                path = self.originals_folder / name
                if taken.get(name) == sha256 and path.is_file():
                    return path
                publish(incoming, path)
                with self._write() as connection:
                    connection.execute(
                        "INSERT OR REPLACE INTO originals (name, sha256, n_bytes, added_at) VALUES (?, ?, ?, ?)",
                        (name, sha256, n_bytes, time.time()),
                    )
                return path
        finally:
            incoming.unlink(missing_ok=True)

    # ------------------------------------------------------------ images used as queries

    def keep_upload(self, data: bytes | Image.Image) -> str:
        """Keep an image that is used as a query, re-encoded (no metadata survives); its hash, as in ``upload:<hash>``.

        Parameters
        ----------
        data : bytes or PIL.Image
            An image that was opened already skips decoding here.

        Raises
        ------
        ImageError
            It is not an image, or has more than 100 million pixels.
        """
        jpeg = _reencoded(data)
        digest = hashlib.sha256(jpeg).hexdigest()[:32]
        path = self.uploads_folder / f"{digest}.jpg"
        with self._files_lock():
            if not path.is_file():
                write_durably(path, lambda file: file.write(jpeg))
            with self._write() as connection:
                connection.execute(
                    "INSERT INTO uploads (hash, n_bytes, added_at) VALUES (?, ?, ?)"
                    " ON CONFLICT (hash) DO UPDATE SET added_at = excluded.added_at",
                    (digest, len(jpeg), time.time()),
                )
        self._make_room(digest)
        return digest

    def upload_path(self, upload: str) -> Path:
        """The image kept under a hash.

        Raises
        ------
        NotFound
        """
        path = self.uploads_folder / f"{upload}.jpg"
        if not _HASH.fullmatch(upload) or not path.is_file():
            raise NotFound(f"The uploaded image {upload[:40]} is not kept any more; upload it again.")
        return path

    def purge_uploads(self, older_than_days: float = 30) -> int:
        """Remove query images that are older and that no saved query names; how many."""
        rows = self.select("SELECT hash FROM uploads WHERE added_at <= ?", (time.time() - older_than_days * 86400,))
        return self._remove_uploads(row[0] for row in rows)

    def _make_room(self, newest: str) -> None:
        total = self.select("SELECT coalesce(sum(n_bytes), 0) FROM uploads")[0][0]
        if total <= MAX_UPLOADS_BYTES:
            return
        saved = self._saved_uploads()
        goes = []
        for upload, n_bytes in self.select("SELECT hash, n_bytes FROM uploads ORDER BY added_at"):
            if total <= MAX_UPLOADS_BYTES:
                break
            if upload not in saved and upload != newest:
                goes.append(upload)
                total -= n_bytes
        self._remove_uploads(goes)

    def _remove_uploads(self, uploads: Iterable[str]) -> int:
        with self._files_lock():
            saved = self._saved_uploads()
            goes = [upload for upload in uploads if upload not in saved]
            with self._write() as connection:
                execute_in(connection, "DELETE FROM uploads WHERE hash IN ({})", goes)
            for upload in goes:
                (self.uploads_folder / f"{upload}.jpg").unlink(missing_ok=True)
        return len(goes)

    def _saved_uploads(self) -> set[str]:
        """Hashes that saved queries name, in any version of their set (a query that was judged is a saved one)."""
        found = set()
        for (text,) in self.select("SELECT query FROM queries UNION SELECT query FROM query_history"):
            found |= {term["value"] for term in json.loads(text).get("terms", ()) if term["kind"] == "upload"}
        return found


def _safe_name(name: str) -> str:
    """The last part of a name, without anything a file system could stumble over."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(c if c.isalnum() or c in " ._-()+" else "_" for c in last).strip(" .")
    stem, suffix = os.path.splitext(kept)
    while len(f"{stem}{suffix[:16]}".encode()) > 180:
        stem = stem[:-1]
    return f"{stem}{suffix[:16]}" or "file"


def _free_name(name: str, sha256: str, taken: dict[str, str]) -> str:
    """`name`, or `name` with a number, so that it is free or holds the very bytes; upper and lower case are one."""
    hashes = {key.casefold(): value for key, value in taken.items()}
    stem, suffix = os.path.splitext(name)
    candidate, n = name, 1
    while hashes.get(candidate.casefold(), sha256) != sha256:
        n += 1
        candidate = f"{stem}-{n}{suffix}"
    return next((key for key in taken if key.casefold() == candidate.casefold()), candidate)


def _reencoded(data: bytes | Image.Image) -> bytes:
    """JPEG of at most 1024 pixels a side, upright, on white."""
    from PIL import Image, ImageOps

    try:
        image = Image.open(io.BytesIO(data)) if isinstance(data, bytes) else data
        pixels = image.width * image.height
        if pixels > MAX_UPLOAD_PIXELS:
            raise ImageError(f"The image has {pixels:,} pixels; {MAX_UPLOAD_PIXELS:,} are the most that can be used.")
        image.draft("RGB", (UPLOAD_PX, UPLOAD_PX))
        image = ImageOps.exif_transpose(image)
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            coloured = image.convert("RGBA")
            image = Image.new("RGB", coloured.size, "white")
            image.paste(coloured, mask=coloured.getchannel("A"))
        image = image.convert("RGB")
    except ImageError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"This file cannot be read as an image ({error}); use JPEG, PNG or WebP.") from error
    image.thumbnail((UPLOAD_PX, UPLOAD_PX), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=92)
    return out.getvalue()
