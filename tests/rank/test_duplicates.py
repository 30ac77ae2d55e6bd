"""The threshold for near-duplicates: hand-computed, and found on real pictures by the tiny encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.encode import vector_sets
from core.errors import InputError
from core.graph import knn
from core.rank import duplicates
from core.rank.duplicates import calibrate_threshold, copies_of, identical_items, refresh
from core.rank.fold import load
from core.store import Collection
from tests import fakes
from tests.search.conftest import new_item


def pairs(cosines: list[float]) -> tuple[np.ndarray, np.ndarray]:
    c = np.array(cosines)
    return np.tile([1.0, 0.0], (len(c), 1)), np.stack([c, np.sqrt(1 - c**2)], axis=1)


def test_the_rule_by_hand() -> None:
    copies = [0.95 + 0.002 * n for n in range(21)]  # 0.95 .. 0.99; 95 % of 21 reach the second lowest
    found = calibrate_threshold(*pairs(copies), np.array([0.5, 0.6, 0.7, 0.8]))
    assert found.threshold == pytest.approx(0.9519, abs=1e-9) and not found.strict
    assert found.caught == pytest.approx(20 / 21) and found.linked == 0 and found.n_copies == 21


def test_an_encoder_that_cannot_tell_lookalikes_gets_a_stricter_threshold() -> None:
    copies = [0.95 + 0.002 * n for n in range(21)]
    found = calibrate_threshold(*pairs(copies), np.array([0.96] * 20 + [0.5] * 80))
    assert found.strict and found.threshold == pytest.approx(0.9699, abs=1e-9)  # the median copy, 0.97
    assert found.linked == 0 and found.caught == pytest.approx(11 / 21)


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
