"""Fit projection heads by contrast: an image and its text together, everything else in the batch apart.

`fit_heads` works on any frozen features; `core.encode.align` uses it for the heads that ship in
``data/starter``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.encode.align_data import Corpus
from core.encode.heads import PARTS
from core.encode.threads import cpu_threads

if TYPE_CHECKING:
    import torch

    from core.encode.starter import StarterTowers

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class AlignSettings:
    """Everything that decides what comes out, besides the data.

    Attributes
    ----------
    batch : Mapping of str to int
        How many image-text pairs a step draws from each pool.
    spread_floor : float
        Smallest spread an input is divided by.
    average_decay : float
        Weights are averaged over about ``1 / (1 - average_decay)`` steps; the average is what ships.
    """

    dim: int = 512
    hidden: int = 512
    steps: int = 700
    batch: Mapping[str, int] = field(
        default_factory=lambda: {
            "flickr8k": 384,
            "imagenet_names": 96,
            "pseudo_labels": 48,
            "emoji_noto": 96,
            "emoji_redrawn": 256,
            "fashion": 48,
        }
    )
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    dropout: float = 0.5
    input_dropout: float = 0.3
    label_smoothing: float = 0.1
    temperature: float = 0.05
    spread_floor: float = 0.05
    average_decay: float = 0.995
    seed: int = 0


def fit_heads(
    images: np.ndarray,
    texts: np.ndarray,
    corpus: Corpus,
    settings: AlignSettings,
    on_progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """Train both heads on frozen features.

    The loss is the symmetric InfoNCE of CLIP (Radford et al., 2021, figure 3) with two changes: a pair
    whose text also fits the other image (`Corpus.image_concepts`) is no negative, and the target is
    smoothed. Weights are averaged over steps (Polyak and Juditsky, 1992).

    Parameters
    ----------
    images : ndarray of float32, shape (n_images, inputs)
        `core.encode.heads.image_inputs` of every image of the corpus.
    texts : ndarray of float32, shape (n_texts, 384)
    corpus : Corpus
    settings : AlignSettings
    on_progress : callable, optional
        Called with ("training", step, steps).

    Returns
    -------
    dict of str to ndarray
        The tensors of a heads file, float32.
    """
    import torch

    torch.set_num_threads(cpu_threads())
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    image_head, text_head = (_TrainableHead(inputs, settings, rng) for inputs in (images, texts))
    both = torch.nn.ModuleList([image_head.layers, text_head.layers])
    log_scale = torch.nn.Parameter(torch.tensor(np.log(1 / settings.temperature), dtype=torch.float32))
    matrices = [p for p in both.parameters() if p.ndim == 2]
    vectors = [p for p in both.parameters() if p.ndim == 1] + [log_scale]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=settings.learning_rate,
    )
    warm_up = max(1, settings.steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda i: min((i + 1) / warm_up, 0.5 * (1 + np.cos(np.pi * i / settings.steps)) + 0.01),
    )
    averaging = torch.optim.swa_utils.get_ema_multi_avg_fn(settings.average_decay)
    average = torch.optim.swa_utils.AveragedModel(both, multi_avg_fn=averaging)
    concepts = _ConceptTable(corpus)
    draws = {name: _Draw(corpus.pools[name], n, rng) for name, n in settings.batch.items() if corpus.pools.get(name)}
    for step in range(settings.steps):
        rows = np.concatenate([draw.next() for draw in draws.values()])
        picked = np.array([corpus.image_texts[i][rng.integers(len(corpus.image_texts[i]))] for i in rows])
        fits = torch.from_numpy(concepts.fits(rows, picked))
        logits = log_scale.exp().clamp(max=100) * (image_head(rows) @ text_head(picked).T)
        logits = logits.masked_fill(fits, -1e4)
        loss = 0.5 * (_smoothed(logits, fits, settings) + _smoothed(logits.T, fits.T, settings))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        average.update_parameters(both)
        if on_progress is not None:
            on_progress("training", step + 1, settings.steps)
    tensors: dict[str, np.ndarray] = {}
    for name, head, layers in zip(("image", "text"), (image_head, text_head), average.module):
        tensors |= {f"{name}.{part}": value for part, value in head.tensors(layers).items()}
    return tensors


def _smoothed(logits: torch.Tensor, fits: torch.Tensor, settings: AlignSettings) -> torch.Tensor:
    """Cross entropy to the diagonal, with a share of the target spread over the true negatives."""
    import torch

    logs = torch.log_softmax(logits, dim=1)
    others = ~fits
    others.fill_diagonal_(False)
    spread = (logs * others).sum(1) / others.sum(1).clamp(min=1)
    return -((1 - settings.label_smoothing) * logs.diagonal() + settings.label_smoothing * spread).mean()


class _TrainableHead:
    """The torch form of `core.encode.heads.Head`, on inputs that are standardised once beforehand."""

    def __init__(self, inputs: np.ndarray, settings: AlignSettings, rng: np.random.Generator) -> None:
        import torch
        from torch import nn

        self.settings, self.rng = settings, rng
        # Rare labels have a tiny spread; without a floor one odd photo would shout.
        self.mean = inputs.mean(0)
        self.scale = (1 / np.maximum(inputs.std(0), settings.spread_floor)).astype(np.float32)
        self.inputs = torch.from_numpy((inputs - self.mean) * self.scale).to(torch.bfloat16)
        n = inputs.shape[1]
        self.layers = nn.ModuleDict(
            {
                "skip": nn.Linear(n, settings.dim, bias=False),
                "up": nn.Linear(n, settings.hidden),
                "down": nn.Linear(settings.hidden, settings.dim),
            }
        )

    def __call__(self, rows: np.ndarray) -> torch.Tensor:
        """Project some rows of the inputs, with dropout: float32 (b, dim), unit rows."""
        import torch
        from torch.nn import functional as F

        x = self._drop(self.inputs[torch.from_numpy(rows)], self.settings.input_dropout)
        with torch.autocast("cpu", torch.bfloat16):
            hidden = self._drop(F.gelu(self.layers["up"](x), approximate="tanh"), self.settings.dropout)
            out = self.layers["skip"](x) + self.layers["down"](hidden)
        return F.normalize(out.float())

    def tensors(self, layers: torch.nn.ModuleDict) -> dict[str, np.ndarray]:
        """The parts of `core.encode.heads.Head`, float32."""
        up, down = layers["up"], layers["down"]
        weights = (layers["skip"].weight.T, up.weight.T, up.bias, down.weight.T, down.bias)
        values = (self.mean, self.scale, *(w.detach().numpy().copy() for w in weights))
        return dict(zip(PARTS, values))

    def _drop(self, x: torch.Tensor, share: float) -> torch.Tensor:
        """Dropout with bytes from numpy: torch's own draws took a third of a step."""
        import torch

        level = round(share * 256)
        drawn = np.frombuffer(bytearray(self.rng.bytes(x.numel())), dtype=np.uint8).reshape(x.shape)
        return x * (torch.from_numpy(drawn) >= level).to(x.dtype) * (256 / (256 - level))


