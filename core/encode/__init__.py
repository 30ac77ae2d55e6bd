"""Encoders: images and texts to unit vectors.

`load_encoder("starter")` works offline; `load_encoder("openclip:<model>/<pretrained>")` gives any
open_clip model. Loading imports what is needed and no more.
"""

from __future__ import annotations

import threading

from core.encode.protocol import Encoder, vector_sets
from core.encode.threads import cpu_threads
from core.errors import EncoderError

__all__ = ["Encoder", "cpu_threads", "encoder_names", "load_encoder", "vector_sets"]

# Recommended to users who can download; any other model of open_clip works by its name.
RECOMMENDED = ("openclip:ViT-B-32/laion2b_s34b_b79k", "openclip:MobileCLIP2-S2/dfndr2b")

_loaded: dict[str, Encoder] = {}
_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()


def encoder_names() -> tuple[str, ...]:
    """Names to offer: ``starter`` first, then the recommended open_clip models (which need a download)."""
    return ("starter", *RECOMMENDED)


def load_encoder(name: str = "starter") -> Encoder:
    """Load an encoder, or give the one this process has loaded before. Safe from many threads.

    Parameters
    ----------
    name : str
        ``starter``, or ``openclip:<model>/<pretrained>`` where `pretrained` is a tag of that model or
        the path of a weight file (``openclip:ViT-B-32//models/vit.safetensors`` is the absolute path
        ``/models/vit.safetensors``); or ``adapted:<collection>:<digest>``, one of these adapted to a collection.

    Raises
    ------
    EncoderError
        When there is no such encoder, or its weights cannot be had.
    """
    with _guard:
        if name in _loaded:
            return _loaded[name]
        lock = _locks.setdefault(name, threading.Lock())
    with lock:
        if name not in _loaded:
            _loaded[name] = _make(name)
        return _loaded[name]


def _make(name: str) -> Encoder:
    if name == "starter":
        from core.encode.starter import StarterEncoder

        return StarterEncoder()
    if name.startswith("openclip:"):
        from core.encode.openclip import OpenClipEncoder

        return OpenClipEncoder(name)
    if name.startswith("adapted:"):
        from core.encode.adapted import load

        return load(name)
    raise EncoderError(f"There is no encoder {name!r}: use starter, or openclip:<model>/<pretrained>.")
