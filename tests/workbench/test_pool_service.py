"""Pools through the workbench and the queue: made from recipes as they were, divided, handed on, put away."""

from __future__ import annotations

import pytest

from core.errors import InputError, NotFound, QueryError
from core.judge.pools import shuffled
from core.types import HubSetting, Recipe
from core.workbench.pooling import Arm
from tests.worlds import add_visual, colour_world

pytestmark = pytest.mark.usefixtures("no_worker")
ARMS = ("plain", "sum", "hub:is:20:items")


@pytest.fixture
def wb(tmp_path):
    return colour_world(tmp_path / "images")


def made(wb, do_jobs, *what, **more):
    wb.pools.make(*what, **more)
    do_jobs()
    job = wb.pools.job()
    assert job.state == "done", job.message
    return wb.pools.get(job.result["pool"])


def test_a_pool_is_the_union_of_what_its_recipes_find(wb, do_jobs):
    pool = made(wb, do_jobs, "Colours", ARMS, 6, seed=3)
    assert (pool.set_at, pool.depth, pool.name, pool.seed) == ("Colours@1", 6, "Colours, top 6", 3)
    assert [arm["label"] for arm in pool.arms] == list(ARMS) and pool.generation == wb.generation
    assert [one.pool_id for one in wb.pools.list()] == [pool.pool_id]
    for query in wb.querysets.get("Colours").queries:
        runs = [wb.search(query.query, 6, recipe=arm, log=False).item_ids for arm in ARMS]
        rows = {row.item_id: row.ranks for row in wb.pools.rows(pool.pool_id, query.query_id)}
        assert set(rows) == {item for run in runs for item in run}
        for item, ranks in rows.items():
            assert ranks == tuple(run.index(item) + 1 if item in run else None for run in runs)
    assert wb.collection.searches() == []  # making a pool is nobody's search


def test_each_judge_has_an_order_of_their_own_that_stays(wb, do_jobs):
    pool = made(wb, do_jobs, "Colours", ["plain", "sum"], 12)
    ann, bob = (wb.pools.queue(pool.pool_id, who) for who in ("ann", "bob"))
    assert list(ann) == [q.query_id for q in wb.querysets.get("Colours").queries]
    for query_id, items in ann.items():
        assert items != bob[query_id] and sorted(items) == sorted(bob[query_id])
        assert items == shuffled(items, pool.seed, query_id, "ann")
    assert wb.pools.queue(pool.pool_id, "ann") == ann


def test_a_pool_is_divided_among_judges(wb, do_jobs):
    pool = made(wb, do_jobs, "Colours", ["plain"], 10, judges=[" ann", "bob"], overlap=0.2)
    assert pool.judges == ("ann", "bob")

    def pairs(who):
        return {(q, i) for q, items in wb.pools.queue(pool.pool_id, who).items() for i in items}

    everything = set(wb.pools.pairs(pool.pool_id))
    assert len(everything) == 30 and len(pairs("ann") & pairs("bob")) == 6 and pairs("ann") | pairs("bob") == everything
    assert pairs("guest") == everything
    wb.pools.divide(pool.pool_id, [], 1.0)
    assert pairs("ann") == everything
    with pytest.raises(InputError, match="named twice"):
        wb.pools.divide(pool.pool_id, ["ann", "ann "], 0.5)


def test_the_pool_keeps_its_recipes_and_queries_as_they_were(wb, do_jobs):
    from core.search.recipes import save_recipe

    save_recipe(wb.collection, Recipe(name="mine", hub=HubSetting("is", 5.0, "items")))
    pool = made(wb, do_jobs, "Colours", ["mine"], 5)
    save_recipe(wb.collection, Recipe(name="mine", compose="sum"))
    wb.querysets.add("purple", "Colours")
    again = wb.pools.get(pool.pool_id)
    assert again.arms[0]["recipe"]["hub"] == {"method": "is", "beta": 5.0, "bank": "items"} and again.set_version == 1
    assert len(wb.pools.queue(pool.pool_id, "ann")) == 3
    assert len(made(wb, do_jobs, "Colours", ["mine"], 5).arms) == 1 and len(wb.pools.list()) == 2
    assert len(wb.pools.queue(wb.pools.list()[1].pool_id, "ann")) == 4
    older = made(wb, do_jobs, "Colours@1", ["mine"], 5)
    assert len(wb.pools.queue(older.pool_id, "ann")) == 3


def test_filters_vector_sets_images_and_composed_queries(wb, do_jobs):
    visual = add_visual(wb)
    item = wb.collection.ids()[0]
    wb.querysets.add(f"image:{item}\nimage:{item} red -blue", "pictures")
    arms = ["plain", Arm("plain", "number < 12"), Arm(Recipe(name="looks", set=visual), label="looks")]
    pool = made(wb, do_jobs, "pictures@1", arms[:2], 8)
    assert [arm["label"] for arm in pool.arms] == ["plain", "plain, number < 12"]
    numbers = {i.item_id: i.meta["number"] for i in wb.collection.items(wb.collection.ids())}
    for row in wb.pools.rows(pool.pool_id):
        assert row.item_id != item and (row.ranks[1] is None or numbers[row.item_id] < 12)
    only_image = wb.querysets.get("pictures").queries[0].query_id
    wb.querysets.remove("pictures", [q.query_id for q in wb.querysets.get("pictures").queries if q.query_id != only_image])
    assert made(wb, do_jobs, "pictures", arms, 5).arms[2]["recipe"]["set"] == visual


