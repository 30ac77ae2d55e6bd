"""What became of queries and grades that were brought, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pages._shared import count

if TYPE_CHECKING:
    from core.workbench.judgments import Imported
    from core.workbench.query_sampling import Added

NAMED_AT_MOST = 5


def some(names: Sequence[str], n: int | None = None) -> str:
    """The first few names, and how many more there are; `n` in all, where not all are given."""
    n = len(names) if n is None else n
    more = f" and {n - NAMED_AT_MOST:,} more" if n > NAMED_AT_MOST else ""
    return ", ".join(names[:NAMED_AT_MOST]) + more


def queries_said(added: Added) -> list[str]:
    """What became of the queries, in sentences: nothing is left out unsaid."""
    known = f"; {added.known:,} {'was' if added.known == 1 else 'were'} in it already" if added.known else ""
    said = [f"{count(added.new, 'query', 'queries')} added to {added.name}{known}."]
    if added.repeats:
        said.append(f"{count(added.repeats, 'line')} said the same again and {'was' if added.repeats == 1 else 'were'} left out.")
    if added.aliases:
        n = len(added.aliases)
        pairs = some([f"{alias} = {kept}" for alias, kept in added.aliases.items()])
        said.append(f"{count(n, 'query', 'queries')} {'was' if n == 1 else 'were'} there twice: {pairs}. "
                    "Each is kept once, and grades that a file gives to the other id are taken for it.")  # fmt: skip
    if added.renamed:
        said.append(f"{count(added.renamed, 'grade')} under such an id {'counts' if added.renamed == 1 else 'count'} for it now.")
    if n := len(added.alike):
        one, other = added.alike[0]
        such, case = ("It is", ":") if n == 1 else ("They are", ", such as")
        said.append(f"{count(n, 'query differs', 'queries differ')} from another only in letter case or spaces{case} {one[:80]!r} and "
                    f"{other[:80]!r}. {such} kept, for an encoder may tell them apart.")  # fmt: skip
    if added.graded:
        where = f", from the {'set' if len(added.graded_in) == 1 else 'sets'} {', '.join(added.graded_in)}" if added.graded_in else ""
        said.append(f"{added.graded:,} of the {count(added.new, 'new query', 'new queries')} "
                    f"{'has' if added.graded == 1 else 'have'} grades already{where}.")  # fmt: skip
    return said


def grades_said(found: Imported) -> list[str]:
    """What became of the rows of a file of grades, in sentences: nothing is lost unsaid."""
    said = [f"{count(found.n_read, 'row')} read, {len(found.rows):,} taken."]
    if queries := found.unknown_queries:
        one, rows = len(queries) == 1, sum(queries.values())
        said.append(f"{_name(rows)} {count(len(queries), 'query', 'queries')} that no set has: {_named(queries)}. {_kept(rows)}; add "
                    f"{'it' if one else 'them'} under Queries, with the same {'id' if one else 'ids'} or words, and "
                    f"{'it counts' if rows == 1 else 'they count'}.")  # fmt: skip
    if images := found.unknown_items:
        one, rows = len(images) == 1, sum(images.values())
        said.append(f"{_name(rows)} {count(len(images), 'image')} that {'is' if one else 'are'} not in this collection: {_named(images)}. "
                    f"{_kept(rows)}, and {'counts' if rows == 1 else 'count'} once "
                    f"{'the image is here under this id' if one else 'the images are here under these ids'}.")  # fmt: skip
    if n := len(found.not_found):
        lines = some([f"{file[:40]!r} in line {line:,}" for line, file, _ in found.not_found])
        said.append(f"{count(n, 'row')} {'is left out, for its file is' if n == 1 else 'are left out, for their files are'} not found: "
                    f"{lines} ({found.not_found[0][2]}). Bring the images first, then the file again.")  # fmt: skip
    if n := found.aliased:
        said.append(f"{count(n, 'row')} {'has' if n == 1 else 'have'} another id of a query that a set has, and "
                    f"{'counts' if n == 1 else 'count'} for it.")  # fmt: skip
    if n := found.again:
        said.append(f"{count(n, 'row')} {'grades' if n == 1 else 'grade'} what the same judge had graded before in this file; the last one "
                    "counts.")  # fmt: skip
    return said


def _name(rows: int) -> str:
    return f"{count(rows, 'row')} {'names' if rows == 1 else 'name'}"


def _kept(rows: int) -> str:
    return "Its grade is kept" if rows == 1 else "Their grades are kept"


def _named(unknown: Mapping[str, int]) -> str:
    return some([repr(name[:60]) for name in unknown])
