"""Which names in a request's Host header this server answers to: a guard against DNS rebinding.

A page of a stranger can make its own name point at 127.0.0.1 and then read what a server there says. Its requests carry
that name; an address in numbers cannot be rebound.
"""

from __future__ import annotations

import ipaddress
import os

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class HostCheck:
    """Middleware that turns away requests and WebSockets for a name that is not ours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421 (for a WebSocket: close it)."""
        if scope["type"] not in ("http", "websocket") or allowed(Headers(scope=scope).get("host", "")):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            text = "This server does not answer to that name. Set LOUPE_HOSTS to the names it should answer to.\n"
            await PlainTextResponse(text, status_code=421)(scope, receive, send)


def allowed(host: str) -> bool:
    """Whether a Host header is an address in numbers, this machine, or one of ``LOUPE_HOSTS`` (comma-separated)."""
    name = _without_port(host).rstrip(".").lower()
    if not name:
        return False
    try:
        ipaddress.ip_address(name)
        return True
    except ValueError:
        pass
    if name == "localhost" or name.endswith(".localhost"):
        return True
    said = os.environ.get("LOUPE_HOSTS", "").replace(",", " ").split()
    own = [str(st.get_option(option) or "") for option in ("server.address", "browser.serverAddress")]
    return name in {entry.strip().rstrip(".").lower() for entry in (*said, *own)}


def same_origin(headers: Headers) -> bool:
    """Whether a request was made by a page of this very server, as far as the browser says."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == headers.get("host", "").lower()


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host
