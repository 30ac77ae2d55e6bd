"""What decides how a member of the starter's heads comes out, besides the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class AlignSettings:
    """Settings of one training.

    Attributes
    ----------
    dim, hidden : int
        Width of the joint space and of the hidden layer of each head.
    image_queries, image_width : int
        Learned queries over the cells of an image, and how much each takes from them.
    text_queries, text_width : int
        The same over the tokens of a text.
    batch : Mapping of str to int
        How many image-text pairs a step draws from each pool of the corpus.
    tuned_rate, tuned_decay : float
        Learning rate and weight decay of the text tower's last blocks.
    input_dropout, attention_dropout, cell_dropout, dropout : float
        Shares dropped of the inputs, of what the queries took, of the cells they see, of the hidden layer.
    spread_floor : float
        Smallest spread an input is divided by: rare labels have a tiny one, and one odd photo would shout.
    average_decay : float
        Weights are averaged over about ``1 / (1 - average_decay)`` steps; the average is what ships.
    """

    dim: int = 512
    hidden: int = 512
    image_queries: int = 8
    image_width: int = 64
    text_queries: int = 4
    text_width: int = 96
    steps: int = 220
    batch: Mapping[str, int] = field(
        default_factory=lambda: {
            "flickr8k": 384,
            "imagenet_names": 96,
            "pseudo_labels": 32,
            "emoji_noto": 64,
            "emoji_redrawn": 128,
            "fashion": 32,
        }
    )
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    tuned_rate: float = 1.5e-4
    tuned_decay: float = 0.01
    dropout: float = 0.5
    input_dropout: float = 0.3
    attention_dropout: float = 0.3
    cell_dropout: float = 0.2
    label_smoothing: float = 0.1
    temperature: float = 0.05
    spread_floor: float = 0.05
    average_decay: float = 0.99
    seed: int = 3
