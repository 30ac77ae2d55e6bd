"""Fixtures of this folder."""

from tests.working import do_jobs, fake, no_worker, worker_here  # noqa: F401
