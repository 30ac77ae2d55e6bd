"""Searching: what comes back, in which order, and what it says about itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.encode import vector_sets
from core.errors import EncoderError, InputError, NotFound, QueryError
from core.query.parse import parse
from core.search import engine, sets
from core.search.filters import matching
from core.store import Collection
from core.types import HubSetting, Query, Recipe, Term, VectorSet
from tests import fakes
from tests.search.conftest import new_item


def run(collection: Collection, line: str, k: int = 100, where: str = "", **more: object):  # noqa: ANN201
    return engine.run(collection, parse(line, where), k, **more)


def test_words_find_pictures(pictures: Collection, encoder_for: Callable) -> None:
    result = run(pictures, "blue", 5, encoder_for=encoder_for)
    assert set(result.item_ids[:2]) == {"p02", "p14"}
    assert (len(result), result.total, result.matched, result.plan, result.space) == (5, 24, 24, "exact", "joint")
    assert [hit.rank for hit in result] == [1, 2, 3, 4, 5]
    first = result[0]
    assert (first.file, first.caption) == (pictures.item(first.item_id).file, "a blue thing")
    assert result.generation == pictures.generation
    assert set(result.timings) == {"encode", "filter", "search", "rank", "total"}
    assert result.timings["total"] >= sum(v for name, v in result.timings.items() if name != "total") - 0.5
    assert result.warnings == ()


def test_one_term_scores_its_cosine(
    pictures: Collection, encoder_for: Callable, fake_encoder: fakes.FakeEncoder
) -> None:
    text = fake_encoder.encode_texts(["red sky"])[0].astype(np.float64)
    view = pictures.view()
    for line, sign in (('"red sky"^7', 1), ('-"red sky"', -1)):
        for hit in run(pictures, line, encoder_for=encoder_for):
            cosine = sign * float(view.rows(view.positions([hit.item_id]))[0] @ text)
            assert hit.score == pytest.approx(cosine, abs=2e-6)
            assert hit.cosine == hit.score and hit.terms == pytest.approx((hit.score,), abs=1e-5)


def test_only_minus_is_the_other_way_round_and_says_so(pictures: Collection, encoder_for: Callable) -> None:
    forward, backward = run(pictures, "red", encoder_for=encoder_for), run(pictures, "-red", encoder_for=encoder_for)
    assert {h.item_id: -h.score for h in backward} == {h.item_id: h.score for h in forward}
    assert "least like" in backward.warnings[0] and len(backward) == 24


def test_order_is_by_score_then_id_and_terms_add_up(pictures: Collection, encoder_for: Callable) -> None:
    for recipe in (Recipe(), Recipe(compose="sum")):
        result = run(pictures, "red^2 -blue image:p03^0.5", recipe=recipe, encoder_for=encoder_for)
        assert list(result) == sorted(result, key=lambda hit: (-hit.score, hit.item_id))
        for hit in result:
            assert len(hit.terms) == 3
            assert sum(hit.terms) == pytest.approx(hit.score, abs=1e-5)


def test_centring_takes_away_what_all_items_share(brought: Callable) -> None:
    # All items share a large offset; x and y differ only beside it.
    collection = brought({"a": [5, 1, 0, 0], "b": [5, 0, 1, 0], "x": [5, 1, 1, 0.2], "y": [5, 0, 0, 3],
                          "z": [5, -1, -1, -3]})
    centred = run(collection, "image:a image:b")
    summed = run(collection, "image:a image:b", recipe=Recipe(name="sum", compose="sum"))
    assert centred.item_ids[0] == summed.item_ids[0] == "x"
    # what all of them share speaks for z in the plain sum, and much less where the mean is taken away first
    assert summed[-1].score == pytest.approx(0.792172, abs=1e-3) and centred[-1].score < 0.5
    assert centred[0].score > 2 * centred[-1].score


def test_references_are_left_out_and_not_counted(pictures: Collection, encoder_for: Callable) -> None:
    result = run(pictures, "image:p00 -image:p01 image:p00^2", encoder_for=encoder_for)
    assert encoder_for.asked == []  # stored vectors need no encoder
    assert (len(result), result.matched, result.total) == (22, 22, 24)
    assert not {"p00", "p01"} & set(result.item_ids)
    assert result[0].item_id == "p12"  # the other red one
    filtered = run(pictures, "image:p00", where="colour = red")
    assert (filtered.item_ids, filtered.matched) == (("p12",), 1)
    assert run(pictures, "image:p01", where="colour = red").matched == 2


def test_references_can_be_ranked_too(pictures: Collection, encoder_for: Callable) -> None:
    line = "image:p00 -image:p01 red"
    without = run(pictures, line, encoder_for=encoder_for)
    kept = run(pictures, line, encoder_for=encoder_for, keep_references=True)
    assert (len(without), without.matched, len(kept), kept.matched) == (22, 22, 24, 24)
    assert set(kept.item_ids[:2]) == {"p00", "p12"} and set(kept.item_ids[-2:]) == {"p01", "p13"}  # their colours' twins
    assert [hit.item_id for hit in kept if hit.item_id not in ("p00", "p01")] == list(without.item_ids)


def test_uploads_are_encoded(pictures: Collection, encoder_for: Callable, fake_encoder: fakes.FakeEncoder) -> None:
    upload = pictures.keep_upload(pictures.original_path("p04").read_bytes())
    result = run(pictures, f"upload:{upload}", 2, encoder_for=encoder_for)
    assert set(result.item_ids) == {"p04", "p16"}  # an upload is no item: its twin is an answer
    assert result[0].score == pytest.approx(1, abs=0.02)
    mixed = run(pictures, f"upload:{upload} -image:p04 red", 2, encoder_for=encoder_for)
    assert "p04" not in mixed.item_ids
    with pytest.raises(NotFound, match="upload it again"):
        run(pictures, "upload:" + "0" * 32, encoder_for=encoder_for)


def test_images_alone_use_the_recipe_s_space_and_words_the_joint_one(pictures: Collection, encoder_for: Callable,
                                                                    fake_encoder: fakes.FakeEncoder) -> None:
    visual = Recipe(name="v", set=vector_sets(fake_encoder)[1].set_id)
    upload = pictures.keep_upload(pictures.original_path("p04").read_bytes())
    for line, space in (("image:p00", "visual"), (f"upload:{upload}", "visual"), ("image:p00 red", "joint"),
                        ("red", "joint")):
        result = run(pictures, line, 3, recipe=visual, encoder_for=encoder_for)
        assert (result.space, result.recipe) == (space, "v")


@pytest.mark.parametrize(("where", "n"), [("colour = red", 2), ("price >= 200 and sold = true", 2), ("tag = best", 3),
                                          ("colour = nothing", 0), ("", 24)])
def test_filters_then_exact_on_the_subset(pictures: Collection, encoder_for: Callable, where: str, n: int) -> None:
    everything = run(pictures, "red -green", encoder_for=encoder_for)
    result = run(pictures, "red -green", where=where, encoder_for=encoder_for)
    passing = set(pictures.ids()) if not where else set(matching(pictures, parse("", where)))
    assert (len(result), result.matched, result.total) == (n, n, 24)
    assert [h for h in result.item_ids] == [h for h in everything.item_ids if h in passing]
    assert {h.item_id: h.score for h in result} == {h.item_id: h.score for h in everything if h.item_id in passing}


def test_literals_filter(pictures: Collection, encoder_for: Callable) -> None:
    assert set(run(pictures, "thing caption:RED", encoder_for=encoder_for).item_ids) == {"p00", "p12"}
    assert run(pictures, "thing -caption:thing", encoder_for=encoder_for).item_ids == ("p07",)
    assert run(pictures, "thing file:0003-yel", encoder_for=encoder_for).item_ids == ("p03",)
    assert run(pictures, 'x caption:"thing red"', encoder_for=encoder_for).matched == 0
    assert run(pictures, 'x caption:"a* OR b"', encoder_for=encoder_for).matched == 0  # FTS5 syntax is only text


@pytest.mark.parametrize("k", [0, 1, 7, 24, 1000])
def test_exactly_the_smaller_of_k_and_matched(pictures: Collection, encoder_for: Callable, k: int) -> None:
    assert len(run(pictures, "red", k, encoder_for=encoder_for)) == min(k, 24)


def test_pages_continue_one_ranking(pictures: Collection, encoder_for: Callable) -> None:
    whole = run(pictures, "red -blue", encoder_for=encoder_for)
    pages = [run(pictures, "red -blue", 7, offset=at, encoder_for=encoder_for) for at in range(0, 30, 7)]
    assert [hit for page in pages for hit in page] == list(whole)


def test_without_terms_it_browses(pictures: Collection) -> None:
    result = run(pictures, "", 3, where="sold = true")
    assert (result.plan, result.item_ids, result.matched, result.total) == ("browse", ("p00", "p02", "p04"), 12, 24)


def test_trashed_items_are_gone_and_come_back(pictures: Collection, encoder_for: Callable) -> None:
    pictures.trash_items(["p00"])
    result = run(pictures, "red", encoder_for=encoder_for)
    assert ("p00" in result.item_ids, result.total, result.matched) == (False, 23, 23)
    with pytest.raises(NotFound, match="p00"):
        run(pictures, "image:p00")
    pictures.restore_items(["p00"])
    assert "p00" in run(pictures, "red", 2, encoder_for=encoder_for).item_ids


def test_images_that_are_not_encoded_yet_are_said(pictures: Collection, encoder_for: Callable) -> None:
    pictures.commit([new_item("late", meta={"colour": "red"})])
    result = run(pictures, "red", encoder_for=encoder_for)
    assert (result.total, result.matched) == (24, 24) and "1 image has no vector" in result.warnings[0]
    assert "1 image has no vector" in run(pictures, "red", where="colour = red", encoder_for=encoder_for).warnings[0]
    assert run(pictures, "red", where="colour = blue", encoder_for=encoder_for).warnings == ()
    with pytest.raises(NotFound, match="has no vector yet"):
        run(pictures, "image:late")


def test_what_cannot_be_answered_is_said(pictures: Collection, encoder_for: Callable, brought: Callable,
                                         fake_encoder: fakes.FakeEncoder) -> None:
    with pytest.raises(QueryError, match="cancel each other"):
        run(pictures, "image:p00 -image:p00")
    with pytest.raises(NotFound, match="is not in this collection"):
        run(pictures, "image:nowhere")
    with pytest.raises(QueryError, match="did you mean colour"):
        run(pictures, "red", where="color = 3", encoder_for=encoder_for)
    with pytest.raises(InputError, match="-1"):
        run(pictures, "red", -1, encoder_for=encoder_for)
    with pytest.raises(InputError, match="hub correction"):
        run(pictures, "red", recipe=Recipe(hub=HubSetting("dis")), encoder_for=encoder_for)
    with pytest.raises(NotFound):
        run(pictures, "image:p00", recipe=Recipe(set="nothing-1"))
    other = type("Other", (fakes.FakeEncoder,), {"fingerprint": "0ther"})()
    with pytest.raises(EncoderError, match="0ther"):
        run(pictures, "red", encoder_for=lambda name: other)
    wordless = brought({"a": [1, 0], "b": [0, 1]})
    with pytest.raises(QueryError, match="Search by example"):
        run(wordless, "red")
    assert run(wordless, "image:a").item_ids == ("b",)


def test_another_set_with_text_answers_words(
    brought: Callable, encoder_for: Callable, fake_encoder: fakes.FakeEncoder
) -> None:
    collection = brought({"a": [1, 0], "b": [0, 1]})
    joint = vector_sets(fake_encoder)[0]
    collection.add_set(joint)
    collection.commit(vectors={joint.set_id: (["a", "b"], fake_encoder.encode_texts(["red", "blue"]))})
    result = run(collection, "blue", encoder_for=encoder_for)
    assert result.item_ids == ("b", "a") and joint.set_id in result.warnings[0]


def test_a_set_without_rows(home: object, fake_encoder: fakes.FakeEncoder, encoder_for: Callable) -> None:
    collection = Collection.create("Empty")
    assert len(run(collection, "")) == 0
    with pytest.raises(NotFound):
        run(collection, "red", encoder_for=encoder_for)
    collection.add_set(vector_sets(fake_encoder)[0])
    result = run(collection, "red", encoder_for=encoder_for)
    assert (len(result), result.total, result.matched) == (0, 0, 0)


def test_folding_shows_each_group_once_and_never_shortens(brought: Callable) -> None:
    near = {f"a{n}": [1, 0.001 * n, 0] for n in range(6)}
    far = {f"b{n}": [1, 0.1 * (n + 1), 0] for n in range(6)}
    collection = brought({"q": [1, 0, 0.0], **near, **far})
    collection.set_folds({item_id: "a0" for item_id in near})
    recipe = Recipe(name="folded", fold=True)
    result = run(collection, "image:q", 4, recipe=recipe)
    assert result.item_ids == ("a0", "b0", "b1", "b2") and result.matched == 12
    assert result[0].alike == ("a1", "a2", "a3", "a4", "a5") and result[1].alike == ()
    assert [hit.rank for hit in result] == [1, 2, 3, 4]
    assert run(collection, "image:q", 2, offset=2, recipe=recipe).item_ids == ("b1", "b2")
    assert len(run(collection, "image:q", 100, recipe=recipe)) == 7
    some = run(collection, "image:q", 1, where="id in ('a4', 'a2', 'b5')", recipe=recipe)
    assert (some.item_ids, some[0].alike) == (("a2",), ("a4",))
    collection.decide_fold(["a3"], "keep")
    collection.decide_fold(["a0"], "remove")
    result = run(collection, "image:q", 3, recipe=recipe)
    assert result.item_ids == ("a1", "a3", "b0")
    assert result[0].alike == ("a0", "a2", "a4", "a5")
    assert run(collection, "image:q", 3, where="id = a0", recipe=recipe).item_ids == ("a0",)
    twin = run(collection, "image:a1", 1, recipe=recipe)[0]
    assert (twin.item_id, twin.alike) == ("a2", ("a0", "a4", "a5"))  # the reference itself is nowhere


def test_vectors_of_terms_are_kept_by_weights(pictures: Collection, encoder_for: Callable) -> None:
    run(pictures, "magenta", 1, encoder_for=encoder_for)
    silent = type("Silent", (fakes.FakeEncoder,), {"encode_texts": None})()
    assert len(run(pictures, "magenta", 1, encoder_for=lambda name: silent)) == 1
    with pytest.raises(TypeError):
        run(pictures, "something else", 1, encoder_for=lambda name: silent)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1))
def test_any_composed_query_agrees_with_an_oracle(pictures: Collection, encoder_for: Callable, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.2, 2, 4) * np.append(rng.choice([-1, 1], 3), 1)
    terms = [Term("item", f"p{n:02d}", float(w)) for n, w in zip(rng.permutation(24), weights[:3])]
    terms.append(Term("text", str(rng.choice(list(fakes.COLOURS))), float(weights[3])))
    result = engine.run(pictures, Query(tuple(terms)), 24, encoder_for=encoder_for)
    view = pictures.view()
    rows = view.matrix.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    mean = view.mean.astype(np.float64)
    total = 0
    for term in terms:
        if term.kind == "item":
            part = rows[view.position(term.value)] - mean
            total = total + term.weight * part / np.linalg.norm(part)
        else:
            total = total + term.weight * fakes.FakeEncoder().encode_texts([term.value])[0].astype(np.float64)
    scores = rows @ (total / np.linalg.norm(total))
    for hit in result:
        assert hit.score == pytest.approx(scores[view.position(hit.item_id)], abs=2e-6)
    assert [h.score for h in result] == sorted((h.score for h in result), reverse=True)
    assert dataclasses.replace(result, timings={}) == dataclasses.replace(
        engine.run(pictures, Query(tuple(terms)), 24, encoder_for=encoder_for), timings={})


def test_an_upload_for_vectors_that_came_without_an_encoder(pictures: Collection, encoder_for: Callable) -> None:
    ids = sorted(pictures.ids())
    brought = VectorSet("brought", sets.NO_ENCODER, "0" * 16, "", "joint", 8, has_text=False)
    pictures.add_set(brought)
    rng = np.random.default_rng(0).standard_normal((len(ids), 8)).astype(np.float32)
    pictures.commit((), {"brought": (ids, rng / np.linalg.norm(rng, axis=1, keepdims=True))})
    line = f"upload:{pictures.keep_upload(pictures.original_path(ids[3]).read_bytes())}"
    active = pictures.set().set_id
    pictures.activate("brought")
    # Another set has an encoder: it answers, and the answer says so.
    result = run(pictures, line, 3, encoder_for=encoder_for)
    assert result.hits[0].item_id in (ids[3], ids[15])
    assert result.warnings == (f"Answered with {active}: the active vectors, brought, came without an encoder.",)
    with pytest.raises(QueryError, match="the vectors brought came without an encoder"):
        run(pictures, line, 3, recipe=Recipe(set="brought"))
