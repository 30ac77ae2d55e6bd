"""The benchmarks' figures against worked examples, published fixtures, invariants and a second way of counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.judge.judgments import Consolidated
from core.judge.protocols import instances, recalls, revisited, splits
from core.metrics.precision import Graded

# ---------------------------------------------------------------- recall, both ways


def test_recall_by_hand():
    assert recalls.recall_at([1, 3, None, 6], (1, 5, 10)) == {"R@1": 25.0, "R@5": 50.0, "R@10": 75.0}
    with pytest.raises(InputError):
        recalls.recall_at([], (1,))


def test_two_way_by_hand():
    # Captions 0 and 1 are of image 0, caption 2 of image 1; image 2 has none.
    scores = np.array([[0.9, 0.1, 0.5], [0.2, 0.8, 0.3], [0.4, 0.3, 0.6]])
    t2i, i2t = recalls.two_way_ranks(scores, np.array([0, 0, 1]))
    assert t2i.tolist() == [1, 3, 3]
    # Image 0: caption 0 is first. Image 1: .8 .3 .1, its own is second.
    assert i2t.tolist() == [1, 2, 0]
    out = recalls.two_way(t2i, i2t)
    assert (out["t2i R@1"], out["t2i R@5"], out["i2t R@1"], out["i2t R@10"]) == (pytest.approx(100 / 3), 100.0, 50.0, 100.0)
    assert (out["t2i MedR"], out["t2i MeanR"]) == (3.0, pytest.approx(7 / 3))
    assert (out["i2t MedR"], out["i2t MeanR"]) == (1.0, 1.5)  # floor(median(0, 1)) + 1
    assert out["rsum"] == pytest.approx(100 / 3 + 200 + 50 + 200)


def test_two_way_ties_and_not_found():
    t2i, i2t = recalls.two_way_ranks(np.zeros((3, 3)), np.array([0, 1, 2]))
    assert t2i.tolist() == i2t.tolist() == [1, 2, 3]
    t2i, _ = recalls.two_way_ranks(np.array([[0.5, -np.inf, 0.1]]), np.array([1]))
    assert t2i.tolist() == [3]
    with pytest.raises(InputError):
        recalls.two_way_ranks(np.zeros((2, 2)), np.array([0, 2]))


def test_perfect_scores_give_600():
    eye = np.repeat(np.eye(20), 5, axis=0)
    out = recalls.two_way(*recalls.two_way_ranks(eye, np.repeat(np.arange(20), 5)))
    assert out["rsum"] == 600.0 and out["t2i MedR"] == 1.0
    folds = recalls.two_way_in_folds(eye, np.repeat(np.arange(20), 5), 4)
    assert folds == out


def test_folds_are_smaller_galleries():
    rng = np.random.default_rng(0)
    scores, owner = rng.random((50, 10)), np.repeat(np.arange(10), 5)
    by_hand = []
    for part in range(5):
        images = [2 * part, 2 * part + 1]
        rows = [c for c in range(50) if owner[c] in images]
        by_hand.append(np.mean([scores[c, owner[c]] == scores[c, images].max() for c in rows]))
    assert recalls.two_way_in_folds(scores, owner, 5)["t2i R@1"] == pytest.approx(100 * np.mean(by_hand))
    with pytest.raises(InputError):
        recalls.two_way_in_folds(scores, owner, 11)


@given(st.integers(2, 7), st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_transposing_swaps_the_directions_with_one_caption_each(n, seed):
    scores = np.random.default_rng(seed).permutation(n * n).reshape(n, n).astype(float)
    a, b = recalls.two_way_ranks(scores, np.arange(n)), recalls.two_way_ranks(scores.T, np.arange(n))
    assert (a[0] == b[1]).all() and (a[1] == b[0]).all()


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_parity_with_sorting_as_the_evaluators_do(n, each, seed):
    """i2t: the best place of an own caption in the sorted list; t2i: the place of the image."""
    scores, owner = np.random.default_rng(seed).random((n * each, n)), np.repeat(np.arange(n), each)
    t2i, i2t = recalls.two_way_ranks(scores, owner)
    for c in range(n * each):
        assert t2i[c] == 1 + np.argsort(-scores[c]).tolist().index(owner[c])
    for i in range(n):
        order = np.argsort(-scores[:, i]).tolist()
        assert i2t[i] == 1 + min(order.index(c) for c in range(i * each, (i + 1) * each))


# ---------------------------------------------------------------- composed


def test_cirr_by_hand():
    out = recalls.cirr([1, 5, 51, None], [1, 3, 2, None])
    assert (out["R@1"], out["R@5"], out["R@10"], out["R@50"]) == (25.0, 50.0, 50.0, 50.0)
    assert (out["Rs@1"], out["Rs@2"], out["Rs@3"]) == (25.0, 50.0, 75.0)
    assert out["(R@5 + Rs@1) / 2"] == 37.5
    with pytest.raises(InputError):
        recalls.cirr([1], [])


def test_categories_count_alike_whatever_their_size():
    out = recalls.by_category([1, 60, 60, 60], ["dress", "shirt", "shirt", "shirt"], (10, 50))
    assert out == {"R@10": 50.0, "R@50": 50.0, "dress R@10": 100.0, "dress R@50": 100.0, "shirt R@10": 0.0, "shirt R@50": 0.0}
    assert recalls.by_category([1, None], ["", ""], (10,)) == {"R@10": 50.0}


def test_chance():
    assert recalls.chance_at([15, 15], (1, 2, 3)) == pytest.approx({"R@1": 100 / 15, "R@2": 200 / 15, "R@3": 20.0})
    assert recalls.chance_at([2, 4], (3,)) == {"R@3": 87.5}


# ---------------------------------------------------------------- instances (fixtures of the Landmarks v2 metrics)

SOLUTION = {"q1": {"f10", "f20"}, "q2": {"f10"}, "q3": {"f30", "f40", "f50"}, "q4": {"f30"}}
PREDICTED = {"q2": ["f00", "f10"], "q3": ["f40"], "q4": ["f30", "f40"]}
LABELS = {"a": {0, 12}, "b": {100, 200, 300}, "c": {1}, "d": set(), "e": set()}
GUESSES = {"b": (0, 0.01), "c": (1, 10.0), "d": (150, 15.0)}


def test_landmarks_fixtures():
    assert instances.mean_ap_at(100, SOLUTION, PREDICTED).value == pytest.approx(0.458333, abs=1e-6)
    assert instances.mean_ap_at(1, SOLUTION, PREDICTED).value == pytest.approx(0.5)
    assert instances.global_ap(GUESSES, LABELS) == pytest.approx(0.166667, abs=1e-6)
    assert instances.global_ap(GUESSES, LABELS, ignore_unlabelled=True) == pytest.approx(0.333333, abs=1e-6)
    assert instances.first_hits(SOLUTION, PREDICTED) == (26.25, 1.5)


def test_queries_without_a_right_answer_are_left_out_and_named():
    found = instances.mean_ap_at(50, {"a": {"x"}, "b": set()}, {"a": ["x"]})
    assert (found.value, found.left_out, found.per_query) == (1.0, ("b",), {"a": 1.0})
    assert "min(R, 50)" in found.definition
    assert instances.mean_ap_at(50, {"b": set()}, {}).value is None and instances.global_ap({}, {"d": set()}) is None


def test_inquire_by_hand():
    # rel = 1 0 1, P = 3, k = 5: 0.5556; perfect is 1 even when P > k.
    assert instances.mean_ap_at(5, {"q": set("abc")}, {"q": list("axb")}).value == pytest.approx(0.5556, abs=5e-5)
    assert instances.mean_ap_at(2, {"q": set("abc")}, {"q": list("abx")}).value == 1.0
    assert instances.oracle_at(5, {"q": set("abc")}, {"q": list("xayb")}, 3).value == pytest.approx(1 / 3)
    assert instances.oracle_at(5, {"q": set("abc")}, {"q": list("xayb")}, 4).value == pytest.approx(2 / 3)


@given(st.permutations("abcdefgh"), st.sets(st.sampled_from("abcdefghi"), min_size=1), st.integers(1, 8), st.integers(1, 8))
@settings(deadline=None, max_examples=60)
def test_no_reranking_beats_the_oracle(ranking, relevant, k, from_k):
    ceiling = instances.oracle_at(k, {"q": relevant}, {"q": ranking}, from_k).value
    reranked = list(reversed(ranking[:from_k]))
    assert instances.mean_ap_at(k, {"q": relevant}, {"q": reranked}).value <= ceiling + 1e-12
    tail = [*ranking[:k], *(f"z{i}" for i in range(5))]
    assert instances.mean_ap_at(k, {"q": relevant}, {"q": tail}).value == instances.mean_ap_at(k, {"q": relevant}, {"q": ranking}).value


def test_inp_by_hand():
    assert instances.inverse_negative_penalty("axbyyc", "abc") == pytest.approx(3 / 5)  # the second y is no result
    assert instances.inverse_negative_penalty("axbyzc", "abc") == 0.5
    assert instances.inverse_negative_penalty("ab", "abc") == 0.0 and instances.inverse_negative_penalty("ab", "") is None


# ---------------------------------------------------------------- revisited, from grades


def test_grades_as_easy_hard_and_junk():
    said = [Consolidated("q", item, grade, 1, 0, "judges") for item, grade in (("a", 3), ("b", 2), ("h", 1), ("j", None), ("x", 0))]
    assert revisited.of_grades(said) == {"q": Graded(frozenset("ab"), frozenset("h"), frozenset("j"))}
    table = revisited.measure({"q": "jhxab"}, said)
    # Easy: x a b: ((0 + 1/2) / 2 + (1/2 + 2/3) / 2) / 2. Hard: h x: 1.
    assert table["easy"]["mAP"] == pytest.approx((0.25 + 7 / 12) / 2) and table["hard"]["mAP"] == 1.0
    assert table["medium"]["mAP"] == pytest.approx((1 + (1 / 2 + 2 / 3) / 2 + (2 / 3 + 3 / 4) / 2) / 3)
    assert table["medium"]["mP@5"] == pytest.approx(3 / 4) and "junk" in revisited.DEFINITION


# ---------------------------------------------------------------- pools


def _world(n=12, each=2, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(n, 4))
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    captions = np.repeat(images, each, axis=0) + rng.normal(scale=0.6, size=(n * each, 4))
    return images, captions @ images.T, np.repeat(np.arange(n), each)


# ---------------------------------------------------------------- splits


def _blobs(each=12, kinds=4, seed=1):
    rng = np.random.default_rng(seed)
    centres = np.eye(8)[:kinds]
    rows = np.repeat(centres, each, axis=0) + rng.normal(scale=0.05, size=(each * kinds, 8))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), np.repeat(np.arange(kinds), each)


def test_buckets_find_the_kinds_and_are_the_same_again():
    vectors, kind = _blobs()
    label = splits.buckets(vectors, 4, seed=3)
    assert len({(a, b) for a, b in zip(label.tolist(), kind.tolist())}) == 4  # one bucket a kind
    assert (label == splits.buckets(vectors, 4, seed=3)).all()
    with pytest.raises(InputError, match="1 different query cannot be put into 5 buckets"):
        splits.buckets(np.ones((9, 2)))


@given(st.integers(0, 10**6), st.integers(2, 6))
@settings(deadline=None, max_examples=40)
def test_folds_are_disjoint_covering_and_of_one_size(seed, k):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(40, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    label = splits.buckets(vectors, k, seed=seed)
    assert set(label.tolist()) == set(range(k))
    is_test = rng.random(40) < 0.3
    found = splits.folds(label, is_test, seed)
    test = np.flatnonzero(is_test)
    assert sorted(np.concatenate([fold.extrapolation for fold in found]).tolist()) == test.tolist()
    assert len({len(fold.train) for fold in found}) == 1
    for fold in found:
        assert not set(fold.train) & set(test) and not set(label[fold.train]) & set(label[fold.extrapolation])
        assert sorted([*fold.interpolation, *fold.extrapolation]) == test.tolist()


def test_a_head_that_memorises_shows_a_gap_and_a_frozen_one_does_not():
    vectors, kind = _blobs(each=20)
    rng = np.random.default_rng(0)
    is_test = rng.random(len(kind)) < 0.5
    memory, frozen, apart_memory, apart_frozen = {}, {}, {}, {}
    noise = {q: float(rng.random()) for q in range(len(kind))}
    for fold in splits.folds(splits.buckets(vectors, 4), is_test):
        for positions, out, still in ((fold.interpolation, memory, frozen), (fold.extrapolation, apart_memory, apart_frozen)):
            for q in positions.tolist():
                right = kind[fold.train[np.argmax(vectors[fold.train] @ vectors[q])]] == kind[q]  # 1-NN over training queries
                if out is memory:
                    out.setdefault(str(q), []).append(float(right))
                    still.setdefault(str(q), []).append(noise[q])
                else:
                    out[str(q)], still[str(q)] = float(right), noise[q]
    assert splits.gap(memory, apart_memory).low > 0.8
    same = splits.gap(frozen, apart_frozen)
    assert same.value == pytest.approx(0.0) and same.low <= 1e-12 and same.high >= -1e-12
    with pytest.raises(InputError):
        splits.gap({}, {"q": 1.0})


def test_near_and_far_training_sets():
    vectors, kind = _blobs(each=10)
    near, far = splits.near_and_far(vectors[:30], vectors[kind == 0][:3], 5, seed=2)
    assert set(kind[near].tolist()) == {0} and len(near) == len(far) and not set(near) & set(far)
    with pytest.raises(InputError, match="take fewer"):
        splits.near_and_far(vectors[:30], vectors[:30], 5)


def test_overlap_counts_one_shared_item_by_hand():
    train, test = [{"a", "b"}, {"c"}], [{"a"}, {"x"}, {"b", "c", "y"}, set()]
    assert splits.overlap(train, test) == 0.5 and splits.overlap(train, test, least=2) == 0.25
    assert splits.nearest_train(np.eye(2), np.array([[0.6, 0.8]])).tolist() == [0.8]
    with pytest.raises(InputError):
        splits.overlap(train, [])
