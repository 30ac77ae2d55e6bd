"""An evaluation as a story in five steps: a query, a win, a failure, why, the fix. What is not so is said not to be so."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.judge.evaluation import Grades, Rankings, Table

SHOWN = 5
TOP = 10
"""Ranks in which a hub gets in the way, and in which N_k counts."""
WON = 0.5
"""A win has a relevant item on top and at least this much of the ideal order."""
HUB_AT_LEAST = 5
CLEAR = 0.05


@dataclass(frozen=True, slots=True)
class Entry:
    """An item in a panel. `grade` is None where nobody judged it; `rank` is 0 where it stands in no ranking."""

    item_id: str
    rank: int
    grade: int | None
    note: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """A row of items under a label."""

    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes
    ----------
    name : str
        ``A query``, ``A win``, ``A failure``, ``Why`` or ``The fix``.
    text : str
        Plain text: names and queries in it are a stranger's words.
    told : bool
        False where there is no such thing here, which is what the text then says.
    hub : str
        Item id of the hub that is told of; empty where there is none.
    others : tuple of str
        Words of other queries that find the hub.
    """

    name: str
    text: str
    told: bool
    query: str = ""
    query_id: str = ""
    panels: tuple[Panel, ...] = ()
    hub: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Seen:
    """What the steps look at."""

    table: Table
    rankings: Rankings
    grades: Grades
    words: Mapping[str, str]
    called: Callable[[str], str]
    n_k: Counter[str]
    wrongly: Counter[str]
    least: int
    n_items: int

    def ranking(self, recipe: str, query: str) -> tuple[str, ...]:
        return tuple(self.rankings[recipe].get(query, ())[: self.table.depth])

    def right(self, query: str, item: str) -> bool:
        return self.grades[query].get(item, 0) >= self.table.rel

    def value(self, recipe: str, query: str) -> float:
        table = self.table
        return float(table.values[recipe, table.metrics[0].key][table.queries.index(query)])

    def panel(self, label: str, recipe: str, query: str, marked: str = "") -> Panel:
        ids = self.ranking(recipe, query)[:SHOWN]
        return Panel(label, tuple(Entry(i, n, self.grades[query].get(i), marked=i == marked) for n, i in enumerate(ids, 1)))

    def hub(self, query: str) -> str:
        """Of the wrong items above the first relevant one, in the first ten, the one that most queries find; the first of equals."""
        first = _first_right(self, self.table.baseline, query) or TOP + 1
        wrong = self.ranking(self.table.baseline, query)[: min(first - 1, TOP)]
        return max(wrong, key=lambda item: self.n_k[item], default="")

    def is_hub(self, item: str) -> bool:
        return bool(item) and self.wrongly[item] >= self.least

    def repairs(self, query: str) -> dict[str, float]:
        """Recipes that bring the first relevant item further up and do not lose by it -> what they gain."""
        base, found = self.table.baseline, {}
        before = _first_right(self, base, query) or self.table.depth + 1
        for recipe in self.table.recipes:
            gain, after = self.value(recipe, query) - self.value(base, query), _first_right(self, recipe, query)
            if recipe != base and 0 < after < before and gain > 0:
                found[recipe] = gain
        return found


def tell(
    table: Table, rankings: Rankings, grades: Grades, words: Mapping[str, str], called: Callable[[str], str], n_items: int
) -> tuple[Step, ...]:
    """The five steps.

    Parameters
    ----------
    words : Mapping of query id to what people typed
    called : callable
        Item id to the name people know it by: its caption or its file.
    n_items : int
        Items that could be found.

    Returns
    -------
    tuple of five Step
        N_k is counted over the measured queries in the ranking of the baseline. A hub is found, without being relevant, by so
        many of them as hardly any item would be if all were found by chance: see `hub_from`.
    """
    places = [(query, item) for query in table.queries for item in rankings[table.baseline].get(query, ())[:TOP]]
    found = Counter(item for _, item in places)
    wrongly = Counter(item for query, item in places if grades[query].get(item, 0) < table.rel)
    least = hub_from(len(table.queries), max(n_items, 1))
    seen = _Seen(table, rankings, grades, words, called, found, wrongly, least, max(n_items, 1))
    failing = _failing(seen)
    return (_query(seen), _win(seen), _failure(seen, failing), _why(seen, failing), _fix(seen, failing))


