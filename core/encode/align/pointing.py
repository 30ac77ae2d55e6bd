"""How far local vectors can be trusted: their agreement with the whole, and whether words point at the right place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from core.encode.align.corpus import NAME_PROMPT, captions_by_file, read_rows
from core.encode.lite2 import GRID, INPUT_PX
from core.encode.starter import StarterEncoder

Local = Callable[[Sequence[Image.Image]], np.ndarray]


def agreement(local: np.ndarray, joint: np.ndarray) -> dict[str, float]:
    """Mean cosine of cells with the vector of their own image, and of the next image.

    Parameters
    ----------
    local : ndarray of float32, shape (n, cells, dim)
        Unit rows, as `core.encode.starter.StarterEncoder.encode_local` gives them.
    joint : ndarray of float32, shape (n, dim)
        Unit rows of the same images; at least two.

    Returns
    -------
    dict of str to float
        Also the share of images found among all by the mean of their cells.
    """
    means = local.mean(axis=1)
    found = (means @ joint.T).argmax(axis=1) == np.arange(len(joint))
    return {
        "cell with its own image": round(float(np.einsum("ncd,nd->nc", local, joint).mean()), 3),
        "cell with another image": round(float(np.einsum("ncd,nd->nc", local, np.roll(joint, 1, axis=0)).mean()), 3),
        "image found by the mean of its cells %": round(100 * float(found.mean()), 1),
    }


def pasted(
    scene: Image.Image, thing: Image.Image, side: int, rng: np.random.Generator
) -> tuple[Image.Image, tuple[int, int]]:
    """A scene, squashed to the encoder's square, with a thing pasted somewhere: the picture and the corner (x, y)."""
    out = scene.convert("RGB").resize((INPUT_PX, INPUT_PX))
    x, y = (int(v) for v in rng.integers(0, INPUT_PX - side + 1, size=2))
    out.paste(thing.convert("RGB").resize((side, side)), (x, y))
    return out, (x, y)


def heat(local: np.ndarray, text: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """How much more each cell is like a text than like the usual text: float32 (n, cells).

    Parameters
    ----------
    local : ndarray of float32, shape (n, cells, dim)
    text, usual : ndarray of float32, shape (dim,)
        `usual` is the mean vector of texts: what any words are like is no evidence.
    """
    return local @ (text - usual)


def points_at(
    encode_local: Local,
    scenes: Sequence[Image.Image],
    things: Sequence[Image.Image],
    texts: np.ndarray,
    usual: np.ndarray,
    side: int,
    seed: int = 0,
) -> dict[str, float]:
    """Paste each thing into a scene and look where the map of its name is hottest.

    Parameters
    ----------
    encode_local : callable
        Images to local vectors, float32 (n, 81, dim).
    scenes, things : sequence of PIL.Image.Image
        As many of one as of the other.
    texts : ndarray of float32, shape (n, dim)
        Vectors of the things' names.
    usual : ndarray of float32, shape (dim,)
    side : int
        Of the pasted square, in pixels of 260.
    seed : int
        Of the places.

    Returns
    -------
    dict of str to float
        Shares in per cent: the middle of the hottest cell lies on the thing; the middle of the picture does (a guess
        that knows nothing but does well on photographs); a cell drawn at random does.
    """
    rng = np.random.default_rng(seed)
    middles = (np.arange(GRID) + 0.5) * INPUT_PX / GRID
    hot, centre, chance = [], [], []
    for scene, thing, text in zip(scenes, things, texts, strict=True):
        picture, corner = pasted(scene, thing, side, rng)
        x, y = (((middles >= c) & (middles < c + side)) for c in corner)
        best = int(heat(encode_local([picture]), text, usual)[0].argmax())
        hot.append(x[best % GRID] and y[best // GRID])
        centre.append(x[GRID // 2] and y[GRID // 2])
        chance.append(x.mean() * y.mean())
    shares = {"hottest cell on the thing %": hot, "middle on the thing %": centre, "random cell on the thing %": chance}
    return {name: round(100 * float(np.mean(values)), 1) for name, values in shares.items()}


def measure(encoder: StarterEncoder, data_dir: Path, n: int = 200, sides: Sequence[int] = (65, 87)) -> dict[str, float]:
    """Agreement and pointing with things of Caltech-101 in scenes of Flickr8k dev, neither of them trained on.

    Parameters
    ----------
    encoder : StarterEncoder
    data_dir : Path
        Folder of the research images.
    n : int
        Scenes, and things to paste.
    sides : sequence of int
        Sizes of the pasted squares, in pixels of 260.
    """
    rng = np.random.default_rng(0)
    dev = (row for row in read_rows(data_dir / "flickr8k" / "captions.csv") if row["split"] == "dev")
    files = list(captions_by_file(dev))
    rows = read_rows(data_dir / "caltech101" / "labels.csv")
    n = min(n, len(files), len(rows))
    scenes = [Image.open(data_dir / "flickr8k" / files[i]) for i in rng.choice(len(files), n, replace=False)]
    picked = [rows[i] for i in rng.choice(len(rows), n, replace=False)]
    things = [Image.open(data_dir / "caltech101" / row["file"]) for row in picked]
    texts = encoder.encode_texts([NAME_PROMPT.format(row["label"].replace("_", " ").lower()) for row in picked])
    some = scenes[: max(2, n // 2)]
    out = agreement(encoder.encode_local(some), encoder.encode_images(some))
    for side in sides:
        found = points_at(encoder.encode_local, scenes, things, texts, encoder.text_mean, side)
        out |= {f"{name.removesuffix(' %')} of {side} px, %": value for name, value in found.items()}
    return out
