"""Images and texts small enough to train on in a test."""

from pathlib import Path

import numpy as np

from core.encode.align.corpus import Corpus
from core.encode.align.features import LOW_STEPS, MAP_STEPS, FeatureTable, ImageFeatures
from core.encode.align.settings import AlignSettings
from core.encode.align.texts import TokenStates
from core.encode.parts import ImageParts, Standard

WIDTH = 8  # of a token
CELLS = 4
LABELS = 50
LOW = Standard(np.full(491, 2, np.float32), np.full(491, 1 / 3, np.float32))

SMALL = AlignSettings(
    dim=8,
    hidden=16,
    image_queries=2,
    image_width=4,
    text_queries=2,
    text_width=4,
    steps=250,
    batch={"toy": 32},
    learning_rate=5e-3,
    tuned_rate=1e-3,
    dropout=0.0,
    input_dropout=0.0,
    attention_dropout=0.0,
    cell_dropout=0.0,
    average_decay=0.9,
    seed=0,
)


def block(seed=0):
    """What stands for the text tower's last blocks: one that mixes the features of a token and adds them."""
    import torch

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = torch.nn.Linear(WIDTH, WIDTH)

        def forward(self, x, bias):
            return x + torch.tanh(self.mix(x))

    torch.manual_seed(seed)
    return torch.nn.ModuleList([Block()])


def toy(n_groups=40, per_group=3, seed=0, sees_cells=True):
    """Groups of images with one text each: noisy linear pictures of the same hidden code, half of it only in one cell.

    The last image of each group is in no pool. Without `sees_cells` the maps are black.
    """
    rng = np.random.default_rng(seed)
    corpus = Corpus()
    codes = rng.normal(size=(n_groups, 6))
    to_pooled, to_cell, to_token = rng.normal(size=(3, 12)), rng.normal(size=(3, 6)), rng.normal(size=(6, WIDTH))
    n = n_groups * per_group
    owner = np.repeat(np.arange(n_groups), per_group)
    maps = rng.uniform(0, 0.2, size=(n, CELLS, 6))
    maps[np.arange(n), rng.integers(CELLS, size=n)] = np.clip(1.5 + 0.5 * codes[owner, 3:] @ to_cell, 0, 6)
    corpus.pools["toy"] = []
    for g in range(n_groups):
        text = corpus.text(f"thing {g}", f"thing {g}")
        group = [corpus.image(Path(f"toy/images/{g}-{i}.png"), [text]) for i in range(per_group)]
        corpus.pools["toy"].append(group[:-1])
    features = ImageFeatures(
        features=(codes[owner, :3] @ to_pooled + 0.1 * rng.normal(size=(n, 12))).astype(np.float32),
        logits=rng.normal(size=(n, 5)).astype(np.float32),
        statistics=rng.normal(size=(n, 3)).astype(np.float16),
        places=np.zeros((n, 9), np.float16),
        maps=np.rint(sees_cells * maps * MAP_STEPS).astype(np.uint8),
        low=np.rint(rng.normal(size=(n, CELLS, 3)).clip(-5, 5) * LOW_STEPS).astype(np.int8),
    )
    lengths = rng.integers(2, 5, size=n_groups)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    states = np.repeat(codes @ to_token, lengths, axis=0) + 0.1 * rng.normal(size=(starts[-1], WIDTH))
    means = np.stack([states[a:b].mean(axis=0) for a, b in zip(starts, starts[1:])])
    texts = TokenStates(states.astype(np.float16), starts, means.astype(np.float32))
    return corpus, FeatureTable([(corpus.views(), features)]), texts


def write_sets(folder):
    """The research folder in small: every set with a few plain pictures, labels in the order of their WordNet ids."""
    import csv

    from PIL import Image

    def write(name, table, rows):
        (folder / name / "images").mkdir(parents=True)
        for i, file in enumerate(dict.fromkeys(row["file"] for row in rows)):
            mode, colour = ("RGBA", (40 * i % 255, 90, 30, 200)) if name == "emoji_noto" else ("RGB", (40 * i % 255, 90, 30))
            Image.new(mode, (32, 32), colour).save(folder / name / file)
        with (folder / name / table).open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    said = {"train": ("Two hens run .", "a hen on grass"), "dev": ("a wholly unseen dev caption", "another of dev")}
    write("flickr8k", "captions.csv", [
        {"file": f"images/{split}{i}.png", "caption": f"{caption} {i}", "split": split}
        for split, captions in said.items() for i in range(2) for caption in captions
    ])  # fmt: skip
    names = ["hen", "great white shark", "canoe", "crane", "crane", "quill"]
    write("imagenet_names", "labels.csv", [
        {"file": f"images/n{9 - i}.png", "label": name, "wnid": f"n{i}"} for i, name in enumerate(names)
    ][::-1])  # fmt: skip
    write("emoji_noto", "captions.csv", [
        {"file": "images/1.png", "caption": "rooster", "keywords": "rooster|hen|farm"},
        {"file": "images/2.png", "caption": "waving hand", "keywords": "wave|hello"},
        {"file": "images/3.png", "caption": "waving hand: dark skin tone", "keywords": "wave|dark skin tone"},
    ])  # fmt: skip
    write("fashion", "items.csv", [
        {"file": f"images/{i}.png", "caption": f"Shirt {i}", "label": "Shirts", "baseColour": "Blue", "gender": "Men"}
        for i in range(4)
    ])  # fmt: skip
    write("web_alt_text", "captions.csv", [{"file": "images/1.png", "caption": "a web alt text"}])
    write("caltech101", "labels.csv", [{"file": f"images/{i}.png", "label": "wrench"} for i in range(2)])
    write("dreambooth", "labels.csv", [{"file": f"images/{i}.png", "instance": "vase"} for i in range(2)])
    return folder


class FakeTowers:
    """Parts that depend on the picture: its mean colour sets them."""

    def __init__(self, labels=LABELS):
        self.images, self.labels = 0, labels

    def image_parts(self, pixels):
        self.images += len(pixels)
        return made_parts([int(p.mean(dtype=np.float64) * 1000) for p in pixels], self.labels)


def made_parts(seeds, labels=LABELS):
    rngs = [np.random.default_rng(seed) for seed in seeds]
    return ImageParts(
        cells=np.stack([r.uniform(0, 6, size=(81, 1280)) for r in rngs]).astype(np.float32),
        low=np.stack([r.normal(2, 3, size=(81, 491)) for r in rngs]).astype(np.float32),
        logits=np.stack([r.normal(size=labels) for r in rngs]).astype(np.float32),
    )
