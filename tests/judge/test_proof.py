"""Does a correction help: planted hubs are found out, pure noise is left off, nothing leaks between the parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Cancelled, InputError
from core.judge import proof, truth
from core.judge.corrections import GRID, NAMES, corrections
from core.judge.proof import METRICS, Bank, Trial, cut, prove
from core.metrics.intervals import Interval
from core.rank import hubness
from tests.judge.planted_hub import trial, unit

SMALL = {"is": (10.0, 20.0), "csls": (10.0,), "dis": (20.0,)}


def test_a_planted_hub_gets_a_recommendation():
    found = prove(trial(hub=True))
    assert found.recommended
    row = found.rows[found.judged]
    assert NAMES[row.method].served and row.served == "captions"
    assert row.figure("R@1").change.above_zero
    assert row.figure("R@1").change.value > 30
    assert row.skewness < found.raw.skewness - 3 and row.antihub_share < found.raw.antihub_share
    assert row.tuned == max(r.tuned for r in found.rows if r.served)
    assert {r.method for r in found.rows} == set(GRID)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_noise_is_left_off(seed):
    found = prove(trial(hub=False, seed=seed), grid={"is": GRID["is"], "csls": GRID["csls"]})
    assert not found.recommended
    if found.judged >= 0:
        assert found.rows[found.judged].figure("R@1").change.low <= 0


def test_nothing_is_recommended_where_the_interval_holds_zero(monkeypatch):
    monkeypatch.setattr(proof, "paired_difference", lambda *a, **k: Interval(5.0, 0.0, 9.0, 150))
    found = prove(trial(), grid=SMALL)
    assert found.judged >= 0 and not found.recommended  # it looks better, and 0 is in


def test_the_test_part_chooses_nothing():
    """The strengths and the method stay the same whatever the right answers of the test part are."""
    asked = trial()
    spoilt = replace(asked, relevant=tuple({0: 1} if test else right for right, test in zip(asked.relevant, asked.is_test)))
    one, other = prove(asked, grid=SMALL), prove(spoilt, grid=SMALL)
    assert [(r.method, r.strength, r.tuned) for r in one.rows] == [(r.method, r.strength, r.tuned) for r in other.rows]
    assert one.judged == other.judged
    assert one.rows[0].figures != other.rows[0].figures


def test_the_same_seed_gives_the_same_proof():
    assert prove(trial(), grid=SMALL) == prove(trial(), grid=SMALL)


def test_what_is_measured_only_is_never_recommended():
    found = prove(trial(), grid={"dis": (20.0,), "gc": (0.0,), "csls_k": (5.0,)})
    assert (found.judged, found.recommended) == (-1, False)
    assert all(row.figure("R@1").change.above_zero for row in found.rows[:2])
    unserved = replace(trial(), banks=(replace(trial().banks[0], served=""),))
    assert not prove(unserved, grid=SMALL).recommended


def test_progress_counts_every_setting_and_can_stop():
    seen = []
    prove(trial(n=40), grid=SMALL, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]

    def stop(done, total):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        prove(trial(n=40), grid=SMALL, on_progress=stop)


@pytest.mark.parametrize("method", ["is", "csls", "gc", "dis", "dual_is", "sinkhorn"])
def test_scores_rank_as_the_published_tables_do(method):
    asked = trial(n=60)
    S, bank = asked.queries.astype(float) @ asked.items.T.astype(float), asked.banks[0].vectors.astype(float) @ asked.items.T.astype(float)
    table = {
        "is": lambda: hubness.inverted_softmax(S, bank, 10), "csls": lambda: hubness.csls(S, bank, 10),
        "gc": lambda: hubness.globally_corrected(S, bank), "dis": lambda: hubness.dynamic_inverted_softmax(S, bank, 10),
        "dual_is": lambda: hubness.dual_inverted_softmax(
            S, bank, hubness.without_self(asked.items.astype(float) @ asked.items.T.astype(float)), 10, 1),
        "sinkhorn": lambda: hubness.sinkhorn_prior(S, bank, 10),
    }[method]()  # fmt: skip
    (made,) = corrections(method, (10,), S, asked.items, asked.banks[0].vectors, None, 0)
    same = np.argsort(-table, axis=1)[:, :5] == np.argsort(-made.scores(np.arange(len(S))), axis=1)[:, :5]
    assert same.mean() > 0.99  # float32 products may swap a pair that is nearly equal


def test_an_image_is_not_its_own_answer():
    rng = np.random.default_rng(0)
    items = unit(rng.standard_normal((60, 8)))
    one = Trial(items, items, tuple({(i + 1) % 60: 1} for i in range(60)), np.arange(60), np.arange(60) % 2 == 1,
                (Bank("the images themselves", items, np.arange(60), "items"),), np.arange(60))  # fmt: skip
    found = prove(one, grid={"is": (10.0,)})
    assert found.raw.figure("R@1").before < 50  # each would find itself with certainty
    top = proof._top(one, np.arange(60), items @ items.T)
    assert not (top == np.arange(60)[:, None]).any()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: replace(t, is_test=np.ones(len(t.groups), bool)), "one of the parts is empty"),
        (lambda t: replace(t, groups=np.zeros(len(t.groups), int)), "in both parts"),
        (lambda t: replace(t, relevant=({}, *t.relevant[1:])), "without a right answer"),
        (lambda t: replace(t, relevant=t.relevant[1:]), "as many answers"),
    ],
)
def test_a_trial_that_leaks_or_lacks_is_refused(change, says):
    with pytest.raises(InputError, match=says):
        prove(change(trial(n=40)), grid=SMALL)


def test_unknown_measures_and_methods_are_refused():
    with pytest.raises(InputError, match="R@1, R@5, R@10, nDCG@10; 'MAP'"):
        prove(trial(n=40), metric="MAP")
    with pytest.raises(InputError, match="'magic' is none"):
        prove(trial(n=40), grid={"magic": (1,)})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(0, 5))
def test_a_cut_never_divides_a_group(groups, seed):
    groups = np.array(groups)
    part = cut(groups, (1 / 3, 1 / 3, 1 / 3), seed)
    assert set(part.tolist()) <= {0, 1, 2}
    assert all(len(set(part[groups == group].tolist())) == 1 for group in groups.tolist())
    assert (part == cut(groups, (1 / 3, 1 / 3, 1 / 3), seed)).all()


# ---------------------------------------------------------------- right answers of a collection


class Words:
    """Embeds a text as a direction of its own, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked.append(list(texts))
        return unit(np.stack([np.random.default_rng(list(t.encode())).standard_normal(8) for t in texts]))


