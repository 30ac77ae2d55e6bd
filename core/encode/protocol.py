"""What an encoder is, and the work all encoders share: opening images, chunks, look-ahead."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from core.encode.threads import cpu_threads
from core.errors import EncoderError, InputError
from core.types import VectorSet

if TYPE_CHECKING:
    from PIL import Image

IMAGE_CHUNK = 16
TEXT_CHUNK = 64


@runtime_checkable
class Encoder(Protocol):
    """Turns images and texts into unit vectors of one space.

    Attributes
    ----------
    name : str
        The name `core.encode.load_encoder` knows it by.
    dim : int
        Width of the joint space.
    spaces : Mapping of str to int
        Every space with its width; ``joint`` is always there.
    has_text : bool
    fingerprint : str
        16 hexadecimal characters: SHA-256 of the weights. Equal fingerprints give equal vectors.
    preprocessing : str
        What `prepare` does, in words; part of a vector set's identity.
    engine, precision : str
        What the numbers were made with, e.g. ``onnxruntime`` and ``float32``.
    input_px : int
        Side of the square the model sees.
    text_mean : ndarray of float32, shape (dim,), or None
        Mean unit vector of many captions, for centring queries; None where it is not known.
    image_mean : ndarray of float32, shape (dim,), or None
        The same of many photographs; a collection's own mean is better where there is one.
    """

    name: str
    dim: int
    spaces: Mapping[str, int]
    has_text: bool
    fingerprint: str
    preprocessing: str
    engine: str
    precision: str
    input_px: int
    text_mean: np.ndarray | None
    image_mean: np.ndarray | None

    def encode_images(self, images: Sequence[str | Path | Image.Image]) -> np.ndarray:
        """Encode images into the joint space: float32 (n, dim), unit rows.

        Raises
        ------
        ImageError
            At the first image that cannot be read.
        """
        ...

    def encode_visual(self, images: Sequence[str | Path | Image.Image]) -> np.ndarray:
        """Encode images into the ``visual`` space: float32 (n, spaces["visual"]), unit rows.

        Raises
        ------
        EncoderError
            When the encoder has no such space.
        ImageError
            At the first image that cannot be read.
        """
        ...

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Encode texts into the joint space: float32 (n, dim), unit rows."""
        ...

    def prepare(self, image: Image.Image) -> np.ndarray:
        """Make the model's input from an image. Safe to call from many threads at once."""
        ...

    def encode_prepared(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Encode stacked `prepare` results: for each space float32 (n, width), unit rows."""
        ...


class PreparedEncoder:
    """The shared half of an encoder: everything but `prepare`, `encode_prepared` and `_encode_text_chunk`."""

    name: str
    dim: int
    spaces: Mapping[str, int]
    input_px: int
    decode_px: int | None = None  # JPEG files may be decoded at a reduced size that stays above this; None: in full

    def prepare(self, image: Image.Image) -> np.ndarray:
        """See `Encoder.prepare`."""
        raise NotImplementedError

    def encode_prepared(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """See `Encoder.encode_prepared`."""
        raise NotImplementedError

    def _encode_text_chunk(self, texts: Sequence[str]) -> np.ndarray:
        raise NotImplementedError

    def encode_images(self, images: Sequence[str | Path | Image.Image]) -> np.ndarray:
        """See `Encoder.encode_images`."""
        return self._encode_space(images, "joint")

    def encode_visual(self, images: Sequence[str | Path | Image.Image]) -> np.ndarray:
        """See `Encoder.encode_visual`."""
        if "visual" not in self.spaces:
            raise EncoderError(f"The encoder {self.name} has no visual space, only: {', '.join(self.spaces)}.")
        return self._encode_space(images, "visual")

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """See `Encoder.encode_texts`."""
        texts = [texts] if isinstance(texts, str) else list(texts)
        wrong = [text for text in texts if not isinstance(text, str)]
        if wrong:
            raise InputError(f"Texts must be strings, found {type(wrong[0]).__name__}.")
        out = np.empty((len(texts), self.dim), dtype=np.float32)
        # Texts of like length share a chunk, so that short ones are not padded to the longest of all.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), TEXT_CHUNK):
            chunk = order[start : start + TEXT_CHUNK]
            out[chunk] = self._encode_text_chunk([texts[i] for i in chunk])
        return out

    def _encode_space(self, images: Sequence[str | Path | Image.Image], space: str) -> np.ndarray:
        images = [images] if isinstance(images, (str, Path)) or hasattr(images, "convert") else list(images)
        out = np.empty((len(images), self.spaces[space]), dtype=np.float32)
        start = 0
        for chunk in self._prepared_chunks(images):
            out[start : start + len(chunk)] = self.encode_prepared(np.stack(chunk))[space]
            start += len(chunk)
        return out

    def _prepared_chunks(self, images: Sequence[str | Path | Image.Image]) -> Iterator[list[np.ndarray]]:
        """Open and prepare on threads, at most two chunks ahead of the model, in the given order."""
        if len(images) == 1:
            yield [self._open_and_prepare(images[0])]
            return
        with ThreadPoolExecutor(cpu_threads()) as pool:
            ahead: deque[Future[np.ndarray]] = deque()
            queue = iter(images)
            chunk: list[np.ndarray] = []
            try:
                while True:
                    while len(ahead) < 2 * IMAGE_CHUNK and (image := next(queue, None)) is not None:
                        ahead.append(pool.submit(self._open_and_prepare, image))
                    if not ahead:
                        break
                    chunk.append(ahead.popleft().result())
                    if len(chunk) == IMAGE_CHUNK:
                        yield chunk
                        chunk = []
                if chunk:
                    yield chunk
            finally:
                for waiting in ahead:
                    waiting.cancel()

    def _open_and_prepare(self, image: str | Path | Image.Image) -> np.ndarray:
        from core.ingest.images import open_image

        return self.prepare(open_image(image, target_px=self.decode_px))


def vector_sets(encoder: Encoder) -> tuple[VectorSet, ...]:
    """Describe the vector sets an encoder makes, one for each space, the joint one first.

    The id is made of the encoder's name and 8 hexadecimal characters over weights, preprocessing and
    precision: vectors that are not comparable never share an id.
    """
    key = f"{encoder.fingerprint}\n{encoder.preprocessing}\n{encoder.precision}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    slug = re.sub(r"[^a-z0-9]+", "-", encoder.name.lower()).strip("-")[-60:].lstrip("-")
    return tuple(
        VectorSet(
            set_id=f"{slug}-{digest}" + ("" if space == "joint" else f"-{space}"),
            encoder=encoder.name,
            weights=encoder.fingerprint,
            preprocessing=encoder.preprocessing,
            space=space,
            dim=width,
            engine=encoder.engine,
            precision=encoder.precision,
            has_text=encoder.has_text and space == "joint",
        )
        for space, width in encoder.spaces.items()
    )
