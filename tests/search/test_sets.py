"""Which vectors answer: words need the joint space, images alone are compared by looks, and nothing is lost silently."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from core.encode import vector_sets
from core.errors import NotFound
from core.search.recipes import BUILT_IN
from core.search.sets import by_looks, visual_of
from core.store import Collection
from core.types import Recipe
from tests import fakes
from tests.search.conftest import new_item
from tests.search.test_engine import run


@pytest.fixture
def spaces(fake_encoder: fakes.FakeEncoder):  # noqa: ANN201
    return vector_sets(fake_encoder)


@pytest.mark.parametrize(
    ("line", "space"),
    [
        ("image:p00", "visual"),
        ("-image:p00", "visual"),
        ("image:p00 image:p04^2 -image:p01^0.5", "visual"),
        ("UPLOAD", "visual"),
        ("UPLOAD -image:p01", "visual"),
        ("red", "joint"),
        ("red -image:p01", "joint"),
        ("image:p00 -red", "joint"),
        ("UPLOAD red^0.1", "joint"),
    ],
)
def test_the_kinds_of_terms_decide(
    pictures: Collection, encoder_for: Callable, spaces: tuple, line: str, space: str
) -> None:
    line = line.replace("UPLOAD", f"upload:{pictures.keep_upload(pictures.original_path('p04').read_bytes())}")
    result = run(pictures, line, encoder_for=encoder_for)
    chosen = next(s for s in spaces if s.space == space)
    assert (result.space, result.set_id, result.warnings[1:]) == (space, chosen.set_id, ())
    view = pictures.view(chosen.set_id)
    assert result.total == len(view.live) == 24
    # The answer is that of a recipe which names the set: no score comes from anywhere else.
    named = run(pictures, line, recipe=Recipe(set=chosen.set_id), encoder_for=encoder_for)
    assert named.hits == result.hits
    together = run(pictures, line, recipe=BUILT_IN["joint-only"], encoder_for=encoder_for)
    assert together.set_id == spaces[0].set_id
    assert (together.hits == result.hits) is (space == "joint")


def test_scores_are_cosines_in_that_space(pictures: Collection, spaces: tuple) -> None:
    view = pictures.view(spaces[1].set_id)
    rows = view.rows(view.positions(["p00"]))
    for hit in run(pictures, "image:p00"):
        cosine = float(view.rows(view.positions([hit.item_id]))[0] @ rows[0])
        assert hit.score == pytest.approx(cosine, abs=2e-6) and sum(hit.terms) == pytest.approx(hit.score, abs=1e-5)


def test_filters_and_folding_work_there_too(pictures: Collection, encoder_for: Callable) -> None:
    assert run(pictures, "image:p00", where="colour = red").item_ids == ("p12",)
    pictures.set_folds({"p02": "p02", "p14": "p02"})
    folded = run(pictures, "image:p00", 23, recipe=BUILT_IN["folded"])
    assert (folded.space, len(folded)) == ("visual", 22)


def test_until_every_image_has_a_visual_vector_meaning_answers_and_says_so(
    pictures: Collection, encoder_for: Callable, fake_encoder: fakes.FakeEncoder, spaces: tuple
) -> None:
    joint, visual = spaces
    before = run(pictures, "image:p00")
    path = pictures.original_path("p00")
    pictures.commit([new_item("late")], {joint.set_id: (["late"], fake_encoder.encode_images([path]))})
    result = run(pictures, "image:p01")
    assert (result.space, result.total, "late" in result.item_ids) == ("joint", 25, True)
    assert result.warnings == (
        "Compared by meaning, not by looks: 1 image has no vector in the visual space yet.",
    )
    assert run(pictures, "image:late", 1)[0].item_id in ("p00", "p12")  # it can be asked with, too
    assert run(pictures, "red", encoder_for=encoder_for).warnings == ()  # no matter for words
    assert by_looks(pictures, joint) == (joint, 1)
    pictures.trash_items(["late"])
    assert run(pictures, "image:p00").hits == before.hits
    pictures.restore_items(["late"])
    pictures.commit((), {visual.set_id: (["late"], fake_encoder.encode_visual([path]))})
    result = run(pictures, "image:p01")
    assert (result.space, result.total, result.warnings) == ("visual", 25, ())


def test_an_image_without_any_vector_is_said_in_both_spaces(pictures: Collection) -> None:
    pictures.commit([new_item("new")])
    result = run(pictures, "image:p00")
    assert result.space == "visual" and "1 image has no vector" in result.warnings[0]
    with pytest.raises(NotFound, match="has no vector yet"):
        run(pictures, "image:new")


def test_only_vectors_of_the_same_making_belong_together(pictures: Collection, spaces: tuple) -> None:
    joint, visual = spaces
    assert visual_of(pictures, joint) == pictures.set(visual.set_id)
    for changed in ({"weights": "other"}, {"preprocessing": "crop"}, {"precision": "bfloat16"}, {"encoder": "none"}):
        assert visual_of(pictures, dataclasses.replace(joint, **changed)) is None
    newer = dataclasses.replace(joint, set_id="newer", weights="newer")
    pictures.add_set(newer)
    view = pictures.view(joint.set_id)
    pictures.commit((), {"newer": (view.item_ids.tolist(), view.rows(view.live))})
    pictures.activate("newer")
    result = run(pictures, "image:p00")
    assert (result.space, result.set_id, result.warnings) == ("joint", "newer", ())


def test_a_removed_visual_set_is_not_used(pictures: Collection, spaces: tuple) -> None:
    pictures.remove_set(spaces[1].set_id)
    result = run(pictures, "image:p00")
    assert (result.space, result.warnings) == ("joint", ())


def test_browsing_compares_nothing(pictures: Collection) -> None:
    assert run(pictures, "").set_id == ""
