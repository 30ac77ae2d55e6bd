"""Questions over a gallery with a planted hub, and over one without: what a proof must tell apart."""

from __future__ import annotations

import numpy as np

from core.judge.proof import Bank, Trial, cut


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def trial(hub: bool = True, n: int = 300, n_bank: int = 300, d: int = 48, seed: int = 0) -> Trial:
    """Question i is right with item i; the last item lies along what all questions share, and is right with none.

    Without a hub questions share nothing, so there is nothing to correct.
    """
    rng = np.random.default_rng(seed)
    shared = unit(rng.standard_normal((1, d)))
    topics, others = unit(rng.standard_normal((n, d))), unit(rng.standard_normal((n_bank, d)))

    def asked(rows: np.ndarray) -> np.ndarray:
        lean = rng.uniform(0.3, 2.0, (len(rows), 1)) if hub else 0.0
        return unit(rows + lean * shared + (0.8 if hub else 1.6) * unit(rng.standard_normal(rows.shape)))

    items = np.vstack([unit(topics + 0.6 * unit(rng.standard_normal(topics.shape))), shared if hub else unit(rng.standard_normal((1, d)))])
    groups = np.arange(n)
    return Trial(
        asked(topics), items, tuple({i: 1} for i in range(n)), groups, cut(groups, (0.5, 0.5), seed) == 1,
        (Bank("captions of other images", asked(others), served="captions"),),
    )  # fmt: skip
