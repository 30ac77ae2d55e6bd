"""The measured example of cut-offs, on made-up vectors: every grade by the rule, what is learned from what, figures by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.rank.cutoff import Model
from tests.examples.cutoff import COLUMNS, NAMES, UNLEARNED, World, _figures, _rows, as_text, compare, grade_all
from tests.examples.flickr import content, grade


def unit(rows):  # noqa: ANN001, ANN201
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def made() -> World:
    """120 queries of eight topics whose scores lean by an amount of their own; an image is relevant where the topic is the same."""
    rng = np.random.default_rng(2)
    q, n, d = 120, 160, 20
    topic, about = np.arange(n) % 8, np.arange(q) % 8
    shared, topics = np.eye(d)[0], np.eye(d)[1:9]
    images = unit(shared + topics[topic] * rng.uniform(0.5, 1.2, n)[:, None] + 0.2 * rng.standard_normal((n, d)))
    angle = rng.uniform(-1.2, 1.2, q)
    queries = unit(topics[about] + 1.5 * (np.sin(angle)[:, None] * shared + np.cos(angle)[:, None] * np.eye(d)[d - 1]))
    return World(queries, images, (3 * (about[:, None] == topic)).astype(np.int8))


def test_every_grade_is_that_of_the_rule():
    captions = [["A dog in brown grass", "cats"], ["The tall grass", "two dogs"], ["A dog"], ["x"], ["brown cat", "tall dog"]]
    texts = ["A brown dog runs through the tall grass", "brown dog grass", "A dog"]
    found = grade_all(texts, [3, 0, 2], captions)
    assert found[[0, 1, 2], [3, 0, 2]].tolist() == [3, 3, 3]
    for q, text in enumerate(texts):
        for n, said in enumerate(captions):
            assert found[q, n] == (3 if (q, n) in ((0, 3), (1, 0), (2, 2)) else grade(text, said)), (text, said)
    assert {len(content(text)) for text in texts} == {5, 3, 1} and 2 in found and 1 in found


def test_figures_by_hand():
    # Two queries, three images; cosines 0.9, 0.5, 0.1 and 0.8, 0.6, 0.2.
    world = World(np.eye(2, dtype=np.float32), np.array([[0.9, 0.2], [0.5, 0.8], [0.1, 0.6]], np.float32),
                  np.array([[3, 0, 2], [0, 2, 1]], np.int8))  # fmt: skip
    scores = world.queries @ world.images.T
    rows, best = _rows(world, scores, np.array([0, 1]), 2, 2)
    assert rows.relevant.sum() == 2 and [each.tolist() for each in best] == [pytest.approx([0.9, 0.5]), pytest.approx([0.8, 0.6])]
    said = _figures(Model("cosine", 0.85), rows, best, 3, 2)
    assert {name: round(said[name], 3) for name in COLUMNS} == {
        "recall": 0.5, "precision_at_cut": 1.0, "pr_auc": 1.0, "precision": 1.0, "filtered": 0.75, "emptied": 0.5, "found": 0.333,
        "within": 0.5, "median": 0.0}  # fmt: skip


def test_leaning_queries_want_a_learned_line_and_the_table_says_so(made):
    rows = compare(made, rel=2, depth=100, sizes=(20, 40), draws=2)
    assert [row.size for row in rows] == [20] * 4 + [40] * 4
    assert [row.name for row in rows if not row.name.startswith("learned")] == 2 * [NAMES["cosine"], NAMES["zscore"], UNLEARNED]
    by = {(row.size, row.name): row.figures for row in rows}
    learned = next(row.figures for row in rows if row.size == 40 and row.name.startswith("learned"))
    assert (learned["pr_auc"] > by[40, NAMES["cosine"]]["pr_auc"]).all() and (learned["gain"] > 0).all()
    assert all(((figures[key] >= 0) & (figures[key] <= 1)).all() for figures in by.values() for key in COLUMNS[:-1])
    text = as_text(rows)
    assert text.count("P@R95 of the learned") == 2 and "plain cosine cut" in text and "unlearned" in text
    assert as_text(compare(made, rel=2, depth=100, sizes=(20, 40), draws=2)) == text
