"""A correction as one number per item, from vectors: rank by s(q, g) + b(g) and the correction is served by the index.

`exact_as_bias` says which corrections this is: the published score of those is, within a row, an increasing function
of s + b with a b that no query changes.

- ``is``: beta s - Z(g), so b = -Z(g) / beta.
- ``dual_is``: (beta1 + beta2) s - Z_Q(g) - Z_G(g), so b = -(Z_Q + Z_G) / (beta1 + beta2).
- ``dual_is_additive``: the score is s + b as published.
- ``csls``: 2 s - r(g) - r(q), so b = -r(g) / 2; r(q) is the same for all items of a query.
- ``sinkhorn``: beta s + prior(g), so b = prior(g) / beta: exact for the stated number of repetitions. As an estimate
  of the converged scaling it is approximate until `Scalings.converged`.

Not a bias: globally corrected retrieval (its rank depends on s), and the dynamic forms, whose gate depends on the
query. The inverted softmax form of a gate is two rankings: by s + b where the query's best item by s is in
`active_from_vectors`, else by s. DBNorm's program multiplies by s itself where one gate is open, which no bias gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.rank.hubness import local, removal, sinkhorn, softmax
from core.rank.hubness.tables import BUDGET_BYTES, best_columns, blocks, count, not_negative

BIAS_METHODS = ("is", "dual_is", "dual_is_additive", "csls", "sinkhorn")
OTHER_METHODS = ("dis", "dual_dis", "dual_dis_case", "gc")
Progress = Callable[[int, int], None]


def exact_as_bias(method: str) -> bool:
    """Whether ranking by s + `item_bias` is the published ranking of the correction."""
    if method not in BIAS_METHODS + OTHER_METHODS:
        raise InputError(f"Corrections are {', '.join(BIAS_METHODS + OTHER_METHODS)}; {method!r} is none of them.")
    return method in BIAS_METHODS


@dataclass(frozen=True)
class LazyRows:
    """Vectors of items that are read block by block; `read` gives the rows of a slice, float32.

    The dual methods need their `gallery_vectors` then.
    """

    shape: tuple[int, int]
    read: Callable[[slice], np.ndarray]
    dtype = np.dtype(np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: slice) -> np.ndarray:
        return self.read(part)


@dataclass(frozen=True)
class _Bank:
    """Bank vectors and, sorted, which rows are items themselves."""

    vectors: np.ndarray
    rows: np.ndarray
    items: np.ndarray

    @classmethod
    def of(cls, name: str, vectors: np.ndarray, items: np.ndarray | LazyRows, positions: np.ndarray | None) -> _Bank:
        vectors = _vectors(name, vectors)
        if vectors.shape[1] != items.shape[1]:
            raise InputError(f"The {name} has {vectors.shape[1]} dimensions, the items {items.shape[1]}.")
        if not len(vectors):
            raise InputError(f"The {name} is empty; a correction needs something to compare items with.")
        if not np.isfinite(vectors).all():
            raise InputError(f"The {name} holds a number that is not finite.")
        positions = np.full(len(vectors), -1) if positions is None else np.asarray(positions)
        if positions.shape != (len(vectors),):
            raise InputError(f"The {name} has {len(vectors)} rows, but {positions.size} positions say which items they are.")
        if positions.size and positions.max() >= len(items):
            raise InputError(f"A row of the {name} is said to be item {positions.max()}, but there are {len(items)} items.")
        order = np.argsort(positions, kind="stable")
        order = order[positions[order] >= 0]
        return cls(vectors, order, positions[order])

    def similarities(
        self, items: np.ndarray | LazyRows, factor: float, budget: int, report: Progress | None, *, kept: bool = False
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield (which items, factor * their similarity to the bank, (c, B)); self is -inf.

        Unless it is to be `kept`, a table's memory is that of the next one: memory that is new each time costs a tenth more.
        """
        precise = items.dtype == self.vectors.dtype == np.float64
        kind = np.float64 if precise else np.float32
        bank, space = np.multiply(self.vectors, factor, dtype=kind).T, None
        for part in blocks(len(items), len(bank.T), budget // 2, np.dtype(kind).itemsize):
            rows = np.asarray(items[part], kind)
            if not np.isfinite(rows).all():
                raise InputError("An item's vector holds a number that is not finite.")
            if kept or space is None:
                space = np.empty((len(rows), bank.shape[1]), kind)
            table = np.matmul(rows, bank, out=space[: len(rows)])
            lo, hi = np.searchsorted(self.items, (part.start, part.stop))
            table[self.items[lo:hi] - part.start, self.rows[lo:hi]] = -np.inf
            yield part, table
            if report is not None:
                report(part.stop, len(items))


@dataclass(frozen=True, eq=False)
class ItemBias:
    """A bias with what is needed to take a row of its bank out of it again, see `core.rank.hubness.removal`.

    Attributes
    ----------
    values : ndarray of float64, shape (G,)
        Of `item_bias`.
    parts : ndarray of float32, shape (G, p)
        The logarithm of the normaliser that the bank of queries gives (for ``sinkhorn`` with its scalings), p = 1;
        with ``csls`` the k + `removal.SPARE` highest similarities, descending.
    scalings : ndarray of float64, shape (B,), or None
        Of ``sinkhorn``: the logarithm of what each bank row counts.
    """

    values: np.ndarray
    parts: np.ndarray
    scalings: np.ndarray | None = None


def item_bias(
    bank_vectors: np.ndarray, item_vectors: np.ndarray | LazyRows, method: str = "is", beta: float | None = None, k: int = local.K,
    **more: object,
) -> np.ndarray:
    """float64 (G,): b(g), such that ranking by s(q, g) + b(g) is the correction's ranking; see `item_bias_with_parts`."""
    return item_bias_with_parts(bank_vectors, item_vectors, method, beta, k, **more).values  # type: ignore[arg-type]


def item_bias_with_parts(
    bank_vectors: np.ndarray,
    item_vectors: np.ndarray | LazyRows,
    method: str = "is",
    beta: float | None = None,
    k: int = local.K,
    *,
    bank_positions: np.ndarray | None = None,
    gallery_vectors: np.ndarray | None = None,
    gallery_positions: np.ndarray | None = None,
    beta2: float = softmax.BETA_GALLERY,
    n_iters: int | None = sinkhorn.N_ITERS,
    budget_bytes: int = BUDGET_BYTES,
    on_progress: Progress | None = None,
) -> ItemBias:
    """b(g), such that ranking by s(q, g) + b(g) is the correction's ranking, and its parts.

    Parameters
    ----------
    bank_vectors : ndarray, shape (B, d)
        Bank queries, unit rows: captions, logged queries, held-out items, or the items themselves.
    item_vectors : ndarray or LazyRows, shape (G, d)
        Unit rows; float16 and memory-mapped arrays are read block by block.
    method : str
        One of `BIAS_METHODS`; see `exact_as_bias`.
    beta : float, optional
        Inverse temperature, by default 20, and 100 for ``sinkhorn``.
    k : int
        Neighbours that ``csls`` averages.
    bank_positions, gallery_positions : ndarray of int, shape (B,), optional
        Where bank rows are items themselves: which ones, -1 for none. Those pairs are left out. An item's similarity
        to itself would fill its normaliser and make the bias the same for all.
    gallery_vectors : ndarray, shape (B2, d), optional
        The second bank of the dual methods. Default: the items themselves, self left out.
    beta2 : float
        Inverse temperature for the gallery bank; 0 leaves it out.
    n_iters : int, optional
        Of ``sinkhorn``; None until it converges.
    budget_bytes : int
        Most that the table of similarities of one block may take, in the items' precision; working memory is at most
        four times that, besides the bank.
    on_progress : callable, optional
        Called with (items done, items); may raise to stop.

    Returns
    -------
    ItemBias
        Products are taken in float32 (float64 where both inputs are): with unit rows an error below 1e-5. Multiply by
        0..1 for a part of the correction.

    Raises
    ------
    InputError
        Unknown method, a bank that is empty or of other dimensions, a vector that is not finite, or an item that has
        nothing left to be compared with.
    """
    items = item_vectors if isinstance(item_vectors, LazyRows) else _vectors("items", item_vectors)
    if not exact_as_bias(method):
        raise InputError(f"{method} depends on the query, so it is not one number per item; these are: {', '.join(BIAS_METHODS)}.")
    beta = (sinkhorn.BETA if method == "sinkhorn" else softmax.BETA) if beta is None else beta
    not_negative(beta=beta, beta2=beta2)
    bank = _Bank.of("bank", bank_vectors, items, bank_positions)
    if not len(items):
        return ItemBias(np.zeros(0), np.zeros((0, 1), np.float32))
    budget = max(int(budget_bytes), 1)
    if method == "csls":
        values = np.empty(len(items))
        highest = np.full((len(items), count(k) + removal.SPARE), -np.inf, np.float32)
        for part, table in bank.similarities(items, 1.0, budget, on_progress):
            found = local.highest(table, highest.shape[1])
            values[part] = local.mean_of_highest(found, k) / -2.0
            highest[part, : found.shape[1]] = found
        return ItemBias(values, highest)
    if method == "sinkhorn":
        return _sinkhorn(bank, items, beta, n_iters, budget, on_progress)
    z_query = _normalizer(bank, items, beta, budget, on_progress)
    if method == "is":
        return ItemBias(softmax.joined(z_query, z_query, beta, 0.0, "product"), _column(z_query))
    if gallery_vectors is None:
        gallery_vectors, gallery_positions = items, np.arange(len(items))
    gallery = _Bank.of("gallery bank", gallery_vectors, items, gallery_positions)
    z_gallery = _normalizer(gallery, items, beta2, budget, on_progress)
    form = "product" if method == "dual_is" else "additive"
    return ItemBias(softmax.joined(z_query, z_gallery, beta, beta2, form), _column(z_query))


def _column(z: np.ndarray) -> np.ndarray:
    return z.astype(np.float32)[:, None]


def active_from_vectors(
    bank_vectors: np.ndarray,
    item_vectors: np.ndarray,
    k: int = 1,
    *,
    bank_positions: np.ndarray | None = None,
    budget_bytes: int = BUDGET_BYTES,
) -> np.ndarray:
    """bool (G,): `active_items` from vectors, the gate of the dynamic forms; a bank row that is an item leaves it out."""
    items, k = _vectors("items", item_vectors), count(k)
    bank = _Bank.of("bank", bank_vectors, items, bank_positions)
    highest, found = np.empty((len(bank.vectors), 0)), np.empty((len(bank.vectors), 0), np.int64)
    for part, table in bank.similarities(items, 1.0, budget_bytes, None):
        # Those found before stand first and have lower positions, so ties go to them.
        scores = np.hstack([highest, table.T])
        positions = np.hstack([found, np.broadcast_to(np.arange(part.start, part.stop), table.T.shape)])
        best = best_columns(scores, k)
        highest, found = np.take_along_axis(scores, best, axis=1), np.take_along_axis(positions, best, axis=1)
    active = np.zeros(len(items), bool)
    active[found[np.isfinite(highest)]] = True
    return active


def _vectors(name: str, vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors)
    if vectors.ndim != 2 or vectors.dtype.kind != "f":
        raise InputError(f"The {name} must be vectors in rows, not {vectors.dtype} of shape {vectors.shape}.")
    return vectors


def _normalizer(bank: _Bank, items: np.ndarray | LazyRows, beta: float, budget: int, report: Progress | None) -> np.ndarray:
    """float64 (G,): log sum exp(beta * similarity), see `softmax.log_normalizer`; zeros for beta 0."""
    total = np.zeros(len(items))
    if not beta:
        return total
    for part, table in bank.similarities(items, beta, budget, report):
        highest = table.max(axis=1)
        if not np.isfinite(highest).all():
            raise InputError("An item has nothing in the bank to be compared with, or a vector is not finite.")
        table -= highest[:, None]
        np.exp(table, out=table)
        total[part] = highest + np.log(table.sum(axis=1), dtype=np.float64)
    return total


def _sinkhorn(bank: _Bank, items: np.ndarray | LazyRows, beta: float, n_iters: int | None, budget: int,
              report: Progress | None) -> ItemBias:
    sinkhorn.positive(beta)
    n_bank = len(bank.vectors)
    kept: list[tuple[slice, np.ndarray]] = []
    fits = n_bank * len(items) * 8 <= budget

    def parts() -> Iterator[tuple[slice, np.ndarray]]:
        if kept:
            yield from kept
            return
        for part, table in bank.similarities(items, beta, budget // 2, report, kept=fits):
            if fits:
                kept.append((part, table))
            yield part, table

    found = sinkhorn.scaled(parts, n_bank, len(items), n_iters)
    return ItemBias(found.log_prior / beta, _column(-np.log(len(items)) - found.log_items), found.log_rows)
