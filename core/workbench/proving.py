"""Does a hub correction help here: what it can be measured with, measure it, read the answer, use it or leave it off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.errors import InputError, NotFound
from core.judge import truth
from core.judge.corrections import NAMES
from core.judge.proof import METRICS
from core.search.filters import remembered, state_of
from core.search.recipes import check, delete_recipe, recipes, save_recipe
from core.store import Collection
from core.types import HubSetting, Job, Recipe
from core.workbench.submitting import submit

RECIPE = "hub-corrected"
COLUMNS_AT_MOST = 24
_LAST = "proof.last"


@dataclass(frozen=True, slots=True)
class Source:
    """Right answers of one kind: ``captions``, ``labels`` of a `column`, or ``judgments``; `n` images or queries have them.

    `why` says why that is too little, and is empty where it is enough.
    """

    truth: str
    column: str
    n: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure in per cent, without and with a correction, and the difference in points with its 95 % interval."""

    name: str
    before: float
    after: float
    change: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """The difference as one says it: ``+2.1 [0.9, 3.4]``."""
        return f"{self.change:+.1f} [{self.low:.1f}, {self.high:.1f}]"


@dataclass(frozen=True, slots=True)
class Tried:
    """A correction at the strength that was best on the tuning part.

    Attributes
    ----------
    words : str
        ``csls at k 10``.
    served : str
        The bank of a recipe that does this; empty where it was measured only.
    """

    method: str
    title: str
    meaning: str
    words: str
    bank: str
    strength: float
    served: str
    figures: tuple[Compared, ...]
    skewness: float
    antihub_share: float

    @property
    def called(self) -> str:
        """Its title with its strength: ``Inverted softmax at beta 20``."""
        how = self.words.partition(" ")[2]
        return f"{self.title} {how}".strip()

    def figure(self, name: str) -> Compared:
        """The measure of that name."""
        return next(one for one in self.figures if one.name == name)


@dataclass(frozen=True)
class Outcome:
    """What the last proof gave.

    Attributes
    ----------
    sentence : str
        The recommendation in one sentence.
    recommended : Tried or None
        None: leave it off.
    in_use : bool
        Whether the recipe `RECIPE` is what is recommended here.
    stale : bool
        The collection has changed since, or other vectors are in use.
    account : Mapping
        Everything that was written down.
    """

    sentence: str
    recommended: Tried | None
    raw: Tried
    tried: tuple[Tried, ...]
    metric: str
    in_use: bool
    stale: bool
    account: Mapping[str, object]


