"""What the frozen part of the text tower gives of the training texts, and texts through finished heads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.encode.align.features import Progress
from core.encode.minilm import FEATURES, LAYERS, TUNED, build_text_tower, load_tokenizer, tokenize
from core.encode.parts import TextParts
from core.encode.weights import TEXT_WEIGHTS, TOKENIZER, find

if TYPE_CHECKING:
    import torch

    from core.encode.heads import Heads

LONGEST = 64  # tokens; captions and names have fewer
_VERSION = "1"  # raise it when what is kept changes
_RUN_TOKENS = 2048
_CHUNK = 128


@dataclass(frozen=True)
class TokenStates:
    """Token states before the blocks that training changes; texts lie one behind the other.

    Attributes
    ----------
    states : ndarray of float16, shape (tokens, 384)
    starts : ndarray of int64, shape (n + 1,)
        Text i has the rows from ``starts[i]`` up to ``starts[i + 1]``.
    features : ndarray of float32, shape (n, 384)
        Mean over tokens of the whole tower as it was published.
    """

    states: np.ndarray
    starts: np.ndarray
    features: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, int64 (n,)."""
        return np.diff(self.starts)

    def batch(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """States float16 (b, longest, 384) of some texts, and where they are texts and not padding, bool (b, longest)."""
        lengths = self.lengths[rows][:, None]
        steps = np.arange(lengths.max())
        return self.states[self.starts[rows][:, None] + np.minimum(steps, lengths - 1)], steps < lengths


def token_states(texts: Sequence[str], folder: Path, on_progress: Progress | None = None) -> TokenStates:
    """Token states of texts, kept in `folder` by their words.

    Parameters
    ----------
    texts : sequence of str
    folder : Path
    on_progress : callable, optional
        Called with ("texts", done, total).
    """
    key = hashlib.sha256("\0".join([_VERSION, *texts]).encode()).hexdigest()[:16]
    paths = {name: Path(folder) / f"texts-{key}-{name}.npy" for name in ("states", "starts", "features")}
    if not all(path.is_file() for path in paths.values()):
        made = vars(_run_frozen(texts, on_progress))
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, path in paths.items():
            partial = path.with_name(f".{path.name}.{os.getpid()}.npy")
            np.save(partial, made[name])
            partial.replace(path)
    return TokenStates(**{name: np.load(path, mmap_mode="r") for name, path in paths.items()})


def tuned_blocks() -> torch.nn.ModuleList:
    """The text tower's last blocks as published: what training starts from."""
    return build_text_tower(find(TEXT_WEIGHTS)).blocks[LAYERS - TUNED :]


def text_encoder(heads: Heads) -> Callable[[Sequence[str]], np.ndarray]:
    """What takes texts to unit rows, float32 (n, dim), through `heads` and torch.

    The starter does the same through a graph, which would stay in its cache for every heads file that is tried.
    """
    import torch

    tower, tokenizer = build_text_tower(find(TEXT_WEIGHTS), heads.tails()), load_tokenizer(find(TOKENIZER))

    def encode(texts: Sequence[str]) -> np.ndarray:
        out = np.empty((len(texts), heads.dim), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), _CHUNK):
            chunk = order[start : start + _CHUNK]
            ids, mask = tokenize(tokenizer, [texts[i] for i in chunk])
            with torch.inference_mode():
                features, *tokens = (t.numpy() for t in tower(torch.from_numpy(ids), torch.from_numpy(mask)))
            out[chunk] = heads.text(TextParts(features, tuple(tokens), mask.astype(bool)))
        return out

    return encode


def _run_frozen(texts: Sequence[str], on_progress: Progress | None) -> TokenStates:
    """Run texts of the same length together: no padding, and the same states whatever else is in the list."""
    import torch

    tower, tokenizer = build_text_tower(find(TEXT_WEIGHTS)), load_tokenizer(find(TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    ids = [np.array(one.ids) for one in tokenizer.encode_batch(list(texts))]
    lengths = np.array([len(one) for one in ids])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    states = np.empty((starts[-1], FEATURES), dtype=np.float16)
    features = np.empty((len(texts), FEATURES), dtype=np.float32)
    done = 0
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length)
        for chunk in np.array_split(same, -(-len(same) * length // _RUN_TOKENS)):
            with torch.inference_mode():
                words = torch.from_numpy(np.stack([ids[i] for i in chunk]))
                x = tower.norm(tower.words(words) + tower.positions.weight[:length] + tower.types.weight[0])
                for depth, block in enumerate(tower.blocks):
                    if depth == LAYERS - TUNED:
                        states[starts[chunk][:, None] + np.arange(length)] = x.numpy()
                    x = block(x, torch.zeros(1))
                features[chunk] = x.mean(dim=1).numpy()
            done += len(chunk)
            if on_progress is not None:
                on_progress("texts", done, len(texts))
    return TokenStates(states, starts, features)
