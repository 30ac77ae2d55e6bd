"""Adapting through the workbench and the queue: refuse, offer, accept, search, index again, roll back, damage, copies."""

from __future__ import annotations

import numpy as np
import pytest

import core.encode
from core.encode import load_encoder, vector_sets
from core.encode.adapted import AdaptedEncoder, digest_of, heads_of
from core.encode.heads import unit_rows
from core.errors import Cancelled, EncoderError, InputError
from core.jobs import Queue
from core.jobs.progress import Progress
from core.store import Collection, restore_collection
from core.types import NewItem
from core.workbench import Workbench
from core.workbench.copying import copy_items
from tests.fakes import FakeEncoder, make_images

pytestmark = pytest.mark.usefixtures("strange", "no_worker")

KINDS = ("north", "south", "east", "west")


class StrangeEncoder(FakeEncoder):
    """The colour encoder whose texts lie in other coordinates than its images: something to learn."""

    name = "strange"
    fingerprint = "57ra46e000000001"
    image_mean = np.full(16, 0.2, np.float32)

    def encode_texts(self, texts):
        rng = np.random.default_rng(0)
        mixing = np.linalg.qr(rng.standard_normal((16, 16)))[0].astype(np.float32)
        of = np.stack([_direction(int(text.split()[-1])) if text.split()[-1:] and text.split()[-1].isdigit() else np.ones(16)
                       for text in texts]) if len(texts) else np.zeros((0, 16))  # fmt: skip
        return unit_rows((of + 0.8 * of @ mixing - 1.0).astype(np.float32))


def _direction(n):
    return np.random.default_rng(1000 + n).standard_normal(16)


@pytest.fixture
def strange(monkeypatch):
    encoder = StrangeEncoder()
    monkeypatch.setattr(core.encode, "_loaded", {"strange": encoder})
    return encoder


