"""Evaluation as a service: run recipes on judged queries, read the table, look into a query, take it all along."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.errors import InputError, LoupeError, NotFound
from core.judge import consolidate, serving
from core.judge.corrections import NAMES
from core.judge.evaluation import Table, evaluate
from core.judge.judgments import PERSON
from core.judge.kept import ALL, Kept, kept_for, kind_of
from core.judge.story import Step, tell
from core.search.facts import facts
from core.search.filters import remembered
from core.search.recipes import DESCRIPTIONS, recipe, recipes, save_recipe, to_json
from core.store import Collection
from core.types import HubSetting, Job, Recipe
from core.wording import verb
from core.workbench import evaluation_files as files
from core.workbench.naming import Named, named
from core.workbench.submitting import submit

RECIPES_AT_MOST = 12
IMPORTED = "imported"
"""Origin of judgments that came in a file: people may have given them elsewhere."""
WARNINGS_SHOWN = 3
MUCH = 0.2
"""Unjudged share of the first ten from which on it is said that figures are too low."""
CORRECTIONS = ("hub:dual_is:20:auto", "hub:csls:20:auto", "hub:sinkhorn:100:auto")
"""Hub corrections that are offered beside the recipes with names; any other can be written."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query set that can be evaluated: its name (empty: the judged queries of all sets), queries, judged ones."""

    name: str
    n_queries: int
    n_judged: int


