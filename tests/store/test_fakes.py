"""The stand-ins that other tests lean on do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ImageError


def test_a_colour_word_finds_its_pictures(fake_encoder, make_images, tmp_path):
    paths = make_images(tmp_path / "pictures", 36)
    images, texts = fake_encoder.encode_images(paths), fake_encoder.encode_texts(["a red thing", "blue"])
    assert images.shape == (36, 16) and images.dtype == np.float32
    assert np.allclose(np.linalg.norm(images, axis=1), 1, atol=1e-6)
    for text, colour in zip(texts, ("red", "blue")):
        best = np.argsort(-(images @ text))[:3]
        assert all(f"-{colour}-" in paths[i].name for i in best)


def test_pictures_differ_and_repeat(make_images, tmp_path):
    first, second = make_images(tmp_path / "a", 80), make_images(tmp_path / "b", 80)
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    assert len({p.read_bytes() for p in first}) == 80


def test_an_unreadable_picture_raises(fake_encoder, tmp_path):
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(ImageError, match="no.png"):
        fake_encoder.encode_images([tmp_path / "no.png"])
