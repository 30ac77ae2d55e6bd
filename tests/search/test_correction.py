"""A hub loses its place, the right image gets it; the order is that of all rows; the stored numbers are used again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.encode import vector_sets
from core.errors import NotFound
from core.index.exact import score as cosines_of
from core.query.parse import parse
from core.rank.hubness import ItemBias, item_bias, item_bias_with_parts
from core.search import banks, correction, engine
from core.search.recipes import BUILT_IN, recipe
from core.store import Collection
from core.types import HubSetting, Recipe
from tests import fakes
from tests.search.conftest import new_item

CORRECTED = BUILT_IN["hubs-corrected"]


def run(collection: Collection, line: str, k: int = 100, where: str = "", **more: object):  # noqa: ANN201
    return engine.run(collection, parse(line, where), k, **more)


@pytest.fixture
def planted(home, fake_encoder: fakes.FakeEncoder) -> Collection:  # noqa: ANN001
    """Twelve pictures, each a little off its colour, and ``hub``: nearer to every caption than the right one is.

    Captions are two to a picture's colour; the hub has none.
    """
    collection = Collection.create("Planted")
    joint = vector_sets(fake_encoder)[0]
    collection.add_set(joint)
    colours = list(fakes.COLOURS)
    words = fake_encoder.encode_texts(colours).astype(np.float64)
    side = np.eye(16)[12:]
    rows = np.stack([0.25 * words[i] + side[i % 4] for i in range(12)])
    hub = words.sum(axis=0) / 3
    rows = np.vstack([rows, hub])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    items = [new_item(f"c{i:02d}", captions=(f"a {colour} thing",), meta={"even": i % 2 == 0}) for i, colour in enumerate(colours)]
    items.append(new_item("hub", meta={"even": True}))
    collection.commit(items, {joint.set_id: ([item.item_id for item in items], rows.astype(np.float32))})
    collection.activate(joint.set_id)
    return collection


def by_all_rows(collection: Collection, query: np.ndarray, setting: HubSetting) -> list[str]:
    view = collection.view()
    texts = sorted({item.captions[0] for item in map(collection.item, collection.ids()) if item.captions})
    bank = fakes.FakeEncoder().encode_texts(texts)
    bias = item_bias(bank, view.rows(view.live), setting.method, setting.beta)
    total = cosines_of(view.matrix, query, view.live) + bias
    ids = view.item_ids[view.live]
    return ids[np.lexsort((ids, -np.round(total, 6)))].tolist()


@pytest.mark.parametrize("method", ["is", "csls", "sinkhorn"])
def test_a_planted_hub_loses_its_place_to_the_right_image(planted: Collection, encoder_for: Callable, method: str) -> None:
    setting = HubSetting(method, 20.0, "captions")
    for n, colour in enumerate(fakes.COLOURS):
        before = run(planted, colour, encoder_for=encoder_for)
        after = run(planted, colour, recipe=Recipe(name="r", hub=setting), encoder_for=encoder_for)
        assert before[0].item_id == "hub" and before[1].item_id == f"c{n:02d}"
        assert (after[0].item_id, after[0].rank, after[0].rank_before) == (f"c{n:02d}", 1, 2)
        lost = next(hit for hit in after if hit.item_id == "hub")
        assert lost.rank > 1 and lost.rank_before == 1 and lost.terms[-1] < 0
        assert (before.hub.method, after.hub) == ("none", setting) and before[0].rank_before is None
        assert list(after.item_ids) == by_all_rows(planted, encoder_for("fake").encode_texts([colour])[0], setting)


def test_scores_are_the_sum_of_their_parts_and_the_cosine_stays_raw(pictures: Collection, encoder_for: Callable) -> None:
    for line in ("red", "red^2 -blue image:p03^0.5", "image:p01 image:p02"):
        raw = {hit.item_id: hit for hit in run(pictures, line, encoder_for=encoder_for)}
        result = run(pictures, line, recipe=CORRECTED, encoder_for=encoder_for)
        assert set(result.item_ids) == set(raw) and result.plan == "exact"
        scores = [hit.score for hit in result]
        assert scores == sorted(scores, reverse=True)
        for hit in result:
            assert len(hit.terms) == len(result.query.terms) + 1
            assert sum(hit.terms) == pytest.approx(hit.score, abs=1e-5)
            assert hit.cosine == raw[hit.item_id].cosine and hit.rank_before == raw[hit.item_id].rank


def test_filters_pages_and_references_are_as_ever(pictures: Collection, encoder_for: Callable) -> None:
    everything = run(pictures, "red", recipe=CORRECTED, encoder_for=encoder_for).item_ids
    some = run(pictures, "red", where="sold = true", recipe=CORRECTED, encoder_for=encoder_for)
    passing = set(run(pictures, "red", where="sold = true", encoder_for=encoder_for).item_ids)
    assert list(some.item_ids) == [i for i in everything if i in passing]
    assert sorted(hit.rank_before for hit in some) == list(range(1, len(some) + 1))
    assert run(pictures, "red", 5, offset=5, recipe=CORRECTED, encoder_for=encoder_for).item_ids == everything[5:10]
    assert "p03" not in run(pictures, "image:p03 red", recipe=CORRECTED, encoder_for=encoder_for).item_ids


def test_folding_counts_the_ranks_before_among_folded_results(planted: Collection, encoder_for: Callable) -> None:
    planted.set_folds({"c00": "c00", "c01": "c00"})
    both = Recipe(name="both", hub=CORRECTED.hub, fold=True)
    result = run(planted, "red", recipe=both, encoder_for=encoder_for)
    folded = run(planted, "red", recipe=BUILT_IN["folded"], encoder_for=encoder_for)
    assert len(result) == len(folded) == 12
    assert sorted(hit.rank_before for hit in result) == list(range(1, 13))
    assert (result[0].item_id, result[0].rank_before) == ("c00", 2)


def test_images_alone_are_corrected_in_their_own_space_and_that_is_said(pictures: Collection, encoder_for: Callable) -> None:
    result = run(pictures, "image:p00", recipe=recipe(pictures, "hub:is:20:captions"), encoder_for=encoder_for)
    assert (result.space, result.hub.bank) == ("visual", "items") and "images themselves are the bank" in result.warnings[0]
    assert run(pictures, "image:p00", recipe=CORRECTED, encoder_for=encoder_for).warnings == ()
    view = pictures.view(result.set_id)
    assert view.item_ids[0] == "p00"  # it asks, so it is no row of the bank
    bias = item_bias(view.rows(view.live[1:]), view.rows(view.live), "is", 20.0, bank_positions=np.arange(1, 24))
    everybody = item_bias(view.rows(view.live), view.rows(view.live), "is", 20.0, bank_positions=np.arange(24))
    shown = {hit.item_id: hit.score - hit.cosine for hit in result}
    expected = dict(zip(view.item_ids[view.live], bias - everybody.mean()))
    assert all(value == pytest.approx(expected[item_id], abs=1e-5) for item_id, value in shown.items())
    assert np.std(bias) > 1e-4, "an item in its own comparison would make all the same"


def test_a_query_of_minus_terms_is_left_alone(pictures: Collection, encoder_for: Callable) -> None:
    result = run(pictures, "-red", recipe=CORRECTED, encoder_for=encoder_for)
    assert result.hub.method == "none" and "left off" in result.warnings[0]
    assert result.item_ids == run(pictures, "-red", encoder_for=encoder_for).item_ids


def test_the_stored_bias_is_used_again_and_renewed(
    planted: Collection, encoder_for: Callable, fake_encoder: fakes.FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(bank: np.ndarray, items: np.ndarray, *args: object, **more: object) -> ItemBias:
        made.append(len(items))
        return item_bias_with_parts(bank, items, *args, **more)

    def again():  # noqa: ANN202 - as another process would
        from core.search import filters

        filters._cache.clear()
        made.clear()
        return run(planted, "red", recipe=CORRECTED, encoder_for=encoder_for)

    monkeypatch.setattr(correction, "item_bias_with_parts", counted)
    first = again()
    assert made == [13]
    assert again().item_ids == first.item_ids and made == []
    # A new item without a caption leaves the bank as it is: only its own number is computed.
    joint = vector_sets(fake_encoder)[0].set_id
    planted.commit([new_item("new")], {joint: (["new"], fake_encoder.encode_texts(["red blue"]))})
    assert "new" in again().item_ids and made == [1]
    assert again() and made == []
    view = planted.view()
    whole = item_bias(fake_encoder.encode_texts(sorted(f"a {c} thing" for c in fakes.COLOURS)), view.rows(view.live), "is", 20.0)
    kept = planted.artifact(correction.kind_of(HubSetting("is", 20.0, "captions")), joint)
    np.testing.assert_allclose(np.diff(kept.arrays["bias"]), np.diff(whole), atol=1e-6)
    # One with a caption changes the bank, and with it all numbers.
    planted.commit([new_item("more", captions=("a cyan sky",))], {joint: (["more"], fake_encoder.encode_texts(["cyan"]))})
    assert "more" in again().item_ids and made == [15]
    # A damaged file is made again.
    for path in planted.artifacts_folder.glob("hub*"):
        path.write_bytes(b"")
    assert again().item_ids and made == [15]


def test_strengths_that_were_tried_do_not_pile_up(planted: Collection, encoder_for: Callable) -> None:
    for beta in range(1, 20):
        run(planted, "red", recipe=recipe(planted, f"hub:is:{beta}:captions"), encoder_for=encoder_for)
    kinds = [kind for (kind,) in planted.select("SELECT kind FROM artifacts WHERE kind LIKE 'hub-%'")]
    assert len(kinds) == correction._KEPT and correction.kind_of(HubSetting("is", 19.0, "captions")) in kinds
    assert planted.verify() == []


def test_what_takes_long_is_put_off(planted: Collection, encoder_for: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correction, "AT_ONCE", 10)
    asked: list[tuple[str, HubSetting]] = []

    def later(vector_set, setting):  # noqa: ANN001, ANN202
        asked.append((vector_set.set_id, setting))

    result = run(planted, "red", recipe=CORRECTED, encoder_for=encoder_for, later=later)
    assert result[0].item_id == "hub" and result.hub.method == "none" and "being prepared" in result.warnings[0]
    assert asked == [(result.set_id, CORRECTED.hub)]
    run(planted, "red", recipe=CORRECTED, encoder_for=encoder_for)  # the worker
    assert run(planted, "red", recipe=CORRECTED, encoder_for=encoder_for, later=later)[0].item_id == "c00"
    # Other captions since: what there was serves until the new one is made.
    planted.update_metadata([("hub", ("a brown dog",), {})])
    stale = run(planted, "red", recipe=CORRECTED, encoder_for=encoder_for, later=later)
    assert stale[0].item_id == "c00" and "before the last changes" in stale.warnings[0] and len(asked) == 2


def test_banks_of_queries_and_of_pasted_lines(pictures: Collection, encoder_for: Callable) -> None:
    name = banks.keep_list(pictures, "colours", "red\n\n blue \nred\ngreen")
    assert name == "list:colours" and banks.lists(pictures) == {"colours": ["red", "blue", "green"]}
    assert run(pictures, "red", recipe=recipe(pictures, f"hub:csls:20:{name}"), encoder_for=encoder_for).hub.bank == name
    with pytest.raises(NotFound, match="colours"):
        run(pictures, "red", recipe=recipe(pictures, "hub:is:20:list:words"), encoder_for=encoder_for)
    result = run(pictures, "red", recipe=recipe(pictures, "hub:is:20:queries"), encoder_for=encoder_for)
    assert result.hub.method == "none" and "no queries" in result.warnings[0], "nobody chose the images"
    for text in (*fakes.COLOURS, "-red", "red blue"):
        pictures.log_search(parse(text), "plain", 1, 1.0, 1)
    pictures.set_setting("x", 1)
    assert banks.bank(pictures, pictures.view(), "queries")[0].texts == tuple(sorted([*fakes.COLOURS, "red blue"]))
    first = run(pictures, "red", recipe=recipe(pictures, "hub:is:20:queries"), encoder_for=encoder_for)
    assert first.hub.bank == "queries"
    kind = correction.kind_of(first.hub)
    before = pictures.artifact(kind, first.set_id).meta["bank"]
    pictures.log_search(parse("one more"), "plain", 1, 1.0, 1)
    pictures.set_setting("x", 2)
    run(pictures, "red", recipe=recipe(pictures, "hub:is:20:queries"), encoder_for=encoder_for)
    assert pictures.artifact(kind, first.set_id).meta["bank"] == before, "one more query does not make it anew"
    banks.delete_list(pictures, "colours")
    assert banks.lists(pictures) == {}


def test_a_large_bank_is_a_sample_that_hardly_changes(pictures: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banks, "BANK_AT_MOST", 50)
    texts = [f"text {n}" for n in range(400)]
    assert len(set(banks._cut(texts)) - set(banks._cut([*texts, "another"]))) <= 1
    assert len(banks._cut(texts)) == 50


def test_without_captions_auto_leaves_queries_in_words_alone(
    pictures: Collection, encoder_for: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images as the bank were measured to make queries in words worse; who asks for them by name gets them."""
    monkeypatch.setattr(banks, "ENOUGH_CAPTIONS", 10_000)
    raw = run(pictures, "red", encoder_for=encoder_for)
    auto = run(pictures, "red", recipe=CORRECTED, encoder_for=encoder_for)
    assert auto.item_ids == raw.item_ids and auto.hub.method == "none"
    assert any("too few captions" in said for said in auto.warnings)
    with monkeypatch.context() as small:  # and nobody is set to make what is not used
        small.setattr(correction, "AT_ONCE", 1)
        asked: list[object] = []
        auto = run(pictures, "red", recipe=CORRECTED, encoder_for=encoder_for, later=lambda *a: asked.append(a))
        assert asked == [] and "too few captions" in auto.warnings[-1]
    named = Recipe(name="r", hub=HubSetting("is", 20.0, "items"))
    assert run(pictures, "red", recipe=named, encoder_for=encoder_for).hub.bank == "items"
    assert run(pictures, "image:p01", recipe=CORRECTED, encoder_for=encoder_for).hub.bank == "items"


