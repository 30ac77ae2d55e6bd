"""What a learned cut-off says of itself, in plain sentences."""

from __future__ import annotations

from core.metrics.intervals import Interval
from core.rank.cutoff.ends import Ends
from core.rank.cutoff.ladder import RELEVANT_STEADY, Z_CUT
from core.rank.cutoff.learning import ENOUGH_TEST, Learned
from core.wording import counted, verb

NAMES = {"cosine": "plain cosine cut", "zscore": "z-score", "platt": "Platt's curve", "adapter": "curve for each query"}
MEANINGS = {
    "cosine": "One cut on the score itself, the same for every query.",
    "zscore": "How many deviations a score stands above the mean of its query's own scores. Its place needs no judgments.",
    "platt": "A logistic curve through the judged results, on the score above the query's own mean.",
    "adapter": "As Platt's curve, with a shape that a small network predicts from the query; it always rises with the score.",
}


def sentence(learned: Learned) -> str:
    """What to use, and why."""
    if not learned.tried:
        return (f"{learned.rung.why} So the line is drawn {Z_CUT:g} deviations above the mean of each query's scores, which no "
                "judgment has checked.")  # fmt: skip
    plain, own = learned.tried[0], learned.tried[-1]
    assert own.gain is not None
    name, queries = NAMES[own.model.kind], counted(learned.n_test_groups, "test query", "test queries")
    if learned.better:
        return (f"Use the learned cut ({name}): where {learned.recall:.0%} of the relevant results are kept, "
                f"{own.figures['precision'].value:.1%} of what is kept is relevant, against "
                f"{plain.figures['precision'].value:.1%} with the plain cosine cut ({points(own.gain)}), on {queries}.")  # fmt: skip
    if learned.n_test_groups < ENOUGH_TEST:
        return (f"Use the plain cosine cut: {queries} {'is' if learned.n_test_groups == 1 else 'are'} there, and it takes {ENOUGH_TEST} "
                f"independent ones or more to prefer the learned cut ({name}; {points(own.gain)} so far).")  # fmt: skip
    return (f"Use the plain cosine cut: the learned one ({name}) is not better on held-out queries (difference in precision where "
            f"{learned.recall:.0%} of the relevant results are kept: {points(own.gain)}).")  # fmt: skip


def notes(learned: Learned) -> tuple[str, ...]:
    """What has to be known beside it."""
    if not learned.tried:
        return ()
    said = []
    if learned.unsteady:
        are = f"{counted(learned.n_relevant, 'relevant result')} {verb(learned.n_relevant)}"
        said.append(f"{are} judged: with fewer than {RELEVANT_STEADY} the cut is unsteady.")
    chosen = next(one for one in learned.tried if one.model.kind == learned.recommended)
    kept = chosen.figures["recall"]
    if kept.high < learned.recall:
        said.append(f"On the test queries the cut keeps {kept.value:.1%} of the relevant results ({bounds(kept)}), not the "
                    f"{learned.recall:.0%} it was laid for.")  # fmt: skip
    z = next(one for one in learned.tried if one.model.kind == "zscore")
    if learned.recommended != "zscore" and z.figures["precision"].value > chosen.figures["precision"].value + 0.005:
        said.append(f"The z-score did better on these queries: {z.figures['precision'].value:.1%} relevant at the same recall, "
                    f"{chosen.figures['precision'].value:.1%} with what is advised. It was not chosen beforehand, so "
                    "this may be luck.")  # fmt: skip
    return tuple(said)


def falls(found: Ends, kind: str, depth: int) -> str:
    """Where the line of a way of cutting falls, for somebody who looks at the first results."""
    of = counted(found.n, "judged query", "judged queries")
    first = f"within the first {found.shown} results, which Search shows at first, on {found.within:,} of {of}"
    others = [f"on {n:,} {what}" for n, what in (
        (found.empty, "nothing is above it"), (found.further, "it lies further down"), (found.whole, "all results are above it"),
    ) if n]  # fmt: skip
    middle = "before the first result" if found.median == 0 else f"beyond the first {depth:,}" if found.median is None \
        else f"after result {found.median:,}"  # fmt: skip
    return f"The line of the {NAMES[kind]} falls {first}{', '.join(['', *others])}. At the median it falls {middle}."


def words(learned: Learned, kind: str) -> str:
    """How one cut was made and what it is worth, for a hover."""
    tried = next((one for one in learned.tried if one.model.kind == kind), None)
    if tried is None:
        return (f"The z-score, unchecked: {learned.rung.why} Below the line are results less than {Z_CUT:g} deviations above the mean of "
                "this query's scores.")  # fmt: skip
    figures = tried.figures
    own = f"The ladder allowed {NAMES[learned.rung.name]}: {learned.rung.why}" if kind == learned.rung.name else MEANINGS[kind]
    tests = counted(learned.n_test_groups, "test query", "test queries")
    return (f"{NAMES[kind].capitalize()}. {own} Laid to keep {learned.recall:.0%} of the relevant results; on {tests} it kept "
            f"{figures['recall'].value:.0%} ({bounds(figures['recall'])}), {figures['precision_at_cut'].value:.0%} of "
            f"what it kept was relevant, it put {figures['filtered'].value:.0%} of the judged results below the line and left "
            f"{figures['emptied'].value:.0%} of the queries with nothing above.")  # fmt: skip


def bounds(interval: Interval) -> str:
    """``95 % interval 88.1 to 99.0 %``."""
    return f"95 % interval {interval.low * 100:.1f} to {interval.high * 100:.1f} %"


def points(interval: Interval) -> str:
    """``+6.7 points, 95 % interval 2.5 to 10.8``."""
    return f"{interval.value * 100:+.1f} points, 95 % interval {interval.low * 100:+.1f} to {interval.high * 100:+.1f}"
