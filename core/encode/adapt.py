"""Adapting an encoder to a collection: two small residual heads on its unit vectors, fitted by contrast.

    head(x) = normalise(x + x A + b),   A = 0 and b = 0 at the start

Working on the encoder's output, it fits every encoder, needs no image decoded again, and turns vectors that are stored
into adapted ones by one product of matrices. A head with a hidden layer was no better where it was tried (names of the
fashion images: mean recall +18.7 with 256 hidden units, +18.9 without) and is harder to keep near the identity.
Written out in numpy: a step is a few small products, and the worker need not load torch for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from core.encode.adapt_data import Split, Words
from core.encode.heads import unit_rows

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Residual:
    """``normalise(x + x weight + bias)``; zeros are the identity.

    Attributes
    ----------
    weight : ndarray of float32, shape (dim, dim)
    bias : ndarray of float32, shape (dim,)
    """

    weight: np.ndarray
    bias: np.ndarray

    @classmethod
    def identity(cls, dim: int) -> Residual:
        """The head that changes nothing."""
        return cls(np.zeros((dim, dim), np.float32), np.zeros(dim, np.float32))

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Adapt float32 (n, dim) unit rows: float32 (n, dim), unit rows."""
        return unit_rows(rows + rows @ self.weight + self.bias)

    def scaled(self, share: float) -> Residual:
        """The head that goes only a share of the way from the identity."""
        return Residual((share * self.weight).astype(np.float32), (share * self.bias).astype(np.float32))


@dataclass(frozen=True)
class Fitted:
    """Heads and how they were come by.

    Attributes
    ----------
    image, text : Residual
    steps : int
        Steps taken up to the heads that were kept; 0: nothing was better on the validation part than no change.
    share : float
        How far of the way these heads go, chosen on the validation part.
    before, after : float
        Mean reciprocal rank on the validation part, of both directions, without and with the heads.
    """

    image: Residual
    text: Residual
    steps: int
    share: float
    before: float
    after: float


@dataclass(frozen=True)
class FitSettings:
    """Everything that decides what comes out, besides the data.

    Attributes
    ----------
    decay : float
        Pull of every weight towards 0, the identity, per unit of learning rate.
    stay : float
        Weight of ``1 - cosine`` between a vector and what becomes of it, divided by the number of training images: the
        fewer there are, the less is believed.
    dropout : float
        Share of a vector's numbers that the residual does not see in a step.
    look_every, patience : int
        The validation part is asked once in so many steps, and training ends after so many looks without a gain.
    """

    steps: int = 600
    batch: int = 256
    learning_rate: float = 3e-4
    decay: float = 0.1
    stay: float = 600.0
    dropout: float = 0.3
    temperature: float = 0.05
    look_every: int = 10
    patience: int = 10
    seed: int = 0


def fit(
    images: np.ndarray,
    texts: np.ndarray,
    words: Words,
    split: Split,
    settings: FitSettings = FitSettings(),
    on_progress: Progress | None = None,
) -> Fitted:
    """Fit both heads on the training part; when to stop and how far to go is decided on the validation part.

    The loss is the symmetric InfoNCE of CLIP (Radford et al., 2021, figure 3); a text that fits another image of the
    batch too is no negative for it. The third part of the split is not looked at.

    Parameters
    ----------
    images : ndarray of float32, shape (len(words.item_ids), dim)
        Unit rows.
    texts : ndarray of float32, shape (len(words.texts), dim)
    on_progress : callable, optional
        Called with (step, steps); what it raises ends the fit.
    """
    table = _table(words)
    rng = np.random.default_rng(settings.seed)
    stay = settings.stay / max(1, len(split.train))
    image_head, text_head = (_Trained(images.shape[1], settings, stay, rng) for _ in range(2))
    validation = _Validation(images, texts, words, split.validation)
    nothing = Residual.identity(images.shape[1])
    start = validation.score(nothing, nothing)
    best = Fitted(nothing, nothing, 0, 1.0, start, start)
    looks = 0
    for step, rows in zip(range(1, settings.steps + 1), _batches(split.train, settings.batch, rng)):
        picked = _one_text_each(table, rows, rng)
        fits = (table[rows][:, :, None] == picked).any(axis=1)
        np.fill_diagonal(fits, False)  # each pair itself is what is to be found
        a, b = image_head.forward(images[rows]), text_head.forward(texts[picked])
        to_a, to_b = _contrast(a, b, fits, settings.temperature)
        image_head.step(to_a)
        text_head.step(to_b)
        if on_progress is not None:
            on_progress(step, settings.steps)
        if step % settings.look_every == 0:
            found = image_head.head(), text_head.head()
            score = validation.score(*found)
            looks += 1
            if score > best.after:
                best, looks = replace(best, image=found[0], text=found[1], steps=step, after=score), 0
            elif looks >= settings.patience:
                break
    return _shortened(best, validation)


