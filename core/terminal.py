"""What the command line writes: one line of progress, a document or a sentence."""

from __future__ import annotations

import argparse
import json
import sys

from core import documents
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


def say(args: argparse.Namespace, document: object, sentence: str) -> None:
    """The document where JSON is asked for, else the sentence."""
    if args.json:
        print_json(document)
    else:
        sys.stdout.write(sentence + "\n")


def print_json(document: object) -> None:
    """One JSON document, on a line."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
