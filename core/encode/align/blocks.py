"""The parts of the heads that are computed, not trained: the words block, the drawings block, the last rotation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.encode.drawings import two_units
from core.encode.parts import unit_rows

REMEMBERED = 2  # of the styles: as drawn, and with contours


@dataclass(frozen=True)
class BlockSettings:
    """What was chosen on the validation sets.

    Attributes
    ----------
    words_weight, words_power, words_near, words_steep, words_floor : float
        See `core.encode.words.Words`.
    drawings_weight, drawings_temperature : float
        See `core.encode.drawings.Drawings`.
    drawings_width, drawings_kept : int
        Width of the drawings block, and how many principal directions it is made from.
    drawings_ridge : float
        Added to the within-style covariance, in units of its mean variance.
    gate_ridge : float
        Ridge of the regression that gives 1 for drawings and -1 for photographs.
    gate_opens, gate_steep : float
        The gate opens late and sharply: photographs on white, logos and charts lie between the two.
    """

    words_weight: float = 0.25
    words_power: float = 0.6
    words_near: float = 0.6
    words_steep: float = 4.0
    words_floor: float = 0.7
    drawings_weight: float = 1.0
    drawings_temperature: float = 0.03
    drawings_width: int = 256
    drawings_kept: int = 800
    drawings_ridge: float = 0.1
    gate_ridge: float = 3000.0
    gate_opens: float = 0.3
    gate_steep: float = 16.0


def words_block(label_features: np.ndarray, settings: BlockSettings = BlockSettings()) -> dict[str, np.ndarray]:
    """Tensors of the words block from text-tower features (1000, 384) of "a photo of a NAME", in the labels' order."""
    own = unit_rows(label_features)
    mean = own.mean(axis=0)
    scalars = {name: getattr(settings, f"words_{name}") for name in ("weight", "power", "near", "steep", "floor")}
    return {"words.labels": own - mean, "words.mean": mean} | {
        f"words.{name}": np.float32(value) for name, value in scalars.items()
    }


def drawings_block(
    looks: Sequence[np.ndarray],
    drawn: np.ndarray,
    photographed: np.ndarray,
    name_features: np.ndarray,
    pairs: np.ndarray,
    settings: BlockSettings = BlockSettings(),
) -> dict[str, np.ndarray]:
    """Tensors of the drawings block.

    Parameters
    ----------
    looks : sequence of ndarray of float32, shape (drawings, 6681)
        `core.encode.drawings.looks` of the same drawings in one style after the other. All tell how styles differ; the
        first `REMEMBERED` are what is remembered of a drawing.
    drawn, photographed : ndarray of float32, shape (n, 2560)
        Features and their spread of drawings in all styles, and of photographs.
    name_features : ndarray of float32, shape (names, 384)
        Text-tower features of names and keywords.
    pairs : ndarray of int, shape (pairs, 2)
        (name, drawing); a pair that stands there several times counts as often.
    """
    everything = np.vstack(looks)
    mean, spread = everything.mean(axis=0), everything.std(axis=0)
    # Inputs of one kind that hardly vary must not be blown up: a floor in units of the kind's own spread.
    for part in (slice(0, 1280), slice(1280, 2262), slice(2262, None)):
        spread[part] += 0.05 * everything[:, part].std()
    scale = 1 / spread
    rows = [two_units((look - mean) * scale) for look in looks]
    basis, centre = _style_free(rows, settings)
    vectors = unit_rows(sum(unit_rows(row @ basis - centre) for row in rows[:REMEMBERED]))
    gate, bias = _gate(drawn, photographed, settings.gate_ridge)
    return {
        "drawings.mean": mean,
        "drawings.scale": scale,
        "drawings.basis": basis,
        "drawings.centre": centre,
        "drawings.gate": gate,
        "drawings.gate_bias": np.float32(bias),
        "drawings.gate_opens": np.float32(settings.gate_opens),
        "drawings.gate_steep": np.float32(settings.gate_steep),
        "drawings.names": unit_rows(name_features),
        "drawings.pair_name": pairs[:, 0].astype(np.int32),
        "drawings.pair_drawing": pairs[:, 1].astype(np.int32),
        "drawings.vectors": vectors,
        "drawings.temperature": np.float32(settings.drawings_temperature),
        "drawings.weight": np.float32(settings.drawings_weight),
    }


