"""Make the files of ``data/starter``: the heads, their figures, and the model card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from core.encode.align import ablate, pointing
from core.encode.align.assemble import Ingredients, assemble, drawing_views
from core.encode.align.blocks import BlockSettings
from core.encode.align.card import write_card
from core.encode.align.corpus import (
    NAME_PROMPT,
    Corpus,
    add_pseudo_labels,
    held_labels,
    hold_out,
    imagenet_labels,
    read_corpus,
)
from core.encode.align.evaluate import Drawing, Encoding, evaluate, evaluate_held
from core.encode.align.features import VERSION as FEATURES_VERSION
from core.encode.align.features import FeatureTable, ImageCache, Progress, View, measure_low
from core.encode.align.fit import fit_member
from core.encode.align.settings import AlignSettings
from core.encode.align.texts import TokenStates, text_encoder, token_states, tuned_blocks
from core.encode.heads import Heads, load_heads, save_heads
from core.encode.parts import Standard, label_probabilities
from core.encode.starter import StarterEncoder, StarterTowers
from core.encode.weights import IMAGE_WEIGHTS, TEXT_WEIGHTS
from core.errors import InputError

TRAINING_SETS = ("flickr8k", "imagenet_names", "emoji_noto", "fashion")
VALIDATION_SETS = ("web_alt_text", "caltech101", "dreambooth")
MEMBERS = {"a": 3, "b": 4, "c": 5}  # a name and a seed each: trainings that differ in nothing else
DIM = 512
_STARTER = Path(__file__).resolve().parents[3] / "data" / "starter"
EXPERIMENTS = _STARTER / "experiments.json"
HELD_OUT = _STARTER / "held_out.json"
"""What a training with ``--hold-out 200`` measured: words that heads like the shipped ones were never trained with."""
_VERSION = "1"  # raise it when members come out differently from the same data and settings


def train_starter(
    data_dir: Path,
    out_dir: Path,
    *,
    settings: AlignSettings | None = None,
    members: Mapping[str, int] | None = None,
    hold: int = 0,
    cache_dir: Path | None = None,
    drawings: Callable[[], Sequence[Drawing]] | None = None,
    on_progress: Progress | None = None,
) -> dict:
    """Train the starter's heads and write ``heads.safetensors``, ``card.json`` and ``MODEL_CARD.md``.

    Parameters
    ----------
    data_dir : Path
        The research images: `TRAINING_SETS`, and for the figures ``flickr8k`` dev and `VALIDATION_SETS`.
    out_dir : Path
    settings : AlignSettings, optional
        Of every member; the seeds are those of `members`.
    members : Mapping of str to int, optional
        Names and seeds; `MEMBERS` by default.
    hold : int
        How many ImageNet names to leave out of training, to measure words that were never trained on.
    cache_dir : Path, optional
        Where features and members are kept between runs; ``build/align`` by default.
    drawings : callable, optional
        Gives drawings in a style that training has not seen; asked for when it is time to measure.
    on_progress : callable, optional
        Called with (stage, done, total).

    Returns
    -------
    dict
        What ``card.json`` holds: ``sha256``, ``towers``, ``settings``, ``blocks``, ``members``, ``training``,
        ``figures``, ``parts``, ``experiments``, and ``held_out`` where names were.

    Raises
    ------
    InputError
        When a set is missing from `data_dir`.
    """
    data_dir, out_dir = Path(data_dir).resolve(), Path(out_dir)
    settings, members = settings or AlignSettings(), members or MEMBERS
    _need_sets(data_dir)
    cache = Path(cache_dir or Path("build") / "align")
    corpus = read_corpus(data_dir)
    images = image_cache(corpus, cache, on_progress)
    labels = imagenet_labels(data_dir)
    held = held_labels(labels, hold)
    table = images.load(corpus.views())
    photos = table.take([corpus.view(i) for (i,) in corpus.pools["flickr8k"]], cells=False)
    add_pseudo_labels(corpus, labels, label_probabilities(photos.logits))
    hold_out(corpus, [labels[i] for i in held])
    texts = token_states([*corpus.texts, *(NAME_PROMPT.format(label) for label in labels)], cache, on_progress)
    fitted = {
        name: _member(name, table, texts, corpus, replace(settings, seed=seed), cache, on_progress)
        for name, seed in members.items()
    }
    made_of = Ingredients(
        corpus=corpus,
        images=table,
        low=images.low,
        drawings=images.load([view for views in drawing_views(corpus) for view in views], cells=False),
        labels=labels,
        label_features=texts.features[len(corpus.texts) :],
        held=held,
        text_features=texts.features,
    )
    path = out_dir / "heads.safetensors"
    sha256 = save_heads(path, assemble(fitted, made_of, DIM))
    card = {
        "sha256": sha256,
        "towers": {w.package: w.sha256 for w in (IMAGE_WEIGHTS, TEXT_WEIGHTS)},
        "settings": asdict(settings),
        "blocks": asdict(BlockSettings()),
        "members": dict(members),
        "training": {name: sum(map(len, groups)) for name, groups in corpus.pools.items()},
        **({"held_out": [labels[i] for i in held]} if held else {}),
    }
    return _measured(card, out_dir, data_dir, corpus, images, drawings)


def measure_starter(
    data_dir: Path,
    out_dir: Path,
    *,
    cache_dir: Path | None = None,
    drawings: Callable[[], Sequence[Drawing]] | None = None,
    on_progress: Progress | None = None,
) -> dict:
    """Measure the heads in `out_dir` again, and write the card anew; nothing is trained.

    Parameters
    ----------
    data_dir, out_dir, cache_dir, drawings, on_progress
        See `train_starter`.

    Raises
    ------
    InputError
        A set is missing, `out_dir` has no heads with their card, or the heads are not the ones of the card.
    """
    data_dir, out_dir = Path(data_dir).resolve(), Path(out_dir)
    try:
        card = json.loads((out_dir / "card.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{out_dir} has no card.json of trained heads: {error}") from error
    found = load_heads(out_dir / "heads.safetensors").fingerprint
    if found != card.get("sha256"):
        raise InputError(f"The heads in {out_dir} have the SHA-256 {found}, the card is of {card.get('sha256')}.")
    _need_sets(data_dir)
    corpus = read_corpus(data_dir)
    images = image_cache(corpus, Path(cache_dir or Path("build") / "align"), on_progress)
    return _measured(card, out_dir, data_dir, corpus, images, drawings)


def _need_sets(data_dir: Path) -> None:
    missing = [name for name in (*TRAINING_SETS, *VALIDATION_SETS) if not (data_dir / name).is_dir()]
    if missing:
        raise InputError(f"{data_dir} lacks the sets {', '.join(missing)}.")


def _measured(
    card: dict,
    out_dir: Path,
    data_dir: Path,
    corpus: Corpus,
    images: ImageCache,
    drawings: Callable[[], Sequence[Drawing]] | None,
) -> dict:
    """Measure the heads in `out_dir`, whole and in parts, and write ``card.json`` and ``MODEL_CARD.md``."""
    path = out_dir / "heads.safetensors"
    heads, drawn = load_heads(path), drawings() if drawings else ()

    def encoding(some: Heads) -> Encoding:
        return Encoding(some, text_encoder(some), images)

    whole = encoding(heads)
    figures = evaluate(whole, data_dir, drawn)
    bare = encoding(ablate.unrotated(heads))
    card["parts"] = ablate.measure(heads, bare, lambda part: evaluate(part, data_dir, drawn), figures)
    figures["local vectors"] = pointing.measure(StarterEncoder(path), data_dir)
    if card.get("held_out"):
        captions = [corpus.texts[t] for (image,) in corpus.pools["flickr8k"] for t in corpus.image_texts[image]]
        figures |= evaluate_held(whole, data_dir, card["held_out"], captions)
    elif HELD_OUT.is_file():
        figures |= json.loads(HELD_OUT.read_text(encoding="utf-8"))
    card["figures"] = figures
    card["experiments"] = json.loads(EXPERIMENTS.read_text(encoding="utf-8")) if EXPERIMENTS.is_file() else []
    (out_dir / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    write_card(out_dir / "MODEL_CARD.md", card)
    return card


def image_cache(corpus: Corpus, folder: Path, on_progress: Progress | None = None) -> ImageCache:
    """The cache of a corpus's images; the spread of the earlier stages is taken once and kept in it."""
    from safetensors.numpy import load_file, save_file

    towers = StarterTowers()
    photos = [corpus.view(image) for (image,) in corpus.pools["flickr8k"]]
    names = "\n".join(view.file.name for view in photos)
    kept = folder / f"low-{hashlib.sha256(names.encode()).hexdigest()[:16]}.safetensors"
    if not kept.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        measured = measure_low(towers, photos)
        partial = kept.with_suffix(".part")
        save_file({"mean": measured.mean, "scale": measured.scale}, partial)
        partial.replace(kept)
    return ImageCache(towers, folder, Standard(**load_file(kept)), on_progress)


def _member(
    name: str,
    images: FeatureTable,
    texts: TokenStates,
    corpus: Corpus,
    settings: AlignSettings,
    cache: Path,
    on_progress: Progress | None,
) -> dict[str, np.ndarray]:
    """A trained member, from the cache where the same data and settings have been trained on before."""
    from safetensors.numpy import load_file, save_file

    views: list[View] = [corpus.view(i) for i in range(len(corpus.files))]
    files = [f"{v.file.name} {v.file.stat().st_size} {v.style}" for v in views]
    data = [files, corpus.texts, corpus.image_texts, corpus.pools]
    words = json.dumps([_VERSION, FEATURES_VERSION, asdict(settings), *data, [sorted(c) for c in corpus.image_concepts]])
    kept = cache / f"member-{settings.seed}-{hashlib.sha256(words.encode()).hexdigest()[:16]}.safetensors"
    if not kept.is_file():

        def tell(stage: str, done: int, total: int) -> None:
            if on_progress is not None:
                on_progress(f"{stage} member {name}", done, total)

        partial = kept.with_suffix(".part")
        save_file(fit_member(images, texts, corpus, tuned_blocks(), settings, tell), partial)
        partial.replace(kept)
    return load_file(kept)
