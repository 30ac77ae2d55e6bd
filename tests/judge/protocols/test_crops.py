"""Boxes of GeneCIS: what they are called, and what is cut out."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from core.__main__ import main
from core.errors import InputError
from core.judge.protocols.crops import crop, crop_name, cut
from core.judge.protocols.reading import read_truth


def boxed(image_id, *box):
    return {"image_id": image_id, "instance_id": "7", "instance_bbox": list(box)}


FILE = json.dumps([{"reference": boxed(1, 10, 20, 30, 10), "target": boxed("2", 0, 0, 8, 8.5), "condition": "red",
                    "gallery": [boxed(1, 10, 20, 30, 10), boxed(3, 0, 0, 2, 2), {"val_image_id": 9}]}])  # fmt: skip


def test_a_box_is_grown_kept_inside_and_made_square_on_black():
    """Worked out by hand: left 10 - 21 < 0, top 20 - 7 = 13; right 0 + 51, bottom 13 + 17 = 30; 51 x 17 on 51 x 51."""
    image = Image.fromarray(np.full((40, 60, 3), 200, np.uint8))
    square = np.asarray(crop(image, (10, 20, 30, 10)))
    assert square.shape == (51, 51, 3) and square[:17].max() == 0 and square[17:34].min() == 200 and square[34:].max() == 0
    assert crop(image, (50, 30, 10, 10)).size == (17, 17)  # at the corner: from 43, 23 to 60, 40
    with pytest.raises(InputError, match="outside the image's 60 x 40 pixels"):
        crop(image, (90, 0, 5, 5))


def test_the_reader_names_the_files_that_cutting_writes(tmp_path):
    images, out = tmp_path / "VG" / "VG_100K", tmp_path / "out"
    images.mkdir(parents=True)
    out.mkdir()
    for number in (1, 2):
        Image.new("RGB", (64, 48), (number * 90, 0, 0)).save(images / f"{number}.jpg")
    (images / "3.jpg").write_bytes(b"no picture")
    seen = []
    found = cut(FILE, "change_attribute.json", tmp_path / "VG", out, lambda done, total: seen.append((done, total)))
    assert (found.n_boxes, found.n_written, found.n_there, found.missing) == (3, 2, 0, ()) and seen[-1] == (3, 3)
    assert [file for file, _ in found.unreadable] == ["3.jpg"]
    (asked,) = read_truth(FILE, "genecis", "change_attribute.json").queries
    assert asked.reference == crop_name("1", (10, 20, 30, 10)) == "1_10_20_30_10" and asked.targets == ("2_0_0_8_8p5",)
    assert asked.candidates == ("2_0_0_8_8p5", "1_10_20_30_10", "3_0_0_2_2", "000000000009")
    assert {file.stem for file in out.iterdir()} == {asked.reference, *asked.targets}
    again = cut(FILE, "x.json", images, out)
    assert (again.n_written, again.n_there) == (0, 2)


def test_the_command_says_what_is_missing(tmp_path, capsys):
    truth = tmp_path / "change_attribute.json"
    truth.write_text(FILE)
    assert main(["crops", "--truth", str(truth), "--images", str(tmp_path), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "0 crops written" in said.out and "of 3." in said.out and "3 images not found" in said.err
    assert main(["crops", "--truth", str(truth), "--images", str(tmp_path / "no"), "--out", str(tmp_path)]) == 2
    assert "There is no folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (boxed(1, 0, 0, 5), "A box of entry 1 of x.json cannot be read: four numbers"),
        (boxed(1, 0, 0, 5, float("nan")), "four numbers"),
        (boxed(1, 0, 0, 0, 5), "it is 0 x 5 pixels large"),
        (boxed("../../etc/x", 0, 0, 5, 5), "letters and digits are needed"),
        ({"val_image_id": 3}, "names no boxes"),
    ],
)
def test_boxes_that_cannot_be_cut(image, says, tmp_path):
    with pytest.raises(InputError, match=says):
        cut(json.dumps([{"reference": image}]), "x.json", tmp_path, tmp_path)
