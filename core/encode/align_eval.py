"""How good the heads are: figures on sets that no head was trained with.

Flickr8k dev and web_alt_text for captions, Caltech-101 for names and neighbours, DreamBooth for finding
the same object again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.encode.align_data import captions_by_file, read_rows
from core.encode.align_fit import image_features, text_features
from core.encode.heads import Heads, image_inputs, unit_rows

if TYPE_CHECKING:
    from core.encode.starter import StarterTowers

SUBSET_STEP = 8  # small enough for a test to measure again
SUBSET = "flickr8k dev, every 8th photograph"
NAME_PROMPT = "a photo of a {}"


def recall_at(similarity: np.ndarray, relevant: np.ndarray, ks: tuple[int, ...] = (1, 5, 10)) -> dict[str, float]:
    """Share of queries with a relevant answer among the first k, in per cent.

    Parameters
    ----------
    similarity : ndarray of float, shape (queries, answers)
    relevant : ndarray of bool, same shape
        Every query must have at least one relevant answer.
    """
    best = np.where(relevant, similarity, -np.inf).max(axis=1, keepdims=True)
    # The rank of the best relevant answer; an irrelevant one with the same score counts as before it.
    ahead = ((similarity >= best) & ~relevant).sum(axis=1)
    return {f"R@{k}": round(100 * float((ahead < k).mean()), 2) for k in ks}


def nearest_label_share(vectors: np.ndarray, labels: np.ndarray) -> float:
    """Leave-one-out 1-NN: the share of rows whose nearest other row has the same label, 0..1."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    return round(float((labels[similarity.argmax(axis=1)] == labels).mean()), 4)


def evaluate(heads: Heads, towers: StarterTowers, data_dir: Path, cache: Path) -> dict[str, dict[str, float]]:
    """Measure heads on every validation set.

    Returns
    -------
    dict of str to dict of str to float
        R@k in per cent; 1-NN and P@1 between 0 and 1, also for the raw features without a head.
    """
    out: dict[str, dict[str, float]] = {}
    for name, folder, split, step in (
        ("flickr8k dev", "flickr8k", "dev", 1),
        (SUBSET, "flickr8k", "dev", SUBSET_STEP),
        ("web_alt_text", "web_alt_text", None, 1),
    ):
        rows = [r for r in read_rows(data_dir / folder / "captions.csv") if r.get("split") == split]
        captions = {data_dir / folder / file: group for file, group in list(captions_by_file(rows).items())[::step]}
        texts = [text for group in captions.values() for text in group]
        owner = np.repeat(np.arange(len(captions)), [len(group) for group in captions.values()])
        x = heads.image(image_inputs(*image_features(towers, list(captions), cache)))
        similarity = heads.text(text_features(towers, texts, cache)) @ x.T
        relevant = owner[:, None] == np.arange(len(captions))
        out[name] = {
            **{f"text->image {k}": v for k, v in recall_at(similarity, relevant).items()},
            **{f"image->text {k}": v for k, v in recall_at(similarity.T, relevant.T).items()},
        }
    for name, label in (("caltech101", "label"), ("dreambooth", "instance")):
        rows = read_rows(data_dir / name / "labels.csv")
        labels = np.array([row[label] for row in rows])
        features, logits = image_features(towers, [data_dir / name / row["file"] for row in rows], cache)
        x = heads.image(image_inputs(features, logits))
        figure = "1-NN" if name == "caltech101" else "same instance P@1"
        out[name] = {
            figure: nearest_label_share(x, labels),
            f"{figure} raw features": nearest_label_share(unit_rows(features), labels),
        }
        if name == "caltech101":
            names = sorted(set(labels))
            words = [NAME_PROMPT.format(n.replace("_", " ").lower()) for n in names]
            guess = (heads.text(text_features(towers, words, cache)) @ x.T).argmax(axis=0)
            out[name]["zero-shot by name %"] = round(100 * float((np.array(names)[guess] == labels).mean()), 2)
    return out