def narrowed(tensors: Mapping[str, np.ndarray], inputs: np.ndarray, rank: int) -> dict[str, np.ndarray]:
    """A head's tensors with `skip` and `up` behind the `rank` directions that matter for them (``inward``).

    The best approximation of both products over `inputs`, least squares: their own principal directions.

    Parameters
    ----------
    tensors : Mapping of str to ndarray
        ``skip`` (inputs, dim) and ``up`` (inputs, hidden) among them.
    inputs : ndarray of float32, shape (n, inputs)
        Standardised inputs and what is attended to, of many images.
    rank : int
    """
    skip, up = tensors["skip"], tensors["up"]
    both = np.hstack([skip, up])
    made = inputs @ both
    # both halves count alike, whatever their ranges
    spread = np.concatenate([np.full(part.shape[1], made[:, here].std()) for part, here in _halves(skip, up)])
    values, directions = np.linalg.eigh((made / spread).T @ (made / spread))
    kept = directions[:, np.argsort(-values)[:rank]]
    outward = kept.T * spread
    return {**tensors, "inward": (both / spread) @ kept, "skip": outward[:, : skip.shape[1]], "up": outward[:, skip.shape[1] :]}


def _halves(skip: np.ndarray, up: np.ndarray) -> tuple[tuple[np.ndarray, slice], ...]:
    return (skip, slice(0, skip.shape[1])), (up, slice(skip.shape[1], None))


def rotation(rows: np.ndarray, dim: int) -> np.ndarray:
    """The `dim` directions that keep most of unit rows, float32 (width, dim), orthonormal columns.

    No mean is taken off: products of vectors, not distances from a centre, are what is to be kept.
    """
    rows = rows.astype(np.float64)
    _, directions = np.linalg.eigh(rows.T @ rows)
    return np.ascontiguousarray(directions[:, ::-1][:, :dim], dtype=np.float32)


def _style_free(rows: Sequence[np.ndarray], settings: BlockSettings) -> tuple[np.ndarray, np.ndarray]:
    """Basis (inputs, width) and centre (width,) of a space where the styles of one drawing lie together.

    Principal directions, then within-class covariance normalisation (Hatch, Kajarekar and Stolcke, 2006, equation 9)
    with a drawing's styles as its class, then the principal directions of the drawings' means.
    """
    from sklearn.utils.extmath import randomized_svd

    everything = np.vstack(rows)
    middle = everything.mean(axis=0)
    kept = min(settings.drawings_kept, *everything.shape)
    _, _, directions = randomized_svd(everything - middle, kept, random_state=0)
    principal = directions.T
    reduced = [(row - middle) @ principal for row in rows]
    means = sum(reduced) / len(reduced)
    apart = np.vstack([row - means for row in reduced])
    apart -= np.repeat([(row - means).mean(axis=0) for row in reduced], len(means), axis=0)
    within = apart.T @ apart / len(apart)
    within += settings.drawings_ridge * np.trace(within) / len(within) * np.eye(len(within))
    values, directions = np.linalg.eigh(within)
    whiten = directions / np.sqrt(values)
    white = means @ whiten
    _, directions = np.linalg.eigh(white.T @ white)
    basis = principal @ whiten @ directions[:, ::-1][:, : settings.drawings_width]
    basis /= np.sqrt((basis**2).mean())  # rows are made unit afterwards: any scale will do, and this one packs well
    return basis.astype(np.float32), (middle @ basis).astype(np.float32)


def _gate(drawn: np.ndarray, photographed: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
    """Ridge regression to 1 for drawings and -1 for photographs: weights over the raw inputs, and the bias."""
    x = np.vstack([drawn, photographed]).astype(np.float64)
    y = np.concatenate([np.ones(len(drawn)), -np.ones(len(photographed))])
    mean, spread = x.mean(axis=0), x.std(axis=0) + 0.05 * x.std()
    z = (x - mean) / spread
    weights = np.linalg.solve(z.T @ z + ridge * np.eye(z.shape[1]), z.T @ (y - y.mean())) / spread
    return weights.astype(np.float32), float(y.mean() - mean @ weights)
