"""Cells of a table as files beside it."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from core.ingest.tables import is_url

URL_REASON = "a URL; nothing is fetched from the network, so download the pictures and name the files"


def shortened(cell: str) -> str:
    """A cell that fits a message."""
    return cell if len(cell) <= 120 else cell[:117] + "..."


class Places:
    """Finds the files that a table names under its folder; links are followed only inside it.

    Attributes
    ----------
    found : dict
        File name -> (path, bytes, modification time in nanoseconds).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._real = os.path.realpath(folder)
        self._safe_parents: dict[str, bool] = {}
        self._answers: dict[str, tuple[str | None, str]] = {}
        self.found: dict[str, tuple[Path, int, int]] = {}

    def find(self, cell: str) -> tuple[str | None, str]:
        """The file a cell names, relative to the folder with ``/``, or None and the reason."""
        if cell not in self._answers:
            self._answers[cell] = self._find(cell)
        return self._answers[cell]

    def _find(self, cell: str) -> tuple[str | None, str]:
        if not cell:
            return None, "no file is named in this row"
        if is_url(cell):
            return None, URL_REASON
        reason = ""
        # As written first; then with Windows' separators, and with accents written the other way.
        swapped = cell.replace("\\", "/")
        for spelling in dict.fromkeys(
            (cell, swapped, unicodedata.normalize("NFC", swapped), unicodedata.normalize("NFD", swapped))
        ):
            file, why = self._place(spelling)
            if file is not None:
                return file, ""
            reason = reason or why
        return None, reason

    def _place(self, cell: str) -> tuple[str | None, str]:
        path = os.path.normpath(os.path.join(self._folder, cell))
        try:
            cell.encode("utf-8")
            file = os.path.relpath(path, self._folder).replace(os.sep, "/")
            if file in self.found:
                return file, ""
            if not self._stays(path):
                return None, f"'{shortened(cell)}' leads outside the folder of the table; put the pictures under it"
            status = os.stat(path)
        except (OSError, ValueError):
            return None, f"there is no file '{shortened(cell)}' beside the table"
        if not os.path.isfile(path):
            return None, f"'{shortened(cell)}' is not a file"
        self.found[file] = (Path(path), status.st_size, status.st_mtime_ns)
        return file, ""

    def _stays(self, path: str) -> bool:
        inside = self._real.rstrip(os.sep) + os.sep
        if os.path.islink(path):
            return os.path.realpath(path).startswith(inside)
        parent = os.path.dirname(path)
        if parent not in self._safe_parents:
            real = os.path.realpath(parent)
            self._safe_parents[parent] = (real + os.sep).startswith(inside)
        return self._safe_parents[parent]
