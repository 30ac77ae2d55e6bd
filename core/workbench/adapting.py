"""Adapting the encoder to the collection's own words: can it, do it, look at before and after, keep it or not, go back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.encode.adapt_data import NEEDED, PROMPT
from core.encode.adapted import digest_of, is_adapted
from core.errors import InputError
from core.store import Collection
from core.types import Job
from core.workbench.submitting import submit

COLUMNS_AT_MOST = 24
_LAST = "adapt.last"


@dataclass(frozen=True, slots=True)
class Source:
    """Something to learn from: the captions (an empty `column`), or a metadata column.

    Attributes
    ----------
    n_items : int
        Images that have it.
    n_kinds : int
        Different texts.
    """

    column: str
    n_items: int
    n_kinds: int


@dataclass(frozen=True, slots=True)
class Check:
    """Whether the collection's encoder can be adapted.

    Attributes
    ----------
    can : bool
    why : str
        Why not, in a sentence with both numbers; empty where it can.
    sources : tuple of Source
        What there is enough of, captions first.
    """

    can: bool
    why: str
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One figure before and after, in per cent; the change and its interval in points.

    `judged` is False where more is not better, so the change says nothing good or bad.
    """

    name: str
    meaning: str
    before: float
    after: float
    change: float
    low: float
    high: float
    judged: bool

    @property
    def words(self) -> str:
        """The change as one says it."""
        if self.before == self.after and self.low == self.high:
            return "unchanged"
        span = f"{self.low:+.1f} to {self.high:+.1f}"
        if not self.judged:
            return f"{self.change:+.1f} ({span})"
        if self.low > 0:
            return f"better by {self.change:.1f} ({span})"
        if self.high < 0:
            return f"worse by {-self.change:.1f} ({span})"
        return f"no clear change ({self.change:+.1f}, {span})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the last adaptation gave, measured only on images that it was not trained on.

    Attributes
    ----------
    state : {"offered", "used", "aside", "nothing", "discarded"}
        ``aside``: it was accepted, and the original is used again. ``nothing``: no heads were better than none.
    verdict : {"gain", "none", "loss", "mixed"}
    sentence : str
        The verdict in words.
    advice : str
        What to do.
    changes : tuple of Change
    overall : Change
        Mean of the recalls, on which the verdict rests.
    account : Mapping
        Everything that was written down: split, seed, sizes, seconds.
    """

    state: str
    verdict: str
    sentence: str
    advice: str
    changes: tuple[Change, ...]
    overall: Change
    account: Mapping[str, object]

    @property
    def waits(self) -> bool:
        """Whether it can be accepted or discarded."""
        return self.state in ("offered", "aside")

    @property
    def table(self) -> str:
        """The figures as a table in plain text."""
        rows = [f"{c.name:<32}{c.before:>7.1f} {c.after:>7.1f}   {c.words}" for c in (*self.changes, self.overall)]
        return "\n".join([f"{'per cent':<33}before   after", *rows])


class AdaptService:
    """``wb.adapt``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    # ------------------------------------------------------------ before

    def check(self, labels: str | None = None) -> Check:
        """Whether there is enough to learn from: captions or any column, or the column named."""
        from core.jobs.pipelines.align import base_of

        try:
            base = base_of(self._collection)
        except InputError as error:
            return Check(False, str(error))
        found = self._sources(base.set_id)
        if labels:
            named = next((source for source in found if source.column == labels), None)
            if named is None:
                there = ", ".join(source.column for source in found if source.column) or "none"
                return Check(False, f"There is no column {labels!r} in {self._collection.name}; there are: {there}.")
            return Check(*_enough(named, "label"), sources=(named,))
        enough = tuple(source for source in found if _enough(source, "")[0])
        can, why = _enough(found[0], "caption")
        others = [source for source in enough if source.column and 2 * source.n_kinds <= source.n_items]
        return Check(can or bool(others), why, (*(source for source in enough if not source.column), *others))

    def _sources(self, set_id: str) -> list[Source]:
        select = self._collection.select
        live = (
            "JOIN items ON items.item_id = found.item_id AND items.trashed_at IS NULL"
            " JOIN vectors ON vectors.item_id = found.item_id AND vectors.set_id = ? AND vectors.dead = 0"
        )
        (captions,) = select(
            "SELECT count(DISTINCT found.item_id), count(DISTINCT found.text) FROM"
            f" (SELECT item_id, text FROM captions WHERE trim(text) <> '') AS found {live}",
            (set_id,),
        )
        sources = [Source("", *captions)]
        for column in self._collection.columns()[:COLUMNS_AT_MOST]:
            (counted,) = select(
                "SELECT count(*), count(DISTINCT found.value) FROM (SELECT item_id, json_extract(meta, ?) AS value FROM items)"
                f" AS found {live} WHERE found.value IS NOT NULL AND trim(found.value) <> ''",
                (f'$."{column.name}"', set_id),
            )
            sources.append(Source(column.name, *counted))
        return sources

    # ------------------------------------------------------------ doing it

    def start(
        self, labels: str | None = None, *, prompt: str = PROMPT, seed: int = 0, start: bool = True
    ) -> Job:
        """Queue an adaptation; the one that is under way already, where there is one.

        Parameters
        ----------
        labels : str, optional
            A metadata column to learn from instead of the captions.
        prompt : str
            What is made of a label; ``{}`` stands for it.

        Raises
        ------
        InputError
            There is too little to learn from; the message has both numbers.
        """
        under_way = self.job()
        if under_way is not None and under_way.live:
            return under_way
        checked = self.check(labels)
        wrong = checked.why if labels or not any(not source.column for source in checked.sources) else ""
        if wrong:
            raise InputError(wrong)
        args = {"action": "adapt", "labels": labels or "", "prompt": prompt, "seed": int(seed)}
        return submit(self._collection, "align", args, start=start)

    def job(self) -> Job | None:
        """The last job that adapted or brought the vectors over, live or not."""
        from core.jobs import Queue

        jobs = Queue(self._collection.home).jobs(self._collection.key)
        return next((job for job in jobs if job.kind == "align"), None)

    # ------------------------------------------------------------ after

    @property
    def in_use(self) -> bool:
        """Whether searches go through an adapted encoder now."""
        return bool(self._collection.sets()) and is_adapted(self._collection.set().encoder)

    @property
    def waiting(self) -> bool:
        """Whether an adaptation waits to be accepted or discarded for the first time."""
        return any(record.get("state") == "offered" for record in self._collection.adaptations().values())

    def result(self) -> Outcome | None:
        """What the last adaptation gave; None where there was none."""
        said = self._collection.setting(_LAST)
        if not isinstance(said, dict):
            return None
        changes = tuple(_change(figure) for figure in said["figures"])
        overall = _change(said["overall"])
        return Outcome(
            self._state(said), said["verdict"], *_in_words(said, overall, changes), changes=changes, overall=overall, account=said
        )

    def _state(self, said: Mapping[str, object]) -> str:
        digest = str(said["digest"])
        if not digest:
            return "nothing"
        record = self._collection.adaptations().get(digest)
        if self.in_use and digest_of(self._collection.set().encoder) == digest:
            return "used"
        state = "discarded" if record is None else str(record.get("state"))
        return {"offered": "offered", "accepted": "aside"}.get(state, "discarded")

    def accept(self, *, start: bool = True) -> Job:
        """Queue the making of the adapted vectors, beside the old ones; when it is done, searches use them.

        Raises
        ------
        InputError
            There is no adaptation that waits for a decision.
        """
        outcome = self.result()
        if outcome is None or not outcome.waits:
            raise InputError(_NOT_OFFERED[None if outcome is None else outcome.state].format(name=self._collection.name))
        return submit(self._collection, "align", {"action": "accept", "digest": outcome.account["digest"]}, start=start)

    def discard(self) -> None:
        """Forget the adaptation that waits for a decision, or that was set aside.

        Raises
        ------
        InputError
            There is none, or it is in use.
        """
        outcome = self.result()
        if outcome is not None and outcome.state == "used":
            raise InputError("This adaptation is in use; go back to the original first.")
        if outcome is None or not outcome.waits:
            raise InputError(_NOT_OFFERED[None if outcome is None else outcome.state].format(name=self._collection.name))
        digest = str(outcome.account["digest"])
        if outcome.state == "offered":
            self._collection.drop_adaptation(digest)
        else:  # its vectors are still there and name it
            self._collection.note_adaptation(digest, state="retired")

    def roll_back(self, *, start: bool = True) -> str:
        """Search with the original encoder again, at once; its name. The adapted vectors stay, for another change of mind.

        Raises
        ------
        InputError
            No adapted encoder is in use.
        """
        from core.jobs.pipelines.align import base_of

        if not self.in_use:
            raise InputError(f"{self._collection.name} uses no adapted encoder, so there is nothing to go back from.")
        base = base_of(self._collection)
        self._collection.activate(base.set_id)
        submit(self._collection, "refresh", start=start)  # the map and N_k of these vectors
        return base.encoder


