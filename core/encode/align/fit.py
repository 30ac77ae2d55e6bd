"""Fit one member by contrast: an image and its text together, everything else in the batch apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.encode.align.corpus import Corpus
from core.encode.align.features import FeatureTable, Progress
from core.encode.align.model import Member, Noise
from core.encode.align.settings import AlignSettings
from core.encode.align.texts import TokenStates
from core.encode.parts import Standard
from core.encode.threads import cpu_threads

if TYPE_CHECKING:
    import torch

_BUCKETS = 3  # texts of like length go through the tower together


def fit_member(
    images: FeatureTable,
    texts: TokenStates,
    corpus: Corpus,
    blocks: torch.nn.ModuleList,
    settings: AlignSettings,
    on_progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """Train both heads and the text tower's last blocks; the rest of the towers stays as it is.

    The loss is the symmetric InfoNCE of CLIP (Radford et al., 2021, figure 3) with two changes: a pair
    whose text also fits the other image (`Corpus.image_concepts`) is no negative, and the target is
    smoothed. Weights are averaged over steps (Polyak and Juditsky, 1992).

    Parameters
    ----------
    images : FeatureTable
        Every view of `Corpus.views`.
    texts : TokenStates
        Of every text of the corpus.
    corpus : Corpus
    blocks : torch.nn.ModuleList
        The text tower's last blocks; changed in place.
    settings : AlignSettings
    on_progress : callable, optional
        Called with ("training", step, steps).

    Returns
    -------
    dict of str to ndarray
        The member's tensors in a heads file without the member's name, float32.
    """
    import torch

    torch.set_num_threads(cpu_threads())
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    noise, concepts = Noise(rng), ConceptTable(corpus)
    member = new_member(images, texts, corpus, blocks, settings)
    optimiser, schedule = _optimiser(member, settings)
    draws = [Draw(corpus.pools[name], n, rng) for name, n in settings.batch.items() if corpus.pools.get(name)]
    average = {name: value.detach().clone() for name, value in member.trained().items()}
    for step in range(settings.steps):
        rows = np.concatenate([draw.next() for draw in draws])
        picked = np.array([corpus.image_texts[i][rng.integers(len(corpus.image_texts[i]))] for i in rows])
        fits = torch.from_numpy(concepts.fits(rows, picked))
        views = [corpus.view(i, mirrored=corpus.mirrors[i] and rng.random() < 0.5) for i in rows]
        x = member.image_vectors(images.take(views), noise)
        y = _text_vectors(member, texts, picked, noise)
        logits = (member.log_scale.exp().clamp(max=100) * (x @ y.T)).masked_fill(fits, -1e4)
        loss = 0.5 * (smoothed(logits, fits, settings) + smoothed(logits.T, fits.T, settings))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            # The first steps weigh little: the average is not held back at the start.
            kept = min(settings.average_decay, (step + 1) / (step + 10))
            for name, value in member.trained().items():
                average[name].lerp_(value, 1 - kept)
        if on_progress is not None:
            on_progress("training", step + 1, settings.steps)
    with torch.no_grad():
        for name, value in member.trained().items():
            value.copy_(average[name])
    return member.tensors()


def smoothed(logits: torch.Tensor, fits: torch.Tensor, settings: AlignSettings) -> torch.Tensor:
    """Cross entropy to the diagonal, with a share of the target spread over the true negatives."""
    import torch

    logs = torch.log_softmax(logits, dim=1)
    others = ~fits
    others.fill_diagonal_(False)
    spread = (logs * others).sum(1) / others.sum(1).clamp(min=1)
    return -((1 - settings.label_smoothing) * logs.diagonal() + settings.label_smoothing * spread).mean()


class Draw:
    """Draws groups of a pool without replacement, again and again, and one image of each."""

    def __init__(self, groups: Sequence[Sequence[int]], n: int, rng: np.random.Generator) -> None:
        self.groups, self.n, self.rng = groups, min(n, len(groups)), rng
        self.order = np.empty(0, dtype=np.int64)

    def next(self) -> np.ndarray:
        """Numbers of images, at most `n`."""
        if len(self.order) < self.n:
            self.order = self.rng.permutation(len(self.groups))
        taken, self.order = self.order[: self.n], self.order[self.n :]
        return np.array([self.groups[g][self.rng.integers(len(self.groups[g]))] for g in taken])


class ConceptTable:
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


def new_member(
    images: FeatureTable, texts: TokenStates, corpus: Corpus, blocks: torch.nn.ModuleList, settings: AlignSettings
) -> Member:
    """A member whose inputs are standardised over the training images, and over the texts that are paired with one."""
    plain = [view for view in corpus.views() if not view.mirrored]
    used = np.unique(np.concatenate([np.array(own, dtype=np.int64) for own in corpus.image_texts]))
    sides = (images.take(plain, cells=False).inputs, texts.features[used])
    standards = [
        Standard(x.mean(axis=0), (1 / np.maximum(x.std(axis=0), settings.spread_floor)).astype(np.float32)) for x in sides
    ]
    some = images.take(plain[:1])
    return Member(settings, *standards, blocks, some.maps.shape[1], (some.maps.shape[2], some.low.shape[2]))


def _optimiser(
    member: Member, settings: AlignSettings
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    import torch

    matrices = [p for p in member.heads.values() if p.ndim >= 2]
    vectors = [p for p in member.heads.values() if p.ndim == 1] + [member.log_scale]
    groups: list[Mapping] = [
        {"params": matrices, "lr": settings.learning_rate, "weight_decay": settings.weight_decay},
        {"params": vectors, "lr": settings.learning_rate, "weight_decay": 0.0},
        {"params": list(member.tuned().values()), "lr": settings.tuned_rate, "weight_decay": settings.tuned_decay},
    ]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    warm_up = max(1, settings.steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda i: min((i + 1) / warm_up, 0.5 * (1 + math.cos(math.pi * i / settings.steps)) + 0.01),
    )
    return optimiser, schedule


def _text_vectors(member: Member, texts: TokenStates, picked: np.ndarray, noise: Noise) -> torch.Tensor:
    import torch

    order = np.argsort(texts.lengths[picked], kind="stable")
    chunks = [chunk for chunk in np.array_split(order, _BUCKETS) if len(chunk)]
    rows = torch.cat([member.text_vectors(*texts.batch(picked[chunk]), noise) for chunk in chunks])
    return rows[torch.from_numpy(np.argsort(order))]
