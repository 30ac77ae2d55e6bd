"""Images that people bring to search with."""

from __future__ import annotations

from pathlib import Path

from core.errors import ImageError, InputError
from core.store import Collection


def keep_query_image(collection: Collection, path: str | Path) -> str:
    """Keep an image file as one that can be searched with; its hash, for ``upload:``.

    Raises
    ------
    InputError
        There is no such file.
    ImageError
        It is no image that can be read.
    """
    from core.ingest.images import open_image

    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"There is no image file at {path}; check the path.")
    try:
        return collection.keep_upload(open_image(file))
    except ImageError as error:
        raise ImageError(f"The image {path} cannot be used: {error}.") from error
