"""Features on disk: what quantising costs, what is found again, what is not encoded twice."""

import numpy as np
import pytest
from PIL import Image

from core.encode.align.features import LOW_STEPS, MAP_STEPS, ImageCache, ImageFeatures, View, measure_low
from core.encode.align.texts import TokenStates
from core.encode.drawings import looks
from core.encode.parts import Standard, image_inputs
from tests.encode.align.toys import LOW, FakeTowers, made_parts


@pytest.fixture
def files(tmp_path):
    """Six pictures of a set, the left half of each in another colour, so that mirroring shows."""
    (tmp_path / "pets" / "images").mkdir(parents=True)
    out = []
    for i in range(6):
        picture = Image.new("RGB", (40, 30), (20 * i, 50, 60))
        picture.paste((255, 255, 20 * i), (0, 0, 10, 30))
        out.append(tmp_path / "pets" / "images" / f"{i}.png")
        picture.save(out[-1])
    return out


def test_quantising_costs_at_most_half_a_step():
    parts = made_parts(range(3))
    again = ImageFeatures.of(parts, LOW).parts(LOW)
    assert np.abs(again.cells - parts.cells).max() <= 0.5 / MAP_STEPS + 1e-5
    inside = np.abs(LOW(parts.low)) < 127 / LOW_STEPS
    assert inside.mean() > 0.99
    assert np.abs(LOW(again.low) - LOW(parts.low))[inside].max() <= 0.5 / LOW_STEPS + 1e-4
    np.testing.assert_array_equal(again.logits, parts.logits)


def test_inputs_and_looks_are_those_of_the_starter():
    parts = made_parts(range(2))
    low = np.clip(LOW(parts.low), -5, 5)
    kept = ImageFeatures.of(parts, LOW)
    np.testing.assert_allclose(kept.inputs, image_inputs(parts, low), atol=2e-3)
    np.testing.assert_allclose(kept.looks, looks(parts, low), atol=2e-3)
    without = ImageFeatures.of(parts, LOW, cells=False)
    assert without.maps is None and without.low is None
    with pytest.raises(ValueError, match="without their cells"):
        without.parts(LOW)


def test_what_is_kept_is_found_again_and_not_encoded_twice(tmp_path, files):
    towers, told = FakeTowers(), []
    views = [*map(View, files), View(files[2], mirrored=True)]
    cache = ImageCache(towers, tmp_path / "kept", LOW, lambda *step: told.append(step))
    table = cache.load([*views, views[0]])
    order = [views[6], views[4], views[0], views[4]]
    taken = table.take(order)
    expected = ImageFeatures.of(towers.image_parts(np.stack([v.pixels() for v in order])), LOW)
    for name, rows in expected.arrays().items():
        np.testing.assert_allclose(getattr(taken, name), rows, atol=1e-6, err_msg=name)
    assert told[-1] == ("images of pets-mirrored", 1, 1) and ("images of pets", 6, 6) in told
    before = towers.images
    again = ImageCache(towers, tmp_path / "kept", LOW).load(views).take(order)
    assert towers.images == before
    np.testing.assert_array_equal(again.maps, taken.maps)
    assert again.maps.dtype == np.uint8 and again.low.dtype == np.int8 and again.statistics.dtype == np.float16


def test_a_changed_file_or_another_spread_is_encoded_again(tmp_path, files):
    towers, views = FakeTowers(), [View(file) for file in files]
    ImageCache(towers, tmp_path / "kept", LOW).load(views)
    before = towers.images
    Image.new("RGB", (64, 64), "red").save(files[0])
    ImageCache(towers, tmp_path / "kept", LOW).load(views)
    assert towers.images > before
    before = towers.images
    ImageCache(towers, tmp_path / "kept", Standard(LOW.mean, LOW.scale * 2)).load(views)
    assert towers.images > before


def test_what_fails_leaves_nothing_behind(tmp_path, files):
    class Broken(FakeTowers):
        def image_parts(self, pixels):
            if len(pixels) == 2:  # the second run: six pictures, four at a time
                raise RuntimeError("out of order")
            return super().image_parts(pixels)

    with pytest.raises(RuntimeError, match="out of order"):
        ImageCache(Broken(), tmp_path / "kept", LOW).load([View(file) for file in files])
    assert list((tmp_path / "kept").iterdir()) == []


def test_without_cells_little_is_kept(tmp_path, files):
    table = ImageCache(FakeTowers(), tmp_path / "kept", LOW).load([View(file) for file in files], cells=False)
    assert table.take([View(files[1])]).maps is None
    assert sum(f.stat().st_size for f in (tmp_path / "kept").rglob("*.npy")) < 6 * 25_000


def test_the_spread_of_earlier_stages_is_that_of_the_channels(files):
    standard = measure_low(FakeTowers(), [View(file) for file in files])
    np.testing.assert_allclose(standard.mean, 2, atol=0.8)
    np.testing.assert_allclose(1 / standard.scale, 3, atol=0.6)


def test_a_batch_of_texts_is_padded_by_its_longest():
    states = np.arange(12, dtype=np.float16).reshape(6, 2)
    texts = TokenStates(states, np.array([0, 1, 4, 6]), np.zeros((3, 2), np.float32))
    batch, mask = texts.batch(np.array([1, 0]))
    np.testing.assert_array_equal(mask, [[1, 1, 1], [1, 0, 0]])
    np.testing.assert_array_equal(batch[0], states[1:4])
    np.testing.assert_array_equal(batch[1, 0], states[0])
    np.testing.assert_array_equal(texts.lengths, [1, 3, 2])


def test_token_states_lead_to_the_towers_own_features(tmp_path):
    """The published last blocks on the kept states give what the whole tower gives."""
    import torch

    from core.encode.align.texts import token_states, tuned_blocks
    from core.encode.minilm import build_text_tower, load_tokenizer, tokenize
    from core.encode.weights import TEXT_WEIGHTS, TOKENIZER, find

    words = ["a dog", "two dogs run over the grass", "a cat", "hen"]
    texts = token_states(words, tmp_path)
    states, mask = texts.batch(np.arange(4))
    with torch.inference_mode():
        x = torch.from_numpy(states).float()
        for one in tuned_blocks():
            x = one(x, (1.0 - torch.from_numpy(mask).float())[:, None, None, :] * -1e9)
        mean = (x.numpy() * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        tower = build_text_tower(find(TEXT_WEIGHTS))
        ids, keep = tokenize(load_tokenizer(find(TOKENIZER)), words)
        whole = tower(torch.from_numpy(ids), torch.from_numpy(keep)).numpy()
    np.testing.assert_allclose(texts.features, whole, atol=1e-4)
    np.testing.assert_allclose(mean, whole, atol=5e-3)
    again = token_states(words, tmp_path)
    np.testing.assert_array_equal(again.states, texts.states)
    assert len(list(tmp_path.glob("texts-*.npy"))) == 3