_NOT_OFFERED = {
    None: "{name} was not adapted yet; do that first.",
    "used": "{name} uses its adapted encoder already.",
    "nothing": "The last adaptation of {name} learned nothing that helps, so there is nothing to accept or discard.",
    "discarded": "The last adaptation of {name} was discarded; adapt it again.",
}


def _enough(source: Source, word: str) -> tuple[bool, str]:
    if source.n_items < NEEDED:
        n = source.n_items
        have = f"No image has a {word}" if n == 0 else f"{n:,} {'image has' if n == 1 else 'images have'} a {word}"
        return False, f"{have}, and adapting needs {NEEDED} or more: with fewer there is too little to learn from and to measure on."
    if source.n_kinds < 2:
        return False, f"All {source.n_items:,} images have the same {word}, so there is nothing to tell them apart by."
    return True, ""


def _change(figure: Mapping[str, object]) -> Change:
    change: Mapping[str, float] = figure["change"]  # type: ignore[assignment]
    return Change(
        str(figure["name"]), str(figure["meaning"]), float(figure["before"]), float(figure["after"]),  # type: ignore[arg-type]
        change["value"], change["low"], change["high"], bool(figure["judged"]),
    )  # fmt: skip


def _in_words(said: Mapping[str, object], overall: Change, changes: tuple[Change, ...]) -> tuple[str, str]:
    """The verdict and the advice, each in a sentence or two."""
    n = said["split"]["test"]  # type: ignore[index]
    span = f"{overall.change:+.1f}, interval {overall.low:.1f} to {overall.high:.1f}"
    moved = (
        f"on {n:,} images kept apart, words and images find each other in {overall.after:.1f} of 100 tries instead of "
        f"{overall.before:.1f} ({span})"
    )
    if not said["digest"]:
        return (
            f"No measurable gain: of what was learned, nothing did better than the encoder as it is ({n:,} images were kept "
            f"apart; {span}).",
            "There is nothing to accept; searching stays as it is.",
        )
    if said["verdict"] == "gain":
        return f"Better: {moved}.", "Worth accepting."
    if said["verdict"] == "mixed":
        worse = next(c for c in changes if c.judged and c.high < 0)
        return (
            f"Better for words: {moved}. {worse.meaning}: {worse.words}.",
            "Accept it if you search by words; discard it if you search by example.",
        )
    if said["verdict"] == "loss":
        return f"Worse: {moved}.", "Discard it."
    return f"No measurable gain: {span}.", "Discard it: what it learned does not carry over to images it has not seen."
