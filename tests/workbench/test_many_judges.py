"""Judges at work at the same time, in several processes; and one that is killed in the middle."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.store import Collection, db
from core.workbench.judgments import JudgmentService
from tests.workbench import judging_process

PROJECT = Path(__file__).resolve().parents[2]


def process(home, collection, first, judges, grades):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.workbench.judging_process", str(home), collection.key, str(first), str(judges), str(grades)],
        cwd=PROJECT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_twenty_judges_in_three_processes_lose_nothing(home, capsys):
    collection = Collection.create("Many")
    others = [process(home, collection, first, 7, 40) for first in (0, 7)]
    service = JudgmentService(collection)
    here = [threading.Thread(target=judging_process.judge, args=(service, f"judge{n}", 40)) for n in range(14, 20)]
    for thread in here:
        thread.start()
    for thread in here:
        thread.join()
    said = [line.split() for other in others for line in other.communicate()[0].splitlines()]
    assert [other.returncode for other in others] == [0, 0]
    said += [line.split() for line in capsys.readouterr().out.splitlines()]
    assert len(said) == 20 * 40 and len({row for row, _, _ in said}) == 20 * 40
    kept = dict(collection.judgments.rows())
    for row, name, n in said:
        one = kept[int(row)]
        n = int(n)
        assert (one.query_id, one.item_id, one.grade, one.judge, one.ms) == (f"q{n % 10}", f"i{n // 10}", n % 4, name, n)
    copies = [one for one in kept.values() if one.origin == "copy"]
    assert len(kept) == 20 * 40 + len(copies) and len(copies) == 20 * 8
    for number in range(20):
        assert len(service.judged(f"judge{number}")) == 40
        assert service.for_query("q3", f"judge{number}") == {f"i{n}": (10 * n + 3) % 4 for n in range(4)}
    summary = service.summary()
    assert (summary.grades, summary.judges, summary.queries, summary.copied) == (800, 20, 10, 160)


@pytest.mark.parametrize("after", [1, 30, 101])
def test_a_process_killed_in_the_middle_has_lost_nothing_it_said_was_saved(home, after):
    collection = Collection.create("Killed")
    writing = process(home, collection, 0, 3, 100_000)
    said = [writing.stdout.readline() for _ in range(after)]
    writing.send_signal(signal.SIGKILL)
    said += writing.stdout.read().splitlines(keepends=True)
    assert writing.wait() == -signal.SIGKILL
    told = [line.split() for line in said if line.endswith("\n")]
    assert len(told) >= after
    db.close_idle()
    kept = dict(Collection.open_key(collection.key).judgments.rows())
    for row, name, n in told:
        assert (kept[int(row)].judge, kept[int(row)].ms) == (name, int(n))
    # What was written is whole: a grade with its copies, or neither; and there may be one more of each judge than was told.
    own = [(row, one) for row, one in kept.items() if one.origin == "judge"]
    assert len(told) <= len(own) <= len(told) + 3
    expected = {row for row, one in own if one.ms % 5 == 0}
    assert {one.copied_from for one in kept.values() if one.origin == "copy"} == expected
    assert collection.verify() == []
    assert JudgmentService(collection).add("q0", "later", 3, "judge0") > max(kept)  # and it goes on