def _pairs(n=210, each=1):
    return {f"x{i:03d}": [f"caption {i} number {j}" for j in range(each)] for i in range(n)}


def _vectors(ids):
    return unit(np.stack([np.random.default_rng(int(i[1:])).standard_normal(8) for i in ids]))


def _owner(text):
    return int(text.split()[1])


@pytest.mark.parametrize("each", [1, 3])
def test_bank_tuning_and_test_are_disjoint_by_item(each):
    embed = Words()
    asked = truth.of_captions(_pairs(each=each), [("x000", "x001", "x002")], _vectors, embed)
    bank, *same, questions = embed.asked
    apart = {_owner(text) for text in bank}
    tuning = {_owner(text) for text, test in zip(questions, asked.is_test) if not test}
    test = {_owner(text) for text, test in zip(questions, asked.is_test) if test}
    assert not (apart & tuning or apart & test or tuning & test)
    assert len(apart) + len(tuning | test) == 210
    assert min(len(apart), len(tuning), len(test)) >= 60
    for part in (apart, tuning, test):
        assert len({0, 1, 2} & part) in (0, 3)  # copies stay together
    assert len(asked.items) == 210 - len(apart)  # images of the bank are not in the gallery
    assert [bank.name for bank in asked.banks] == [truth.OTHER, *([truth.SAME] if each > 1 else []), truth.ITSELF]
    if each > 1:
        assert not set(same[0]) & set(questions)  # no question is in a bank
        assert {_owner(text) for text in same[0]} == tuning | test  # every image of the gallery has one caption in it
    assert [b.served for b in asked.banks] == (["", "captions", "items"] if each > 1 else ["captions", "items"])


