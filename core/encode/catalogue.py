"""The encoders that are offered: what they are, what they cost, whether they are on this computer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.encode import hubcache
from core.encode.measured import Measured, load
from core.store import homes

_CARD = Path(__file__).resolve().parents[2] / "data" / "starter" / "card.json"


@dataclass(frozen=True, slots=True)
class Offer:
    """One encoder as a card shows it.

    Attributes
    ----------
    name : str
        What `core.encode.load_encoder` knows it by.
    title : str
        For people.
    n_bytes : int
        Of the weights; of those that are not here, about (parameters of four bytes each).
    dim : int
        Width of the vectors; 0 where it is not known before loading.
    licence : str
        Of the weights, as published.
    commercial : bool or None
        Whether the licence allows commercial use; None: unknown.
    quality : str
        One line.
    source : str
        Where `quality` and `licence` are from.
    here : bool
        Whether it can be used without a download.
    path : str
        The weight file, where it is one of the hub's cache or of the user.
    measured : Measured or None
        On this machine.
    """

    name: str
    title: str
    n_bytes: int
    dim: int
    licence: str
    commercial: bool | None
    quality: str
    source: str
    here: bool = False
    path: str = ""
    measured: Measured | None = field(default=None, compare=False)


_COCO = "docs/openclip_retrieval_results.csv of open_clip"
OFFERS = (
    Offer(
        "openclip:ViT-B-32/laion2b_s34b_b79k", "ViT-B-32, LAION-2B", 605_000_000, 512, "MIT", True,
        "English. Finds 76 % of COCO's captions among the first ten of 5,000 photos; 93 % on Flickr30k's 1,000.", _COCO,
    ),
    Offer(
        "openclip:MobileCLIP2-S2/dfndr2b", "MobileCLIP2-S2", 398_000_000, 512,
        "Apple research licence (apple-amlr): not for commercial use", False,
        "English. Small and quick, and names 77 % of ImageNet's photos without training on them.",
        "model card apple/MobileCLIP2-S2; LICENSE_MODELS of apple/ml-mobileclip",
    ),
    Offer(
        "openclip:ViT-B-16-SigLIP2-256/webli", "SigLIP 2 base, multilingual", 1_501_000_000, 768, "Apache-2.0", True,
        "A hundred languages. Finds 53 % of COCO's captions at the very first place (text to image R@1).",
        "SigLIP 2 (arXiv 2502.14786), table 1; model card google/siglip2-base-patch16-256",
    ),
    Offer(
        "openclip:ViT-L-16-SigLIP2-256/webli", "SigLIP 2 large, multilingual", 3_526_000_000, 1024, "Apache-2.0", True,
        "A hundred languages. The largest of these and by far the slowest: for small collections, or patience.",
        "SigLIP 2 (arXiv 2502.14786); model card google/siglip2-large-patch16-256",
    ),
)  # fmt: skip
"""Frozen. Sizes of the two SigLIP 2: parameters times four bytes; of the others: the published files."""


def offers(home: Path | None = None) -> tuple[Offer, ...]:
    """Every encoder to offer, those first that need no download: open_clip models in the hub's cache, the starter, own files.

    Whatever program left a model in the cache, it is listed. No network is used.
    """
    measured = load(home)
    frozen = {offer.name: offer for offer in OFFERS}
    here = dict(hubcache.cached_encoders())
    listed = [_present(name, path, frozen.get(name)) for name, path in sorted(here.items())]
    listed += [starter(), *_own_files(home)]
    listed += [offer for offer in OFFERS if offer.name not in here]
    return tuple(_with(offer, measured.get(offer.name)) for offer in listed)


def offer(name: str, home: Path | None = None) -> Offer | None:
    """The offer of that name, or None."""
    return next((one for one in offers(home) if one.name == name), None)


def starter() -> Offer:
    """The encoder that comes with the install; its quality is what its model card says."""
    try:
        figures = json.loads(_CARD.read_text(encoding="utf-8"))["figures"]["flickr8k dev"]
        quality = (
            "English. Everyday photos and emoji: finds "
            f"{figures['text->image R@10']:.0f} % of Flickr8k's captions among the first ten of 1,000 photos."
        )
    except (OSError, ValueError, KeyError, TypeError):
        quality = "English. Everyday photos and emoji."
    return Offer(
        "starter", "Starter", 0, 512, "MIT; its towers Apache-2.0", True, quality, "data/starter/MODEL_CARD.md", here=True
    )


# ---------------------------------------------------------------- weight files of one's own

_KEPT = "encoder-files.json"


def remember_file(name: str, home: Path | None = None) -> None:
    """Offer a weight file of the user's own (``openclip:<model>//path/to/file``) from now on."""
    from core.store.files import write_durably

    folder = homes.resolve(home)
    kept = list(dict.fromkeys([*_kept(folder), name]))
    write_durably(folder / _KEPT, lambda file: file.write(json.dumps(kept, indent=1, ensure_ascii=False).encode()))


def _own_files(home: Path | None) -> Iterator[Offer]:
    for name in _kept(homes.resolve(home)):
        path = Path(name.removeprefix(hubcache.PREFIX).partition("/")[2])
        if path.is_file():
            yield _present(name, path, None)


def _kept(folder: Path) -> list[str]:
    try:
        said = json.loads((folder / _KEPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in said if isinstance(name, str)] if isinstance(said, list) else []


# ---------------------------------------------------------------- parts


def _present(name: str, path: Path, known: Offer | None) -> Offer:
    n_bytes = path.stat().st_size
    if known is not None:
        return replace(known, n_bytes=n_bytes, here=True, path=str(path))
    model, _, tag = name.removeprefix(hubcache.PREFIX).partition("/")
    return Offer(name, f"{model}, {Path(tag).name}", n_bytes, 0, "see where the weights were published", None,
                 "Not in Loupe's own list: try it, and compare it on your own images.", "", here=True, path=str(path))  # fmt: skip


def _with(offer: Offer, measured: Measured | None) -> Offer:
    return offer if measured is None else replace(offer, measured=measured)
