"""Does a hub correction help here: what it can be measured with, measure it, read the answer, use it or leave it off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.errors import InputError, NotFound, QueryError
from core.judge import serving, truth
from core.judge.proof import METRICS
from core.search.filters import remembered, state_of
from core.search.recipes import check, delete_recipe, recipes, save_recipe
from core.store import Collection
from core.types import HubSetting, Job, Recipe
from core.workbench.findings import Tried, asked_with, line, notes, sentence, setting, tried_of
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


@dataclass(frozen=True)
class Outcome:
    """What the last proof gave.

    Attributes
    ----------
    sentence : str
        The recommendation in one sentence.
    line : str
        The finding in one sentence, for the top of a page.
    notes : tuple of str
        What has to be known beside it: what was left out, what does better but cannot be served, what else it acts on.
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
    line: str
    notes: tuple[str, ...]
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

    def sources(self, column: str = "") -> tuple[Source, ...]:
        """What there are right answers in, those with enough first; captions and judgments are always named.

        Of very many columns only the first are looked at, and `column`.
        """
        collection = self._collection
        if not collection.sets():
            return ()
        try:
            serving.vectors_for(collection, "captions")
            mute = ""
        except QueryError as error:
            mute = str(error)
        names = [one.name for one in collection.columns()]
        names = [name for n, name in enumerate(names) if n < COLUMNS_AT_MOST or name == column]
        captioned, columns = remembered((*state_of(collection), "proof-sources", tuple(names)), lambda: self._counted(names))
        judged, _, left_out = serving.judged_queries(collection)
        found = [_source("captions", "", captioned, mute)]
        # What names each image, as an id does, is no label: hardly any two have the same.
        found += [_source("labels", name, n) for name, n, kinds in columns if 2 <= kinds and 2 * kinds <= n]
        found.append(_source("judgments", "", len(judged), mute, serving.left_out_words(left_out)))
        return tuple(sorted(found, key=lambda source: bool(source.why)))

    def _counted(self, names: Sequence[str]) -> tuple[int, list[tuple[str, int, int]]]:
        """Images with a caption; and each column with the images that have a value and its different values."""
        collection = self._collection
        ((captioned,),) = collection.select(
            "SELECT count(DISTINCT item_id) FROM captions JOIN items USING (item_id) WHERE trashed_at IS NULL AND trim(text) <> ''"
        )
        columns = []
        for name in names:
            ((n, kinds),) = collection.select(
                "SELECT count(*), count(DISTINCT value) FROM (SELECT json_extract(meta, ?) AS value FROM items WHERE trashed_at IS NULL)"
                " WHERE value IS NOT NULL AND trim(value) <> ''",
                (f'$."{name}"',),
            )
            columns.append((name, n, kinds))
        return captioned, columns

    # ------------------------------------------------------------ doing it

    def start(
        self, kind: str = "", column: str = "", *, metric: str = "", seed: int = 0, start: bool = True
    ) -> Job:
        """Queue a proof; the same one that is under way already, where there is one.

        Parameters
        ----------
        kind : {"captions", "labels", "judgments"}, optional
            Where right answers come from; by default the first that has enough.
        column : str
            Of the labels. May be left out only where just one column has labels.
        metric : str, optional
            What decides, one of `core.judge.proof.METRICS`; by default nDCG@10 for judgments, else R@1.

        Raises
        ------
        InputError
            There is too little to measure with; the message has both numbers. Several columns could be the labels.
            Another proof is under way.
        """
        if metric and metric not in METRICS:
            raise InputError(f"Measures are {', '.join(METRICS)}; {metric!r} is none of them.")
        if column and kind not in ("", "labels"):
            raise InputError(f"A column goes with labels, not with {kind}.")
        kind = "labels" if column else kind
        there = self.sources(column)
        if not there:
            raise InputError(f"{self._collection.name} has no vectors yet; index its images first.")
        if not kind:
            source = there[0]
        else:
            able = [one for one in there if one.truth == kind and column in ("", one.column)]
            source = able[0] if able else Source(kind, column, 0, self._none_of(column))
        if source.why:
            raise InputError(source.why)
        columns = [one for one in there if one.column and not one.why]
        if source.truth == "labels" and not column and len(columns) > 1:
            raise InputError(f"Several columns could be the labels, so one has to be named: {_columns(columns)}.")
        args = {"truth": source.truth, "column": source.column, "metric": metric, "seed": int(seed)}
        under_way = self.job()
        if under_way is not None and under_way.live:
            if dict(under_way.args) == args:
                return under_way
            raise InputError(f"Another one is being measured, {asked_with(under_way.args)}; wait until it is done, or cancel it.")
        return submit(self._collection, "prove", args, start=start)

    def _none_of(self, column: str) -> str:
        there = _columns([one for one in self.sources() if one.column]) or "none"
        name = f"no column {column!r}" if column else "no column"
        return f"There is {name} whose values are shared by images in {self._collection.name}; there are: {there}."

    def job(self) -> Job | None:
        """The last proof's job, live or not."""
        from core.jobs import Queue

        jobs = Queue(self._collection.home).jobs(self._collection.key)
        return next((job for job in jobs if job.kind == "prove"), None)

    def under_way(self) -> str:
        """What is being measured, ``with the labels in kind``; empty where nothing is."""
        job = self.job()
        return asked_with(job.args) if job is not None and job.live else ""

    # ------------------------------------------------------------ after

    def result(self) -> Outcome | None:
        """What the last proof gave; None where there was none."""
        said = self._collection.setting(_LAST)
        if not isinstance(said, dict):
            return None
        raw, tried = tried_of(said["raw"]), tuple(tried_of(row) for row in said["rows"])
        judged = tried[said["judged"]] if said["judged"] >= 0 else None
        recommended = judged if said["recommended"] else None
        in_use = recommended is not None and self.adopted() == setting(recommended, said)
        return Outcome(
            sentence(judged, recommended, said), line(judged, recommended, said), notes(judged, recommended, raw, tried, said),
            recommended, raw, tried, str(said["metric"]), in_use, self._stale(said), said,
        )  # fmt: skip

    def _stale(self, said: Mapping[str, object]) -> bool:
        collection, kind = self._collection, str(said["truth"])
        try:
            now = serving.vectors_for(collection, kind).set_id
        except (QueryError, NotFound):
            return True
        if (now, collection.generation) != (said["set"], said["generation"]):
            return True
        return said.get("answers") != serving.answers(collection, kind, str(said.get("column") or ""))

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
            check(Recipe(name=RECIPE, hub=setting(outcome.recommended, outcome.account)))
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
        return save_recipe(self._collection, Recipe(name=RECIPE, hub=setting(outcome.recommended, outcome.account)))

    def leave_off(self) -> None:
        """Forget the recipe `RECIPE`; nothing happens where there is none."""
        try:
            delete_recipe(self._collection, RECIPE)
        except NotFound:
            return


def _source(kind: str, column: str, n: int, mute: str = "", left_out: str = "") -> Source:
    what = {"captions": "caption", "labels": "label", "judgments": "judgment"}[kind]
    why = truth.enough(n, what)
    return Source(kind, column, n, f"{why} {left_out}".strip() if why else mute)


def _columns(sources: Sequence[Source]) -> str:
    return ", ".join(f"{one.column} ({one.n:,} images)" for one in sources)
