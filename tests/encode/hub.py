"""A hub of one's own on 127.0.0.1: serves files as the real one does, and misbehaves on request."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "c0ffee" * 6 + "c0de"


class Hub:
    """Files by ``<owner>/<repository>/<file>``, and what is to go wrong.

    Attributes
    ----------
    cut_after : list of int
        For each of the next requests: so many bytes are sent, then the connection is closed.
    altered : bool
        Other bytes are sent than those the checksum is of.
    ignores_ranges : bool
        Every answer begins at the first byte.
    slow_s : float
        Pause between blocks of 64 kB.
    asked : list of (method, path, range)
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut_after: list[int] = []
        self.altered = False
        self.ignores_ranges = False
        self.slow_s = 0.0
        self.status = 0
        self.asked: list[tuple[str, str, str]] = []
        self.address = ""

    def fetched(self) -> list[tuple[str, str]]:
        """(file, range) of every GET."""
        return [(path.rsplit("/", 1)[1], asked) for method, path, asked in self.asked if method == "GET"]


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that answers until the block ends."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            hub.asked.append((self.command, self.path, self.headers.get("Range", "")))
            data = hub.files.get(self.path.lstrip("/").replace("/resolve/main", ""))
            if self.path == "/" or data is None or (hub.status and body):
                self.send_response(200 if self.path == "/" else hub.status or 404)
                if self.path != "/" and not hub.status:
                    self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            etag, start = hashlib.sha256(data).hexdigest(), 0
            asked = self.headers.get("Range", "")
            if asked and not hub.ignores_ranges and self.headers.get("If-Range", f'"{etag}"') == f'"{etag}"':
                start = int(asked.removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("ETag", f'"{etag}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            if body:
                self.send(data[::-1] if hub.altered else data, start)

        def send(self, data: bytes, start: int) -> None:
            end = len(data)
            if hub.cut_after:
                end = min(end, start + hub.cut_after.pop(0))
            try:
                for at in range(start, end, 65536):
                    self.wfile.write(data[at : min(end, at + 65536)])
                    time.sleep(hub.slow_s)
            except OSError:
                pass  # the other side has gone
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def point_at(serving, cache: Path, monkeypatch) -> None:
    """Let the hub's client ask this server and keep what it brings in `cache`."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", serving.address)
    template = f"{serving.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("core.encode.fetching.PAUSE_S", 0.0)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
