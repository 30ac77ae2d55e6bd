"""``python -m core.encode.align``: train the starter's heads from the research images."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.encode.align import AlignSettings, measure_starter, train_starter
from core.encode.align.evaluate import Drawing
from core.encode.starter import HEADS_PATH
from core.errors import LoupeError

CACHE = Path("build/align")
_SUMMARY = "Train the starter's heads and write heads.safetensors, card.json and MODEL_CARD.md."
_EPILOG = (
    "The towers' features of all images are kept in the cache folder, about 5 GB, so that another run need not encode "
    "them again; likewise each trained member. On two cores the first run takes about 40 minutes, a later one with other "
    "settings about 25, --measure about 10."
)


def demo_drawings(folder: Path) -> list[Drawing]:
    """The demo's drawings, rendered into `folder`: a style that is in no training set."""
    from data.demo.openmoji import catalogue, render

    for _ in render(folder):
        pass
    return [Drawing(folder / emoji.file, emoji.caption, emoji.keywords) for emoji in catalogue()]


def show(stage: str, done: int, total: int) -> None:
    """Say on stderr how far it is."""
    if done == total or done % 64 == 0 or stage.startswith("training"):
        sys.stderr.write(f"\r{stage} {done:,} of {total:,}  " + "\n" * (done == total))


def run(
    data: Path, out: Path, cache: Path = CACHE, steps: int = AlignSettings.steps, hold: int = 0, *, measure: bool = False
) -> dict:
    """Train, or only measure, with progress on stderr, and the demo's drawings among the figures.

    Returns
    -------
    dict
        See `core.encode.align.train_starter`.
    """
    drawings = partial(demo_drawings, cache / "openmoji")
    if measure:
        return measure_starter(data, out, cache_dir=cache, drawings=drawings, on_progress=show)
    settings = replace(AlignSettings(), steps=steps)
    return train_starter(data, out, settings=settings, hold=hold, cache_dir=cache, drawings=drawings, on_progress=show)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m core.encode.align", description=_SUMMARY, epilog=_EPILOG)
    parser.add_argument("--data", type=Path, required=True, help="folder of the research images")
    parser.add_argument("--out", type=Path, default=Path("data/starter"), help="default: %(default)s")
    parser.add_argument("--cache", type=Path, default=CACHE, help="default: %(default)s; takes about 5 GB")
    parser.add_argument("--steps", type=int, default=AlignSettings.steps, help="of each member (default: %(default)s)")
    parser.add_argument("--hold-out", type=int, default=0, metavar="N",
                        help="leave N ImageNet names out of training and measure how they are found")  # fmt: skip
    parser.add_argument("--measure", action="store_true",
                        help="train nothing: measure the heads in --out again and write their card")  # fmt: skip
    asked = parser.parse_args(argv)
    if asked.hold_out and asked.out.resolve() == HEADS_PATH.parent:
        parser.error(f"heads with names held out are not for use: give another --out than {asked.out}")
    try:
        card = run(asked.data, asked.out, asked.cache, asked.steps, asked.hold_out, measure=asked.measure)
    except LoupeError as error:
        parser.error(str(error))
    sys.stdout.write(json.dumps(card["figures"], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
