"""What each part of the heads is good for: the same heads with parts taken out, measured in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

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


def parts(heads: Heads) -> dict[str, Heads]:
    """Heads that use some of the parts: each member alone, all of them, with words, and with drawings as well.

    None of these is rotated: a rotation that only picks columns takes its place, so that nothing else differs.
    """
    widths = [heads.tensors[f"{member}.image.down"].shape[-1] for member in heads.members]
    starts = np.concatenate([[0], np.cumsum(widths)])
    words, drawings = heads.tensors["words.labels"].shape[1], heads.tensors["drawings.basis"].shape[1]
    total = int(starts[-1]) + words + drawings
    columns = {
        f"member {member} alone": np.arange(starts[n], starts[n + 1]) for n, member in enumerate(heads.members)
    }
    columns["all members"] = np.arange(starts[-1])
    columns["all members and words"] = np.arange(starts[-1] + words)
    columns["all members, words and drawings"] = np.arange(total)
    return {what: _picking(heads, picked, total) for what, picked in columns.items()}


def measure(heads: Heads, evaluate: Callable[[Heads], Figures], whole: Figures) -> list[dict[str, object]]:
    """Figures of `parts`, and last of the heads as they are.

    Parameters
    ----------
    heads : Heads
    evaluate : callable
        Measures heads (`core.encode.align.evaluate.evaluate`).
    whole : Mapping
        What it gave for `heads`.

    Returns
    -------
    list of dict
        ``what`` and ``figures`` of each, as the model card takes them.
    """
    rows = [(what, evaluate(some)) for what, some in parts(heads).items()]
    return [{"what": what, "figures": _shown(found)} for what, found in [*rows, (f"rotated to {heads.dim}: as shipped", whole)]]


def _picking(heads: Heads, columns: np.ndarray, width: int) -> Heads:
    kept = {name: value for name, value in heads.tensors.items() if not name.startswith("rotation")}
    return Heads({**kept, "rotation": np.eye(width, dtype=np.float32)[:, columns]}, heads.fingerprint)


def _shown(figures: Figures) -> dict[str, float]:
    return {
        heading: figures[group][figure]
        for heading, (group, figure) in SHOWN.items()
        if figure in figures.get(group, {})
    }
