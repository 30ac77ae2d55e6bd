"""Questions with known answers from what a collection has: its captions, a column of labels, its judgments.

What a bank is made of is cut off by item first. Images of the bank part are not in the gallery: with them in it their
own captions would push them down and nobody else, and every correction would look better than it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from core.encode.adapt_data import Words, tidy, words_of_captions
from core.errors import InputError
from core.judge.proof import Bank, Trial, cut

NEEDED_IMAGES, NEEDED_QUERIES = 150, 20
"""Below them an interval is too wide to say anything: images with a caption or label, judged queries."""
ITEMS_AT_MOST, QUERIES_AT_MOST, BANK_AT_MOST = 3_000, 4_000, 2_000
"""More are an even sample: trying every setting stays a matter of a minute."""
SIMILARITIES_AT_MOST = 20_000_000
OTHER, SAME, ITSELF, THEIRS = "captions of other images", "captions of the same images", "the images themselves", "the captions"
OTHER_IMAGES = "other images"
Embed = Callable[[Sequence[str]], np.ndarray]


def enough(n: int, what: str) -> str:
    """Why so many are too few, in a sentence with both numbers; empty where they are enough.

    Parameters
    ----------
    what : {"caption", "label", "judgment"}
    """
    needed = NEEDED_QUERIES if what == "judgment" else NEEDED_IMAGES
    if n >= needed:
        return ""
    one, many, has = ("query", "queries", "a right answer (grade 1 or more)") if what == "judgment" else ("image", "images", f"a {what}")
    have = f"No {one} has {has}" if n == 0 else f"{n:,} {one if n == 1 else many} {'has' if n == 1 else 'have'} {has}"
    return f"{have}, and this needs {needed} or more: with fewer, chance decides."


def sampled(ids: Iterable[str], most: int = ITEMS_AT_MOST, seed: int = 0) -> list[str]:
    """The ids in order, an even sample where there are more than `most`."""
    ordered = sorted(ids)
    if len(ordered) <= most:
        return ordered
    return sorted(np.random.default_rng(seed).permutation(ordered)[:most].tolist())


def of_captions(
    captions: Mapping[str, Sequence[str]], same: Iterable[Iterable[str]], vectors: Callable[[Sequence[str]], np.ndarray], embed: Embed,
    seed: int = 0,
) -> Trial:
    """Each caption must find its image.

    A third of the images gives the bank of other images' captions; the others are the gallery, half of which the
    strengths are tuned on. Where most images have several captions, those are taken: their first captions are the bank
    of the same images' captions, as they are in search, and the others ask.

    Parameters
    ----------
    captions : Mapping of item id to captions
    same : iterable of groups of item ids
        Copies and near-duplicates, which stay in one part.
    vectors : callable
        Item ids -> float32 (n, d) unit rows.
    embed : callable
        Texts -> float32 (n, d) unit rows.

    Raises
    ------
    InputError
        Too few images have a caption, or the captions mostly repeat.
    """
    texts_of = {item: kept for item, texts in captions.items() if (kept := [t for t in texts if t.strip()])}
    if wrong := enough(len(texts_of), "caption"):
        raise InputError(wrong)
    texts_of = _several(texts_of)
    words = words_of_captions({item: texts_of[item] for item in sampled(texts_of, seed=seed)}, same, seed)
    if words.kind != "captions":
        raise InputError(
            f"{len(words.item_ids):,} images share {len(words.texts):,} captions, so a caption has no one image to find; "
            "choose a column of labels instead."
        )
    part = cut(words.groups, (1 / 3, 1 / 3, 1 / 3), seed)
    gallery, apart = np.flatnonzero(part > 0), np.flatnonzero(part == 0)
    asked, kept = _asked(words, gallery)
    images = _owners(words, gallery)
    banks = [Bank(OTHER, embed([words.texts[t] for t in _some(words.texts_of(apart), seed)]), served="" if len(kept) else "captions")]
    if len(kept):
        banks.append(Bank(SAME, embed([words.texts[t] for t in _some(kept, seed)]), served="captions"))
    items = vectors([words.item_ids[item] for item in gallery])
    banks.append(_itself(items, seed))
    groups = np.array([words.groups[gallery[images[t][0]]] for t in asked.tolist()])
    parts = np.array([part[gallery[images[t][0]]] for t in asked.tolist()])
    return Trial(
        embed([words.texts[t] for t in asked]), items, tuple(dict.fromkeys(images[t], 1) for t in asked.tolist()), groups, parts == 2,
        tuple(banks),
    )  # fmt: skip


def _several(texts_of: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The images with two captions or more, where they are most of them and enough; else all of them.

    A bank that some images have no caption in would push the others down and spare these.
    """
    several = {item: texts for item, texts in texts_of.items() if len({tidy(text) for text in texts}) > 1}
    return dict(several if len(several) >= max(NEEDED_IMAGES, len(texts_of) / 2) else texts_of)


