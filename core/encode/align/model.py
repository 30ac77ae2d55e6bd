"""One member of the heads as torch trains it: the parameters by their names in the heads file, and the forward pass.

The same arithmetic as `core.encode.projection` does in numpy, with dropout. Heavy products run in bfloat16.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.encode.align.features import LOW_STEPS, MAP_STEPS, ImageFeatures
from core.encode.align.settings import AlignSettings
from core.encode.parts import Standard

if TYPE_CHECKING:
    import torch


class Noise:
    """Dropout with bytes from numpy: torch's own draws took a third of a step."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def drop(self, x: torch.Tensor, share: float) -> torch.Tensor:
        """Set about `share` of the values to zero and raise the others."""
        import torch

        level = round(share * 256)
        if level == 0:
            return x
        drawn = np.frombuffer(bytearray(self.rng.bytes(x.numel())), dtype=np.uint8).reshape(x.shape)
        return x * (torch.from_numpy(drawn) >= level).to(x.dtype) * (256 / (256 - level))

    def seen(self, rows: int, cells: int, share: float) -> torch.Tensor | None:
        """Which cells are seen, bool (rows, cells); None: all."""
        import torch

        return torch.from_numpy(self.rng.random((rows, cells)) >= share) if share else None


class Member:
    """Image head, text head and the text tower's last blocks.

    Parameters
    ----------
    settings : AlignSettings
    images, texts : Standard
        Of the inputs of each head.
    blocks : torch.nn.ModuleList
        The text tower's last blocks, which are trained too; ``block(states, bias)``.
    cells : int
        Of a map.
    widths : sequence of int
        Features of a cell in each source: the last map, the earlier stages.

    Attributes
    ----------
    heads : dict of str to torch.Tensor
        Trained parameters under ``image.*`` and ``text.*``.
    log_scale : torch.Tensor
        Logarithm of one over the temperature, trained too.
    """

    def __init__(
        self,
        settings: AlignSettings,
        images: Standard,
        texts: Standard,
        blocks: torch.nn.ModuleList,
        cells: int,
        widths: Sequence[int],
    ) -> None:
        import torch

        self.settings, self.blocks = settings, blocks
        self.standards = {"image": images, "text": texts}
        self.log_scale = torch.nn.Parameter(torch.tensor(math.log(1 / settings.temperature)))
        image_attention = _new_attention(widths, settings.image_queries, settings.image_width)
        image_attention["place"] = torch.zeros(settings.image_queries, cells)
        text_attention = _new_attention([len(texts.mean)], settings.text_queries, settings.text_width)
        self.heads = {}
        for side, attention in (("image", image_attention), ("text", text_attention)):
            inputs = len(self.standards[side].mean) + len(attention["norm_weight"])
            for name, value in (_new_head(inputs, settings.hidden, settings.dim) | attention).items():
                self.heads[f"{side}.{name}"] = torch.nn.Parameter(value)

    def tuned(self) -> dict[str, torch.Tensor]:
        """Trained parameters of the text tower's blocks, under ``tower.*``."""
        return {f"tower.{name}": value for name, value in self.blocks.named_parameters()}

    def trained(self) -> dict[str, torch.Tensor]:
        """Everything that training changes."""
        return {**self.heads, **self.tuned(), "log_scale": self.log_scale}

    def tensors(self) -> dict[str, np.ndarray]:
        """What the heads file holds of this member, float32."""
        made = {name: value.detach().numpy().copy() for name, value in (self.heads | self.tuned()).items()}
        for side, standard in self.standards.items():
            made |= {f"{side}.mean": standard.mean, f"{side}.scale": standard.scale}
        return made

    def image_vectors(self, images: ImageFeatures, noise: Noise | None = None) -> torch.Tensor:
        """Joint vectors of images: float32 (n, dim), unit rows; without `noise` exactly, in float32."""
        import torch

        kind = torch.float32 if noise is None else torch.bfloat16
        sources = [
            torch.from_numpy(images.maps).to(kind) * (1 / MAP_STEPS),
            torch.from_numpy(images.low).to(kind) * (1 / LOW_STEPS),
        ]
        seen = noise.seen(*images.maps.shape[:2], self.settings.cell_dropout) if noise is not None else None
        inputs = torch.from_numpy(self.standards["image"](images.inputs))
        return self._project("image", inputs, sources, seen, noise)

    def text_vectors(self, states: np.ndarray, mask: np.ndarray, noise: Noise | None = None) -> torch.Tensor:
        """Joint vectors of texts from their token states (`core.encode.align.texts.TokenStates.batch`)."""
        import torch

        kind = torch.float32 if noise is None else torch.bfloat16
        x, keep = torch.from_numpy(states).to(kind), torch.from_numpy(mask)
        bias = (~keep)[:, None, None, :].to(kind) * -1e9
        with torch.autocast("cpu", torch.bfloat16, enabled=noise is not None):
            for block in self.blocks:
                x = block(x, bias)
        share = keep.float() / keep.sum(1, keepdim=True)
        standard = self.standards["text"]
        mean = (x.float() * share[..., None]).sum(1)
        inputs = (mean - torch.from_numpy(standard.mean)) * torch.from_numpy(standard.scale)
        return self._project("text", inputs, [x], keep, noise)

    def _project(
        self,
        side: str,
        inputs: torch.Tensor,
        sources: Sequence[torch.Tensor],
        mask: torch.Tensor | None,
        noise: Noise | None,
    ) -> torch.Tensor:
        import torch
        from torch.nn import functional as F

        p = {name.removeprefix(f"{side}."): value for name, value in self.heads.items() if name.startswith(side)}
        with torch.autocast("cpu", torch.bfloat16, enabled=noise is not None):
            taken = _attend(p, sources, mask)
            taken = F.layer_norm(taken.float(), taken.shape[1:], p["norm_weight"], p["norm_bias"])
            if noise is not None:
                inputs = noise.drop(inputs, self.settings.input_dropout)
                taken = noise.drop(taken, self.settings.attention_dropout)
            x = torch.cat([inputs, taken], dim=1)
            hidden = F.gelu(x @ p["up"] + p["up_bias"], approximate="tanh")
            if noise is not None:
                hidden = noise.drop(hidden, self.settings.dropout)
            out = x @ p["skip"] + hidden @ p["down"] + p["down_bias"]
        return F.normalize(out.float())


