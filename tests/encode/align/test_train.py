"""The whole way in small: from the research folder to heads, card and model card, and measured again."""

import json

import numpy as np
import pytest

from core.encode.align import AlignSettings, measure_starter, train, train_starter
from core.encode.align.card import write_card
from core.encode.align.evaluate import Drawing
from core.encode.heads import load_heads
from core.encode.starter import HEADS_PATH
from tests.encode.align.toys import FakeTowers, write_sets

TINY = AlignSettings(
    dim=6, hidden=4, image_queries=2, image_width=3, text_queries=2, text_width=3, steps=2,
    batch={"flickr8k": 2, "imagenet_names": 2, "emoji_noto": 2},
)  # fmt: skip


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The folder of small sets; six labels, and local vectors that are not measured."""
    monkeypatch.setattr(train, "StarterTowers", lambda: FakeTowers(labels=6))
    monkeypatch.setattr(train.pointing, "measure", lambda encoder, data: {"cell with its own image": 0.5})
    monkeypatch.setattr(train, "StarterEncoder", lambda path: None)
    monkeypatch.setattr(train, "DIM", 8)
    return write_sets(tmp_path / "data")


def run(small, out, **more):
    drawn = [Drawing(small / "emoji_noto" / "images" / f"{i}.png", f"thing {i}", ("thing",)) for i in (1, 2)]
    return {"cache_dir": out.parent / "cache", "drawings": lambda: drawn, **more}


def test_heads_are_trained_measured_and_described(small, tmp_path):
    out = tmp_path / "out"
    card = train_starter(small, out, settings=TINY, members={"a": 3, "b": 4}, **run(small, out))
    heads = load_heads(out / "heads.safetensors")
    assert heads.fingerprint == card["sha256"] and heads.members == ("a", "b") and heads.dim == 8
    assert json.loads((out / "card.json").read_text()) == card
    assert set(card["figures"]) >= {"flickr8k dev", "web_alt_text", "caltech101", "dreambooth", "openmoji", "local vectors"}
    assert card["parts"][-1]["what"] == "rotated to 8: as shipped"
    assert card["parts"][-1]["figures"]["Caltech 1-NN"] == card["figures"]["caltech101"]["1-NN"]
    assert card["sha256"] in (out / "MODEL_CARD.md").read_text()


def test_measuring_again_changes_nothing_and_trains_nothing(small, tmp_path, monkeypatch):
    out = tmp_path / "out"
    trained = train_starter(small, out, settings=TINY, members={"a": 3}, hold=2, **run(small, out))
    assert len(trained["held_out"]) >= 2 and "held-out names" in trained["figures"]
    assert not any("other heads" in name for name in trained["figures"])
    before = (out / "MODEL_CARD.md").read_text()
    monkeypatch.setattr(train, "fit_member", None)
    assert measure_starter(small, out, **run(small, out)) == trained
    assert (out / "MODEL_CARD.md").read_text() == before


def test_a_member_is_trained_once_for_the_same_data_and_settings(small, tmp_path, monkeypatch):
    out, fits = tmp_path / "out", []
    fit = train.fit_member
    monkeypatch.setattr(train, "fit_member", lambda *args: (fits.append(1), fit(*args))[1])
    train_starter(small, out, settings=TINY, members={"a": 3}, **run(small, out))
    first = load_heads(out / "heads.safetensors")
    train_starter(small, out, settings=TINY, members={"a": 3}, **run(small, out))
    assert len(fits) == 1 and load_heads(out / "heads.safetensors").fingerprint == first.fingerprint
    (small / "flickr8k" / "images" / "train0.png").write_bytes(
        (small / "flickr8k" / "images" / "train1.png").read_bytes() + b"\0" * 9
    )
    train_starter(small, out, settings=TINY, members={"a": 3}, **run(small, out))
    assert len(fits) == 2  # other images, another member


def test_heads_that_are_not_for_use_never_replace_the_shipped_ones(capsys, small):
    from core.encode.align.__main__ import main

    with pytest.raises(SystemExit) as end:
        main(["--data", str(small), "--out", str(HEADS_PATH.parent), "--hold-out", "5"])
    assert end.value.code == 2 and "not for use" in capsys.readouterr().err


def test_the_shipped_model_card_is_what_its_numbers_give(tmp_path):
    card = json.loads((HEADS_PATH.parent / "card.json").read_text())
    write_card(tmp_path / "card.md", card)
    assert (tmp_path / "card.md").read_text() == (HEADS_PATH.parent / "MODEL_CARD.md").read_text()
    figures = [value for row in card["parts"] for value in row["figures"].values()]
    assert len(card["parts"]) == len(card["members"]) + 4 and np.isfinite(figures).all()
