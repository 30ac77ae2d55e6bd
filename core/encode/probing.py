"""Measuring an encoder on this machine: images a second, and what bfloat16 would cost in recall."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.encode import load_encoder, precisions_of
from core.encode.machine import has_bf16
from core.encode.measured import Measured
from core.encode.protocol import IMAGE_CHUNK, Encoder

if TYPE_CHECKING:
    from PIL import Image

PROBE_S = 3.0
PROBE_PX = 500
MOST_LOST = 0.5
"""Points of recall at 10 that bfloat16 may cost at most."""
FASTER = 1.1
"""bfloat16 is not looked into where it is not at least this much faster."""
GATE_IMAGES = 200
HALVES = 20

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Captioned:
    """Pictures with a name each, for the comparison: the caption of each should find it."""

    images: Sequence[Image.Image]
    texts: Sequence[str]


def pictures(n: int = IMAGE_CHUNK, size: int = PROBE_PX) -> list[Image.Image]:
    """`n` generated pictures, always the same: smooth colours with grain, the size of a small photograph."""
    from PIL import Image as Pillow

    rng = np.random.default_rng(20)
    made = []
    for _ in range(n):
        coarse = Pillow.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((size, size * 3 // 4), Pillow.Resampling.BICUBIC), dtype=np.int16)
        grain = rng.integers(-12, 13, smooth.shape, dtype=np.int16)
        made.append(Pillow.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8)))
    return made


def images_per_s(encoder: Encoder, seconds: float = PROBE_S, check: Callable[[], None] = lambda: None) -> float:
    """How many images in memory become vectors in a second: resized and encoded, decoding left out.

    The first batch warms the model up and is not counted. At least one batch is, however long it takes.
    """
    from concurrent.futures import ThreadPoolExecutor

    from core.encode.threads import cpu_threads

    images = pictures()
    with ThreadPoolExecutor(cpu_threads()) as pool:
        # One image alone first: a model of ten seconds an image has its answer after two of them, not after 32.
        began = time.perf_counter()
        encoder.encode_prepared(np.stack([encoder.prepare(images[0])]))
        slow = time.perf_counter() - began > seconds / 4
        batch = images[: 2 if slow else len(images)]
        encoder.encode_prepared(np.stack(list(pool.map(encoder.prepare, batch))))
        check()
        done, began = 0, time.perf_counter()
        while True:
            encoder.encode_prepared(np.stack(list(pool.map(encoder.prepare, batch))))
            done += len(batch)
            took = time.perf_counter() - began
            check()
            if took >= seconds:
                return done / took


def recall_at_10(texts: np.ndarray, images: np.ndarray) -> float:
    """Percent of texts that find their own image among the first ten, averaged over 20 fixed galleries.

    Row i of both belongs together. Each gallery is a random half of the images (fixed seeds), asked by the texts of that
    half; averaging over them keeps a rank that moves from 10 to 11 by chance from counting as half a point.

    Parameters
    ----------
    texts, images : ndarray of float32, shape (n, d)
        Unit rows.

    Returns
    -------
    float
        0 to 100; 0 where there is nothing.
    """
    n = len(texts)
    if n == 0:
        return 0.0
    scores = texts @ images.T
    shares = []
    for seed in range(HALVES):
        half = np.random.default_rng(seed).permutation(n)[: max(1, n // 2)]
        own = scores[half, half]
        # Ties count against: an encoder that gives every image the same score finds nothing.
        above = (scores[np.ix_(half, half)] >= own[:, None]).sum(axis=1) - 1
        shares.append(float((above < 10).mean()))
    return 100.0 * float(np.mean(shares))


def measure(
    name: str,
    captioned: Callable[[], Captioned],
    *,
    seconds: float = PROBE_S,
    tell: Tell = lambda stage, done, total: None,
    check: Callable[[], None] = lambda: None,
    allowed: bool | None = None,
) -> Measured:
    """Measure an encoder here, and settle which precision it indexes in.

    bfloat16 is chosen where the processor has instructions for it, it is at least a tenth faster, and `recall_at_10` of
    the captioned pictures falls by at most 0.5 points: images encoded in either precision, texts in float32 in both, as
    a search does it.

    Parameters
    ----------
    captioned : callable
        Gives the pictures of the comparison; asked only where there is something to compare.
    tell : callable
        Called with (stage, done, total).
    check : callable
        Called often; raises to stop.
    allowed : bool, optional
        Whether the processor has bfloat16; None: find out.
    """
    exact = load_encoder(name)
    tell("measuring the speed", 0, 0)
    fp32 = images_per_s(exact, seconds, check)
    settled = Measured(exact.fingerprint, fp32, exact.engine, exact.precision, fp32)
    capable = has_bf16() if allowed is None else allowed
    if not capable or "bfloat16" not in precisions_of(exact):
        return settled
    quick = load_encoder(name, "bfloat16")
    tell("measuring the speed in bfloat16", 0, 0)
    bf16 = images_per_s(quick, seconds, check)
    if bf16 < FASTER * fp32:
        return Measured(exact.fingerprint, fp32, exact.engine, exact.precision, fp32, bf16)
    with_names = captioned()
    texts = exact.encode_texts(with_names.texts)
    recalls = [
        recall_at_10(texts, _encoded(encoder, with_names.images, f"comparing precisions, {encoder.precision}", tell, check))
        for encoder in (quick, exact)
    ]
    kept = quick if recalls[1] - recalls[0] <= MOST_LOST else exact
    return Measured(
        exact.fingerprint, bf16 if kept is quick else fp32, kept.engine, kept.precision, fp32, bf16, recalls[1], recalls[0]
    )


def _encoded(
    encoder: Encoder, images: Sequence[Image.Image], stage: str, tell: Tell, check: Callable[[], None]
) -> np.ndarray:
    rows = []
    for start in range(0, len(images), 8):
        check()
        tell(stage, start, len(images))
        rows.append(encoder.encode_prepared(np.stack([encoder.prepare(image) for image in images[start : start + 8]]))["joint"])
    tell(stage, len(images), len(images))
    return np.concatenate(rows) if rows else np.zeros((0, encoder.dim), np.float32)
