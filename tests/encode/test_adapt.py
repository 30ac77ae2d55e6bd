"""Adapting heads: the split leaks nothing, the identity is the start, what is planted is learned, and noise is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.encode import adapt
from core.encode.adapt import FitSettings, Residual, fit, pair_means, ranks_of_images, ranks_of_pairs
from core.encode.adapt_data import NEEDED, Words, prompt_of, split, tidy, words_of_captions, words_of_labels
from core.encode.adapt_eval import compare
from core.encode.heads import unit_rows
from core.errors import InputError

DIM = 24


def captions(n, texts=1):
    return {f"i{at:04d}": tuple(f"thing {at} seen {k}" for k in range(texts)) for at in range(n)}


def planted(n=400, noise=0.35, texts=1, seed=0, shift=True):
    """Images, texts and words whose two sides agree, but for a constant shift and a mixing of the texts' coordinates."""
    rng = np.random.default_rng(seed)
    words = words_of_captions(captions(n, texts))
    truth = rng.standard_normal((n, DIM)).astype(np.float32)
    images = unit_rows(truth + 1.5)
    of = [int(item.split()[1]) for item in words.texts]
    mixing = np.eye(DIM) + 0.9 * np.linalg.qr(rng.standard_normal((DIM, DIM)))[0] if shift else np.eye(DIM)
    noisy = truth[of] + noise * rng.standard_normal((len(of), DIM))
    return images, unit_rows((noisy @ mixing - (1.5 if shift else 0)).astype(np.float32)), words


# ---------------------------------------------------------------- words and split


def test_under_fifty_is_refused_with_both_numbers():
    with pytest.raises(InputError, match=r"49 images have a caption, and adapting needs 50 or more"):
        words_of_captions(captions(49) | {"empty": ("", " . "), "none": ()})
    with pytest.raises(InputError, match=r"1 image has a label, and adapting needs 50"):
        words_of_labels({"a": "shoe", "b": None, "c": ""})
    assert len(words_of_captions(captions(NEEDED)).item_ids) == NEEDED


def test_texts_that_say_the_same_are_one():
    assert tidy("  A  Dog. ") == tidy("a dog")
    words = words_of_captions(captions(60) | {"x": ("A red car.", "a red  car"), "y": ("a RED car",)})
    x, y = words.item_ids.index("x"), words.item_ids.index("y")
    assert words.fitting[x] == words.fitting[y]
    assert words.groups[x] == words.groups[y]
    assert len(np.unique(words.groups)) == 61


def test_captions_that_repeat_are_labels():
    words = words_of_captions({f"i{n:03d}": (("cat", "dog", "cow")[n % 3],) for n in range(90)})
    assert words.kind == "labels"
    assert len(words.texts) == 3
    assert len(np.unique(words.groups)) == 90
    with pytest.raises(InputError, match="the same caption, 'cat'"):
        words_of_captions({f"i{n}": ("cat",) for n in range(60)})


def test_a_text_that_everybody_has_ties_nothing_together():
    said = {item: (*texts, "from my phone") for item, texts in captions(100).items()}
    words = words_of_captions(said)
    assert len(np.unique(words.groups)) == 100
    assert {len(mine) for mine in words.fitting} == {1}
    only = words_of_captions(said | {f"x{n}": ("from my phone",) for n in range(8)})
    assert len(np.unique(only.groups)) == 101


def test_labels_become_prompts():
    assert prompt_of("T_Shirt ") == "a photo of a t shirt"
    assert prompt_of(7, "number {}") == "number 7"
    words = words_of_labels({f"i{n:03d}": n % 4 for n in range(80)}, prompt="the digit {}")
    assert set(words.texts) == {f"the digit {n}" for n in range(4)}
    with pytest.raises(InputError, match="no place for the label"):
        words_of_labels({f"i{n}": n % 4 for n in range(80)}, prompt="a photo")


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(50, 160),
    n_texts=st.integers(40, 300),
    links=st.lists(st.lists(st.integers(0, 159), min_size=2, max_size=4), max_size=12),
    seed=st.integers(0, 5),
)
def test_nothing_is_in_two_parts(n, n_texts, links, seed):
    rng = np.random.default_rng(seed)
    said = {f"i{at:03d}": [f"text {t}" for t in rng.integers(0, n_texts, rng.integers(1, 3))] for at in range(n)}
    same = [[f"i{at:03d}" for at in group if at < n] for group in links]
    words = words_of_captions(said, same)
    try:
        parts = split(words, seed)
    except InputError:
        return  # a few huge groups
    every = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(every.tolist()) == list(range(n))
    where = {words.item_ids[item]: part for part in ("train", "validation", "test") for item in getattr(parts, part)}
    for group in same:
        assert len({where[item] for item in group}) <= 1
    if words.kind == "captions":
        texts = [set(words.texts_of(getattr(parts, part)).tolist()) for part in ("train", "validation", "test")]
        assert not texts[0] & texts[1] and not texts[0] & texts[2] and not texts[1] & texts[2]
    again = split(words, seed)
    assert all(np.array_equal(getattr(parts, part), getattr(again, part)) for part in ("train", "validation", "test"))


