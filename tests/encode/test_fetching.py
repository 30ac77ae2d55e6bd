"""Fetching weights from a hub on this machine: resumed, checked, published whole, and said in words when it fails."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.encode import fetching, hubcache
from core.errors import Cancelled, EncoderError
from tests.encode import hub as hubs

NAME = "openclip:LoupeTiny/a_tag"
WEIGHTS = np.random.default_rng(0).bytes(1_000_000)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with hubs.serving() as serving:
        hubs.point_at(serving, tmp_path / "cache", monkeypatch)
        monkeypatch.setattr(hubcache, "tags", lambda: {"LoupeTiny/a_tag": "someone/tiny/"})
        monkeypatch.setattr(fetching, "tags", hubcache.tags)
        monkeypatch.setattr(fetching, "_config_of", lambda model: {})
        serving.files = {"someone/tiny/open_clip_model.safetensors": WEIGHTS}
        yield serving


def cache(tmp_path: Path) -> list[str]:
    return sorted(p.name for p in (tmp_path / "cache").rglob("*") if p.is_file() and not p.is_symlink())


def test_what_is_fetched_is_found_as_the_hubs_own_client_finds_it(hub, tmp_path):
    from huggingface_hub import hf_hub_download

    told = []
    done = fetching.fetch(NAME, lambda here, total: told.append((here, total)))
    assert Path(done["path"]).read_bytes() == WEIGHTS
    assert (done["bytes"], done["checked"]) == (len(WEIGHTS), True)
    assert hf_hub_download("someone/tiny", "open_clip_model.safetensors", local_files_only=True) == done["path"]
    assert [here for here, _ in told] == sorted(here for here, _ in told)
    assert told[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert list(hubcache.cached_encoders()) == [(NAME, Path(done["path"]))]
    assert not [name for name in cache(tmp_path) if "incomplete" in name]


def test_what_is_here_is_not_fetched_again(hub):
    fetching.fetch(NAME)
    hub.asked.clear()
    assert fetching.fetch(NAME)["bytes"] == 0
    assert not hub.fetched()


def test_an_interrupted_download_goes_on_where_it_was(hub):
    hub.cut_after = [300_000, 200_000]
    done = fetching.fetch(NAME)
    assert Path(done["path"]).read_bytes() == WEIGHTS
    assert [asked for _, asked in hub.fetched()] == ["", "bytes=300000-", "bytes=500000-"]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 400_000), max_size=4))
def test_wherever_it_breaks_the_bytes_are_the_same(hub, tmp_path, monkeypatch, cuts):
    folder = tmp_path / f"cache-{hashlib.sha256(str(cuts).encode()).hexdigest()[:8]}"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    hub.cut_after = list(cuts)
    assert Path(fetching.fetch(NAME)["path"]).read_bytes() == WEIGHTS


def test_another_process_goes_on_with_what_the_first_left(hub, tmp_path):
    hub.cut_after = [400_000]
    stopped = [0]

    def stop():
        stopped[0] += 1
        if any("incomplete" in name for name in cache(tmp_path)) and hub.cut_after == []:
            raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        fetching.fetch(NAME, check=stop)
    (left,) = [p for p in (tmp_path / "cache").rglob("*.incomplete")]
    here = left.stat().st_size
    assert 0 < here <= 400_000
    assert hubcache.in_cache("someone/tiny/") is None  # a half one is never taken for a whole one
    hub.asked.clear()
    assert Path(fetching.fetch(NAME)["path"]).read_bytes() == WEIGHTS
    assert hub.fetched() == [("open_clip_model.safetensors", f"bytes={here}-")]


def test_a_server_that_cannot_resume_is_asked_for_everything(hub):
    hub.cut_after, hub.ignores_ranges = [300_000], True
    assert Path(fetching.fetch(NAME)["path"]).read_bytes() == WEIGHTS


def test_a_file_that_changed_meanwhile_is_begun_anew(hub, tmp_path):
    blobs = tmp_path / "cache" / "models--someone--tiny" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{hashlib.sha256(WEIGHTS).hexdigest()}.incomplete").write_bytes(b"x" * 2_000_000)  # more than there is
    assert Path(fetching.fetch(NAME)["path"]).read_bytes() == WEIGHTS


def test_a_wrong_checksum_leaves_nothing_behind(hub, tmp_path):
    hub.altered = True
    with pytest.raises(EncoderError, match="wrong checksum.*thrown away"):
        fetching.fetch(NAME)
    assert cache(tmp_path) == []
    assert hubcache.in_cache("someone/tiny/") is None
    hub.altered = False
    assert Path(fetching.fetch(NAME)["path"]).read_bytes() == WEIGHTS


def test_a_connection_that_is_lost_for_good_keeps_what_came(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "TRIES", 2)
    hub.cut_after = [250_000] + [0] * 20
    with pytest.raises(EncoderError, match="stopped after 0 MB.*starting it again goes on from there"):
        fetching.fetch(NAME)
    assert [p.stat().st_size for p in (tmp_path / "cache").rglob("*.incomplete")] == [250_000]


def test_no_such_file_says_so(hub):
    hub.files.clear()
    with pytest.raises(EncoderError, match="has no weights of openclip:LoupeTiny/a_tag any more"):
        fetching.fetch(NAME)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_said_at_once(hub, status):
    hub.status = status
    with pytest.raises(EncoderError, match=str(status)):
        fetching.fetch(NAME)
    assert len(hub.fetched()) == 1


def test_an_overloaded_server_is_asked_again(hub, monkeypatch):
    monkeypatch.setattr(fetching, "TRIES", 3)
    hub.status = 503
    with pytest.raises(EncoderError, match="the server answered 503"):
        fetching.fetch(NAME)
    assert len(hub.fetched()) == 3


def test_the_older_file_name_is_taken_where_there_is_no_newer_one(hub):
    hub.files = {"someone/tiny/open_clip_pytorch_model.bin": WEIGHTS}
    assert fetching.fetch(NAME)["path"].endswith("open_clip_pytorch_model.bin")


def test_no_network_says_so_at_once_and_changes_nothing(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")  # the discard port: refused
    with pytest.raises(EncoderError, match="There is no connection to http://127.0.0.1:9.*Nothing was changed"):
        fetching.fetch(NAME)
    assert not (tmp_path / "cache").exists()


def test_offline_mode_asks_nobody(hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EncoderError, match="HF_HUB_OFFLINE is set"):
        fetching.fetch(NAME)
    assert not hub.asked


def test_a_full_disk_is_found_out_before_it_is_full(hub, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 1_000_000))
    with pytest.raises(EncoderError, match="needs 1 MB more.*has 1 MB free"):
        fetching.fetch(NAME)
    assert not hub.fetched()


def test_only_what_open_clip_lists_can_be_fetched(hub):
    with pytest.raises(EncoderError, match="cannot be fetched"):
        fetching.fetch("openclip:LoupeTiny//etc/passwd")


def test_files_of_the_tokenizer_come_along(hub, monkeypatch):
    monkeypatch.setattr(fetching, "_config_of", lambda model: {"text_cfg": {"hf_tokenizer_name": "someone/words"}})
    hub.files |= {"someone/words/tokenizer.json": b"{}", "someone/words/tokenizer_config.json": b"[1]"}
    assert fetching.fetch(NAME)["bytes"] == len(WEIGHTS) + 5
    from huggingface_hub import _CACHED_NO_EXIST, try_to_load_from_cache

    assert Path(try_to_load_from_cache("someone/words", "tokenizer.json")).read_bytes() == b"{}"
    assert try_to_load_from_cache("someone/words", "config.json") is _CACHED_NO_EXIST


def test_small_files_are_checked_by_gits_own_checksum(tmp_path):
    """`git hash-object` of the five bytes "hello"."""
    (tmp_path / "f").write_bytes(b"hello")
    assert fetching._digest_of(tmp_path / "f", "0" * 40, 5, lambda: None) == "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"


def test_the_frozen_list_of_tags_is_open_clips():
    import open_clip

    for name, where in hubcache.tags().items():
        model, _, tag = name.partition("/")
        assert open_clip.get_pretrained_cfg(model, tag)["hf_hub"] == where, name
