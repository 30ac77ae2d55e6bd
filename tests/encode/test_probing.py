"""Speed on this machine, recall at 10 as the gate defines it, and which precision comes out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.encode import measured, probing
from core.encode.measured import Measured
from core.errors import Cancelled
from tests import fakes


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_recall_of_texts_that_are_their_images_is_whole():
    rows = unit(np.random.default_rng(0).normal(size=(60, 8)))
    assert probing.recall_at_10(rows, rows) == 100.0


def test_recall_by_hand():
    """Of 40 images 20 are asked among each other; every text points away from its own image, towards all others."""
    images = np.eye(40, dtype=np.float32)
    texts = unit(1.0 - images)
    assert probing.recall_at_10(texts, images) == 0.0
    # Half of the texts are right: half of the answers, give or take how the fixed halves fell.
    texts[::2] = images[::2]
    assert probing.recall_at_10(texts, images) == pytest.approx(50, abs=8)


def test_an_encoder_that_tells_nothing_apart_finds_nothing():
    same = np.ones((50, 4), dtype=np.float32) / 2
    assert probing.recall_at_10(same, same) == 0.0
    assert probing.recall_at_10(same[:0], same[:0]) == 0.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_recall_does_not_depend_on_where_space_is_turned(seed):
    rng = np.random.default_rng(seed)
    texts, images = unit(rng.normal(size=(40, 6))), unit(rng.normal(size=(40, 6)))
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    here, there = probing.recall_at_10(texts, images), probing.recall_at_10(unit(texts @ turn), unit(images @ turn))
    assert 0 <= here <= 100
    assert here == pytest.approx(there, abs=1.0)  # a rounding may turn a tie


def test_the_probe_pictures_are_always_the_same():
    first, again = probing.pictures(2, 64), probing.pictures(2, 64)
    assert [np.asarray(a).tobytes() for a in first] == [np.asarray(b).tobytes() for b in again]
    assert np.asarray(first[0]).tobytes() != np.asarray(first[1]).tobytes()


def test_the_probe_counts_what_was_encoded(monkeypatch):
    assert probing.images_per_s(fakes.FakeEncoder(), 0.2) > 10


def test_the_probe_can_be_stopped():
    def stop():
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        probing.images_per_s(fakes.FakeEncoder(), 60, stop)


class TwoPrecisions(fakes.FakeEncoder):
    """The colour encoder with a second precision that is off by `noise`."""

    precisions = ("float32", "bfloat16")
    noise = 0.0

    def at_precision(self, precision):
        other = TwoPrecisions()
        other.precision, other.noise = precision, self.lost
        return other

    def encode_prepared(self, batch):
        made = super().encode_prepared(batch)
        if self.noise:
            made["joint"] = unit(made["joint"] + np.random.default_rng(0).normal(0, self.noise, made["joint"].shape))
        return made


def named(n=60):
    images = [fakes.make_picture(i)[1] for i in range(n)]
    return probing.Captioned(images, [f"{fakes.make_picture(i)[0].split('-')[1]}" for i in range(n)])


@pytest.mark.parametrize(
    ("noise", "speeds", "allowed", "expected"),
    [
        (1e-4, (10.0, 30.0), True, "bfloat16"),  # faster and as good
        (2.0, (10.0, 30.0), True, "float32"),  # faster, and it finds less
        (1e-4, (10.0, 10.5), True, "float32"),  # as good, and hardly faster
        (1e-4, (10.0, 30.0), False, "float32"),  # the processor has no such instructions
    ],
)
def test_which_precision_comes_out(monkeypatch, noise, speeds, allowed, expected):
    import core.encode

    encoder = TwoPrecisions()
    encoder.lost = noise
    monkeypatch.setattr(core.encode, "_loaded", {"fake": encoder})
    monkeypatch.setattr(probing, "images_per_s", lambda made, *_: speeds[made.precision == "bfloat16"])
    stages = []
    found = probing.measure("fake", named, tell=lambda stage, done, total: stages.append(stage), allowed=allowed)
    assert found.precision == expected
    assert found.images_per_s == speeds[expected == "bfloat16"]
    assert found.fingerprint == encoder.fingerprint
    compared = allowed and speeds[1] > 11
    assert (found.points_lost is not None) == compared
    if compared:
        assert (found.points_lost <= 0.5) == (expected == "bfloat16")
        assert "comparing precisions, bfloat16" in stages


# ---------------------------------------------------------------- what is kept of it


def test_what_was_measured_is_kept_for_each_machine(home, monkeypatch):
    measured.save("starter", Measured("f00d", 85.0, "onnxruntime"))
    measured.save("other", Measured("beef", 3.0))
    assert measured.load()["starter"].images_per_s == 85.0
    assert measured.load()["starter"].at > 0
    monkeypatch.setattr(measured, "machine", lambda: "another machine")
    assert measured.load() == {}
    measured.save("starter", Measured("f00d", 1.0))
    monkeypatch.undo()
    monkeypatch.setenv("LOUPE_HOME", str(home))
    assert set(measured.load()) == {"starter", "other"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 1}', '{"%s": {"starter": {"odd": 1}}}'])
def test_a_file_that_cannot_be_read_counts_as_empty(home, text):
    home.mkdir(parents=True, exist_ok=True)
    (home / measured.FILE).write_text(text % measured.machine() if "%" in text else text)
    assert measured.load() == {}
    measured.save("starter", Measured("f00d", 2.0))
    assert measured.load()["starter"].images_per_s == 2.0


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx2 avx512f avx512_bf16", True), ("fpu amx_bf16 amx_tile", True), ("fpu avx512f", False), ("", False)],
)
def test_bfloat16_is_asked_of_the_processor(tmp_path, monkeypatch, flags, expected):
    from core.encode import machine

    (tmp_path / "cpuinfo").write_text(f"processor : 0\nmodel name\t: A  Processor\nflags\t: {flags}\n")
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "cpuinfo")
    machine._said.cache_clear()
    assert machine.has_bf16() is expected
    assert machine.machine().startswith("A Processor, ")
    machine._said.cache_clear()
