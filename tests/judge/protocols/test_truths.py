"""Files of ground truth: read, matched to a collection both ways, asked, and refused with the number of the entry."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.__main__ import main
from core.errors import InputError
from core.judge.named import resolver
from core.judge.protocols import KINDS, Asked, Truth, match, read_truth
from core.judge.protocols.asking import ask
from core.judge.protocols.galleries import with_gallery
from core.types import Hit, Query, SearchResult, Term
from tests import worlds

KARPATHY = {"dataset": "x", "images": [
    {"filename": "a.jpg", "split": "test", "sentences": [{"raw": "a red a", "sentid": 3}, {"raw": "second", "sentid": 4}]},
    {"filename": "b.jpg", "filepath": "val2014", "split": "test", "sentences": [{"raw": "b"}]},
    {"filename": "c.jpg", "split": "train", "sentences": [{"raw": "c", "sentid": 9}]},
]}  # fmt: skip
CIRR = [{"pairid": 7, "reference": "dev-1-img0", "target_hard": "dev-2-img1", "caption": "is red",
         "img_set": {"members": ["dev-1-img0", "dev-2-img1", "dev-3-img0"]}}]  # fmt: skip
IQ = [{"target": "B2", "candidate": "B1", "captions": ["is solid black.", " and longer? "]}]
SENTENCE = [{"raw": "a", "sentid": 1}]
GENECIS = [{"reference": {"val_image_id": 139}, "target": {"val_image_id": 285}, "gallery": [{"val_image_id": 632}], "condition": "dog"}]


def read(said, kind, name="x.json", split=""):
    return read_truth(said if isinstance(said, str) else json.dumps(said), kind, name, split)


def test_karpathy():
    truth = read(KARPATHY, "karpathy")
    assert (truth.split, truth.gallery) == ("test", ("a.jpg", "val2014/b.jpg"))
    assert truth.queries == (Asked("s3", "a red a", ("a.jpg",)), Asked("s4", "second", ("a.jpg",)), Asked("i2.0", "b", ("val2014/b.jpg",)))
    assert truth.left_out == {"images of other splits": 1}
    assert read(KARPATHY, "karpathy", split="train").gallery == ("c.jpg",)


def test_captions():
    truth = read("file,caption,split\na.jpg,red,train\nb.jpg,\"blue, dark\",test\n", "captions", "x.csv")
    assert (truth.queries, truth.gallery, truth.split) == ((Asked("c3", "blue, dark", ("b.jpg",)),), ("b.jpg",), "test")
    assert read("image;sentence\na.jpg;red\na.jpg;dark\n", "captions").gallery == ("a.jpg",)


def test_composed_kinds():
    (one,) = read(CIRR, "cirr").queries
    assert one == Asked("7", "is red", ("dev-2-img1",), "dev-1-img0", ("dev-2-img1", "dev-3-img0"))
    (one,) = read(IQ, "fashioniq", "cap.dress.val.json").queries
    assert one == Asked("dress-1", "is solid black and and longer", ("B2",), "B1", category="dress")
    assert [q.category for q in read({"dress": IQ, "top tee": IQ}, "fashioniq").queries] == ["dress", "top tee"]
    (half,) = read([{**IQ[0], "captions": ["", "is pink"]}], "fashioniq").queries  # as 15 entries of the published files
    assert half.text == "is pink"
    (one,) = read(GENECIS, "genecis", "change_object.json").queries
    assert one == Asked("t1", "dog", ("000000000285",), "000000000139", ("000000000285", "000000000632"), "change_object")
    (one,) = read('{"kind": "k", "reference": "a", "text": "t", "targets": ["b", "c"]}\n', "triplets").queries
    assert one == Asked("t1", "t", ("b", "c"), "a", category="k")


@pytest.mark.parametrize(
    ("said", "kind", "split", "says"),
    [
        ("{", "karpathy", "", "no JSON: .* at line 1"),
        ("[" * 100_000, "cirr", "", "no JSON"),
        ([], "karpathy", "", "no list of images"),
        ({"images": [{"split": "test"}]}, "karpathy", "", "Entry 1 of x.json has no 'filename'"),
        ({"images": [{"split": "test", "filename": "a", "sentences": [3]}]}, "karpathy", "", "sentence that is no object"),
        (KARPATHY, "karpathy", "val", r"no split 'val' in x.json; there are: test \(2\), train \(1\)"),
        ({"images": [{"split": s, "filename": "a", "sentences": SENTENCE} for s in ("p", "q")]}, "karpathy", "", "Say which split"),
        ({"images": [{"split": "test", "filename": "a", "sentences": SENTENCE * 2}]}, "karpathy", "", "ids must be unique"),
        ("file,caption\na.jpg,\n", "captions", "", "Line 2 of x.json has no caption"),
        ("file,caption\na.jpg,x\n", "captions", "test", "no column 'split'"),
        ([{**CIRR[0], "target_hard": "other"}], "cirr", "", "Entry 1 of x.json has the target 'other', which is not among"),
        ([CIRR[0], {k: v for k, v in CIRR[0].items() if k != "target_hard"}], "cirr", "", "Entry 2 of x.json has no 'target_hard'"),
        (CIRR, "cirr", "val", "one split by itself"),
        ([{"candidate": "a", "captions": ["x", "y"]}], "fashioniq", "", "no 'target'"),
        ([{**IQ[0], "captions": [".", "?"]}], "fashioniq", "", "captions without a word"),
        ([{**GENECIS[0], "gallery": []}], "genecis", "", "no gallery"),
        ([{**GENECIS[0], "target": {"image_id": 3, "instance_bbox": [0, 0, 1]}}], "genecis", "",
         "The target of entry 1 of x.json is a box that cannot be read: four numbers"),
        ([{**GENECIS[0], "gallery": [{"val_image_id": 1}, {}]}], "genecis", "", "Image 2 in the gallery of entry 1 of x.json has none of"),
        ([{**GENECIS[0], "target": {"image_id": None}}], "genecis", "", "The target of entry 1 of x.json has none of 'filename'"),
        ([GENECIS[0], {k: v for k, v in GENECIS[0].items() if k != "reference"}], "genecis", "", "The reference of entry 2 .* is missing"),
        ([GENECIS[0], {k: v for k, v in GENECIS[0].items() if k != "condition"}], "genecis", "", "Entry 2 of x.json has no 'condition'"),
        ([{**CIRR[0], "target_hard": "dev-1-img0"}], "cirr", "", "Entry 1 of x.json has the reference 'dev-1-img0' as its target"),
        ([CIRR[0], {**CIRR[0], "img_set": {"id": 1}}], "cirr", "", "Entry 2 of x.json has no list of texts in 'img_set.members'"),
        ([CIRR[0], CIRR[0]], "cirr", "", "Question 2 of x.json, 'is red', has the id 7, which an earlier one has"),
        ([{"pairid": 12, "reference": "test1-1-img0", "caption": "c", "img_set": {"id": 1, "members": []}}], "cirr", "",
         "Entry 1 of x.json has no 'target_hard'; the official test part has none"),
        ({"dress": IQ, "shirt": [{"candidate": "B1", "captions": ["a", "b"]}]}, "fashioniq", "",
         "Entry 1 of 'shirt' in x.json has no 'target'"),
        ([IQ[0], {**IQ[0], "captions": "is black"}], "fashioniq", "", "Entry 2 of x.json has no list of texts in 'captions'"),
        ([{k: v for k, v in IQ[0].items() if k != "candidate"}], "fashioniq", "", "Entry 1 of x.json has no 'candidate'"),
        (["B001", "B002"], "fashioniq", "", "Entry 1 of x.json is no object"),
        ({"images": [{"split": "test", "filename": "a", "sentences": [*SENTENCE, {"tokens": ["b"]}]}]}, "karpathy", "",
         "Sentence 2 of image 1 of x.json has no 'raw'"),
        ({"images": [{"split": "test", "sentences": SENTENCE}]}, "karpathy", "", "Entry 1 of x.json has no 'filename'"),
        ({"images": [{"split": "test", "filename": "a"}]}, "karpathy", "", "Image 1 of x.json has no list of sentences"),
        ('{"text": "t", "reference": "r"}', "triplets", "", "no list of texts in 'targets'"),
        ("{}", "other", "", "no kind of ground truth called 'other'"),
    ],
)
def test_what_is_no_such_file_is_refused(said, kind, split, says):
    with pytest.raises(InputError, match=says):
        read(said, kind, split=split)


# ---------------------------------------------------------------- the layouts of the benchmarks' own files


def karpathy_image(n, split, file, said, **more):
    ids = [5 * n + at for at in range(len(said))]
    sentences = [{"tokens": raw.strip(" .").lower().split(), "raw": raw, "imgid": n, "sentid": i} for raw, i in zip(said, ids)]
    return {"sentids": ids, "imgid": n, "sentences": sentences, "split": split, "filename": file, **more}


def test_karpathy_of_flickr8k_and_of_coco():
    images = [karpathy_image(0, "train", "2513260012_03d33305cf.jpg", ["A black dog is running .", "Dogs ."]),
              karpathy_image(1, "test", "2903617548_d3e38d7f88.jpg", ["A little baby plays croquet .", "A baby ."]),
              karpathy_image(2, "val", "3338291921_fe7ae0c8f8.jpg", ["A brown dog in the snow ."])]  # fmt: skip
    said = {"images": images, "dataset": "flickr8k"}
    truth = read(said, "karpathy", "dataset_flickr8k.json")
    assert (truth.split, truth.gallery, [q.query_id for q in truth.queries]) == ("test", ("2903617548_d3e38d7f88.jpg",), ["s5", "s6"])
    assert truth.queries[0].text == "A little baby plays croquet ."
    assert [q.query_id for q in read(said, "karpathy", split="train").queries] == ["s0", "s1"]
    coco = [karpathy_image(n, split, f"COCO_val2014_00000000000{n}.jpg", ["A man ."], filepath="val2014", cocoid=n)
            for n, split in enumerate(("test", "restval", "val", "train"))]  # fmt: skip
    truth = read({"images": coco, "dataset": "coco"}, "karpathy")
    assert truth.queries == (Asked("s0", "A man .", ("val2014/COCO_val2014_000000000000.jpg",)),)
    assert truth.left_out == {"images of other splits": 3}
    assert [q.query_id for q in read({"images": coco}, "karpathy", split="restval").queries] == ["s5"]
    with pytest.raises(InputError, match=r"no split 'dev' in x.json; there are: test \(1\), restval \(1\), val \(1\), train \(1\)"):
        read({"images": coco}, "karpathy", split="dev")


def test_cirr_with_all_that_its_file_says():
    members = [f"dev-{n}-1-img1" for n in (244, 64, 970, 1003, 417, 128)]
    entry = {"pairid": 12060, "reference": members[0], "target_hard": members[3], "target_soft": {members[3]: 1.0, members[2]: 0.5},
             "caption": "have the dog in a red basket",
             "img_set": {"id": 122, "members": members, "reference_rank": 0, "target_rank": 3}}  # fmt: skip
    truth = read([entry, {**entry, "pairid": 12061, "target_hard": members[2], "caption": "two dogs"}], "cirr", "cap.rc2.val.json")
    assert truth.queries[0] == Asked("12060", "have the dog in a red basket", (members[3],), members[0], tuple(members[1:]))
    assert len(truth.queries) == 2 and set(truth.gallery) == set(members)
    listed = {name: f"./dev/{name}.png" for name in ("dev-0-0-img0", *members)}
    assert with_gallery(truth, json.dumps(listed), "split.rc2.val.json").gallery == tuple(listed)


def test_fashioniq_among_the_images_of_its_split():
    name = "cap.dress.val.json"
    pairs = [{"target": "B008BHCT58", "candidate": "B003FGW7MK", "captions": ["is solid black with no sleeves", "is black."]},
             {"target": "B005LXSCFG", "candidate": "B008BHCT58", "captions": ["is shorter", "has straps"]}]  # fmt: skip
    truth = read(pairs, "fashioniq", name)
    assert [(q.query_id, q.text) for q in truth.queries] == [
        ("dress-1", "is solid black with no sleeves and is black"), ("dress-2", "is shorter and has straps")
    ]  # fmt: skip
    listed = ["B000", "B008BHCT58", "B003FGW7MK", "B005LXSCFG"]
    truth = with_gallery(truth, json.dumps(listed), "split.dress.val.json")
    assert truth.gallery == tuple(listed)
    found = match(truth, lambda file: (file, ""), [*listed, "other"])
    scores = {q.text: {"B000": 0.9, "other": 1.0, "B008BHCT58": 0.5, "B005LXSCFG": 0.4, "B003FGW7MK": 0.3} for q in truth.queries}
    asked = ask(found, table_search(scores), [*listed, "other"])
    assert asked.ranks == {"dress-1": 2, "dress-2": 3} and asked.n_gallery == 4


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("3", "split.json is no list of images"),
        ("[]", "split.json is no list of images"),
        ('["a", {"b": 1}]', "Entry 2 of split.json is no name"),
        ('["B1"]', "The target 'B2' of question 1 \\(dress-1\\) is not in split.json"),
    ],
)  # fmt: skip
def test_a_list_of_images_that_does_not_fit_is_refused(said, says):
    with pytest.raises(InputError, match=says):
        with_gallery(read(IQ, "fashioniq", "cap.dress.val.json"), said, "split.json")
    both = read({"dress": IQ, "shirt": IQ}, "fashioniq")
    with pytest.raises(InputError, match="several categories"):
        with_gallery(both, '["B1", "B2"]', "split.json")


def test_genecis_of_coco_takes_whole_images_and_of_files_their_names():
    coco = {"reference": {"val_image_id": 98018, "instance_bbox": [0, 0, 5, 5]}, "target": {"val_image_id": 285},
            "gallery": [{"val_image_id": 632}, {"val_image_id": 724}], "condition": "surfboard"}  # fmt: skip
    (one,) = read([coco], "genecis", "focus_object.json").queries
    assert one == Asked("t1", "surfboard", ("000000000285",), "000000098018",
                        ("000000000285", "000000000632", "000000000724"), "focus_object")  # fmt: skip
    cut = {"reference": {"image_id": 2373554, "instance_bbox": [1, 2, 3, 4], "filename": "cut-1.jpg"}, "target": {"image_id": 713545},
           "gallery": ["a.jpg", 12], "condition": "same color"}  # fmt: skip
    (one,) = read([cut], "genecis", "focus_attribute.json").queries
    assert (one.reference, one.targets, one.candidates) == ("cut-1.jpg", ("713545",), ("713545", "a.jpg", "12"))


KEYS = st.sampled_from(
    "images filename split sentences raw reference target target_hard captions candidate caption img_set members gallery"
    " condition text targets pairid".split()
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=20,
)  # fmt: skip


@given(JSON, st.sampled_from(KINDS))
@settings(deadline=None, max_examples=200)
def test_any_json_is_read_or_refused_in_words(said, kind):
    for one in (said, [said], {"images": [said]}):
        try:
            read(one, kind)
        except InputError:
            pass


# ---------------------------------------------------------------- matching


def resolve(file):
    return (None, "not here") if file in ("gone", "lost") else (f"i-{file}".removesuffix("-copy"), "")


def test_matching_says_both_numbers_both_ways():
    queries = (
        Asked("1", "red", ("a",)), Asked("2", "x", ("gone",)), Asked("3", "x", ("a",), "lost"), Asked("4", "x", ("a", "gone"), "b"),
        Asked("5", "x", ("a",), "b", ("a", "gone")), Asked("6", "x", ("b-copy",), "b"), Asked("7", "x", ("a",), "b", ("a", "c", "c-copy")),
    )  # fmt: skip
    found = match(Truth("cirr", queries, ("a", "b", "lost")), resolve, ["i-a", "i-b", "i-c", "i-d"])
    assert [one.query_id for one in found.questions] == ["1", "4"]
    assert found.questions[1].query == Query((Term("item", "i-b"), Term("text", "x"))) and found.questions[1].targets == {"i-a"}
    assert dict(found.left_out) == {
        "2": "its target is not in the collection", "3": "its reference is not in the collection",
        "5": "one of its candidates is not in the collection",
        "6": "its target and its reference are the same image", "7": "two of its candidates, or one and its reference, are the same image",
    }  # fmt: skip
    assert (found.n_files, found.n_found, found.n_items, found.n_named) == (7, 5, 4, 3)
    assert found.missing == (("lost", "not here"), ("gone", "not here")) and found.gallery == ("i-a", "i-b")
    assert found.sentence.startswith("5 of 7 files of the truth are in the collection, 3 of its 4 images are in the truth; 2 of 7")
    assert [(q.topic, q.docno, q.relevance) for q in found.qrels()] == [("1", "i-a", 1), ("4", "i-a", 1)]
    queries, right = found.saved()
    assert [q.query_id for q in queries] == [one.query.query_id for one in found.questions] and {q.relevance for q in right} == {3}


def test_a_folder_of_another_name_is_no_obstacle():
    truth = Truth("captions", (Asked("1", "x", ("val2014/a.jpg",)),), ("val2014/a.jpg",))
    found = match(truth, lambda file: ("i", "") if file == "a.jpg" else (None, "no"), ["i"])
    assert (found.n_found, found.missing, found.questions[0].targets) == (1, (), {"i"})


# ---------------------------------------------------------------- asking, with a search that is a table


def table_search(scores, asked=None):
    """Answers from ``{words: {item: score}}``; `where` names the items that may be found, references are left out."""

    def search(query, k, keep):
        words = next(term.value for term in query.terms if term.kind == "text")
        references = {term.value for term in query.terms if term.kind == "item"}
        inside = [item for item in scores[words] if (not query.where or f"'{item}'" in query.where) and (keep or item not in references)]
        order = sorted(inside, key=lambda item: (-scores[words][item], item))[:k]
        if asked is not None:
            asked.append((words, k, query.where, keep))
        return SearchResult(query, k, tuple(Hit(item, n, scores[words][item], 0.0) for n, item in enumerate(order, 1)), 9, 9, "exact")

    return search


def test_captions_both_ways_on_a_table():
    truth = Truth("captions", (Asked("1", "one", ("a",)), Asked("2", "two", ("b",)), Asked("3", "three", ("b",))), ("a", "b"))
    matched = match(truth, lambda file: (file, ""), "abz")
    scores = {"one": {"a": 0.9, "b": 0.5, "z": 1.0}, "two": {"a": 0.6, "b": 0.4, "z": 0.0}, "three": {"a": 0.1, "b": 0.3, "z": 0.9}}
    found = ask(matched, table_search(scores), "abz")
    # Among a and b: one finds a, two does not find b, three does. Image a: caption one is first; b: one .5, two .4, three .3: second.
    assert (found.metrics["t2i R@1"], found.metrics["i2t R@1"], found.metrics["i2t R@5"]) == (pytest.approx(200 / 3), 50.0, 100.0)
    assert found.metrics["rsum"] == pytest.approx(200 / 3 + 200 + 50 + 200)
    assert (found.n_gallery, found.ranks) == (2, {"1": 1, "2": 2, "3": 1})
    # Among everything z stands before for one and three.
    assert ask(matched, table_search(scores), "abz", among="all").ranks == {"1": 2, "2": 2, "3": 2}


def test_cirr_without_the_reference_and_fashioniq_with_it():
    scores = {"change": {"r": 0.99, "t": 0.5, "m": 0.6, "y": 0.9, "z": 0.1}}
    one = Asked("1", "change", ("t",), "r", ("t", "m"))
    matched = match(Truth("cirr", (one,), ("r", "t", "m", "y")), lambda file: (file, ""), "rtmyz")
    asked = []
    found = ask(matched, table_search(scores, asked), "rtmyz")
    assert found.ranks == {"1": 3}  # y, m, t; the reference is out
    assert (found.metrics["R@1"], found.metrics["R@5"], found.metrics["Rs@1"], found.metrics["Rs@2"]) == (0.0, 100.0, 0.0, 100.0)
    assert found.metrics["(R@5 + Rs@1) / 2"] == 50.0 and found.chance["Rs@1"] == 50.0
    assert [keep for *_, keep in asked] == [False, False]
    truth = Truth("fashioniq", (Asked("1", "change", ("t",), "r", category="dress"),), ("r", "t", "m", "y"))
    matched = match(truth, lambda file: (file, ""), "rtmyz")
    assert ask(matched, table_search(scores), "rtmyz").ranks == {"1": 4}  # adding the reference can only lower it
    truth = Truth("triplets", (Asked("1", "change", ("t", "m"), "r"),), tuple("rtmyz"))
    found = ask(match(truth, lambda file: (file, ""), "rtmyz"), table_search(scores), "rtmyz")
    assert found.ranks == {"1": 2} and found.metrics["R@1"] == 0.0  # the better of two right answers


def test_fashioniq_ranks_within_the_category():
    scores = {"change": {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6}}
    queries = (Asked("1", "change", ("b",), "a", category="dress"), Asked("2", "change", ("d",), "c", category="shirt"))
    found = ask(match(Truth("fashioniq", queries, tuple("abcd")), lambda file: (file, ""), "abcd"), table_search(scores), "abcd")
    assert found.ranks == {"1": 2, "2": 2} and found.n_gallery == 2
    assert found.metrics["dress R@10"] == 100.0


def test_genecis_ranks_its_own_gallery():
    scores = {"dog": {item: 1.0 - n / 10 for n, item in enumerate("xabcdt")}}
    one = Asked("1", "dog", ("t",), "r", ("t", "a", "b"), "change")
    found = ask(match(Truth("genecis", (one,), tuple("xabcdtr")), lambda file: (file, ""), "xabcdtr"), table_search(scores), "xabcdtr")
    assert found.metrics == {"R@1": 0.0, "R@2": 0.0, "R@3": 100.0} and found.chance["R@1"] == pytest.approx(100 / 3)


def test_folded_hits_stand_for_their_near_duplicates():
    def search(query, k, keep):
        return SearchResult(query, k, (Hit("x", 1, 0.9, 0.9), Hit("a", 2, 0.8, 0.8, alike=("t",))), 3, 3, "exact")

    truth = Truth("triplets", (Asked("1", "w", ("t",), "r"),), tuple("xatr"))
    assert ask(match(truth, lambda file: (file, ""), "xatr"), search, "xatr").ranks == {"1": 2}


def test_a_large_gallery_is_taken_out_of_the_whole_ranking(monkeypatch):
    from core.judge.protocols import asking

    monkeypatch.setattr(asking, "_FILTER_AT_MOST", 3)
    asked = []
    scores = {"w": {"a": 0.9, "b": 0.8, "c": 0.7, "z": 1.0}}
    truth = Truth("triplets", (Asked("1", "w", ("c",), "r"),), tuple("abc"))
    found = ask(match(truth, lambda file: (file, ""), "abczr"), table_search(scores, asked), "abczr")
    assert found.ranks == {"1": 3} and asked == [("w", 5, "", False)]


def test_nothing_to_ask_is_said_with_numbers():
    truth = Truth("cirr", (Asked("1", "x", ("gone",), "a", ("gone",)),), ("a", "gone"))
    with pytest.raises(InputError, match="1 of 2 files of the truth is in the collection, 1 of its 1 image is in the truth; 0 of 1 "
                                         "question can be asked. Most often its target is not in the collection"):  # fmt: skip
        ask(match(truth, resolve, ["i-a"]), table_search({}), ["i-a"])


# ---------------------------------------------------------------- on a collection, by the command line


@pytest.fixture
def loupe(capsys):
    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def wb(tmp_path):
    return worlds.colour_world(tmp_path / "pictures", 24)


def test_protocol_on_a_collection(loupe, wb, tmp_path):
    """The first twelve pictures have a colour each, which the fake encoder knows: everything is found, both ways."""
    files = sorted(item.file for item in wb.items.many(wb.collection.ids()))[:12]
    images = [{"filename": file, "split": "test", "sentences": [{"raw": file.split("-")[1], "sentid": n}]} for n, file in enumerate(files)]
    images.append({"filename": "nothere.png", "split": "test", "sentences": [{"raw": "red", "sentid": 99}]})
    (tmp_path / "dataset.json").write_text(json.dumps({"images": images}))
    code, out, err = loupe("protocol", "Colours", "--truth", tmp_path / "dataset.json", "--kind", "karpathy", "--json", "--keep", "bench")
    said = json.loads(out)
    assert code == 0 and said["metrics"]["rsum"] == 600.0 and said["metrics"]["t2i MedR"] == 1.0
    assert (said["questions"], said["asked"], said["gallery"]) == (13, 12, 12)
    assert said["files"] == {"named": 13, "found": 12} and said["items"] == {"total": 24, "named": 12}
    assert said["left_out"] == {"its target is not in the collection": 1} and "rsum" in said["definition"]
    assert "12 of 13 files of the truth are in the collection, 12 of its 24 images" in err and "not found: nothere.png" in err
    assert said["kept"] == {"set": "bench", "queries": 12, "grades": 12}
    assert len(wb.judgments.queries("bench")) == 12 and wb.judgments.export_qrels()[0].count(" 3\n") == 12
    assert wb.judgments.export_qrels(with_made=False)[0] == ""
    code, out, err = loupe("protocol", "Colours", "--truth", tmp_path / "none.json", "--kind", "karpathy", "--keep", "a/b")
    assert (code, out) == (2, "") and "The query set's name contains '/'" in err  # before anything is read or asked
    # Among all 24 images there are two of each colour, so some second one comes first.
    code, out, _ = loupe("protocol", "Colours", "--truth", tmp_path / "dataset.json", "--kind", "karpathy", "--json", "--among", "all")
    again = json.loads(out)
    assert again["gallery"] == 24 and again["metrics"]["t2i R@1"] < 100.0 == again["metrics"]["t2i R@5"]


def test_composed_protocols_are_what_search_says(loupe, wb, tmp_path):
    ids = {item.file: item.item_id for item in wb.items.many(wb.collection.ids())}
    names = sorted(ids)
    reference, target = names[0], names[14]  # red circle, blue square
    result = wb.search(Query((Term("item", ids[reference]), Term("text", "blue"))), 24, recipe="sum", log=False)
    rank = result.item_ids.index(ids[target]) + 1
    group = {"members": [reference, target, names[3]]}
    entry = {"pairid": 1, "reference": reference, "target_hard": target, "caption": "blue", "img_set": group}
    (tmp_path / "cap.json").write_text(json.dumps([entry]))
    file = tmp_path / "cap.json"
    code, out, _ = loupe("protocol", "Colours", "--truth", file, "--kind", "cirr", "--recipe", "sum", "--among", "all", "--json")
    said = json.loads(out)
    assert code == 0
    for k in (1, 5, 10, 50):
        assert said["metrics"][f"R@{k}"] == (100.0 if rank <= k else 0.0)
    entry = {"candidate": reference, "target": names[12], "captions": ["red", "red"]}
    (tmp_path / "cap.dress.val.json").write_text(json.dumps([entry]))
    code, out, _ = loupe("protocol", "Colours", "--truth", tmp_path / "cap.dress.val.json", "--kind", "fashioniq")
    assert code == 0 and "R@10" in out and "the reference among them" in out and "1 question among 2 images" in out
    (tmp_path / "split.dress.val.json").write_text(json.dumps(names[:20]))
    code, out, _ = loupe("protocol", "Colours", "--truth", tmp_path / "cap.dress.val.json", "--kind", "fashioniq", "--gallery",
                         tmp_path / "split.dress.val.json", "--json")  # fmt: skip
    assert code == 0 and json.loads(out)["gallery"] == 20


def test_protocol_errors_are_one_line(loupe, wb, tmp_path):
    (tmp_path / "x.json").write_text("[]")
    for more in (("--kind", "cirr"), ("--kind", "what"), ("--kind", "cirr", "--recipe", "none")):
        code, out, err = loupe("protocol", "Colours", "--truth", tmp_path / "x.json", *more)
        assert (code, out, err.count("\n")) == (2, "", 1)


def test_files_are_found_by_name_stem_folder_and_id(wb):
    find = resolver(wb.collection)
    item = wb.items.many(wb.collection.ids())[0]
    for name in (item.item_id, item.file, item.file.rsplit(".", 1)[0], item.file.upper(), f"./{item.file}"):
        assert find(name) == (item.item_id, "")
    assert find("no.png")[0] is None and "no picture" in find("no.png")[1]
