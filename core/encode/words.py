"""The words block: an image as the mean of the words for what it may show, a text as its own words.

The heads only know words they were trained with. The text tower knows many more, and how near they are to the 1,000
names the image tower can tell apart. An image becomes the mean of those names' text vectors, weighted by its label
probabilities (the convex combination of Norouzi et al., 2014, "Zero-shot learning by convex combination of semantic
embeddings", equation 1, with flattened probabilities and centred names); a text its own centred vector. Nothing is
trained: a word never seen with a picture works as well as its neighbours among the names are told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.encode.parts import label_probabilities, unit_rows


@dataclass(frozen=True)
class Words:
    """The names' vectors and how much they say.

    Attributes
    ----------
    labels : ndarray of float32, shape (1000, 384)
        Unit text vectors of "a photo of a NAME", less their mean.
    mean : ndarray of float32, shape (384,)
    power : float
        Label probabilities are raised to it; below 1 the unlikely names count for more.
    weight : float
        Of the block in the product of an image with a text, beside 1 for the trained heads.
    near, steep, floor : float
        A text's share of the block is its nearest name's cosine over `near`, to the power `steep`, at least `floor`:
        for a text that names something the words matter, for one that tells of a scene less.
    """

    labels: np.ndarray
    mean: np.ndarray
    power: float
    weight: float
    near: float
    steep: float
    floor: float

    @classmethod
    def of(cls, tensors: Mapping[str, np.ndarray]) -> Words:
        """Put the block together from its named tensors."""
        scalars = (tensors[name].item() for name in ("power", "weight", "near", "steep", "floor"))
        return cls(tensors["labels"], tensors["mean"], *scalars)

    def of_images(self, logits: np.ndarray) -> np.ndarray:
        """The block of images with these label scores, float32 (n, 384)."""
        return self.weight**0.5 * unit_rows(label_probabilities(logits, self.power) @ self.labels)

    def of_texts(self, features: np.ndarray) -> np.ndarray:
        """The block of texts with these text-tower features, float32 (n, 384)."""
        own = unit_rows(features)
        # labels + mean, without making it anew for every query
        nearest = (own @ self.labels.T).max(axis=1, keepdims=True) + own @ self.mean[:, None]
        share = np.maximum((np.maximum(nearest, 0.0) / self.near) ** self.steep, self.floor)
        return self.weight**0.5 * share * unit_rows(own - self.mean)
