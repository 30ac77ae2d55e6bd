"""Encoding many texts in a job: counted, and prompt to stop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.encode import Encoder
from core.encode.protocol import TEXT_CHUNK
from core.jobs.progress import Progress


def encoded(encoder: Encoder, texts: Sequence[str], progress: Progress, stage: str) -> np.ndarray:
    """float32 (n_texts, dim), in pieces, as a stage of its own."""
    progress.stage(stage, len(texts))
    out = np.empty((len(texts), encoder.dim), np.float32)
    order = sorted(range(len(texts)), key=lambda n: len(texts[n]))  # texts of like length go together
    for start in range(0, len(order), TEXT_CHUNK):
        piece = order[start : start + TEXT_CHUNK]
        out[piece] = encoder.encode_texts([texts[n] for n in piece])
        progress.at(start + len(piece))
    return out
