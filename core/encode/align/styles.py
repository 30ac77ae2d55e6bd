"""Drawings in other styles: what one emoji font shows, as another might draw it.

A head trained on one font learns the font (shading, thin lines, soft edges). Redrawn with flat colours
and dark contours, as a bare sketch, smaller, or recoloured, the same names fit drawings it never saw.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

STYLES = ("outlined", "small outlined", "sketch", "recoloured")


def redraw(file: Path, style: str) -> Image.Image:
    """Open a drawing with transparent ground and redraw it on white, RGB.

    What is random in a style is drawn from the file's name, so every run makes the same picture.
    """
    rng = np.random.default_rng(zlib.crc32(f"{file.name} {style}".encode()))
    drawing = Image.open(file).convert("RGBA")
    shape = drawing.getchannel("A").point(lambda value: 255 if value > 128 else 0)
    image = Image.new("RGB", drawing.size, "white")
    image.paste(drawing, mask=drawing.getchannel("A"))
    if style in ("outlined", "small outlined"):
        colours = _flat(image)
        image = Image.composite(Image.new("RGB", image.size), colours, _contours(colours, shape))
    elif style == "sketch":
        image = ImageOps.invert(_contours(_flat(image), shape)).convert("RGB")
    elif style == "recoloured":
        image = ImageEnhance.Color(image).enhance(rng.uniform(0.2, 1.8))
    else:
        raise ValueError(f"style {style!r} is none of {', '.join(STYLES)}")
    if style in ("small outlined", "recoloured"):
        image = _smaller(image, rng)
    return ImageOps.mirror(image) if rng.random() < 0.5 else image


def _flat(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.MedianFilter(5)).quantize(8, dither=Image.Dither.NONE).convert("RGB")


def _contours(colours: Image.Image, shape: Image.Image) -> Image.Image:
    """Mask of the borders between areas of colour and around the shape, three pixels wide."""
    between = colours.convert("L").filter(ImageFilter.FIND_EDGES).point(lambda value: 255 if value > 24 else 0)
    edges = ImageChops.lighter(between, shape.filter(ImageFilter.FIND_EDGES))
    # Pillow leaves the outermost pixels of a filtered image as they were: no edges there.
    ImageDraw.Draw(edges).rectangle((0, 0, edges.width - 1, edges.height - 1), outline=0, width=2)
    return edges.filter(ImageFilter.MaxFilter(3))


def _smaller(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    share = rng.uniform(0.6, 0.85)
    width, height = int(image.width * share), int(image.height * share)
    ground = Image.new("RGB", image.size, "white")
    place = int(rng.integers(0, image.width - width + 1)), int(rng.integers(0, image.height - height + 1))
    ground.paste(image.resize((width, height), Image.Resampling.BICUBIC), place)
    return ground
