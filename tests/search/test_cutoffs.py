"""The line in a search: where it stands, what it belongs to, and that it moves nothing."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import Damaged, QueryError
from core.query.parse import parse
from core.rank.cutoff import Model
from core.search import cutoffs
from core.search.asking import ask
from core.search.cutoffs import Key
from core.search.engine import run
from core.search.recipes import recipe
from core.types import HubSetting, Recipe


def using(collection, model: Model, line: str = "red", named: str = "plain", **account: object) -> Key:  # noqa: ANN001
    """Let searches like this one show a line."""
    chosen = recipe(collection, named)
    asked = ask(collection, parse(line), chosen)
    key = Key.of(asked.view.set.set_id, parse(line), chosen, asked.hub)
    cutoffs.save(collection, key, [model], {"recall": 0.95, "words": {model.kind: "As learned."}, **account}, collection.generation)
    how = {"method": model.kind, "recipe": named, "kind": key.kind, "set": key.set_id, "signature": key.signature}
    cutoffs.show(collection, {key.name: how})
    return key


@pytest.fixture(autouse=True)
def loaded(fake_encoder, monkeypatch):  # noqa: ANN001, ANN201
    import core.encode

    monkeypatch.setitem(core.encode._loaded, "fake", fake_encoder)


def search(collection, line="red", k=8, named="plain"):  # noqa: ANN001, ANN201
    return run(collection, parse(line), k, recipe=recipe(collection, named))


def test_without_one_in_use_nothing_is_said(pictures):
    result = search(pictures)
    assert (result.cutoff, result.cutoff_note) == (None, "")


def test_the_line_stands_behind_the_last_hit_that_reaches_it(pictures):
    before = search(pictures)
    scores = [hit.score for hit in before]
    assert scores[1] > scores[2]
    using(pictures, Model("cosine", scores[1], 10.0, -5.0))
    result = search(pictures)
    cut = result.cutoff
    assert (cut.after, cut.below, cut.score, cut.rung) == (2, True, scores[1], "cosine")
    assert cut.probability == pytest.approx(1 / (1 + np.exp(5 - 10 * scores[1])))
    assert len(cut.probabilities) == 8 and list(cut.probabilities) == sorted(cut.probabilities, reverse=True)
    assert cut.words == "As learned."
    assert result.hits == before.hits  # nothing moved, nothing went
    assert len(result) == 8


@pytest.mark.parametrize(("cut", "after", "below"), [(-2.0, 8, False), (2.0, 0, True)])
def test_all_above_and_none_above(pictures, cut, after, below):
    using(pictures, Model("cosine", cut))
    found = search(pictures).cutoff
    assert (found.after, found.below, found.probability, found.probabilities) == (after, below, None, ())


@pytest.mark.parametrize("kind", ["zscore", "platt"])
def test_the_score_of_the_line_is_where_it_stands(pictures, kind):
    view = pictures.view()
    asked = ask(pictures, parse("red"))
    mean, sd = cutoffs.background(pictures, view, asked.q, None)
    every = asked.scores(view.live)
    assert (mean, sd) == pytest.approx((every.mean(), every.std()), abs=1e-6)
    using(pictures, Model(kind, 0.5))
    cut = search(pictures, k=24).cutoff
    expected = mean + 0.5 * (sd if kind == "zscore" else 1)
    assert cut.score == pytest.approx(expected, abs=1e-6)
    assert cut.after == (every >= expected).sum()


def test_it_goes_on_counting_where_hits_are_left_out(pictures):
    scores = [hit.score for hit in search(pictures)]
    using(pictures, Model("cosine", scores[2]))
    later = run(pictures, parse("red"), 4, offset=2)
    assert later.cutoff.after == 2 + sum(hit.score >= scores[2] for hit in later)


def test_it_belongs_to_its_kind_of_query_and_its_recipe(pictures):
    using(pictures, Model("cosine", 0.1))
    assert search(pictures, "blue").cutoff is not None
    assert search(pictures, named="folded").cutoff is not None  # the same scores
    assert search(pictures, named="sum").cutoff is not None  # one term is not composed
    image = search(pictures, "image:p03", named="joint-only")
    assert image.cutoff is None and image.cutoff_note == (
        "Where good results end was learned for queries of words; the line is not shown for one image.")
    assert "for several terms" in search(pictures, "red -blue").cutoff_note
    visual = search(pictures, "image:p03")
    assert visual.cutoff is None and "other vectors" in visual.cutoff_note
    assert search(pictures, "-red").cutoff_note == ""
    assert search(pictures, "").cutoff is None


def test_a_hub_correction_has_other_scores(pictures):
    using(pictures, Model("cosine", 0.1))
    corrected = search(pictures, named="hub:is:20:captions")
    assert corrected.hub.method == "is" and corrected.cutoff is None
    assert corrected.cutoff_note == "Where good results end was learned with the recipe plain; the line is not shown with this one."
    key = using(pictures, Model("cosine", corrected.hits[1].score), named="hub:is:20:captions")
    again = search(pictures, named="hub:is:20:captions")
    assert again.cutoff.after == 2
    assert search(pictures, named="hub:is:30:captions").cutoff is None
    assert search(pictures).cutoff is not None  # its own is still there
    assert key.name in cutoffs.used(pictures)


def test_auto_and_the_bank_it_takes_are_one(pictures):
    query, made = parse("red"), Recipe(hub=HubSetting("is", 20, "captions"))
    one = ask(pictures, query, made)
    other = ask(pictures, query, Recipe(hub=HubSetting("is", 20, "auto")))
    assert Key.of("s", query, made, one.hub) == Key.of("s", query, made, other.hub)


@pytest.mark.parametrize("named", ["plain", "hub:is:20:captions", "sum"])
@pytest.mark.parametrize("line", ["red", "red -blue", "image:p03", 'red image:p05^0.5'])
def test_scores_asked_for_are_those_of_a_search(pictures, line, named):
    found = run(pictures, parse(line), 24, recipe=recipe(pictures, named))
    asked = ask(pictures, parse(line), recipe(pictures, named))
    assert asked.view.set.set_id == found.set_id
    given = asked.scores(asked.view.positions(found.item_ids))
    assert given == pytest.approx([hit.score for hit in found], abs=1.01e-6)
    positions, scores = asked.best(pictures, 24)
    assert asked.view.item_ids[positions].tolist() == list(found.item_ids)
    assert scores == pytest.approx([hit.score for hit in found], abs=1.01e-6)
    out = positions[:3]
    rest, _ = asked.best(pictures, 5, np.sort(out))
    assert rest.tolist() == positions[3:8].tolist()


def test_a_filter_holds_and_nothing_asked_is_refused(pictures):
    asked = ask(pictures, parse("red", "colour = 'blue'"))
    positions, _ = asked.best(pictures, 24)
    assert {pictures.item(i).meta["colour"] for i in asked.view.item_ids[positions]} == {"blue"}
    with pytest.raises(QueryError, match="gives no scores"):
        ask(pictures, parse(""))


def test_what_cannot_be_read_is_said_and_searches_go_on(pictures):
    key = using(pictures, Model("cosine", 0.1))
    (path,) = pictures.artifacts_folder.glob("cutoff-shown-*")
    path.write_bytes(b"not a zip" * 99)
    cutoffs_note = search(pictures).cutoff_note
    assert "learn it again" in cutoffs_note and len(search(pictures)) == 8
    pictures.drop_artifact(f"cutoff-learned-{key.signature}", key.set_id)
    with pytest.raises(Damaged, match="learn it again"):
        cutoffs.show(pictures, {key.name: cutoffs.used(pictures)[key.name]})


def test_what_is_learned_again_is_not_shown_before_it_is_used(pictures):
    key = using(pictures, Model("cosine", -2.0))
    cutoffs.save(pictures, key, [Model("cosine", 2.0)], {}, pictures.generation)
    assert search(pictures).cutoff.after == 8
    assert list(cutoffs.hide(pictures, {key.name})) == [key.name]
    assert search(pictures).cutoff is None