def world(n=240, name="World", captions=True) -> Workbench:
    encoder = load_encoder("strange")
    collection = Collection.create(name)
    joint, visual = vector_sets(encoder)
    collection.add_set(joint)
    collection.add_set(visual)
    rng = np.random.default_rng(5)
    rows = unit_rows(np.stack([_direction(at) + 1.5 for at in range(n)]).astype(np.float32))
    ids = [f"x{at:03d}" for at in range(n)]
    items = [
        NewItem(item_id=i, sha256=i, file=f"{i}.png", path="", width=8, height=8, n_bytes=1, date="",
                captions=(f"number {at}",) if captions else (), meta={"side": KINDS[at % 4], "rare": f"r{at}" if at < 20 else None})
        for at, i in enumerate(ids)
    ]  # fmt: skip
    other = unit_rows(rng.standard_normal((n, 8)).astype(np.float32))
    collection.commit(items, {joint.set_id: (ids, rows), visual.set_id: (ids, other)})
    return Workbench(collection)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Steps that suit sixteen dimensions, and no maps."""
    from core.encode import adapt
    from core.jobs.pipelines import align, maps

    monkeypatch.setattr(
        align, "fit",
        lambda *a, **k: adapt.fit(*a, settings=adapt.FitSettings(learning_rate=3e-3, stay=1.0), **k),
    )  # fmt: skip
    monkeypatch.setattr(maps, "_map", lambda context, collection, view, graph, refit: _no_map(view))
    monkeypatch.setattr(maps, "_groups", lambda *a: None)


def _no_map(view):
    from core.atlas import projection

    return projection.pca(view)


@pytest.fixture
def accepted(do_jobs):
    wb = world()
    wb.adapt.start()
    do_jobs()
    wb.adapt.accept()
    do_jobs()
    return wb


# ---------------------------------------------------------------- can it


def test_under_fifty_is_refused_before_any_job():
    wb = world(n=49)
    checked = wb.adapt.check()
    assert not checked.can
    assert "49 images have a caption" in checked.why and "50 or more" in checked.why
    with pytest.raises(InputError, match="49 images have a caption, and adapting needs 50"):
        wb.adapt.start()
    assert not Queue().jobs()


def test_what_can_be_learned_from_is_listed():
    wb = world(n=80)
    checked = wb.adapt.check()
    assert checked.can
    assert [(s.column, s.n_items, s.n_kinds) for s in checked.sources] == [("", 80, 80), ("side", 80, 4)]
    assert wb.adapt.check("rare").why.startswith("20 images have a label, and adapting needs 50")
    assert "no column 'nothing'" in wb.adapt.check("nothing").why
    with pytest.raises(InputError, match="no column 'nothing'"):
        wb.adapt.start("nothing")


def test_images_without_vectors_do_not_count():
    wb = world(n=60)
    extra = [NewItem(item_id=f"y{n}", sha256=f"y{n}", file="f", path="", width=1, height=1, n_bytes=1, date="", captions=(f"number {n}",))
             for n in range(30)]  # fmt: skip
    wb.collection.commit(extra)
    wb.collection.trash_items([f"x{n:03d}" for n in range(15)])
    assert "45 images have a caption" in wb.adapt.check().why


def test_no_captions_but_labels():
    wb = world(n=80, captions=False)
    checked = wb.adapt.check()
    assert checked.can and checked.why.startswith("No image has a caption")
    assert [s.column for s in checked.sources] == ["side"]
    with pytest.raises(InputError, match="No image has a caption"):
        wb.adapt.start()
    assert wb.adapt.start("side").args["labels"] == "side"


def test_vectors_without_words_cannot_be_adapted(monkeypatch):
    collection = Collection.create("Bare")
    assert "no vectors yet" in Workbench(collection).adapt.check().why
    from dataclasses import replace

    collection.add_set(replace(vector_sets(load_encoder("strange"))[0], set_id="bare", encoder="none", has_text=False))
    assert "no encoder that reads words" in Workbench(collection).adapt.check().why


# ---------------------------------------------------------------- offer


def test_an_adaptation_is_offered_and_changes_nothing_yet(do_jobs):
    wb = world()
    before, generation = wb.collection.set(), wb.generation
    job = wb.adapt.start()
    assert wb.adapt.start().job_id == job.job_id  # once is enough
    assert wb.adapt.result() is None
    do_jobs()
    outcome = wb.adapt.result()
    assert (outcome.state, outcome.verdict) == ("offered", "gain")
    assert outcome.sentence.startswith("Better: on 72 images kept apart")
    assert outcome.overall.low > 0 and "better by" in outcome.overall.words
    assert outcome.account["split"] == {"seed": 0, "train": 132, "validation": 36, "test": 72}
    assert [c.name for c in outcome.changes][-1] == "image->image same side in 5-NN"
    assert (wb.collection.set(), wb.generation) == (before, generation)
    assert Queue().get(job.job_id).result["verdict"] == "gain"
    assert not wb.collection.verify()
    assert not wb.collection.sweep()


def test_the_split_is_kept_in_the_heads_file(do_jobs):
    from safetensors.numpy import load

    wb = world()
    wb.adapt.start()
    do_jobs()
    digest = wb.adapt.result().account["digest"]
    tensors = load(wb.collection.read_heads(digest))
    parts = {part: bytes(tensors[f"split.{part}"]).decode().split("\n") for part in ("train", "validation", "test")}
    assert {part: len(ids) for part, ids in parts.items()} == {"train": 132, "validation": 36, "test": 72}
    assert len(set(sum(parts.values(), []))) == 240


def test_words_without_sense_are_no_gain_and_said_so(do_jobs):
    wb = world()
    ids = wb.collection.ids()
    for at, item_id in zip(np.random.default_rng(1).permutation(240), ids):
        wb.collection.set_captions(item_id, [f"number {500 + at}"])
    wb.adapt.start()
    do_jobs()
    outcome = wb.adapt.result()
    assert outcome.verdict in ("none", "loss")
    assert outcome.sentence.startswith("No measurable gain" if outcome.verdict == "none" else "Worse")
    assert "iscard" in outcome.advice or outcome.state == "nothing"


def test_nothing_learned_leaves_nothing_to_accept(do_jobs, monkeypatch):
    from core.encode.adapt import Fitted, Residual
    from core.jobs.pipelines import align

    same = Residual.identity(16)
    monkeypatch.setattr(align, "fit", lambda *a, **k: Fitted(same, same, 0, 1.0, 0.5, 0.5))
    wb = world(n=80)
    wb.adapt.start()
    do_jobs()
    outcome = wb.adapt.result()
    assert (outcome.state, outcome.verdict, outcome.overall.words) == ("nothing", "none", "unchanged")
    assert outcome.sentence.startswith("No measurable gain")
    with pytest.raises(InputError, match="nothing to accept"):
        wb.adapt.accept()
    assert not wb.collection.adaptations()


def test_a_new_offer_replaces_the_old_one(do_jobs):
    wb = world()
    wb.adapt.start()
    do_jobs()
    first = wb.adapt.result().account["digest"]
    wb.adapt.start(seed=1)
    do_jobs()
    second = wb.adapt.result().account["digest"]
    assert first != second and list(wb.collection.adaptations()) == [second]
    assert not wb.collection.heads_path(first).exists()


def test_discarding_leaves_nothing(do_jobs):
    wb = world()
    with pytest.raises(InputError, match="not adapted yet"):
        wb.adapt.discard()
    wb.adapt.start()
    do_jobs()
    wb.adapt.discard()
    assert wb.adapt.result().state == "discarded"
    assert not wb.collection.adaptations() and not list(wb.collection.heads_folder.iterdir())
    with pytest.raises(InputError, match="was discarded"):
        wb.adapt.accept()


def test_it_can_be_cancelled_and_leaves_nothing(do_jobs, monkeypatch):
    wb = world()
    job = wb.adapt.start()
    told = Progress.at

    def stop(progress, done, total=None):
        told(progress, done, total)
        if progress._stage == "training" and done == 3:
            raise Cancelled("cancelled; what was done stays")

    monkeypatch.setattr(Progress, "at", stop)
    do_jobs()
    assert Queue().get(job.job_id).state == "cancelled"
    assert wb.adapt.result() is None and not wb.collection.adaptations()


# ---------------------------------------------------------------- accept, search, go back


def test_accepted_vectors_are_those_of_the_adapted_encoder(accepted, strange):
    wb = accepted
    active = wb.collection.set()
    assert active.encoder == f"adapted:world:{wb.adapt.result().account['digest']}"
    assert wb.adapt.result().state == "used" and wb.adapt.in_use
    encoder = load_encoder(active.encoder)
    assert isinstance(encoder, AdaptedEncoder)
    assert encoder.fingerprint == active.weights != strange.fingerprint
    base = wb.collection.view(vector_sets(strange)[0].set_id)
    view = wb.collection.view()
    ids = wb.collection.ids()
    expected = encoder.image_head(base.rows(base.positions(ids)))
    np.testing.assert_allclose(view.rows(view.positions(ids)), expected, atol=2e-3)
    visual = {s.encoder: s.set_id for s in wb.collection.sets() if s.space == "visual"}
    rows = [wb.collection.view(visual[name]).rows(np.arange(240)) for name in ("strange", active.encoder)]
    np.testing.assert_allclose(*rows, atol=1e-3)
    assert not wb.collection.verify() and not wb.collection.sweep()


def test_searching_by_words_uses_it_and_finds_more(accepted):
    wb = accepted
    asked = [f"number {at}" for at in range(0, 240, 6)]

    def found():
        return sum(f"x{int(text.split()[1]):03d}" in wb.search(text, k=1).item_ids for text in asked)

    after = found()
    wb.adapt.roll_back()
    assert after > found() + 5


def test_images_alone_go_on_being_compared_by_looks(accepted, strange):
    wb = accepted
    adapted = wb.search("image:x001", k=9)
    assert adapted.space == "visual" and adapted.set_id.startswith("adapted-")
    wb.adapt.roll_back()
    plain = wb.search("image:x001", k=9)
    assert plain.set_id == vector_sets(strange)[1].set_id
    assert (plain.item_ids, plain.warnings) == (adapted.item_ids, ())
    assert [s.visual is not None for s in wb.encoders.sets()] == [True, True]


def test_rolling_back_is_exact_and_can_be_undone(accepted, do_jobs, strange):
    wb = accepted
    n_k = dict(wb.collection.select("SELECT item_id, n_k FROM n_k"))
    assert wb.adapt.roll_back() == "strange"
    assert wb.collection.set().encoder == "strange" and not wb.adapt.in_use
    assert wb.adapt.result().state == "aside"
    with pytest.raises(InputError, match="nothing to go back from"):
        wb.adapt.roll_back()
    do_jobs()
    assert dict(wb.collection.select("SELECT item_id, n_k FROM n_k")) != n_k  # counted with these vectors
    wb.adapt.accept()
    do_jobs()
    assert wb.adapt.in_use
    assert dict(wb.collection.select("SELECT item_id, n_k FROM n_k")) == n_k
    wb.adapt.roll_back()
    wb.adapt.discard()
    assert wb.adapt.result().state == "discarded"
    assert not wb.collection.verify()


def test_in_use_it_cannot_be_discarded_and_a_new_one_starts_from_the_original(accepted, do_jobs, strange):
    wb = accepted
    with pytest.raises(InputError, match="in use; go back to the original first"):
        wb.adapt.discard()
    first = wb.collection.set().encoder
    wb.adapt.start(seed=3)
    do_jobs()
    assert wb.collection.set().encoder == first
    assert wb.adapt.result().account["encoder"] == "strange"
    wb.adapt.accept()
    do_jobs()
    assert wb.collection.set().encoder not in (first, "strange")
    assert wb.collection.adaptations()[digest_of(first)]["state"] == "retired"
    assert wb.adapt.roll_back() == "strange"


def test_items_that_were_in_the_trash_have_adapted_vectors_too(do_jobs):
    wb = world()
    wb.adapt.start()
    do_jobs()
    wb.collection.trash_items(["x000"])
    wb.adapt.accept()
    do_jobs()
    wb.collection.restore_items(["x000"])
    assert wb.collection.view().position("x000") is not None


# ---------------------------------------------------------------- new images, and indexing again


@pytest.fixture
def indexed(tmp_path, do_jobs, monkeypatch):
    """Pictures that were really indexed, then adapted; `more` makes others in the same folder."""
    monkeypatch.setattr(StrangeEncoder, "encode_texts", lambda self, texts: unit_rows(
        FakeEncoder.encode_texts(self, texts)[:, ::-1] + 0.3))  # fmt: skip
    folder = tmp_path / "pictures"
    make_images(folder, 96)
    lines = [f"{path.name},{path.stem.split('-')[1]} thing {path.stem[:4]}" for path in sorted(folder.glob("*.png"))]
    (folder / "captions.csv").write_text("file,caption\n" + "\n".join(lines))
    Workbench.submit_ingest("Pictures", folder, encoder="strange", captions=folder / "captions.csv", start=False)
    do_jobs()
    wb = Workbench.open("Pictures")
    wb.adapt.start()
    do_jobs()
    if wb.adapt.result().state != "offered":
        pytest.fail(wb.adapt.result().sentence)
    wb.adapt.accept()
    do_jobs()
    return wb, folder


@pytest.mark.parametrize("encoder", [None, "strange", "adapted"])
def test_new_images_go_through_the_adapted_encoder(indexed, do_jobs, encoder):
    wb, folder = indexed
    sets = {s.set_id for s in wb.collection.sets()}
    active = wb.collection.set()
    make_images(folder, 102)
    named = active.encoder if encoder == "adapted" else encoder
    job = Workbench.submit_ingest("Pictures", folder, encoder=named, start=False)
    assert job.args["encoder"] == (named or active.encoder)
    do_jobs()
    assert Queue().get(job.job_id).state == "done", Queue().get(job.job_id).message
    assert Queue().get(job.job_id).result["added"] == 6
    assert {s.set_id for s in wb.collection.sets()} == sets
    assert wb.collection.set() == active
    for vector_set in wb.collection.sets():
        assert not wb.collection.vectorless(vector_set.set_id)
    view, new = wb.collection.view(), wb.collection.ids()[-1]
    made = load_encoder(active.encoder).encode_images([wb.collection.original_path(new)])
    np.testing.assert_allclose(view.rows(view.positions([new])), made, atol=2e-3)


def test_indexing_again_adds_nothing(indexed, do_jobs):
    wb, folder = indexed
    sets, generation = wb.collection.sets(), wb.generation
    job = Workbench.submit_ingest("Pictures", folder, start=False)
    do_jobs()
    result = Queue().get(job.job_id).result
    assert (result["added"], result["updated"], result["unchanged"]) == (0, 0, 96)
    assert (wb.collection.sets(), wb.generation) == (sets, generation)


def test_new_images_are_there_for_both_after_rolling_back(indexed, do_jobs):
    wb, folder = indexed
    wb.adapt.roll_back()
    make_images(folder, 100)
    Workbench.submit_ingest("Pictures", folder, start=False)
    do_jobs()
    assert len(wb.collection) == 100
    assert wb.collection.set().encoder == "strange"
    wb.adapt.accept()
    do_jobs()
    assert len(wb.collection.view().live) == 100


def test_vectors_that_were_not_finished_are_made_up_for(indexed, do_jobs):
    wb, folder = indexed
    active = wb.collection.set().set_id
    with wb.collection._write() as connection:  # as if the worker had died between two pieces
        connection.execute("UPDATE vectors SET dead = 1 WHERE set_id = ? AND position > 80", (active,))
        wb.collection._raise_generation(connection)
    assert wb.collection.vectorless(active)
    job = Workbench.submit_ingest("Pictures", folder, start=False)
    do_jobs()
    assert Queue().get(job.job_id).result["unchanged"] == 96  # no picture was opened
    assert not wb.collection.vectorless(active)


# ---------------------------------------------------------------- damage


def test_damaged_heads_are_said_and_the_way_back_works(accepted):
    wb = accepted
    name = wb.collection.set().encoder
    path = wb.collection.heads_path(digest_of(name))
    data = path.read_bytes()
    for spoil, said in ((lambda: path.write_bytes(data[:-8] + b"12345678"), "checksum"), (path.unlink, "missing")):
        spoil()
        core.encode._loaded.pop(name, None)
        with pytest.raises(EncoderError, match=f"{said}.*go back to the original encoder.*adapt again"):
            load_encoder(name)
        with pytest.raises(EncoderError, match="go back to the original"):
            wb.search("number 9998")
        assert [p.kind for p in wb.collection.verify()] == ["heads"]
        assert wb.collection.repair() == []
        assert wb.search("image:x001", k=3).item_ids  # by example nothing has to be encoded
    wb.adapt.roll_back()
    assert wb.search("number 9998", k=3)


def test_indexing_with_damaged_heads_says_so(indexed, do_jobs):
    wb, folder = indexed
    name = wb.collection.set().encoder
    wb.collection.heads_path(digest_of(name)).unlink()
    core.encode._loaded.pop(name)
    make_images(folder, 98)
    job = Workbench.submit_ingest("Pictures", folder, encoder="strange", start=False)
    do_jobs()
    assert "heads" in Queue().get(job.job_id).message and Queue().get(job.job_id).state == "failed"
    wb.adapt.roll_back()
    job = Workbench.submit_ingest("Pictures", folder, start=False)
    do_jobs()
    assert Queue().get(job.job_id).result["added"] == 2


@pytest.mark.parametrize("name", ["adapted:", "adapted:a", "adapted:a:b:c"])
def test_a_name_that_is_none(name):
    with pytest.raises(EncoderError, match="is not adapted:"):
        load_encoder(name)


def test_heads_that_nobody_has():
    with pytest.raises(EncoderError, match="No collection here has the heads"):
        load_encoder("adapted:world:00000000")


def test_another_base_is_noticed(accepted, strange, monkeypatch):
    name = accepted.collection.set().encoder
    core.encode._loaded.pop(name)
    monkeypatch.setattr(strange, "fingerprint", "another000000000", raising=False)
    with pytest.raises(EncoderError, match="adapted from strange with weights 57ra46e000000001, and this installation has"):
        load_encoder(name)
    job = accepted.adapt.start()
    from core.jobs.worker import run_worker

    run_worker(idle_s=0.0)
    assert "index the images again, then adapt" in Queue().get(job.job_id).message


# ---------------------------------------------------------------- copies, trash, names, export


def test_a_copy_does_not_need_its_source(accepted, do_jobs):
    wb = accepted
    name = wb.collection.set().encoder
    made = copy_items(wb.collection, "Copy", wb.collection.ids()[:60], start=False)
    wb.collection.trash()
    core.encode._loaded.pop(name)
    copy = Workbench(made)
    assert made.set().encoder == name
    assert copy.search("number 3", k=5)
    assert copy.adapt.in_use and copy.adapt.result().state == "used"
    assert not made.verify()
    assert copy.adapt.roll_back() == "strange"


def test_a_copy_of_damaged_heads_still_copies(accepted):
    wb = accepted
    wb.collection.heads_path(digest_of(wb.collection.set().encoder)).unlink()
    made = copy_items(wb.collection, "Copy", wb.collection.ids()[:10], start=False)
    assert len(made.view().live) == 10
    assert [p.kind for p in made.verify()] == ["heads"]
    assert Workbench(made).adapt.roll_back() == "strange"


def test_another_collection_can_be_indexed_with_it(indexed, tmp_path, do_jobs):
    wb, folder = indexed
    name = wb.collection.set().encoder
    make_images(tmp_path / "others", 7)
    Workbench.submit_ingest("Others", tmp_path / "others", encoder=name, start=False)
    do_jobs()
    others = Collection.open("Others")
    assert others.set().encoder == name and len(others.view().live) == 7
    assert heads_of(name) == others.read_heads(digest_of(name))
    assert not others.vectorless(others.set().set_id) and not others.verify()
    wb.collection.trash()
    core.encode._loaded.pop(name)
    assert Workbench(others).search("red", k=3)
    assert Workbench(others).adapt.roll_back() == "strange"


def test_renamed_trashed_restored_under_another_key(accepted, do_jobs):
    wb = accepted
    name, digest = wb.collection.set().encoder, wb.adapt.result().account["digest"]
    wb.collection.rename("Globe")
    wb.collection.trash()
    Collection.create("World")  # takes a key of its own, since the trash keeps the old one
    (wb.collection.home / "world").mkdir(exist_ok=True)
    back = restore_collection("world")
    assert back.key != "world" and back.name == "Globe"
    core.encode._loaded.pop(name)
    again = Workbench(back)
    assert again.search("number 3", k=3) and again.adapt.result().state == "used"
    again.adapt.roll_back()
    again.adapt.accept()
    do_jobs()
    assert back.set().encoder == name and len([s for s in back.sets() if digest in s.encoder]) == 2  # no third set


def test_vectors_are_exported(accepted, tmp_path):
    assert accepted.items.export_parquet(tmp_path / "all.parquet") == 240


def test_the_size_counts_the_heads(accepted):
    wb = accepted
    (record,) = wb.collection.adaptations().values()
    assert record["n_bytes"] == wb.collection.heads_path(digest_of(wb.collection.set().encoder)).stat().st_size
    assert wb.info().encoder.startswith("adapted:world:")
