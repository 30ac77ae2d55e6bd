"""Files that come from an upload or a zip: kept in the collection's own folder, under names that stay the same."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Container
from pathlib import Path

from core.ingest.sources import Candidate
from core.store import Collection

_SAFE = re.compile(r"[^A-Za-z0-9._-]+")


class Keeper:
    """Gives candidates a place under ``originals/``: linked where the disk allows it, else copied.

    The same file of the same source always has the same place, so running again finds what was done.

    Parameters
    ----------
    collection : Collection
    root : str
        What tells this source from others: the path of a zip, the folder of an upload.
    """

    def __init__(self, collection: Collection, root: str) -> None:
        name = _SAFE.sub("-", os.path.basename(root.rstrip("/")))[:40].strip(".-") or "files"
        self.folder = collection.originals_folder / f"{name}-{hashlib.sha256(root.encode()).hexdigest()[:8]}"

    def place(self, candidate: Candidate) -> str:
        """Where a candidate's bytes are or will be."""
        stem, suffix = os.path.splitext(os.path.basename(candidate.file))
        digest = hashlib.sha256(candidate.file.encode("utf-8", "replace")).hexdigest()[:10]
        name = _SAFE.sub("-", stem)[:60].strip(".-") or "file"
        return os.path.join(self.folder, f"{name}-{digest}{_SAFE.sub('', suffix)[:12].lower()}")

    def keep(self, candidate: Candidate) -> str:
        """Put it there; whole or not at all."""
        place = self.place(candidate)
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f".incoming-{secrets.token_hex(8)}"
        try:
            try:
                os.link(candidate.path, unfinished)
            except OSError:  # another disk, or a file system without links
                shutil.copyfile(candidate.path, unfinished)
            os.replace(unfinished, place)
        finally:
            # Replacing a link by another one to the same file leaves both names.
            unfinished.unlink(missing_ok=True)
        return place


def clear(candidates: tuple[Candidate, ...], root: Path, leave: Container[str] = ()) -> None:
    """Remove what was kept from the place it came from, and the folders that are empty then.

    Parameters
    ----------
    candidates : tuple of Candidate
    root : Path
    leave : container of str
        Files that were skipped stay, so that they can be tried again.
    """
    for candidate in candidates:
        if candidate.file not in leave:
            Path(candidate.path).unlink(missing_ok=True)
    for folder, _, _ in os.walk(root, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            pass  # something is left in it