def hub_from(n_queries: int, n_items: int) -> int:
    """From which N_k on an item is no accident.

    Were every query's first `TOP` drawn at random, N_k would be about Poisson with the mean; this is the smallest count, at
    least `HUB_AT_LEAST`, that no item of the collection would reach in 95 of 100 such collections.
    """
    mean, at = TOP * n_queries / n_items, 0
    term = math.exp(-mean)
    tail = 1.0 - term  # P(N_k >= at + 1)
    while at < n_queries and (at + 1 < HUB_AT_LEAST or n_items * tail > CLEAR):
        at += 1
        term *= mean / at
        tail -= term
    return at + 1


def _answerable(seen: _Seen) -> list[str]:
    """Queries with a right answer, the worst first."""
    able = [q for q in seen.table.queries if max(seen.grades[q].values()) >= seen.table.rel]
    return sorted(able, key=lambda q: (seen.value(seen.table.baseline, q), q))


def _query(seen: _Seen) -> Step:
    able, table = _answerable(seen), seen.table
    if not able:
        return Step("A query", "None of the judged queries has a right answer, so there is nothing to tell.", False)
    query = able[len(able) // 2]
    n = sum(grade >= table.rel for grade in seen.grades[query].values())
    items = "1 item answers it" if n == 1 else f"{n:,} items answer it"
    value = seen.value(table.baseline, query)
    which = "the only query that has an answer" if len(able) == 1 else f"the middle one of the {len(able):,} queries that have an answer"
    text = (f"Somebody looks for \u201c{seen.words[query]}\u201d. By the judgments {items}. The recipe {table.baseline} answers with the "
            f"items "
            f"below, which scores {value:.2f} in {table.metrics[0].title}: 1 would be the ideal order, 0 nothing relevant. "
            f"It is {which}.")  # fmt: skip
    return Step("A query", text, True, seen.words[query], query, (seen.panel("First hits", table.baseline, query),))


def _win(seen: _Seen) -> Step:
    table, able = seen.table, _answerable(seen)
    won = [q for q in able if seen.value(table.baseline, q) >= WON and _first_right(seen, table.baseline, q) == 1]
    if not won:
        return Step("A win", f"There is no win to show: for no query the recipe {table.baseline} puts a relevant item on top with at "
                             f"least half of "
                    "the ideal order below it.", False)  # fmt: skip
    query = won[-1]
    of = "for the one query that has an answer" if len(able) == 1 else f"for {len(won):,} of the {len(able):,} queries that have an answer"
    text = (f"For \u201c{seen.words[query]}\u201d search does what it should: relevant items come first ({table.metrics[0].title} "
            f"{seen.value(table.baseline, query):.2f}). A relevant item is on top, with {WON:.0%} of the ideal order or more, "
            f"{of}.")  # fmt: skip
    return Step("A win", text, True, seen.words[query], query, (seen.panel("First hits", table.baseline, query),))


def _first_right(seen: _Seen, recipe: str, query: str) -> int:
    """Rank of the first relevant item; 0 where none is in the ranking."""
    return next((n for n, item in enumerate(seen.ranking(recipe, query), 1) if seen.right(query, item)), 0)


def _failing(seen: _Seen) -> str:
    """The failure to tell of: rather one with a hub that a recipe repairs, then one with a hub, then the largest repair; empty: none."""
    failed = [q for q in _answerable(seen) if _first_right(seen, seen.table.baseline, q) != 1]

    def worth(query: str) -> tuple[float, ...]:
        gain, hub = max(seen.repairs(query).values(), default=0.0), seen.hub(query)
        return seen.is_hub(hub) and gain > 0, seen.is_hub(hub), gain, seen.n_k[hub]

    return max(failed, key=worth, default="")


def _failure(seen: _Seen, query: str) -> Step:
    table = seen.table
    if not query:
        return Step("A failure", f"There is no failure to show: for every query that has an answer the recipe {table.baseline} puts a "
                                 f"relevant item "
                    "on top.", False)  # fmt: skip
    able = _answerable(seen)
    failed = sum(_first_right(seen, table.baseline, q) != 1 for q in able)
    first = _first_right(seen, table.baseline, query)
    of = "the one query that has an answer" if len(able) == 1 else f"{failed:,} of the {len(able):,} queries that have an answer"
    where = f"the first relevant item comes at rank {first}" if first else f"no relevant item is among the first {table.depth}"
    text = (f"For \u201c{seen.words[query]}\u201d {where} ({table.metrics[0].title} {seen.value(table.baseline, query):.2f}). On top "
            f"stands something "
            f"that was not judged relevant; so it is for {of}.")  # fmt: skip
    hub = seen.hub(query)
    return Step("A failure", text, True, seen.words[query], query,
                (seen.panel("First hits", table.baseline, query, hub if seen.is_hub(hub) else ""),))


def _why(seen: _Seen, query: str) -> Step:
    table, n = seen.table, len(seen.table.queries)
    if not query:
        return Step("Why", "Without a failure there is nothing to explain.", False)
    hub = seen.hub(query)
    if not seen.is_hub(hub):
        most = f"; the most frequent one is in the first {TOP} of {seen.n_k[hub]:,} of the {n:,}" if hub else ""
        return Step("Why", f"It is not a hub: none of the wrong hits above the first relevant one turns up for unusually many "
                           f"queries{most}. What went wrong lies in this query's "
                    "words and images.", False, seen.words[query], query)  # fmt: skip
    rank, grade = seen.ranking(table.baseline, query).index(hub) + 1, seen.grades[query].get(hub)
    judged = "nobody judged it" if grade is None else "it was judged not relevant" if grade == 0 else "it was judged only related"
    mean = TOP * n / seen.n_items
    asked = [q for q in table.queries if hub in seen.ranking(table.baseline, q)[:TOP] and q != query]
    text = (f"\u201c{seen.called(hub)}\u201d stands at rank {rank}; {judged}. It is a hub, an item that gets in the way of others: "
            f"{seen.n_k[hub]:,} of the "
            f"{n:,} queries have it in their first {TOP}, {seen.wrongly[hub]:,} of them without cause; on average an item is found by "
            f"{mean:.2g}.")  # fmt: skip
    panel = Panel("The hub", (Entry(hub, rank, grade, f"found by {seen.n_k[hub]:,} of {n:,} queries", True),))
    return Step("Why", text, True, seen.words[query], query, (panel,), hub, tuple(seen.words[q] for q in asked[:8]))


def _fix(seen: _Seen, query: str) -> Step:
    table = seen.table
    if not query:
        return Step("The fix", "Nothing has to be fixed for these queries.", False)
    if len(table.recipes) < 2:
        return Step("The fix", "Only one recipe was run, so there is no fix to show; evaluate with another one beside "
                               "it.", False, seen.words[query], query)
    gains, others = seen.repairs(query), len(table.recipes) - 1
    if not gains:
        who = "The other recipe does not repair it" if others == 1 else f"None of the {others:,} other recipes repairs it"
        return Step("The fix", f"{who}: the first relevant item comes no further up.", False, seen.words[query], query)
    recipe = max(gains, key=lambda name: gains[name])
    hub = seen.hub(query)
    marked = hub if seen.is_hub(hub) else ""
    text = (f"With the recipe {recipe} {_moved(_first_right(seen, table.baseline, query), _first_right(seen, recipe, query), table.depth)} "
            f"({table.metrics[0].title} {seen.value(table.baseline, query):.2f} \u2192 {seen.value(recipe, query):.2f}).")  # fmt: skip
    if marked:
        before, after = seen.ranking(table.baseline, query).index(hub) + 1, seen.ranking(recipe, query)
        now = after.index(hub) + 1 if hub in after else 0
        there = f"rank {now}" if now else f"a rank beyond {table.depth}"
        text += f" The hub stays at {there}." if now == before else f" The hub goes from rank {before} to {there}."
    panels = (
        seen.panel(f"Before: {table.baseline}", table.baseline, query, marked), seen.panel(f"After: {recipe}", recipe, query, marked),
    )
    return Step("The fix", f"{text} {_overall(seen, recipe)}", True, seen.words[query], query, panels, marked)


def _moved(before: int, after: int, depth: int) -> str:
    place = [f"rank {n}" if n else f"beyond {depth}" for n in (before, after)]
    return f"the first relevant item goes from {place[0]} to {place[1]}"


def _overall(seen: _Seen, recipe: str) -> str:
    """One query is an anecdote: what the recipe does to all of them."""
    table, metric = seen.table, seen.table.metrics[0]
    against = table.cells[recipe, metric.key].against
    assert against is not None
    found, who = against.difference, against
    said = (f"One query proves nothing: over all {len(table.queries):,} it changes {metric.title} by {found.value:+.3f} (95 % interval "
            f"{found.low:+.3f} to {found.high:+.3f}), better for {who.wins:,}, worse for {who.losses:,}")  # fmt: skip
    if against.p_holm < CLEAR:
        return f"{said}; that is hardly chance (p {against.p_holm:.3f} among all comparisons)."
    return f"{said}; that may be chance (p {against.p_holm:.2f} among all comparisons)."
