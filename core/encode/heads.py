"""The trained half of the starter: what takes the towers' features into one space of images and texts.

Some members (the same network trained from different seeds; their cosines are averaged), the words block
(`core.encode.words`) and the drawings block (`core.encode.drawings`) stand side by side, and one rotation takes them to
the width that is stored. It all runs in numpy, a few hundredths of the image tower's work. The file is safetensors:
large matrices as int8 with a float16 scale for each column, the rest float16 or float32.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from core.encode.drawings import Drawings
from core.encode.parts import ImageParts, Standard, TextParts, image_inputs, named, unit_rows
from core.encode.projection import PARTS, Head
from core.encode.words import Words
from core.errors import EncoderError

FORMAT = "loupe-heads-2"
_SCALE = ":scale"
_LARGE = 100_000  # numbers; below it a matrix stays float16
_NEEDED = (
    "rotation", "image_mean", "text_mean", "low.mean", "low.std",
    *(f"words.{name}" for name in ("labels", "mean", "power", "weight", "near", "steep", "floor")),
    *(f"drawings.{name}" for name in ("mean", "scale", "basis", "centre", "gate", "gate_bias", "gate_opens", "gate_steep",
                                      "names", "pair_name", "pair_drawing", "vectors", "temperature", "weight")),
)  # fmt: skip
_LOW_CLIP = 5.0  # standard deviations, as in training


@dataclass(frozen=True)
class Heads:
    """All heads of a starter-like encoder, from a file.

    Attributes
    ----------
    tensors : Mapping of str to ndarray
        As stored; what a side needs is made when it is first used, so that a query in words does not wait for the
        image side.
    fingerprint : str
        64 hexadecimal characters: SHA-256 of the file.
    """

    tensors: Mapping[str, np.ndarray]
    fingerprint: str

    @property
    def dim(self) -> int:
        """Width of the joint space."""
        return self.tensors["rotation"].shape[1]

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Names of the members, in order."""
        return tuple(sorted({name.split(".")[0] for name in self.tensors if ".image." in name}))

    @cached_property
    def image_mean(self) -> np.ndarray:
        """Mean unit vector of the training photographs, float32 (dim,); not normalised: its length tells the cone."""
        return self._whole("image_mean")

    @cached_property
    def text_mean(self) -> np.ndarray:
        """Mean unit vector of their captions, float32 (dim,)."""
        return self._whole("text_mean")

    def tails(self) -> tuple[dict[str, np.ndarray], ...]:
        """Each member's weights of the text tower's last blocks (`core.encode.minilm.build_text_tower`)."""
        return tuple(self._part(f"{member}.tower") for member in self.members)

    @cached_property
    def tails_fingerprint(self) -> str:
        """64 hexadecimal characters: SHA-256 of what `tails` is made from. Other heads may have the same tails."""
        digest = hashlib.sha256()
        for name in sorted(name for name in self.tensors if ".tower." in name):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.tensors[name]).tobytes())
        return digest.hexdigest()

    def image(self, parts: ImageParts) -> np.ndarray:
        """Joint vectors of images or parts of images: unit rows, float32 (n, dim)."""
        low = np.clip(self.low(parts.low), -_LOW_CLIP, _LOW_CLIP)
        inputs = image_inputs(parts, low)
        rows = [head(inputs, (parts.cells, low)) for head in self._image_heads]
        return self._joined(rows, self.words.of_images(parts.logits), self.drawings.of_images(parts, low))

    def text(self, parts: TextParts) -> np.ndarray:
        """Joint vectors of texts: unit rows, float32 (n, dim)."""
        keep = parts.mask[..., None].astype(np.float32)
        length = np.maximum(keep.sum(axis=1), 1.0)
        rows = [
            head((tokens * keep).sum(axis=1) / length, (tokens,), parts.mask)
            for head, tokens in zip(self._text_heads, parts.tokens)
        ]
        return self._joined(rows, self.words.of_texts(parts.features), self.drawings.of_texts(parts.features))

    def blocks(self, members: list[np.ndarray], words: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        """Members (unit rows), words and drawings side by side, before the rotation: unit rows."""
        return unit_rows(np.concatenate([*(m * len(members) ** -0.5 for m in members), words, drawn], axis=1))

    @cached_property
    def low(self) -> Standard:
        """Centre and spread of the earlier stages."""
        return Standard(self._whole("low.mean"), 1 / self._whole("low.std"))

    @cached_property
    def words(self) -> Words:
        """The words block."""
        return Words.of(self._part("words"))

    @cached_property
    def drawings(self) -> Drawings:
        """The drawings block."""
        return Drawings.of(self._part("drawings"))

    @cached_property
    def _image_heads(self) -> tuple[Head, ...]:
        return tuple(Head.of(self._part(f"{member}.image")) for member in self.members)

    @cached_property
    def _text_heads(self) -> tuple[Head, ...]:
        return tuple(Head.of(self._part(f"{member}.text")) for member in self.members)

    @cached_property
    def _rotation(self) -> np.ndarray:
        return self._whole("rotation")

    def _joined(self, members: list[np.ndarray], words: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        return unit_rows(self.blocks(members, words, drawn) @ self._rotation)

    def _part(self, prefix: str) -> dict[str, np.ndarray]:
        names = [name for name in named(self.tensors, prefix) if not name.endswith(_SCALE)]
        return {name: self._whole(f"{prefix}.{name}") for name in names}

    def _whole(self, name: str) -> np.ndarray:
        """A tensor as float32 (indices stay integers), unpacked where it is packed."""
        value = self.tensors[name]
        scale = self.tensors.get(name + _SCALE)
        if scale is not None:
            return value.astype(np.float32) * scale.astype(np.float32)
        return value.astype(np.float32) if value.dtype.kind == "f" else value


def load_heads(path: Path) -> Heads:
    """Read heads from a safetensors file.

    Raises
    ------
    EncoderError
        When the file is missing, unreadable, or lacks a tensor.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = path.read_bytes()
        heads = Heads(load(data), hashlib.sha256(data).hexdigest())
    except (OSError, SafetensorError) as error:
        raise EncoderError(f"The projection heads cannot be read from {path}: {error}") from error
    heads_of = [f"{member}.{side}.{part}" for member in heads.members for side in ("image", "text") for part in PARTS]
    missing = [name for name in (*_NEEDED, *heads_of) if name not in heads.tensors]
    if missing or not heads.members:
        lacks = missing[0] if missing else "a member"
        raise EncoderError(f"The projection heads cannot be read from {path}: the file lacks {lacks}.")
    return heads


def save_heads(path: Path, tensors: Mapping[str, np.ndarray]) -> str:
    """Pack and write heads; the file's SHA-256.

    Matrices of 100,000 numbers or more become int8 with one float16 scale for each column (an error of at most half a
    255th of the column's range); the rest float16, but what standardises inputs and single numbers float32.
    """
    from safetensors.numpy import save

    # One entry: safetensors writes several in another order every time, and the same heads must give the same file.
    data = save(pack(tensors), metadata={"format": FORMAT})
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(data)
    partial.replace(path)
    return hashlib.sha256(data).hexdigest()


def pack(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What `save_heads` writes, by name."""
    out = {}
    for name, value in tensors.items():
        value = np.asarray(value)
        if value.dtype.kind == "f" and value.ndim >= 2 and value.size >= _LARGE:
            # the last axis is what comes out: each of its columns has a range of its own (for each query, if several)
            widest = np.abs(value).max(axis=-2, keepdims=True)
            scale = np.maximum(widest / 127, 1e-7).astype(np.float16)
            out[name + _SCALE] = np.ascontiguousarray(scale)
            value = np.clip(np.round(value / np.maximum(scale.astype(np.float32), 1e-7)), -127, 127).astype(np.int8)
        elif value.dtype.kind == "f":
            exact = value.ndim == 0 or name.endswith((".mean", ".scale", ".std", ".gate"))
            value = value.astype(np.float32 if exact else np.float16)
        out[name] = np.ascontiguousarray(value)
    return out
