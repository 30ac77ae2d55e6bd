"""The command line: exact names, one JSON document on stdout, one clear line on stderr, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.__main__ import main
from tests.fakes import make_images
from tests.working import fake, no_worker, worker_here  # noqa: F401

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    make_images(folder, 13)
    return folder


@pytest.fixture
def loupe(capsys, fake, worker_here):  # noqa: F811
    """``loupe(*words)`` runs a command: (exit code, stdout, stderr)."""

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def indexed(loupe, pictures):
    code, out, _ = loupe("index", pictures, "--name", "c", "--encoder", "fake", "--json")
    assert code == 0
    return json.loads(out)


def document(out):
    """The one JSON document on stdout."""
    assert out.endswith("\n")
    assert out.count("\n") == 1
    return json.loads(out)


# ---------------------------------------------------------------- index


def test_index_says_what_became_of_every_file(indexed):
    assert {"collection", "encoder", "indexed", "added", "updated", "unchanged", "missing", "duplicates", "skipped",
            "seconds"} <= set(indexed)  # fmt: skip
    assert (indexed["collection"], indexed["encoder"], indexed["indexed"], indexed["added"]) == ("c", "fake", 13, 13)
    assert indexed["duplicates"] == indexed["skipped"] == []
    assert indexed["seconds"] > 0


def test_index_again_adds_nothing(loupe, indexed, pictures):
    (pictures / "copy.png").write_bytes((pictures / "0000-red-circle.png").read_bytes())
    (pictures / "bad.jpg").write_text("no picture")
    code, out, err = loupe("index", pictures, "--name", "c", "--encoder", "fake", "--json")
    said = document(out)
    assert code == 0  # a skipped file is no failure
    assert err == ""
    assert (said["added"], said["unchanged"]) == (0, 13)
    assert said["duplicates"] == [{"file": "copy.png", "same_as": "0000-red-circle.png"}]
    assert [skipped["file"] for skipped in said["skipped"]] == ["bad.jpg"]
    assert said["skipped"][0]["reason"]


def test_index_for_people(loupe, pictures):
    (pictures / "bad.jpg").write_text("no picture")
    code, out, err = loupe("index", pictures, "--name", "c", "--encoder", "fake")
    assert code == 0
    assert out.startswith("13 images in c: 13 added")
    assert "skipped bad.jpg: " in err


@pytest.mark.parametrize("words, said", [
    (("index", "/nowhere", "--name", "c"), "nothing at /nowhere"),
    (("index", "{pictures}", "--name", "a/b"), "slash"),
    (("index", "{pictures}", "--name", "c", "--encoder", "nonsense"), "no encoder 'nonsense'"),
    (("index", "{pictures}", "--name", "c", "--captions", "/nowhere.csv"), "table of captions"),
    (("index", "{pictures}"), "--name"),
    (("search", "nobody", "--text", "red"), "no collection 'nobody'; there are: c"),
    (("search", "c", "--query", "red ^"), "(at character 5 of: red ^)"),
    (("search", "c", "--text", "red", "--where", "colour ="), "(at character"),
    (("search", "c", "--item", "nobody"), "nobody"),
    (("search", "c", "--image", "/nowhere.png"), "no image file at /nowhere.png"),
    (("search", "c", "--image", "{pictures}/bad.jpg"), "not a picture"),
    (("search", "c", "--text", "red", "-k", "0"), "1 hit or more"),
    (("search", "c", "--text", "red", "-k", "many"), "invalid int value"),
    (("search", "c", "--text", "   "), "empty"),
    (("hubs", "nobody"), "no collection"),
    (("hubs", "c", "-k", "-3"), "1 or more"),
    (("search", "c", "--text"), "--text: expected one argument"),
    (("search", "c", "--image", "{pictures}/bad.jpg"), "bad.jpg cannot be used"),
    (("index", "", "--name", "c"), "empty path"),
    (("restore", "c", "--item", "nobody"), "None of nobody is in the trash"),
    (("dance",), "invalid choice"),
    ((), "required"),
])  # fmt: skip
def test_a_user_s_mistake_is_one_line_and_2(loupe, indexed, pictures, words, said):
    (pictures / "bad.jpg").write_text("no picture")
    words = [word.replace("{pictures}", str(pictures)) for word in words]
    for extra in ([], ["--json"]):
        code, out, err = loupe(*words, *extra)
        assert code == 2
        assert out == ""
        assert err.count("\n") == 1
        assert said in err
        assert "Traceback" not in err


def test_nothing_indexed_is_2_with_the_account(loupe, tmp_path):
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "a.png").write_text("no picture")
    code, out, err = loupe("index", folder, "--name", "c", "--encoder", "fake", "--json")
    assert code == 2
    assert document(out)["indexed"] == 0
    assert err.count("\n") == 1
    assert "1 of 1 files were skipped" in err


# ---------------------------------------------------------------- search


def test_search_as_json(loupe, indexed):
    code, out, err = loupe("search", "c", "--text", "red", "-k", 3, "--json")
    said = document(out)
    assert (code, err) == (0, "")
    assert {"query", "k", "total", "matched", "plan", "ms", "generation", "hits"} <= set(said)
    assert (said["query"], said["k"], said["total"], said["matched"], said["plan"]) == ("red", 3, 13, 13, "exact")
    assert [hit["rank"] for hit in said["hits"]] == [1, 2, 3]
    first = said["hits"][0]
    assert set(first) == {"rank", "item_id", "score", "cosine", "file", "caption", "terms"}
    assert {hit["file"] for hit in said["hits"][:2]} == {"0000-red-circle.png", "0012-red-square.png"}
    scores = [hit["score"] for hit in said["hits"]]
    assert scores == sorted(scores, reverse=True)
    for hit in said["hits"]:
        assert sum(hit["terms"]) == pytest.approx(hit["score"], abs=1e-5)


def test_every_kind_of_term(loupe, indexed, pictures):
    def files(*words):
        code, out, err = loupe("search", "c", *words, "--json")
        assert code == 0, err
        return [hit["file"] for hit in document(out)["hits"]], document(out)["query"]

    found, line = files("--image", pictures / "0002-blue-circle.png", "-k", 1)
    assert found == ["0002-blue-circle.png"]
    assert line.startswith("upload:")
    assert files("--query", line, "-k", 1)[0] == found  # the upload is kept, so its line works again

    item_id = json.loads(loupe("search", "c", "--text", "red", "-k", "1", "--json")[1])["hits"][0]["item_id"]
    found, line = files("--item", item_id, "-k", 1)
    assert found[0].split("-")[1] == "red"
    assert line == f"image:{item_id}"

    found, line = files("--text", "red", "--minus-text", "yellow", "-k", 2)
    assert {file.split("-")[1] for file in found} == {"red"}
    assert line == "red -\"yellow\""
    assert files("--query", "-red", "-k", 13)[0][-1].split("-")[1] == "red"
    assert len(files("--text", "red", "--where", "width < 10", "-k", 5)[0]) == 0
    assert len(files("--text", "red", "--where", "file ~ 'circle'", "-k", 50)[0]) == 12
    assert files("-k", 2)[0] == ["0000-red-circle.png", "0001-green-circle.png"]


def test_the_space_is_said(loupe, indexed, pictures):
    def of(*words):
        code, out, err = loupe("search", "c", *words, "-k", 2, "--json")
        assert code == 0, err
        return document(out)["space"], document(out)["set"]

    joint, named = of("--text", "red")
    item_id = json.loads(loupe("search", "c", "--text", "red", "-k", "1", "--json")[1])["hits"][0]["item_id"]
    assert joint == "joint"
    assert of("--item", item_id) == ("visual", f"{named}-visual")
    assert of("--image", pictures / "0002-blue-circle.png")[0] == "visual"
    assert of("--item", item_id, "--minus-text", "blue") == ("joint", named)
    assert of("--item", item_id, "--recipe", "joint-only") == ("joint", named)
    assert "exact, visual space, " in loupe("search", "c", "--item", item_id)[2]
    assert "joint and visual space" in loupe("encoders", "--collection", "c")[1]


def test_search_for_people(loupe, indexed):
    code, out, err = loupe("search", "c", "--text", "red", "-k", 2)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["1", "2"]
    assert "2 of 13 matching of 13, exact" in err


# ---------------------------------------------------------------- hubs, list, the rest


def test_hubs_as_json(loupe, indexed):
    code, out, _ = loupe("hubs", "c", "-k", 5, "--json")
    said = document(out)
    assert code == 0
    assert set(said) == {"k", "space", "query_side", "n_items", "n_queries", "report", "hubs"}
    assert (said["k"], said["space"], said["query_side"], said["n_items"], said["n_queries"]) == (5, "joint", "items", 13, 13)
    assert {"skewness", "robin_hood", "antihub_share"} <= set(said["report"])
    assert all(set(hub) == {"item_id", "n_k"} for hub in said["hubs"])
    code, out, _ = loupe("hubs", "c")
    assert code == 0 and f"every pair compared, {said['n_items']} of {said['n_items']} items in full" in out


def test_list(loupe, indexed):
    said = document(loupe("list", "--json")[1])
    assert [(c["name"], c["items"], c["encoder"]) for c in said["collections"]] == [("c", 13, "fake")]
    assert loupe("list")[1] == "c  13 images  fake\n"


def test_trash_and_back(loupe, indexed):
    item_id = document(loupe("search", "c", "-k", 1, "--json")[1])["hits"][0]["item_id"]
    loupe("delete", "c", "--item", item_id)
    assert document(loupe("search", "c", "-k", 50, "--json")[1])["matched"] == 12
    assert item_id in loupe("trash", "c")[1]
    assert document(loupe("restore", "c", "--item", item_id, "--json")[1]) == {"restored": 1}
    loupe("delete", "c")
    assert document(loupe("list", "--json")[1])["collections"] == []
    assert document(loupe("trash", "--json")[1])["trash"][0]["name"] == "c"
    assert loupe("restore", "c")[0] == 0
    assert document(loupe("search", "c", "-k", 50, "--json")[1])["matched"] == 13


def test_what_is_damaged_says_how_to_mend_it_and_can_go(loupe, indexed, home):
    graph = next((home / "c" / "artifacts").glob("graph-*"))
    graph.write_bytes(graph.read_bytes()[:-9])
    code, out, err = loupe("hubs", "c", "-k", 3, "--json")
    assert (code, err, document(out)["n_items"]) == (0, "", 13)  # made anew: everything in it comes from the vectors
    segment = next((home / "c" / "vectors").rglob("*.npy"))
    segment.write_bytes(segment.read_bytes()[:-9])
    code, out, _ = loupe("verify", "c", "--json")
    (problem,) = document(out)["problems"]
    assert (code, problem["kind"]) == (2, "segment")
    assert "python -m core verify NAME --repair" in problem["message"]
    assert loupe("verify", "c", "--repair")[0] == 0
    for file in (home / "c").glob("collection.db*"):
        file.unlink()
    (home / "c" / "collection.db").write_bytes(b"garbage")
    code, _, err = loupe("search", "c", "--text", "red")
    assert (code, err.count("\n")) == (2, 1)
    assert loupe("delete", "c")[0] == 0
    assert json.loads(loupe("list", "--json")[1])["collections"] == []


def test_export_verify_and_jobs(loupe, indexed, tmp_path):
    path = tmp_path / "all.parquet"
    assert document(loupe("export", "c", path, "--json")[1]) == {"path": str(path), "rows": 13}
    assert path.is_file()
    assert document(loupe("verify", "c", "--json")[1]) == {"done": [], "problems": []}
    assert [job["kind"] for job in document(loupe("jobs", "--all", "--json")[1])["jobs"]][-1] == "ingest"
    code, _, err = loupe("jobs", "--cancel", 999)
    assert (code, err.count("\n")) == (2, 1)


def test_ctrl_c_leaves_the_job_to_the_worker(loupe, pictures, monkeypatch):
    import core.jobs

    monkeypatch.setattr(core.jobs, "wait", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    code, out, err = loupe("index", pictures, "--name", "c", "--encoder", "fake")
    assert code == 130
    assert out == ""
    assert "Still running in the background; cancel with: python -m core jobs --cancel 1" in err


# ---------------------------------------------------------------- for real


def test_any_k_and_a_name_with_spaces_around_it(loupe, indexed):
    for words in ((), ("--text", "red")):
        code, out, err = loupe("search", " c ", *words, "-k", 10**20, "--json")
        assert (code, err, len(document(out)["hits"])) == (0, "", 13)


def test_an_unexpected_error_is_one_line_too(loupe, indexed, monkeypatch):
    import core.workbench

    for wrong, code in ((ZeroDivisionError("by\nzero"), 1), (OSError(28, "No space left on device"), 2)):

        def fails(*_, wrong=wrong, **__):
            raise wrong

        monkeypatch.setattr(core.workbench.Workbench, "search", fails)
        got, out, err = loupe("search", "c", "--text", "red", "--json")
        assert (got, out, err.count("\n")) == (code, "", 1)
        assert ("ZeroDivisionError: by zero" if code == 1 else "No space left on device; check that the disk has room") in err


def real(*words, home):
    return subprocess.run(
        [sys.executable, "-m", "core", *map(str, words)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        env=os.environ | {"LOUPE_HOME": str(home)},
        timeout=300,
    )


def test_the_whole_line_with_the_starter_and_a_worker_process(tmp_path, home):
    """Folder in, words, right picture out; the worker outlives the command and ends when its home is gone."""
    from core.jobs import Queue

    folder = tmp_path / "pictures"
    make_images(folder, 12, size=240)
    done = real("index", folder, "--name", "real", "--json", home=home)
    assert done.returncode == 0, done.stderr
    said = document(done.stdout)
    assert (said["indexed"], said["encoder"]) == (12, "starter")
    assert done.stderr == ""
    found = document(real("search", "real", "--text", "red", "-k", 12, "--json", home=home).stdout)
    assert len(found["hits"]) == 12
    hubs = document(real("hubs", "real", "-k", 3, "--json", home=home).stdout)
    assert hubs["n_items"] == 12
    pid = Queue(home).worker().pid
    os.kill(pid, 0)
    os.kill(pid, 15)


# ---------------------------------------------------------------- encoders


def test_encoders_lists_what_there_is(loupe, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    code, out, _ = loupe("encoders", "--json")
    found = {one["name"]: one for one in document(out)["encoders"]}
    assert code == 0
    assert found["starter"]["here"] is True
    assert found["openclip:ViT-B-32/laion2b_s34b_b79k"]["here"] is False
    code, out, _ = loupe("encoders")
    assert "605 MB to fetch" in out and "starter  here" in out


def test_fetching_without_a_network_is_one_clear_line(loupe, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    code, out, err = loupe("encoders", "--fetch", "openclip:ViT-B-32/laion2b_s34b_b79k")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1 and "no connection" in err
    assert not (tmp_path / "hub").exists()


def test_measuring_says_images_a_second(loupe, monkeypatch):
    monkeypatch.setattr("core.encode.probing.images_per_s", lambda *_: 12.0)
    code, out, _ = loupe("encoders", "--measure", "fake")
    assert (code, out) == (0, "fake: 12.0 images/s in float32\n")


def test_a_collection_is_switched_to_another_encoder_and_back(loupe, indexed, monkeypatch):
    import core.encode
    from tests.fakes import FakeEncoder

    other = FakeEncoder()
    other.name, other.fingerprint = "other", "07e4000000000002"
    monkeypatch.setitem(core.encode._loaded, "other", other)
    code, out, err = loupe("encoders", "--collection", "c", "--use", "other")
    assert (code, err) == (0, "")
    _, out, _ = loupe("encoders", "--collection", "c", "--json")
    first, second = document(out)["sets"]
    assert [(s["set"]["encoder"], s["set"]["active"], s["n_vectors"]) for s in (first, second)] == [
        ("fake", False, 13), ("other", True, 13),
    ]  # fmt: skip
    assert loupe("encoders", "--collection", "c", "--use", first["set"]["set_id"])[0] == 0
    _, out, _ = loupe("encoders", "--collection", "c")
    assert out.startswith("* fake-")
    code, out, err = loupe("encoders", "--use", "other")
    assert (code, out) == (2, "") and "--collection" in err
# ---------------------------------------------------------------- prove


def test_prove_refuses_under_its_number_with_both(loupe, indexed):
    code, out, err = loupe("prove", "c")
    assert (code, out) == (2, "")
    assert "No image has a caption, and this needs 150 or more" in err
    assert loupe("prove", "c", "--column", "nothing")[0] == 2
    assert loupe("prove", "c", "--labels", "nothing")[0] == 2
    assert loupe("prove", "c", "--truth", "captions", "--labels", "x")[0] == 2


def test_prove_says_what_helps_and_keeps_it(loupe):
    from tests.proof_world import proof_world

    proof_world(name="p")
    code, out, err = loupe("prove", "p", "--json")
    said = document(out)
    assert (code, err, said["recommended"], said["truth"], said["recipe"]) == (0, "", True, "captions", None)
    best = said["rows"][said["judged"]]
    assert best["figures"][0]["name"] == "R@1" and best["figures"][0]["change"]["low"] > 0
    code, out, _ = loupe("prove", "p", "--use")
    assert code == 0 and out.endswith("Kept as the recipe hub-corrected.\n")
    assert "none" in out.splitlines()[0] and said["sentence"] in out
    code, out, _ = loupe("search", "p", "--text", "number 7 asked", "--recipe", "hub-corrected", "--json")
    assert (code, document(out)["recipe"]) == (0, "hub-corrected")


def test_prove_lists_the_columns_and_takes_one(loupe):
    from tests.proof_world import proof_world

    wb = proof_world(bare=240, name="p")
    wb.collection.update_metadata([(item, (), {"place": f"p{at % 5}"}) for at, item in enumerate(wb.collection.ids())])
    for asked in ((), ("--truth", "labels")):
        code, out, err = loupe("prove", "p", *asked)
        assert (code, out) == (2, "") and "kind (240 images), place (240 images)" in err and len(err.splitlines()) == 1
    code, out, _ = loupe("prove", "p", "--column", "place", "--json")
    said = document(out)
    assert (code, said["truth"], said["column"]) == (0, "labels", "place") and isinstance(said["notes"], list)


# ---------------------------------------------------------------- align


def test_align_refuses_under_fifty_with_both_numbers(loupe, indexed):
    code, out, err = loupe("align", "c")
    assert (code, out) == (2, "")
    assert "No image has a caption, and adapting needs 50 or more" in err


@pytest.fixture
def worded(loupe, tmp_path):
    folder = tmp_path / "worded"
    make_images(folder, 72)
    names = sorted(path.name for path in folder.glob("*.png"))
    table = folder / "words.csv"
    table.write_text("file,caption,colour\n" + "\n".join(f"{n},{n[5:-4]} {n[:4]},{n.split('-')[1]}" for n in names))
    assert loupe("index", table, "--name", "w", "--encoder", "fake")[0] == 0
    return table


def test_align_says_before_and_after_then_accept_roll_back_discard(loupe, worded, monkeypatch):
    from core.encode.adapt import Fitted, Residual
    from core.jobs.pipelines import align

    head = Residual(*(0 * part for part in (np.ones((16, 16), np.float32), np.ones(16, np.float32))))
    monkeypatch.setattr(align, "fit", lambda *a, **k: Fitted(head, head, 5, 1.0, 0.5, 0.6))
    code, out, err = loupe("align", "w", "--json")
    said = document(out)
    assert (code, err, said["state"], said["verdict"], said["learned_from"]) == (0, "", "offered", "none", "captions")
    assert said["split"]["train"] + said["split"]["validation"] + said["split"]["test"] == 72
    assert said["sentence"] == "No measurable gain: +0.0, interval 0.0 to 0.0."
    assert said["advice"].startswith("Discard it")
    code, out, _ = loupe("align", "w", "--accept", "--json")
    assert (code, document(out)["state"]) == (0, "used")
    _, out, _ = loupe("list", "--json")
    assert json.loads(out)["collections"][0]["encoder"] == f"adapted:w:{said['digest']}"
    code, out, _ = loupe("index", worded, "--name", "w", "--json")
    assert (code, document(out)["unchanged"]) == (0, 72)
    assert len(document(loupe("search", "w", "--text", "red", "-k", "3", "--json")[1])["hits"]) == 3
    code, out, _ = loupe("align", "w", "--roll-back")
    assert (code, out) == (0, "w is searched with fake again.\n")
    assert loupe("align", "w", "--roll-back")[0] == 2
    assert loupe("align", "w", "--discard")[0] == 0


def test_align_trains_the_starter_only_from_the_research_images(loupe, tmp_path):
    code, _, err = loupe("align", "--starter-from", tmp_path, "--out", tmp_path / "out")
    assert code == 2 and "lacks the sets flickr8k, imagenet_names" in err
    for words in ((), ("c", "--starter-from", tmp_path)):
        code, _, err = loupe("align", *words)
        assert code == 2 and "--starter-from" in err and "NAME" in err


def test_align_by_labels_that_does_not_help_is_not_accepted(loupe, worded):
    code, out, _ = loupe("align", "w", "--labels", "colour", "--accept")
    assert code == 0
    assert "per cent" in out and "image->image same colour in 5-NN" in out
    said = document(loupe("list", "--json")[1])
    if "Better" not in out:
        assert said["collections"][0]["encoder"] == "fake"


def test_align_wants_one_thing_at_a_time(loupe, worded):
    code, _, err = loupe("align", "w", "--accept", "--roll-back")
    assert code == 2 and "not allowed with" in err
    code, _, err = loupe("align", "w", "--labels", "weight")
    assert code == 2 and "no column 'weight'" in err
