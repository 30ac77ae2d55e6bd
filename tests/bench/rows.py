"""A measured figure, and the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One line of the table; `p95` where `value` is the median of many, `shown` where several figures belong together."""

    part: str
    what: str
    value: float
    unit: str
    p95: float | None = None
    shown: str = ""


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds on the wall clock, and what the work returned."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
