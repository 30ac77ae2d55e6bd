"""What a proof found, in words: the rows of its table, the advice, and what has to be known beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.judge import serving, truth
from core.judge.corrections import NAMES
from core.judge.proof import ENOUGH_TEST
from core.types import HubSetting

_MANY = 0.1
"""Share of images without a question from which on it is said what that leaves out."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure in per cent, without and with a correction, and the difference in points with its 95 % interval."""

    name: str
    before: float
    after: float
    change: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """The difference as one says it: ``+2.1 [0.9, 3.4]``."""
        return f"{self.change:+.1f} [{self.low:.1f}, {self.high:.1f}]"


@dataclass(frozen=True, slots=True)
class Tried:
    """A correction at the strength that was best on the tuning part.

    Attributes
    ----------
    words : str
        ``csls at k 10``.
    served : str
        The bank of a recipe that does this; empty where it was measured only.
    """

    method: str
    title: str
    meaning: str
    words: str
    bank: str
    strength: float
    served: str
    figures: tuple[Compared, ...]
    skewness: float
    antihub_share: float
    graded: float | None = None
    """Judged@10 in per cent, where the right answers are judgments."""

    @property
    def called(self) -> str:
        """Its title with its strength: ``Inverted softmax at beta 20``."""
        how = self.words.partition(" ")[2]
        return f"{self.title} {how}".strip()

    def figure(self, name: str) -> Compared:
        """The measure of that name."""
        return next(one for one in self.figures if one.name == name)


def asked_with(args: Mapping[str, object]) -> str:
    """What a proof measures with: ``with the labels in kind, decided by R@5``."""
    kind = f"with the labels in {args['column']}" if args.get("column") else f"with the {args.get('truth')}"
    more = f", decided by {args['metric']}" if args.get("metric") else ""
    return kind + more + (f", seed {args['seed']}" if args.get("seed") else "")


def setting(tried: Tried, said: Mapping[str, object]) -> HubSetting:
    """What of a recipe does this. Where images are compared by looks, ``auto`` is the images themselves, which were
    measured; and queries in words, which the recipe is used for as well, have the captions, or are left as they are."""
    bank = "auto" if said.get("space") == "visual" and tried.served == "items" else tried.served
    return HubSetting(tried.method, HubSetting().beta if tried.method == "csls" else float(tried.strength), bank)


def tried_of(row: Mapping[str, object]) -> Tried:
    """A row as it was written down."""
    figures: Sequence[Mapping[str, object]] = row["figures"]  # type: ignore[assignment]
    method = str(row["method"])
    named = NAMES.get(method)
    compared = tuple(
        Compared(str(f["name"]), f["before"], f["after"], *(f["change"][part] for part in ("value", "low", "high")))  # type: ignore
        for f in figures
    )
    return Tried(
        method, named.title if named else "As it is", named.meaning if named else "The ranking without a correction.",
        str(row["words"]), str(row["bank"]), float(row["strength"]), str(row["served"]), compared,  # type: ignore[arg-type]
        float(row["skewness"]), float(row["antihub_share"]), row.get("graded"),  # type: ignore[arg-type]
    )  # fmt: skip


def sentence(judged: Tried | None, recommended: Tried | None, said: Mapping[str, object]) -> str:
    """The recommendation."""
    if judged is None:
        return "Leave it off: on the tuning part no correction that search can serve did better than none."
    figure = judged.figure(str(said["metric"]))
    found = f"{judged.called} with {judged.bank} as the bank: {figure.name} {figure.words} on {said['n_test']:,} questions kept apart"
    if recommended is not None:
        return f"Use {found}."
    if _few(said):
        return (f"No advice: {_independent(said)} tested, and it takes {ENOUGH_TEST} or more to advise. "
                f"The best on the tuning part was {found}.")  # fmt: skip
    if figure.high < 0:
        return f"Leave it off: the best, {found}, is worse."
    return f"Leave it off: the best, {found}, is no clear gain, for its interval reaches 0."


