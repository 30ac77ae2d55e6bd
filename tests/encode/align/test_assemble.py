"""Members and computed parts put together: a file that the starter can load, with nothing of held-out names in it."""

import numpy as np
import pytest

from core.encode.align.ablate import measure, parts, unrotated
from core.encode.align.assemble import Ingredients, assemble, drawing_views
from core.encode.align.corpus import hold_out, read_corpus
from core.encode.align.evaluate import Part
from core.encode.align.features import ImageCache
from core.encode.align.fit import new_member
from core.encode.align.settings import AlignSettings
from core.encode.align.texts import text_encoder, token_states, tuned_blocks
from core.encode.heads import load_heads, save_heads
from tests.encode.align.toys import LABELS, LOW, FakeTowers, made_parts, write_sets

TINY = AlignSettings(dim=6, hidden=4, image_queries=2, image_width=3, text_queries=2, text_width=3)
HELD = (3, 40)


@pytest.fixture(scope="module")
def tensors(tmp_path_factory):
    """Two members as they are before training, and the rest."""
    import torch

    folder = tmp_path_factory.mktemp("assemble")
    corpus = read_corpus(write_sets(folder / "data"))
    hold_out(corpus, ["hen"])
    cache = ImageCache(FakeTowers(), folder / "kept", LOW)
    table = cache.load(corpus.views())
    texts = token_states(corpus.texts, folder / "kept")
    torch.manual_seed(0)
    members = {name: new_member(table, texts, corpus, tuned_blocks(), TINY).tensors() for name in "ab"}
    made_of = Ingredients(
        corpus=corpus,
        images=table,
        low=LOW,
        drawings=cache.load([view for views in drawing_views(corpus) for view in views], cells=False),
        labels=[f"label {i}" for i in range(LABELS)],
        label_features=np.random.default_rng(0).normal(size=(LABELS, 384)).astype(np.float32),
        held=HELD,
        text_features=texts.features,
    )
    return assemble(members, made_of, dim=8)


def test_the_starter_can_use_the_file(tensors, tmp_path):
    save_heads(tmp_path / "heads.safetensors", tensors)
    heads = load_heads(tmp_path / "heads.safetensors")
    assert heads.members == ("a", "b") and heads.dim == 8
    x = heads.image(made_parts(range(3)))
    y = text_encoder(heads)(["a photo of a crane", "hello", "a long caption of something"])
    assert x.shape == y.shape == (3, 8)
    for rows in (x, y):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(y[1], text_encoder(heads)(["hello"])[0], atol=1e-5)  # padding changes nothing
    assert heads.image_mean.shape == heads.text_mean.shape == (8,)


def test_a_published_block_that_was_not_trained_comes_back_as_it_was(tensors, tmp_path):
    save_heads(tmp_path / "heads.safetensors", tensors)
    (first, _) = load_heads(tmp_path / "heads.safetensors").tails()
    published = dict(tuned_blocks().named_parameters())
    assert set(first) == set(published)
    for name, value in published.items():
        value = value.detach().numpy()
        # a 254th of the range of a column, or what float16 loses
        assert np.abs(first[name] - value).max() <= np.abs(value).max() / 250, name


def test_held_out_names_have_no_words_and_no_drawings(tensors):
    labels = tensors["words.labels"]
    assert (labels[list(HELD)] == 0).all() and (np.abs(labels).sum(axis=1) > 0).sum() == LABELS - len(HELD)
    # rooster, farm; waving hand, wave, hello: "hen" would be a sixth
    assert tensors["drawings.names"].shape[0] == 5 and tensors["drawings.pair_name"].max() == 4
    assert set(tensors["drawings.pair_drawing"].tolist()) == {0, 1}


def test_the_rotation_keeps_lengths_of_what_it_keeps(tensors):
    rotation = tensors["rotation"]
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(8), atol=1e-5)


class Rows:
    """An encoding of three images whatever their files, and no texts."""

    def __init__(self, heads):
        self.rows = heads.image(made_parts(range(3)))

    def images(self, files):
        return self.rows, self.rows


def test_parts_of_the_heads_are_the_heads_without_the_rest(tensors, tmp_path):
    """Each member alone is its own head; together their cosines are averaged; words and drawings come on top."""
    save_heads(tmp_path / "heads.safetensors", tensors)
    heads = load_heads(tmp_path / "heads.safetensors")
    columns = parts(heads)
    assert list(columns) == [
        "member a alone", "member b alone", "all members", "all members and words", "all members, words and drawings",
    ]  # fmt: skip
    assert list(map(len, columns.values())) == [6, 6, 12, 12 + 384, 12 + 384 + heads.drawings.vectors.shape[1]]
    whole = Rows(unrotated(heads))
    rows = {what: Part(whole, some).images([])[0] for what, some in columns.items()}
    cosines = {what: one @ one.T for what, one in rows.items()}
    np.testing.assert_allclose(cosines["all members"], (cosines["member a alone"] + cosines["member b alone"]) / 2, atol=1e-5)
    words = heads.words.of_images(made_parts(range(3)).logits)
    expected = (cosines["all members"] + words @ words.T) / (1 + heads.words.weight)
    np.testing.assert_allclose(cosines["all members and words"], expected, atol=1e-4)


def test_the_table_of_parts_ends_with_the_heads_themselves(tensors, tmp_path):
    save_heads(tmp_path / "heads.safetensors", tensors)
    heads = load_heads(tmp_path / "heads.safetensors")
    rows = measure(
        heads, Rows(unrotated(heads)), lambda part: {"caltech101": {"1-NN": part.images([])[0].shape[1]}},
        {"caltech101": {"1-NN": 0.5}, "other": {"x": 1}},
    )  # fmt: skip
    assert [row["figures"] for row in rows[-2:]] == [
        {"Caltech 1-NN": 12 + 384 + heads.drawings.vectors.shape[1]}, {"Caltech 1-NN": 0.5},
    ]  # fmt: skip
    assert rows[-1]["what"] == "rotated to 8: as shipped"


def test_a_name_recalls_its_drawing_more_than_a_keyword_does(tensors):
    """Of the pairs of the waving hand: its name counts four times, "wave" and "hello" once each."""
    counts = np.bincount(tensors["drawings.pair_name"])
    assert sorted(counts.tolist()) == [1, 1, 1, 4, 4]
