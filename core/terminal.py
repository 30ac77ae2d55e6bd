"""What the command line writes: one line of progress, a document or a sentence."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from core import documents
from core.errors import InputError
from core.types import Job


class Line:
    """One line of progress that is written over again; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *error: object) -> None:
        self.clear()

    def show(self, job: Job) -> None:
        """How far a job is."""
        self.write(documents.so_far(job))

    def write(self, text: str) -> None:
        """Put this in place of what is on the line."""
        if self._on:
            self._put(f"\r\x1b[K{text}")

    def clear(self) -> None:
        """Leave the line empty."""
        if self._on:
            self._put("\r\x1b[K")

    @staticmethod
    def _put(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def named_file(path: str | Path) -> Path:
    """Where a file that a person named is to be written; a folder that is not there is more likely a slip than a wish.

    Raises
    ------
    InputError
        It is a folder, or its folder is not there.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} does not exist; make it, or name another for {path.name}.")
    return path


def say(args: argparse.Namespace, document: object, sentence: str) -> None:
    """The document where JSON is asked for, else the sentence."""
    if args.json:
        print_json(document)
    else:
        sys.stdout.write(sentence + "\n")


def print_json(document: object) -> None:
    """One JSON document, on a line."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