def test_one_huge_group_is_trained_on():
    said = captions(100)
    words = words_of_captions(said, [list(said)[:45]])
    parts = split(words, 1)
    assert set(range(45)) <= set(parts.train.tolist())
    with pytest.raises(InputError, match="only 3 groups of copies"):
        copies = words_of_labels({item: n % 2 for n, item in enumerate(said)}, [list(said)[:40], list(said)[40:80], list(said)[80:]])
        split(copies)


def test_fits_is_who_has_which_text():
    words = Words("captions", ("a", "b", "c"), ("t0", "t1", "t2", "t3"), ((0, 1), (1,), (3,)), np.arange(3))
    assert words.fits(np.array([0, 2]), np.array([1, 3])).tolist() == [[True, False], [False, True]]
    assert words.texts_of(np.array([0, 1])).tolist() == [0, 1]


# ---------------------------------------------------------------- heads


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(0, 100))
def test_the_identity_changes_nothing_and_heads_keep_unit_length(n, seed):
    rng = np.random.default_rng(seed)
    rows = unit_rows(rng.standard_normal((n, DIM)).astype(np.float32))
    np.testing.assert_allclose(Residual.identity(DIM)(rows), rows, atol=1e-6)
    head = Residual(rng.standard_normal((DIM, DIM)).astype(np.float32), rng.standard_normal(DIM).astype(np.float32))
    np.testing.assert_allclose(np.linalg.norm(head(rows), axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(head.scaled(0.0)(rows), rows, atol=1e-6)
    assert head(rows).dtype == np.float32


def test_the_gradient_is_that_of_the_loss():
    rng = np.random.default_rng(0)
    a, b = (unit_rows(rng.standard_normal((7, 5)).astype(np.float32)) for _ in range(2))
    fits = np.zeros((7, 7), bool)
    fits[0, 1] = fits[1, 0] = True

    def loss(a):
        logits = np.where(fits, -1e4, a.astype(np.float64) @ b.T / 0.1)
        of = lambda x: -(np.diag(x) - np.log(np.exp(x - x.max(1, keepdims=True)).sum(1)) - x.max(1)).mean()  # noqa: E731
        return 0.5 * (of(logits) + of(logits.T))

    found, _ = adapt._contrast(a, b, fits, 0.1)
    for row, column in ((0, 0), (1, 3), (6, 4)):
        moved = a.astype(np.float64)
        moved[row, column] += 1e-5
        back = a.astype(np.float64)
        back[row, column] -= 1e-5
        assert found[row, column] == pytest.approx((loss(moved) - loss(back)) / 2e-5, abs=2e-4)


def test_ranks_set_other_right_answers_aside():
    similarity = np.array([[0.9, 0.1, 0.5], [0.8, 0.7, 0.5], [0.2, 0.3, 0.4]])
    fits = np.array([[True, False, False], [True, True, False], [False, False, True]])
    assert ranks_of_images(similarity, fits).tolist() == [0, 0, 0]
    # pairs: (0, 0), (1, 0), (1, 1), (2, 2); the last one has two wrong images of the same score and higher before it
    assert ranks_of_pairs(similarity, fits).tolist() == [0, 0, 0, 2]
    assert pair_means(np.array([1.0, 0.0, 1.0, 1.0]), fits).tolist() == [1.0, 0.5, 1.0]


def test_equal_scores_count_as_before():
    fits = np.eye(3, dtype=bool)
    assert ranks_of_images(np.ones((3, 3)), fits).tolist() == [2, 2, 2]
    assert ranks_of_pairs(np.ones((3, 3)), fits).tolist() == [2, 2, 2]


# ---------------------------------------------------------------- learning and measuring


@pytest.mark.parametrize("texts", [1, 3])
def test_a_planted_shift_is_learned(texts):
    images, rows, words = planted(texts=texts)
    parts = split(words, 0)
    fitted = fit(images, rows, words, parts, FitSettings(learning_rate=3e-3, stay=1.0))
    assert fitted.steps > 0
    report = compare(images, rows, words, parts, fitted)
    assert report.verdict == "gain"
    assert report.overall.change.low > 5
    assert report.overall.after - report.overall.before == pytest.approx(report.overall.change.value)
    assert report.n_test == len(parts.test) == 120
    by_name = {figure.name: figure for figure in report.figures}
    assert set(by_name) == {f"{d} R@{k}" for d in ("text->image", "image->text") for k in (1, 5, 10)} | {"image->image 10-NN kept"}
    assert by_name["image->image 10-NN kept"].before == 100
    again = fit(images, rows, words, parts, FitSettings(learning_rate=3e-3, stay=1.0))
    np.testing.assert_array_equal(again.image.weight, fitted.image.weight)


@pytest.mark.parametrize("seed", range(3))
def test_words_that_say_nothing_gain_nothing(seed):
    images, rows, words = planted(noise=0.3, shift=False, seed=seed)
    rows = rows[np.random.default_rng(seed).permutation(len(rows))]
    parts = split(words, seed)
    report = compare(images, rows, words, parts, fit(images, rows, words, parts))
    assert report.verdict in ("none", "loss")
    assert not report.overall.change.above_zero


def test_the_test_part_is_not_looked_at():
    images, rows, words = planted(n=120)
    parts = split(words, 0)
    seen = fit(images, rows, words, parts)
    spoilt, spoilt_rows = images.copy(), rows.copy()
    spoilt[parts.test] = -images[parts.test]
    spoilt_rows[words.texts_of(parts.test)] = 1 / np.sqrt(DIM)
    blind = fit(spoilt, spoilt_rows, words, parts)
    np.testing.assert_array_equal(seen.text.weight, blind.text.weight)
    assert (seen.steps, seen.share) == (blind.steps, blind.share)


def test_only_the_test_part_is_reported_on():
    images, rows, words = planted(n=120)
    parts = split(words, 0)
    fitted = fit(images, rows, words, parts, FitSettings(steps=50))
    report = compare(images, rows, words, parts, fitted)
    changed, changed_rows = images.copy(), rows.copy()
    others = np.concatenate([parts.train, parts.validation])
    changed[others] = 1 / np.sqrt(DIM)
    changed_rows[words.texts_of(others)] = 1 / np.sqrt(DIM)
    assert compare(changed, changed_rows, words, parts, fitted) == report


def test_labels_are_asked_about_among_new_images_of_them():
    rng = np.random.default_rng(0)
    kinds = [f"kind{n % 6}" for n in range(180)]
    words = words_of_labels({f"i{n:03d}": kind for n, kind in enumerate(kinds)})
    centres = rng.standard_normal((6, DIM)).astype(np.float32)
    images = unit_rows(np.stack([centres[n % 6] for n in range(180)]) + 0.9 * rng.standard_normal((180, DIM)).astype(np.float32))
    texts = unit_rows(rng.standard_normal((len(words.texts), DIM)).astype(np.float32))
    parts = split(words, 0)
    fitted = fit(images, texts, words, parts, FitSettings(learning_rate=3e-3, stay=1.0))
    report = compare(images, texts, words, parts, fitted, kinds, "type")
    names = [figure.name for figure in report.figures]
    assert "image->text R@1" in names and "image->text R@5" not in names  # five of six would say nothing
    assert names[-1] == "image->image same type in 5-NN"
    assert report.verdict in ("gain", "mixed")


def test_progress_is_told_and_can_stop_it():
    images, rows, words = planted(n=80)

    class Enough(Exception):
        pass

    def told(step, steps):
        if step == 3:
            raise Enough

    with pytest.raises(Enough):
        fit(images, rows, words, split(words), on_progress=told)