def line(judged: Tried | None, recommended: Tried | None, said: Mapping[str, object]) -> str:
    """The finding with its figures, for the top of a page."""
    on = f"on your {said['truth']}" + (f" in {said['column']}" if said.get("column") else "")
    if judged is None:
        return f"Correcting for hubs brought nothing {on}."
    figure = judged.figure(str(said["metric"]))
    gain = (f"{figure.name} from {figure.before:.1f} to {figure.after:.1f} ({figure.change:+.1f}, 95 % interval {figure.low:.1f} to "
            f"{figure.high:.1f}) {on}")  # fmt: skip
    if recommended is not None:
        return f"Correcting for hubs lifts {gain}."
    if _few(said):
        return f"{_independent(said)} are too few to tell whether correcting for hubs helps: {gain}."
    return f"Correcting for hubs {'makes it worse' if figure.high < 0 else 'is no clear gain'}: {gain}."


def _share_unasked(said: Mapping[str, object]) -> float:
    return int(said.get("n_unasked", 0)) / max(1, int(said["n_items"]))  # type: ignore[call-overload, no-any-return]


def _few(said: Mapping[str, object]) -> bool:
    return int(said.get("n_groups", ENOUGH_TEST)) < ENOUGH_TEST  # type: ignore[call-overload, no-any-return]


def _independent(said: Mapping[str, object]) -> str:
    return f"{said['n_groups']:,} independent questions"


def notes(
    judged: Tried | None, recommended: Tried | None, raw: Tried, tried: Sequence[Tried], said: Mapping[str, object]
) -> tuple[str, ...]:
    """What has to be known beside the recommendation."""
    metric, found = str(said["metric"]), []
    tuned: Sequence[float] = [float(row["tuned"]) for row in said["rows"]]  # type: ignore[attr-defined]
    bar = max([float(said["raw"]["tuned"]), *(t for one, t in zip(tried, tuned) if one is judged)])  # type: ignore[index]
    best = max(range(len(tried)), key=lambda n: (tuned[n], -n), default=-1)
    if best >= 0 and not tried[best].served and tuned[best] > bar:
        found.append(f"{tried[best].called} with {tried[best].bank} did best on the tuning part ({metric} {tuned[best]:.1f}, against "
                     f"{bar:.1f}), but is measured only: "
                     + ("search has CSLS at k 10." if tried[best].method == "csls_k" else "search cannot serve it."))  # fmt: skip
    if judged is not None and judged.graded is not None and raw.graded is not None and round(judged.graded - raw.graded, 1) < 0:
        found.append(f"Judged@10 falls from {raw.graded:.1f} to {judged.graded:.1f} %: {judged.called} brings up images that nobody "
                     "graded, and these count as wrong, so it may be better than it looks. Grade them, and measure again.")  # fmt: skip
    if judged is not None and said["truth"] == "captions" and judged.bank == truth.OTHER and _share_unasked(said) > _MANY:
        found.append("Only some images have a caption. Search's bank has the captions of the images that are asked about, too, which "
                     "holds these back a little against the others; with one caption an image that cannot be measured.")  # fmt: skip
    if left_out := serving.left_out_words(said.get("left_out", {})):  # type: ignore[arg-type]
        found.append(left_out)
    if recommended is not None:
        found.append(_reach(recommended, said))
    return tuple(found)


def _reach(recommended: Tried, said: Mapping[str, object]) -> str:
    """What else the recipe acts on."""
    if said["truth"] != "labels":
        return "Measured on queries in words. The recipe also acts on queries by images alone, which was not measured."
    if setting(recommended, said).bank == "auto":
        return ("Measured on queries by images, which are compared by looks. The recipe also acts on queries in words, with the captions "
                "as the bank where there are some, which was not measured.")  # fmt: skip
    return ("Measured on queries by images. The recipe also acts on queries in words, which was not measured; compared with the images "
            "themselves these usually get worse, so choose another recipe for them.")  # fmt: skip
