"""Heads by hand: what the arithmetic gives, and what a file keeps."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.encode.heads import Heads, load_heads, pack, save_heads
from core.encode.parts import ImageParts, TextParts, image_inputs, joined, label_probabilities, unit_rows
from core.encode.projection import Attention, Head
from core.encode.starter import HEADS_PATH
from core.errors import EncoderError

F = np.float32


def head(**parts):
    """A head of two inputs and two outputs that passes its inputs on, but for what is given."""
    plain = {
        "mean": np.zeros(2, F), "scale": np.ones(2, F), "skip": np.eye(2, dtype=F), "up": np.zeros((2, 1), F),
        "up_bias": np.zeros(1, F), "down": np.zeros((1, 2), F), "down_bias": np.zeros(2, F),
    }  # fmt: skip
    return Head.of(plain | parts)


def test_head_without_a_hidden_part_is_a_scaled_projection():
    scaled = head(mean=np.array([1, 0], F), scale=np.array([2, 1], F))
    # ((2.5, 4) - (1, 0)) * (2, 1) = (3, 4), of length 5
    np.testing.assert_allclose(scaled(np.array([[2.5, 4.0]], F)), [[0.6, 0.8]], atol=1e-6)
    assert scaled.dim == 2


def test_hidden_part_uses_gelu():
    gelu = head(
        skip=np.zeros((2, 2), F), up=np.array([[1], [0]], F), down=np.array([[1, 0]], F), down_bias=np.array([0, 1], F)
    )
    gelu_of_one = 0.841192  # tanh form, 0.5 * (1 + tanh(sqrt(2/pi) * 1.044715))
    length = math.hypot(gelu_of_one, 1.0)
    np.testing.assert_allclose(gelu(np.array([[1, 9]], F)), [[gelu_of_one / length, 1 / length]], atol=1e-5)


def test_inward_directions_stand_before_both_products():
    narrow = head(inward=np.array([[1], [1]], F), skip=np.array([[3, 4]], F), up=np.zeros((1, 1), F))
    np.testing.assert_allclose(narrow(np.array([[2.0, -1.0]], F)), [[0.6, 0.8]], atol=1e-6)  # 2 - 1 = 1 of (3, 4)
    np.testing.assert_allclose(narrow(np.array([[-2.0, 1.0]], F)), [[-0.6, -0.8]], atol=1e-6)


def attention(**parts):
    plain = {"place": None, "weight": np.ones(2, F), "bias": np.zeros(2, F)}
    return Attention((np.array([[math.log(3)], [0]], F),), (np.eye(2, dtype=F)[None],), **(plain | parts))


def test_attention_is_a_weighted_mean_of_cells_then_a_layer_norm():
    cells = np.array([[[1, 0], [0, 4]]], F)  # scores log 3 and 0: shares 3/4 and 1/4, mean (0.75, 1)
    spread = math.sqrt(0.125**2 + 1e-5)
    np.testing.assert_allclose(attention()([cells]), [[-0.125 / spread, 0.125 / spread]], atol=1e-4)
    weighted = attention(weight=np.array([2, 0], F), bias=np.array([1, 5], F))
    np.testing.assert_allclose(weighted([cells]), [[1 - 0.25 / spread, 5]], atol=1e-4)


def test_masked_cells_and_places():
    cells = np.array([[[0, 2], [4, 0]]], F)
    only_first = attention()([cells], np.array([[True, False]]))
    np.testing.assert_allclose(only_first, attention()([cells[:, :1]]), atol=1e-6)
    # a strong liking for the second place; with another number of cells places mean nothing
    second = attention(place=np.array([[0, 50]], F))
    np.testing.assert_allclose(second([cells]), attention()([cells[:, 1:]]), atol=1e-6)
    np.testing.assert_allclose(second([cells[:, :1]]), attention()([cells[:, :1]]), atol=1e-6)


def test_two_sources_add_their_scores_and_what_they_make():
    one, two = np.array([[[1.0], [0.0]]], F), np.array([[[0.0], [1.0]]], F)
    both = Attention(
        (np.array([[1.0]], F), np.array([[1.0]], F)), (np.array([[[1.0, 0.0]]], F), np.array([[[0.0, 1.0]]], F)),
        None, np.ones(2, F), np.zeros(2, F),
    )  # fmt: skip
    np.testing.assert_allclose(both([one, two]), [[0, 0]], atol=1e-5)  # shares 1/2 and 1/2: (0.5, 0.5), no spread


def parts_of(n=3, seed=0, cells=81):
    rng = np.random.default_rng(seed)
    return ImageParts(
        rng.uniform(0, 6, (n, cells, 1280)).astype(F), rng.normal(size=(n, cells, 491)).astype(F),
        rng.normal(size=(n, 1000)).astype(F) * 3,
    )  # fmt: skip


def test_image_inputs_are_features_roots_and_spreads():
    parts = parts_of()
    low = parts.low * 2
    row = image_inputs(parts, low)
    assert row.shape == (3, 4542) and row.dtype == np.float32
    np.testing.assert_allclose(row[:, :1280], parts.cells.mean(1), rtol=1e-5)
    np.testing.assert_allclose(row[:, 1280:2280] ** 2, label_probabilities(parts.logits), atol=1e-6)
    np.testing.assert_allclose(row[:, 2280:3560], parts.cells.std(1), rtol=1e-3)
    np.testing.assert_allclose(row[:, 3560:], np.hstack([low.mean(1), low.std(1)]), atol=1e-5)


def test_runs_of_the_tower_are_joined_in_order():
    a, b = parts_of(2, 1), parts_of(3, 2)
    together = joined([a, b])
    assert len(together) == 5
    np.testing.assert_array_equal(together.logits, np.vstack([a.logits, b.logits]))
    np.testing.assert_array_equal(together.cells[2:], b.cells)


@given(arrays(np.float32, (3, 6), elements=st.floats(-500, 500, width=32)), st.sampled_from([0.3, 0.6, 1.0]))
def test_label_probabilities_sum_to_one_for_any_logits(logits, power):
    shares = label_probabilities(logits, power)
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(1), 1.0, atol=1e-5)


def test_a_power_flattens_label_probabilities():
    logits = np.log(np.array([[0.8, 0.2]], F))
    np.testing.assert_allclose(label_probabilities(logits, 0.5), [[2 / 3, 1 / 3]], atol=1e-6)  # roots: 2 to 1


def test_unit_rows_keep_a_zero_row():
    np.testing.assert_array_equal(unit_rows(np.array([[0.0, 0.0], [0.0, 2.0]])), [[0, 0], [0, 1]])


def test_packing_is_as_exact_as_it_says():
    rng = np.random.default_rng(0)
    large = (rng.normal(size=(400, 300)) * np.geomspace(1e-3, 10, 300)).astype(F)  # columns of very different range
    tensors = {"a.image.skip": large, "a.image.up": rng.normal(size=(4, 5)).astype(F), "low.mean": large[0], "n": F(0.25)}
    packed = pack(tensors)
    assert packed["a.image.skip"].dtype == np.int8 and packed["a.image.up"].dtype == np.float16
    assert packed["low.mean"].dtype == np.float32 and packed["n"].item() == 0.25
    back = packed["a.image.skip"].astype(F) * packed["a.image.skip:scale"].astype(F)
    step = np.abs(large).max(axis=0) / 127
    assert (np.abs(back - large) <= 0.5 * step + 1e-3 * np.abs(large).max(axis=0)).all()


@pytest.fixture(scope="module")
def shipped() -> Heads:
    return load_heads(HEADS_PATH)


def test_shipped_heads_give_unit_rows_that_do_not_depend_on_company(shipped):
    parts = parts_of(4)
    rows = shipped.image(parts)
    assert rows.shape == (4, shipped.dim) and rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    alone = [shipped.image(ImageParts(parts.cells[[i]], parts.low[[i]], parts.logits[[i]])) for i in range(4)]
    np.testing.assert_allclose(rows, np.concatenate(alone), atol=1e-5)


def test_padding_does_not_change_a_text(shipped):
    rng = np.random.default_rng(3)
    tokens = tuple(rng.normal(size=(1, 5, 384)).astype(F) for _ in shipped.members)
    features = rng.normal(size=(1, 384)).astype(F)
    short = shipped.text(TextParts(features, tokens, np.ones((1, 5), bool)))
    padded = tuple(np.concatenate([t, np.full((1, 3, 384), 7, F)], axis=1) for t in tokens)
    mask = np.array([[True] * 5 + [False] * 3])
    np.testing.assert_allclose(shipped.text(TextParts(features, padded, mask)), short, atol=1e-5)


def test_members_words_and_drawings_weigh_what_they_should(shipped):
    """Before the rotation: the members share a weight of 1, the blocks have their own."""
    parts = parts_of(2)
    members = [unit_rows(np.random.default_rng(i).normal(size=(2, 8))) for i in range(3)]
    words = shipped.words.of_images(parts.logits)
    np.testing.assert_allclose(np.linalg.norm(words, axis=1), shipped.words.weight**0.5, rtol=1e-5)
    rows = shipped.blocks(members, words, np.zeros((2, 4), F))
    share = (rows[:, :24] ** 2).sum(1)
    np.testing.assert_allclose(share, 1 / (1 + shipped.words.weight), rtol=1e-4)


def test_parts_of_images_have_no_drawings_block(shipped):
    parts = parts_of(2, cells=9)
    assert not shipped.drawings.of_images(parts, parts.low).any()


def test_a_name_recalls_its_own_drawings(shipped):
    """The block of a stored name is nearest to the drawings that have it."""
    drawings = shipped.drawings
    names, counts = np.unique(drawings.pair_name, return_counts=True)
    ranks = []
    for name in names[counts == 1][::40]:
        drawing = drawings.pair_drawing[drawings.pair_name == name][0]
        shown = drawings.of_texts(drawings.names[[name]])[0]
        likeness = drawings.vectors @ shown
        ranks.append((likeness > likeness[drawing]).sum())
    assert len(ranks) > 20 and np.mean(np.array(ranks) == 0) > 0.9


def test_heads_come_back_from_their_file(tmp_path, shipped):
    path = tmp_path / "new" / "heads.safetensors"
    tensors = {name: shipped._whole(name) for name in shipped.tensors if not name.endswith(":scale")}
    fingerprint = save_heads(path, tensors)
    heads = load_heads(path)
    assert heads.fingerprint == fingerprint and heads.members == shipped.members and heads.dim == shipped.dim
    parts = parts_of(2)
    np.testing.assert_allclose(heads.image(parts), shipped.image(parts), atol=2e-3)


@pytest.mark.parametrize("content", [None, b"", b"not safetensors at all"])
def test_a_file_that_holds_no_heads_is_named(tmp_path, content):
    path = tmp_path / "heads.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EncoderError, match="heads.safetensors"):
        load_heads(path)


@pytest.mark.parametrize("lost", ["rotation", "text_mean", "low.std", "words.labels"])
def test_a_missing_tensor_is_named(tmp_path, lost):
    from safetensors.numpy import load_file, save_file

    tensors = {name: value for name, value in load_file(HEADS_PATH).items() if name != lost}
    save_file(tensors, tmp_path / "heads.safetensors")
    with pytest.raises(EncoderError, match=lost):
        load_heads(tmp_path / "heads.safetensors")


def test_heads_without_a_member_are_refused(tmp_path):
    from safetensors.numpy import load_file, save_file

    tensors = {name: value for name, value in load_file(HEADS_PATH).items() if ".image." not in name}
    save_file(tensors, tmp_path / "heads.safetensors")
    with pytest.raises(EncoderError, match="lacks a member"):
        load_heads(tmp_path / "heads.safetensors")
