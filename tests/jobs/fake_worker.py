"""A worker process that knows the fake encoder: ``python -m tests.jobs.fake_worker HOME SECONDS_PER_BATCH``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import core.encode
from core.jobs.worker import run_worker, told_by_signal
from tests.fakes import FakeEncoder


class SlowEncoder(FakeEncoder):
    """The fake encoder with a pause at every batch."""

    pause = 0.0

    def encode_prepared(self, batch):
        time.sleep(self.pause)
        return super().encode_prepared(batch)


if __name__ == "__main__":
    SlowEncoder.pause = float(sys.argv[2])
    core.encode._loaded["fake"] = SlowEncoder()
    run_worker(Path(sys.argv[1]), idle_s=20.0, told=told_by_signal())
