"""Values of items turned into colour codes: a few named groups, or a scale.

Categories use Okabe and Ito's colours and some of Tol's muted ones, numbers a run through cividis; both can be told
apart with the common kinds of colour blindness and on a light and a dark ground.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.types import Scalar

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#882255", "#999933", "#44AA99", "#7F63B8")
LONG_PALETTE = (*PALETTE, "#6FB1DE", "#F3CC73", "#66C5AB", "#E0AFCB", "#2E7FA8", "#F08A4B", "#B5638A", "#C4C46A", "#1F7A6D",
                "#AE9AD6")
"""Twenty colours, where groups are also told apart by their place: the ten, and a lighter or darker kin of each."""
OTHER = "#9AA0A6"
NO_VALUE = "no value"
SCALE = ("#00204C", "#00306F", "#2A406C", "#48526B", "#5F636E", "#757575", "#8B8779", "#A39A76", "#BCAE6E", "#D7C463",
         "#F1DB4D")
# the darkest steps of the scale vanish on a dark ground and are lifted there
SCALE_DARK = ("#3B5B92", "#466496", "#566F94", "#657A90", "#74858C", "#848F88", "#949A82", "#A6A67A", "#BAB370",
              "#D2C464", "#F1DB4D")


@dataclass(frozen=True)
class Colouring:
    """One colour code per item, and what the codes mean.

    Attributes
    ----------
    by : str
        What the colours show.
    kind : {"category", "number", "none"}
    codes : ndarray of uint8, shape (n,)
        Index into `labels`, `counts` and `colours`.
    labels : tuple of str
        Most frequent first, "other (n values)" and "no value" last; for numbers the lower end of each step.
    counts : tuple of int
        Items with each code.
    colours, colours_dark : tuple of str
        ``#rrggbb`` on a light and a dark ground.
    minimum, maximum : float or None
        Of a number scale; values beyond are drawn in its end colours.
    above : bool
        Some values are larger than `maximum`.
    """

    by: str
    kind: Literal["category", "number", "none"]
    codes: np.ndarray
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    colours: tuple[str, ...]
    colours_dark: tuple[str, ...]
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False


def colouring(values: Sequence[Scalar] | np.ndarray | None, by: str = "", kind: str = "text", *, n_items: int = 0,
              n_colours: int = len(PALETTE)) -> Colouring:
    """Give every item a colour code.

    Parameters
    ----------
    values : sequence of n scalars, or None
        None draws all `n_items` alike, and so do values that are all None. None among others means: no value.
    by : str
        Name of what is shown.
    kind : str
        "number" gives a scale, from the 1st to the 99th percentile in eleven even steps; anything else categories,
        of which the `n_colours` most frequent (at most 20) have a colour of their own.
    """
    if values is None:
        return _plain(by, n_items)
    if kind == "number":
        return _scale(values, by)
    return _categories(values, by, n_colours)


def _plain(by: str, n_items: int) -> Colouring:
    return Colouring(by, "none", np.zeros(n_items, np.uint8), ("items",), (n_items,), PALETTE[:1], PALETTE[4:5])


def two_kinds(n_first: int, n_second: int, names: tuple[str, str], by: str = "") -> Colouring:
    """Two groups, one after the other: the first strong, the second pale."""
    codes = np.repeat(np.array([0, 1], np.uint8), [n_first, n_second])
    return Colouring(by, "category", codes, names, (n_first, n_second), (PALETTE[0], OTHER), (PALETTE[4], "#6B727B"))


def _categories(values: Sequence[Scalar] | np.ndarray, by: str, n_colours: int) -> Colouring:
    names = [NO_VALUE if value is None or value == "" else str(value) for value in values]
    counted = Counter(name for name in names if name != NO_VALUE)
    if not counted:
        return _plain(by, len(names))
    ranked = sorted(counted, key=lambda name: (-counted[name], name))
    n_colours = min(n_colours, len(LONG_PALETTE))
    own, rest = ranked[:n_colours], ranked[n_colours:]
    labels, colours = list(own), list(LONG_PALETTE[:len(own)])
    if rest:
        labels.append(f"other ({len(rest):,} values)")
        colours.append(OTHER)
    code = {name: i for i, name in enumerate(own)} | dict.fromkeys(rest, len(own))
    if len(counted) < len(set(names)):
        code[NO_VALUE] = len(labels)
        labels.append(NO_VALUE)
        colours.append("#C9CDD2")
    codes = np.array([code[name] for name in names], np.uint8)
    counts = np.bincount(codes, minlength=len(labels))
    dark = tuple("#5A6068" if colour == "#C9CDD2" else colour for colour in colours)
    return Colouring(by, "category", codes, tuple(labels), tuple(int(c) for c in counts), tuple(colours), dark)


def _scale(values: Sequence[Scalar] | np.ndarray, by: str) -> Colouring:
    numbers = np.array(values, np.float64)  # None becomes nan
    known = np.isfinite(numbers)
    if not known.any():
        return _categories([None] * len(numbers), by, 1)
    low, high = np.percentile(numbers[known], [1, 99])
    if high <= low:
        low, high = float(numbers[known].min()), float(numbers[known].max())
    if np.all(numbers[known] == np.round(numbers[known])):  # counts: the scale ends at counts too
        low, high = np.floor(low), np.ceil(high)
    steps, width = len(SCALE), max(float(high - low), 1e-12)
    codes = np.clip(((np.nan_to_num(numbers) - low) / width * steps).astype(np.int64), 0, steps - 1)
    labels = tuple(f"{low + width * step / steps:.4g}" for step in range(steps))
    colours, dark = SCALE, SCALE_DARK
    if not known.all():
        codes[~known] = steps
        labels, colours, dark = (*labels, NO_VALUE), (*colours, "#C9CDD2"), (*dark, "#5A6068")
    counts = np.bincount(codes, minlength=len(labels))
    return Colouring(by, "number", codes.astype(np.uint8), labels, tuple(int(c) for c in counts), colours, dark,
                     float(low), float(high), bool((numbers[known] > high).any()))
