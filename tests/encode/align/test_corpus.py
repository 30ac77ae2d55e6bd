"""Training: who is a negative for whom, what is learned, what is read, and how it is measured."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.encode import align, align_data, align_eval
from core.encode.align_fit import AlignSettings, _ConceptTable, _Draw, fit_heads
from core.encode.align_styles import STYLES, redraw
from core.encode.heads import PARTS, Head
from core.errors import InputError


def toy(n_groups=40, per_group=3, inputs=12, seed=0):
    """Images of 40 groups with one text each; features are noisy linear pictures of the same hidden code."""
    rng = np.random.default_rng(seed)
    corpus = align_data.Corpus()
    codes = rng.normal(size=(n_groups, 6))
    to_image, to_text = rng.normal(size=(6, inputs)), rng.normal(size=(6, 8))
    images, texts = [], [codes[g] @ to_text for g in range(n_groups)]
    corpus.pools["toy"] = []
    for g in range(n_groups):
        text = corpus.text(f"thing {g}", f"thing {g}")
        group = [corpus.image(Path(f"{g}-{i}.png"), [text]) for i in range(per_group)]
        images += [codes[g] @ to_image + 0.3 * rng.normal(size=inputs) for _ in group]
        corpus.pools["toy"].append(group)
    return corpus, np.array(images, np.float32), np.array(texts, np.float32)


SMALL = AlignSettings(
    dim=8,
    hidden=16,
    steps=120,
    batch={"toy": 32},
    learning_rate=5e-3,
    dropout=0.0,
    input_dropout=0.0,
    average_decay=0.9,
)


def projected(tensors, images, texts):
    image_head, text_head = (Head(*(tensors[f"{side}.{part}"] for part in PARTS)) for side in ("image", "text"))
    return image_head(images), text_head(texts)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Matrices this small gain nothing from threads, and lose much to waiting on a busy machine."""
    monkeypatch.setenv("LOUPE_THREADS", "1")


def test_training_brings_pairs_together():
    corpus, images, texts = toy()
    seen = []
    tensors = fit_heads(images, texts, corpus, SMALL, lambda *step: seen.append(step))
    x, y = projected(tensors, images, texts)
    owner = np.repeat(np.arange(40), 3)
    found = align_eval.recall_at(y @ x.T, owner[None, :] == np.arange(40)[:, None], (1, 5))
    assert found["R@1"] >= 90, found
    assert seen[-1] == ("training", 120, 120) and len(seen) == 120
    assert all(np.isfinite(value).all() and value.dtype == np.float32 for value in tensors.values())


def test_the_same_seed_gives_the_same_heads():
    corpus, images, texts = toy(n_groups=12)
    short = AlignSettings(dim=4, hidden=4, steps=5, batch={"toy": 8})
    a, b = (fit_heads(images, texts, corpus, short) for _ in range(2))
    for name in a:
        np.testing.assert_allclose(a[name], b[name], atol=1e-5)
    other = fit_heads(images, texts, corpus, AlignSettings(dim=4, hidden=4, steps=5, batch={"toy": 8}, seed=1))
    assert np.abs(other["image.skip"] - a["image.skip"]).max() > 1e-3


def test_a_text_that_also_fits_is_no_negative():
    corpus = align_data.Corpus()
    dog, cat = corpus.text("a dog", "dog"), corpus.text("a cat", "cat")
    first = corpus.image(Path("1"), [dog])
    second = corpus.image(Path("2"), [cat], ["dog"])  # a cat, with a dog in the background
    third = corpus.image(Path("3"), [corpus.text("photo of a dog", "Dog")])  # another prompt, the same concept
    fits = _ConceptTable(corpus).fits(np.array([first, second, third]), np.array([dog, cat, dog]))
    np.testing.assert_array_equal(fits, [[0, 0, 1], [1, 0, 1], [1, 0, 0]])


def test_a_pool_is_drawn_without_replacement():
    draw = _Draw([[0, 1], [2], [3], [4]], 2, np.random.default_rng(0))
    for _ in range(5):
        drawn = np.concatenate([draw.next(), draw.next()])
        assert {min(i, 1) if i < 2 else i for i in drawn} | {0, 1} >= {2, 3, 4}
        assert len({0 if i < 2 else int(i) for i in drawn}) == 4
    assert len(_Draw([[0]], 9, np.random.default_rng(0)).next()) == 1