def test_a_caption_is_right_with_every_image_that_has_it():
    pairs = _pairs(160)
    pairs["x001"] = list(pairs["x000"])
    asked = truth.of_captions(pairs, [], _vectors, Words())
    assert sorted(map(len, asked.relevant))[-1] in (1, 2)
    assert all(grades for grades in asked.relevant)


def test_labels_ask_with_images_and_take_one_of_copies():
    labels = {f"x{i:03d}": f"kind {i % 4}" for i in range(240)}
    asked = truth.of_labels(labels, [("x000", "x004")], _vectors)
    assert len(asked.items) == 159 and asked.own is not None
    for n, right in enumerate(asked.relevant):
        assert asked.own[n] not in right and len(right) > 20
    assert [bank.served for bank in asked.banks] == ["", "items"]
    found = prove(asked, grid={"is": (10.0,)})
    assert 0 < found.raw.figure("nDCG@10").before < 100


def test_judgments_tune_on_half_of_the_queries():
    items = unit(np.random.default_rng(0).standard_normal((50, 8)))
    queries = items[:24] + 0.1
    asked = truth.of_judgments(queries, [{n: 3, n + 1: 0} for n in range(24)], items, None)
    assert int(asked.is_test.sum()) == 12 and asked.relevant[3] == {3: 3}
    assert [bank.served for bank in asked.banks] == ["items"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: truth.of_captions(_pairs(149), [], _vectors, Words()), "149 images have a caption, and this needs 150 or more"),
        (lambda: truth.of_labels({"x000": "a"}, [], _vectors), "1 image has a label, and this needs 150"),
        (lambda: truth.of_judgments(np.ones((3, 8)), [{0: 0}] * 3, np.ones((5, 8)), None), "No query has a right answer .* 20 or more"),
        (lambda: truth.of_labels(dict.fromkeys(_pairs(200), "a"), [], _vectors), "the same label"),
        (lambda: truth.of_labels({i: i for i in _pairs(200)}, [], _vectors), "Hardly any two"),
        (lambda: truth.of_captions({i: [f"a {int(i[1:]) % 2}"] for i in _pairs(200)}, [], _vectors, Words()), "share 2 captions"),
    ],
)  # fmt: skip
def test_too_little_is_refused_with_both_numbers(make, says):
    with pytest.raises(InputError, match=says):
        make()


def test_measures_are_the_usual_ones():
    assert list(METRICS) == ["R@1", "R@5", "R@10", "nDCG@10"]
    ranking = np.array([[3, 1, 0]])
    one = Trial(np.ones((1, 2)), np.ones((4, 2)), ({1: 1},), np.zeros(1), np.ones(1, bool), ())
    values = proof._measured(one, np.array([0]), ranking)
    assert {name: value[0] for name, value in values.items()} == pytest.approx(
        {"R@1": 0.0, "R@5": 1.0, "R@10": 1.0, "nDCG@10": 1 / np.log2(3)}
    )


@pytest.mark.needs_data
def test_a_clip_that_leaves_nothing_to_mend_is_left_alone():
    """99 pairs of a CLIP made for fashion: R@10 is 100 % before any correction."""
    from tests.bench.proof import fashion

    found = prove(fashion(), grid={"is": GRID["is"], "csls": GRID["csls"], "sinkhorn": GRID["sinkhorn"]})
    assert not found.recommended
    assert found.raw.figure("R@10").before > 99