def test_near_duplicates_are_collapsed_and_get_the_grade_only_where_wished(wb, do_jobs):
    found = wb.search("red", 3, log=False).item_ids
    wb.collection.set_folds(dict.fromkeys(found, min(found)))
    red = wb.querysets.get("Colours").queries[0].query_id
    pool = made(wb, do_jobs, "Colours", ["plain"], 6, propagate=True)
    assert wb.pools.copies(pool.pool_id, red) == {found[0]: tuple(sorted(found[1:]))}
    assert len(wb.pools.rows(pool.pool_id, red)) == 4
    wb.pools.divide(pool.pool_id, [], 1.0, propagate=False)
    assert wb.pools.copies(pool.pool_id, red) == {}
    assert len(wb.pools.rows(made(wb, do_jobs, "Colours", ["plain"], 6, collapse=False).pool_id, red)) == 6


def test_what_is_judged_is_counted(wb, do_jobs):
    pool = made(wb, do_jobs, "Colours", ["plain", "sum"], 4)
    before = wb.pools.statistics(pool.pool_id)
    assert before.judged == 0 and before.n_queries == 3 and before.overlap[0][0] == 1.0
    (query_id, item_id), *_ = wb.pools.pairs(pool.pool_id)
    wb.judgments.add(query_id, item_id, None, "ann")
    wb.judgments.add(query_id, "elsewhere", 1, "ann")
    wb.judgments.add(*wb.pools.pairs(pool.pool_id)[1], 1, "names", origin="names and keywords")
    assert wb.pools.statistics(pool.pool_id).judged == 1


def test_a_query_that_cannot_be_asked_is_left_out_and_named(wb, do_jobs):
    from core.judge.querysets import read_queries

    wb.querysets.add_queries(read_queries("red\nimage:gone"), "some")  # as if the item were deleted since
    made(wb, do_jobs, "some", ["plain"], 4)
    result = wb.pools.job().result
    assert result["n_left_out"] == 1 and result["left_out"][0]["query"] == "image:gone" and "gone" in result["left_out"][0]["reason"]
    wb.querysets.add_queries(read_queries("image:gone"), "none")
    wb.pools.make("none", ["plain"], 4)
    do_jobs()
    assert wb.pools.job().state == "failed" and "The only query of none@1, 'image:gone', finds nothing" in wb.pools.job().message


def test_a_pool_is_put_away_and_brought_back(wb, do_jobs):
    pool = made(wb, do_jobs, "Colours", ["plain"], 4)
    wb.pools.remove(pool.pool_id)
    assert wb.pools.list() == [] and wb.pools.get(pool.pool_id) == pool
    wb.pools.restore(pool.pool_id)
    assert wb.pools.list() == [pool]
    with pytest.raises(NotFound):
        wb.pools.get("nothing")


def test_a_job_that_is_done_twice_makes_one_pool(wb, do_jobs):
    from core.jobs import Queue

    pool = made(wb, do_jobs, "Colours", ["plain"], 4)
    Queue(wb.collection.home).add("pool", wb.key, dict(wb.pools.job().args))
    do_jobs()
    assert [one.pool_id for one in wb.pools.list()] == [pool.pool_id] and len(wb.pools.pairs(pool.pool_id)) == 12


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        (("Colours", [], 5), InputError, "from 1 to 12 recipes, not 0"),
        (("Colours", ["plain", "plain"], 5), InputError, "plain is in the pool twice"),
        (("Colours", ["magic"], 5), NotFound, "no recipe 'magic'"),
        (("Colours", ["plain"], 0), InputError, "1 to 200 hits"),
        (("Other", ["plain"], 5), NotFound, "no query set 'Other'"),
        (("Colours@9", ["plain"], 5), NotFound, "versions 1 to 1"),
        (("Colours", [Arm("plain", "nothing = 3")], 5), QueryError, "nothing"),
        (("Colours", [Recipe(set="gone")], 5), NotFound, "gone"),
    ],
)
def test_what_is_not_possible_is_said_before_any_job(wb, what, error, message):
    with pytest.raises(error, match=message):
        wb.pools.make(*what)
    assert wb.pools.job() is None


def test_every_recipe_can_be_chosen_and_every_other_set_with_words(wb):
    assert {"plain", "folded", "sum", "hubs-corrected"} <= set(wb.pools.choices())
    assert all(arm.label == label for label, arm in wb.pools.choices().items())


def test_queries_that_a_filter_leaves_nothing_are_named(wb, do_jobs):
    from core.judge.querysets import read_queries

    assert wb.pools.nothing("Colours", "number < 5") == [] and len(wb.pools.nothing("Colours", "number < 0")) == 3
    wb.querysets.add_queries(read_queries("query,where\nred,number < 5\nblue,number > 5\n"), "narrow")
    assert [one.text for one in wb.pools.nothing("narrow", "number > 5")] == ["red"] and wb.pools.nothing("narrow") == []
    with pytest.raises(QueryError):
        wb.pools.nothing("Colours", "nothing = 3")
    pool = made(wb, do_jobs, "narrow", [Arm("plain", "number > 5")], 3)
    assert {row.query_id for row in wb.pools.rows(pool.pool_id)} == {wb.querysets.get("narrow").queries[1].query_id}
    assert (wb.pools.job().result["n_empty"], wb.pools.job().result["empty"]) == (1, ["red"])