def _shortened(fitted: Fitted, validation: _Validation) -> Fitted:
    """The share of the way that is best on the validation part; the shorter one where it makes no difference."""
    best = fitted
    for share in (0.75, 0.5, 0.25) if fitted.steps else ():
        image, text = fitted.image.scaled(share), fitted.text.scaled(share)
        score = validation.score(image, text)
        if score >= best.after:
            best = replace(fitted, image=image, text=text, share=share, after=score)
    return best


# ---------------------------------------------------------------- one step


def _contrast(a: np.ndarray, b: np.ndarray, fits: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of the loss by both sides' unit rows; `fits` (bool, no diagonal) are not counted as negatives."""
    logits = np.where(fits, -1e4, (a @ b.T) / temperature)
    n = len(a)
    pull = 0.5 * (_softmax(logits) + _softmax(logits.T).T)
    pull[np.arange(n), np.arange(n)] -= 1.0
    pull = (pull / (n * temperature)).astype(np.float32)
    return pull @ b, pull.T @ a


def _softmax(logits: np.ndarray) -> np.ndarray:
    out = np.exp(logits - logits.max(axis=1, keepdims=True))
    return out / out.sum(axis=1, keepdims=True)


class _Trained:
    """A residual head under AdamW (Loshchilov and Hutter, 2019), whose decay pulls it towards the identity."""

    def __init__(self, dim: int, settings: FitSettings, stay: float, rng: np.random.Generator) -> None:
        self._settings, self._stay, self._rng = settings, stay, rng
        self._values = [np.zeros((dim, dim), np.float32), np.zeros(dim, np.float32)]
        self._first = [np.zeros_like(value) for value in self._values]
        self._second = [np.zeros_like(value) for value in self._values]
        self._steps = 0

    def head(self) -> Residual:
        """The head as it is now."""
        return Residual(*(value.copy() for value in self._values))

    def forward(self, rows: np.ndarray) -> np.ndarray:
        """Unit rows of a batch, with dropout on what the residual sees."""
        keep = np.float32(1 - self._settings.dropout)
        self._rows, self._seen = rows, rows * (self._rng.random(rows.shape, dtype=np.float32) < keep) / keep
        moved = rows + self._seen @ self._values[0] + self._values[1]
        self._lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        self._out = moved / self._lengths
        return self._out

    def step(self, gradient: np.ndarray) -> None:
        """Learn from the gradient by the rows of the last `forward`."""
        settings, self._steps = self._settings, self._steps + 1
        gradient = gradient - (self._stay / len(gradient)) * self._rows
        along = (gradient * self._out).sum(axis=1, keepdims=True)
        by_moved = (gradient - along * self._out) / self._lengths
        for n, by in enumerate((self._seen.T @ by_moved, by_moved.sum(axis=0))):
            self._first[n] += 0.1 * (by - self._first[n])
            self._second[n] += 0.001 * (by * by - self._second[n])
            direction = (self._first[n] / (1 - 0.9**self._steps)) / (
                np.sqrt(self._second[n] / (1 - 0.999**self._steps)) + 1e-8
            )
            self._values[n] -= settings.learning_rate * (direction + settings.decay * self._values[n])


def _batches(train: np.ndarray, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Batches without replacement, for ever; all of them where there are fewer than a batch."""
    size = min(size, len(train))
    while True:
        order = rng.permutation(train)
        for start in range(0, len(order) - size + 1, size):
            yield order[start : start + size]


def _table(words: Words) -> np.ndarray:
    """int64 (n_items, most texts of an item): `Words.fitting` as a table, -1 where an item has fewer."""
    out = np.full((len(words.fitting), max(map(len, words.fitting))), -1)
    for row, mine in enumerate(words.fitting):
        out[row, : len(mine)] = mine
    return out


def _one_text_each(table: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    counts = (table[rows] >= 0).sum(axis=1)
    return table[rows, (rng.random(len(rows)) * counts).astype(np.int64)]


# ---------------------------------------------------------------- when to stop


class _Validation:
    """Mean reciprocal rank of both directions on the validation part: smoother than recall where there are few images."""

    def __init__(self, images: np.ndarray, texts: np.ndarray, words: Words, items: np.ndarray) -> None:
        asked = words.texts_of(items)
        self._images, self._texts, self._fits = images[items], texts[asked], words.fits(items, asked)

    def score(self, image: Residual, text: Residual) -> float:
        """Between 0 and 1."""
        similarity = image(self._images) @ text(self._texts).T
        to_text = 1.0 / (1 + ranks_of_images(similarity, self._fits))
        to_image = pair_means(1.0 / (1 + ranks_of_pairs(similarity, self._fits)), self._fits)
        return float(0.5 * (to_text.mean() + to_image.mean()))


def ranks_of_images(similarity: np.ndarray, fits: np.ndarray) -> np.ndarray:
    """For each image, how many texts that do not fit it come before the best one that does.

    Parameters
    ----------
    similarity : ndarray of float, shape (n_images, n_texts)
    fits : ndarray of bool, same shape
        Every image has a text that fits.

    Returns
    -------
    ndarray of int64, shape (n_images,)
        Equal scores count as before.
    """
    best = np.where(fits, similarity, -np.inf).max(axis=1, keepdims=True)
    return ((similarity >= best) & ~fits).sum(axis=1)


def ranks_of_pairs(similarity: np.ndarray, fits: np.ndarray) -> np.ndarray:
    """For each (image, text) that fit, how many images that the text does not fit come before the image.

    Other images that fit are set aside: they are right answers too. Pairs are in the order of ``np.nonzero(fits)``.
    """
    wrong = np.sort(np.where(fits, np.inf, -similarity), axis=0)  # right answers go to the end
    images, texts = np.nonzero(fits)
    return np.array(
        [np.searchsorted(wrong[:, text], -similarity[image, text], side="right") for image, text in zip(images, texts)],
        dtype=np.int64,
    )


def pair_means(values: np.ndarray, fits: np.ndarray) -> np.ndarray:
    """Mean over each image's texts of something measured by pair, float64 (n_images,)."""
    images, _ = np.nonzero(fits)
    counts = np.bincount(images, minlength=len(fits))
    return np.bincount(images, weights=values, minlength=len(fits)) / counts


def mean_shift(head: Residual, rows: np.ndarray, mean: np.ndarray | None) -> np.ndarray | None:
    """Where an encoder's mean vector goes: it moves as these rows move on average. None stays None."""
    if mean is None:
        return None
    return (mean + (head(rows) - rows).mean(axis=0)).astype(np.float32)


def as_tensors(fitted: Fitted) -> Mapping[str, np.ndarray]:
    """The heads by the names they have in their file."""
    return {
        "image.weight": fitted.image.weight,
        "image.bias": fitted.image.bias,
        "text.weight": fitted.text.weight,
        "text.bias": fitted.text.bias,
    }
