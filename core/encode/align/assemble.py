"""Trained members, words, drawings and the rotation put together: the tensors of a heads file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.encode.align import blocks
from core.encode.align.corpus import NAME_PROMPT, Corpus
from core.encode.align.evaluate import Texts, image_rows
from core.encode.align.features import FeatureTable, ImageFeatures, View
from core.encode.align.styles import STYLES
from core.encode.align.texts import text_encoder
from core.encode.heads import Heads, pack
from core.encode.parts import Standard, image_inputs, unit_rows
from core.encode.parts import named as part_of
from core.encode.projection import Head

RANK = 256  # directions of an image head's inputs that are kept: no figure changes by more than noise (model card)
_CHUNK = 64
_STYLES = tuple(style for style in STYLES if style != "sketch")  # with sketches the demo's drawings are found less well
_NAME_COUNTS = 4  # a drawing's own name recalls it as much as four keywords do
_SOME = 3  # every third Flickr photograph is enough for means and directions


@dataclass(frozen=True)
class Ingredients:
    """What the computed parts are made from, beside the members.

    Attributes
    ----------
    corpus : Corpus
    images : FeatureTable
        Every view of the corpus.
    low : Standard
        By which its earlier stages are standardised.
    drawings : FeatureTable
        Every view of `drawing_views`, without cells.
    labels : sequence of str
        The names of the label logits, in their order.
    label_features : ndarray of float32, shape (labels, 384)
        Text-tower features of the names in `NAME_PROMPT`.
    held : sequence of int
        Labels whose names must not be used.
    text_features : ndarray of float32, shape (n_texts, 384)
        Of every text of the corpus.
    """

    corpus: Corpus
    images: FeatureTable
    low: Standard
    drawings: FeatureTable
    labels: Sequence[str]
    label_features: np.ndarray
    held: Sequence[int]
    text_features: np.ndarray


def drawing_views(corpus: Corpus) -> list[list[View]]:
    """The drawings as they are, then in each style that is used: the same drawings in the same order."""
    plain = [corpus.view(image) for (image,) in corpus.pools["emoji_noto"]]
    return [plain, *([View(view.file, style) for view in plain] for style in _STYLES)]


def assemble(members: Mapping[str, Mapping[str, np.ndarray]], made_of: Ingredients, dim: int) -> dict[str, np.ndarray]:
    """Make the tensors of a heads file.

    Parameters
    ----------
    members : Mapping of str to Mapping of str to ndarray
        What `core.encode.align.fit.fit_member` gives, by the member's name.
    made_of : Ingredients
    dim : int
        Width of the vectors that the heads are to give.

    Returns
    -------
    dict of str to ndarray
        As `core.encode.heads.save_heads` takes them.
    """
    tensors = {f"{name}.{part}": value for name, member in members.items() for part, value in member.items()}
    tensors |= {"low.mean": made_of.low.mean, "low.std": 1 / made_of.low.scale}
    for name in members:
        tensors |= _narrowed(tensors, f"{name}.image", made_of)
    tensors |= words(made_of) | _drawings(made_of)
    return tensors | _rotated(tensors, made_of, dim)


def words(made_of: Ingredients) -> dict[str, np.ndarray]:
    """The words block; names that are held out have no words in it."""
    kept = np.setdiff1d(np.arange(len(made_of.labels)), made_of.held)
    made = blocks.words_block(made_of.label_features[kept])
    labels = np.zeros((len(made_of.labels), made["words.labels"].shape[1]), dtype=np.float32)
    labels[kept] = made["words.labels"]
    return made | {"words.labels": labels}


def named_drawings(corpus: Corpus) -> tuple[list[int], np.ndarray]:
    """Texts that are plain names or keywords of drawings, and int (pairs, 2): which of them names which drawing.

    The name, a drawing's first text, is paired with it `_NAME_COUNTS` times.
    """
    place: dict[int, int] = {}
    pairs = []
    for drawing, (image,) in enumerate(corpus.pools["emoji_noto"]):
        own = corpus.image_texts[image]
        for text in sorted(set(own)):
            if corpus.known(corpus.texts[text]) == corpus.text_concept[text]:
                pair = (place.setdefault(text, len(place)), drawing)
                pairs += [pair] * (_NAME_COUNTS if text == own[0] else 1)
    return list(place), np.array(sorted(pairs))


def _drawings(made_of: Ingredients) -> dict[str, np.ndarray]:
    corpus = made_of.corpus
    styles = [made_of.drawings.take(views, cells=False) for views in drawing_views(corpus)]
    photos = [view for pool in ("imagenet_names", "fashion") for view in _views(corpus, pool)]
    photos += _views(corpus, "flickr8k")[::_SOME]
    texts, pairs = named_drawings(corpus)
    return blocks.drawings_block(
        looks=[features.looks for features in styles],
        drawn=np.concatenate([_gate_inputs(features) for features in styles]),
        photographed=_gate_inputs(made_of.images.take(photos, cells=False)),
        name_features=made_of.text_features[texts],
        pairs=pairs,
    )


def _narrowed(tensors: Mapping[str, np.ndarray], prefix: str, made_of: Ingredients) -> dict[str, np.ndarray]:
    """An image head behind the few directions of its inputs that matter for the training images."""
    head = Head.of(part_of(tensors, prefix))
    corpus, inputs = made_of.corpus, []
    views = _views(corpus, "flickr8k")[::6] + _views(corpus, "imagenet_names") + _views(corpus, "emoji_noto")[::2]
    for start in range(0, len(views), _CHUNK):
        parts = made_of.images.take(views[start : start + _CHUNK]).parts(made_of.low)
        low = made_of.low(parts.low)
        attended = head.attention((parts.cells, low)) if head.attention else np.empty((len(parts), 0), np.float32)
        inputs.append(np.concatenate([head.standard(image_inputs(parts, low)), attended], axis=1))
    made = blocks.narrowed({"skip": head.skip, "up": head.up}, np.concatenate(inputs), RANK)
    return {f"{prefix}.{name}": value for name, value in made.items()}


def _rotated(tensors: Mapping[str, np.ndarray], made_of: Ingredients, dim: int) -> dict[str, np.ndarray]:
    """The rotation, and the mean vectors of the Flickr photographs and their captions behind it."""
    corpus, packed = made_of.corpus, pack(tensors)
    member = sum(value.shape[1] for name, value in tensors.items() if name.endswith(".image.skip"))
    width = member + tensors["words.labels"].shape[1] + tensors["drawings.basis"].shape[1]
    whole = Heads({**packed, "rotation": np.eye(width, dtype=np.float32)}, "")
    photos = _image_rows(whole, made_of, _views(corpus, "flickr8k")[::_SOME])
    captions = [corpus.texts[corpus.image_texts[image][0]] for (image,) in corpus.pools["flickr8k"][::_SOME]]
    encode = text_encoder(whole)
    said = encode(captions)
    rows = [
        (4.0, photos),
        *((share, _image_rows(whole, made_of, _views(corpus, pool))) for pool, share in _SHARES.items()),
        (4.0, said),
        (1.5, _names(encode, made_of)),
    ]
    rotation = blocks.rotation(np.concatenate([part * (share / len(part)) ** 0.5 for share, part in rows]), dim)
    return {
        "rotation": rotation,
        "image_mean": unit_rows(photos @ rotation).mean(axis=0),
        "text_mean": unit_rows(said @ rotation).mean(axis=0),
    }


_SHARES = {"imagenet_names": 1.0, "emoji_noto": 0.5, "fashion": 0.2}  # what each pool says about the rotation


def _names(encode: Texts, made_of: Ingredients) -> np.ndarray:
    labels = [label for i, label in enumerate(made_of.labels) if i not in set(made_of.held)]
    drawn = [made_of.corpus.texts[text] for text in named_drawings(made_of.corpus)[0]]
    return encode([*(NAME_PROMPT.format(label) for label in labels), *labels, *drawn])


def _image_rows(heads: Heads, made_of: Ingredients, views: Sequence[View]) -> np.ndarray:
    return image_rows(heads, made_of.images, made_of.low, views)[0]


def _views(corpus: Corpus, pool: str) -> list[View]:
    return [corpus.view(image) for group in corpus.pools[pool] for image in group]


def _gate_inputs(features: ImageFeatures) -> np.ndarray:
    """Pooled features and their spread, float32 (n, 2560)."""
    width = features.features.shape[1]
    return np.concatenate([features.features, features.statistics[:, :width]], axis=1, dtype=np.float32)
