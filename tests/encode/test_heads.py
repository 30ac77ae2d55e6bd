"""Heads by hand: what the arithmetic gives, and what a file keeps."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.encode.heads import PARTS, Head, image_inputs, load_heads, save_heads, unit_rows
from core.errors import EncoderError


def small_head(rng, inputs=5, hidden=4, dim=3):
    shapes = {
        "mean": (inputs,), "scale": (inputs,), "skip": (inputs, dim), "up": (inputs, hidden),
        "up_bias": (hidden,), "down": (hidden, dim), "down_bias": (dim,),
    }  # fmt: skip
    return {part: rng.normal(size=shapes[part]).astype(np.float32) for part in PARTS}


def test_head_without_a_hidden_part_is_a_scaled_projection():
    head = Head(
        mean=np.array([1.0, 0.0], np.float32),
        scale=np.array([2.0, 1.0], np.float32),
        skip=np.eye(2, dtype=np.float32),
        up=np.zeros((2, 1), np.float32),
        up_bias=np.zeros(1, np.float32),
        down=np.zeros((1, 2), np.float32),
        down_bias=np.zeros(2, np.float32),
    )
    # ((2.5, 4) - (1, 0)) * (2, 1) = (3, 4), of length 5
    np.testing.assert_allclose(head(np.array([[2.5, 4.0]], np.float32)), [[0.6, 0.8]], atol=1e-6)
    assert head.dim == 2


def test_hidden_part_uses_gelu():
    one = np.ones((1, 1), np.float32)
    head = Head(np.zeros(1), np.ones(1), 0 * one, one, np.zeros(1), np.array([[1.0, 0.0]]), np.array([0.0, 1.0]))
    gelu_of_one = 0.841192  # tanh form, 0.5 * (1 + tanh(sqrt(2/pi) * 1.044715))
    length = math.hypot(gelu_of_one, 1.0)
    np.testing.assert_allclose(head(one), [[gelu_of_one / length, 1 / length]], atol=1e-5)


def test_image_inputs_are_features_then_roots_of_probabilities():
    logits = np.log(np.array([[0.25, 0.25, 0.5]], np.float32)) + 7.0  # softmax does not see the shift
    row = image_inputs(np.array([[3.0, -1.0]], np.float32), logits)
    assert row.dtype == np.float32
    np.testing.assert_allclose(row, [[3.0, -1.0, 0.5, 0.5, math.sqrt(0.5)]], atol=1e-6)


@given(arrays(np.float32, (3, 6), elements=st.floats(-500, 500, width=32)))
def test_roots_have_unit_length_for_any_logits(logits):
    rows = image_inputs(np.zeros((3, 0), np.float32), logits)
    np.testing.assert_allclose((rows**2).sum(1), 1.0, atol=1e-5)


def test_unit_rows_keep_a_zero_row():
    np.testing.assert_array_equal(unit_rows(np.array([[0.0, 0.0], [0.0, 2.0]])), [[0, 0], [0, 1]])


def test_heads_come_back_from_their_file(tmp_path):
    rng = np.random.default_rng(0)
    tensors = {f"{side}.{part}": value for side in ("image", "text") for part, value in small_head(rng).items()}
    tensors |= {"image_mean": np.ones(3, np.float32), "text_mean": np.zeros(3, np.float32)}
    path = tmp_path / "new" / "heads.safetensors"
    sha256 = save_heads(path, tensors, {"format": "loupe-heads-1"})
    heads = load_heads(path)
    assert heads.fingerprint == sha256
    x = rng.normal(size=(4, 5)).astype(np.float32)
    exact = Head(*(tensors[f"image.{part}"] for part in PARTS))(x)
    np.testing.assert_allclose(heads.image(x), exact, atol=5e-3)  # float16 on disk
    np.testing.assert_array_equal(heads.image_mean, [1, 1, 1])


@pytest.mark.parametrize("content", [None, b"", b"not safetensors at all"])
def test_a_file_that_holds_no_heads_is_named(tmp_path, content):
    path = tmp_path / "heads.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EncoderError, match="heads.safetensors"):
        load_heads(path)


def test_a_missing_tensor_is_named(tmp_path):
    path = tmp_path / "heads.safetensors"
    save_heads(path, {f"image.{part}": value for part, value in small_head(np.random.default_rng(0)).items()}, {})
    with pytest.raises(EncoderError, match="text.mean"):
        load_heads(path)
