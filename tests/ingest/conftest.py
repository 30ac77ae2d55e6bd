"""Tiny pictures made on the spot, one of each kind."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def gradient(width: int = 48, height: int = 32) -> Image.Image:
    """Red grows to the right, green downwards, blue is constant: every corner tells where it is."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width).astype(np.uint8)
    pixels[..., 1] = np.linspace(0, 255, height).astype(np.uint8)[:, None]
    pixels[..., 2] = 128
    return Image.fromarray(pixels)


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    """The picture as the bytes of a file."""
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def noisy(width: int, height: int, seed: int = 0) -> Image.Image:
    """A smooth picture with some noise, as a photograph has."""
    rng = np.random.default_rng(seed)
    base = np.asarray(gradient(16, 12).resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    return Image.fromarray((base + rng.normal(0, 8, base.shape)).clip(0, 255).astype(np.uint8))

