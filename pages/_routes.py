"""Pictures by address: thumbnails, full images and images used as queries.

Only ids stand in an address, never a path. What is sent is always a picture: the type is decided from the content, so
that nothing a stranger put into a collection runs as a page of this site.
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from core.errors import ImageError, LoupeError, NotFound
from core.ingest.formats import sniff
from core.ingest.images import open_image
from core.store import Collection

SHOWN = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp", "AVIF": "image/avif"}
"""Formats that every browser shows as they are; the others are sent as JPEG."""
CONVERTED_PX = 2400
"""Longest side of an image that had to be converted."""

_ITEM = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_UPLOAD = re.compile(r"[0-9a-f]{32}")
_BY_CONTENT = re.compile(r"i[a-z2-7]{16}")
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_FOR_EVER = "private, max-age=31536000, immutable"
_ASK_AGAIN = "private, no-cache"
_two_at_once = threading.Semaphore(2)  # converting a large TIFF takes a lot of memory


def routes() -> list[BaseRoute]:
    """The routes of pictures and of uploads."""
    from pages import _imports

    return [
        Route("/api/thumb/{collection}/{name}", thumb, methods=["GET"]),
        Route("/api/full/{collection}/{name}", full, methods=["GET"]),
        Route("/api/upload/{collection}/{name}", upload, methods=["GET"]),
        Route("/home", to_home, methods=["GET"]),
        *_imports.routes(),
    ]


def to_home(request: Request) -> Response:
    """Streamlit knows its default page at ``/`` only; people type its name."""
    base = request.url.path.removesuffix("/home")
    return RedirectResponse(f"{base}/?{request.url.query}" if request.url.query else f"{base}/")


# Plain functions: Starlette runs them on its threads, so that reading a file never holds up the server.


def thumb(request: Request) -> Response:
    """An item's thumbnail."""
    try:
        collection, name = _asked(request, _ITEM)
        return _send(request, collection.thumb_path(name), _lasting(name))
    except (LoupeError, OSError):
        return _placeholder()


def full(request: Request) -> Response:
    """An item's image; where the original is lost its thumbnail, with a header that says so."""
    try:
        collection, name = _asked(request, _ITEM)
        path = collection.original_path(name)
        if path is not None:
            try:
                return _send(request, path, _lasting(name))
            except (ImageError, OSError):
                pass  # no longer the picture that was indexed
        response = _send(request, collection.thumb_path(name), lasting=False)
        response.headers["X-Loupe-Original"] = "lost"
        return response
    except (LoupeError, OSError):
        return _placeholder()


def upload(request: Request) -> Response:
    """An image that is kept as a query."""
    try:
        collection, name = _asked(request, _UPLOAD)
        return _send(request, collection.upload_path(name), lasting=True)
    except (LoupeError, OSError):
        return _placeholder()


def _asked(request: Request, pattern: re.Pattern[str]) -> tuple[Collection, str]:
    name = request.path_params["name"]
    if not pattern.fullmatch(name):
        raise NotFound("There is no picture with that id.")
    return Collection.open_key(request.path_params["collection"]), name


def _lasting(item_id: str) -> bool:
    """Whether an id is made from the bytes: then what is behind its address never changes."""
    return bool(_BY_CONTENT.fullmatch(item_id))


def _send(request: Request, path: Path, lasting: bool) -> Response:
    status = path.stat()
    etag = f'"{hashlib.sha256(f"{path}|{status.st_size}|{status.st_mtime_ns}".encode()).hexdigest()[:24]}"'
    headers = {**_SAFE, "ETag": etag, "Cache-Control": _FOR_EVER if lasting else _ASK_AGAIN}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    with path.open("rb") as file:
        kind = sniff(file.read(64))
    if kind in SHOWN:
        # No Content-Disposition: the name of a file on this machine is nobody's business.
        return FileResponse(path, media_type=SHOWN[kind], headers=headers, stat_result=status)
    with _two_at_once:
        image = open_image(path, target_px=CONVERTED_PX // 2)
        image.thumbnail((CONVERTED_PX, CONVERTED_PX))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=88)
    return Response(out.getvalue(), media_type="image/jpeg", headers=headers)


@cache
def _grey() -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (160, 120), (150, 150, 150))
    draw = ImageDraw.Draw(image)
    draw.rectangle((1, 1, 158, 118), outline=(120, 120, 120))
    draw.line((50, 80, 70, 55, 85, 70, 95, 60, 112, 80), fill=(110, 110, 110), width=3)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _placeholder() -> Response:
    """404 with a grey picture, so that a grid keeps its shape where a thumbnail is missing."""
    return Response(_grey(), status_code=404, media_type="image/png", headers={**_SAFE, "Cache-Control": "no-store"})
