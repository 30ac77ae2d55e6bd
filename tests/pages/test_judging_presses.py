"""What happens to the presses of the judging screen, without a browser."""

from __future__ import annotations

import threading
import time

from pages._judging import save_presses

SHOWN = frozenset({"a", "b"})


class Door:
    """Keeps rows as the database would."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple] = {}
        self.next = 0

    def add(self, query_id, item_id, grade, judge, note="", **more):
        self.next += 1
        self.rows[self.next] = (query_id, item_id, grade, judge)
        self.more = {"note": note, **more}
        return self.next

    def undo_last(self, query_id, item_id, judge, origin="judge"):
        given = [n for n, row in self.rows.items() if (*row[:2], row[3]) == (query_id, item_id, judge)]
        if given:
            del self.rows[given[-1]]
        return bool(given)


def press(uid, item="a", **more):
    return {"uid": uid, "query": "q", "judge": "ann", "item": item, **more}


def test_a_press_that_arrives_twice_is_saved_once():
    door, ledger = Door(), {}
    presses = [press("1", grade=2)]
    assert save_presses(door, presses, ledger, SHOWN) == 1
    assert save_presses(door, [*presses, press("2", "b", grade=None)], ledger, SHOWN) == 1
    assert list(door.rows.values()) == [("q", "a", 2, "ann"), ("q", "b", None, "ann")]


def test_undo_takes_back_the_latest_grade_of_that_item_only():
    door, ledger = Door(), {}
    save_presses(door, [press("1", grade=1), press("2", grade=3), press("3", "b", grade=0), press("4", undo=True)], ledger, SHOWN)
    assert sorted(door.rows.values()) == [("q", "a", 1, "ann"), ("q", "b", 0, "ann")]


def test_items_that_were_not_shown_and_grades_that_do_not_exist_are_refused():
    door, ledger = Door(), {}
    assert save_presses(door, [press("1", "z", grade=1), press("2", grade=7), press("", grade=1)], ledger, SHOWN) == 0
    assert door.rows == {}


def test_undo_of_nothing_changes_nothing():
    door, ledger = Door(), {}
    save_presses(door, [press("1", undo=True)], ledger, SHOWN)
    assert door.rows == {}


def test_two_runs_at_once_save_every_press_once_and_in_order():
    class Slow(Door):
        def add(self, *said, **more):
            time.sleep(0.02)  # as long as a disk takes
            return super().add(*said, **more)

    door, ledger = Slow(), {}
    presses = [press("1", grade=3), press("2", "b", grade=2), press("3", "b", undo=True)]
    runs = [threading.Thread(target=save_presses, args=(door, presses[:n], ledger, SHOWN)) for n in (1, 2, 3, 3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert list(door.rows.values()) == [("q", "a", 3, "ann")]


def test_note_time_role_and_copies_go_along():
    door, ledger = Door(), {}
    save_presses(door, [press("1", grade=2, note="n" * 2_000, ms=1234.6)], ledger, SHOWN, origin="adjudication", copies={"a": ("c",)})
    assert door.more == {"note": "n" * 1_000, "origin": "adjudication", "ms": 1234, "copies": ("c",)}
    for uid, ms in (("2", -1), ("3", "soon"), ("4", float("nan")), ("5", None), ("6", True)):
        save_presses(door, [press(uid, "b", grade=2, ms=ms)], ledger, SHOWN, copies={"a": ("c",)})
        assert door.more == {"note": "", "origin": "judge", "ms": None, "copies": ()}
    save_presses(door, [press("7", grade=0, ms=1e12)], ledger, SHOWN)
    assert door.more["ms"] == 3_600_000
    assert save_presses(door, [press("8", grade=True), press("9", grade="2")], ledger, SHOWN) == 0
