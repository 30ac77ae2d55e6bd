"""Make the files of ``data/starter``: the heads, their figures, and the model card.

``python -m core.encode.align --data DIR --out data/starter`` reproduces the shipped heads to
within noise, in minutes on two cores.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from core.encode.align_card import write_card
from core.encode.align_data import Corpus, add_pseudo_labels, imagenet_labels, read_corpus
from core.encode.align_eval import evaluate
from core.encode.align_fit import AlignSettings, Progress, fit_heads, image_features, text_features
from core.encode.heads import PARTS, Head, image_inputs, load_heads, save_heads
from core.encode.starter import StarterTowers
from core.encode.weights import IMAGE_WEIGHTS, TEXT_WEIGHTS
from core.errors import InputError

TRAINING_SETS = ("flickr8k", "imagenet_names", "emoji_noto", "fashion")


def train_starter(
    data_dir: Path,
    out_dir: Path,
    *,
    settings: AlignSettings | None = None,
    cache_dir: Path | None = None,
    on_progress: Progress | None = None,
) -> dict:
    """Train the starter's heads and write ``heads.safetensors``, ``card.json`` and ``MODEL_CARD.md``.

    Parameters
    ----------
    data_dir : Path
        The research images: ``flickr8k``, ``imagenet_names``, ``emoji_noto``, ``fashion`` for training,
        ``flickr8k`` dev, ``web_alt_text``, ``caltech101``, ``dreambooth`` for the figures.
    out_dir : Path
    settings : AlignSettings, optional
    cache_dir : Path, optional
        Where the frozen features are kept between runs; ``build/align`` by default.
    on_progress : callable, optional
        Called with (stage, done, total).

    Returns
    -------
    dict
        What ``card.json`` holds: ``sha256``, ``settings``, ``figures``, ``training``.

    Raises
    ------
    InputError
        When a set is missing from `data_dir`.
    """
    data_dir, out_dir = Path(data_dir).resolve(), Path(out_dir)
    settings = settings or AlignSettings()
    cache = cache_dir or Path("build") / "align"
    missing = [name for name in TRAINING_SETS if not (data_dir / name).is_dir()]
    if missing:
        raise InputError(f"{data_dir} lacks the training sets {', '.join(missing)}.")
    towers = StarterTowers()
    corpus, images, texts = _features(towers, data_dir, cache, on_progress)
    tensors = fit_heads(images, texts, corpus, settings, on_progress)
    tensors |= _means(tensors, corpus, images, texts)
    return _write(tensors, corpus, settings, towers, data_dir, out_dir, cache)


def _write(
    tensors: dict[str, np.ndarray],
    corpus: Corpus,
    settings: AlignSettings,
    towers: StarterTowers,
    data_dir: Path,
    out_dir: Path,
    cache: Path,
) -> dict:
    """Save the heads, measure what was saved, and write both cards."""
    sha256 = save_heads(out_dir / "heads.safetensors", tensors, {"format": "loupe-heads-1", "seed": str(settings.seed)})
    card = {
        "sha256": sha256,
        "towers": {w.package: w.sha256 for w in (IMAGE_WEIGHTS, TEXT_WEIGHTS)},
        "settings": asdict(settings),
        "training": {name: sum(map(len, groups)) for name, groups in corpus.pools.items()},
        "figures": evaluate(load_heads(out_dir / "heads.safetensors"), towers, data_dir, cache),
    }
    (out_dir / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    write_card(out_dir / "MODEL_CARD.md", card)
    return card


def _features(
    towers: StarterTowers, data_dir: Path, cache: Path, on_progress: Progress | None
) -> tuple[Corpus, np.ndarray, np.ndarray]:
    corpus = read_corpus(data_dir)
    _, logits = image_features(towers, corpus.files, cache, on_progress, corpus.styles)
    roots = image_inputs(np.empty((len(logits), 0), np.float32), logits)
    add_pseudo_labels(corpus, imagenet_labels(data_dir), roots**2)
    images = image_inputs(*image_features(towers, corpus.files, cache, on_progress, corpus.styles))
    return corpus, images, text_features(towers, corpus.texts, cache, on_progress)


def _means(
    tensors: dict[str, np.ndarray], corpus: Corpus, images: np.ndarray, texts: np.ndarray
) -> dict[str, np.ndarray]:
    """Mean unit vectors of the Flickr training photographs and of their captions."""
    image_head = Head(*(tensors[f"image.{part}"] for part in PARTS))
    text_head = Head(*(tensors[f"text.{part}"] for part in PARTS))
    photos = [image for group in corpus.pools["flickr8k"] for image in group]
    captions = [text for image in photos for text in corpus.image_texts[image]]
    return {
        "image_mean": image_head(images[photos]).mean(axis=0),
        "text_mean": text_head(texts[captions]).mean(axis=0),
    }


def _main() -> int:
    import argparse
    import sys

    summary = "Train the starter's heads and write heads.safetensors, card.json and MODEL_CARD.md."
    parser = argparse.ArgumentParser(prog="python -m core.encode.align", description=summary)
    parser.add_argument("--data", type=Path, required=True, help="folder of the research images")
    parser.add_argument("--out", type=Path, default=Path("data/starter"))
    parser.add_argument("--cache", type=Path, default=None, help="where features are kept between runs")
    arguments = parser.parse_args()

    def show(stage: str, done: int, total: int) -> None:
        if done == total or done % 64 == 0:
            sys.stderr.write(f"\r{stage} {done:,} of {total:,}  ")

    card = train_starter(arguments.data, arguments.out, cache_dir=arguments.cache, on_progress=show)
    sys.stdout.write(json.dumps(card["figures"], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(_main())
