"""Lists of collections: those there are, and those in the trash."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.errors import LoupeError
from core.store import homes
from core.store.base import write_meta
from core.store.collection import Collection
from core.store.files import locked
from core.types import CollectionInfo


def list_collections(home: Path | None = None) -> tuple[CollectionInfo, ...]:
    """Every collection, the latest used first. A damaged one is listed with `problem` set; nothing is raised."""
    folder = homes.resolve(home)
    found = [_info(folder / key, key) for key in homes.keys(folder)]
    # One that was moved to the trash while it was being read is no damaged collection.
    found = [info for info in found if not info.problem or (folder / info.key).is_dir()]
    return tuple(sorted(found, key=lambda info: (-info.used_at, info.key)))


def trashed_collections(home: Path | None = None) -> tuple[CollectionInfo, ...]:
    """Collections in the trash, the latest first; `key` is what `restore_collection` wants, `used_at` when it went."""
    folder = homes.resolve(home)
    return tuple(replace(_info(path, path.name), used_at=at) for path, at in homes.trashed_paths(folder))


def restore_collection(key: str, home: Path | None = None) -> Collection:
    """Bring a collection back from the trash; where its name was taken meanwhile, a number is put behind it.

    Raises
    ------
    NotFound
    """
    folder = homes.resolve(home)
    collection = Collection(homes.restore(key, folder))
    with locked(folder / homes.LOCK):
        taken = {name for other, name in homes.names(folder).items() if other != collection.key}
        name, n = collection.name, 1
        wish = name
        while wish in taken:
            n += 1
            wish = f"{name[:75]} {n}"
        if wish != name:
            with collection._write() as connection:
                write_meta(connection, "name", wish)
    return collection


def purge_collections(older_than_days: float = 30, home: Path | None = None) -> list[str]:
    """Delete for good the collections that have been in the trash for longer; their trash keys."""
    return homes.purge(homes.resolve(home), older_than_days)


def _info(path: Path, key: str) -> CollectionInfo:
    try:
        return Collection(path).info()
    except (LoupeError, OSError) as error:
        return CollectionInfo(
            key=key,
            name=key,
            n_items=0,
            encoder="",
            generation=0,
            created_at=0.0,
            used_at=0.0,
            n_bytes=0,
            problem=str(error),
        )
