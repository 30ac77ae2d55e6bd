"""Questions with known answers from what a collection has: its captions, a column of labels, its judgments.

Whoever searches searches the whole collection, so images that no question is about are in the gallery, too. Left out of
it are, on purpose, the images whose captions are the bank of other images' captions, and copies of them: their own
captions would push them down and nobody else, and every correction would look better than it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from core.encode.adapt_data import Words, tidy, words_of_captions
from core.errors import InputError
from core.judge.proof import Bank, Trial, cut
from core.wording import counted, verb

NEEDED_IMAGES, NEEDED_QUERIES = 150, 20
"""Below them an interval is too wide to say anything: images with a caption or label, judged queries."""
ITEMS_AT_MOST, QUERIES_AT_MOST, BANK_AT_MOST = 3_000, 4_000, 2_000
"""Images that are asked about or give a bank, questions, rows of a bank. More are an even sample: trying every setting
stays a matter of a few minutes at most."""
GALLERY_AT_MOST = 10_000
"""Images that captions are searched among; an even sample of more, and all that are asked about."""
SIMILARITIES_AT_MOST = 20_000_000
LARGEST_SHARE = 0.1
"""Of the images, in one group of near-duplicates or of shared captions: a larger one would be a part by itself."""
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


def sampled(ids: Iterable[str], most: int, seed: int = 0) -> list[str]:
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

    A third of the captioned images gives the bank of other images' captions; the others are asked about, half of them
    to tune. The gallery holds these, and all images without a question. Where most captioned images have several
    captions, those ask: the first captions of the gallery are then the bank of the same images' captions, as they are
    in search, and the others ask.

    Parameters
    ----------
    captions : Mapping of item id to captions
        Of everything that can be found; empty where an image has none.
    same : iterable of groups of item ids
        Copies and near-duplicates, which stay in one part.
    vectors : callable
        Item ids -> float32 (n, d) unit rows.
    embed : callable
        Texts -> float32 (n, d) unit rows.

    Raises
    ------
    InputError
        Too few images have a caption, the captions mostly repeat, or the images are mostly near-duplicates.
    """
    texts_of = {item: kept for item, texts in captions.items() if (kept := [t for t in texts if t.strip()])}
    if wrong := enough(len(texts_of), "caption"):
        raise InputError(wrong)
    same = merged(same)
    able = _several(texts_of)
    words = words_of_captions({item: able[item] for item in sampled(able, ITEMS_AT_MOST, seed)}, same, seed)
    if words.kind != "captions":
        raise InputError(
            f"{counted(len(words.item_ids), 'image')} share {counted(len(words.texts), 'caption')}, so a caption has no one image to find; "
            "choose a column of labels instead."
        )
    part = _parts(words.groups, seed)
    asking, apart = np.flatnonzero(part > 0), np.flatnonzero(part == 0)
    ids = _gallery([words.item_ids[n] for n in asking], [words.item_ids[n] for n in apart],
                   {tidy(words.texts[t]) for t in words.texts_of(apart)}, captions, same, seed)  # fmt: skip
    place = {item: n for n, item in enumerate(ids)}
    asked, firsts = _asked(words, asking, max(1, SIMILARITIES_AT_MOST // len(ids)))
    images = _owners(ids, texts_of, {tidy(words.texts[t]): t for t in asked.tolist()})
    banks = [Bank(OTHER, embed([words.texts[t] for t in _some(words.texts_of(apart), seed)]), served="" if firsts else "captions")]
    if firsts:
        asks = {tidy(words.texts[t]) for t in asked.tolist()}
        mine = {tidy(first): first for item in ids if item in texts_of and tidy(first := texts_of[item][0]) not in asks} | firsts
        banks.append(Bank(SAME, embed([mine[name] for name in _some(np.array(sorted(mine)), seed)]), served="captions"))
    items = vectors(ids)
    banks.append(_itself(items, seed))
    of = {place[words.item_ids[n]]: n for n in asking.tolist()}
    first = [next(of[at] for at in images[t] if at in of) for t in asked.tolist()]  # an image that asks this
    return Trial(
        embed([words.texts[t] for t in asked]), items, tuple(dict.fromkeys(images[t], 1) for t in asked.tolist()),
        words.groups[first], part[first] == 2, tuple(banks),
    )  # fmt: skip


def merged(groups: Iterable[Iterable[str]]) -> list[set[str]]:
    """Groups that share a member made one."""
    group_of: dict[str, set[str]] = {}
    for group in groups:
        together = set(group)
        for other in list({id(found): found for item in together if (found := group_of.get(item)) is not None}.values()):
            together |= other
        group_of.update(dict.fromkeys(together, together))
    return list({id(group): group for group in group_of.values()}.values())


def _parts(groups: np.ndarray, seed: int) -> np.ndarray:
    """0 bank, 1 tuning, 2 test, -1 neither: members of a group so large that it would be a part by itself."""
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    fit = np.flatnonzero(sizes[group_of] <= max(1, LARGEST_SHARE * len(groups)))
    if len(fit) < NEEDED_IMAGES:
        out = len(groups) - len(fit)
        raise InputError(
            f"Of {counted(len(groups), 'image')} with a caption {out:,} {verb(out)} in groups of copies, near-duplicates or shared "
            f"captions that are too large to be divided (the largest has {sizes.max():,}); {len(fit):,} {verb(len(fit))} left, and this "
            f"needs {NEEDED_IMAGES} or more."
        )
    part = np.full(len(groups), -1)
    part[fit] = cut(groups[fit], (1 / 3, 1 / 3, 1 / 3), seed)
    return part


def _gallery(
    asking: Sequence[str], apart: Sequence[str], said: set[str], captions: Mapping[str, Sequence[str]],
    same: Sequence[set[str]], seed: int,
) -> list[str]:
    """Ids, in order, of the images asked about and of all others, but for what hangs together with the bank `said`.

    Copies of an image that is asked about are left out as well: nobody said whether they are right.
    """
    known = set(asking)
    out = set(apart) | {item for item, texts in captions.items() if any(tidy(text) in said for text in texts)}
    for group in same:
        if not (out.isdisjoint(group) and known.isdisjoint(group)):
            out |= group
    rest = sampled(set(captions) - out - known, max(0, GALLERY_AT_MOST - len(known)), seed)
    return sorted([*known, *rest])


def _several(texts_of: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The images with two captions or more, where they are most of them and enough; else all of them.

    A bank that some images have no caption in would push the others down and spare these.
    """
    several = {item: texts for item, texts in texts_of.items() if len({tidy(text) for text in texts}) > 1}
    return dict(several if len(several) >= max(NEEDED_IMAGES, len(texts_of) / 2) else texts_of)


def _asked(words: Words, asking: np.ndarray, most: int) -> tuple[np.ndarray, dict[str, str]]:
    """Texts that ask, and the first text of each image, which does not: none where not every image has more than one."""
    mine = [words.fitting[item] for item in asking.tolist()]
    if min(map(len, mine)) < 2:
        return np.array(sorted({texts[0] for texts in mine})), {}
    kept = {texts[0] for texts in mine}
    room = max(1, min(QUERIES_AT_MOST, most) // len(mine))
    asked = {text for texts in mine for text in [t for t in texts if t not in kept][:room]}
    return np.array(sorted(asked)), {tidy(words.texts[t]): words.texts[t] for t in sorted(kept)}


def _owners(ids: Sequence[str], texts_of: Mapping[str, Sequence[str]], asked: Mapping[str, int]) -> dict[int, list[int]]:
    """Text that asks -> places in the gallery of the images that have it, whether they are asked about or not."""
    found: dict[int, list[int]] = {}
    for place, item in enumerate(ids):
        for said in {tidy(text) for text in texts_of.get(item, ())}:
            if said in asked:
                found.setdefault(asked[said], []).append(place)
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
    for group in merged(same):
        for copy in sorted(item for item in group if item in known)[1:]:
            del known[copy]
    if wrong := enough(len(known), "label"):
        raise InputError(wrong)
    ids = sampled(known, ITEMS_AT_MOST, seed)
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
    queries: np.ndarray, grades: Sequence[Mapping[int, int]], items: np.ndarray, captions: np.ndarray | None, seed: int = 0,
    groups: Sequence[object] | None = None,
) -> Trial:
    """Each judged query must find what was graded 1 or more. Half of the queries tune; the gallery is the collection.

    Parameters
    ----------
    queries : ndarray of float32, shape (Q, d)
    grades : sequence of Mapping of position in `items` to grade, length Q
        Of everything that was graded.
    items : ndarray of float32, shape (G, d)
    captions : ndarray of float32, shape (B, d), optional
        Bank of captions, none of which asks.
    groups : sequence of hashable, length Q, optional
        Queries of one group are in one part; each on its own by default.

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
    named: dict[object, int] = {}
    group = np.array([named.setdefault(n if groups is None else groups[n], len(named)) for n in able])
    return Trial(
        queries[able], items, tuple(right[n] for n in able), group, cut(group, (0.5, 0.5), seed) == 1, tuple(banks),
        graded=tuple(frozenset(grades[n]) for n in able),
    )  # fmt: skip


def _itself(items: np.ndarray, seed: int) -> Bank:
    some = _some(np.arange(len(items)), seed)
    return Bank(ITSELF, items[some], some, served="items")


def _some(of: np.ndarray, seed: int) -> np.ndarray:
    """All of them, or `BANK_AT_MOST` in order."""
    return of if len(of) <= BANK_AT_MOST else np.sort(np.random.default_rng(seed).permutation(of)[:BANK_AT_MOST])
