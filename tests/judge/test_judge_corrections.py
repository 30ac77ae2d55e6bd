"""The corrections as they are tried: the gates of the dynamic ones, and what is right of unjudged answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.judge import proof
from core.judge.corrections import GRID, NAMES, corrections
from core.judge.proof import Bank, Trial, prove
from core.rank import hubness
from tests.judge.planted_hub import trial, unit


@pytest.mark.parametrize(("method", "form"), [("dual_dis", "code"), ("dual_dis_case", "case")])
def test_dual_dynamic_forms_rank_as_the_published_tables_do(method, form):
    asked = trial(n=60)
    items = asked.items.astype(float)
    S, bank = asked.queries.astype(float) @ items.T, asked.banks[0].vectors.astype(float) @ items.T
    table = hubness.dual_dynamic_inverted_softmax(S, bank, hubness.without_self(items @ items.T), 20, 1, form=form)
    (made,) = corrections(method, (20,), S, asked.items, asked.banks[0].vectors, None, 0)
    which = np.arange(10, 40)
    assert (np.argsort(-table[which], axis=1)[:, :5] == np.argsort(-made.scores(which), axis=1)[:, :5]).mean() > 0.99
    assert not NAMES[method].served and method in GRID


def test_the_two_dual_dynamic_forms_are_tried_and_never_recommended():
    found = prove(trial(), grid={method: (20.0,) for method in ("dual_dis", "dual_dis_case")})
    assert [row.method for row in found.rows] == ["dual_dis", "dual_dis_case"]
    assert all(row.served == "" and row.figure("R@1").change.above_zero for row in found.rows)
    assert not found.recommended


def test_the_gate_of_dis_goes_by_the_best_item_other_than_the_one_that_asks():
    """Items 0 and 1 find each other first; the bank finds only item 1 first. So 0 is corrected, and 1 is not."""
    rows = unit(np.array([[1.0, 0.05, 0.0], [1.0, 0.0, 0.05], [0.9, 0.4, 0.0], [0.9, 0.0, 0.4]]))
    bank = unit(np.array([[1.0, -0.1, 0.2], [1.0, -0.2, 0.2]]))
    assert (bank @ rows.T).argmax(axis=1).tolist() == [1, 1]
    asked = Trial(rows, rows, ({1: 1}, {0: 1}, {0: 1}, {1: 1}), np.arange(4), np.arange(4) > 1, (), np.arange(4))
    S = proof._similarities(asked)
    (made,) = corrections("dis", (20.0,), S, rows, bank, None, 0)
    changed = [bool(np.abs(made.scores(np.array([n]))[0] - S[n]).max() > 1e-9) for n in range(4)]
    assert changed == [True, False, False, True]  # 0 and 3 have 1 as their best, 1 and 2 have 0


def test_what_needs_too_large_a_table_is_named_and_counted(monkeypatch):
    monkeypatch.setattr("core.judge.corrections.TABLE_AT_MOST", 10)
    seen = []
    found = prove(trial(n=40), grid={"gc": (0.0,), "is": (10.0,)}, on_progress=lambda *counts: seen.append(counts))
    assert found.untried == ("Globally corrected with captions of other images",)
    assert [row.method for row in found.rows] == ["is"] and seen[-1] == (2, 2)


def test_fewer_than_fifty_independent_test_questions_give_figures_and_no_advice():
    asked = trial(n=200, n_bank=200)
    assert prove(asked, grid={"is": (20.0,)}).recommended
    few = prove(replace(asked, groups=asked.groups // 4 * 4, is_test=asked.groups // 4 % 2 == 1), grid={"is": (20.0,)})
    assert few.rows[0].figure("R@1").change.above_zero and few.judged == 0
    assert (few.n_test, few.n_groups, few.recommended) == (100, 25, False)
    assert "50 independent questions or more" in proof.RULE


def test_judged_at_ten_is_the_share_of_the_first_ten_that_was_graded():
    """Query n finds n first and then all others in the order of their ids; what is graded is counted by hand."""
    items = np.eye(24, dtype=np.float32)
    graded = tuple(frozenset({n} | {0, 1, 23} if n % 2 else {n}) for n in range(24))
    asked = Trial(items, items, tuple({n: 1} for n in range(24)), np.arange(24), np.arange(24) >= 12,
                  (Bank("the captions", unit(np.ones((3, 24)) + np.eye(3, 24)), served="captions"),), graded=graded)  # fmt: skip
    found = prove(asked, grid={"is": (1.0,)})
    # Of the test queries 12..23 the even ones have 1 of 10, the odd ones 3 of 10 (n, 0, 1), and 23 too, which is n.
    assert found.raw.graded == pytest.approx(100 * np.mean([0.1, 0.3]))
    # The bank lowers 0, 1 and 2 most, so 0 and 1 leave the first ten: 1 of 10 is left.
    assert found.rows[0].graded == pytest.approx(10.0)
    assert prove(replace(asked, graded=None), grid={"is": (1.0,)}).raw.graded is None
