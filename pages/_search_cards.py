"""Items and hits as cards of the grid."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.types import Hit, Item, Term
from core.workbench import Workbench
from pages._grid import Card
from pages._shared import thumb_url


def card(
    item: Item, hit: Hit | None = None, score: float | None = None, hub_from: float | None = None, grade: int | None = None,
    terms: Sequence[Term] = (),
) -> Card:
    """One card. `hub_from` is the N_k from which on an item is marked as a hub, `grade` how well it answers the query,
    `terms` are those of the query: what each gave is shown where there are several. None marks nothing.
    """
    shown = Card(id=item.item_id, thumb=thumb_url(item.item_id), title=item.caption or item.file,
                 width=item.width, height=item.height, tip=f"{item.caption}\n{item.file}".strip())
    value = hit.score if hit is not None and hit.terms else score
    if value is not None:
        shown["score"] = number(value)
    if hit is not None and hit.terms:
        shown["rank"] = hit.rank
        labels = part_labels(terms, hit)
        if len(labels) == len(hit.terms) > 1:
            shown["parts"] = [[label, round(part, 4)] for label, part in zip(labels, hit.terms)]
        if hit.rank_before is not None and hit.rank_before != hit.rank:
            shown["moved"] = f"{stood(hit)} \u2192 {hit.rank:,}"
            shown["moved_up"] = hit.rank < hit.rank_before
    if grade is not None:
        shown["grade"] = grade
    if hit is not None and hit.alike:
        shown["badge"] = f"+{len(hit.alike)} alike"
    if hub_from is not None and item.n_k is not None and item.n_k >= hub_from:
        shown["hub"] = f"{item.n_k} images have this one among their nearest: it gets in the way of others."
        if hit is not None and demoted(hit):
            shown["hub"] += f" The hub correction moved it from rank {hit.rank_before:,} to {hit.rank:,}."
            shown["demoted"] = True
    return shown


def demoted(hit: Hit) -> bool:
    """Whether a hub correction moved a hit down."""
    return hit.rank_before is not None and hit.rank > hit.rank_before and not hit.before_at_least


def stood(hit: Hit) -> str:
    """The rank before a hub correction: ``7``, or ``over 256`` where the index was not asked that deep."""
    return f"over {hit.rank_before - 1:,}" if hit.before_at_least else f"{hit.rank_before:,}"


def part_labels(terms: Sequence[Term], hit: Hit) -> list[str]:
    """What the parts of a hit's score came from."""
    return [term_label(term) for term in terms] + (["hub correction"] if hit.rank_before is not None else [])


def term_label(term: Term) -> str:
    """A term as a person would call it: ``red car``, ``− example image``."""
    name = {"item": "example image", "upload": "your image"}.get(term.kind, term.value)
    return f"\u2212 {name}" if term.weight < 0 else name


def hub_from(workbench: Workbench) -> float | None:
    """The N_k from which on an item is a hub: two standard deviations above the mean, and twice the mean.

    None before it is counted. In a collection of a few images all are found equally often, and none is a hub.
    """
    n, mean, square = workbench.collection.select("SELECT count(*), avg(n_k), avg(n_k * n_k) FROM n_k")[0]
    return max(mean + 2 * math.sqrt(max(square - mean * mean, 0.0)), 2 * mean) if n else None


def number(value: float) -> str:
    """A score as it stands under a picture: ``.412``, ``-.030``."""
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 and text.lstrip("-").startswith("0.") else text
