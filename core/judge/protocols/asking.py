"""The questions of a ground truth put to a search, and the protocol's own figures from the answers, with their definition.

The search is a function, so that what is measured is what search gives: ``search(query, k, keep_references) -> SearchResult``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import InputError
from core.judge.protocols import recalls
from core.judge.protocols.matching import Matched, Question
from core.types import Query, SearchResult
from core.wording import counted, verb

Search = Callable[[Query, int, bool], SearchResult]
Progress = Callable[[int, int], None]

SCORES_AT_MOST = 200_000_000
"""Captions times images that are held at once, 4 bytes each."""
_FILTER_AT_MOST = 150_000
"""Characters of a filter that names items; beyond it everything is ranked, and what is not among them taken out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a protocol says of a search.

    Attributes
    ----------
    metrics : Mapping of str to float
        In per cent; ranks for MedR and MeanR.
    definition : str
        What the figures are, in words.
    n_questions, n_gallery : int
        Questions asked, and images ranked for them (the most, where it differs).
    ranks : Mapping of query id to rank
        Of the right answer, from 1; None where it is not among those that were looked at.
    chance : Mapping of str to float
        What guessing gives; empty where it is not usual to say.
    warnings : tuple of str
    """

    kind: str
    metrics: Mapping[str, float]
    definition: str
    n_questions: int
    n_gallery: int
    ranks: Mapping[str, int | None]
    chance: Mapping[str, float]
    warnings: tuple[str, ...] = ()


def _nobody(done: int, total: int) -> None:
    """Progress that nobody looks at."""


def ask(
    matched: Matched, search: Search, items: Sequence[str], *, among: str = "truth", progress: Progress = _nobody
) -> Outcome:
    """Ask every question and measure as the protocol does.

    Parameters
    ----------
    matched : Matched
    search : callable
        Answers; a hit that stands for its near-duplicates (a recipe that folds) stands for them here.
    items : sequence of str
        All item ids that can be found.
    among : {"truth", "all"}
        Rank the images of the truth, as published figures do, or the whole collection.

    Raises
    ------
    InputError
        No question can be asked, or there are more scores than can be held.
    """
    if among not in ("truth", "all"):
        raise InputError(f"Images cannot be ranked among {among!r}; there are: truth, all.")
    if not matched.questions:
        why = Counter(reason for _, reason in matched.left_out).most_common(1)
        raise InputError(f"No question of the truth can be asked here: {matched.sentence}"
                         f" Most often {why[0][0] if why else 'there is none'}.")  # fmt: skip
    asker = _Asker(search, sorted(items), sorted(items) if among == "all" else list(matched.gallery), matched, progress)
    return _PROTOCOLS[matched.kind](asker)


class _Asker:
    """One run: the search, the gallery, and the warnings that came up."""

    def __init__(self, search: Search, items: list[str], gallery: list[str], matched: Matched, progress: Progress) -> None:
        self.search, self.items, self.gallery, self.matched, self.progress = search, items, gallery, matched, progress
        self.questions = matched.questions
        self.warnings: dict[str, None] = {}

    def each(self) -> Sequence[tuple[int, Question]]:
        for n, one in enumerate(self.questions):
            yield n, one
            self.progress(n + 1, len(self.questions))

    def answer(self, one: Question, k: int, among: Sequence[str] | None = None, keep: bool = False) -> dict[str, tuple[int, float]]:
        """Rank and score of the first `k` items among the gallery (or `among`); folded ones have those of their hit."""
        wanted = self.gallery if among is None else among
        query, depth = one.query, k
        if len(set(wanted)) < len(self.items):
            text = "id in (" + ", ".join(f"'{item}'" for item in sorted(set(wanted))) + ")"
            if len(text) <= _FILTER_AT_MOST:
                query = replace(query, where=text)
            else:
                depth = len(self.items)
        result = self.search(query, depth, keep)
        self.warnings.update(dict.fromkeys(result.warnings))
        inside = set(wanted)
        found: dict[str, tuple[int, float]] = {}
        rank = 0
        for hit in result:
            those = [item for item in (hit.item_id, *hit.alike) if item in inside]
            rank += bool(those)
            if rank > k:
                break
            for item in those:
                found.setdefault(item, (rank, hit.score))
        return found

    def ranks(
        self, k: int, *, among: Callable[[Question], Sequence[str] | None] | None = None, keep: bool = False
    ) -> list[int | None]:
        """The best rank of a right answer for each question; `among` names other images to rank than the gallery's."""
        out: list[int | None] = []
        for _, one in self.each():
            found = self.answer(one, k, None if among is None else among(one), keep)
            out.append(min((found[item][0] for item in one.targets if item in found), default=None))
        return out

    def outcome(self, metrics: Mapping[str, float], definition: str, ranks: Sequence[int | None], n_gallery: int | None = None,
                chance: Mapping[str, float] | None = None) -> Outcome:  # fmt: skip
        return Outcome(self.matched.kind, metrics, definition, len(self.questions), len(self.gallery) if n_gallery is None else n_gallery,
                       {one.query_id: rank for one, rank in zip(self.questions, ranks)}, chance or {}, tuple(self.warnings))  # fmt: skip


