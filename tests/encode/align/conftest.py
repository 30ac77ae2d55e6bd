"""Fixtures of this folder."""

import os

import pytest


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Matrices this small gain nothing from threads, and lose much to waiting on a busy machine."""
    import torch

    asked, threads = os.environ.get("LOUPE_THREADS"), torch.get_num_threads()
    os.environ["LOUPE_THREADS"] = "1"
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    os.environ.pop("LOUPE_THREADS")
    if asked is not None:
        os.environ["LOUPE_THREADS"] = asked
