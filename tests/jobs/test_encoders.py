"""Jobs on encoders: fetching, measuring, another encoder for a collection that is there, and the precision it takes."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

import core.encode
from core.encode import hubcache, measured, probing
from core.errors import EncoderError, InputError, NotFound
from core.jobs import Queue
from core.jobs.pipelines import encoders as pipeline
from core.store import Collection
from core.workbench import Workbench
from core.workbench.encoders import submit_fetch, submit_probe
from tests import fakes
from tests.encode import hub as hubs

NAME = "openclip:ViT-B-32/laion2b_s34b_b79k"
WEIGHTS = np.random.default_rng(1).bytes(800_000)


class Other(fakes.FakeEncoder):
    """A second encoder: the colours turned round, so that its vectors are its own."""

    name = "other"
    fingerprint = "07e4000000000002"
    spaces = {"joint": 16}
    slow_s = 0.0

    def encode_prepared(self, batch):
        time.sleep(self.slow_s)
        return {"joint": super().encode_prepared(batch)["joint"][:, ::-1].copy()}

    def encode_texts(self, texts):
        return super().encode_texts(texts)[:, ::-1].copy()


@pytest.fixture
def other(monkeypatch):
    encoder = Other()
    monkeypatch.setitem(core.encode._loaded, "other", encoder)
    return encoder


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with hubs.serving() as serving:
        hubs.point_at(serving, tmp_path / "cache", monkeypatch)
        repository, files = hubcache.weight_files(hubcache.tags()[NAME.removeprefix("openclip:")])
        serving.files = {f"{repository}/{files[0]}": WEIGHTS}
        yield serving


# ---------------------------------------------------------------- fetching


def test_a_download_is_a_job_that_counts_bytes(hub, no_worker, do_jobs):
    job = submit_fetch(NAME)
    assert submit_fetch(NAME).job_id == job.job_id
    do_jobs()
    done = Queue().get(job.job_id)
    assert (done.state, done.done, done.total) == ("done", len(WEIGHTS), len(WEIGHTS))
    assert Path(done.result["path"]).read_bytes() == WEIGHTS
    with pytest.raises(EncoderError, match="on this computer already"):
        submit_fetch(NAME)


def test_no_network_fails_in_words_and_changes_nothing(tmp_path, monkeypatch, no_worker, do_jobs):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    job = submit_fetch(NAME)
    do_jobs()
    done = Queue().get(job.job_id)
    assert done.state == "failed"
    assert "no connection" in done.message and "Nothing was changed" in done.message
    assert not (tmp_path / "cache").exists()


def test_a_download_can_be_cancelled_and_goes_on_later(hub, tmp_path, no_worker, do_jobs):
    hub.slow_s = 0.4
    job = submit_fetch(NAME)
    threading.Timer(1.5, lambda: Queue().cancel(job.job_id)).start()
    do_jobs()
    assert Queue().get(job.job_id).state == "cancelled"
    (left,) = (tmp_path / "cache").rglob("*.incomplete")
    here = left.stat().st_size
    assert 0 < here < len(WEIGHTS)
    hub.slow_s = 0.0
    hub.asked.clear()
    job = submit_fetch(NAME)
    do_jobs()
    assert Queue().get(job.job_id).state == "done"
    assert hub.fetched()[0][1] == f"bytes={here}-"


def test_a_download_steps_aside_for_images(hub, tmp_path, fake, no_worker, do_jobs, monkeypatch):
    monkeypatch.setattr(pipeline, "STEP_ASIDE_S", 0.2)
    hub.slow_s = 0.25
    fakes.make_images(tmp_path / "in", 3)
    fetch = submit_fetch(NAME)

    threading.Timer(
        0.5, lambda: Workbench.submit_ingest("Colours", tmp_path / "in", encoder="fake", start=False)
    ).start()
    do_jobs()
    jobs = {job.kind: job for job in Queue().jobs()}
    assert jobs["ingest"].state == jobs["fetch"].state == "done"
    assert jobs["ingest"].heartbeat < jobs["fetch"].heartbeat  # the last sign of life is the end
    assert jobs["fetch"].job_id == fetch.job_id


def test_naming_an_encoder_on_the_command_line_fetches_it_and_a_page_does_not(hub, tmp_path, no_worker, do_jobs):
    fakes.make_images(tmp_path / "in", 3)
    Workbench.submit_ingest("Page", tmp_path / "in", encoder=NAME)
    do_jobs()
    assert "are not on this computer" in Queue().jobs()[0].message
    assert not hub.fetched()
    with pytest.raises(NotFound):
        Collection.open("Page")  # it was made for this, and there is nothing in it
    Workbench.submit_ingest("Line", tmp_path / "in", encoder=NAME, fetch=True)
    do_jobs()
    assert hub.fetched()
    # What this hub gives is no model; that it is said, and nothing is left half done, is what counts here.
    assert "cannot be loaded as ViT-B-32" in Queue().jobs()[0].message


# ---------------------------------------------------------------- measuring


def test_measuring_is_a_job_whose_result_is_kept(fake, no_worker, do_jobs, monkeypatch):
    monkeypatch.setattr(probing, "images_per_s", lambda encoder, *_: 42.0)
    job = submit_probe("fake")
    do_jobs()
    assert Queue().get(job.job_id).result["images_per_s"] == 42.0
    assert measured.load()["fake"].images_per_s == 42.0


def test_the_pictures_of_the_comparison_are_two_hundred_with_names(tmp_path):
    found = pipeline.named_pictures(tmp_path)
    assert len(found.images) == len(found.texts) == probing.GATE_IMAGES
    assert len(set(found.texts)) > 190


# ---------------------------------------------------------------- another encoder for a collection


@pytest.fixture
def colours(tmp_path, fake, no_worker, do_jobs):
    fakes.make_images(tmp_path / "in", 30)
    Workbench.submit_ingest("Colours", tmp_path / "in", encoder="fake")
    do_jobs()
    return Workbench.open("Colours")


def test_another_encoder_is_a_version_beside_the_old_one_and_one_can_go_back(colours, other, do_jobs):
    (first,) = colours.encoders.sets()
    before = colours.search("red", k=5).item_ids
    n_k = {item.item_id: item.n_k for item in colours.collection.items(colours.collection.ids())}
    job = colours.encoders.add("other")
    assert colours.encoders.add("other").job_id == job.job_id
    do_jobs()
    old, new = colours.encoders.sets()
    assert (old.set.active, new.set.active) == (False, True)
    assert (new.n_vectors, new.n_lacking, old.n_vectors) == (30, 0, 30)
    assert new.set.engine == "numpy" and new.set.precision == "float32"
    assert Queue().get(job.job_id).result["encoded"] == 30
    assert colours.info().encoder == "other"
    assert "red" in colours.search("red", k=1)[0].file
    colours.encoders.switch(first.set.set_id)
    assert colours.search("red", k=5).item_ids == before
    do_jobs()
    assert {item.item_id: item.n_k for item in colours.collection.items(colours.collection.ids())} == n_k


def test_searches_go_on_with_the_old_vectors_meanwhile(colours, other, do_jobs):
    other.slow_s = 0.4
    seen = []

    def look():
        while Queue().jobs(colours.key, live=True) and not seen[-3:] == ["other"] * 3:
            seen.append(colours.info().encoder)
            assert len(colours.search("red", k=3)) == 3
            time.sleep(0.05)

    colours.encoders.add("other")
    looking = threading.Thread(target=look)
    looking.start()
    do_jobs()
    looking.join()
    assert seen[0] == "fake"
    assert colours.info().encoder == "other"


def test_a_cancelled_switch_changes_nothing_and_goes_on_where_it_was(colours, other, do_jobs):
    other.slow_s = 3.0
    job = colours.encoders.add("other")
    threading.Timer(1.2, lambda: Queue().cancel(job.job_id)).start()
    do_jobs()
    assert Queue().get(job.job_id).state == "cancelled"
    assert colours.info().encoder == "fake"
    state = colours.encoders.sets()[1]
    assert 0 < state.n_vectors < 30 == state.n_vectors + state.n_lacking
    other.slow_s = 0.0
    again = colours.encoders.use("other")
    do_jobs()
    assert Queue().get(again.job_id).result["encoded"] == 30 - state.n_vectors
    assert colours.info().encoder == "other"


def test_lost_and_changed_files_are_encoded_from_their_thumbnails(colours, other, tmp_path, do_jobs):
    paths = sorted((tmp_path / "in").iterdir())
    paths[0].unlink()
    fakes.make_picture(7)[1].save(paths[1])
    job = colours.encoders.add("other")
    do_jobs()
    result = Queue().get(job.job_id).result
    assert (result["encoded"], result["from_thumbnails"], result["left"]) == (30, 2, 0)
    changed = next(i for i in colours.collection.items(colours.collection.ids()) if i.file == paths[1].name)
    # What it was, not what lies under its name now.
    colour = paths[1].name.split("-")[1]
    hits = colours.search(colour, k=3)
    assert changed.item_id in hits.item_ids


def test_new_images_get_the_vectors_that_are_in_use_too(colours, other, tmp_path, do_jobs):
    colours.encoders.add("other")
    do_jobs()
    fakes.make_images(tmp_path / "in", 34)
    Workbench.submit_ingest("Colours", tmp_path / "in", encoder="fake")  # somebody names the old one
    do_jobs()
    assert [(s.set.encoder, s.n_lacking) for s in colours.encoders.sets()] == [("fake", 0), ("other", 0)]
    assert colours.info().encoder == "other"
    fakes.make_images(tmp_path / "in", 36)
    Workbench.submit_ingest("Colours", tmp_path / "in")  # nobody names one
    do_jobs()
    assert [(s.set.encoder, s.n_lacking) for s in colours.encoders.sets()] == [("fake", 2), ("other", 0)]


def test_indexing_one_folder_of_two_with_another_encoder_completes_it_before_it_is_used(colours, other, tmp_path, do_jobs):
    fakes.make_images(tmp_path / "more", 40)
    for path in sorted((tmp_path / "more").iterdir())[:30]:
        path.unlink()
    Workbench.submit_ingest("Colours", tmp_path / "more", encoder="other")
    do_jobs()
    assert [(s.set.encoder, s.n_lacking) for s in colours.encoders.sets()] == [("fake", 10), ("other", 0)]
    assert colours.info().encoder == "other"
    kinds = [job.kind for job in reversed(Queue().jobs(colours.key))]
    assert "encode" in kinds


def test_an_indexing_with_another_encoder_that_was_cancelled_is_used_when_it_is_done_later(colours, other, tmp_path, do_jobs):
    other.slow_s = 3.0
    job = Workbench.submit_ingest("Colours", tmp_path / "in", encoder="other")
    threading.Timer(1.2, lambda: Queue().cancel(job.job_id)).start()
    do_jobs()
    assert colours.info().encoder == "fake"
    other.slow_s = 0.0
    Workbench.submit_ingest("Colours", tmp_path / "in", encoder="other")
    do_jobs()
    assert colours.info().encoder == "other"


def test_vectors_lost_in_the_visual_space_are_made_again_and_nothing_else(colours, do_jobs):
    joint, visual = (s.set_id for s in colours.collection.sets())
    asked = f"image:{colours.collection.ids()[0]}"
    whole = colours.search(asked, k=9)
    for segment in (colours.collection.vectors_folder / visual).glob("*.npy"):
        segment.write_bytes(b"damaged")
    assert colours.collection.repair()
    (state,) = colours.encoders.sets()
    assert (state.n_lacking, state.n_visual_lacking) == (0, 30)
    short = colours.search(asked, k=9)
    assert (short.space, len(short)) == ("joint", 9) and "30 images have no vector in the visual space" in short.warnings[0]
    before = colours.collection.view(joint)
    assert colours.encoders.use("fake") is not None  # in use, but not complete
    do_jobs()
    assert colours.encoders.sets()[0].n_visual_lacking == 0
    after = colours.collection.view(joint)
    assert (after.changed, after.epoch, len(after)) == (before.changed, before.epoch, len(before))
    again = colours.search(asked, k=9)
    assert (again.space, again.item_ids, again.warnings) == ("visual", whole.item_ids, ())


def test_vector_sets_are_removed_brought_back_and_purged(colours, other, do_jobs):
    with pytest.raises(InputError, match="switch to others before removing"):
        colours.encoders.remove(colours.encoders.sets()[0].set.set_id)
    colours.encoders.add("other")
    do_jobs()
    first, second = (state.set.set_id for state in colours.encoders.sets())
    gone = colours.encoders.remove(first)
    assert first in gone and len(gone) == 2  # its visual space goes along
    assert [state.set.set_id for state in colours.encoders.sets()] == [second]
    with pytest.raises(NotFound, match="There is no vector set"):
        colours.collection.view(first)
    assert colours.collection.sweep() == []  # the files stay
    assert colours.collection.verify() == []
    colours.encoders.restore(gone)
    assert colours.encoders.sets()[0].n_vectors == 30
    colours.encoders.remove(first)
    assert colours.collection.purge_sets() == []
    folder = colours.collection.vectors_folder / first
    assert list(folder.glob("*.npy"))
    assert set(colours.collection.purge_sets(older_than_days=0)) == set(gone)
    assert not list(folder.glob("*.npy"))
    assert colours.collection.verify() == []
    with pytest.raises(NotFound):
        colours.encoders.restore(gone)


def test_a_removed_set_that_is_wanted_again_is_back_without_encoding(colours, other, do_jobs):
    colours.encoders.add("other")
    do_jobs()
    colours.encoders.remove(colours.encoders.sets()[0].set.set_id)
    job = colours.encoders.use("fake")
    do_jobs()
    assert Queue().get(job.job_id).result["encoded"] == 0
    assert colours.info().encoder == "fake"


def test_an_encoder_that_is_not_here_has_to_be_fetched_first(colours, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(EncoderError, match="has to be downloaded first"):
        colours.encoders.add(NAME)
    assert len(colours.encoders.sets()) == 1


# ---------------------------------------------------------------- precision


class Choice(fakes.FakeEncoder):
    """The colour encoder with a choice of precision."""

    precisions = ("float32", "bfloat16")

    def at_precision(self, precision):
        other = Choice()
        other.precision = precision
        return other


@pytest.fixture
def choice(monkeypatch):
    encoder = Choice()
    monkeypatch.setattr(core.encode, "_loaded", {"fake": encoder})
    monkeypatch.setattr(pipeline, "has_bf16", lambda: True)
    monkeypatch.setattr(probing, "has_bf16", lambda: True)
    monkeypatch.setattr(probing, "images_per_s", lambda made, *_: 30.0 if made.precision == "bfloat16" else 10.0)
    monkeypatch.setattr(probing, "GATE_IMAGES", 24)
    return encoder


def precisions(name):
    return [(s.engine, s.precision) for s in Collection.open(name).sets() if s.space == "joint"]


def test_a_collection_takes_the_precision_that_was_measured_here(choice, tmp_path, no_worker, do_jobs):
    fakes.make_images(tmp_path / "in", 4)
    Workbench.submit_ingest("Colours", tmp_path / "in", encoder="fake")
    do_jobs()
    assert precisions("Colours") == [("numpy", "bfloat16")]
    assert measured.load()["fake"].points_lost == 0.0
    assert Collection.open("Colours").view().set.precision == "bfloat16"
    assert "red" in Workbench.open("Colours").search("red", k=1)[0].file  # by an encoder in float32


def test_vectors_that_are_there_decide_the_precision_of_those_to_come(choice, tmp_path, no_worker, do_jobs, monkeypatch):
    monkeypatch.setattr(pipeline, "has_bf16", lambda: False)
    fakes.make_images(tmp_path / "in", 4)
    Workbench.submit_ingest("Colours", tmp_path / "in", encoder="fake")
    do_jobs()
    assert precisions("Colours") == [("numpy", "float32")]
    monkeypatch.setattr(pipeline, "has_bf16", lambda: True)
    measured.save("fake", measured.Measured(choice.fingerprint, 30.0, "numpy", "bfloat16"))
    fakes.make_images(tmp_path / "in", 6)
    Workbench.submit_ingest("Colours", tmp_path / "in", encoder="fake")
    do_jobs()
    assert precisions("Colours") == [("numpy", "float32")]
    assert not Collection.open("Colours").vectorless(Collection.open("Colours").set().set_id)
