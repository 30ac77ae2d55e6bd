"""An encoder that was adapted to a collection: the base encoder, then a residual head on each side.

Its name is ``adapted:<collection key>:<digest>``, where the digest is the beginning of the SHA-256 of the heads file.
The key says where to look first; a copy or a restored collection that has the same file will do as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.encode.adapt import Residual
from core.encode.protocol import Encoder
from core.errors import Damaged, EncoderError, LoupeError, NotFound
from core.store import Collection, home, homes

if TYPE_CHECKING:
    from PIL import Image

PREFIX = "adapted:"
FORMAT = "loupe-adapted-1"
_WAY_OUT = "go back to the original encoder (on Home: Adapt; or: python -m core align NAME --roll-back), or adapt again"


def is_adapted(name: str) -> bool:
    """Whether this is the name of an adapted encoder."""
    return name.startswith(PREFIX)


def name_of(key: str, digest: str) -> str:
    """The name of the encoder whose heads file a collection keeps under this digest."""
    return f"{PREFIX}{key}:{digest}"


def digest_of(name: str) -> str:
    """The digest in the name of an adapted encoder."""
    return name.rpartition(":")[2]


def pack(heads: Mapping[str, np.ndarray], base: Encoder, said: Mapping[str, object]) -> bytes:
    """A heads file: safetensors, float32, with the base encoder's name and fingerprint.

    Parameters
    ----------
    heads : Mapping of str to ndarray
        ``image.weight``, ``image.bias``, ``text.weight``, ``text.bias``; ``image_mean`` and ``text_mean`` where known;
        anything else is kept along.
    said : Mapping
        More that is to stand in the file; what JSON can say.
    """
    from safetensors.numpy import save

    metadata = {"format": FORMAT, "base": base.name, "base_fingerprint": base.fingerprint, "said": json.dumps(dict(said))}
    return save({name: np.ascontiguousarray(value) for name, value in heads.items()}, metadata=metadata)


class AdaptedEncoder:
    """See `core.encode.protocol.Encoder`. Spaces other than the joint one are the base's, unchanged.

    Parameters
    ----------
    name : str
    base : Encoder
    data : bytes
        The heads file.

    Raises
    ------
    EncoderError
        The file is none of ours, or was made for another base than this one.
    """

    def __init__(self, name: str, base: Encoder, data: bytes) -> None:
        tensors, metadata = _unpack(name, data)
        if metadata["base_fingerprint"] != base.fingerprint:
            raise EncoderError(
                f"{name} was adapted from {base.name} with weights {metadata['base_fingerprint']}, and this installation has "
                f"{base.fingerprint}; index the images again, then adapt again."
            )
        self.name, self.base = name, base
        self.image_head = Residual(tensors["image.weight"], tensors["image.bias"])
        self.text_head = Residual(tensors["text.weight"], tensors["text.bias"])
        self.image_mean, self.text_mean = tensors.get("image_mean"), tensors.get("text_mean")
        self.dim, self.spaces, self.has_text = base.dim, base.spaces, base.has_text
        self.preprocessing = f"{base.preprocessing}; adapted"
        self.engine, self.precision, self.input_px = base.engine, base.precision, base.input_px
        self.decode_px = getattr(base, "decode_px", None)
        key = f"{base.fingerprint}\n{hashlib.sha256(data).hexdigest()}"
        self.fingerprint = hashlib.sha256(key.encode()).hexdigest()[:16]

    def adapt(self, made: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the base made of images, by space, as this encoder would have made it."""
        return {space: self.image_head(rows) if space == "joint" else rows for space, rows in made.items()}

    def encode_images(self, images: Sequence[str | Path | Image.Image]) -> np.ndarray:
        """See `Encoder.encode_images`."""
        return self.image_head(self.base.encode_images(images))

    def encode_visual(self, images: Sequence[str | Path | Image.Image]) -> np.ndarray:
        """See `Encoder.encode_visual`."""
        return self.base.encode_visual(images)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """See `Encoder.encode_texts`."""
        return self.text_head(self.base.encode_texts(texts))

    def prepare(self, image: Image.Image) -> np.ndarray:
        """See `Encoder.prepare`."""
        return self.base.prepare(image)

    def encode_prepared(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """See `Encoder.encode_prepared`."""
        return self.adapt(self.base.encode_prepared(batch))


def load(name: str) -> AdaptedEncoder:
    """Load an adapted encoder from the collection its name says, or from one that has the same heads file.

    Raises
    ------
    EncoderError
        There is no such file, it is damaged, or its base cannot be had.
    """
    from core.encode import load_encoder

    data = heads_of(name)
    _, metadata = _unpack(name, data)
    return AdaptedEncoder(name, load_encoder(metadata["base"]), data)


def heads_of(name: str) -> bytes:
    """The heads file of an adapted encoder.

    Raises
    ------
    EncoderError
    """
    key, digest = _parts(name)
    here = home()
    wrong = ""
    for place in (key, *(other for other in homes.keys(here) if other != key)):
        try:
            return Collection.open_key(place, here).read_heads(digest)
        except NotFound:
            continue
        except Damaged as error:
            wrong = wrong or str(error)
        except LoupeError:
            continue  # another collection's trouble
    if wrong:
        raise EncoderError(f"{wrong}, so {name} cannot be loaded; {_WAY_OUT}.")
    raise EncoderError(f"No collection here has the heads of {name}; {_WAY_OUT}.")


def _parts(name: str) -> tuple[str, str]:
    parts = name.split(":")
    if len(parts) != 3 or not all(parts):
        raise EncoderError(f"{name!r} is not {PREFIX}<collection>:<digest>; `list --json` names the encoders in use.")
    return parts[1], parts[2]


def _unpack(name: str, data: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load as tensors_of

    try:
        tensors = tensors_of(data)
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
        if metadata["format"] != FORMAT or not metadata["base"] or not metadata["base_fingerprint"]:
            raise KeyError("format")
        _ = [tensors[part] for part in ("image.weight", "image.bias", "text.weight", "text.bias")]
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise EncoderError(f"The heads of {name} cannot be read ({error}); {_WAY_OUT}.") from error
    return tensors, metadata
