"""Every colour mode made into plain 8-bit RGB."""

from __future__ import annotations

import numpy as np
from PIL import Image

WHITE = (255, 255, 255)


def to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB; what is transparent shows white.

    Parameters
    ----------
    image : PIL.Image.Image
        Loaded, any mode.

    Returns
    -------
    PIL.Image.Image
        Mode ``RGB``. The same object where nothing had to be done.

    Notes
    -----
    16-bit values are scaled by 255/65535, so that full scale stays white. 32-bit integers beyond 65535 and
    floating point values outside [0, 1] have no agreed scale: they are stretched from their least to their
    greatest value. CMYK is converted without its profile, as Pillow does.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_eight_bits(np.asarray(image), image.mode)).convert("RGB")
    if image.mode == "LAB":
        return _from_lab(image)
    if image.mode in ("La", "RGBa"):
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
    if image.has_transparency_data and image.mode != "RGBX":
        return _on_white(image.convert("RGBA"))
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return image.convert("RGB")
    flat = Image.new("RGB", image.size, WHITE)
    # Pasting an RGBA picture through its own alpha is the "over" operator on an opaque ground.
    flat.paste(image, mask=alpha)
    return flat


def _eight_bits(values: np.ndarray, mode: str) -> np.ndarray:
    if mode.startswith("I;16"):
        return _from_sixteen(values)
    values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if mode == "I" and low >= 0 and high <= 65535:
        return _from_sixteen(values)
    if mode == "F" and low >= 0 and high <= 1:
        return np.rint(values * 255).astype(np.uint8)
    if mode == "F" and low >= 0 and high <= 255:
        return np.rint(values).astype(np.uint8)
    if high == low:
        return np.zeros(values.shape, np.uint8)
    return np.rint((values - low) * (255 / (high - low))).astype(np.uint8)


def _from_sixteen(values: np.ndarray) -> np.ndarray:
    return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
