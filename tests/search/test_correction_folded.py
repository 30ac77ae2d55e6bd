"""Near-duplicates shown once together with a hub correction: ranks before are those of the folded list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from core.index import corrected, usearch
from core.query.parse import parse
from core.rank import fold as folding
from core.rank.hubness import ItemBias
from core.search import correction, engine
from core.search.recipes import BUILT_IN
from core.store import Collection

FOLDED, BOTH = BUILT_IN["folded"], replace(BUILT_IN["hubs-corrected"], name="both", fold=True)


def made_up(bias: np.ndarray) -> ItemBias:
    """As if it came from a bank in which the query is nobody."""
    return ItemBias(bias, np.full((len(bias), 1), 100.0, np.float32))


@pytest.mark.parametrize("seed", range(12))
def test_each_rank_before_is_the_one_without_the_correction(
    pictures: Collection, encoder_for: Callable, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    ids = [f"p{n:02d}" for n in range(24)]
    groups: dict[str, list[str]] = {}
    for item_id, group in zip(ids, rng.integers(0, 9, 24).tolist()):
        groups.setdefault(f"g{group}", []).append(item_id)
    pictures.set_folds({i: min(members) for members in groups.values() if len(members) > 1 for i in members})
    for item_id in rng.choice(ids, 8, replace=False).tolist():
        pictures.decide_fold([item_id], str(rng.choice(["keep", "remove"])))
    bias = rng.normal(0, 0.3, 24)
    monkeypatch.setattr(correction, "item_bias_with_parts", lambda bank, items, *a, **k: made_up(bias[: len(items)]))
    where = "" if seed % 2 else "sold = true"
    line = "red -blue" if seed % 3 else "image:p03 red"

    def run(chosen, k: int = 100, offset: int = 0):  # noqa: ANN001, ANN202
        return engine.run(pictures, parse(line, where), k, recipe=chosen, encoder_for=encoder_for, offset=offset)

    plain, both = run(FOLDED), run(BOTH)
    folds = folding.load(pictures)

    def stands_for(item_id: str) -> frozenset[str]:
        group = folds.group(item_id)
        return frozenset([item_id]) if group is None else frozenset(folds.members()[group])

    place = {stands_for(hit.item_id): hit.rank for hit in plain}
    assert len(both) == len(plain) == len(place) and {stands_for(i) for i in both.item_ids} == set(place)
    assert [hit.rank_before for hit in both] == [place[stands_for(hit.item_id)] for hit in both]
    assert [hit.rank for hit in both] == list(range(1, len(both) + 1)) and not any(hit.before_at_least for hit in both)
    for k in (1, 4, len(both)):  # pages of it are the same list
        assert run(BOTH, k).hits == both.hits[:k]
    assert run(BOTH, 3, offset=2).hits == both.hits[2:5]


def test_with_the_index_a_hit_from_far_down_says_at_least(
    pictures: Collection, encoder_for: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corrected, "_INDEX_DEPTH", 4)
    monkeypatch.setattr(corrected, "_INDEX_LIFTED", 4)
    bias = np.zeros(24)
    monkeypatch.setattr(correction, "item_bias_with_parts", lambda bank, items, *a, **k: made_up(bias[: len(items)]))
    plain = engine.run(pictures, parse("red"), 100, encoder_for=encoder_for)
    last = pictures.view().position(plain[-1].item_id)
    bias[last] = 9.0
    usearch.save(pictures, pictures.view())
    result = engine.run(pictures, parse("red"), 1, recipe=replace(BOTH, index="usearch", fold=False), encoder_for=encoder_for)
    (hit,) = result
    assert result.plan == "approximate" and hit.item_id == plain[-1].item_id
    assert hit.before_at_least and hit.rank_before == 5, "it is not among the 4 that the index gave"
