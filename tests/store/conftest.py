"""A collection to work on, whose vectors can be told from the item's id."""

from __future__ import annotations

import pytest

from core.store import Collection
from tests.store.material import JOINT, VISUAL


@pytest.fixture
def collection() -> Collection:
    """Empty, with a joint and a visual vector set."""
    made = Collection.create("Pictures")
    made.add_set(JOINT)
    made.add_set(VISUAL)
    return made
