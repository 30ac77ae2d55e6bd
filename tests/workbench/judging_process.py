"""A process that judges, told by its arguments: ``HOME COLLECTION FIRST_JUDGE JUDGES GRADES``; says each saved row on stdout."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from core.store import Collection
from core.workbench.judgments import JudgmentService


def judge(service: JudgmentService, name: str, n_grades: int) -> None:
    """`n_grades` grades by one judge on ten queries, a line for each when it is saved."""
    for n in range(n_grades):
        row = service.add(f"q{n % 10}", f"i{n // 10}", n % 4, name, ms=n, copies=(f"copy{n}",) if n % 5 == 0 else ())
        sys.stdout.write(f"{row} {name} {n}\n")
        sys.stdout.flush()


def main(home: str, key: str, first: str, judges: str, grades: str) -> None:
    """As many judges at once as are asked for, each a thread."""
    service = JudgmentService(Collection.open_key(key, Path(home)))
    names = [f"judge{n}" for n in range(int(first), int(first) + int(judges))]
    threads = [threading.Thread(target=judge, args=(service, name, int(grades))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
