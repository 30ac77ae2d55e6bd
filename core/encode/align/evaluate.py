"""How good the heads are: figures on sets that no head was trained with.

Flickr8k dev and web_alt_text for captions, Caltech-101 for names and neighbours, DreamBooth for finding the same
object again, the demo's drawings for another style, held-out ImageNet names for words that were never trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.encode.align.corpus import NAME_PROMPT, captions_by_file, plain_words, read_rows
from core.encode.align.features import FeatureTable, ImageCache, View
from core.encode.heads import Heads
from core.encode.parts import Standard, unit_rows

SUBSET_STEP = 8  # small enough for a test to measure again
DEV = "flickr8k dev"
SUBSET = "flickr8k dev, every 8th photograph"
_CHUNK = 64

Texts = Callable[[Sequence[str]], np.ndarray]


class Encoding:
    """Images and texts through heads, each list of them once.

    Parameters
    ----------
    heads : Heads
    texts : callable
        Texts to unit rows of the joint space (`core.encode.align.texts.text_encoder`).
    cache : ImageCache
    """

    def __init__(self, heads: Heads, texts: Texts, cache: ImageCache) -> None:
        self._heads, self._texts, self._cache = heads, texts, cache
        self._images_kept: dict[tuple[Path, ...], tuple[np.ndarray, np.ndarray]] = {}
        self._texts_kept: dict[tuple[str, ...], np.ndarray] = {}

    def images(self, files: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
        """Joint vectors of image files, float32 (n, dim), and the tower's own features (n, 1280), unit rows."""
        key = tuple(files)
        if key not in self._images_kept:
            views = [View(file) for file in files]
            self._images_kept[key] = image_rows(self._heads, self._cache.load(views), self._cache.low, views)
        return self._images_kept[key]

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Joint vectors of texts: unit rows, float32 (n, dim)."""
        key = tuple(texts)
        if key not in self._texts_kept:
            self._texts_kept[key] = self._texts(texts)
        return self._texts_kept[key]


@dataclass(frozen=True)
class Part:
    """Some columns of another encoding, made unit rows again: what is left of heads when parts are taken out."""

    whole: Encoding
    columns: np.ndarray

    def images(self, files: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
        """See `Encoding.images`."""
        joint, raw = self.whole.images(files)
        return unit_rows(joint[:, self.columns]), raw

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """See `Encoding.texts`."""
        return unit_rows(self.whole.texts(texts)[:, self.columns])


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing with its name and the keywords it should be found by."""

    file: Path
    name: str
    keywords: tuple[str, ...]


