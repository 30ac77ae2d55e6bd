"""Loading encoders in the background, so that nobody's first query waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from core.errors import LoupeError

_log = logging.getLogger("loupe")
_asked: set[str] = set()
_guard = threading.Lock()
_serving = threading.Event()


def begin(names: Iterable[str]) -> None:
    """Called once by the server: load these, and from now on what `warm` is asked for."""
    _serving.set()
    for name in names:
        warm(name)


def warm(name: str) -> threading.Thread | None:
    """Load an encoder on a thread of its own, once; nothing happens where no server runs (in tests, say)."""
    with _guard:
        if not _serving.is_set() or name in _asked or name in ("", "none"):
            return None
        _asked.add(name)
    thread = threading.Thread(target=_load, args=(name,), name="warm", daemon=True)
    thread.start()
    return thread


def _load(name: str) -> None:
    from core.encode import load_encoder

    try:
        load_encoder(name).encode_texts(["a first query is slow; let it be this one"])
    except LoupeError as error:
        _log.warning("%s was not loaded ahead: %s", name, error)
    except Exception:  # noqa: BLE001 - a query will say what is wrong
        _log.exception("%s was not loaded ahead", name)
