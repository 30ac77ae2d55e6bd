"""A new collection out of items of another: everything is copied, nothing is encoded again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from core.errors import Damaged, InputError, LoupeError, NotFound
from core.store import Collection
from core.types import NewItem
from core.workbench.submitting import submit

AT_A_TIME = 500


def copy_items(source: Collection, name: str, ids: Sequence[str], *, start: bool = True) -> Collection:
    """Copy items with captions, metadata, tags, thumbnails and vectors into a new collection.

    Images of folders stay where they are and belong to both; images that Loupe keeps itself are copied along.

    Parameters
    ----------
    ids : sequence of str
        Ids that stand twice count once.
    start : bool
        Start the worker for the new collection's map.

    Raises
    ------
    InputError
        The name cannot be used or is taken, or there are no ids.
    NotFound
        One of the items is not in the collection.
    """
    ids = list(dict.fromkeys(ids))
    if not ids:
        raise InputError("A new collection needs at least one image; select some first.")
    source.items(ids[:1])
    unknown = [item_id for item_id in ids if item_id not in source.has(ids)] if len(source.has(ids)) < len(ids) else []
    if unknown:
        raise NotFound(f"{len(unknown)} of {len(ids)} items (first {unknown[0]}) are not in {source.name}.")
    made = Collection.create(name, source.home, attribution=source.attribution)
    try:
        made.set_columns(source.columns())
        _copy_adaptations(source, made)
        for vector_set in source.sets():
            made.add_set(vector_set)
        for start_at in range(0, len(ids), AT_A_TIME):
            _copy_piece(source, made, ids[start_at : start_at + AT_A_TIME])
        active = source.sets() and source.set().set_id
        if active:
            made.activate(active)
    except BaseException:
        shutil.rmtree(made.path, ignore_errors=True)
        raise
    if made.sets():
        submit(made, "refresh", start=start)
    return made


def _copy_adaptations(source: Collection, made: Collection) -> None:
    """The heads that vector sets of the source were adapted with, so that the copy does not need the source."""
    names = {vector_set.encoder for vector_set in source.sets()}
    for digest, record in source.adaptations().items():
        if record.get("name") in names:
            try:
                made.put_adaptation(source.read_heads(digest), record)
            except Damaged:  # its vectors come along all the same
                continue
            made.set_setting("adapt.last", source.setting("adapt.last"))


def _copy_piece(source: Collection, made: Collection, ids: Sequence[str]) -> None:
    items = source.items(ids)
    marks = ",".join("?" * len(ids))
    sha256 = dict(source.select(f"SELECT item_id, sha256 FROM items WHERE item_id IN ({marks})", ids))
    new = []
    for item in items:
        path, root, n_bytes, mtime_ns = _place(source, made, item.item_id)
        new.append(
            NewItem(
                item_id=item.item_id,
                sha256=sha256[item.item_id],
                file=item.file,
                path=path,
                width=item.width,
                height=item.height,
                n_bytes=n_bytes or item.n_bytes,
                date=item.date,
                captions=item.captions,
                meta=item.meta,
                mtime_ns=mtime_ns,
                root=root,
                thumbnail=_thumbnail(source, item.item_id),
            )
        )
    vectors = {}
    for vector_set in source.sets():
        view = source.view(vector_set.set_id)
        # Items from the trash have vectors too, but no live row; they are encoded when they are indexed again.
        at = view.find(ids)
        if len(at):
            vectors[vector_set.set_id] = ([str(i) for i in view.item_ids[at]], view.rows(at))
    made.commit(new, vectors)
    tags: dict[str, list[str]] = {}
    for item in items:
        for tag in item.tags:
            tags.setdefault(tag, []).append(item.item_id)
    for tag, tagged in tags.items():
        made.tag(tagged, tag, "copied")


def _place(source: Collection, made: Collection, item_id: str) -> tuple[str, str, int, int]:
    """Where the copy's bytes are: (path, root, bytes, mtime); an empty path where the original is lost."""
    rows = source.select(
        "SELECT path, root, n_bytes, mtime_ns FROM sources WHERE item_id = ? ORDER BY missing, path LIMIT 1", (item_id,)
    )
    if not rows:
        return "", "", 0, 0
    kept, root, n_bytes, mtime_ns = rows[0]
    full = os.path.join(source.path, kept)
    if os.path.isabs(kept):
        return full, root, n_bytes, mtime_ns
    if not os.path.isfile(full):
        return "", "", 0, 0
    copy = os.path.join(made.path, kept)
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    try:
        os.link(full, copy)
    except FileExistsError:
        pass
    except OSError:
        shutil.copyfile(full, copy)
    return copy, root, n_bytes, mtime_ns


def _thumbnail(source: Collection, item_id: str) -> bytes:
    try:
        return source.thumb_path(item_id).read_bytes()
    except (LoupeError, OSError):
        return b""