def test_images_with_a_tag_are_a_bank_that_leaves_each_of_them_out_of_its_own(planted: Collection, encoder_for: Callable) -> None:
    held = ["c01", "c04", "c07", "hub"]
    planted.tag(held, "held out")
    made = recipe(planted, "hub:is:20:tag:held out")
    result = run(planted, "red", recipe=made, where="not tag = 'held out'", encoder_for=encoder_for)
    view = planted.view()
    bank = view.find(held)
    expected = item_bias(view.rows(bank), view.rows(view.live), "is", 20.0, bank_positions=np.searchsorted(view.live, bank))
    got = {hit.item_id: hit.terms[-1] for hit in result}
    assert set(got) == set(planted.ids()) - set(held) and result.hub.bank == "tag:held out"
    one, other = sorted(got)[:2]
    places = {str(item): at for at, item in enumerate(view.item_ids[view.live])}
    assert got[one] - got[other] == pytest.approx(expected[places[one]] - expected[places[other]], abs=1e-5)
    batch = planted.tag(["c09"], "held out")
    assert banks.bank(planted, planted.view(), "tag:held out")[0].fingerprint != banks.bank(planted, view, "items")[0].fingerprint
    assert len(banks.bank(planted, planted.view(), "tag:held out")[0]) == 5
    planted.undo_tags(batch)
    assert len(banks.bank(planted, planted.view(), "tag:held out")[0]) == 4
    with pytest.raises(NotFound, match="No image here has the tag 'gone'; there are: held out"):
        run(planted, "red", recipe=recipe(planted, "hub:is:20:tag:gone"), encoder_for=encoder_for)
