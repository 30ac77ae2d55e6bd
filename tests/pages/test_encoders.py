"""Encoders on Home: cards, downloads only on a press, choosing for new images, and the versions of a collection."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import core.encode
from core.encode import catalogue, measured
from core.encode.measured import Measured
from core.errors import EncoderError
from core.jobs import Queue
from core.jobs.worker import run_worker
from pages import _jobs, _shared
from tests import fakes
from tests.worlds import add_visual, colour_world

PROJECT = Path(__file__).resolve().parents[2]
B32 = "openclip:ViT-B-32/laion2b_s34b_b79k"
B32_KEY = "openclip-vit-b-32-laion2b-s34b-b79k"


@pytest.fixture(autouse=True)
def nobody_works(tmp_path, monkeypatch):
    """Jobs are queued, and nobody does them; the hub's cache is empty and the network is not there."""
    monkeypatch.setattr("core.jobs.ensure_worker", lambda home=None: False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(_shared, "demo_pictures", lambda n=8: ((b"",), 1867))


@pytest.fixture
def app() -> AppTest:
    _shared.collections_changed()
    return AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)


def run(app: AppTest) -> AppTest:
    _shared.collections_changed()
    app.run()
    assert not app.exception
    # In the frame, or the wrong thing is being tested.
    assert len(app.container(key="frame").caption) >= 1
    return app


def said(app: AppTest, key: str) -> str:
    card = app.container(key=key)
    return " | ".join(element.value for kind in ("markdown", "caption", "error") for element in getattr(card, kind))


def button_keys(app: AppTest) -> list[str]:
    return [button.key for button in app.button if button.key]


