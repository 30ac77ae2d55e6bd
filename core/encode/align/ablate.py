"""What each part of the heads is good for: the same heads with parts taken out, measured in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from core.encode.align.evaluate import Encoding, Part
from core.encode.heads import Heads

Figures = Mapping[str, Mapping[str, float]]

SHOWN = {
    "dev t2i R@1": ("flickr8k dev", "text->image R@1"),
    "dev t2i R@10": ("flickr8k dev", "text->image R@10"),
    "dev i2t R@1": ("flickr8k dev", "image->text R@1"),
    "web t2i R@10": ("web_alt_text", "text->image R@10"),
    "Caltech zero-shot %": ("caltech101", "zero-shot by name %"),
    "Caltech 1-NN": ("caltech101", "1-NN"),
    "OpenMoji names R@10": ("openmoji", "names R@10"),
}
"""The figures of a table of parts: (set, figure) by the heading of the column."""


def parts(heads: Heads) -> dict[str, np.ndarray]:
    """Columns of the vectors before the rotation: each member's, all members', with words, and with drawings as well."""
    widths = [heads.tensors[f"{member}.image.down"].shape[-1] for member in heads.members]
    starts = np.concatenate([[0], np.cumsum(widths)])
    words = starts[-1] + heads.tensors["words.labels"].shape[1]
    columns = {f"member {name} alone": np.arange(*starts[n : n + 2]) for n, name in enumerate(heads.members)}
    columns["all members"] = np.arange(starts[-1])
    columns["all members and words"] = np.arange(words)
    columns["all members, words and drawings"] = np.arange(words + heads.tensors["drawings.basis"].shape[1])
    return columns


def unrotated(heads: Heads) -> Heads:
    """The same heads without their last step."""
    kept = {name: value for name, value in heads.tensors.items() if not name.startswith("rotation")}
    width = max(map(len, parts(heads).values()))
    return Heads({**kept, "rotation": np.eye(width, dtype=np.float32)}, heads.fingerprint)


def measure(
    heads: Heads, encoding: Encoding, evaluate: Callable[[Part], Figures], whole: Figures
) -> list[dict[str, object]]:
    """Figures of `parts`, and last of the heads as they are.

    Parameters
    ----------
    heads : Heads
    encoding : Encoding
        Of `unrotated` heads.
    evaluate : callable
        Measures a part (`core.encode.align.evaluate.evaluate`).
    whole : Mapping
        What it gave for `heads`.

    Returns
    -------
    list of dict
        ``what`` and ``figures`` of each, as the model card takes them.
    """
    rows = [(what, evaluate(Part(encoding, columns))) for what, columns in parts(heads).items()]
    rows.append((f"rotated to {heads.dim}: as shipped", whole))
    return [{"what": what, "figures": _shown(found)} for what, found in rows]


def _shown(figures: Figures) -> dict[str, float]:
    return {
        heading: figures[group][figure]
        for heading, (group, figure) in SHOWN.items()
        if figure in figures.get(group, {})
    }
