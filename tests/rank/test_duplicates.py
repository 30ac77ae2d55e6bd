"""The threshold for near-duplicates: hand-computed, and found on real pictures by the tiny encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.encode import vector_sets
from core.errors import InputError
from core.graph import knn
from core.ingest.images import thumbnail
from core.rank import duplicates
from core.rank.duplicates import calibrate_threshold, copies_of, identical_items, refresh
from core.rank.fold import load
from core.rank.pictures import DEFAULT_DIFFERENCE, difference, look
from core.store import Collection
from tests import fakes
from tests.search.conftest import new_item


def pairs(cosines: list[float]) -> tuple[np.ndarray, np.ndarray]:
    c = np.array(cosines)
    return np.tile([1.0, 0.0], (len(c), 1)), np.stack([c, np.sqrt(1 - c**2)], axis=1)


def test_the_rule_by_hand() -> None:
    copies = [0.95 + 0.002 * n for n in range(21)]  # 0.95 .. 0.99; 95 % of 21 reach the second lowest
    found = calibrate_threshold(*pairs(copies), np.array([0.5, 0.6, 0.7, 0.8]))
    assert found.threshold == pytest.approx(0.9519, abs=1e-9)
    assert found.caught == pytest.approx(20 / 21) and found.linked == 0 and found.n_copies == 21


def test_how_much_copies_may_differ_to_the_eye() -> None:
    def most(differences: list[float]) -> float:
        return calibrate_threshold(*pairs([0.99] * len(differences)), np.array([]), np.array(differences)).difference

    assert most([0.02] * 9) == pytest.approx(0.03)
    assert most([0.001] * 9) == pytest.approx(0.02) and most([0.2] * 9) == pytest.approx(0.06)
    assert calibrate_threshold(*pairs([0.99]), np.array([])).difference == DEFAULT_DIFFERENCE


def test_bounds() -> None:
    assert calibrate_threshold(*pairs([0.2] * 9), np.array([])).threshold == pytest.approx(0.9, abs=1e-3)
    assert calibrate_threshold(*pairs([1.0] * 9), np.array([])).threshold == pytest.approx(0.9999, abs=1e-3)
    with pytest.raises(InputError, match="no pairs"):
        calibrate_threshold(np.empty((0, 2)), np.empty((0, 2)), np.array([]))
    with pytest.raises(InputError, match="no pairs"):
        calibrate_threshold(np.ones((2, 2)), np.ones((3, 2)), np.array([]))


def test_copies_have_the_same_motif_and_other_bytes() -> None:
    _, picture = fakes.make_picture(3)
    made = copies_of(picture)
    assert [copy.size for copy in made] == [(64, 64), (32, 32), (64, 64)] and all(copy.mode == "RGB" for copy in made)
    difference = np.abs(np.asarray(made[0], int) - np.asarray(picture, int))
    assert 0 < difference.mean() < 8


def test_a_copy_among_the_pictures_is_found_and_a_decision_stays(
    home: Path, tmp_path: Path, fake_encoder: fakes.FakeEncoder, make_images: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = Collection.create("Copies")
    joint = vector_sets(fake_encoder)[0]
    collection.add_set(joint)
    paths = make_images(tmp_path / "p", 12)
    copies_of(fakes.make_picture(4)[1])[1].save(tmp_path / "p" / "copy.png")
    paths.append(tmp_path / "p" / "copy.png")
    ids = [f"p{n:02d}" for n in range(13)]
    twins = [new_item("twin", sha256="x"), new_item("twin2", sha256="x")]
    collection.commit([new_item(i, path=str(p)) for i, p in zip(ids, paths)] + twins,
                      {joint.set_id: (ids, fake_encoder.encode_images(paths))})
    collection.activate(joint.set_id)
    view = collection.view()
    graph = knn.build(view)
    found = refresh(collection, view, graph, fake_encoder)
    assert found.n_copies == 39 and found.caught >= 0.9
    assert identical_items(collection) == [("twin", "twin2")]
    folds = load(collection)
    assert folds.group_of["p04"] == folds.group_of["p12"] == "p04"
    assert folds.group_of["twin2"] == "twin"
    assert "p00" not in folds.group_of  # a red one is like no other
    collection.decide_fold(["p12"], "keep")
    monkeypatch.setattr(duplicates, "calibrate", None)  # it is made once for a vector set
    assert refresh(collection, view, graph, fake_encoder) == found
    assert load(collection).decisions == {"p12": "keep"} and load(collection).group("p12") is None


def test_without_originals_or_encoder_the_default_is_used(home: Path, fake_encoder: fakes.FakeEncoder) -> None:
    collection = Collection.create("Lost")
    joint = vector_sets(fake_encoder)[0]
    collection.add_set(joint)
    ids = ["a", "b", "c"]
    vectors = fake_encoder.encode_texts(["red", "red", "blue"])
    collection.commit([new_item(i) for i in ids], {joint.set_id: (ids, vectors)})
    collection.activate(joint.set_id)
    view = collection.view()
    for encoder in (fake_encoder, None):
        assert refresh(collection, view, knn.build(view), encoder).threshold == duplicates.DEFAULT
        assert load(collection).group_of == {"a": "a", "b": "a"}


def test_pictures_are_compared_where_they_differ_most() -> None:
    white = Image.new("RGB", (64, 48), "white")
    corner = white.copy()
    corner.paste("black", (0, 0, 8, 6))  # one of the 64 patches
    seen = [look(image).pixels[None] for image in (white, corner, Image.new("RGB", (64, 48), "black"))]
    assert difference(seen[0], seen[0])[0] == 0
    assert difference(seen[0], seen[2])[0] == pytest.approx(1)
    assert difference(seen[0], seen[1])[0] > 0.8


def test_pictures_that_only_the_encoder_cannot_tell_apart_are_not_folded(
    home: Path, fake_encoder: fakes.FakeEncoder
) -> None:
    """Shirts with another print, emoji with another hat: one vector, and not one picture."""
    plain = Image.new("RGB", (320, 320), "white")
    plain.paste((200, 30, 30), (60, 60, 260, 260))
    printed, wide = plain.copy(), plain.resize((320, 200))
    printed.paste("black", (120, 120, 180, 180))
    copy = copies_of(plain)[1]
    collection = Collection.create("Shirts")
    joint = vector_sets(fake_encoder)[0]
    collection.add_set(joint)
    ids = ["copy", "plain", "printed", "wide"]
    items = [replace(new_item(i), thumbnail=thumbnail(image)) for i, image in zip(ids, (copy, plain, printed, wide))]
    collection.commit(items, {joint.set_id: (ids, fake_encoder.encode_texts(["red"] * 4))})
    collection.activate(joint.set_id)
    view = collection.view()
    refresh(collection, view, knn.build(view), fake_encoder)
    assert load(collection).group_of == {"copy": "copy", "plain": "copy"}