@dataclass(frozen=True)
class Outcome:
    """An evaluation, with the grades as they are now.

    Attributes
    ----------
    notes : tuple of str
        What has to be known to read it: made judgments, queries without grades, searches that failed or said something.
    stale : tuple of str
        What has changed since the rankings were made; empty where nothing has.
    n_ungraded : int
        Queries of the set that nobody judged.
    named : Named
        What its queries are called where people read of them; `words` is what they were asked with.
    """

    kept: Kept
    table: Table
    grades: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...]
    stale: tuple[str, ...]
    n_ungraded: int
    named: Named

    @property
    def rankings(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Recipe -> query id -> item ids."""
        return {name: ran.rankings for name, ran in self.kept.ran.items()}

    @property
    def words(self) -> Mapping[str, str]:
        """Query id -> what people typed."""
        return self.kept.queries


class EvaluationService:
    """``wb.evaluations``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._called: dict[str, str] = {}

    # ------------------------------------------------------------ before

    def asked(self) -> tuple[Asked, ...]:
        """The query sets with how many of their queries are judged, most judged first; all judged ones where there are several."""
        collection = self._collection
        judged = {judgment.query_id for judgment in collection.judgments.all() if judgment.grade is not None}
        found = [Asked(name, n, sum(q.query_id in judged for q in collection.saved_queries(name))) for name, n in collection.query_sets()]
        found.sort(key=lambda one: -one.n_judged)
        if sum(one.n_judged > 0 for one in found) > 1:
            n = sum(q.query_id in judged for q in collection.saved_queries())
            found.insert(0, Asked(ALL, n, n))
        return tuple(found)

    def recipes(self) -> dict[str, str]:
        """Every recipe with what it does in words; corrections that have no name, and the other vectors that answer words."""
        there = {**recipes(self._collection), **{name: recipe(self._collection, name) for name in CORRECTIONS}, **self._by_vectors()}
        return {name: self.describe(one) for name, one in there.items()}

    def _by_vectors(self) -> dict[str, Recipe]:
        """A recipe for each vector set that is not in use and answers words, so that encoders can be compared."""
        found = {}
        for one in self._collection.sets():
            if not one.active and one.space == "joint" and one.has_text:
                name = f"vectors {one.set_id}"[:60]
                found[name] = Recipe(name=name, set=one.set_id)
        return found

    @staticmethod
    def describe(one: Recipe) -> str:
        """A recipe in words."""
        if one.name in DESCRIPTIONS:
            return DESCRIPTIONS[one.name]
        hub = one.hub
        parts = [f"vectors {one.set}" if one.set not in ("active", "joint") else "", "near-duplicates shown once" if one.fold else "",
                 _correction(hub) if hub.method != "none" else "",
                 "terms added without centring" if one.compose == "sum" else ""]  # fmt: skip
        said = "; ".join(part for part in parts if part) or "as plain"
        return f"{said[0].upper()}{said[1:]}."

    # ------------------------------------------------------------ doing it

    def start(
        self, query_set: str = ALL, names: Sequence[str] = ("plain", "hubs-corrected"), *, depth: int = 50, start: bool = True
    ) -> Job:
        """Queue the run of every query of a set with these recipes; the same one that is under way already, where there is one.

        Raises
        ------
        InputError
            There is nothing to run, or another evaluation is under way.
        NotFound
            There is no such query set or recipe.
        """
        chosen = list(dict.fromkeys(names))
        if not 1 <= len(chosen) <= RECIPES_AT_MOST:
            raise InputError(f"An evaluation compares 1 to {RECIPES_AT_MOST} recipes; these are {len(chosen)}.")
        if not self._collection.sets():
            raise InputError(f"{self._collection.name} has no vectors yet; index its images first.")
        there = {one.name: one for one in self.asked()}
        if query_set not in there and query_set != ALL and not self._collection.named_queries(query_set)[1]:
            raise NotFound(f"There is no query set {query_set!r}; there are: {', '.join(filter(None, there)) or 'none'}.")
        if not any(one.n_judged for one in there.values()):
            raise InputError("Nothing is judged yet, so there is nothing to measure with; judge some results first.")
        if query_set in there and not there[query_set].n_judged:
            raise InputError(f"None of the {there[query_set].n_queries:,} queries of {query_set} is judged yet; judge some results first.")
        others = self._by_vectors()
        for name in chosen:
            if name in others and name not in recipes(self._collection):
                save_recipe(self._collection, others[name])
            recipe(self._collection, name)
        return self._queue({"query_set": query_set, "recipes": chosen, "depth": int(depth)}, start)

    def start_pools(self, *, seed: int = 0, start: bool = True) -> Job:
        """Queue the measuring of captions in hard and random pools."""
        return self._queue({"part": "pools", "seed": int(seed)}, start)

    def start_unseen(
        self, query_set: str = ALL, labels: str = "", *, rel: int = 1, buckets: int = 5, seed: int = 0, start: bool = True
    ) -> Job:
        """Queue adapting again without each kind of query, measured on a query set; nothing that is searched changes.

        Parameters
        ----------
        labels : str
            A metadata column to learn from instead of the captions.
        rel : {1, 2, 3}
            Grade from which an item is relevant.
        buckets : int
            Kinds, 2 to 20: found by k-means on the queries and on what is learned from.

        Raises
        ------
        InputError, NotFound
        """
        from core.jobs.pipelines.unseen import check

        args = {"part": "unseen", "query_set": query_set, "labels": labels, "rel": rel, "buckets": buckets, "seed": int(seed)}
        check(args)
        if query_set != ALL and not self._collection.named_queries(query_set)[2]:
            raise NotFound(f"There is no query set {query_set!r}; there are: {', '.join(filter(None, (o.name for o in self.asked())))}.")
        return self._queue(args, start)

    def _queue(self, args: dict[str, object], start: bool) -> Job:
        under_way = self.job()
        if under_way is not None and under_way.live:
            if dict(under_way.args) == args:
                return under_way
            raise InputError("Another evaluation is under way; wait until it is done, or cancel it.")
        return submit(self._collection, "evaluate", args, start=start)

    def job(self) -> Job | None:
        """The last evaluation's job, live or not."""
        from core.jobs import Queue

        return next((job for job in Queue(self._collection.home).jobs(self._collection.key) if job.kind == "evaluate"), None)

    # ------------------------------------------------------------ after

    def rankings(self, query_set: str) -> Kept | None:
        """The rankings that are kept of a query set.

        Raises
        ------
        Damaged
        """
        return remembered(
            (self._collection.path, self._collection.uid, "evaluation", query_set, self._stamp(query_set)),
            lambda: kept_for(self._collection, query_set),
        )

    def was_run(self, query_set: str) -> bool:
        """Whether there are kept rankings of a query set, readable or not."""
        return bool(self._stamp(query_set))

    def _stamp(self, query_set: str) -> tuple:
        return tuple(self._collection.select("SELECT file FROM artifacts WHERE kind = ?", (kind_of(query_set),)))

    def result(
        self, query_set: str = ALL, *, baseline: str = "", rel: int = 1, people_only: bool = False, skip_bare: bool = False
    ) -> Outcome | None:
        """The table, with the grades that are there now; None where nothing was run.

        Parameters
        ----------
        baseline : str
            By default ``plain`` where it was run, else the first recipe.
        rel : {1, 2, 3}
            Grade from which an item is relevant.
        people_only : bool
            Leave out judgments that were made without people.
        skip_bare : bool
            Leave out queries with nothing relevant instead of counting them 0.

        Raises
        ------
        InputError
            None of the queries has a grade to measure with.
        """
        found = self.rankings(query_set)
        if found is None:
            return None
        baseline = baseline if baseline in found.ran else "plain" if "plain" in found.ran else next(iter(found.ran))
        grades, made = self._grades(found, people_only)
        ungraded = sum(query not in grades for query in found.queries)
        if not grades:
            raise InputError("None of these queries has a grade to measure "
                             "with" + (" by people; look at all grades" if people_only else "") + ".")
        seen = (self._collection.path, self._collection.uid, "evaluated", query_set, self._stamp(query_set), baseline, rel, people_only,
                skip_bare,
                serving.answers(self._collection, "judgments", ""))  # fmt: skip
        table = remembered(seen, lambda: evaluate(
            {name: ran.rankings for name, ran in found.ran.items()}, grades, baseline=baseline, rel=rel, depth=found.depth,
            skip_bare=skip_bare,
        ))  # fmt: skip
        return Outcome(found, table, grades, _notes(found, table, grades, made, ungraded), self._stale(found), ungraded,
                       named(self._collection, found.queries))  # fmt: skip

    def _grades(self, found: Kept, people_only: bool) -> tuple[dict[str, dict[str, int]], Counter[tuple[str, str]]]:
        """Grades of the queries that were run; and how many of them no judge gave here, by (origin, judge)."""
        said = [one for one in self._collection.judgments.all() if one.query_id in found.queries]
        grades: dict[str, dict[str, int]] = {}
        by_query = consolidate(said, with_made=not people_only)
        for one in by_query:
            if one.grade is not None:
                grades.setdefault(one.query_id, {})[one.item_id] = one.grade
        makers = {(j.query_id, j.item_id): (j.origin, j.judge) for j in said if j.origin != PERSON}
        made = Counter(makers[one.query_id, one.item_id] for one in by_query if one.source == "made" and one.grade is not None)
        return {query: grades[query] for query in found.queries if query in grades}, made

    def _stale(self, found: Kept) -> tuple[str, ...]:
        collection, stale = self._collection, []
        if collection.generation != found.generation:
            stale.append("Images came, went or were encoded again since the rankings were made.")
        now = recipes(collection)
        for name, ran in found.ran.items():
            try:
                one = now[name] if name in now else recipe(collection, name)
            except LoupeError:
                stale.append(f"The recipe {name} is not kept any more.")
                continue
            if to_json(one) != dict(ran.recipe):
                stale.append(f"The recipe {name} has changed.")
        used = next((one.set_id for one in collection.sets() if one.active), "")
        if any(ran.set_id != used and ran.recipe.get("set") == "active" and ran.set_id in self._joint() for ran in found.ran.values()):
            stale.append("Other vectors are in use now.")
        from core.jobs.pipelines.evaluate import queries_of

        queries = {query.query_id for query in queries_of(collection, found.query_set)[0]}
        if queries != set(found.queries):
            there = "1 query" if len(queries) == 1 else f"{len(queries):,} queries"
            stale.append(f"The query set has {there} now; {len(found.queries):,} {verb(len(found.queries), 'was', 'were')} run.")
        return tuple(stale)

    def _joint(self) -> set[str]:
        """Sets that answer words: an image query is answered by another set of the same encoder, which is no change."""
        return {one.set_id for one in self._collection.sets() if one.space == "joint"}

    def story(self, outcome: Outcome) -> tuple[Step, ...]:
        """The evaluation in five steps."""
        return tell(outcome.table, outcome.rankings, outcome.grades, outcome.named.words, self.called, outcome.kept.n_items)

    def called(self, item_id: str) -> str:
        """What people know an item by: its caption, else its file; its id where it is gone."""
        if item_id not in self._called:
            ((file, caption, _),) = facts(self._collection, [item_id])
            self._called[item_id] = caption or file or item_id
        return self._called[item_id]

    def missing(self, outcome: Outcome, depth: int = 10) -> dict[str, int]:
        """Judged queries -> items in the first ranks of any recipe that nobody graded, most first; none where nothing is missing."""
        found = {}
        for query in outcome.table.queries:
            seen = {item for by_query in outcome.rankings.values() for item in by_query.get(query, ())[:depth]}
            if n := len(seen - outcome.grades[query].keys()):
                found[query] = n
        return dict(sorted(found.items(), key=lambda one: -one[1]))

    # ------------------------------------------------------------ files

    def report(self, outcome: Outcome, title: str = "") -> str:
        """One HTML file with pictures, for people who will never open Loupe."""
        return files.report(self._collection, outcome, self.story(outcome), self.called, title)

    csv = staticmethod(files.as_csv)
    json = staticmethod(files.as_json)
    runs = staticmethod(files.as_runs)

    # ------------------------------------------------------------ other questions

    def pools(self) -> Mapping[str, object] | None:
        """What hard and random pools gave last (`core.judge.hardpools`); ``stale`` says whether images changed since."""
        from core.jobs.pipelines.evaluate import POOLS

        said = self._collection.setting(POOLS)
        return {**said, "stale": said.get("generation") != self._collection.generation} if isinstance(said, dict) else None

    def unseen(self) -> Mapping[str, object] | None:
        """What adapting without each kind of query gave last (`core.jobs.pipelines.unseen`); ``stale`` says whether it still holds."""
        from core.jobs.pipelines.unseen import UNSEEN

        said = self._collection.setting(UNSEEN)
        if not isinstance(said, dict):
            return None
        now = self._collection.generation, serving.answers(self._collection, "judgments", "")
        return {**said, "stale": (said.get("generation"), said.get("answers")) != now}

    def trained_on(self, outcome: Outcome) -> files.Overlap | None:
        """Which queries are like what the encoder was adapted on; None where none of the recipes uses an adaptation."""
        return files.overlap(self._collection, outcome)


def _correction(hub: HubSetting) -> str:
    title = NAMES[hub.method].title if hub.method in NAMES else hub.method
    strength = "" if hub.method == "csls" else f", strength {hub.beta:g}"
    bank = "the captions, or the images where there are none" if hub.bank == "auto" else f"the bank {hub.bank}"
    return f"hub correction {title}{strength}, compared with {bank}"


def _notes(found: Kept, table: Table, grades: Mapping[str, Mapping[str, int]], made: Counter[tuple[str, str]],
           ungraded: int) -> tuple[str, ...]:
    """See `Outcome.notes`."""
    notes, of = [], sum(len(given) for given in grades.values())
    brought = sum(n for (origin, _), n in made.items() if origin == IMPORTED)
    if n := sum(made.values()) - brought:
        makers = sorted({judge for origin, judge in made if origin != IMPORTED})
        notes.append(f"{n:,} of {of:,} grades {verb(n, 'was', 'were')} made without people, from: {', '.join(makers)}. They can miss what "
                     "a person would see in a picture.")  # fmt: skip
    if brought:
        notes.append(f"{brought:,} of {of:,} grades {verb(brought, 'was', 'were')} imported from: "
                     f"{', '.join(sorted({j for origin, j in made if origin == IMPORTED}))}.")
    if ungraded:
        have = "has no grades yet and is" if ungraded == 1 else "have no grades yet and are"
        notes.append(f"{ungraded:,} of {len(found.queries):,} queries {have} not measured.")
    for name, ran in found.ran.items():
        if failed := [why for query, why in ran.failed.items() if query in table.queries]:  # the others are not measured
            these = "1 query, which counts" if len(failed) == 1 else f"{len(failed):,} queries, which count"
            notes.append(f"{name} could not answer {these} 0: {failed[0]}")
        notes += [f"{name}: {warning}" for warning in ran.warnings[:WARNINGS_SHOWN]]
        if len(ran.warnings) > WARNINGS_SHOWN:
            more = len(ran.warnings) - WARNINGS_SHOWN
            notes.append(f"{name}: and {more:,} other {'remark' if more == 1 else 'remarks'}.")
    most = max((float(table.unjudged[r, 10].mean()) for r in table.recipes if (r, 10) in table.unjudged), default=0.0)
    if most > MUCH:
        notes.append(f"Up to {most:.0%} of the first 10 hits are unjudged and count as not relevant: a recipe that finds new items is "
                     f"measured "
                     "too low. Judge what is missing before you trust a small difference.")  # fmt: skip
    return tuple(notes)