def _asked(words: Words, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Texts that ask, and the first text of each image for a bank: none where not every image has more than one."""
    mine = [words.fitting[item] for item in gallery.tolist()]
    if min(map(len, mine)) < 2:
        return np.array(sorted({texts[0] for texts in mine})), np.zeros(0, np.int64)
    kept = {texts[0] for texts in mine}
    room = max(1, QUERIES_AT_MOST // len(mine))
    asked = {text for texts in mine for text in [t for t in texts if t not in kept][:room]}
    return np.array(sorted(asked)), np.array(sorted(kept))


def _owners(words: Words, gallery: np.ndarray) -> dict[int, list[int]]:
    """Text -> places in the gallery of the images it fits."""
    found: dict[int, list[int]] = {}
    for place, item in enumerate(gallery.tolist()):
        for text in words.fitting[item]:
            found.setdefault(text, []).append(place)
    return found


def of_labels(
    labels: Mapping[str, object], same: Iterable[Iterable[str]], vectors: Callable[[Sequence[str]], np.ndarray], seed: int = 0
) -> Trial:
    """Each image must find others of its kind. Of copies and near-duplicates one is taken: finding a copy is no feat.

    Parameters as `of_captions`; `labels` says the kind of each item.

    Raises
    ------
    InputError
        Too few images have a label, all have the same one, or hardly any two.
    """
    known = {item: str(value) for item, value in labels.items() if value is not None and str(value).strip()}
    for group in same:
        for copy in sorted(item for item in group if item in known)[1:]:
            del known[copy]
    if wrong := enough(len(known), "label"):
        raise InputError(wrong)
    ids = sampled(known, seed=seed)
    kinds, kind_of = np.unique([known[item] for item in ids], return_inverse=True)
    if len(kinds) < 2:
        raise InputError(f"All {len(ids):,} images have the same label, so there is nothing to tell them apart by.")
    part = cut(np.arange(len(ids)), (1 / 3, 1 / 3, 1 / 3), seed)
    gallery, apart = np.flatnonzero(part > 0), np.flatnonzero(part == 0)
    of_kind: dict[int, list[int]] = {}
    for place, kind in enumerate(kind_of[gallery].tolist()):
        of_kind.setdefault(kind, []).append(place)
    asking = np.array([place for place, kind in enumerate(kind_of[gallery].tolist()) if len(of_kind[kind]) > 1], dtype=np.int64)
    if wrong := enough(len(asking) + len(apart), "label"):
        raise InputError(f"Hardly any two images have the same label, so there is nothing to find: {wrong}")
    items = vectors([ids[item] for item in gallery])
    other = vectors([ids[item] for item in _some(apart, seed)])
    relevant = tuple({p: 1 for p in of_kind[int(kind_of[gallery[place]])] if p != place} for place in asking.tolist())
    return Trial(
        items[asking], items, relevant, asking, part[gallery[asking]] == 2, (Bank(OTHER_IMAGES, other), _itself(items, seed)), asking
    )


def of_judgments(
    queries: np.ndarray, grades: Sequence[Mapping[int, int]], items: np.ndarray, captions: np.ndarray | None, seed: int = 0
) -> Trial:
    """Each judged query must find what was graded 1 or more. Half of the queries tune; the gallery is the collection.

    Parameters
    ----------
    queries : ndarray of float32, shape (Q, d)
    grades : sequence of Mapping of position in `items` to grade, length Q
    items : ndarray of float32, shape (G, d)
    captions : ndarray of float32, shape (B, d), optional
        Bank of captions, none of which asks.

    Raises
    ------
    InputError
        Too few queries have a right answer.
    """
    right = [{item: grade for item, grade in one.items() if grade >= 1} for one in grades]
    able = [n for n, one in enumerate(right) if one]
    if wrong := enough(len(able), "judgment"):
        raise InputError(wrong)
    most = max(NEEDED_QUERIES, SIMILARITIES_AT_MOST // max(1, len(items)))
    able = sorted(np.random.default_rng(seed).permutation(able)[:most].tolist())
    banks = [_itself(items, seed)]
    if captions is not None and len(captions):
        banks.insert(0, Bank(THEIRS, captions, served="captions"))
    groups = np.arange(len(able))
    return Trial(queries[able], items, tuple(right[n] for n in able), groups, cut(groups, (0.5, 0.5), seed) == 1, tuple(banks))


def _itself(items: np.ndarray, seed: int) -> Bank:
    some = _some(np.arange(len(items)), seed)
    return Bank(ITSELF, items[some], some, served="items")


def _some(of: np.ndarray, seed: int) -> np.ndarray:
    """All of them, or `BANK_AT_MOST` in order."""
    return of if len(of) <= BANK_AT_MOST else np.sort(np.random.default_rng(seed).permutation(of)[:BANK_AT_MOST])
