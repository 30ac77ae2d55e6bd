"""Stand-ins that are tiny, deterministic, and depend on content: an encoder for colours, and pictures to feed it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 50),
    "blue": (40, 70, 220),
    "yellow": (240, 220, 40),
    "purple": (130, 40, 160),
    "orange": (245, 140, 20),
    "cyan": (40, 210, 220),
    "pink": (250, 150, 190),
    "brown": (120, 75, 35),
    "black": (15, 15, 15),
    "white": (245, 245, 245),
    "grey": (128, 128, 128),
}
SHAPES = ("circle", "square", "triangle")
PALETTE = np.array(list(COLOURS.values()), dtype=np.float32)


class FakeEncoder:
    """The Encoder protocol in 16 dimensions, without a model: "red" finds red pictures.

    The first 12 dimensions are the shares of the 12 colours of `COLOURS`, the last 4 (weak) what distinguishes
    pictures of one colour: brightness of the four quarters. Words that are no colour go to the last 4 by their hash.
    """

    name = "fake"
    dim = 16
    spaces = {"joint": 16, "visual": 8}
    has_text = True
    fingerprint = "fa4e000000000001"
    preprocessing = "squash to 16 px"
    engine = "numpy"
    precision = "float32"
    input_px = 16
    text_mean = None
    image_mean = None

    def prepare(self, image: Image.Image) -> np.ndarray:
        """float32 (16, 16, 3), 0..255."""
        return np.asarray(image.convert("RGB").resize((16, 16), Image.Resampling.BILINEAR), dtype=np.float32)

    def encode_prepared(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Unit rows for both spaces."""
        batch = np.asarray(batch, dtype=np.float32).reshape(-1, 16, 16, 3)
        joint = np.zeros((len(batch), 16), dtype=np.float32)
        visual = np.zeros((len(batch), 8), dtype=np.float32)
        for n, picture in enumerate(batch):
            pixels = picture.reshape(-1, 3)
            nearest = np.argmin(((pixels[:, None] - PALETTE[None]) ** 2).sum(axis=2), axis=1)
            joint[n, :12] = np.bincount(nearest, minlength=12) / len(nearest)
            light = picture.mean(axis=2) / 255
            quarters = [light[:8, :8], light[:8, 8:], light[8:, :8], light[8:, 8:]]
            joint[n, 12:] = 0.1 * np.array([quarter.mean() for quarter in quarters])
            visual[n, :3] = pixels.mean(axis=0) / 255
            visual[n, 3:6] = pixels.std(axis=0) / 255
            visual[n, 6:] = 0.1 + light.mean(), light.std()
        return {"joint": _unit(joint), "visual": _unit(visual)}

    def encode_images(self, images: Sequence[str | Path | Image.Image]) -> np.ndarray:
        """float32 (n, 16), unit rows; raises ImageError at an unreadable one."""
        return self._encode(images, "joint")

    def encode_visual(self, images: Sequence[str | Path | Image.Image]) -> np.ndarray:
        """float32 (n, 8), unit rows."""
        return self._encode(images, "visual")

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (n, 16), unit rows."""
        out = np.zeros((len(texts), 16), dtype=np.float32)
        names = list(COLOURS)
        for n, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()) or [""]:
                if word in COLOURS:
                    out[n, names.index(word)] += 1.0
                else:
                    out[n, 12 + hashlib.sha256(word.encode()).digest()[0] % 4] += 0.05
        return _unit(out)

    def _encode(self, images: Sequence[str | Path | Image.Image], space: str) -> np.ndarray:
        prepared = [self.prepare(_opened(image)) for image in images]
        if not prepared:
            return np.zeros((0, self.spaces[space]), dtype=np.float32)
        return self.encode_prepared(np.stack(prepared))[space]


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _opened(image: str | Path | Image.Image) -> Image.Image:
    if isinstance(image, Image.Image):
        return image
    from core.errors import ImageError

    try:
        with Image.open(image) as opened:
            return opened.convert("RGB")
    except OSError as error:
        raise ImageError(f"{image} cannot be read as an image ({error}).") from error


def make_picture(n: int, size: int = 64) -> tuple[str, Image.Image]:
    """The `n`-th picture: its name (``0003-yellow-circle``) and a shape of one colour filling most of it."""
    colour = list(COLOURS)[n % len(COLOURS)]
    shape = SHAPES[n // len(COLOURS) % len(SHAPES)]
    rng = np.random.default_rng(n)
    ground = tuple(int(c * 0.9 + rng.integers(0, 12)) for c in COLOURS[colour])
    image = Image.new("RGB", (size, size), ground)
    draw = ImageDraw.Draw(image)
    x, y = (int(v) for v in rng.integers(2, size // 3, 2))
    box = (x, y, x + size // 2, y + size // 2)
    if shape == "circle":
        draw.ellipse(box, fill=COLOURS[colour])
    elif shape == "square":
        draw.rectangle(box, fill=COLOURS[colour])
    else:
        draw.polygon([(box[0], box[3]), (box[2], box[3]), ((box[0] + box[2]) // 2, box[1])], fill=COLOURS[colour])
    return f"{n:04d}-{colour}-{shape}", image


def make_images(folder: Path, n: int, *, size: int = 64, suffix: str = ".png") -> list[Path]:
    """Write `n` different pictures into `folder` (made if absent): their paths in order.

    Colours go round in the order of `COLOURS`; no two pictures have the same bytes.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(n):
        name, image = make_picture(index, size)
        # The number is drawn in as pixels, so that equal shapes at equal places still differ.
        for bit in range(16):
            if index >> bit & 1:
                image.putpixel((size - 1 - bit, size - 1), (255 - 15 * bit, 7 * bit, 128))
        path = folder / f"{name}{suffix}"
        image.save(path)
        paths.append(path)
    return paths
