"""An evaluation by the metrics of instance-retrieval benchmarks: mAP@50, mAP@100, and mAP easy, medium, hard without junk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.judge import consolidate
from core.judge.protocols import instances, revisited
from core.store import Collection
from core.workbench.evaluating import Outcome

CUTS = (50, 100)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark's metric for every recipe.

    Attributes
    ----------
    name : str
    of : str
        The benchmark it is from.
    values : Mapping of recipe to float or None
        0..1; None where no query counts.
    n_queries : int
        That count.
    definition : str
    """

    name: str
    of: str
    values: Mapping[str, float | None]
    n_queries: int
    definition: str


def benchmarks(collection: Collection, outcome: Outcome, people_only: bool = False) -> tuple[Benchmark, ...]:
    """The rankings of an evaluation measured as these benchmarks do it; cuts deeper than the rankings are left out.

    Parameters
    ----------
    people_only : bool
        Without grades that were made without people.
    """
    queries = set(outcome.grades)
    said = [j for j in collection.judgments.all() if j.query_id in queries]
    consolidated = consolidate(said, with_made=not people_only)
    right = {query: [item for item, grade in given.items() if grade >= outcome.table.rel] for query, given in outcome.grades.items()}
    rankings = outcome.rankings
    found = []
    for k in CUTS:
        if k <= outcome.kept.depth:
            by_recipe = {recipe: instances.mean_ap_at(k, right, ranked) for recipe, ranked in rankings.items()}
            one = next(iter(by_recipe.values()))
            found.append(Benchmark(
                f"mAP@{k}", "INQUIRE" if k == 50 else "Google Landmarks v2", {name: m.value for name, m in by_recipe.items()},
                len(one.per_query), one.definition + f"; relevant is what was graded {outcome.table.rel} or more",
            ))  # fmt: skip
    levels = {recipe: revisited.measure(ranked, consolidated) for recipe, ranked in rankings.items()}
    for level in ("easy", "medium", "hard"):
        n = int(next(iter(levels.values()))[level]["queries"] or 0)
        found.append(Benchmark(
            f"mAP {level}", "Revisited Oxford and Paris", {recipe: table[level]["mAP"] for recipe, table in levels.items()}, n,
            f"{revisited.DEFINITION} Rankings of {outcome.kept.depth:,} hits: what lies beyond counts as never found.",
        ))  # fmt: skip
    return tuple(found)
