"""Any open_clip model as an encoder: ``openclip:<model>/<pretrained>``.

`pretrained` is a tag of that model (``laion2b_s34b_b79k``) or the path of a weight file. Weights come from the local cache
or the file; loading never uses the network (`core.encode.fetching` does, when a person asks for it). Only tensors are ever
read from a weight file (``weights_only``, safetensors): nothing in it can run.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.encode.hubcache import PREFIX, in_cache
from core.encode.protocol import PreparedEncoder
from core.encode.threads import cpu_threads
from core.encode.weights import file_sha256
from core.errors import EncoderError

if TYPE_CHECKING:
    from PIL import Image

PRECISIONS = ("float32", "bfloat16")
_PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")


def parse_name(name: str) -> tuple[str, str]:
    """Split ``openclip:<model>/<pretrained>`` at the first slash.

    >>> parse_name("openclip:ViT-B-32//models/vit.safetensors")
    ('ViT-B-32', '/models/vit.safetensors')

    Raises
    ------
    EncoderError
        When a part is missing.
    """
    model, _, pretrained = name.removeprefix(PREFIX).partition("/")
    if not name.startswith(PREFIX) or not model or not pretrained:
        raise EncoderError(
            f"{name!r} is not openclip:<model>/<pretrained>, such as openclip:ViT-B-32/laion2b_s34b_b79k "
            "or openclip:ViT-B-32/path/to/weights.safetensors."
        )
    return model, pretrained


class OpenClipEncoder(PreparedEncoder):
    """An open_clip model on the CPU.

    Texts are always encoded in float32. Images are too, unless a copy is made with `at_precision`.

    Parameters
    ----------
    name : str
        ``openclip:<model>/<pretrained>``.

    Raises
    ------
    EncoderError
        When open_clip has no such model or tag, the weights cannot be had, or they do not fit.
    """

    has_text = True
    engine = "torch"
    precision = "float32"
    precisions = PRECISIONS
    text_mean = None
    image_mean = None

    def __init__(self, name: str) -> None:
        architecture, pretrained = parse_name(name)
        import open_clip
        import torch

        torch.set_num_threads(cpu_threads())
        config = open_clip.get_model_config(architecture)
        if config is None:
            hint = _near(architecture, open_clip.list_models())
            raise EncoderError(f"open_clip has no model {architecture!r}; {hint}")
        path, tag = _weights(architecture, pretrained)
        try:
            with _no_network():
                model = open_clip.create_model(
                    architecture,
                    pretrained=str(path),
                    # what the weights were trained with; a bare file has the model's defaults
                    force_quick_gelu=bool(tag.get("quick_gelu", False)),
                    force_preprocess_cfg={key: tag[key] for key in _PREPROCESSING if key in tag} or None,
                    pretrained_text=False,
                    weights_only=True,
                )
                self._tokenizer = open_clip.get_tokenizer(architecture)
        except Exception as error:  # open_clip, torch and the hub raise many kinds
            reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise EncoderError(f"{path.name} cannot be loaded as {architecture}: {reason}") from error
        self._model = model.eval()
        self._image_model = model
        self._dtype = torch.float32
        cfg = open_clip.transform.PreprocessCfg(**model.visual.preprocess_cfg)
        self._transform = open_clip.transform.image_transform_v2(cfg, is_train=False)
        self._torch = torch
        self.name = name
        self.input_px = int(cfg.size if isinstance(cfg.size, int) else max(cfg.size))
        self.dim = int(config["embed_dim"])
        self.spaces = {"joint": self.dim}
        self.preprocessing = (
            f"RGB, {cfg.resize_mode} to {self.input_px}, {cfg.interpolation}, mean {cfg.mean}, std {cfg.std}"
        )
        identity = json.dumps([config, bool(tag.get("quick_gelu", False)), file_sha256(path)], sort_keys=True)
        self.fingerprint = hashlib.sha256(identity.encode()).hexdigest()[:16]

    def at_precision(self, precision: str) -> OpenClipEncoder:
        """The same encoder with its image tower in another precision; the text tower is shared, and stays float32.

        Parameters
        ----------
        precision : {"float32", "bfloat16"}

        Raises
        ------
        EncoderError
            There is no such precision.
        """
        if precision not in PRECISIONS:
            raise EncoderError(f"There is no precision {precision!r}; there are: {', '.join(PRECISIONS)}.")
        if precision == self.precision:
            return self
        other = copy.copy(self)
        other.precision, other._dtype = precision, getattr(self._torch, precision)
        # Whole-tower bfloat16, not autocast: that casts every weight again for every batch.
        other._image_model = copy.copy(self._model)
        other._image_model._modules = dict(self._model._modules)
        other._image_model.visual = copy.deepcopy(self._model.visual).to(other._dtype)
        return other

    def prepare(self, image: Image.Image) -> np.ndarray:
        """open_clip's own validation transform: float32 (3, input_px, input_px)."""
        return self._transform(image).numpy()

    def encode_prepared(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Encode float32 (n, 3, input_px, input_px) to ``{"joint": float32 (n, dim)}``."""
        if len(batch) == 0:
            return {"joint": np.empty((0, self.dim), dtype=np.float32)}
        with self._torch.inference_mode():
            pixels = self._torch.from_numpy(np.ascontiguousarray(batch)).to(self._dtype)
            rows = self._torch.nn.functional.normalize(self._image_model.encode_image(pixels).float(), dim=-1)
        return {"joint": rows.numpy().astype(np.float32, copy=False)}

    def _encode_text_chunk(self, texts: Sequence[str]) -> np.ndarray:
        with self._torch.inference_mode():
            return self._model.encode_text(self._tokenizer(list(texts)), normalize=True).numpy()


def _weights(architecture: str, pretrained: str) -> tuple[Path, Mapping[str, Any]]:
    """The weight file, and what open_clip knows of the tag (nothing for a bare file)."""
    import open_clip

    tag = open_clip.get_pretrained_cfg(architecture, pretrained)
    if not tag:
        path = Path(pretrained).expanduser()
        if path.is_file():
            return path, {}
        tags = open_clip.list_pretrained_tags_by_model(architecture)
        raise EncoderError(
            f"{pretrained!r} is neither a file nor a tag of {architecture}; its tags: {', '.join(tags) or 'none'}."
        )
    cached = _cached(tag)
    if cached is not None:
        return cached, tag
    raise NotHere(
        f"The weights of {architecture}/{pretrained} are not on this computer. Fetch them on Home, or with: python -m core"
        f" encoders --fetch {PREFIX}{architecture}/{pretrained}; or use a weight file: {PREFIX}{architecture}/path/to/weights."
    )


class NotHere(EncoderError):
    """Weights that have to be fetched first."""


def _cached(tag: Mapping[str, Any]) -> Path | None:
    """Where open_clip or the hub keep a weight file that was fetched before; no network is used."""
    if tag.get("file"):
        return Path(tag["file"])
    if tag.get("hf_hub"):
        found = in_cache(tag["hf_hub"])
        if found is not None:
            return found
    if tag.get("url"):
        found = Path("~/.cache/clip").expanduser() / os.path.basename(tag["url"])
        if found.is_file():
            return found
    return None


_switching = threading.Lock()


@contextmanager
def _no_network() -> Iterator[None]:
    """Tokenizers with files of their own are read from the cache: without this the hub would be asked for newer ones."""
    from huggingface_hub import constants

    with _switching:
        before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
        try:
            yield
        finally:
            constants.HF_HUB_OFFLINE = before


def _near(word: str, known: Sequence[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, known, n=3, cutoff=0.4)
    return f"did you mean {', '.join(near)}?" if near else "open_clip.list_models() in Python names them all."
