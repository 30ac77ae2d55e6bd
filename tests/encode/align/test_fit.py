"""Fitting a member: what is learned, who is a negative for whom, and that torch and numpy agree."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from core.encode.align.corpus import Corpus
from core.encode.align.evaluate import recall_at
from core.encode.align.features import LOW_STEPS, MAP_STEPS
from core.encode.align.fit import ConceptTable, Draw, fit_member
from core.encode.align.model import Noise
from core.encode.align.settings import AlignSettings
from core.encode.parts import named
from core.encode.projection import Head
from tests.encode.align.toys import SMALL, WIDTH, block, toy


def projected(tensors, corpus, images, texts, blocks):
    """The toy through the trained tensors as the starter uses them, in numpy; `blocks` were trained in place."""
    import torch

    x = images.take(corpus.views())
    sources = (x.maps / np.float32(MAP_STEPS), x.low / np.float32(LOW_STEPS))
    states, mask = texts.batch(np.arange(len(texts.features)))
    with torch.inference_mode():
        tokens = blocks[0](torch.from_numpy(states).float(), None).numpy()
    mean = (tokens * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return Head.of(named(tensors, "image"))(x.inputs, sources), Head.of(named(tensors, "text"))(mean, (tokens,), mask)


@pytest.mark.parametrize("sees_cells", [True, False])
def test_training_brings_pairs_together_also_by_what_only_one_cell_shows(sees_cells):
    corpus, images, texts = toy(sees_cells=sees_cells)
    seen, blocks = [], block()
    tensors = fit_member(images, texts, corpus, blocks, SMALL, lambda *step: seen.append(step))
    x, y = projected(tensors, corpus, images, texts, blocks)
    of_group = np.eye(40, dtype=bool)
    trained, new = (recall_at(y @ x[i::3].T, of_group)["R@1"] for i in (0, 2))
    # Half of what tells the groups apart is in the pooled features, the other half in one cell of the map.
    assert (trained >= 90 and new >= 70) if sees_cells else new <= 50, (trained, new)
    assert seen[-1] == ("training", 250, 250) and len(seen) == 250
    assert all(np.isfinite(value).all() and value.dtype == np.float32 for value in tensors.values())


def test_the_texts_blocks_are_trained_too():
    corpus, images, texts = toy(n_groups=12)
    tensors = fit_member(images, texts, corpus, block(), replace(SMALL, steps=5))
    before = block()[0].mix.weight.detach().numpy()
    assert 1e-4 < np.abs(tensors["tower.0.mix.weight"] - before).max() < 0.1


def test_the_names_are_those_a_heads_file_needs():
    corpus, images, texts = toy(n_groups=12)
    tensors = fit_member(images, texts, corpus, block(), replace(SMALL, steps=1))
    both = ["mean", "scale", "skip", "up", "up_bias", "down", "down_bias", "norm_weight", "norm_bias", "query0", "value0"]
    wanted = {f"{side}.{part}" for side in ("image", "text") for part in both}
    wanted |= {"image.query1", "image.value1", "image.place", "tower.0.mix.weight", "tower.0.mix.bias"}
    assert set(tensors) == wanted
    assert tensors["image.value1"].shape == (2, 3, 4) and tensors["image.place"].shape == (2, 4)
    assert tensors["image.skip"].shape == (12 + 5 + 3 + 2 * 4, 8) and tensors["text.skip"].shape == (WIDTH + 2 * 4, 8)


def test_the_same_seed_gives_the_same_member():
    corpus, images, texts = toy(n_groups=12)
    short = replace(SMALL, steps=5, batch={"toy": 8}, dropout=0.5, cell_dropout=0.2)
    a, b = (fit_member(images, texts, corpus, block(), short) for _ in range(2))
    for name in a:
        np.testing.assert_allclose(a[name], b[name], atol=1e-5)
    other = fit_member(images, texts, corpus, block(), replace(short, seed=1))
    assert np.abs(other["image.skip"] - a["image.skip"]).max() > 1e-3


def test_torch_and_numpy_give_the_same_vectors():
    import torch

    from core.encode.align.fit import new_member

    corpus, images, texts = toy(n_groups=12)
    torch.manual_seed(0)
    blocks = block()
    member = new_member(images, texts, corpus, blocks, SMALL)
    x, y = projected(member.tensors(), corpus, images, texts, blocks)
    with torch.inference_mode():
        np.testing.assert_allclose(member.image_vectors(images.take(corpus.views())).numpy(), x, atol=1e-5)
        np.testing.assert_allclose(member.text_vectors(*texts.batch(np.arange(12))).numpy(), y, atol=1e-5)


def test_a_text_that_also_fits_is_no_negative():
    corpus = Corpus()
    dog, cat = corpus.text("a dog", "dog"), corpus.text("a cat", "cat")
    first = corpus.image(Path("1"), [dog])
    second = corpus.image(Path("2"), [cat], ["dog"])  # a cat, with a dog in the background
    third = corpus.image(Path("3"), [corpus.text("photo of a dog", "Dog")])  # another prompt, the same concept
    fits = ConceptTable(corpus).fits(np.array([first, second, third]), np.array([dog, cat, dog]))
    np.testing.assert_array_equal(fits, [[0, 0, 1], [1, 0, 1], [1, 0, 0]])


def test_a_pool_is_drawn_without_replacement():
    draw = Draw([[0, 1], [2], [3], [4]], 2, np.random.default_rng(0))
    for _ in range(5):
        drawn = np.concatenate([draw.next(), draw.next()])
        assert {min(i, 1) if i < 2 else i for i in drawn} | {0, 1} >= {2, 3, 4}
        assert len({0 if i < 2 else int(i) for i in drawn}) == 4
    assert len(Draw([[0]], 9, np.random.default_rng(0)).next()) == 1


def test_dropout_keeps_the_sum_on_average():
    import torch

    noise = Noise(np.random.default_rng(0))
    dropped = noise.drop(torch.ones(200, 200), 0.3)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.02)
    assert noise.seen(3, 4, 0.0) is None


def test_settings_can_be_written_to_the_card():
    assert json.loads(json.dumps(asdict(AlignSettings())))["dim"] == 512
