"""Any corrected search against the same numbers put together by hand: terms, filters, spaces, banks and methods."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.query.parse import parse
from core.rank.hubness import BIAS_METHODS, item_bias
from core.search import banks, engine
from core.search.recipes import recipe
from core.store import Collection
from core.types import HubSetting, Query, Recipe
from tests import fakes

COLOURS = list(fakes.COLOURS)
LINES = [*COLOURS[:6], "red blue", "a dog", "a red thing"]


def bank_of(query: Query | None, view, bank: str, texts: dict[str, list[str]]):  # noqa: ANN001, ANN201
    """(rows, which items they are) of a bank, without what the query asks for."""
    asked = {term.value for term in query.terms if term.weight > 0} if query else set()
    if bank == "items":
        positions = np.array([p for p in view.live if str(view.item_ids[p]) not in asked])
        return view.rows(positions), np.searchsorted(view.live, positions)
    kept = [text for text in sorted(set(texts[bank])) if text not in asked]
    return fakes.FakeEncoder().encode_texts(kept), None


@pytest.mark.parametrize("seed", range(40))
def test_scores_are_cosine_and_bias_and_ranks_before_those_by_cosine(
    pictures: Collection, encoder_for: Callable, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    method, bank = str(rng.choice(BIAS_METHODS)), str(rng.choice(["captions", "items", "list:mine"]))
    beta = float(rng.choice([1.0, 20.0, 80.0]))
    banks.keep_list(pictures, "mine", LINES)
    captions = [pictures.item(i).captions[0] for i in pictures.ids() if pictures.item(i).captions]
    if rng.random() < 0.5:
        pictures.trash_items(rng.choice(pictures.ids(), 3, replace=False).tolist())
        captions = [pictures.item(i).captions[0] for i in pictures.ids() if pictures.item(i).captions]
    words = rng.choice([*COLOURS, "a red thing", "red blue"], rng.integers(1, 3), replace=False)
    terms = [f'"{word}"^{rng.choice([1, 0.5])}' for word in words]
    if rng.random() < 0.5:
        terms.append(f"image:{rng.choice(pictures.ids())}")
    if rng.random() < 0.5:
        terms.append(f"-{rng.choice(COLOURS)}^0.3")
    query = parse(" ".join(terms), "sold = true" if rng.random() < 0.3 else "")
    setting = HubSetting(method, beta, bank)

    def run(hub: HubSetting):  # noqa: ANN202
        return engine.run(pictures, query, 100, recipe=Recipe(name="r", hub=hub), encoder_for=encoder_for)

    raw, result = run(HubSetting()), run(setting)
    view = pictures.view()
    beta2 = beta if method == "dual_is_additive" else 1.0  # published with one temperature for both halves

    def bias_of(asked: Query | None) -> np.ndarray:
        rows, positions = bank_of(asked, view, bank, {"captions": captions, "list:mine": LINES})
        return item_bias(rows, view.rows(view.live), method, beta, bank_positions=positions, beta2=beta2)

    bias, everybody = bias_of(query), bias_of(None)
    wanted = dict(zip(view.item_ids[view.live].tolist(), (bias - everybody.mean()).tolist()))
    assert result.hub == (setting if method != "csls" else HubSetting("csls", 20.0, bank)) and result.plan == "exact"
    assert set(result.item_ids) == set(raw.item_ids) and len(result) == len(raw) == result.matched
    before = {hit.item_id: hit for hit in raw}
    for hit in result:
        assert hit.cosine == before[hit.item_id].cosine and hit.rank_before == before[hit.item_id].rank
        if method != "sinkhorn":  # what a bank without the query gives is close there, see `core.rank.hubness.removal`
            assert hit.score - hit.cosine == pytest.approx(wanted[hit.item_id], abs=1e-5)
        assert sum(hit.terms) == pytest.approx(hit.score, abs=1e-5)
    order = [(-hit.score, hit.item_id) for hit in result]
    assert order == sorted(order) and [hit.rank for hit in result] == list(range(1, len(result) + 1))
    assert run(setting).hits == result.hits
    assert recipe(pictures, f"hub:{method}:{beta:g}:{bank}").hub == setting
