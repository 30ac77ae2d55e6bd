"""Kinds of queries that were not trained on: what is trained on what, no gap without training, a large one where kinds share nothing."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from core.encode import adapt
from core.encode.adapt import Residual
from core.encode.adapt_data import words_of_captions
from core.encode.heads import unit_rows
from core.errors import InputError
from core.judge.protocols.unseen import METRICS, Asked, unseen
from core.workbench import unseen as saying

KINDS, DETAIL, EACH, QUERIES = 4, 6, 50, 6
FIT = partial(adapt.fit, settings=adapt.FitSettings(learning_rate=1e-2, stay=1.0, dropout=0.0, steps=300))


def world(queries: int = QUERIES):
    """Images have their details in the same six numbers; texts of each kind have them in six numbers of their own.

    So what is learned of one kind says nothing of another. The first images of each kind answer a query.
    """
    rng = np.random.default_rng(3)
    n = KINDS * EACH
    kind, detail = np.arange(n) % KINDS, rng.standard_normal((n, DETAIL))
    images, texts = (np.zeros((n, KINDS + DETAIL * (KINDS + 1))) for _ in range(2))
    for rows in (images, texts):
        rows[np.arange(n), kind] = 2.0
    images[:, KINDS : KINDS + DETAIL] = detail
    for at, k in enumerate(kind):
        texts[at, KINDS + DETAIL * (k + 1) :][:DETAIL] = detail[at]
    ids = [f"i{at:03d}" for at in range(n)]
    words = words_of_captions({item: (f"number {at}",) for at, item in enumerate(ids)})
    images, texts = unit_rows(images.astype(np.float32)), unit_rows(texts.astype(np.float32))
    asked = range(KINDS * queries)
    given = Asked(tuple(f"q{at}" for at in asked), texts[list(asked)], {f"q{at}": {ids[at]: 3, ids[-1 - at]: 0} for at in asked})
    return images, ids, texts, words, given, kind


def still(images, texts, words, split, on_progress=None):  # noqa: ANN001, ANN201
    nothing = Residual.identity(images.shape[1])
    return adapt.Fitted(nothing, nothing, 0, 1.0, 0.5, 0.5)


def test_what_is_trained_on_what():
    images, ids, texts, words, asked, kind = world()
    seen = []

    def watched(images, texts, words, split, on_progress=None):  # noqa: ANN001, ANN202
        seen.append(split)
        on_progress(1, 600)
        return still(images, texts, words, split)

    told = []
    found = unseen(images, ids, texts, words, asked, k=KINDS, fit=watched, on_progress=lambda *how: told.append(how))
    assert len(seen) == KINDS and told == [(1 + 600 * n, 2400) for n in range(KINDS)]
    answers = set(range(KINDS * QUERIES))
    for split, trained in zip(seen, found.trained):
        both = [*split.train.tolist(), *split.validation.tolist()]
        assert len(both) == len(set(both)) == 3 * (EACH - QUERIES) and not answers & set(both)
        assert len(set(kind[both])) == KINDS - 1  # one kind is left out, all of it
        assert (trained.n_train, trained.n_validation, trained.steps) == (len(split.train), len(split.validation), 0)
        assert (trained.n_inside, trained.n_outside) == (3 * QUERIES, QUERIES)
        assert trained.near_inside > trained.near_outside + 0.2
    assert {frozenset(kind[split.train]) for split in seen} == {frozenset({0, 1, 2, 3} - {k}) for k in range(KINDS)}
    assert (found.n_queries, found.n_kept_apart) == (KINDS * QUERIES, KINDS * QUERIES)


def test_without_training_there_is_no_gap():
    found = unseen(*world()[:5], k=KINDS, fit=still)
    assert [one.metric for one in found.figures] == list(METRICS)
    for one in found.figures:
        assert one.before == pytest.approx(one.inside) == pytest.approx(one.outside)
        assert (one.gap.value, one.gain_inside.value, one.gain_outside.value) == pytest.approx((0, 0, 0))


def test_kinds_that_share_nothing_show_a_large_gap_and_the_seed_settles_it():
    made = world()[:5]
    found = unseen(*made, k=KINDS, fit=FIT)
    one = found.figures[0]
    assert one.inside > one.before + 0.2 and one.gap.low > 0.1 and one.gain_inside.low > 0
    assert abs(one.gain_outside.value) < 0.1
    assert found == unseen(*made, k=KINDS, fit=FIT)


def test_copies_of_an_answer_are_kept_apart_too():
    images, ids, texts, words, asked, _ = world()
    copied = words_of_captions({item: (f"number {at}",) for at, item in enumerate(ids)}, same=[(ids[0], ids[150], ids[151])])
    assert unseen(images, ids, texts, copied, asked, k=KINDS, fit=still).n_kept_apart == KINDS * QUERIES + 2


def test_too_little_is_refused_with_both_numbers():
    images, ids, texts, words, asked, _ = world(queries=2)
    with pytest.raises(InputError, match="8 queries in words with a relevant image can be measured, and this takes 10 or more"):
        unseen(images, ids, texts, words, asked)
    images, ids, texts, words, asked, _ = world(queries=40)
    with pytest.raises(InputError, match="40 of 200 images with words answer none of the queries, of which 30 can be trained on"):
        unseen(images, ids, texts, words, asked, k=KINDS)


# ---------------------------------------------------------------- in words


def said(**more):  # noqa: ANN003, ANN201
    def span(value, low, high):  # noqa: ANN001, ANN202
        return {"value": value, "low": low, "high": high}

    figure = {"metric": "nDCG@10", "before": 0.3, "inside": 0.5, "outside": 0.4, "gap": span(0.1, 0.05, 0.15),
              "gain_inside": span(0.2, 0.1, 0.3), "gain_outside": span(0.1, 0.02, 0.2)}  # fmt: skip
    trained = {"n_train": 40, "n_validation": 10, "n_inside": 8, "n_outside": 2, "steps": 60, "near_inside": 0.8, "near_outside": 0.5}
    return {"figures": [figure | more.pop("figure", {})], "images": 100, "kept_apart": 30, "learned_from": "captions", "queries": 10,
            "buckets": 2, "encoder": "starter", "seed": 0, "queries_left_out": 1,
            "trained": [trained, trained | {"n_train": 42, "steps": 0, "near_inside": None, "n_inside": 0}], **more}  # fmt: skip


def test_the_finding_and_the_account_in_words():
    assert saying.sentence(said()) == (
        "Adapting helps kinds of queries that it was not trained on, less than on kinds it was trained on: nDCG@10 0.300 as it is, 0.400 "
        "without the query's kind, 0.500 with it.")  # fmt: skip
    lost = {"gain_outside": {"value": -0.1, "low": -0.2, "high": -0.05}, "gap": {"value": 0, "low": -0.1, "high": 0.1}}
    assert saying.sentence(said(figure=lost)).startswith("Adapting harms kinds of queries that it was not trained on, with no clear gap")
    unclear = {"gain_outside": {"value": 0.1, "low": -0.2, "high": 0.2}}
    assert saying.sentence(said(figure=unclear)).startswith("Whether adapting helps kinds of queries that it was not trained on cannot be")
    text = "\n".join(saying.account(said()))
    assert "captions of 70 of 100 images; 30 are kept apart for answering" in text and "on 40 to 42 images, stopped on 10 others" in text
    assert "0.80 with its kind, 0.50 without" in text and "In 1 of 2 trainings nothing was better" in text and "1 query is left out" in text
    (row,) = saying.rows(said())
    assert row[saying.GAP] == "+0.100 (+0.050 to +0.150)" and set(row) == {"Metric", *saying.MEANS}
    assert saying.as_text(said()).splitlines()[1].split()[0] == "Metric"
