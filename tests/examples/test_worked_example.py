"""The worked example, small and fixed: a dozen drawings of the demo, its own queries, pools, judgments, evaluation, report.

The encoder of the tests sees nothing but colours, and calls the light blue of these drawings cyan: so it makes mistakes. The
figures of ``plain`` are worked out by hand below; those of both recipes are held against the definitions in plain arithmetic.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from core import encode
from core.encode import vector_sets
from core.ingest.images import item_id_of, open_image, thumbnail
from core.store import Collection
from core.types import Judgment, NewItem
from core.workbench import Workbench
from core.workbench.submitting import finish_here
from data.demo import ATTRIBUTION, JUDGE, catalogue, judgments, render, saved_queries
from tests.examples.flickr import content, grade, sample
from tests.fakes import FakeEncoder
from tests.working import no_worker  # noqa: F401

NAMES = ("blue heart", "green heart", "yellow heart", "broken heart", "large blue circle", "large green circle", "blue book", "green book",
         "large yellow square", "large blue square", "large orange square", "large red circle")  # fmt: skip
QUERIES = ("blue heart", "green heart", "blue circle", "green book", "yellow square")
RIGHT = {"blue heart": {1: 3}, "green heart": {5: 1, 12: 1}, "blue circle": {11: 1}, "green book": {1: 3, 2: 1}, "yellow square": {1: 3}}
"""Query -> rank in plain -> grade, of all that is relevant."""
NDCG = (1.0, (1 / math.log2(6)) / (1 + 1 / math.log2(3)), 0.0, 1.0, 1.0)
AP = (1.0, (1 / 5 + 2 / 12) / 2, 1 / 11, 1.0, 1.0)
RR = (1.0, 1 / 5, 1 / 11, 1.0, 1.0)
P = (0.1, 0.1, 0.0, 0.2, 0.1)


@pytest.fixture
def demo(tmp_path: Path, no_worker, monkeypatch) -> Workbench:  # noqa: F811
    encoder = FakeEncoder()
    encode._loaded[encoder.name] = encoder
    dozen = tuple(emoji for emoji in catalogue() if emoji.caption in NAMES)
    assert sorted(emoji.caption for emoji in dozen) == sorted(NAMES)
    monkeypatch.setattr("data.demo.openmoji.catalogue", lambda: dozen)
    collection = Collection.create("Dozen", attribution=ATTRIBUTION)
    items, pictures = [], []
    for drawn in render(tmp_path / "drawn"):
        picture = open_image(drawn.path)
        data = drawn.path.read_bytes()
        items.append(NewItem(item_id=drawn.item_id, sha256=item_id_of(data)[1], file=drawn.path.name, path=str(drawn.path), width=64,
                             height=64,
                             n_bytes=len(data), date="", captions=drawn.captions, thumbnail=thumbnail(picture)))  # fmt: skip
        pictures.append(picture)
    vector_set = vector_sets(encoder)[0]
    collection.add_set(vector_set)
    collection.activate(vector_set.set_id)
    collection.commit(items, {vector_set.set_id: ([item.item_id for item in items], encoder.encode_images(pictures))})
    return Workbench(collection)


def test_pools_judgments_evaluation_report(demo, tmp_path):
    wb = demo
    queries = [query for query in saved_queries() if query.text in QUERIES]
    wb.judgments.save_queries(queries, "Five")
    # Pools: what two recipes have in their first five. Of the demo's grades those of the pools are judged, and no others.
    recipes = ("plain", "hub:is:20:items")
    pools = {q.query_id: {i for name in recipes for i in wb.search(q.query, 5, recipe=name, log=False).item_ids} for q in queries}
    known = {(j.query_id, j.item_id): j.grade for j in judgments() if j.query_id in pools}
    given = [Judgment(q, item, known[q, item], JUDGE, 1.0, origin=JUDGE) for q in pools for item in sorted(pools[q]) if (q, item) in known]
    wb.collection.judgments.add_many(given)
    finish_here(wb.evaluations.start("Five", recipes, depth=12, start=False))
    found = wb.evaluations.result("Five")
    table = found.table
    assert table.queries == tuple(q.query_id for q in queries) and table.recipes == recipes
    assert any(f"{len(given)} of {len(given)} grades were made without people, from: {JUDGE}" in note for note in found.notes)
    for at, query in enumerate(queries):
        for recipe in recipes:
            # The definitions once more, in plain arithmetic over what search gives and the demo's file says.
            hits = wb.search(query.query, 12, recipe=recipe, log=False).item_ids
            grades = {j.item_id: j.grade for j in given if j.query_id == query.query_id}
            relevant = [rank for rank, item in enumerate(hits, 1) if grades.get(item, 0) >= 1]
            ideal = sum(g / math.log2(n + 1) for n, g in enumerate(sorted(grades.values(), reverse=True)[:10], 1))
            gained = sum(grades.get(item, 0) / math.log2(n + 1) for n, item in enumerate(hits[:10], 1))
            value = {one.key: float(table.values[recipe, one.key][at]) for one in table.metrics}
            n_right = sum(g >= 1 for g in grades.values())
            assert value["nDCG@10"] == pytest.approx(gained / ideal if ideal else 0.0)
            assert value["P@10"] == pytest.approx(sum(rank <= 10 for rank in relevant) / 10)
            assert value["RR"] == pytest.approx(1 / relevant[0] if relevant else 0.0)
            assert value["AP@12"] == pytest.approx(sum(n / rank for n, rank in enumerate(relevant, 1)) / n_right if n_right else 0.0)
    by_text = {q.text: q.query_id for q in queries}
    for words, right in RIGHT.items():
        hits, grades = found.rankings["plain"][by_text[words]], found.grades[by_text[words]]
        assert {rank: grades[item] for rank, item in enumerate(hits, 1) if grades.get(item, 0) >= 1} == right, words
    for key, by_hand in (("nDCG@10", NDCG), ("AP@12", AP), ("RR", RR), ("P@10", P)):
        assert table.values["plain", key].tolist() == pytest.approx(by_hand), key
    assert table.cells["plain", "nDCG@10"].mean.value == pytest.approx(0.64744, abs=1e-5)
    assert table.cells["plain", "RR"].mean.value == pytest.approx(0.65818, abs=1e-5)
    steps = {step.name: step for step in wb.evaluations.story(found)}
    assert steps["A failure"].query in ("green heart", "blue circle") and not steps["Why"].told  # five queries make no hub
    text = wb.evaluations.report(found)
    assert ATTRIBUTION.split(".")[0] in text and "CC BY-SA 4.0" in text and "data:image/jpeg;base64," in text
    assert "names and keywords" in text and "green heart" in text


# ---------------------------------------------------------------- the rule of the large one


def test_the_rule_of_the_grades_by_hand():
    assert content("Two dogs are running on the grass .") == {"dog", "running", "grass"}
    query = "A brown dog runs through the tall grass"  # brown dog run tall grass
    assert grade(query, ["A dog in brown grass"]) == 2  # three of five
    assert grade(query, ["A cat", "The tall grass"]) == 1  # two of five
    assert grade(query, ["A dog"]) == 0
    assert grade("Dog grass", ["dog and grass"]) == 1  # all words, but two are too few for a 2
    assert grade(query, ["brown cat", "tall dog"]) == 1 and grade(query, []) == 0  # words of two captions do not add up


def test_sampling_is_seeded_and_takes_the_last_caption():
    captions = {f"{n}.jpg": ["first", f"word{'abc'[n % 3]} red dog number"] for n in range(20)} | {"short.jpg": ["x", "a dog"]}
    one = sample(captions, 5, seed=1)
    assert one == sample(captions, 5, seed=1) != sample(captions, 5, seed=2)
    assert len(one) == 5 and "short.jpg" not in one and all(text == captions[name][-1] for name, text in one.items())


@pytest.mark.needs_data
def test_the_real_one_has_what_it_needs(data_dir):
    from tests.examples.flickr import read

    captions = read(data_dir / "flickr8k")
    assert len(captions) == 1000 and len(sample(captions)) == 50
