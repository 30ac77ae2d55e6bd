"""Any open_clip model as an encoder: ``openclip:<model>/<pretrained>``.

`pretrained` is a tag of that model (``laion2b_s34b_b79k``) or the path of a weight file. Weights come from
the local cache, the file, or the hub when there is a network. Only tensors are ever read from a weight file
(``weights_only``, safetensors): nothing in it can run.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.encode.protocol import PreparedEncoder
from core.encode.threads import cpu_threads
from core.encode.weights import file_sha256
from core.errors import EncoderError

if TYPE_CHECKING:
    from PIL import Image

_PREFIX = "openclip:"
_REACH_SECONDS = 5.0
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
    model, _, pretrained = name.removeprefix(_PREFIX).partition("/")
    if not name.startswith(_PREFIX) or not model or not pretrained:
        raise EncoderError(
            f"{name!r} is not openclip:<model>/<pretrained>, such as openclip:ViT-B-32/laion2b_s34b_b79k "
            "or openclip:ViT-B-32/path/to/weights.safetensors."
        )
    return model, pretrained


class OpenClipEncoder(PreparedEncoder):
    """An open_clip model on the CPU, float32.

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

    def prepare(self, image: Image.Image) -> np.ndarray:
        """open_clip's own validation transform: float32 (3, input_px, input_px)."""
        return self._transform(image).numpy()

    def encode_prepared(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Encode float32 (n, 3, input_px, input_px) to ``{"joint": float32 (n, dim)}``."""
        if len(batch) == 0:
            return {"joint": np.empty((0, self.dim), dtype=np.float32)}
        with self._torch.inference_mode():
            rows = self._model.encode_image(self._torch.from_numpy(np.ascontiguousarray(batch)), normalize=True)
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
    instead = f"connect once, or use a weight file: openclip:{architecture}/path/to/weights"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "TRUE", "YES", "ON"}:
        raise EncoderError(
            f"The weights of {architecture}/{pretrained} are not on this computer and HF_HUB_OFFLINE is set: {instead}."
        )
    if not _reachable(_address(tag)):
        raise EncoderError(
            f"The weights of {architecture}/{pretrained} are not on this computer and cannot be fetched, "
            f"there is no connection to their server: {instead}."
        )
    try:
        return Path(open_clip.download_pretrained(dict(tag))), tag
    except Exception as error:  # the hub and urllib raise many kinds
        raise EncoderError(
            f"The weights of {architecture}/{pretrained} could not be fetched ({type(error).__name__}): {instead}."
        ) from error


def _cached(tag: Mapping[str, Any]) -> Path | None:
    """Where open_clip or the hub keep a weight file that was fetched before; no network is used."""
    if tag.get("file"):
        return Path(tag["file"])
    if tag.get("hf_hub"):
        from huggingface_hub import try_to_load_from_cache

        repository, _, file = tag["hf_hub"].rpartition("/")
        file = file or "open_clip_pytorch_model.bin"
        for candidate in ("open_clip_model.safetensors", file.rsplit(".", 1)[0] + ".safetensors", file):
            # the first name is what open_clip looks for when the tag names no file of its own
            if candidate == "open_clip_model.safetensors" and file != "open_clip_pytorch_model.bin":
                continue
            found = try_to_load_from_cache(repository, candidate)
            if isinstance(found, str):
                return Path(found)
    if tag.get("url"):
        found = Path("~/.cache/clip").expanduser() / os.path.basename(tag["url"])
        if found.is_file():
            return found
    return None


def _address(tag: Mapping[str, Any]) -> str:
    """Where a tag's weights would come from. The hub is preferred, as in open_clip."""
    if tag.get("hf_hub"):
        from huggingface_hub import constants

        return constants.ENDPOINT
    return tag["url"]


def _reachable(address: str) -> bool:
    """Ask a server for its head, waiting 5 seconds at most, names included; proxies of the environment apply.

    The hub's own client tries again for minutes when there is no network; this says so at once.
    """
    answered: list[bool] = []

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=_REACH_SECONDS).close()
            answered.append(True)
        except urllib.error.HTTPError:
            answered.append(True)  # it spoke
        except (OSError, ValueError):
            answered.append(False)

    # Looking up a name has no timeout of its own, so the wait is outside.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_REACH_SECONDS)
    return bool(answered and answered[0])


def _near(word: str, known: Sequence[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, known, n=3, cutoff=0.4)
    return f"did you mean {', '.join(near)}?" if near else "open_clip.list_models() in Python names them all."
