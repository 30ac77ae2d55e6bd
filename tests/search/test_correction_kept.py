"""Biases that are kept: what they were made from, which go, who waits, and what is left in the files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from core.encode import vector_sets
from core.errors import EncoderError
from core.query.parse import parse
from core.rank.hubness import item_bias, item_bias_with_parts
from core.search import banks, correction, engine, filters
from core.search.recipes import BUILT_IN, recipe, save_recipe
from core.store import Collection
from core.types import HubSetting, Job, Recipe
from tests import fakes
from tests.search.conftest import new_item

CORRECTED = BUILT_IN["hubs-corrected"]


def run(collection: Collection, line: str, described: str = "hub:is:20:captions", k: int = 100, **more: object):  # noqa: ANN201
    return engine.run(collection, parse(line), k, recipe=recipe(collection, described), **more)


def forgotten() -> None:
    """As another process would come to it."""
    filters._cache.clear()


def given_by(result) -> dict[str, float]:  # noqa: ANN001
    return {hit.item_id: hit.score - hit.cosine for hit in result}


@pytest.mark.parametrize("method", ["is", "dual_is", "dual_is_additive", "csls", "sinkhorn"])
def test_with_items_that_came_or_went_the_bias_is_that_of_all(
    pictures: Collection, encoder_for: Callable, fake_encoder: fakes.FakeEncoder, method: str
) -> None:
    """The other images are half of the bank of the dual methods: old rows and new ones must have the same."""
    name = banks.keep_list(pictures, "words", ["red sky", "blue sea", "green tree", "a dog"])
    run(pictures, "red", f"hub:{method}:20:{name}", encoder_for=encoder_for)
    joint = vector_sets(fake_encoder)[0].set_id
    ids = [f"n{n:02d}" for n in range(60)]
    rows = np.random.default_rng(1).standard_normal((60, 16)) + 1
    pictures.commit([new_item(i) for i in ids], {joint: (ids, rows.astype(np.float32))})
    pictures.trash_items(["p01", "p02", "n07"])
    forgotten()
    result = run(pictures, "red", f"hub:{method}:20:{name}", encoder_for=encoder_for)
    view = pictures.view()
    bank = fake_encoder.encode_texts(sorted(banks.lists(pictures)["words"]))
    wanted = item_bias(bank, view.rows(view.live), method, 20.0, beta2=20.0 if method == "dual_is_additive" else 1.0)
    wanted = dict(zip(view.item_ids[view.live].tolist(), wanted - wanted.mean()))
    shown = given_by(result)
    level = np.mean([shown[i] - wanted[i] for i in shown])  # a constant changes no ranking
    assert len(shown) == 81 and all(shown[i] - wanted[i] == pytest.approx(level, abs=1e-5) for i in shown)


def test_another_version_of_the_constants_makes_it_anew(
    pictures: Collection, encoder_for: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = given_by(run(pictures, "red", "hub:dual_is:20:captions", encoder_for=encoder_for))
    monkeypatch.setattr(correction, "_CONSTANTS", "other")
    monkeypatch.setattr(correction, "item_bias_with_parts", lambda *a, **more: item_bias_with_parts(*a, **more, beta2=9.0))
    forgotten()
    after = given_by(run(pictures, "red", "hub:dual_is:20:captions", encoder_for=encoder_for))
    assert max(abs(after[i] - before[i]) for i in after) > 1e-4


def test_the_bias_of_a_recipe_stays(pictures: Collection, encoder_for: Callable) -> None:
    save_recipe(pictures, Recipe(name="mine", hub=HubSetting("is", 7.0, "captions")))
    run(pictures, "red", "mine", encoder_for=encoder_for)
    run(pictures, "red", "hubs-corrected", encoder_for=encoder_for)
    for beta in range(30, 50):
        run(pictures, "red", f"hub:is:{beta}:captions", encoder_for=encoder_for)
    kinds = {kind for (kind,) in pictures.select("SELECT kind FROM artifacts WHERE kind LIKE 'hub-%'")}
    for beta in (7.0, 20.0, 49.0):
        assert correction.kind_of(HubSetting("is", beta, "captions")) in kinds
    assert len(kinds) == correction._KEPT + 2


# ------------------------------------------------------------ who waits


def test_other_items_as_a_bank_count_as_work(pictures: Collection, encoder_for: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """24 items and 2 lines: 48 pairs by one bank, 24 * 26 by two."""
    name = banks.keep_list(pictures, "two", ["red sky", "blue sea"])
    monkeypatch.setattr(correction, "AT_ONCE", 200)
    asked: list[HubSetting] = []
    run(pictures, "red", f"hub:is:20:{name}", encoder_for=encoder_for, later=lambda _, s: asked.append(s))
    assert asked == []
    run(pictures, "red", f"hub:dual_is:20:{name}", encoder_for=encoder_for, later=lambda _, s: asked.append(s))
    assert [setting.method for setting in asked] == ["dual_is"]


def test_who_makes_one_bias_keeps_nobody_else_waiting(pictures: Collection, encoder_for: Callable) -> None:
    run(pictures, "red", encoder_for=encoder_for)
    name = banks.keep_list(pictures, "slow", ["a slow one", "another"])
    began, go_on = threading.Event(), threading.Event()

    class Slow(fakes.FakeEncoder):
        def encode_texts(self, texts):  # noqa: ANN001, ANN202
            if "a slow one" in texts:
                began.set()
                assert go_on.wait(30)
            return super().encode_texts(texts)

    slow = Slow()
    maker = threading.Thread(target=lambda: run(pictures, "red", f"hub:is:20:{name}", encoder_for=lambda _: slow))
    maker.start()
    try:
        assert began.wait(30)
        done: list[object] = []

        def others() -> None:
            forgotten()
            done.append(run(pictures, "blue", encoder_for=encoder_for, later=lambda *_: None))  # is kept already
            done.append(run(pictures, "blue", "hub:csls:20:items", encoder_for=encoder_for, later=lambda *_: None))
            # The same one: not for long, and then without it.
            done.append(run(pictures, "blue", f"hub:is:20:{name}", encoder_for=encoder_for, later=lambda *_: None))

        second = threading.Thread(target=others, daemon=True)
        second.start()
        second.join(20)
        assert [result.hub.method for result in done] == ["is", "csls", "none"]
        assert "being prepared" in done[2].warnings[0]
    finally:
        go_on.set()
        maker.join(30)


def test_texts_that_take_long_to_encode_are_left_to_the_worker(pictures: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    now, encoded = [0.0], []

    class Heavy(fakes.FakeEncoder):
        def encode_texts(self, texts):  # noqa: ANN001, ANN202
            now[0] += 1.0 * len(texts)
            encoded.extend(texts)
            return super().encode_texts(texts)

    monkeypatch.setattr(correction.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(correction, "_slow", set())
    heavy, asked = Heavy(), []
    for _ in range(2):
        result = run(pictures, "red", encoder_for=lambda _: heavy, later=lambda _, s: asked.append(s))
        assert result.hub.method == "none" and "being prepared" in result.warnings[0]
    assert len(asked) == 2 and len([text for text in encoded if text != "red"]) == 8, "a few say it, once"
    assert run(pictures, "red", encoder_for=lambda _: heavy).hub.method == "is"


def test_images_that_ask_do_not_wait_for_an_encoder_to_load(pictures: Collection) -> None:
    loaded, asked = [], []

    def loading(name: str) -> fakes.FakeEncoder:
        loaded.append(name)
        return fakes.FakeEncoder()

    joint = replace(CORRECTED, name="joint", set="joint")
    result = engine.run(pictures, parse("image:p00"), 5, recipe=joint, encoder_for=loading, later=lambda _, s: asked.append(s))
    assert len(result) == 5 and loaded == [] and len(asked) == 1 and "being prepared" in result.warnings[0]
    assert engine.run(pictures, parse("image:p00"), 5, recipe=joint, encoder_for=loading).hub.bank == "captions"


def test_without_the_encoder_images_still_ask(pictures: Collection) -> None:
    other = fakes.FakeEncoder()
    other.fingerprint = "another"

    def gone(name: str) -> fakes.FakeEncoder:
        raise EncoderError("The weights of fake are not on this computer.")

    joint = replace(CORRECTED, name="joint", set="joint")
    for encoder_for, says in ((gone, "not on this computer"), (lambda _: other, "made with weights")):
        result = engine.run(pictures, parse("image:p00"), 5, recipe=joint, encoder_for=encoder_for)
        assert len(result) == 5 and result.hub.method == "none" and result[0].rank_before is None
        assert "left off" in result.warnings[0] and says in result.warnings[0]


def test_a_job_that_failed_is_not_said_to_be_under_way(
    pictures: Collection, encoder_for: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correction, "AT_ONCE", 1)
    failed = Job(1, "correct", "pictures", "failed", message="The disk is full.")
    (said,) = run(pictures, "red", encoder_for=encoder_for, later=lambda *_: failed).warnings
    assert "could not be made" in said and "The disk is full." in said


# ------------------------------------------------------------ texts of a bank


def test_only_new_texts_are_encoded_and_none_is_written_down(pictures: Collection) -> None:
    encoded: list[str] = []

    class Counting(fakes.FakeEncoder):
        def encode_texts(self, texts):  # noqa: ANN001, ANN202
            encoded.extend(texts)
            return super().encode_texts(texts)

    counting = Counting()
    first = run(pictures, "red", encoder_for=lambda _: counting)
    pictures.update_metadata([("p07", ("violet red green",), {})])
    forgotten()
    encoded.clear()
    second = run(pictures, "red", encoder_for=lambda _: counting)
    assert encoded == ["violet red green"] and given_by(first) != given_by(second)
    view = pictures.view()
    texts = sorted({item.captions[0] for item in map(pictures.item, pictures.ids()) if item.captions})
    wanted = item_bias(fakes.FakeEncoder().encode_texts(texts), view.rows(view.live), "is", 20.0)
    shown = given_by(second)
    for item_id, value in zip(view.item_ids[view.live].tolist(), wanted - wanted.mean()):
        assert shown[item_id] == pytest.approx(value, abs=1e-5)
    assert not any("violet" in meta for (meta,) in pictures.select("SELECT meta FROM artifacts"))


def test_a_short_log_is_a_bank_at_once_and_a_cleared_one_none(pictures: Collection, encoder_for: Callable) -> None:
    assert run(pictures, "red", "hub:is:20:queries", encoder_for=encoder_for).hub.method == "none"
    for text in ("secret one", "secret two", "secret three"):
        pictures.log_search(parse(text), "plain", 1, 1.0, 1)
    assert run(pictures, "red", "hub:is:20:queries", encoder_for=encoder_for).hub.bank == "queries"
    pictures.clear_log()
    assert run(pictures, "red", "hub:is:20:queries", encoder_for=encoder_for).hub.method == "none"
    assert not any("secret" in meta for (meta,) in pictures.select("SELECT meta FROM artifacts"))


def test_the_vectors_of_a_list_go_with_it(pictures: Collection, encoder_for: Callable) -> None:
    name = banks.keep_list(pictures, "mine", ["red sky", "blue sea"])
    run(pictures, "red", f"hub:is:20:{name}", encoder_for=encoder_for)
    banks.delete_list(pictures, "mine")
    run(pictures, "red", encoder_for=encoder_for)
    kinds = [kind for (kind,) in pictures.select("SELECT kind FROM artifacts WHERE kind LIKE 'hubbank-%'")]
    assert kinds == [correction._bank_kind("captions")] and pictures.verify() == []


# ------------------------------------------------------------ the query under test


def words_world() -> tuple[Collection, fakes.FakeEncoder]:
    """Thirty items around two colours, of which a line of the bank asks for one."""
    encoder = fakes.FakeEncoder()
    collection = Collection.create("Words")
    joint = vector_sets(encoder)[0]
    collection.add_set(joint)
    rng = np.random.default_rng(5)
    red, blue = encoder.encode_texts(["red", "blue"])
    rows = np.stack([(red if n % 3 else blue) + 0.4 * rng.standard_normal(16) for n in range(30)])
    ids = [f"w{n:02d}" for n in range(30)]
    collection.commit([new_item(i) for i in ids], {joint.set_id: (ids, rows.astype(np.float32))})
    collection.activate(joint.set_id)
    return collection, encoder


@pytest.mark.parametrize(("method", "beta"), [("is", 20.0), ("is", 100.0), ("dual_is", 60.0), ("csls", 20.0), ("sinkhorn", 60.0)])
def test_a_query_is_no_row_of_its_own_bank(home: object, method: str, beta: float) -> None:
    collection, encoder = words_world()
    lines = ["red", "blue", "green", "red blue", "a dog"]
    name = banks.keep_list(collection, "asked", lines)
    view = collection.view()
    items = view.rows(view.live)

    def error(left_out: bool) -> float:
        """How far the corrected scores are from those of a bank without the query, which may be off by a constant."""
        bank = sorted(line for line in lines if line != "red" or not left_out)
        wanted = dict(zip(view.item_ids[view.live].tolist(), item_bias(encoder.encode_texts(bank), items, method, beta)))
        off = np.array([hit.score - hit.cosine - wanted[hit.item_id] for hit in result])
        return float(np.abs(off - np.median(off)).max())

    result = run(collection, "red", f"hub:{method}:{beta:g}:{name}", encoder_for=lambda _: encoder)
    raw = run(collection, "red", "plain", encoder_for=lambda _: encoder)
    assert result.hub.bank == name and set(result.item_ids) == set(raw.item_ids)
    assert [hit.score for hit in result] == sorted((hit.score for hit in result), reverse=True)
    before = {hit.item_id: hit.rank for hit in raw}
    assert [hit.rank_before for hit in result] == [before[i] for i in result.item_ids]
    # Sinkhorn's other rows keep their scaling, which would be a little different without the query.
    assert error(True) < (0.5 * error(False) if method == "sinkhorn" else 3e-6)
    assert error(False) > 0.02


def test_two_rows_of_the_bank_that_a_query_asks_for_are_both_left_out(home: object) -> None:
    collection, encoder = words_world()
    lines = ["red", "blue", "green", "red blue", "a dog", "a cat"]
    name = banks.keep_list(collection, "asked", lines)
    view = collection.view()
    for method in ("is", "csls"):
        result = run(collection, '"red" "a dog"', f"hub:{method}:20:{name}", encoder_for=lambda _: encoder)
        rest = encoder.encode_texts(sorted(set(lines) - {"red", "a dog"}))
        wanted = dict(zip(view.item_ids[view.live].tolist(), item_bias(rest, view.rows(view.live), method, 20.0)))
        off = np.array([hit.score - hit.cosine - wanted[hit.item_id] for hit in result])
        assert np.ptp(off) < 3e-6, method
