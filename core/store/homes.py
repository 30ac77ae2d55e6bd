"""The home of collections: the folder they are in, their names and keys, and the trash."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from pathlib import Path

from core.errors import InputError, LoupeError, NotFound
from core.store import schema
from core.store.db import Database, close_idle
from core.store.files import locked, sync_folder

TRASH = ".trash"
LOCK = ".lock"
UNFINISHED = ".new-"
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_TRASHED = re.compile(r"(?P<key>[a-z0-9][a-z0-9-]{0,59})~(?P<at>\d+)")


def home() -> Path:
    """The folder of all collections: ``$LOUPE_HOME``, or ``data/collections`` in the project. Made if absent.

    Raises
    ------
    InputError
        It cannot be made, or is a file.
    """
    said = os.environ.get("LOUPE_HOME")
    path = Path(said).expanduser().absolute() if said else Path(__file__).resolve().parents[2] / "data" / "collections"
    return resolve(path)


def resolve(path: Path | None) -> Path:
    """`path` made if absent; None is `home`."""
    if path is None:
        return home()
    path = Path(path).absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder for collections {path} cannot be made ({error.strerror}); "
            "set LOUPE_HOME to one where you may write."
        ) from error
    return path


def is_key(key: str) -> bool:
    """Whether `key` has the form of a collection's key."""
    return bool(_KEY.fullmatch(key))


def keys(home_folder: Path) -> list[str]:
    """Keys of the collections there are."""
    return sorted(path.name for path in home_folder.iterdir() if is_key(path.name) and path.is_dir())


def name_of(path: Path) -> str:
    """The name in a collection's database; raises what reading it raises."""
    db = Database(path / "collection.db", schema.COLLECTION, label="The collection's database")
    with db.read() as connection:
        row = connection.execute("SELECT value FROM meta WHERE key = 'name'").fetchone()
    return path.name if row is None else json.loads(row[0])


def names(home_folder: Path) -> dict[str, str]:
    """Key -> name of every collection; a damaged one has an empty name."""
    found = {}
    for key in keys(home_folder):
        try:
            found[key] = name_of(home_folder / key)
        except LoupeError:
            found[key] = ""
    return found


def check_free(name: str, home_folder: Path, but: str = "") -> None:
    """Raise InputError if a collection other than `but` has this name."""
    if any(other == name and key != but for key, other in names(home_folder).items()):
        raise InputError(f"There is a collection {name!r} already; choose another name, or open that one.")


def free_key(wish: str, home_folder: Path) -> str:
    """`wish`, or `wish` with a number: a key that neither a collection nor one in the trash has."""
    taken = set(os.listdir(home_folder)) | {_TRASHED.fullmatch(name)["key"] for name in _trashed(home_folder)}
    key, n = wish, 1
    while key in taken:
        n += 1
        key = f"{wish}-{n}"
    return key


def clear_unfinished(home_folder: Path) -> None:
    """Remove collections whose making was cut short; the home's lock must be held."""
    for path in home_folder.glob(f"{UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)


# ---------------------------------------------------------------- trash


def _trashed(home_folder: Path) -> list[str]:
    folder = home_folder / TRASH
    return sorted(n for n in os.listdir(folder) if _TRASHED.fullmatch(n)) if folder.is_dir() else []


def move_to_trash(path: Path) -> None:
    """Rename a collection's folder into the trash; the home's lock must be held."""
    trash = path.parent / TRASH
    trash.mkdir(exist_ok=True)
    at = int(time.time())
    while (trash / f"{path.name}~{at}").exists():
        at += 1
    close_idle(path)
    os.replace(path, trash / f"{path.name}~{at}")
    sync_folder(trash)
    sync_folder(path.parent)


def trashed_paths(home_folder: Path) -> list[tuple[Path, float]]:
    """(folder, time it was thrown away) of the collections in the trash, the latest first."""
    found = [(home_folder / TRASH / n, float(_TRASHED.fullmatch(n)["at"])) for n in _trashed(home_folder)]
    return sorted(found, key=lambda pair: (-pair[1], pair[0].name))


def restore(trash_key: str, home_folder: Path) -> Path:
    """Move a collection back from the trash under its old key, or the next free one; its new folder.

    Raises
    ------
    NotFound
    """
    with locked(home_folder / LOCK):
        there = _trashed(home_folder)
        # The plain key is taken for the latest collection that had it.
        match = (
            trash_key
            if trash_key in there
            else next((n for n in reversed(there) if n.split("~")[0] == trash_key), None)
        )
        if match is None:
            raise NotFound(
                f"There is no collection {trash_key!r} in the trash; there are: {', '.join(there) or 'none'}."
            )
        old = home_folder / TRASH / match
        wish = match.split("~")[0]
        key = wish if not (home_folder / wish).exists() else free_key(wish, home_folder)
        close_idle(old)
        os.replace(old, home_folder / key)
        sync_folder(home_folder)
        return home_folder / key


def purge(home_folder: Path, older_than_days: float) -> list[str]:
    """Delete for good the collections that have been in the trash for longer; their trash keys."""
    gone = []
    with locked(home_folder / LOCK):
        for path, at in trashed_paths(home_folder):
            if at <= time.time() - older_than_days * 86400:
                close_idle(path)
                shutil.rmtree(path, ignore_errors=True)
                gone.append(path.name)
    return gone
