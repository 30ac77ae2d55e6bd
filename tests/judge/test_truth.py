"""Who is searched among: everything, but for what a bank would hold back by its own words; and parts that are parts."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.judge import truth
from core.judge.proof import ENOUGH_TEST, _top, prove
from tests.judge.test_proof import Words, _owner, _pairs, _vectors


class Asked:
    """Gives vectors, and remembers for which ids."""

    def __call__(self, ids):
        self.ids = list(ids)
        return _vectors(ids)


def made(captions, same=(), seed=0):
    embed, asked = Words(), Asked()
    return truth.of_captions(captions, same, asked, embed, seed), embed.asked, asked.ids


def bare(*numbers):
    return {f"x{n:03d}": [] for n in numbers}


def test_images_without_a_caption_are_searched_too():
    trial, (bank, _), ids = made(_pairs(210) | bare(*range(300, 400)))
    apart = {f"x{_owner(text):03d}" for text in bank}
    assert set(ids) == set(_pairs(210) | bare(*range(300, 400))) - apart  # the bank's own images are left out on purpose
    assert ids == sorted(ids) and len(trial.items) == len(ids)
    found = prove(trial, grid={"is": (10.0,)})
    assert (found.n_items, found.n_unasked) == (len(ids), 100)


def test_an_image_that_nobody_asks_about_takes_a_place_in_the_results():
    _, (_, questions), _ = made(_pairs(210) | bare(300))

    def vectors(ids):
        return np.stack([Words()([questions[0]])[0] if item == "x300" else _vectors([item])[0] for item in ids])

    trial = truth.of_captions(_pairs(210) | bare(300), [], vectors, Words())
    stranger = len(trial.items) - 1  # the last by its id
    assert stranger not in set().union(*trial.relevant)
    assert _top(trial, np.array([0]), trial.queries[:1] @ trial.items.T)[0, 0] == stranger


def test_captioned_images_beyond_the_sample_are_searched_and_right_where_they_have_the_caption(monkeypatch):
    monkeypatch.setattr(truth, "ITEMS_AT_MOST", 160)
    taken = set(truth.sampled(_pairs(200), 160))
    spare = sorted(set(_pairs(200)) - taken)
    trial, (bank, questions), ids = made(_pairs(200))
    assert set(spare) < set(ids) and prove(trial, grid={}).n_unasked == 40
    assert not {_owner(text) for text in questions} & {int(item[1:]) for item in spare}
    # One that has an asked caption is a right answer of it; one that has a caption of the bank is not searched.
    pairs = _pairs(200)
    pairs[spare[0]], pairs[spare[1]] = [questions[0].upper()], [bank[0]]
    trial, (_, again), ids = made(pairs)
    assert again == questions and spare[1] not in ids
    assert set(trial.relevant[0]) == {ids.index(spare[0]), ids.index(f"x{_owner(questions[0]):03d}")}


def test_copies_of_the_bank_and_of_what_is_asked_about_are_not_searched():
    pairs = _pairs(210) | bare(*range(300, 310))
    bank = made(pairs)[1][0]
    of_bank, asked = f"x{_owner(bank[0]):03d}", next(i for i in sorted(_pairs(210)) if int(i[1:]) not in map(_owner, bank))
    # Copies hang together through a third that has no caption.
    trial, (bank, _), ids = made(pairs, [(of_bank, "x300"), ("x300", "x301"), (asked, "x302")])
    apart = {_owner(text) for text in bank}
    assert ("x300" in ids, "x301" in ids) == (False, False)
    assert "x302" not in ids and "x303" in ids
    assert int(of_bank[1:]) in apart


def test_the_gallery_has_a_cap(monkeypatch):
    monkeypatch.setattr(truth, "GALLERY_AT_MOST", 180)
    trial, _, ids = made(_pairs(210) | bare(*range(300, 400)))
    assert len(ids) == 180 and sum(n < 300 for n in map(lambda item: int(item[1:]), ids)) == 140


def test_questions_times_images_stay_under_a_limit(monkeypatch):
    monkeypatch.setattr(truth, "SIMILARITIES_AT_MOST", 140 * 140)
    trial, _, ids = made(_pairs(210, each=5))
    assert len(trial.queries) == 140 and len(ids) == 140  # one of the four a picture has beside its first


def test_the_bank_of_the_same_images_has_the_first_caption_of_every_image_searched():
    pairs = _pairs(210, each=3) | {"x300": ["caption 300 alone"], "x301": []}
    trial, (_, same, questions), ids = made(pairs)
    captioned = {int(item[1:]) for item in ids if pairs[item]}
    assert {_owner(text) for text in same} == captioned and 300 in captioned
    assert len(same) == len(captioned) and not set(same) & set(questions)


def test_one_group_larger_than_a_part_does_not_ask():
    pairs, group = _pairs(400), [f"x{n:03d}" for n in range(200)]
    trial, (bank, questions), ids = made(pairs, [group])
    asked = {_owner(text) for text in questions}
    assert not (asked | {_owner(text) for text in bank}) & set(range(200))
    assert set(group) < set(ids)  # they are searched
    tests = trial.is_test.sum()
    assert abs(tests - len(questions) / 2) < 5 and len(np.unique(trial.groups[trial.is_test])) == tests >= ENOUGH_TEST


def test_hardly_anything_but_near_duplicates_is_refused_with_both_numbers():
    with pytest.raises(InputError, match=r"Of 300 images .* 200 are in groups .* largest has 200.*; 100 are left, .* 150 or more"):
        made(_pairs(300), [[f"x{n:03d}" for n in range(200)]])


def test_parts_without_independent_questions_are_refused_with_both_numbers():
    pairs = _pairs(160)
    groups = [[f"x{n:03d}" for n in range(start, start + 16)] for start in range(0, 160, 16)]  # a tenth each: ten in all
    with pytest.raises(InputError, match=r"^\d independent questions would tune and \d test, and each takes 10 or more"):
        prove(made(pairs, groups)[0], grid={"is": (10.0,)})


def test_groups_that_share_a_member_are_one():
    assert sorted(map(sorted, truth.merged([("a", "b"), ("c",), ("b", "d"), ("e", "c"), ("d", "f")]))) == [["a", "b", "d", "f"], ["c", "e"]]


def test_judged_queries_of_the_same_words_stay_together():
    items = _vectors([f"x{n:03d}" for n in range(50)])
    queries, groups = np.repeat(items[:20], 2, axis=0), np.repeat(np.arange(20), 2)
    trial = truth.of_judgments(queries, [{n: 2} for n in range(40)], items, None, groups=groups.tolist())
    for n in range(20):
        assert trial.is_test[2 * n] == trial.is_test[2 * n + 1]
    assert len(np.unique(trial.groups)) == 20