def recall_at(similarity: np.ndarray, relevant: np.ndarray, ks: tuple[int, ...] = (1, 5, 10)) -> dict[str, float]:
    """Share of queries with a relevant answer among the first k, in per cent.

    Parameters
    ----------
    similarity : ndarray of float, shape (queries, answers)
    relevant : ndarray of bool, same shape
        Every query must have at least one relevant answer.
    ks : tuple of int
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


def named_among(vectors: np.ndarray, labels: np.ndarray, texts: Texts) -> dict[str, float]:
    """Name images by the nearest of their own labels: top-1 and top-5 in per cent, and what chance gives."""
    names = sorted(set(labels))
    order = (vectors @ texts([NAME_PROMPT.format(name) for name in names]).T).argsort(axis=1)[:, ::-1]
    right = np.array(names)[order] == labels[:, None]
    figures = {f"top-{k} %": round(100 * float(right[:, :k].any(axis=1).mean()), 2) for k in (1, 5)}
    return {"names": len(names), **figures, "chance top-1 %": round(100 / len(names), 2)}


def image_rows(
    heads: Heads, table: FeatureTable, low: Standard, views: Sequence[View]
) -> tuple[np.ndarray, np.ndarray]:
    """Joint vectors of views (n, dim) and the tower's own features (n, 1280), unit rows.

    Parameters
    ----------
    heads : Heads
    table : FeatureTable
    low : Standard
        By which the table's features were standardised.
    views : sequence of View
    """
    joint, raw = [], []
    for start in range(0, len(views), _CHUNK):
        some = table.take(views[start : start + _CHUNK])
        joint.append(heads.image(some.parts(low)))
        raw.append(unit_rows(some.features))
    return np.concatenate(joint), np.concatenate(raw)


def evaluate(
    encoding: Encoding | Part, data_dir: Path, drawings: Sequence[Drawing] = ()
) -> dict[str, dict[str, float]]:
    """Measure on every validation set.

    Parameters
    ----------
    encoding : Encoding or Part
    data_dir : Path
        Folder of the research images.
    drawings : sequence of Drawing
        Drawings in a style that training has not seen; none: no such figures.

    Returns
    -------
    dict of str to dict of str to float
        R@k in per cent; 1-NN and P@1 between 0 and 1, also for the tower's own features without heads.
    """
    out: dict[str, dict[str, float]] = {}
    for name, folder, split in ((DEV, "flickr8k", "dev"), ("web_alt_text", "web_alt_text", None)):
        rows = [row for row in read_rows(data_dir / folder / "captions.csv") if row.get("split") == split]
        captions = captions_by_file(rows)
        x, _ = encoding.images([data_dir / folder / file for file in captions])
        owner = np.repeat(np.arange(len(captions)), [len(own) for own in captions.values()])
        y = encoding.texts([text for own in captions.values() for text in own])
        out[name] = _both_ways(x, y, owner)
        if name == DEV:
            some = owner % SUBSET_STEP == 0
            out[SUBSET] = _both_ways(x[::SUBSET_STEP], y[some], owner[some] // SUBSET_STEP)
    for name, label, figure in (("caltech101", "label", "1-NN"), ("dreambooth", "instance", "same instance P@1")):
        rows = read_rows(data_dir / name / "labels.csv")
        labels = np.array([row[label].replace("_", " ").lower() for row in rows])
        x, raw = encoding.images([data_dir / name / row["file"] for row in rows])
        out[name] = {figure: nearest_label_share(x, labels), f"{figure} visual": nearest_label_share(raw, labels)}
        if name == "caltech101":
            out[name]["zero-shot by name %"] = named_among(x, labels, encoding.texts)["top-1 %"]
    if drawings:
        out["openmoji"] = _drawn(encoding, drawings)
    return out


def evaluate_held(
    encoding: Encoding, data_dir: Path, held: Sequence[str], captions: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Name the ImageNet photographs of names that were left out of training.

    Parameters
    ----------
    encoding, data_dir
        See `evaluate`.
    held : sequence of str
        The names that were left out.
    captions : sequence of str
        The captions that were trained on: one may mention a name that no set teaches, so the names that none mentions
        are counted apart.
    """
    names = {name.lower() for name in held}
    rows = [row for row in read_rows(data_dir / "imagenet_names" / "labels.csv") if row["label"].lower() in names]
    labels = np.array([row["label"] for row in rows])
    x, _ = encoding.images([data_dir / "imagenet_names" / row["file"] for row in rows])
    said = "\n".join(map(plain_words, captions))
    new = np.array([plain_words(label) not in said for label in labels], dtype=bool)
    out = {"held-out names": named_among(x, labels, encoding.texts)}
    if 0 < new.sum() < len(new):
        out["held-out names in no caption"] = named_among(x[new], labels[new], encoding.texts)
    return out


def _both_ways(x: np.ndarray, y: np.ndarray, owner: np.ndarray) -> dict[str, float]:
    """Recall of images by their texts and of texts by their images; text i belongs to image ``owner[i]``."""
    similarity = y @ x.T
    relevant = owner[:, None] == np.arange(len(x))
    ways = {"text->image": (similarity, relevant), "image->text": (similarity.T, relevant.T)}
    return {f"{way} {k}": value for way, pair in ways.items() for k, value in recall_at(*pair).items()}


def _drawn(encoding: Encoding | Part, drawings: Sequence[Drawing]) -> dict[str, float]:
    """Find drawings by their names and by their keywords; all drawings with the same one are right."""
    x, _ = encoding.images([drawing.file for drawing in drawings])
    out = {}
    for kind, own in (("names", [(d.name,) for d in drawings]), ("keywords", [d.keywords for d in drawings])):
        asked = [word for words in own for word in words]
        relevant = np.array([[word in words for words in map(set, own)] for word in asked])
        found = recall_at(encoding.texts(asked) @ x.T, relevant)
        out |= {f"{kind} {k}": value for k, value in found.items()}
    return out
