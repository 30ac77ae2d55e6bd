"""Near-duplicate groups and answers that show each group once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rank.fold import Folds, fold, groups, leaders
from core.types import Hit, KnnGraph


def graph(ids: list[str], links: dict[tuple[str, str], float], k: int = 3) -> KnnGraph:
    """A graph that has exactly these links (both ways); the rest is filled up with similarity 0."""
    place = {item_id: n for n, item_id in enumerate(ids)}
    neighbors, similarities = np.zeros((len(ids), k), np.int32), np.zeros((len(ids), k), np.float32)
    for n, item_id in enumerate(ids):
        near = [(s, place[b if a == item_id else a]) for (a, b), s in links.items() if item_id in (a, b)]
        for column, (similarity, other) in enumerate(sorted(near, reverse=True)[:k]):
            neighbors[n, column], similarities[n, column] = other, similarity
    return KnnGraph("s", 1, np.array(ids), neighbors, similarities)


def hits(*ids: str) -> list[Hit]:
    return [Hit(item_id, rank, 1 - rank / 100, 1 - rank / 100) for rank, item_id in enumerate(ids, start=1)]


def test_groups_are_connected_components_over_the_threshold() -> None:
    world = graph(list("abcdef"), {("b", "c"): 0.99, ("c", "d"): 0.98, ("d", "e"): 0.90, ("a", "f"): 0.97})
    assert groups(world, 0.98) == {"b": "b", "c": "b", "d": "b"}
    assert groups(world, 0.97) == {"b": "b", "c": "b", "d": "b", "a": "a", "f": "a"}
    assert set(groups(world, 0.5).values()) == {"a", "b"} and groups(world, 0.5)["e"] == "b"
    assert groups(world, 1.01) == {}


def test_identical_bytes_are_together_whatever_the_vectors_say() -> None:
    world = graph(list("abcd"), {("b", "c"): 0.99})
    assert groups(world, 0.98, [("a", "d"), ("c", "new")]) == {"a": "a", "d": "a", "b": "b", "c": "b", "new": "b"}
    empty = KnnGraph("s", 1, np.array([], str), np.zeros((0, 0), np.int32), np.zeros((0, 0), np.float32))
    assert groups(empty, 0.9) == {}


def test_fold_collapses_under_the_best_member() -> None:
    folds = Folds({"a": "a", "c": "a", "e": "a", "b": "b", "f": "b"})
    folded = fold(hits("c", "b", "a", "d", "e", "f"), folds)
    assert [(h.item_id, h.rank, h.alike) for h in folded] == [("c", 1, ("a", "e")), ("b", 2, ("f",)), ("d", 3, ())]
    assert folded[2].score == pytest.approx(0.96)
    assert fold([], folds) == []


def test_decisions_are_respected() -> None:
    folds = Folds({"a": "a", "b": "a", "c": "a", "d": "a"}, {"a": "remove", "c": "keep"})
    assert [(h.item_id, h.alike) for h in fold(hits("a", "b", "c", "d"), folds)] == [("b", ("a", "d")), ("c", ())]
    assert [h.item_id for h in fold(hits("a", "c"), folds)] == ["a", "c"]  # no other member is among the hits
    assert folds.members() == {"a": ["a", "b", "d"]}
    assert leaders(["a", "b"], folds, can_stand=lambda i: i == "a") == [0]


@given(st.lists(st.integers(0, 30), unique=True, max_size=31), st.lists(st.integers(0, 6), min_size=31, max_size=31),
       st.dictionaries(st.integers(0, 30), st.sampled_from(("keep", "remove"))))
def test_every_hit_is_shown_or_alike_exactly_once(order: list[int], group: list[int], decided: dict[int, str]) -> None:
    decisions = {f"i{n:02d}": decision for n, decision in decided.items()}
    folds = Folds({f"i{n:02d}": f"g{g}" for n, g in enumerate(group) if g}, decisions)
    found = hits(*(f"i{n:02d}" for n in order))
    folded = fold(found, folds)
    shown = [i for hit in folded for i in (hit.item_id, *hit.alike)]
    assert sorted(shown) == sorted(hit.item_id for hit in found)
    assert [hit.score for hit in folded] == sorted((hit.score for hit in folded), reverse=True)
    leading = [folds.group(hit.item_id) for hit in folded if folds.group(hit.item_id) is not None]
    assert len(leading) == len(set(leading))
