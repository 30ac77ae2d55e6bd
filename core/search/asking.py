"""A query made ready to be scored against any items, exactly as a search would score them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import QueryError
from core.index.corrected import search_corrected
from core.index.exact import rounded, score
from core.index.planner import search_vectors
from core.query.parse import check
from core.search import recipes, sets
from core.search.engine import EncoderFor, composed_of, correction_of, subset_of
from core.search.own import OwnRows, own_rows
from core.store import Collection, VectorView
from core.types import HubSetting, Query, Recipe


@dataclass(frozen=True)
class Asked:
    """A query ready to be scored against any items, as `run` scores them.

    Attributes
    ----------
    q : ndarray of float32, shape (d,)
    subset : ndarray of int64 or None
        Positions that pass its filter, ascending; None: all.
    references : ndarray of int64
        Positions of the items it is made of, which are never among its hits.
    bias : ndarray of float32, shape (n,), or None
        What a hub correction adds to each row.
    hub : HubSetting
        The correction that is applied, with the bank it uses.
    own : OwnRows or None
        What is added besides where the query is in its bank.
    """

    view: VectorView
    q: np.ndarray
    subset: np.ndarray | None
    references: np.ndarray
    bias: np.ndarray | None
    hub: HubSetting
    own: OwnRows | None = None

    def scores(self, positions: np.ndarray) -> np.ndarray:
        """float64 (m,): what hits at these positions have as their score."""
        given = score(self.view.matrix, self.q, positions).astype(np.float64)
        if self.bias is None:
            return rounded(given)
        own = 0.0 if self.own is None else self.own(positions, given)
        return rounded(given + self.bias[positions] + own)

    def best(self, collection: Collection, k: int, leave_out: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Positions and scores of the best `k`, exact, without the references and without those to leave out."""
        out = self.references if leave_out is None else np.unique(np.concatenate([self.references, leave_out]))
        if self.bias is None:
            found, scores, _ = search_vectors(collection, self.view, self.q, k, self.subset, "exact", exclude=out)
            return found, rounded(scores)
        found = search_corrected(
            collection, self.view, self.q, k, self.bias, self.subset, "exact", exclude=out, own=self.own
        )
        return found.positions, rounded(found.scores)


def ask(collection: Collection, query: Query, recipe: Recipe = Recipe(), encoder_for: EncoderFor | None = None) -> Asked:
    """Encode and compose a query under a recipe, with the hub correction that a search would apply.

    Raises
    ------
    QueryError, NotFound, EncoderError
        As `run`; and QueryError for a query without terms.
    """
    check(query)
    recipes.check(recipe)
    if not query.terms:
        raise QueryError("A query without words or images gives no scores.")
    chosen, _ = sets.choose(collection, query, recipe)
    view = collection.view(chosen.set_id)
    composed = composed_of(collection, query, view, recipe, encoder_for)
    subset = subset_of(collection, query, view, [])
    references = np.unique(view.find(term.value for term in query.terms if term.kind == "item"))
    added = correction_of(collection, query, view, recipe, encoder_for, None, [])
    if added is None:
        return Asked(view, composed.q, subset, references, None, HubSetting())
    own = own_rows(collection, view, query, composed.vectors, added)
    return Asked(view, composed.q, subset, references, added.bias, added.setting, own)
