"""Metrics by their names in ir-measures' spelling, checked before any engine sees them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from core.errors import InputError

KNOWN = ("nDCG@10", "P@5", "R@20", "AP@50", "RR", "Bpref", "infAP", "Judged@10", "Success@5", "Rprec")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as a page shows it: its name in ir-measures' spelling, and what it says in one line."""

    name: str
    meaning: str


_MEANINGS = {
    "nDCG": "How good the order is, 1 is ideal: grades count, and count less further down",
    "R": "Share of all relevant items that were found",
    "P": "Share of the results that are relevant",
    "AP": "Precision at each relevant item, summed and divided by the number of all relevant items (also where only the first"
          " k are looked at); rewards finding all of them early",
    "RR": "One divided by the rank of the first relevant item; its mean is MRR",
    "Judged": "Share of the results that anybody has judged",
    "Success": "Share of queries with at least one relevant item",
    "Bpref": "How rarely a judged irrelevant item stands above a relevant one; unjudged items do not count at all",
    "infAP": "AP as it is expected where the unjudged items of the pool are like the judged ones",
    "Rprec": "Precision after as many results as there are relevant items",
}  # fmt: skip


def describe(name: str) -> Metric:
    """Name and meaning of a metric such as ``nDCG@10``.

    Raises
    ------
    InputError
        If ir-measures does not know it.
    """
    parsed = measure(name)
    return Metric(str(parsed), _MEANINGS.get(parsed.NAME, (type(parsed).__doc__ or "").strip().split("\n")[0]))


def split(text: str) -> tuple[str, ...]:
    """Names that stand apart by spaces or commas; those within brackets belong to a name, as in ``SetF(beta=2,rel=2)``."""
    names, word, depth = [], "", 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if depth <= 0 and (c.isspace() or c == ","):
            names.append(word)
            word = ""
        else:
            word += c
    return tuple(name for name in [*names, word] if name)


@lru_cache(maxsize=256)
def measure(name: str, rel: int = 1) -> object:
    """The measure of ir-measures that a name stands for.

    Parameters
    ----------
    name : str
        Such as ``nDCG@10`` or ``P(rel=2)@5``.
    rel : int
        The grade from which an item is relevant, for metrics that have such a grade and whose name does not say it.

    Raises
    ------
    InputError
        There is no such metric, or its cut-off cannot be: the engine behind it ends the whole process at such a one.
    """
    import ir_measures

    try:
        made = ir_measures.parse_measure(name)
        if rel != 1 and "rel" in made.SUPPORTED_PARAMS and "rel" not in made.params:
            made = made(rel=rel)
        made.validate_params()
    except (NameError, ValueError, SyntaxError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"There is no metric {name!r}; known are {', '.join(KNOWN)} and others of ir-measures.") from error
    except AssertionError as error:
        raise InputError(f"The metric {name!r} is not complete ({error if 'object' not in str(error) else 'its cut-off is missing'});"
                         " write it as in P@5.") from error  # fmt: skip
    for what in ("cutoff", "rel"):
        value = made.params.get(what)
        if what in made.params and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000):
            raise InputError(f"The metric {name!r} has the {'cut-off' if what == 'cutoff' else 'grade'} {value!r}; give 1 or more.")
    return made


def cutoff(name: str) -> int | None:
    """How many results a metric looks at; None for all."""
    return measure(name).params.get("cutoff")
