"""Local vectors: the pointing game with oracles that know the answer, or nothing; and the shipped ones."""

import json

import numpy as np
import pytest
from PIL import Image

from core.encode import load_encoder
from core.encode.align import pointing
from core.encode.starter import HEADS_PATH

SIDE = 65
RED = np.array([1.0, 0.0], np.float32)


def reddest(images):
    """Local vectors by hand: how red the middle of each cell is."""
    middles = ((np.arange(9) + 0.5) * 260 / 9).astype(int)
    out = np.zeros((len(images), 81, 2), np.float32)
    for n, image in enumerate(images):
        out[n, :, 0] = np.asarray(image)[np.ix_(middles, middles)][..., 0].ravel() / 255
        out[n, :, 1] = 0.1
    return out


def pictures(n, colour):
    return [Image.new("RGB", (90, 70), colour) for _ in range(n)]


def test_an_oracle_always_points_at_the_thing_and_guesses_do_not():
    texts = np.repeat(RED[None], 60, axis=0)
    found = pointing.points_at(reddest, pictures(60, "black"), pictures(60, "red"), texts, 0 * RED, SIDE)
    assert found["hottest cell on the thing %"] == 100
    # 65 of 260 pixels: the middle is covered by (65 / 195)^2 = 11 % of places, a cell drawn at random by 1/16 = 6 %
    assert found["middle on the thing %"] == pytest.approx(11, abs=10)
    assert found["random cell on the thing %"] == pytest.approx(6.2, abs=1.5)


def test_one_who_knows_nothing_is_as_good_as_a_corner():
    nothing = pointing.points_at(
        lambda images: np.zeros((len(images), 81, 2), np.float32),
        pictures(60, "black"), pictures(60, "red"), np.repeat(RED[None], 60, axis=0), 0 * RED, SIDE,
    )  # fmt: skip
    assert nothing["hottest cell on the thing %"] < 15  # the first cell, always


def test_the_usual_text_is_no_evidence():
    local = np.array([[[0.9, 0.1], [0.2, 0.8]]], np.float32)
    text, usual = np.array([0.8, 0.6], np.float32), np.array([0.8, 0.0], np.float32)
    np.testing.assert_allclose(pointing.heat(local, text, usual), [[0.06, 0.48]], atol=1e-6)


def test_agreement_by_hand():
    joint = np.eye(2, dtype=np.float32)
    local = np.stack([np.stack([joint[0], joint[0]]), np.stack([joint[1], joint[0]])])
    assert pointing.agreement(local, joint) == {
        "cell with its own image": 0.75,  # 1, 1, 1, 0
        "cell with another image": 0.25,
        "image found by the mean of its cells %": 50.0,  # the second one's mean is as near to the first
    }


def test_things_are_pasted_whole():
    rng = np.random.default_rng(0)
    for _ in range(20):
        picture, (x, y) = pointing.pasted(*pictures(1, "black"), *pictures(1, "red"), SIDE, rng)
        red = np.argwhere(np.asarray(picture)[..., 0] > 200)
        assert len(red) == SIDE**2 and tuple(red[0]) == (y, x)


@pytest.mark.needs_data
def test_the_shipped_local_vectors_point_as_the_card_says(data_dir):
    """Fifty scenes of the card's two hundred: far better than the middle of the picture."""
    card = json.loads((HEADS_PATH.parent / "card.json").read_text())["figures"]["local vectors"]
    assert card["hottest cell on the thing of 65 px, %"] > 2 * card["middle on the thing of 65 px, %"]
    found = pointing.measure(load_encoder("starter"), data_dir, n=50, sides=(65,))
    assert found["cell with its own image"] > found["cell with another image"] + 0.3
    assert found["hottest cell on the thing of 65 px, %"] > 1.3 * found["middle on the thing of 65 px, %"]
    assert found["hottest cell on the thing of 65 px, %"] == pytest.approx(
        card["hottest cell on the thing of 65 px, %"], abs=20
    )
