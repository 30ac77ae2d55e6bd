"""Encoders are loaded ahead in the background, once, and only by a server."""

from __future__ import annotations

import threading

import pytest

import core.encode
from pages import _warm
from tests.fakes import FakeEncoder


class Counting(FakeEncoder):
    """Counts what it encodes."""

    def __init__(self):
        self.asked = 0

    def encode_texts(self, texts):
        self.asked += 1
        return super().encode_texts(texts)


@pytest.fixture
def encoder(monkeypatch):
    made = Counting()
    monkeypatch.setitem(core.encode._loaded, "fake", made)
    monkeypatch.setattr(_warm, "_asked", set())
    monkeypatch.setattr(_warm, "_serving", threading.Event())
    return made


def test_without_a_server_nothing_is_loaded(encoder):
    assert _warm.warm("fake") is None
    assert encoder.asked == 0


def test_a_server_loads_an_encoder_once(encoder):
    _warm.begin([])
    _warm.warm("fake").join(10)
    assert _warm.warm("fake") is None
    assert encoder.asked == 1


def test_brought_vectors_have_nothing_to_load(encoder):
    _warm.begin(["", "none"])
    assert _warm._asked == set()


def test_an_encoder_that_cannot_be_had_is_no_error_here(encoder):
    _warm.begin([])
    _warm.warm("nothing-of-the-kind").join(10)
    assert _warm.warm("nothing-of-the-kind") is None  # whoever searches with it is told