class Other(fakes.FakeEncoder):
    """A second encoder."""

    name = "other"
    fingerprint = "07e4000000000002"
    spaces = {"joint": 16}


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A collection with the colour encoder, and another encoder that is offered beside it."""
    wb = colour_world(tmp_path / "in", 12)
    monkeypatch.setitem(core.encode._loaded, "other", Other())
    offered = catalogue.offers
    extra = catalogue.Offer("other", "Other", 10, 16, "MIT", True, "A test.", "", here=True)
    for module in ("core.encode.catalogue", "core.workbench.encoders"):
        monkeypatch.setattr(f"{module}.offers", lambda home=None: (*offered(home), extra))
    return wb


def test_every_encoder_is_a_card_with_what_it_is_and_costs(app):
    measured.save("starter", Measured("f00d", 85.2, "onnxruntime"))
    run(app)
    starter, b32 = said(app, "encoder_home_starter"), said(app, f"encoder_home_{B32_KEY}")
    assert "On this computer" in starter and "About 85 images/s here" in starter and "Flickr8k" in starter
    assert "To be downloaded, 605.0 MB" in b32 and "Licence: MIT" in b32
    assert app.button(key=f"encoder_fetch_home_{B32_KEY}").label == "Download 605.0 MB"
    assert "encoder_fetch_home_starter" not in button_keys(app)
    assert not Queue().jobs()  # looking starts nothing


def test_a_download_begins_when_its_button_is_pressed_and_can_be_cancelled(app):
    run(app).button(key=f"encoder_fetch_home_{B32_KEY}").click()
    run(app)
    (job,) = Queue().jobs()
    assert (job.kind, job.collection, job.args["encoder"]) == ("fetch", "", B32)
    assert f"encoder_fetch_home_{B32_KEY}" not in button_keys(app)
    app.button(key=f"encoder_cancel_home_{B32_KEY}").click()
    run(app)
    assert Queue().get(job.job_id).state == "cancelled"
    assert f"encoder_fetch_home_{B32_KEY}" in button_keys(app)


def test_without_a_network_the_card_says_so_and_nothing_has_changed(app, tmp_path):
    run(app).button(key=f"encoder_fetch_home_{B32_KEY}").click()
    run(app)
    assert run_worker(idle_s=0.0)
    run(app)
    assert "There is no connection to" in said(app, f"encoder_home_{B32_KEY}")
    assert app.button(key=f"encoder_fetch_home_{B32_KEY}").label == "Download 605.0 MB"
    assert not (tmp_path / "hub").exists()
    assert not _jobs.failed()  # said on the card, and only there


def test_measuring_is_a_press_and_its_result_is_on_the_card(app, monkeypatch):
    monkeypatch.setattr("core.encode.probing.images_per_s", lambda *_: 7.25)
    monkeypatch.setitem(core.encode._loaded, "starter", fakes.FakeEncoder())
    run(app).button(key="encoder_measure_home_starter").click()
    run(app)
    assert [job.kind for job in Queue().jobs()] == ["probe"]
    assert run_worker(idle_s=0.0)
    run(app)
    assert "About 7.2 images/s here" in said(app, "encoder_home_starter")


def test_what_bfloat16_costs_is_behind_the_number():
    from pages._encoder_cards import _how_measured

    found = Measured("f00d", 69.0, "torch", "bfloat16", 19.0, 69.0, 80.0, 79.75)
    offer = catalogue.Offer("x", "X", 1, 1, "MIT", True, "", "", here=True, measured=found)
    assert "torch in bfloat16. In bfloat16 69/s, in float32 19/s" in _how_measured(offer)
    assert "by -0.2 points (80.0 % before)" in _how_measured(offer)


def test_licences_that_forbid_business_are_marked(app):
    run(app)
    card = app.container(key="encoder_home_openclip-mobileclip2-s2-dfndr2b")
    assert any("Not for commercial use" in element.value for element in card.markdown)


def test_new_images_get_the_encoder_that_was_chosen(app, tmp_path, world, monkeypatch):
    folder = tmp_path / "Sea"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "a.png")
    monkeypatch.setenv("LOUPE_ROOTS", str(tmp_path))
    run(app).text_input(key="home_path").set_value(str(folder))
    run(app)
    assert any(caption.value.startswith("Encoder: Starter") for caption in app.caption)
    app.button(key="encoder_change_folder").click()
    run(app)
    assert f"encoder_choose_choose_{B32_KEY}" not in button_keys(app)  # it would have to be fetched first
    app.button(key="encoder_choose_choose_other").click()
    run(app)
    assert "encoder_choose_choose_other" not in button_keys(app)  # the dialog is closed
    app.button(key="home_folder_go").click()
    app.run()
    assert Queue().jobs()[0].args["encoder"] == "other"


def test_a_weight_file_of_ones_own_is_added_under_the_roots_only(app, tmp_path, monkeypatch):
    path = tmp_path / "allowed" / "mine.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"12345")
    (tmp_path / "elsewhere.safetensors").write_bytes(b"1")
    monkeypatch.setenv("LOUPE_ROOTS", str(path.parent))
    run(app)
    app.session_state["encoder_dialog"] = ("choose", "")
    run(app).text_input(key="encoder_file_path").set_value(str(tmp_path / "elsewhere.safetensors"))
    run(app).button(key="encoder_file_add").click()
    run(app)
    assert any("allowed are folders under" in error.value for error in app.error)
    app.text_input(key="encoder_file_path").set_value(str(path))
    run(app).button(key="encoder_file_add").click()
    run(app)
    assert catalogue.offer(f"openclip:ViT-B-32/{path}") is not None


def test_a_collection_is_switched_beside_the_old_vectors_and_back(app, world):
    run(app)
    app.session_state["encoder_dialog"] = ("collection", world.key)
    run(app)
    (first,) = (state.set.set_id for state in world.encoders.sets())
    assert "encoder_choose_add_fake" not in button_keys(app)
    assert app.button(key="encoder_choose_add_other").label == "Encode 12 images"
    app.button(key="encoder_choose_add_other").click()
    run(app)
    (job,) = Queue().jobs()
    assert (job.kind, job.args) == ("encode", {"encoder": "other", "activate": True})
    assert any("Searches go on with the vectors in use" in caption.value for caption in app.caption)
    assert world.info().encoder == "fake"
    assert run_worker(idle_s=0.0)
    run(app)
    assert world.info().encoder == "other"
    app.button(key=f"encoder_switch_{first}").click()
    run(app)
    assert world.info().encoder == "fake"
    second = next(state.set.set_id for state in world.encoders.sets() if state.set.set_id != first)
    app.button(key=f"encoder_remove_{second}").click()
    run(app)
    assert len(world.encoders.sets()) == 1
    assert "encoder_choose_add_other" in button_keys(app)
    app.button(key="encoder_undo_button").click()
    run(app)
    assert len(world.encoders.sets()) == 2


def test_an_encoder_with_a_visual_space_is_one_entry_that_says_both(app, world):
    def entry() -> str:
        (state,) = world.encoders.sets()
        return said(app, f"encoder_set_{state.set.set_id}")

    run(app)
    app.session_state["encoder_dialog"] = ("collection", world.key)
    run(app)
    assert "by looks" not in entry()
    add_visual(world, leave_out=4)
    run(app)
    assert "by meaning; by looks when 4 images more are encoded" in entry()
    fill = f"encoder_fill_{world.encoders.sets()[0].set.set_id}"
    assert app.button(key=fill).label == "Encode 4 images"
    app.button(key=fill).click()
    run(app)
    assert run_worker(idle_s=0.0)
    run(app)
    assert "by meaning and by looks" in entry() and fill not in button_keys(app)
    assert len([key for key in button_keys(app) if key.startswith("encoder_remove")]) == 0  # in use


def test_vectors_that_lack_images_are_completed_not_switched_to(app, world):
    job = world.encoders.add("other")
    assert run_worker(idle_s=0.0)
    world.encoders.switch(next(s.set.set_id for s in world.encoders.sets() if s.set.encoder == "fake"))
    with world.collection._write() as connection:
        connection.execute("UPDATE vectors SET dead = 1 WHERE set_id LIKE 'other%' AND position < 3")
    run(app)
    app.session_state["encoder_dialog"] = ("collection", world.key)
    run(app)
    other = next(s.set.set_id for s in world.encoders.sets() if s.set.encoder == "other")
    assert f"encoder_switch_{other}" not in button_keys(app)
    assert app.button(key=f"encoder_fill_{other}").label == "Encode 3 images and switch"
    app.button(key=f"encoder_fill_{other}").click()
    run(app)
    assert [j.kind for j in Queue().jobs(live=True)].count("encode") == 1
    assert job.kind == "encode"


@pytest.mark.parametrize(
    ("kind", "stage", "done", "total", "rate", "said"),
    [
        ("fetch", f"downloading {B32}", 121_000_000, 605_000_000, 5.2e6, "Downloading ViT-B-32: 121.0 MB of 605.0 MB, 5.2 MB/s"),
        ("probe", "measuring the speed", 0, 0, 0.0, "Measuring the speed"),
        ("ingest", "comparing precisions, float32", 8, 200, 4.0, "Comparing precisions, float32 8 of 200, 4.0/s"),
        ("encode", "encoding", 8, 200, 4.0, "Encoding 8 of 200, 4.0/s"),
    ],
)
def test_work_on_encoders_in_one_line(kind, stage, done, total, rate, said):
    from core.types import Job

    job = Job(1, kind, "", "running", stage=stage, done=done, total=total, rate=rate, args={"encoder": B32})
    assert _jobs.sentence(job) == said


def test_vectors_of_an_earlier_starter_can_be_made_again(app, world, monkeypatch):
    """An installation with other starter weights: the old vectors stay, and a press makes those of today beside them."""

    class Today(Other):
        name, fingerprint = "starter", "b" * 16

    class Earlier(Other):
        name, fingerprint = "starter", "a" * 16

    monkeypatch.setitem(core.encode._loaded, "starter", Earlier())
    world.encoders.add("starter")
    assert run_worker(idle_s=0.0)
    assert [state.outdated for state in world.encoders.sets()] == [False, False]
    monkeypatch.setitem(core.encode._loaded, "starter", Today())
    old = next(state for state in world.encoders.sets() if state.set.encoder == "starter")
    assert old.outdated and old.set.active
    with pytest.raises(EncoderError, match="encode the images again: on Home"):
        world.search("a red car")
    run(app)
    app.session_state["encoder_dialog"] = ("collection", world.key)
    run(app)
    button = app.button(key=f"encoder_renew_{old.set.set_id}")
    assert button.label == "Encode 12 images again"
    button.click()
    run(app)
    assert run_worker(idle_s=0.0)
    new = next(state for state in world.encoders.sets() if state.set.active)
    assert new.set.set_id != old.set.set_id and not new.outdated and not new.n_lacking
    assert len(world.search("a red car")) == 12
    run(app)
    assert f"encoder_renew_{new.set.set_id}" not in button_keys(app)
