"""Groups on the map and their names."""

from __future__ import annotations

import numpy as np

from core.atlas import clusters
from core.types import MapFit
from tests.graph.fakes import FakeCollection


def three_heaps(n_each: int = 30) -> MapFit:
    rng = np.random.default_rng(0)
    sizes = (n_each * 2, n_each, n_each)
    coords = np.vstack([rng.normal(at, 0.3, (size, 2)) for at, size in zip([(0, 0), (9, 0), (0, 9)], sizes, strict=True)])
    ids = np.array([f"i{j:04d}" for j in range(len(coords))])
    return MapFit("s", 4, ids, coords.astype(np.float32), "umap", np.ones(len(coords), bool))


def test_heaps_are_found_largest_first_and_named_by_their_words():
    fit = three_heaps()
    words = ["a red car on the road"] * 60 + ["a white cat on a sofa"] * 30 + ["a dog on the road"] * 30
    found = clusters.clusters(fit, {item_id: [text] for item_id, text in zip(fit.item_ids, words, strict=True)})
    sizes = np.bincount(found.labels[found.labels >= 0])
    assert len(found.names) == 3 and sizes[0] > 50 and sizes.tolist() == sorted(sizes, reverse=True)
    by_first = {found.values[0]: "car", found.values[61]: "cat", found.values[95]: "dog"}
    assert all(name and word in name for name, word in by_first.items())


def test_without_captions_groups_are_numbered():
    found = clusters.clusters(three_heaps())
    assert found.names == ("group 1", "group 2", "group 3")


def test_names_stand_on_an_item_of_their_group():
    fit = three_heaps()
    made = clusters.Clusters(fit.item_ids, np.repeat([0, 1, 2], [60, 30, 30]).astype(np.int32), ("car", "cat", "group 3"))
    places = made.middles(fit)
    assert [name for *_, name in places] == ["car", "cat"]
    assert any(np.allclose(places[1][:2], point) for point in fit.coords[60:90])
    assert abs(places[1][0] - 9) < 1 and made.middles(fit, most=1) == places[:1]


def test_small_maps_have_no_groups():
    fit = three_heaps(2)
    found = clusters.clusters(fit)
    assert found.names == () and set(found.labels) == {-1} and found.values == [None] * 8


def test_distinctive_words_by_hand():
    groups = [["a red car", "a blue car"], ["a red dog", "the dog runs"], []]
    # "car" and "dog" stand twice in one group only; "red" is shared; ties go by alphabet
    assert clusters.distinctive_words(groups, 2) == [["car", "blue"], ["dog", "runs"], []]


def test_equal_names_are_told_apart():
    fit = three_heaps()
    found = clusters.clusters(fit, {str(item_id): ["a fish"] for item_id in fit.item_ids})
    assert found.names == ("fish", "fish (2)", "fish (3)")


def test_saved_and_loaded_groups_are_the_same():
    collection, made = FakeCollection(), clusters.clusters(three_heaps())
    assert clusters.load(collection) is None
    clusters.save(collection, made, "fake-1", 4)
    again = clusters.load(collection)
    assert again.names == made.names and again.labels.tolist() == made.labels.tolist()
    assert again.item_ids.tolist() == made.item_ids.tolist()