def _two_way(asker: _Asker) -> Outcome:
    n, m = len(asker.questions), len(asker.gallery)
    if n * m > SCORES_AT_MOST:
        raise InputError(f"{counted(n, 'caption')} by {counted(m, 'image')} are {n * m:,} scores, and {SCORES_AT_MOST:,} can be held;"
                         " take a smaller split.")  # fmt: skip
    place = {item: i for i, item in enumerate(asker.gallery)}
    owner = np.array([place[min(one.targets)] for one in asker.questions])
    scores = np.full((n, m), -np.inf, dtype=np.float32)
    for row, one in asker.each():
        for item, (_, score) in asker.answer(one, m).items():
            scores[row, place[item]] = score
    text_to_image, image_to_text = recalls.two_way_ranks(scores, owner)
    found = np.isfinite(scores[np.arange(n), owner])
    if not found.all():
        lost = int((~found).sum())
        asker.warnings[f"{counted(lost, 'caption')} did not find {verb(lost, 'its', 'their')} image at any rank; it has no vector."] = None
    definition = (
        f"t2i: per cent of the {counted(n, 'caption')} whose image is among the first k of {counted(m, 'image')}. i2t: per cent"
        f" of the {counted(int((image_to_text > 0).sum()), 'image')} one of whose own captions is among the first k of all captions,"
        " ordered by the score each caption gives the image. MedR, MeanR: median and mean rank."
        " rsum: the sum of the six recalls, at most 600."
    )
    return asker.outcome(recalls.two_way(text_to_image, image_to_text), definition, text_to_image.tolist())


def _cirr(asker: _Asker) -> Outcome:
    ranks, subset = [], []
    for _, one in asker.each():
        (target,) = one.targets
        ranks.append(asker.answer(one, 50).get(target, (None, 0))[0])
        subset.append(asker.answer(one, len(one.candidates), one.candidates).get(target, (None, 0))[0])
    definition = (
        "R@k: per cent of the questions whose target is among the first k of the gallery without the reference. Rs@k (Recall_subset@k):"
        " the same among the other members of the question's set. (R@5 + Rs@1) / 2 decides."
    )
    sizes = [len(one.candidates) for one in asker.questions]
    chance = {f"Rs{name[1:]}": value for name, value in recalls.chance_at(sizes, (1, 2, 3)).items()}
    return asker.outcome(recalls.cirr(ranks, subset), definition, ranks, chance=chance)


def _fashioniq(asker: _Asker) -> Outcome:
    categories = [one.category for one in asker.questions]
    of: dict[str, list[str]] = {}
    if len(set(categories)) > 1 and asker.gallery == list(asker.matched.gallery):
        for name in set(categories):
            mine = [one for one in asker.questions if one.category == name]
            of[name] = sorted({item for one in mine for item in (*one.targets, one.reference)})
    ranks = asker.ranks(50, among=lambda one: of.get(one.category), keep=True)
    definition = (
        "R@k: per cent of the questions whose target is among the first k of the images of its category, the reference among them,"
        " as the benchmark has it; over several categories the mean of theirs."
    )
    return asker.outcome(recalls.by_category(ranks, categories, (10, 50)), definition, ranks,
                         max(map(len, of.values())) if of else None)  # fmt: skip


def _genecis(asker: _Asker) -> Outcome:
    ranks = asker.ranks(3, among=lambda one: one.candidates)
    sizes = [len(one.candidates) for one in asker.questions]
    definition = (
        "R@k: per cent of the questions whose target is among the first k of the question's own gallery, the target and its distractors;"
        " over several tasks the mean of theirs."
    )
    categories = [one.category for one in asker.questions]
    figures, chance = recalls.by_category(ranks, categories, (1, 2, 3)), recalls.chance_at(sizes, (1, 2, 3))
    return asker.outcome(figures, definition, ranks, max(sizes), chance)


def _triplets(asker: _Asker) -> Outcome:
    ranks = asker.ranks(10)
    definition = (
        "R@k: per cent of the questions with a right answer among the first k of the gallery without the reference; over several"
        " kinds the mean of theirs."
    )
    return asker.outcome(recalls.by_category(ranks, [one.category for one in asker.questions], (1, 5, 10)), definition, ranks)


_PROTOCOLS: Mapping[str, Callable[[_Asker], Outcome]] = {
    "karpathy": _two_way, "captions": _two_way, "cirr": _cirr, "fashioniq": _fashioniq, "genecis": _genecis, "triplets": _triplets,
}  # fmt: skip
