"""The server's side of the app: routes, the check of the Host header, what happens at the start, unforeseen errors."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from streamlit.runtime.pages_manager import PagesManager

from core.errors import LoupeError
from pages import _hosts, _routes, _warm

_log = logging.getLogger("loupe")


def routes() -> list[BaseRoute]:
    """Routes beside Streamlit's own."""
    # Streamlit must not run a file of pages/ alone when the first visit is a deep link; see `_shared.guard`.
    PagesManager.uses_pages_directory = False
    return _routes.routes()


def middleware() -> list[Middleware]:
    """What every request passes before Streamlit sees it."""
    return [Middleware(_hosts.HostCheck)]


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Around the life of the server; what is done at the start does not hold up the first page."""
    threading.Thread(target=at_start, name="at-start", daemon=True).start()
    yield


def at_start() -> None:
    """Tidy up, go on with work that was left, build the demo where it is wanted, and load the query's encoder."""
    from core.jobs import ensure_worker
    from core.store import home, list_collections
    from pages import _jobs, _spool

    try:
        jobs = _jobs.live_jobs()
        _spool.sweep(home(), [str(job.args.get("source", "")) for job in jobs])
        found = list_collections()
        if os.environ.get("LOUPE_DEMO") == "1" and not found:
            _jobs.start_demo()
            encoders = ["starter"]
        else:
            encoders = [info.encoder for info in found[:1] if info.encoder and not info.problem]
            if jobs:
                ensure_worker()
        _warm.begin(encoders)
    except LoupeError as error:
        _log.warning("at the start: %s", error)
    except Exception:  # noqa: BLE001 - the app is usable without any of this
        _log.exception("at the start")


def on_script_error(error: Exception) -> bool:
    """Say in a sentence what happened, where nobody else did; the details go to the log, never to the page."""
    if isinstance(error, LoupeError):
        st.error(str(error))
        return True
    reference = secrets.token_hex(3)
    _log.error("error %s", reference, exc_info=error)
    st.error(
        f"Something went wrong that should not have (reference {reference}). Your collections are untouched; reload "
        "the page to go on. The details are in the log of the server."
    )
    return True