def test_sure_labels_become_captions_and_possible_ones_no_negatives():
    corpus = align_data.Corpus()
    corpus.pools["flickr8k"] = [[corpus.image(Path("1"), [corpus.text("a caption", "1")])]]
    corpus.pools["flickr8k"] += [[corpus.image(Path("2"), [corpus.text("another", "2")])]]
    corpus.pools["imagenet_names"] = [[corpus.image(Path("3"), [corpus.text("a photo of a hen", "hen")])]]
    labels = ["hen", "dog", "canoe"]
    align_data.add_pseudo_labels(corpus, labels, np.array([[0.05, 0.8, 0.15], [0.4, 0.3, 0.3], [0.95, 0.05, 0]]))
    ((twin,),) = corpus.pools["pseudo_labels"]
    assert corpus.files[twin] == Path("1")
    assert "a photo of a dog" in {corpus.texts[t] for t in corpus.image_texts[twin]}
    concepts = [{name for name in labels if corpus.concept(name) in c} for c in corpus.image_concepts]
    assert concepts == [{"dog", "canoe"}, {"hen", "dog", "canoe"}, {"hen"}, {"dog", "canoe"}]


def test_recall_by_hand():
    similarity = np.array([[0.9, 0.1, 0.5], [0.3, 0.2, 0.8], [0.4, 0.4, 0.4]])
    relevant = np.eye(3, dtype=bool)
    # ranks 1, 3, and 3: a tie counts against
    assert align_eval.recall_at(similarity, relevant, (1, 2, 3)) == {"R@1": 33.33, "R@2": 33.33, "R@3": 100.0}
    relevant[1, 2] = True  # two relevant answers: the better one counts
    assert align_eval.recall_at(similarity, relevant, (1,)) == {"R@1": 66.67}


def test_nearest_label_share_leaves_the_item_itself_out():
    rows = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.6, 0.4]], np.float32)
    # nearest others: 1, 0, 3, 0: the last has another label
    assert align_eval.nearest_label_share(rows, np.array(["a", "a", "b", "b"])) == 0.75


@pytest.mark.parametrize("style", STYLES)
def test_redrawing_keeps_size_and_changes_the_picture(tmp_path, style):
    from PIL import ImageDraw

    picture = Image.new("RGBA", (96, 96), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((20, 20, 75, 60), fill=(220, 40, 40, 255))
    picture.save(tmp_path / "ball.png")
    plain = Image.new("RGB", picture.size, "white")
    plain.paste(picture, mask=picture)
    redrawn = redraw(tmp_path / "ball.png", style)
    assert redrawn.size == (96, 96) and redrawn.mode == "RGB"
    assert np.array_equal(np.asarray(redrawn), np.asarray(redraw(tmp_path / "ball.png", style)))
    assert not np.array_equal(np.asarray(redrawn), np.asarray(plain))
    assert redrawn.getpixel((0, 0)) == (255, 255, 255)  # no frame
    has_black = (np.asarray(redrawn).max(axis=2) == 0).any()
    assert has_black == (style != "recoloured") or style == "small outlined"


def test_missing_sets_are_named(tmp_path):
    (tmp_path / "fashion").mkdir()
    with pytest.raises(InputError, match="lacks the training sets flickr8k, imagenet_names, emoji_noto"):
        align.train_starter(tmp_path, tmp_path / "out")


@pytest.mark.needs_data
def test_no_validation_image_or_caption_is_trained_on(data_dir):
    corpus = align_data.read_corpus(data_dir)
    folders = {file.parent.parent.name for file in corpus.files}
    assert folders == set(align.TRAINING_SETS)
    rows = align_data.read_rows(data_dir / "flickr8k" / "captions.csv")
    dev = {row["file"] for row in rows if row["split"] != "train"}
    train = {row["file"] for row in rows if row["split"] == "train"}
    used = {str(f.relative_to(data_dir / "flickr8k")) for f in corpus.files if f.parent.parent.name == "flickr8k"}
    assert used == train and not used & dev
    by_split = [{r["caption"] for r in rows if (r["split"] == "train") == trained} for trained in (True, False)]
    only_dev = by_split[1] - by_split[0]
    alt = {row["caption"] for row in align_data.read_rows(data_dir / "web_alt_text" / "captions.csv")}
    assert not set(corpus.texts) & only_dev and not set(corpus.texts) & alt


@pytest.mark.needs_data
def test_imagenet_labels_are_in_the_order_of_the_logits(data_dir):
    """The label head names the photographs: 1 in 1,000 if the order were wrong."""
    from core.encode import load_encoder

    rows = align_data.read_rows(data_dir / "imagenet_names" / "labels.csv")[::50]
    towers = load_encoder("starter").towers
    from core.encode.starter import squash
    from core.ingest.images import open_image

    pixels = np.stack([squash(open_image(data_dir / "imagenet_names" / row["file"])) for row in rows])
    labels = align_data.imagenet_labels(data_dir)
    guesses = [labels[i] for i in towers.image_features(pixels)[1].argmax(axis=1)]
    assert np.mean([guess == row["label"] for guess, row in zip(guesses, rows)]) >= 0.6


def test_settings_can_be_written_to_the_card():
    from dataclasses import asdict

    assert json.loads(json.dumps(asdict(AlignSettings())))["dim"] == 512
