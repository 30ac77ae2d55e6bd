"""What is read for training, and what is left out of it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.encode.align import TRAINING_SETS
from core.encode.align.assemble import drawing_views, named_drawings
from core.encode.align.corpus import (
    Corpus,
    add_pseudo_labels,
    held_labels,
    hold_out,
    imagenet_labels,
    phrases,
    read_corpus,
    read_rows,
)
from core.encode.align.features import View
from core.encode.align.styles import STYLES, redraw
from tests.encode.align.toys import write_sets


def test_only_the_training_sets_and_the_train_split_are_read(tmp_path):
    corpus = read_corpus(write_sets(tmp_path))
    assert {file.parent.parent.name for file in corpus.files} == set(TRAINING_SETS)
    assert {file.name for file in corpus.files if "flickr8k" in str(file)} == {"train0.png", "train1.png"}
    assert not any("dev" in text or "web" in text or "wrench" in text or "vase" in text for text in corpus.texts)


def test_photographs_are_mirrored_drawings_redrawn_once_fashion_thinned(tmp_path):
    corpus = read_corpus(write_sets(tmp_path))
    views = corpus.views()
    assert {v.file.parent.parent.name for v in views if v.mirrored} == {"flickr8k", "imagenet_names"}
    assert len(views) == len(set(views))
    # the variant in another skin tone is no name of its own
    assert [len(corpus.pools[name]) for name in ("emoji_noto", "emoji_redrawn")] == [2, 2]
    assert [corpus.styles[i] for (i,) in corpus.pools["emoji_redrawn"]] == list(STYLES[:2])
    assert [corpus.files[i].name for group in corpus.pools["fashion"] for i in group] == ["0.png", "3.png"]


def test_names_and_keywords_of_a_drawing_are_drawn_about_equally_often(tmp_path):
    corpus = read_corpus(write_sets(tmp_path))
    ((image,), _) = corpus.pools["emoji_noto"]
    said = [corpus.texts[t] for t in corpus.image_texts[image]]
    assert said.count("rooster emoji") == 2 and said.count("an icon of farm") == 1


def test_what_captions_mention_is_no_negative_where_it_is_a_name(tmp_path):
    corpus = read_corpus(write_sets(tmp_path))
    hen, farm = corpus.known("hen"), corpus.known("farm")
    for (image,) in corpus.pools["flickr8k"]:
        assert hen in corpus.image_concepts[image] and farm not in corpus.image_concepts[image]
    assert corpus.known("grass") is None


def test_phrases_are_words_and_pairs_without_plural_endings():
    assert phrases("Two hens, glass boots") == {
        "two", "hen", "glass", "boot", "two hen", "hen glass", "glass boot",
    }  # fmt: skip


def test_sure_labels_become_captions_and_possible_ones_no_negatives():
    corpus = Corpus()
    corpus.pools["flickr8k"] = [
        [corpus.image(Path("1"), [corpus.text("a caption", "1")], mirrors=True)],
        [corpus.image(Path("2"), [corpus.text("another", "2")])],
    ]
    labels = ["hen", "dog", "canoe"]
    add_pseudo_labels(corpus, labels, np.array([[0.05, 0.8, 0.15], [0.4, 0.3, 0.3]]))
    ((twin,),) = corpus.pools["pseudo_labels"]
    assert corpus.files[twin] == Path("1") and corpus.mirrors[twin]
    assert "a photo of a dog" in {corpus.texts[t] for t in corpus.image_texts[twin]}
    concepts = [{name for name in labels if corpus.known(name) in own} for own in corpus.image_concepts]
    assert concepts == [{"dog", "canoe"}, {"hen", "dog", "canoe"}, {"dog", "canoe"}]


def test_a_held_out_name_is_in_no_text_of_any_set(tmp_path):
    corpus = read_corpus(write_sets(tmp_path))
    labels = imagenet_labels(tmp_path)
    add_pseudo_labels(corpus, labels, np.eye(6)[:2])  # both photos are sure: a hen, a great white shark
    views = corpus.views()
    hold_out(corpus, ["hen", "crane"])
    used = {corpus.texts[t] for texts in corpus.image_texts for t in texts}
    captions = {text for text in used if text.endswith(("0", "1"))}  # sentences stay: they are no names
    assert not any(name in text for text in used - captions for name in ("hen", "crane"))
    assert "a photo of a great white shark" in used and "an icon of farm" in used
    assert len(corpus.pools["imagenet_names"]) == 3 and len(corpus.pools["pseudo_labels"]) == 1
    assert all(corpus.image_texts[i] for groups in corpus.pools.values() for group in groups for i in group)
    assert corpus.views() == views  # so that what is kept on disk still fits
    texts, _ = named_drawings(corpus)
    assert "hen" not in {corpus.texts[t] for t in texts}


def test_held_labels_come_with_their_namesakes():
    labels = [f"thing {i}" for i in range(98)] + ["crane", "crane"]
    held = held_labels(labels, 60)
    assert held == held_labels(labels, 60)
    assert len({labels[i] for i in held}) in (59, 60)
    assert (98 in held) == (99 in held)
    assert held_labels(labels, 0) == []


def test_drawings_are_remembered_in_every_style_but_sketches_with_their_plain_names(tmp_path):
    corpus = read_corpus(write_sets(tmp_path))
    plain, *styled = drawing_views(corpus)
    assert [v.file.name for v in plain] == ["1.png", "2.png"] and len(styled) == len(STYLES) - 1
    used = [style for style in STYLES if style != "sketch"]
    assert styled == [[View(v.file, style) for v in plain] for style in used]
    texts, pairs = named_drawings(corpus)
    named = {(corpus.texts[texts[name]], drawing) for name, drawing in pairs}
    assert named == {("rooster", 0), ("hen", 0), ("farm", 0), ("waving hand", 1), ("wave", 1), ("hello", 1)}


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


@pytest.mark.needs_data
def test_no_validation_image_or_caption_is_trained_on(data_dir):
    corpus = read_corpus(data_dir)
    folders = {file.parent.parent.name for file in corpus.files}
    assert folders == set(TRAINING_SETS)
    rows = read_rows(data_dir / "flickr8k" / "captions.csv")
    dev = {row["file"] for row in rows if row["split"] != "train"}
    train = {row["file"] for row in rows if row["split"] == "train"}
    used = {str(f.relative_to(data_dir / "flickr8k")) for f in corpus.files if f.parent.parent.name == "flickr8k"}
    assert used == train and not used & dev
    by_split = [{r["caption"] for r in rows if (r["split"] == "train") == trained} for trained in (True, False)]
    only_dev = by_split[1] - by_split[0]
    alt = {row["caption"] for row in read_rows(data_dir / "web_alt_text" / "captions.csv")}
    assert not set(corpus.texts) & only_dev and not set(corpus.texts) & alt


@pytest.mark.needs_data
def test_two_hundred_names_can_be_held_out_of_the_real_sets(data_dir):
    corpus = read_corpus(data_dir)
    labels = imagenet_labels(data_dir)
    held = held_labels(labels, 200)
    names = {labels[i].lower() for i in held}
    hold_out(corpus, names)
    used = {corpus.texts[t].lower() for texts in corpus.image_texts for t in texts}
    assert not used & names and not used & {f"a photo of a {name}" for name in names}
    assert 200 <= len(held) <= 205 and len(corpus.pools["imagenet_names"]) == 1000 - len(held)


@pytest.mark.needs_data
def test_imagenet_labels_are_in_the_order_of_the_logits(data_dir):
    """The label head names the photographs: 1 in 1,000 if the order were wrong."""
    from core.encode.starter import StarterTowers

    rows = read_rows(data_dir / "imagenet_names" / "labels.csv")[::50]
    pixels = np.stack([View(data_dir / "imagenet_names" / row["file"]).pixels() for row in rows])
    labels = imagenet_labels(data_dir)
    guesses = [labels[i] for i in StarterTowers().image_parts(pixels).logits.argmax(axis=1)]
    assert np.mean([guess == row["label"] for guess, row in zip(guesses, rows)]) >= 0.6
