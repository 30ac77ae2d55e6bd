"""Folders of this computer that may be indexed from the browser: under ``LOUPE_ROOTS``, or the user's home folder.

The roots bind the web app only; who can use the command line can read the files anyway.
"""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import InputError, LoupeError
from core.ingest.folders import hidden
from core.ingest.formats import EXTENSIONS

TABLE_BYTES = 50_000_000
"""Larger tables are not looked into while somebody waits."""
GLANCE = 20_000
"""Files looked at, at most, to say how many pictures a folder has."""


def roots() -> tuple[Path, ...]:
    """The folders allowed, resolved; ``LOUPE_ROOTS`` separates them by colons (on Windows by semicolons)."""
    said = [part for part in os.environ.get("LOUPE_ROOTS", "").split(os.pathsep) if part.strip()]
    found = [Path(part).expanduser().resolve() for part in said] or [Path.home().resolve()]
    return tuple(path for path in found if path.is_dir())


def checked(text: str) -> Path:
    """The folder, zip, table or picture at a typed path, resolved.

    Raises
    ------
    InputError
        There is none, or it is outside the roots.
    """
    try:
        path = Path(text.strip()).expanduser().resolve()
        there = path.exists()
    except (OSError, RuntimeError, ValueError):
        there = False
    allowed = roots()
    # The same sentence for what is outside and for what is not there: nothing can be learnt about other folders.
    if not there or not any(path.is_relative_to(root) for root in allowed):
        names = ", ".join(str(root) for root in allowed) or "none"
        raise InputError(
            f"There is nothing at {text.strip()!r} that may be indexed; allowed are folders under: {names}."
        )
    return path


def complete(text: str, n: int = 8) -> list[str]:
    """Folders that what was typed may become, at most `n`; with nothing typed, good places to begin."""
    allowed = roots()
    if not text.strip():
        usual = [root / name for root in allowed for name in ("Pictures", "Photos", "Images", "Desktop", "Downloads")]
        return [str(path) for path in (*(p for p in usual if p.is_dir()), *allowed)][:n]
    typed = Path(text.strip()).expanduser()
    parent, start = (typed, "") if text.rstrip().endswith(("/", os.sep)) else (typed.parent, typed.name)
    try:
        parent = checked(str(parent))
        names = sorted(
            (entry.name for entry in os.scandir(parent) if entry.is_dir() and not hidden(entry.name)), key=str.casefold
        )
    except (InputError, OSError):
        return [str(root) for root in allowed if str(root).startswith(str(typed))][:n]
    fitting = [name for name in names if name.casefold().startswith(start.casefold()) and name != start]
    return [str(parent / name) for name in fitting if _inside(parent / name, allowed)][:n]


def glance(path: Path) -> tuple[int, bool]:
    """How many pictures, by their names, lie in a folder and its subfolders, and whether there may be more."""
    n, seen = 0, 0
    for _folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if not hidden(name)]
        for name in files:
            n += Path(name).suffix.lower() in EXTENSIONS
            seen += 1
            if seen >= GLANCE:
                return n, True
    return n, False


def tables(path: Path) -> list[str]:
    """Names of tables directly in a folder that say something of image files: captions and metadata for them."""
    from core.ingest.folders import TABLE_EXTENSIONS
    from core.ingest.tables import read_table

    found = []
    for table in sorted(path.iterdir()):
        if table.suffix.lower() not in TABLE_EXTENSIONS or not table.is_file() or table.stat().st_size > TABLE_BYTES:
            continue
        try:
            if read_table(table).image_column is not None:
                found.append(table.name)
        except LoupeError:  # some other table that happens to lie here
            continue
    return found


def _inside(path: Path, allowed: tuple[Path, ...]) -> bool:
    resolved = path.resolve()
    return any(resolved.is_relative_to(root) for root in allowed)
