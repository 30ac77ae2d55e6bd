"""What the frozen image tower gives of the research images, encoded once and kept on disk.

A folder of ``.npy`` files for each set of images, named by a hash of what is in it, written under another name and
renamed when it is whole. The arrays are memory-mapped: the maps of all images together are larger than they should be
in memory.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from core.encode.drawings import LAYOUT
from core.encode.lite2 import GRID, INPUT_PX
from core.encode.parts import ImageParts, Standard, label_probabilities
from core.encode.threads import cpu_threads

Progress = Callable[[str, int, int], None]

MAP_STEPS = 42.5  # the last map lies between 0 and 6
LOW_STEPS = 25.4  # standardised earlier stages, cut at 5 standard deviations
VERSION = "1"  # raise it when what is kept changes
_RUN = 4  # images in one run of the tower; several runs go on at once
_FEW = 100  # images from which the spread of the earlier stages is taken


class Towers(Protocol):
    """As much of `core.encode.starter.StarterTowers` as is needed here."""

    def image_parts(self, pixels: np.ndarray) -> ImageParts:
        """Run the image tower on uint8 (n, 260, 260, 3)."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """An image file as it is, redrawn (`core.encode.align.styles`), or mirrored."""

    file: Path
    style: str = ""
    mirrored: bool = False

    def pixels(self) -> np.ndarray:
        """Open it as the tower sees it: uint8 (260, 260, 3)."""
        from PIL import ImageOps

        from core.encode.align.styles import redraw
        from core.encode.starter import squash
        from core.ingest.images import open_image

        image = redraw(self.file, self.style) if self.style else open_image(self.file, target_px=INPUT_PX)
        return squash(ImageOps.mirror(image) if self.mirrored else image)


@dataclass(frozen=True)
class ImageFeatures:
    """Quantised parts of some views, one a row.

    Attributes
    ----------
    features : ndarray of float32, shape (n, 1280)
    logits : ndarray of float32, shape (n, 1000)
    statistics : ndarray of float16, shape (n, 2262)
        Spread of the features over the cells, mean and spread of the standardised earlier stages.
    places : ndarray of float16, shape (n, 4419)
        The standardised earlier stages pooled to 3 x 3 places.
    maps : ndarray of uint8, shape (n, 81, 1280), or None
        The last map times `MAP_STEPS`; None where only the rest is asked for.
    low : ndarray of int8, shape (n, 81, 491), or None
        The standardised earlier stages times `LOW_STEPS`.
    """

    features: np.ndarray
    logits: np.ndarray
    statistics: np.ndarray
    places: np.ndarray
    maps: np.ndarray | None = None
    low: np.ndarray | None = None

    @property
    def inputs(self) -> np.ndarray:
        """What `core.encode.parts.image_inputs` makes of the same images: float32 (n, 4542)."""
        roots = np.sqrt(label_probabilities(self.logits))
        return np.concatenate([self.features, roots, self.statistics], axis=1, dtype=np.float32)

    @property
    def looks(self) -> np.ndarray:
        """What `core.encode.drawings.looks` makes of the same images: float32 (n, 6681)."""
        return np.concatenate([self.statistics, self.places], axis=1, dtype=np.float32)

    def parts(self, low: Standard) -> ImageParts:
        """Undo the quantisation: errors of at most half a step (0.012 in the map, 0.02 spreads in the stages)."""
        if self.maps is None or self.low is None:
            raise ValueError("these features were taken without their cells")
        cells = self.maps * np.float32(1 / MAP_STEPS)
        return ImageParts(cells, self.low * np.float32(1 / LOW_STEPS) / low.scale + low.mean, self.logits)

    @classmethod
    def of(cls, parts: ImageParts, low: Standard, *, cells: bool = True) -> ImageFeatures:
        """Quantise what the tower gave."""
        limit = 127 / LOW_STEPS
        standard = np.clip(low(parts.low), -limit, limit)
        n, side = len(standard), GRID // LAYOUT
        places = standard.reshape(n, LAYOUT, side, LAYOUT, side, -1).mean(axis=(2, 4))
        spread = [parts.spread, standard.mean(axis=1), standard.std(axis=1)]
        return cls(
            features=parts.features,
            logits=parts.logits,
            statistics=np.concatenate(spread, axis=1).astype(np.float16),
            places=places.reshape(n, -1).astype(np.float16),
            maps=np.clip(np.rint(parts.cells * MAP_STEPS), 0, 255).astype(np.uint8) if cells else None,
            low=np.rint(standard * LOW_STEPS).astype(np.int8) if cells else None,
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that are there, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


class FeatureTable:
    """Features of many views in several groups: `take` gathers those of some views."""

    def __init__(self, groups: Sequence[tuple[Sequence[View], ImageFeatures]]) -> None:
        self._groups = [features for _, features in groups]
        self._where = {view: (g, row) for g, (views, _) in enumerate(groups) for row, view in enumerate(views)}

    def take(self, views: Sequence[View], *, cells: bool = True) -> ImageFeatures:
        """Features of `views` in this order, in memory; without the two large arrays where `cells` is False."""
        where = np.array([self._where[view] for view in views]).reshape(-1, 2)
        some = self._groups[0].arrays()
        wanted = [name for name in some if cells or name not in ("maps", "low")]
        out = {name: np.empty((len(views), *some[name].shape[1:]), some[name].dtype) for name in wanted}
        for g in np.unique(where[:, 0]):
            mine = where[:, 0] == g
            for name, values in out.items():
                values[mine] = getattr(self._groups[g], name)[where[mine, 1]]
        return ImageFeatures(**out)


def measure_low(towers: Towers, views: Sequence[View]) -> Standard:
    """Centre and spread of the earlier stages' 491 channels, over the cells of about a hundred of the views."""
    some = views[:: max(1, len(views) // _FEW)][:_FEW]
    low = np.concatenate([towers.image_parts(np.stack([v.pixels()])).low for v in some])
    return Standard(low.mean(axis=(0, 1)), (1 / np.maximum(low.std(axis=(0, 1)), 1e-3)).astype(np.float32))


class ImageCache:
    """Features of views from a folder, encoded where they are not there yet.

    Parameters
    ----------
    towers : Towers
    folder : Path
    low : Standard
        See `measure_low`.
    on_progress : callable, optional
        Called with ("images of <set>", done, total).
    """

    def __init__(self, towers: Towers, folder: Path, low: Standard, on_progress: Progress | None = None) -> None:
        self.towers, self.folder, self.low, self.on_progress = towers, Path(folder), low, on_progress

    def load(self, views: Sequence[View], *, cells: bool = True) -> FeatureTable:
        """Features of every view; a set that is not in the folder is encoded first.

        Parameters
        ----------
        views : sequence of View
        cells : bool
            Whether the maps are wanted: they are nine tenths of the size.
        """
        sets: dict[str, list[View]] = {}
        for view in dict.fromkeys(views):
            kind = "-redrawn" * bool(view.style) + "-mirrored" * view.mirrored
            sets.setdefault(_set_of(view) + kind, []).append(view)
        return FeatureTable([(group, self._group(name, group, cells)) for name, group in sets.items()])

    def _group(self, name: str, views: Sequence[View], cells: bool) -> ImageFeatures:
        lines = [f"{_set_of(v)}/{v.file.name} {v.file.stat().st_size} {v.style} {v.mirrored}" for v in views]
        key = hashlib.sha256("\n".join([VERSION, str(cells), *lines]).encode())
        key.update(np.concatenate([self.low.mean, self.low.scale]).astype(np.float32).tobytes())
        folder = self.folder / f"{name}-{key.hexdigest()[:16]}"
        if not folder.is_dir():
            self._encode(name, views, cells, folder)
        return ImageFeatures(**{path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))})

    def _encode(self, name: str, views: Sequence[View], cells: bool, folder: Path) -> None:
        partial = folder.with_name(f".{folder.name}.{os.getpid()}")
        partial.mkdir(parents=True, exist_ok=True)
        try:
            # The first run tells the shapes.
            shapes = {part: (a.dtype, a.shape[1:]) for part, a in self._run(views[:1], cells).items()}
            kept = {
                part: np.lib.format.open_memmap(partial / f"{part}.npy", "w+", dtype, (len(views), *shape))
                for part, (dtype, shape) in shapes.items()
            }

            def encode(start: int) -> None:
                for part, rows in self._run(views[start : start + _RUN], cells).items():
                    kept[part][start : start + _RUN] = rows

            with ThreadPoolExecutor(cpu_threads()) as pool:
                starts = range(0, len(views), _RUN)
                for start, _ in zip(starts, pool.map(encode, starts)):
                    if self.on_progress is not None:
                        self.on_progress(f"images of {name}", min(start + _RUN, len(views)), len(views))
            for rows in kept.values():
                rows.flush()
            if not folder.is_dir():  # another process may have been faster
                partial.replace(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _run(self, views: Sequence[View], cells: bool) -> dict[str, np.ndarray]:
        parts = self.towers.image_parts(np.stack([view.pixels() for view in views]))
        return ImageFeatures.of(parts, self.low, cells=cells).arrays()


def _set_of(view: View) -> str:
    """A set is a folder with its images one level deeper."""
    return view.file.parent.parent.name
