"""What adapting without each kind of query found, in words and as rows: for the page and the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.metrics.names import describe
from core.wording import counted, verb

Said = Mapping[str, object]
AS_IS, INSIDE, OUTSIDE, GAP, GAIN = "As it is", "Kind trained on", "Kind not trained on", "Gap", "Gain on new kinds"
MEANS = {
    AS_IS: "The encoder without heads.",
    INSIDE: "Interpolation: heads that were trained on queries' kind among others, the mean of those trainings.",
    OUTSIDE: "Extrapolation: heads that were trained on all other kinds.",
    GAP: "Kind trained on minus kind not trained on, query by query, with where it would fall in 95 of 100 repetitions on other queries.",
    GAIN: "Kind not trained on minus as it is, the same way: whether adapting helps what it has not seen.",
}


def sentence(said: Said) -> str:
    """The finding, by the first metric."""
    one = said["figures"][0]  # type: ignore[index]
    gain, name = one["gain_outside"], one["metric"]
    if gain["low"] > 0:
        verdict = "Adapting helps kinds of queries that it was not trained on"
    elif gain["high"] < 0:
        verdict = "Adapting harms kinds of queries that it was not trained on"
    else:
        verdict = "Whether adapting helps kinds of queries that it was not trained on cannot be told"
    gap = one["gap"]
    more = "less than on kinds it was trained on" if gap["low"] > 0 else "more than on kinds it was trained on" if gap["high"] < 0 else \
        "with no clear gap to kinds it was trained on"  # fmt: skip
    return (f"{verdict}, {more}: {name} {one['before']:.3f} as it is, {one['outside']:.3f} without the query's kind, {one['inside']:.3f} "
            f"with it.")  # fmt: skip


def account(said: Said) -> tuple[str, ...]:
    """What was trained on what, and what is left out."""
    trained: Sequence[Said] = said["trained"]  # type: ignore[assignment]
    images, apart = int(str(said["images"])), int(str(said["kept_apart"]))
    source = "captions" if said["learned_from"] == "captions" else f"labels in {said['learned_from']}"
    lines = [
        f"Learned from the {source} of {images - apart:,} of {counted(images, 'image')}; {apart:,} {verb(apart)} kept "
        f"apart for answering a query, or being copies of what does, so no answer was trained on.",
        f"{counted(int(str(said['queries'])), 'query', 'queries')} and what is learned from are put into {said['buckets']} kinds by "
        f"k-means on the text vectors of {said['encoder']} (seed {said['seed']}). {counted(len(trained), 'training')}, each without "
        f"one kind: on {_span([t['n_train'] for t in trained])} images, stopped on {_span([t['n_validation'] for t in trained])} others "
        f"of the same kinds. The adaptation in use is not measured here; these heads are trained for this alone, on fewer images.",
        f"Cosine of a query and what is nearest to it in the training, at the mean: {_near(trained, 'inside')} with its kind, "
        f"{_near(trained, 'outside')} without.",
    ]  # fmt: skip
    still = sum(not t["steps"] for t in trained)
    if still:
        lines.append(f"In {still} of {counted(len(trained), 'training')} nothing was better than no change: the encoder stayed as it is.")
    left = int(str(said["queries_left_out"]))
    if left:
        lines.append(f"{counted(left, 'query is', 'queries are')} left out: of several terms or images, with a filter, or without a "
                     "relevant image.")  # fmt: skip
    return tuple(lines)


def rows(said: Said) -> list[dict[str, str]]:
    """The table: a row for each metric."""
    return [
        {"Metric": one["metric"], AS_IS: f"{one['before']:.3f}", INSIDE: f"{one['inside']:.3f}", OUTSIDE: f"{one['outside']:.3f}",
         GAP: _interval(one["gap"]), GAIN: _interval(one["gain_outside"])}
        for one in said["figures"]  # type: ignore[attr-defined]
    ]  # fmt: skip


def meanings(said: Said) -> tuple[tuple[str, str], ...]:
    """Each metric with what it says."""
    return tuple((one["metric"], describe(one["metric"]).meaning) for one in said["figures"])  # type: ignore[attr-defined]


def as_text(said: Said) -> str:
    """For a terminal."""
    table = rows(said)
    lines = ["".join(f"{head:<{26 if head in (GAP, GAIN) else 21}}" for head in table[0]).rstrip()]
    lines += ["".join(f"{value:<{26 if head in (GAP, GAIN) else 21}}" for head, value in row.items()).rstrip() for row in table]
    return "\n".join([sentence(said), *lines, *(f"{name}: {text}" for name, text in MEANS.items()), *account(said)])


def _interval(found: Said) -> str:
    return f"{found['value']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"


def _near(trained: Sequence[Said], part: str) -> str:
    pairs = [(t[f"near_{part}"], t[f"n_{part}"]) for t in trained if t[f"near_{part}"] is not None]
    return f"{np.average([near for near, _ in pairs], weights=[n for _, n in pairs]):.2f}" if pairs else "unknown"  # type: ignore


def _span(numbers: Sequence[object]) -> str:
    low, high = min(numbers), max(numbers)  # type: ignore[type-var]
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
