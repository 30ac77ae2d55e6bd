"""What is offered: those that are here first, with what they are and what they cost."""

from __future__ import annotations

import pytest

from core.encode import catalogue, hubcache, measured
from core.encode.measured import Measured

B32 = "openclip:ViT-B-32/laion2b_s34b_b79k"


@pytest.fixture(autouse=True)
def no_cache(tmp_path, monkeypatch):
    """A hub cache with nothing in it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def put(cache, name, data=b"weights"):
    """Leave a model in the cache as the hub's client does."""
    repository, files = hubcache.weight_files(hubcache.tags()[name.removeprefix("openclip:")])
    folder = cache / hubcache.folder_name(repository)
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "snapshots" / "abc" / files[0]).write_bytes(data)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")


def test_with_an_empty_cache_the_starter_is_the_only_one_here():
    found = catalogue.offers()
    assert [offer.name for offer in found if offer.here] == ["starter"]
    assert [offer.name for offer in found] == ["starter", *(offer.name for offer in catalogue.OFFERS)]


def test_models_in_the_cache_come_first_whoever_left_them_there(no_cache):
    put(no_cache, "openclip:RN50/openai")
    put(no_cache, B32)
    names = [offer.name for offer in catalogue.offers()]
    assert names[:3] == ["openclip:RN50/openai", B32, "starter"]
    assert len(names) == len(set(names))
    mine = catalogue.offer(B32)
    assert (mine.here, mine.n_bytes, mine.licence) == (True, 7, "MIT")
    other = catalogue.offer("openclip:RN50/openai")
    assert (other.commercial, other.title) == (None, "RN50, openai")


def test_licences_that_forbid_business_say_so():
    by_name = {offer.name: offer for offer in catalogue.OFFERS}
    assert by_name["openclip:MobileCLIP2-S2/dfndr2b"].commercial is False
    assert "not for commercial use" in by_name["openclip:MobileCLIP2-S2/dfndr2b"].licence
    assert all(offer.source for offer in catalogue.OFFERS)


def test_offered_names_sizes_and_widths_are_open_clips():
    import open_clip

    for offer in catalogue.OFFERS:
        model, _, tag = offer.name.removeprefix("openclip:").partition("/")
        assert tag in open_clip.list_pretrained_tags_by_model(model)
        assert open_clip.get_model_config(model)["embed_dim"] == offer.dim


def test_what_was_measured_is_on_the_card():
    measured.save("starter", Measured("f00d", 85.0))
    assert catalogue.offer("starter").measured.images_per_s == 85.0
    assert catalogue.offer(B32).measured is None


def test_the_starters_quality_is_its_model_cards():
    assert "Flickr8k" in catalogue.starter().quality


def test_a_weight_file_of_ones_own_is_offered_as_long_as_it_is_there(tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"12345")
    name = f"openclip:ViT-B-32/{path}"
    catalogue.remember_file(name)
    catalogue.remember_file(name)
    found = [offer for offer in catalogue.offers() if offer.name == name]
    assert [(offer.here, offer.n_bytes, offer.title) for offer in found] == [(True, 5, "ViT-B-32, mine.safetensors")]
    path.unlink()
    assert catalogue.offer(name) is None


def test_listing_imports_neither_torch_nor_open_clip(tmp_path):
    import os
    import subprocess
    import sys

    code = "import sys; from core.encode.catalogue import offers; offers(); print({'torch', 'open_clip'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "HF_HOME": str(tmp_path)})  # fmt: skip
    assert done.stdout.strip() == "set()"
