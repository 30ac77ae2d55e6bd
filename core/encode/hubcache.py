"""What lies in the hub's cache already: found without a network and without loading open_clip.

`openclip_tags.json` is open_clip's own list of tags (model/tag -> where on the hub), frozen, because importing open_clip
takes seconds and torch with it. A tag that a newer open_clip has and this list has not is still loaded by its name; it is
only not offered by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

_TAGS = Path(__file__).with_name("openclip_tags.json")
_BIN, _SAFE = "open_clip_pytorch_model.bin", "open_clip_model.safetensors"
PREFIX = "openclip:"


@cache
def tags() -> Mapping[str, str]:
    """``<model>/<tag>`` -> ``<owner>/<repository>/<file>`` on the hub (the file is empty where it has the usual name)."""
    return json.loads(_TAGS.read_text(encoding="utf-8"))


def models() -> tuple[str, ...]:
    """The architectures there are weights for, by name."""
    return tuple(sorted({name.partition("/")[0] for name in tags()}))


def weight_files(hub: str) -> tuple[str, tuple[str, ...]]:
    """The repository, and the names its weights may have, the one to prefer first.

    The order is open_clip's own: safetensors where there are any, else the file of the tag.

    >>> weight_files("laion/CLIP-ViT-B-32/")
    ('laion/CLIP-ViT-B-32', ('open_clip_model.safetensors', 'open_clip_pytorch_model.bin'))
    """
    repository, _, file = hub.rpartition("/")
    file = file or _BIN
    safe = _SAFE if file == _BIN else file.rsplit(".", 1)[0] + ".safetensors"
    return repository, tuple(dict.fromkeys((safe, file)))


def in_cache(hub: str) -> Path | None:
    """The weight file of a repository that was fetched before, by Loupe or by any other program."""
    from huggingface_hub import constants

    repository, files = weight_files(hub)
    # Looking for the folder first spares the import of the hub's client where there is nothing.
    if not (Path(constants.HF_HUB_CACHE) / folder_name(repository)).is_dir():
        return None
    from huggingface_hub import try_to_load_from_cache

    for file in files:
        found = try_to_load_from_cache(repository, file)
        if isinstance(found, str):
            return Path(found)
    return None


def cached_encoders() -> Iterator[tuple[str, Path]]:
    """(``openclip:<model>/<tag>``, weight file) of every open_clip model in the hub's cache; once where it has two names."""
    names: dict[str, str] = {}
    for name, hub in tags().items():
        names[hub] = min(names.get(hub, name), name, key=lambda known: (len(known), known))
    for hub, name in names.items():
        found = in_cache(hub)
        if found is not None:
            yield PREFIX + name, found


def folder_name(repository: str) -> str:
    """The hub's name for a repository's folder in its cache."""
    return f"models--{repository.replace('/', '--')}"
