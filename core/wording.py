"""Numbers in sentences: ``1 query is``, ``1,204 queries are``."""

from __future__ import annotations


def counted(n: int, noun: str, nouns: str = "") -> str:
    """``1 image``, ``1,204 images``; `nouns` where the plural is another word."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {nouns or noun + 's'}"


def verb(n: int, one: str = "is", many: str = "are") -> str:
    """The verb that goes with so many."""
    return one if n == 1 else many
