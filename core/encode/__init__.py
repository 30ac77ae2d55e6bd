"""Encoders: images and texts to unit vectors.

`load_encoder("starter")` works offline; `load_encoder("openclip:<model>/<pretrained>")` gives any
open_clip model. Loading imports what is needed and no more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from core.encode.protocol import Encoder, vector_sets
from core.encode.threads import cpu_threads
from core.errors import EncoderError

__all__ = ["Encoder", "cpu_threads", "encoder_names", "load_encoder", "precisions_of", "vector_sets"]

_loaded: dict[str, Encoder] = {}
_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()


def encoder_names() -> tuple[str, ...]:
    """Names to offer: ``starter`` first, then recommended open_clip models (`core.encode.catalogue` says more of them)."""
    from core.encode.catalogue import OFFERS

    return ("starter", *(offer.name for offer in OFFERS))


def load_encoder(name: str = "starter", precision: str = "float32") -> Encoder:
    """Load an encoder, or give the one this process has loaded before. Safe from many threads. Never uses the network.

    Parameters
    ----------
    name : str
        ``starter``, or ``openclip:<model>/<pretrained>`` where `pretrained` is a tag of that model or
        the path of a weight file (``openclip:ViT-B-32//models/vit.safetensors`` is the absolute path
        ``/models/vit.safetensors``); or ``adapted:<collection>:<digest>``, one of these adapted to a collection.
    precision : str
        In which images are encoded, where the encoder leaves a choice (`core.encode.probing` says which to take):
        ``float32`` is exact, ``bfloat16`` faster on some processors. Texts are always encoded in float32.

    Raises
    ------
    EncoderError
        When there is no such encoder, or its weights are not on this computer.
    """
    if precision != "float32":
        exact = load_encoder(name)
        if precision not in precisions_of(exact):
            return exact
        return _once(f"{name} in {precision}", lambda: exact.at_precision(precision))  # type: ignore[attr-defined]
    return _once(name, lambda: _make(name))


def precisions_of(encoder: Encoder) -> tuple[str, ...]:
    """The precisions an encoder leaves a choice of, its own first."""
    return getattr(encoder, "precisions", (encoder.precision,))


def _once(key: str, make: Callable[[], Encoder]) -> Encoder:
    with _guard:
        if key in _loaded:
            return _loaded[key]
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        if key not in _loaded:
            _loaded[key] = make()
        return _loaded[key]


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