class ProofService:
    """``wb.proof``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    # ------------------------------------------------------------ before

    def sources(self) -> tuple[Source, ...]:
        """What there are right answers in, those with enough first; captions and judgments are always named."""
        collection = self._collection
        if not collection.sets():
            return ()
        has_text = collection.set().has_text
        captioned, columns = remembered((*state_of(collection), "proof-sources"), self._counted)
        judged = {j.query_id for j in collection.judgments.all() if j.grade is not None and j.grade >= 1}
        n_judged = sum(q.query_id in judged and not q.query.where and all(t.kind == "text" for t in q.query.terms)
                       for q in collection.saved_queries())  # fmt: skip
        found = [self._source("captions", "", captioned, has_text)]
        found += [self._source("labels", name, n, True) for name, n, kinds in columns if 2 <= kinds and 2 * kinds <= n]
        found.append(self._source("judgments", "", n_judged, has_text))
        return tuple(sorted(found, key=lambda source: bool(source.why)))

    def _counted(self) -> tuple[int, list[tuple[str, int, int]]]:
        """Images with a caption; and each column with the images that have a value and its different values."""
        collection = self._collection
        ((captioned,),) = collection.select(
            "SELECT count(DISTINCT item_id) FROM captions JOIN items USING (item_id) WHERE trashed_at IS NULL AND trim(text) <> ''"
        )
        columns = []
        for column in collection.columns()[:COLUMNS_AT_MOST]:
            ((n, kinds),) = collection.select(
                "SELECT count(*), count(DISTINCT value) FROM (SELECT json_extract(meta, ?) AS value FROM items WHERE trashed_at IS NULL)"
                " WHERE value IS NOT NULL AND trim(value) <> ''",
                (f'$."{column.name}"',),
            )
            columns.append((column.name, n, kinds))
        return captioned, columns

    def _source(self, kind: str, column: str, n: int, can_read: bool) -> Source:
        what = {"captions": "caption", "labels": "label", "judgments": "judgment"}[kind]
        why = truth.enough(n, what) or ("" if can_read else "The vectors in use have no encoder that reads words.")
        return Source(kind, column, n, why)

    # ------------------------------------------------------------ doing it

    def start(
        self, kind: str = "", column: str = "", *, metric: str = "", seed: int = 0, start: bool = True
    ) -> Job:
        """Queue a proof; the one that is under way already, where there is one.

        Parameters
        ----------
        kind : {"captions", "labels", "judgments"}, optional
            Where right answers come from; by default the first that has enough.
        column : str
            Of the labels.
        metric : str, optional
            What decides, one of `core.judge.proof.METRICS`; by default nDCG@10 for judgments, else R@1.

        Raises
        ------
        InputError
            There is too little to measure with; the message has both numbers.
        """
        under_way = self.job()
        if under_way is not None and under_way.live:
            return under_way
        if metric and metric not in METRICS:
            raise InputError(f"Measures are {', '.join(METRICS)}; {metric!r} is none of them.")
        if column and kind not in ("", "labels"):
            raise InputError(f"A column goes with labels, not with {kind}.")
        kind = "labels" if column else kind
        there = self.sources()
        if not there:
            raise InputError(f"{self._collection.name} has no vectors yet; index its images first.")
        if not kind:
            source = there[0]
        else:
            able = [one for one in there if one.truth == kind and column in ("", one.column)]
            source = able[0] if able else Source(kind, column, 0, self._none_of(column))
        if source.why:
            raise InputError(source.why)
        args = {"truth": source.truth, "column": source.column, "metric": metric, "seed": int(seed)}
        return submit(self._collection, "prove", args, start=start)

    def _none_of(self, column: str) -> str:
        there = ", ".join(f"{one.column} ({one.n:,})" for one in self.sources() if one.column) or "none"
        name = f"no column {column!r}" if column else "no column"
        return f"There is {name} whose values are shared by images in {self._collection.name}; there are: {there}."

    def job(self) -> Job | None:
        """The last proof's job, live or not."""
        from core.jobs import Queue

        jobs = Queue(self._collection.home).jobs(self._collection.key)
        return next((job for job in jobs if job.kind == "prove"), None)

    # ------------------------------------------------------------ after

    def result(self) -> Outcome | None:
        """What the last proof gave; None where there was none."""
        said = self._collection.setting(_LAST)
        if not isinstance(said, dict):
            return None
        raw, tried = _tried(said["raw"]), tuple(_tried(row) for row in said["rows"])
        judged = tried[said["judged"]] if said["judged"] >= 0 else None
        recommended = judged if said["recommended"] else None
        stale = not self._collection.sets() or (said["set"], said["generation"]) != (
            self._collection.set().set_id, self._collection.generation
        )  # fmt: skip
        in_use = recommended is not None and self.adopted() == _setting(recommended)
        return Outcome(_sentence(judged, recommended, str(said["metric"]), int(said["n_test"])), recommended, raw, tried,
                       str(said["metric"]), in_use, stale, said)  # fmt: skip

    # ------------------------------------------------------------ using it

    def adopted(self) -> HubSetting | None:
        """The correction of the recipe `RECIPE`; None where it is not kept or corrects nothing."""
        kept = recipes(self._collection).get(RECIPE)
        return kept.hub if kept is not None and kept.hub.method != "none" else None

    def can_adopt(self) -> str:
        """Why what is recommended cannot be used, empty where it can."""
        outcome = self.result()
        if outcome is None or outcome.recommended is None:
            return "No correction is recommended here."
        try:
            check(Recipe(name=RECIPE, hub=_setting(outcome.recommended)))
        except InputError as error:
            return str(error)
        return ""

    def adopt(self) -> Recipe:
        """Keep what is recommended as the recipe `RECIPE`, which searches can choose.

        Raises
        ------
        InputError
            Nothing is recommended, or search cannot do it.
        """
        if wrong := self.can_adopt():
            raise InputError(wrong)
        outcome = self.result()
        assert outcome is not None and outcome.recommended is not None
        return save_recipe(self._collection, Recipe(name=RECIPE, hub=_setting(outcome.recommended)))

    def leave_off(self) -> None:
        """Forget the recipe `RECIPE`; nothing happens where there is none."""
        try:
            delete_recipe(self._collection, RECIPE)
        except NotFound:
            return


def _setting(tried: Tried) -> HubSetting:
    return HubSetting(tried.method, HubSetting().beta if tried.method == "csls" else float(tried.strength), tried.served)


def _tried(row: Mapping[str, object]) -> Tried:
    figures: Sequence[Mapping[str, object]] = row["figures"]  # type: ignore[assignment]
    method = str(row["method"])
    named = NAMES.get(method)
    compared = tuple(
        Compared(str(f["name"]), f["before"], f["after"], *(f["change"][part] for part in ("value", "low", "high")))  # type: ignore[index, arg-type]
        for f in figures
    )
    return Tried(
        method, named.title if named else "As it is", named.meaning if named else "The ranking without a correction.",
        str(row["words"]), str(row["bank"]), float(row["strength"]), str(row["served"]), compared,  # type: ignore[arg-type]
        float(row["skewness"]), float(row["antihub_share"]),  # type: ignore[arg-type]
    )  # fmt: skip


def _sentence(judged: Tried | None, recommended: Tried | None, metric: str, n_test: int) -> str:
    if judged is None:
        return "Leave it off: on the tuning part no correction that search can serve did better than none."
    figure = judged.figure(metric)
    said = f"{judged.called} with {judged.bank} as the bank: {metric} {figure.words} on {n_test:,} questions kept apart"
    if recommended is not None:
        return f"Use {said}."
    if figure.high < 0:
        return f"Leave it off: the best, {said}, is worse."
    return f"Leave it off: the best, {said}, is no clear gain, for its interval reaches 0."
