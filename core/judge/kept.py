"""Rankings that are kept: every recipe's answers to a query set, with what they were made from.

Kept with the collection as one file of JSON, so that a page opens at once and can say what has changed since.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from core.errors import Damaged
from core.judge.trec import RunLine, format_run
from core.store import Collection

ALL = ""
"""Name of the query set that stands for the judged queries of all sets."""
_FORMAT = 1
_NO_TAG = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Ran:
    """One recipe's rankings.

    Attributes
    ----------
    recipe : Mapping
        As plain data (`core.search.recipes.to_json`).
    set_id : str
        Vectors that answered, of the first query that was; see `core.types.SearchResult`.
    hits : Mapping of query id to (item ids, scores), best first
    failed : Mapping of query id to reason
        Queries that could not be answered; they count 0.
    warnings : tuple of str
        What the searches said of themselves, each once.
    """

    recipe: Mapping[str, object]
    set_id: str
    hits: Mapping[str, tuple[tuple[str, ...], tuple[float, ...]]]
    failed: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def rankings(self) -> dict[str, tuple[str, ...]]:
        """Query id -> item ids; none for a query that could not be answered."""
        return {**{query: ids for query, (ids, _) in self.hits.items()}, **dict.fromkeys(self.failed, ())}


@dataclass(frozen=True)
class Kept:
    """One evaluation's rankings.

    Attributes
    ----------
    queries : Mapping of query id to its words, in order
    generation : int
        Of the collection when they were made.
    n_items : int
        That could be found then.
    answers : str
        Fingerprint of the judgments then (`core.judge.serving.answers`).
    version : int
        Of the query set; 0 for the judged queries of all sets.
    """

    query_set: str
    depth: int
    queries: Mapping[str, str]
    ran: Mapping[str, Ran]
    generation: int
    n_items: int
    answers: str
    encoder: str
    made_at: float
    seconds: float
    version: int = 0


def kind_of(query_set: str) -> str:
    """Under which an evaluation of a query set is kept among the collection's derived files."""
    return f"evaluation-{hashlib.sha256(query_set.encode()).hexdigest()[:12]}"


def keep(collection: Collection, kept: Kept) -> None:
    """Keep rankings, replacing those of the same query set."""
    said = json.dumps({"format": _FORMAT, **asdict(kept)}, ensure_ascii=False)

    def write(path: Path) -> None:
        path.write_text(said, encoding="utf-8")

    meta = {"query_set": kept.query_set, "recipes": list(kept.ran), "made_at": kept.made_at}
    collection.put_artifact_file(kind_of(kept.query_set), "", write, meta, kept.generation)


def kept_for(collection: Collection, query_set: str) -> Kept | None:
    """The kept rankings of a query set; None where there are none.

    Raises
    ------
    Damaged
        The file is missing or not the one that was written.
    """
    found = collection.artifact_path(kind_of(query_set), "")
    if found is None:
        return None
    try:
        return from_json(json.loads(found[0].read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"The kept rankings {found[0]} cannot be read ({error}); evaluate again.") from error


def from_json(said: Mapping[str, object]) -> Kept:
    """What `keep` wrote."""
    if said["format"] != _FORMAT:
        raise ValueError(f"format {said['format']}")
    # What a later version notes besides is passed over: an app that runs while it is updated reads what the new worker wrote.
    known = {one.name for one in fields(Kept)} - {"ran"}
    values = {name: value for name, value in said.items() if name in known}
    ran = {
        name: Ran(
            one["recipe"], one["set_id"], {query: (tuple(ids), tuple(scores)) for query, (ids, scores) in one["hits"].items()},
            one["failed"], tuple(one["warnings"]),
        )
        for name, one in said["ran"].items()  # type: ignore[attr-defined]
    }  # fmt: skip
    return Kept(**values, ran=ran)  # type: ignore[arg-type]


def tag_of(recipe: str) -> str:
    """A recipe's name as a TREC tag and a file name: what is no letter, digit, dot or dash becomes a dash."""
    return _NO_TAG.sub("-", recipe).strip("-.")[:60] or "recipe"


def tags_of(recipes: Sequence[str]) -> dict[str, str]:
    """A tag for each recipe, no two alike."""
    out: dict[str, str] = {}
    for recipe in recipes:
        tag, n = tag_of(recipe), 2
        while tag in out.values():
            tag, n = f"{tag_of(recipe)}-{n}", n + 1
        out[recipe] = tag
    return out


def trec_run(ran: Ran, queries: Sequence[str], tag: str) -> str:
    """A recipe's rankings as a TREC run.

    Scores that are equal to six decimals are ordered by item id here and otherwise by other programs, and a recipe that
    folds has an order of its own: so the score that is written falls from hit to hit, and any program has our ranking.
    """
    lines = []
    for query in queries:
        ids, _ = ran.hits.get(query, ((), ()))
        lines += [RunLine(query, item, rank, str(len(ids) - rank + 1), tag) for rank, item in enumerate(ids, 1)]
    return format_run(lines)
