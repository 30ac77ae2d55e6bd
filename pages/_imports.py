"""Uploads: one request for each file, its bytes streamed to the spool.

Streamlit's own uploader keeps files in memory and gives up at about a thousand of them. A request must come from a page
of this server and carry the token that this server gave that very page, so no other site can put files here.
"""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from core.errors import InputError, NotFound
from pages import _spool
from pages._hosts import same_origin

TOKEN = "x-loupe-token"


def routes() -> list[BaseRoute]:
    """The route of uploads."""
    return [Route("/api/import/{batch}", put_file, methods=["POST"])]


async def put_file(request: Request) -> JSONResponse:
    """Take one file: ``?name=`` its path in the folder, ``&size=`` its bytes, and the bytes as the body.

    Answers 200 ``{"bytes"}``, 422 ``{"refused"}`` with the reason (the file is listed as skipped), 403 or 404.
    """
    if not same_origin(request.headers):
        return JSONResponse({"error": "Files are taken from Loupe's own page only."}, status_code=403)
    try:
        batch = _spool.find(request.path_params["batch"], request.headers.get(TOKEN, ""))
    except NotFound as error:
        return JSONResponse({"error": str(error)}, status_code=404)
    asked = request.query_params.get("name", "")
    try:
        name = _spool.clean_name(asked)
        if not name:
            return JSONResponse({"bytes": 0, "ignored": True})
        said = request.query_params.get("size", "")
        reason = _spool.refusal(name, int(said) if said.isdecimal() and len(said) < 16 else 0)
        if reason:
            raise InputError(reason)
        return JSONResponse({"bytes": await _spool.receive(batch, name, request.stream())})
    except InputError as error:
        if len(batch.refused) < _spool.MAX_FILES:
            batch.refused[asked[:500]] = str(error)
        return JSONResponse({"refused": str(error)}, status_code=422)
    except ClientDisconnect:
        return JSONResponse({"error": "cut short"}, status_code=400)