def _attend(
    p: Mapping[str, torch.Tensor], sources: Sequence[torch.Tensor], mask: torch.Tensor | None
) -> torch.Tensor:
    """Each query's weighted mean of the cells (or tokens), through a projection of its own: (n, queries * width)."""
    import torch

    score = sum(x @ p[f"query{i}"] for i, x in enumerate(sources)).transpose(1, 2).float()
    if "place" in p:
        score = score + p["place"]
    if mask is not None:
        score = score.masked_fill(~mask[:, None, :], -1e4)
    share = score.softmax(dim=-1)
    values = [torch.einsum("nqd,qde->nqe", share.to(x.dtype) @ x, p[f"value{i}"]) for i, x in enumerate(sources)]
    return sum(values).flatten(1)


def _new_attention(widths: Sequence[int], queries: int, width: int) -> dict[str, torch.Tensor]:
    import torch

    made = {"norm_weight": torch.ones(queries * width), "norm_bias": torch.zeros(queries * width)}
    for i, features in enumerate(widths):
        made[f"query{i}"] = 0.02 * torch.randn(features, queries)
        made[f"value{i}"] = torch.randn(queries, features, width) * features**-0.5
    return made


def _new_head(inputs: int, hidden: int, dim: int) -> dict[str, torch.Tensor]:
    """As torch starts linear layers: uniform up to one over the root of the inputs."""
    import torch

    def uniform(fan_in: int, *shape: int) -> torch.Tensor:
        return (2 * torch.rand(*shape) - 1) * fan_in**-0.5

    return {
        "skip": uniform(inputs, inputs, dim),
        "up": uniform(inputs, inputs, hidden),
        "up_bias": uniform(inputs, hidden),
        "down": uniform(hidden, hidden, dim),
        "down_bias": uniform(hidden, dim),
    }
