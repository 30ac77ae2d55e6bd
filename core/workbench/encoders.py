"""Encoders: which there are, fetching and measuring them; and the vector sets of a collection, one for each it has had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.encode import load_encoder
from core.encode.adapted import is_adapted
from core.encode.catalogue import Offer, offer, offers, remember_file
from core.errors import EncoderError, InputError
from core.search.sets import by_looks, made_by, visual_of
from core.store import Collection
from core.types import Job, VectorSet
from core.workbench.submitting import submit

__all__ = ["EncoderService", "Offer", "SetState", "offers", "own_file", "submit_fetch", "submit_probe"]

STARTER = "starter"
WEIGHT_FILES = (".safetensors", ".pt", ".pth", ".bin")


@dataclass(frozen=True, slots=True)
class SetState:
    """The vectors of one encoder as the dialog of a collection shows them: one entry, whatever spaces it has.

    Attributes
    ----------
    set : VectorSet
        Of joint space.
    n_vectors : int
        Live items that have a vector in it.
    n_lacking : int
        Live items that have none.
    n_bytes : int
        On the disk, all spaces together.
    visual : VectorSet or None
        The set beside it that images alone are compared in.
    n_visual_lacking : int
        Live items with a joint vector and none in `visual`.
    outdated : bool
        Made by an earlier version of the encoder than is installed: words and uploads need the images encoded again.
    """

    set: VectorSet
    n_vectors: int
    n_lacking: int
    n_bytes: int
    visual: VectorSet | None = None
    n_visual_lacking: int = 0
    outdated: bool = False


# ---------------------------------------------------------------- encoders, whatever the collection


def submit_fetch(name: str, *, start: bool = True) -> Job:
    """Queue the download of an encoder's weights; the job that does it already, where there is one.

    Raises
    ------
    EncoderError
        It is on this computer already.
    """
    found = offer(name)
    if found is not None and found.here:
        raise EncoderError(f"{name} is on this computer already.")
    return _once("fetch", name, start)


def submit_probe(name: str, *, start: bool = True) -> Job:
    """Queue the measuring of an encoder's speed on this machine."""
    return _once("probe", name, start)


def encoder_jobs() -> dict[tuple[str, str], Job]:
    """(kind, encoder) -> the latest download or measuring of each."""
    from core.jobs import Queue

    latest: dict[tuple[str, str], Job] = {}
    for job in Queue().jobs(""):
        if job.kind in ("fetch", "probe"):
            latest.setdefault((job.kind, str(job.args.get("encoder"))), job)
    return latest


def own_file(model: str, path: Path) -> str:
    """The encoder's name of a weight file of the user's own, which is offered from now on.

    Raises
    ------
    InputError
        There is no such file, or it is no weight file by its name.
    """
    from core.encode.hubcache import PREFIX

    if path.suffix.lower() not in WEIGHT_FILES or not path.is_file():
        raise InputError(f"{path} is no weight file; give one that ends in {', '.join(WEIGHT_FILES)}.")
    name = f"{PREFIX}{model}/{path}"
    remember_file(name)
    return name


def _outdated(vector_set: VectorSet) -> bool:
    # Only the encoder that comes with the program changes with it, and what was adapted from it; all others are what
    # their weight files are.
    if is_adapted(vector_set.encoder):
        try:
            load_encoder(vector_set.encoder)
        except EncoderError:
            return True
        return False
    return vector_set.encoder == STARTER and vector_set.weights != load_encoder(STARTER).fingerprint


def _once(kind: str, name: str, start: bool) -> Job:
    from core.jobs import Queue, ensure_worker

    queue = Queue()
    job = next((j for j in queue.jobs("", live=True) if j.kind == kind and j.args.get("encoder") == name), None)
    if job is None:
        job = queue.add(kind, "", {"encoder": name})
    if start:
        ensure_worker(queue.home)
    return job


# ---------------------------------------------------------------- of a collection


