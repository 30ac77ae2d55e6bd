"""What happens to the presses of the judging screen, without a browser."""

from __future__ import annotations

from pages._judging import save_presses

SHOWN = frozenset({"a", "b"})


class Door:
    """Keeps rows as the database would."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple] = {}
        self.next = 0

    def add(self, query_id, item_id, grade, judge, note=""):
        self.next += 1
        self.rows[self.next] = (query_id, item_id, grade, judge)
        return self.next

    def undo(self, row_id):
        del self.rows[row_id]


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
