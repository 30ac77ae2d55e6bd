"""Ground truth of published benchmarks, and each one's own metric: a module for each, pure but for the last step.

``truth`` holds what a file says, ``matching`` what of it a collection has; ``karpathy``, ``captions``, ``cirr``, ``fashioniq``,
``genecis`` and ``triplets`` read files, ``galleries`` lists of images; ``recalls``, ``instances``, ``revisited`` and ``pools``
measure; ``splits`` is for what was trained on queries, and ``unseen`` trains without each kind of them; ``asking`` puts the
questions of a truth to a search.
"""

from core.judge.protocols.matching import Matched, match
from core.judge.protocols.reading import KINDS, read_truth
from core.judge.protocols.truth import Asked, Truth

__all__ = ["Asked", "KINDS", "Matched", "Truth", "match", "read_truth"]