class EncoderService:
    """The vector sets of a collection. Each is a version of its own: adding one leaves the others as they are.

    Parameters
    ----------
    collection : Collection
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def sets(self) -> tuple[SetState, ...]:
        """Every vector set of joint space, oldest first, with how far it covers the collection and what is beside it."""
        counts = self._counts()
        total = self._collection.info().n_items
        found = []
        for vector_set in self._collection.sets():
            if vector_set.space == "joint":
                n, n_bytes = counts.get(vector_set.set_id, (0, 0))
                visual = visual_of(self._collection, vector_set)
                short = 0
                if visual is not None:
                    n_bytes += counts.get(visual.set_id, (0, 0))[1]
                    _, short = by_looks(self._collection, vector_set)
                found.append(SetState(vector_set, n, total - n, n_bytes, visual, short, _outdated(vector_set)))
        return tuple(found)

    def _counts(self) -> Mapping[str, tuple[int, int]]:
        bytes_of = dict(self._collection.select("SELECT set_id, sum(n_bytes) FROM segments GROUP BY set_id"))
        counted = self._collection.select(
            "SELECT set_id, count(*) FROM vectors JOIN items USING (item_id) WHERE dead = 0 AND trashed_at IS NULL"
            " GROUP BY set_id"
        )
        return {set_id: (n, bytes_of.get(set_id, 0)) for set_id, n in counted}

    def add(self, encoder: str, *, activate: bool = True, start: bool = True) -> Job:
        """Queue the encoding of every image with another encoder, or of those that one's vectors lack.

        Parameters
        ----------
        activate : bool
            Searches use the new vectors as soon as they cover everything; until then the present ones.

        Raises
        ------
        EncoderError
            Its weights have to be fetched first.
        """
        found = offer(encoder)
        if found is not None and not found.here:
            raise EncoderError(f"{found.title} has to be downloaded first: python -m core encoders --fetch {encoder}")
        job = self.job(encoder)
        return job or submit(self._collection, "encode", {"encoder": encoder, "activate": activate}, start=start)

    def job(self, encoder: str) -> Job | None:
        """The live job that encodes with this encoder."""
        from core.jobs import Queue

        live = Queue(self._collection.home).jobs(self._collection.key, live=True)
        return next((job for job in live if job.kind == "encode" and job.args.get("encoder") == encoder), None)

    def switch(self, set_id: str, *, start: bool = True) -> Job | None:
        """Let searches use this vector set from now on; the map and N_k follow by the job that is given back.

        Raises
        ------
        NotFound
        InputError
            It has no vectors yet.
        """
        state = next((s for s in self.sets() if s.set.set_id == set_id), None)
        if state is None:
            self._collection.set(set_id)  # says what there is
            raise InputError(f"{set_id} cannot be searched by words; switch to a set of joint space.")
        if state.set.active:
            return None
        if not state.n_vectors:
            raise InputError(f"{set_id} has no vectors yet; encode the images first.")
        self._collection.activate(set_id)
        return submit(self._collection, "refresh", start=start)

    def use(self, name: str, *, start: bool = True) -> Job | None:
        """Let searches use a vector set by its id, or the one of an encoder, which is made or completed first.

        Returns
        -------
        Job or None
            What there is to wait for; None where these vectors are in use already.

        Raises
        ------
        EncoderError
            Its weights have to be fetched first.
        """
        states = self.sets()
        state = next((s for s in states if s.set.set_id == name), None)
        if state is None:
            # Of two precisions or versions of one encoder, the latest.
            state = next((s for s in reversed(states) if s.set.encoder == name and not s.outdated), None)
            incomplete = state is not None and (state.n_lacking or state.n_visual_lacking)
            if state is None or (incomplete and state.set.engine != "brought"):
                return self.add(name, start=start)
        return self.switch(state.set.set_id, start=start)

    def remove(self, set_id: str) -> tuple[str, ...]:
        """Take a vector set away, with the sets of its encoder's other spaces; the ids, for `restore`.

        Raises
        ------
        NotFound
        InputError
            Searches use it, or it is being filled.
        """
        chosen = self._collection.set(set_id)
        if self.job(chosen.encoder) is not None:
            raise InputError(f"{chosen.encoder} is at work on it; cancel that first.")
        gone = [
            s.set_id
            for s in self._collection.sets()
            if made_by(s) == made_by(chosen) and (s.set_id == set_id or s.space != "joint")
        ]
        for other in sorted(gone, key=lambda other: other != set_id):
            self._collection.remove_set(other)
        return tuple(gone)

    def restore(self, set_ids: tuple[str, ...]) -> None:
        """Bring removed vector sets back, for 30 days.

        Raises
        ------
        NotFound
        """
        for set_id in set_ids:
            self._collection.restore_set(set_id)
