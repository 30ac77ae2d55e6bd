"""Reading files ahead of the model: decode, identify, thumbnail and prepare on threads, handed over in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.encode.protocol import Encoder
from core.encode.threads import cpu_threads
from core.errors import ImageError
from core.ingest.images import MAX_BYTES, Loaded, item_id_of, load
from core.ingest.sources import Candidate

LOOK_AHEAD = 48
"""Files read before the model asks for them; a prepared image of the starter is 200 KB."""
PATIENCE_S = 0.2
"""While one large file is being read, the wish to cancel is looked at this often."""


@dataclass(frozen=True, slots=True)
class Read:
    """What came of one candidate.

    Attributes
    ----------
    candidate : Candidate
    path : str
        Under which its bytes are known to the collection.
    item_id : str
        Empty where it could not be read.
    loaded : Loaded or None
        Without its image; None where nothing had to be decoded.
    pixels : ndarray or None
        The model's input; None where it is not needed.
    reason : str
        Why it could not be read.
    untouched : bool
        Path, size and time are those of the last run: not a byte was read.
    """

    candidate: Candidate
    path: str
    item_id: str
    loaded: Loaded | None = None
    pixels: np.ndarray | None = None
    reason: str = ""
    untouched: bool = False


class Reader:
    """Turns candidates into `Read` results in their order, with a bounded number of files under way.

    Parameters
    ----------
    encoder : Encoder or None
        None: nothing is prepared.
    sources : Mapping of path to (item id, bytes, mtime in ns)
        As `Collection.known_sources` gives them.
    complete : container of item ids
        Items that need neither vector nor thumbnail. May grow while this runs.
    keep : callable, optional
        ``keep(candidate) -> path``: where its bytes will be from now on; called on a thread, for readable images.
    kept_path : callable, optional
        Where `keep` would put a candidate.
    check : callable
        Raises when the work should stop.
    """

    def __init__(
        self,
        encoder: Encoder | None,
        sources: Mapping[str, tuple[str, int, int]],
        complete: Container[str],
        *,
        keep: Callable[[Candidate], str] | None = None,
        kept_path: Callable[[Candidate], str] = lambda candidate: os.fspath(candidate.path),
        check: Callable[[], None],
    ) -> None:
        self._encoder = encoder
        self._sources = sources
        self._complete = complete
        self._keep = keep
        self._kept_path = kept_path
        self._check = check
        self._known = {item_id for item_id, _, _ in sources.values()}

    def read(self, candidates: Iterable[Candidate]) -> Iterator[Read]:
        """Yield one result for each candidate."""
        ahead: deque[Read | Future[Read]] = deque()
        waiting = iter(candidates)
        more = True
        with ThreadPoolExecutor(cpu_threads(), thread_name_prefix="read") as pool:
            try:
                while more or ahead:
                    while more and len(ahead) < LOOK_AHEAD:
                        candidate = next(waiting, None)
                        if candidate is None:
                            more = False
                            break
                        ahead.append(self._untouched(candidate) or pool.submit(self._read, candidate))
                    if ahead:
                        yield self._result(ahead.popleft())
            finally:
                for left in ahead:
                    if isinstance(left, Future):
                        left.cancel()

    def _result(self, first: Read | Future[Read]) -> Read:
        while isinstance(first, Future):
            self._check()
            try:
                return first.result(PATIENCE_S)
            except NotYet:
                if first.done():
                    raise
        self._check()
        return first

    def _untouched(self, candidate: Candidate) -> Read | None:
        path = self._kept_path(candidate)
        item_id, n_bytes, mtime_ns = self._sources.get(path, ("", -1, -1))
        same = (n_bytes, mtime_ns) == (candidate.n_bytes, candidate.mtime_ns)
        if not same or item_id not in self._complete or candidate.item_id not in (None, item_id):
            return None
        return Read(candidate, path, item_id, untouched=True)

    def _read(self, candidate: Candidate) -> Read:
        path = self._kept_path(candidate)
        try:
            if self._known and (item_id := self._known_bytes(candidate)):
                return Read(candidate, self._keep(candidate) if self._keep else path, item_id)
            loaded = load(candidate.path, self._encoder.input_px if self._encoder else None)
            pixels = self._encoder.prepare(loaded.image) if self._encoder else None
            if self._keep is not None:
                path = self._keep(candidate)
        except ImageError as error:
            return Read(candidate, path, "", reason=str(error))
        except OSError as error:
            return Read(candidate, path, "", reason=f"the file cannot be read: {error.strerror or error}")
        # The decoded image is let go here: the queue ahead of the model holds only what the model takes in.
        return Read(candidate, path, candidate.item_id or loaded.item_id, replace(loaded, image=None), pixels)

    def _known_bytes(self, candidate: Candidate) -> str:
        """The item these very bytes are, where it is complete: a file that was moved or copied is not decoded again."""
        if candidate.item_id is not None or candidate.n_bytes > MAX_BYTES:
            return ""
        item_id, _ = item_id_of(Path(candidate.path).read_bytes())
        return item_id if item_id in self._known and item_id in self._complete else ""
