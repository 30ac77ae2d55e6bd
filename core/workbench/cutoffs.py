"""Where good results end: what it can be learned from, learn it, read what came of it, draw the line in searches or leave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import InputError, LoupeError, NotFound
from core.judge import graded, serving
from core.rank.cutoff import Rung, queries_with_relevant, reached, rung_for
from core.search import cutoffs
from core.search.cutoffs import KINDS
from core.search.recipes import recipe as recipe_named
from core.store import Collection
from core.types import Job
from core.wording import counted, verb
from core.workbench.submitting import submit

_LAST = "cutoff.last"


@dataclass(frozen=True, slots=True)
class Source:
    """What is judged for one kind of query: pairs, relevant ones among them, queries with a relevant one; and what is learned of it.

    Attributes
    ----------
    rung : Rung
        By the function that learning uses, or what it came to where it has learned from these judgments.
    counting : int
        Pairs that learning looked at, where it has, else all: see `core.judge.graded.LOOKED_AT`.
    """

    kind: str
    labels: int
    relevant: int
    queries: int
    rung: Rung
    counting: int

    @property
    def sentence(self) -> str:
        """What is learned from it, in words."""
        of = f"Queries of {KINDS[self.kind]}:"
        if not self.labels:
            return f"{of} nothing is judged, and {self.rung.reach[0].lower()}{self.rung.reach[1:]}"
        queries = counted(self.queries, "query", "queries")
        said = f"{of} {counted(self.labels, 'judged result')}, {self.relevant:,} relevant, on {queries} with a relevant one."
        if self.counting < self.labels:
            said += f" {self.counting:,} of them {verb(self.counting)} among the first {graded.LOOKED_AT:,}, and only these count."
        return f"{said} {self.rung.reach or self.rung.why}{_SO.get(self.rung.name, '')}"


_SO = {"platt": " So one curve is learned for all of them.", "adapter": " So a curve is learned whose shape hangs on the query."}


@dataclass(frozen=True)
class Part:
    """What was learned for one kind of query.

    Attributes
    ----------
    kind : str
        ``words``, ``image`` or ``composed``.
    set_id : str
    sentence : str
        What to use, and why.
    notes : tuple of str
    falls : str
        Where the line of what is recommended falls in the rankings of the judged queries; empty where there are none.
    rung, why : str
        The rung of the ladder, and why it is that one.
    recommended : str
        What to draw the line with; `better` says whether that is the learned one.
    tested : bool
        Whether it was measured on test queries.
    in_use : str
        What the line is drawn with now; empty where there is none.
    account : Mapping
        All of it: ``tried`` with figures, intervals and reliability, counts, ``f1``.
    """

    kind: str
    set_id: str
    signature: str
    sentence: str
    notes: tuple[str, ...]
    rung: str
    why: str
    recommended: str
    better: bool
    tested: bool
    in_use: str
    account: Mapping[str, object]
    falls: str = ""

    @property
    def n_labels(self) -> int:
        """Judged results it was learned from."""
        return int(str(self.account["n_labels"]))

    @property
    def name(self) -> str:
        """Of its key."""
        return f"{self.set_id} {self.signature}"


@dataclass(frozen=True)
class Outcome:
    """What was learned last.

    Attributes
    ----------
    parts : tuple of Part
        One for each kind of query, the most judged first.
    stale : str
        Why it should be learned again; empty where it is up to date.
    account : Mapping
        Everything that was written down.
    """

    recipe: str
    recall: float
    parts: tuple[Part, ...]
    left_out: str
    stale: str
    account: Mapping[str, object]

    @property
    def learned(self) -> tuple[str, ...]:
        """The kinds of query for which a cut-off was learned; for the others too little is judged."""
        return tuple(dict.fromkeys(part.kind for part in self.parts if part.tested))

    @property
    def in_use(self) -> bool:
        """Whether a line is drawn with any of it."""
        return any(part.in_use for part in self.parts)

    @property
    def sentence(self) -> str:
        """The advice for the kind of query that is judged most."""
        return self.parts[0].sentence if self.parts else ""


class CutoffService:
    """``wb.cutoffs``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    # ------------------------------------------------------------ before

    def sources(self, rel: int = 1, recipe: str = "plain") -> tuple[Source, ...]:
        """What is judged so far for each kind of query, and what is learned from it; the most judged kind first.

        Parameters
        ----------
        rel : int
            The lowest grade that is relevant.

        Raises
        ------
        NotFound
            There is no such recipe.
        """
        outcome, last = self.result(), {}
        if outcome is not None and not outcome.stale and (outcome.recipe, outcome.account["rel"]) == (recipe, rel):
            last = {(part.set_id, part.kind): part for part in outcome.parts}
        found = []
        for set_id, kind, rows in graded.counted_by_kind(self._collection, recipe_named(self._collection, recipe), rel=rel):
            part, rung, n = last.get((set_id, kind)), reached(rows), len(rows)
            if part is not None:
                rung, n = Rung(part.rung, part.why, str(part.account.get("reach", ""))), part.n_labels
            found.append(Source(kind, len(rows), rows.n_relevant, queries_with_relevant(rows), rung, n))
        there = {one.kind for one in found}
        return (*found, *(Source(kind, 0, 0, 0, rung_for(0, 0, 0), 0) for kind in KINDS if kind not in there))

    # ------------------------------------------------------------ doing it

    def start(self, recipe: str = "plain", *, recall: float = 0.95, rel: int = 1, seed: int = 0, start: bool = True) -> Job:
        """Queue the learning for a recipe; the same one that is under way already, where there is one.

        Parameters
        ----------
        recall : float
            Share of the relevant results that should be kept, above 0 and below 1.
        rel : int
            The lowest grade that is relevant, 1 to 3.

        Raises
        ------
        InputError
            An argument is not possible, there are no vectors, or another one is under way.
        NotFound
            There is no such recipe.
        """
        if not isinstance(recall, int | float) or isinstance(recall, bool) or not 0 < recall < 1:
            raise InputError(f"The share of relevant results to keep is {recall!r}; give one above 0 and below 1, such as 0.95.")
        if rel not in (1, 2, 3):
            raise InputError(f"The lowest grade that is relevant is 1, 2 or 3, not {rel!r}.")
        if not self._collection.sets():
            raise InputError(f"{self._collection.name} has no vectors yet; index its images first.")
        recipe_named(self._collection, recipe)
        args = {"recipe": recipe, "recall": float(recall), "rel": int(rel), "seed": int(seed)}
        under_way = self.job()
        if under_way is not None and under_way.live:
            if dict(under_way.args) == args:
                return under_way
            raise InputError(f"It is being learned for the recipe {under_way.args.get('recipe')}; wait until that is done, or cancel it.")
        return submit(self._collection, "cutoff", args, start=start)

    def job(self) -> Job | None:
        """The last job, live or not."""
        from core.jobs import Queue

        jobs = Queue(self._collection.home).jobs(self._collection.key)
        return next((job for job in jobs if job.kind == "cutoff"), None)

    # ------------------------------------------------------------ after

    def result(self) -> Outcome | None:
        """What was learned last; None where nothing was."""
        said = self._collection.setting(_LAST)
        if not isinstance(said, dict):
            return None
        used = cutoffs.used(self._collection)
        parts = tuple(
            Part(
                part["kind"], part["set"], part["signature"], part["sentence"], tuple(part["notes"]), part["rung"], part["why"],
                part["recommended"], bool(part["better"]), bool(part["tried"]),
                used.get(f"{part['set']} {part['signature']}", {}).get("method", ""), part, part.get("falls", ""),
            )
            for part in said["parts"]
        )  # fmt: skip
        return Outcome(
            str(said["recipe"]), float(said["recall"]), parts, serving.left_out_words(said["left_out"]), self._stale(said), said
        )

    def _stale(self, said: Mapping[str, object]) -> str:
        collection = self._collection
        if not self.current(str(said["fingerprint"])):
            return "The judgments have changed since this was learned; learn it again."
        there = {one.set_id for one in collection.sets()}
        if any(part["set"] not in there for part in said["parts"]):  # type: ignore[attr-defined]
            return "The vectors that this was learned with are gone; learn it again."
        try:
            recipe_named(collection, str(said["recipe"]))
        except LoupeError:
            return f"The recipe {said['recipe']} is gone."
        return ""

    def current(self, fingerprint: str) -> bool:
        """Whether the judgments are still those of a fingerprint (`core.types.Cutoff` has one)."""
        return fingerprint == serving.answers(self._collection, "judgments", "")

    # ------------------------------------------------------------ using it

    def shown(self) -> Mapping[str, Mapping[str, str]]:
        """The lines that searches draw: key -> recipe, kind of query and method."""
        return cutoffs.used(self._collection)

    def adopt(self, method: str = "") -> int:
        """Draw the line in searches of the recipe it was learned with; the number of kinds of queries that have one now.

        Parameters
        ----------
        method : str, optional
            ``cosine``, ``zscore``, ``platt`` or ``adapter`` instead of what is recommended, where it was tried.

        Raises
        ------
        InputError
            Nothing was learned, or not by that method.
        """
        outcome = self.result()
        if outcome is None or not outcome.parts:
            raise InputError("Nothing was learned yet about where good results end; learn it first.")
        able = [part for part in outcome.parts if part.tested] or list(outcome.parts)
        chosen = {}
        for part in able:
            there = [model["kind"] for model in part.account["models"]]  # type: ignore[attr-defined]
            if not method or method in there:
                how = method or part.recommended
                chosen[part.name] = {"method": how, "recipe": outcome.recipe, "kind": part.kind, "set": part.set_id,
                                     "signature": part.signature}  # fmt: skip
        if not chosen:
            raise InputError(f"No line can be drawn by {method!r}; it was learned by {', '.join(there)}.")
        cutoffs.show(self._collection, chosen)
        return len(chosen)

    def leave_off(self, recipe: str = "") -> Mapping[str, Mapping[str, str]]:
        """Draw no line that was learned for a recipe (by default the one learned last); what was drawn, for `bring_back`."""
        outcome = self.result()
        name = recipe or (outcome.recipe if outcome is not None else "")
        return cutoffs.hide(self._collection, {key for key, how in self.shown().items() if how.get("recipe") == name})

    def bring_back(self, lines: Mapping[str, Mapping[str, str]]) -> None:
        """Draw lines again that `leave_off` took away."""
        known = {name: dict(how) for name, how in lines.items()}
        self._collection.set_setting(cutoffs.USED, {**cutoffs.used(self._collection), **known})

    def forget(self) -> None:
        """Forget all that was ever learned, and draw no line any more.

        Raises
        ------
        NotFound
            Nothing was learned.
        """
        if self.result() is None:
            raise NotFound("Nothing was learned yet about where good results end.")
        self._collection.set_setting(cutoffs.USED, {})
        self._collection.set_setting(_LAST, None)
        for kind, set_id in self._collection.select("SELECT kind, set_id FROM artifacts WHERE kind LIKE 'cutoff-%'"):
            self._collection.drop_artifact(kind, set_id)
