"""What hub corrections bring with the starter on Flickr8k dev, both ways, on vectors of a CLIP made for fashion, and on
made-up vectors with planted hubs.

Every method is tuned on the captions of one half of the images and reported on the other half. Banks hold captions (or
images) of the training part, which are not in the gallery, and, for words that ask, the first captions of the gallery's
own images, which do not ask. R@k: a right answer among the first k. A line holds R@1, R@10, skewness@10 and how many
items are never found; in brackets the difference to raw in points with the paired bootstrap interval.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core.encode import load_encoder
from core.judge.proof import Bank, Proof, Trial, cut, prove
from core.judge.proof import Row as Tried
from tests.bench.rows import Row

DATA = Path(os.environ.get("LOUPE_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
BANK_CAPTIONS, BANK_IMAGES = 2_000, 1_000
OTHER, SAME, ITSELF = "other images", "the same images", "the gallery itself"


def measure() -> Iterator[Row]:
    yield from rows("planted hubs", prove(planted()))
    if not DATA.is_dir():
        raise SystemExit(f"The part proof needs the research images, and {DATA} is absent; set LOUPE_DATA.")
    for name, trial in (*flickr(), ("fashion-clip text->image", fashion())):
        yield from rows(name, prove(trial))


def rows(name: str, found: Proof) -> Iterator[Row]:
    """Raw and every method, a line each."""
    best = found.rows[found.judged].words if found.recommended else "leave it off"
    said = f"{found.n_items:,} items, {found.n_tuning:,} + {found.n_test:,} questions; advice: {best}"
    for one in (found.raw, *found.rows):
        label = f"{name}, raw ({said})" if one is found.raw else f"{name}, {one.words}, bank {one.bank}"
        shown = [_beside(one, metric) for metric in ("R@1", "R@10")]
        shown += [f"skewness {one.skewness:.2f}", f"never found {one.antihub_share:.1%}"]
        yield Row("proof", label, one.figure("R@1").after, "%", shown=" · ".join(shown))


def _beside(one: Tried, metric: str) -> str:
    figure = one.figure(metric)
    change = "" if one.method == "none" else f" ({figure.change.value:+.1f} [{figure.change.low:.1f}, {figure.change.high:.1f}])"
    return f"{metric} {figure.after:.1f}{change}"


def flickr(n: int | None = None) -> Iterator[tuple[str, Trial]]:
    """Text to image and image to text; of the first `n` dev images, or all."""
    folder = DATA / "flickr8k"
    captions: dict[str, dict[str, list[str]]] = {"train": {}, "dev": {}}
    with open(folder / "captions.csv", encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            captions[line["split"]].setdefault(line["file"], []).append(line["caption"])
    dev = dict(list(captions["dev"].items())[:n])
    others = np.random.default_rng(0).permutation(sorted(captions["train"]))[: n or BANK_CAPTIONS]
    encoder = load_encoder("starter")
    images = encoder.encode_images([folder / name for name in dev])
    apart = encoder.encode_texts([captions["train"][name][0] for name in others])
    apart_images = encoder.encode_images([folder / name for name in others[:BANK_IMAGES]])
    asked, owner = _flat([texts[1:] for texts in dev.values()])
    every, owner_of_all = _flat(list(dev.values()))
    part = cut(np.arange(len(dev)), (0.5, 0.5)) == 1
    first = Bank(SAME, encoder.encode_texts([texts[0] for texts in dev.values()]), served="captions")
    itself = Bank(ITSELF, images, np.arange(len(images)), "items")
    yield "Flickr8k dev text->image", Trial(
        encoder.encode_texts(asked), images, tuple({int(o): 1} for o in owner), owner, part[owner],
        (Bank(OTHER, apart, served="captions"), first, itself),
    )  # fmt: skip
    right = tuple(dict.fromkeys(np.flatnonzero(owner_of_all == at).tolist(), 1) for at in range(len(dev)))
    yield "Flickr8k dev image->text", Trial(
        images, encoder.encode_texts(every), right, np.arange(len(dev)), part, (Bank(OTHER, apart_images, served="items"),)
    )


def fashion() -> Trial:
    """A third of the captions are the bank, and their images are not in the gallery."""
    folder = DATA / "fashion_clip_vectors"
    images, texts = (_unit(np.load(folder / f"{kind}_embeddings.npy")) for kind in ("image", "text"))
    part = cut(np.arange(len(images)), (1 / 3, 1 / 3, 1 / 3))
    gallery = np.flatnonzero(part > 0)
    places = np.arange(len(gallery))
    return Trial(
        texts[gallery], images[gallery], tuple({int(at): 1} for at in places), places, part[gallery] == 2,
        (Bank(OTHER, texts[part == 0], served="captions"), Bank(ITSELF, images[gallery], places, "items")),
    )  # fmt: skip


def planted(n: int = 1_000, n_hubs: int = 10, dim: int = 64, seed: int = 0) -> Trial:
    """Each query is near its own item; some more items lie where the queries are densest and are nobody's right answer."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(dim)
    items = _unit(common + rng.standard_normal((n, dim)))

    def asking(about: np.ndarray) -> np.ndarray:
        return _unit(common + about * np.sqrt(dim) + 1.6 * rng.standard_normal(about.shape))

    queries, others = asking(items), asking(_unit(common + rng.standard_normal((n, dim))))
    hubs = _unit(queries.mean(axis=0) + 0.02 * rng.standard_normal((n_hubs, dim)))
    places = np.arange(n)
    gallery = np.vstack([items, hubs]).astype(np.float32)
    itself = Bank(ITSELF, gallery, np.arange(len(gallery)), "items")
    return Trial(
        queries, gallery, tuple({int(at): 1} for at in places), places, cut(places, (0.5, 0.5), seed) == 1,
        (Bank(OTHER, others, served="captions"), itself),
    )  # fmt: skip


def _flat(groups: list[list[str]]) -> tuple[list[str], np.ndarray]:
    return [text for texts in groups for text in texts], np.repeat(np.arange(len(groups)), [len(texts) for texts in groups])


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
