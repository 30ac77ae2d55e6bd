"""Whether a server can be reached, found out in seconds: the hub's own client tries for minutes."""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request

REACH_SECONDS = 5.0


def offline() -> bool:
    """Whether the user has said that the network is not to be used (``HF_HUB_OFFLINE``)."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "TRUE", "YES", "ON"}


def reachable(address: str) -> bool:
    """Ask a server for its head, waiting 5 seconds at most, names included; proxies of the environment apply."""
    answered: list[bool] = []

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=REACH_SECONDS).close()
            answered.append(True)
        except urllib.error.HTTPError as error:
            # A server spoke. One between here and there that lets nothing through speaks too: it says so.
            answered.append(error.code not in (407, 502, 503, 504))
        except (OSError, ValueError):
            answered.append(False)

    # Looking up a name has no timeout of its own, so the wait is outside.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACH_SECONDS)
    return bool(answered and answered[0])
