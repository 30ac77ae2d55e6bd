"""Fixtures of this folder."""

from tests.working import fake  # noqa: F401
