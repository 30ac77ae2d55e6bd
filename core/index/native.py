"""USearch's compiled part, loaded in the one order that does not crash."""

from __future__ import annotations

from contextlib import suppress
from types import ModuleType


def usearch_index() -> ModuleType:
    """The module ``usearch.index``, with onnxruntime loaded before it.

    The other way round the import of onnxruntime ends the process with a segmentation fault (usearch 2.26 with
    onnxruntime 1.32 on Linux): a search by example, or a worker that built an index, would be killed by the first words
    that are encoded after it.
    """
    with suppress(ImportError):
        import onnxruntime  # noqa: F401
    import usearch.index

    return usearch.index
