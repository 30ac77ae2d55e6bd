"""What of a ground truth a collection has: questions on its items, and what is left over on either side, with both numbers."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection
from dataclasses import dataclass

from core.judge.protocols.truth import Asked, Truth, all_files
from core.judge.trec import Qrel
from core.query.parse import render
from core.types import Query, SavedQuery, Term
from core.wording import counted, verb

Resolve = Callable[[str], tuple[str | None, str]]


@dataclass(frozen=True, slots=True)
class Question:
    """A question on items of a collection. `candidates` is empty where everything is ranked."""

    query_id: str
    query: Query
    targets: frozenset[str]
    reference: str = ""
    candidates: tuple[str, ...] = ()
    category: str = ""


@dataclass(frozen=True, slots=True)
class Matched:
    """A ground truth on a collection.

    Attributes
    ----------
    questions : tuple of Question
    gallery : tuple of str
        Items that are ranked, sorted.
    n_files, n_found : int
        Files the truth names, and those of them that are items.
    missing : tuple of (file, why)
    n_items, n_named : int
        Items of the collection, and those of them the truth names.
    left_out : tuple of (query id, why)
        Questions that cannot be asked here.
    """

    kind: str
    split: str
    questions: tuple[Question, ...]
    gallery: tuple[str, ...]
    n_files: int
    n_found: int
    missing: tuple[tuple[str, str], ...]
    n_items: int
    n_named: int
    left_out: tuple[tuple[str, str], ...]

    @property
    def sentence(self) -> str:
        """Both numbers, both ways."""
        asked, of = len(self.questions), len(self.questions) + len(self.left_out)
        return (f"{self.n_found:,} of {counted(self.n_files, 'file')} of the truth {verb(self.n_found)} in the collection,"
                f" {self.n_named:,} of its {counted(self.n_items, 'image')} {verb(self.n_named)} in the truth; {asked:,} of"
                f" {counted(of, 'question')} can be asked.")  # fmt: skip

    def saved(self, grade: int = 3) -> tuple[list[SavedQuery], list[Qrel]]:
        """Queries to keep in a collection and their right answers, both under the ids that the queries' content has.

        A file's own ids (``s17``) would be those of another file's queries, too; and what two questions ask in the same
        words is one query with two right answers.
        """
        asked = {one.query.query_id: one.query for one in self.questions}
        queries = [SavedQuery(query_id, render(query), query, origin=self.kind) for query_id, query in asked.items()]
        right = {(one.query.query_id, item): grade for one in self.questions for item in sorted(one.targets)}
        return queries, [Qrel(query_id, item, given) for (query_id, item), given in right.items()]

    def qrels(self, grade: int = 1) -> list[Qrel]:
        """Right answers as qrels, sorted by question and item."""
        pairs = sorted((one.query_id, item) for one in self.questions for item in one.targets)
        return [Qrel(query_id, item, grade) for query_id, item in pairs]


def match(truth: Truth, resolve: Resolve, items: Collection[str]) -> Matched:
    """Find the items of a truth's files.

    Parameters
    ----------
    truth : Truth
    resolve : callable
        From a file name to (item id, "") or (None, why not): `core.judge.named.resolver`.
    items : collection of str
        All item ids that can be found.

    Returns
    -------
    Matched
        A question whose reference, whose every target or one of whose candidates is not there is left out: with
        other images its figure would be another one. So is one with two candidates that are the same item.
    """
    files = tuple(dict.fromkeys((*truth.gallery, *all_files(truth.queries))))
    found: dict[str, str] = {}
    missing: list[tuple[str, str]] = []
    for file in files:
        item_id, why = resolve(file)
        if item_id is None and "/" in file:  # val2014/x.jpg, where the images lie in a folder of another name
            item_id = resolve(posixpath.basename(file))[0]
        if item_id is None:
            missing.append((file, why))
        else:
            found[file] = item_id
    questions, left = [], []
    for one in truth.queries:
        question = _question(one, found)
        if isinstance(question, str):
            left.append((one.query_id, question))
        else:
            questions.append(question)
    named = set(found.values())
    gallery = tuple(sorted({found[file] for file in truth.gallery if file in found}))
    return Matched(truth.kind, truth.split, tuple(questions), gallery, len(files), len(found), tuple(missing), len(items),
                   len(named & set(items)), tuple(left))  # fmt: skip


def _question(one: Asked, found: dict[str, str]) -> Question | str:
    """The question, or why it cannot be asked."""
    if one.reference and one.reference not in found:
        return "its reference is not in the collection"
    targets = frozenset(found[file] for file in one.targets if file in found)
    if not targets:
        return "its target is not in the collection"
    reference = found.get(one.reference, "")
    if reference and targets <= {reference}:
        return "its target and its reference are the same image"
    candidates = tuple(found.get(file, "") for file in one.candidates)
    if not all(candidates):
        return "one of its candidates is not in the collection"
    if len(set(candidates) - {reference}) < len(candidates):
        return "two of its candidates, or one and its reference, are the same image"
    terms = ((Term("item", reference),) if reference else ()) + ((Term("text", one.text),) if one.text else ())
    return Question(one.query_id, Query(terms), targets - {reference}, reference, candidates, one.category)
