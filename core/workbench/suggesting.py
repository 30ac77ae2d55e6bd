"""What judgments are good for next: which items to judge, and what a query becomes by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from core.errors import InputError, LoupeError
from core.judge import consolidate, feedback, sampling
from core.judge.judgments import PERSON
from core.query.feedback import Weights, refined
from core.query.parse import parse, render
from core.search.asking import ask
from core.search.engine import run
from core.search.recipes import recipe as recipe_named
from core.types import Query, SavedQuery
from core.workbench.judgments import JudgmentService

POOL_DEPTH = 50
"""Results of each recipe that are looked at."""


USUAL = Weights()


@dataclass(frozen=True)
class Refined:
    """A query refined by its judgments.

    Attributes
    ----------
    query : Query
        Made of all its judgments; `line` is its text in the query language.
    n_more, n_less : int
        Images that became plus and minus terms. They are not among its own results.
    gain : Gain or None
        nDCG@10 on held-back judgments; `why` says why it cannot be measured.
    """

    query: Query
    line: str
    weights: Weights
    n_more: int
    n_less: int
    gain: feedback.Gain | None
    why: str = ""


class JudgingService(JudgmentService):
    """``wb.judgments``: `JudgmentService`, and what can be done with what it keeps."""

    def suggest(
        self, query: str | Query | SavedQuery, recipes: Sequence[str], n: int = 10, by: str = "disagreement", *, judge: str = "",
        depth: int = POOL_DEPTH,
    ) -> list[sampling.Suggestion]:
        """Items of the recipes' results that are worth judging next.

        Parameters
        ----------
        recipes : sequence of str
            ``disagreement`` takes two or more; ``cutoff`` looks at the first one.
        n : int
            Items wanted; fewer come back where fewer are left.
        by : {"disagreement", "cutoff"}
        judge : str, optional
            Leave out what this judge has graded (or could not tell), instead of what anybody has.
        depth : int
            Results of each recipe that make the pool.

        Raises
        ------
        InputError
            Too few recipes, no such way, or no cut-off is in use for the recipe.
        QueryError, NotFound
            As a search.
        """
        if by not in ("disagreement", "cutoff"):
            raise InputError(f"Suggestions go by disagreement or by cutoff, not by {by!r}.")
        if n < 1 or depth < 1:
            raise InputError(f"n and depth must be 1 or more, not {n} and {depth}.")
        asked = _query(query)
        names = list(dict.fromkeys(recipes))
        judged = self._judged(_id(query), judge)
        if by == "disagreement":
            if len(names) < 2:
                raise InputError(f"Disagreement takes two recipes or more; {len(names)} {'is' if len(names) == 1 else 'are'} named.")
            return sampling.by_disagreement(self._rankings(asked, names, depth), n, judged)
        if not names:
            raise InputError("Name the recipe whose cut-off is meant.")
        result = run(self._collection, asked, depth, recipe=recipe_named(self._collection, names[0]))
        cut = result.cutoff
        if cut is None:
            raise InputError(f"No cut-off is in use for the recipe {names[0]} and such queries. {result.cutoff_note}".strip())
        if cut.probability is not None:
            distances = [p - cut.probability for p in cut.probabilities]
        else:
            distances = [hit.score - cut.score for hit in result]
        return sampling.by_cutoff(result.item_ids, distances, n, judged, recipe=names[0], probabilities=cut.probabilities)

    def ungraded(
        self, query: str | Query | SavedQuery, recipes: Sequence[str], depth: int = 10, *, with_made: bool = True
    ) -> list[sampling.Suggestion]:
        """Items among the first `depth` of any of the recipes that have no grade; those that nobody could tell have none.

        Parameters
        ----------
        with_made : bool
            Whether grades that were made without people count as grades.

        Raises
        ------
        InputError
            No recipe, or no depth.
        QueryError, NotFound
            As a search.
        """
        if not recipes or depth < 1:
            raise InputError(f"Name a recipe or more, and a depth of 1 or more; these are {len(recipes)} and {depth}.")
        asked = _query(query)
        said = consolidate(self._collection.judgments.all(_id(query)), with_made=with_made)
        # As deep as an evaluation looks: where near-duplicates are folded, the first ones may hang on that.
        rankings = self._rankings(asked, list(dict.fromkeys(recipes)), max(depth, POOL_DEPTH))
        return sampling.ungraded(rankings, {c.item_id for c in said if c.grade is not None}, depth)

    def _rankings(self, asked: Query, names: Sequence[str], depth: int) -> dict[str, tuple[str, ...]]:
        """Recipe -> item ids, best first."""
        return {name: run(self._collection, asked, depth, recipe=recipe_named(self._collection, name)).item_ids for name in names}

    def _judged(self, query_id: str, judge: str) -> Set[str]:
        if judge:
            return frozenset(self.for_query(query_id, judge))
        said = self._collection.judgments.all(query_id)
        return frozenset(j.item_id for j in said if j.grade is not None or j.origin == PERSON)

    def refine(
        self, query: str | Query | SavedQuery, recipe: str = "plain", *, weights: Weights = USUAL, splits: int = feedback.SPLITS,
        seed: int = 0, on_progress: Callable[[int, int], None] | None = None,
    ) -> Refined:
        """Refine a query by its judgments (Rocchio), and measure on held-back ones what that does.

        Parameters
        ----------
        recipe : str
            How both rankings are made.
        splits : int
            Times the judged items are cut in two halves, one that refines and one that measures.

        Raises
        ------
        InputError
            Nothing relevant was judged for it.
        """
        asked = _query(query)
        grades = dict(self.grades_for(_id(query)))
        chosen = recipe_named(self._collection, recipe)
        view = ask(self._collection, asked, chosen).view
        grades = {item: grade for item, grade in grades.items() if view.position(item) is not None}
        made = refined(asked, grades, weights)
        own = {term.value for term in asked.terms if term.kind == "item"}
        added = [term for term in made.terms if term.kind == "item" and term.value not in own]

        def ranking(used: Mapping[str, int] | None, out: Set[str]) -> list[str]:
            ready = ask(self._collection, asked if used is None else refined(asked, used, weights), chosen)
            positions, _ = ready.best(self._collection, feedback.DEPTH, np.sort(ready.view.find(sorted(out))))
            return ready.view.item_ids[positions].tolist()

        gain, why = None, ""
        try:
            free = {item: grade for item, grade in grades.items() if item not in own}
            gain = feedback.measure(free, ranking, splits=splits, seed=seed, on_progress=on_progress)
        except LoupeError as error:
            why = str(error)
        n_less = sum(term.weight < 0 for term in added)
        return Refined(made, render(made), weights, len(added) - n_less, n_less, gain, why)


def _query(query: str | Query | SavedQuery) -> Query:
    if isinstance(query, SavedQuery):
        return query.query
    return parse(query) if isinstance(query, str) else query


def _id(query: str | Query | SavedQuery) -> str:
    return query.query_id if isinstance(query, SavedQuery) else _query(query).query_id