class _Draw:
    """Draws groups of a pool without replacement, again and again, and one image of each."""

    def __init__(self, groups: Sequence[Sequence[int]], n: int, rng: np.random.Generator) -> None:
        self.groups, self.n, self.rng = groups, min(n, len(groups)), rng
        self.order = np.empty(0, dtype=np.int64)

    def next(self) -> np.ndarray:
        if len(self.order) < self.n:
            self.order = self.rng.permutation(len(self.groups))
        taken, self.order = self.order[: self.n], self.order[self.n :]
        return np.array([self.groups[g][self.rng.integers(len(self.groups[g]))] for g in taken])


class _ConceptTable:
    """Which texts of a batch fit which images, beyond their own pair."""

    def __init__(self, corpus: Corpus) -> None:
        from scipy.sparse import csr_matrix

        n_concepts = 1 + max(max(corpus.text_concept), max(max(c, default=0) for c in corpus.image_concepts))
        rows = np.repeat(np.arange(len(corpus.files)), [len(c) for c in corpus.image_concepts])
        columns = np.array([c for concepts in corpus.image_concepts for c in sorted(concepts)])
        self.table = csr_matrix((np.ones(len(rows), np.int8), (rows, columns)), (len(corpus.files), n_concepts))
        self.text_concept = np.array(corpus.text_concept)

    def fits(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """bool (b, b); the diagonal, each pair itself, is False: it is the positive, not a thing to mask."""
        fits = self.table[images][:, self.text_concept[texts]].toarray() > 0
        np.fill_diagonal(fits, False)
        return fits


# ---------------------------------------------------------------- frozen features


def image_features(
    towers: StarterTowers,
    files: Sequence[Path],
    cache: Path,
    on_progress: Progress | None = None,
    styles: Sequence[str] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, 1280) and label logits (n, 1000) of image files, kept in `cache` by file, size and style."""
    from concurrent.futures import ThreadPoolExecutor

    wanted = list(zip(files, styles or [""] * len(files)))
    unique = list(dict.fromkeys(wanted))
    words = "\n".join(f"{f.parent.parent.name}/{f.name} {f.stat().st_size} {style}" for f, style in unique)
    kept = cache / f"images-{hashlib.sha256(words.encode()).hexdigest()[:16]}.npz"
    if not kept.is_file():
        features, logits = [], []
        with ThreadPoolExecutor(cpu_threads()) as pool:
            for start in range(0, len(unique), 64):
                chunk = unique[start : start + 64]
                a, b = towers.image_features(np.stack(list(pool.map(_pixels, chunk))))
                features.append(a)
                logits.append(b)
                if on_progress is not None:
                    on_progress("images", start + len(chunk), len(unique))
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(kept, features=np.concatenate(features), logits=np.concatenate(logits))
    place = {image: row for row, image in enumerate(unique)}
    rows = [place[image] for image in wanted]
    with np.load(kept, allow_pickle=False) as stored:
        return stored["features"][rows], stored["logits"][rows]


def _pixels(image: tuple[Path, str]) -> np.ndarray:
    from core.encode.align_styles import redraw
    from core.encode.lite2 import INPUT_PX
    from core.encode.starter import squash
    from core.ingest.images import open_image

    file, style = image
    return squash(redraw(file, style) if style else open_image(file, target_px=INPUT_PX))


def text_features(
    towers: StarterTowers, texts: Sequence[str], cache: Path, on_progress: Progress | None = None
) -> np.ndarray:
    """Features (n, 384) of texts, kept in `cache` by their words."""
    kept = cache / f"texts-{hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:16]}.npy"
    if not kept.is_file():
        out = np.empty((len(texts), 384), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), 64):
            chunk = order[start : start + 64]
            out[chunk] = towers.text_features([texts[i] for i in chunk])
            if on_progress is not None:
                on_progress("texts", start + len(chunk), len(order))
        cache.mkdir(parents=True, exist_ok=True)
        np.save(kept, out)
    return np.load(kept, allow_pickle=False)
