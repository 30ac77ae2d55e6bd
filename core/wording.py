"""Numbers in sentences: ``1 query is``, ``1,204 queries are``."""

from __future__ import annotations


def counted(n: int, noun: str, nouns: str = "") -> str:
    """``1 image``, ``1,204 images``; `nouns` where the plural is another word."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {nouns or noun + 's'}"


def verb(n: int, one: str = "is", many: str = "are") -> str:
    """The verb that goes with so many."""
    return one if n == 1 else many


def grades(n: int, n_cant_tell: int) -> str:
    """``85 grades and 8 \u201ccan't tell\u201d``: the latter are no grades."""
    return counted(n, "grade") + (f" and {n_cant_tell:,} \u201ccan't tell\u201d" if n_cant_tell else "")


def shortened(name: str, at_most: int) -> str:
    """A name with its middle cut out where it is longer: what tells two of them apart is often at the end."""
    if len(name) <= at_most:
        return name
    end = (at_most - 1) // 2
    return f"{name[: at_most - 1 - end]}\u2026{name[len(name) - end :]}"
