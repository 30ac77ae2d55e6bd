"""Query sets: brought, sampled, harvested, changed; every version stays readable."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError, NotFound, QueryError
from core.query.parse import parse
from core.store import Collection, db
from core.types import Judgment, NewItem, SavedQuery
from core.workbench.judgments import JudgmentService
from core.workbench.querysets import Graded, QuerySetService
from tests.worlds import colour_world


@pytest.fixture
def sets() -> QuerySetService:
    return QuerySetService(Collection.create("Sets"))


def texts(sets, name):
    return [query.text for query in sets.get(name).queries]


def test_typed_queries_make_a_version_and_the_same_again_makes_none(sets):
    added = sets.add("red car\nblue -night\n", " mine ")
    assert (added.name, added.version, added.new, added.known, added.before) == ("mine", 1, 2, 0, 0)
    again = sets.add("blue -night\n\ngreen", "mine")
    assert (again.version, again.new, again.known, again.before) == (2, 1, 1, 1)
    assert sets.add("green", "mine").version == 2
    assert texts(sets, "mine") == ["red car", "blue -night", "green"]
    assert texts(sets, "mine@1") == ["red car", "blue -night"] and sets.get("mine@1").at == "mine@1"
    assert [(v.version, v.n, v.why) for v in sets.versions("mine")] == [(1, 2, "added"), (2, 3, "added")]


def test_a_set_whose_name_looks_like_a_version_is_found_by_its_whole_name(sets):
    sets.add("red", "mine")
    sets.add("blue", "mine@1")
    assert texts(sets, "mine@1") == ["blue"] and texts(sets, "mine@1@1") == ["blue"]
    with pytest.raises(NotFound, match="no version 7 of the query set mine; the set has versions 1 to 1"):
        sets.get("mine@7")
    with pytest.raises(NotFound, match="no query set 'other'; there are: mine, mine@1"):
        sets.get("other")


FILES = {
    "t.jsonl": '\ufeff{"id": "t1", "query": "red -blue^0.5", "guideline": "Only cars."}\n\n'
               '{"id": 7, "query": "green", "where": "width > 10"}\n',
    "t.csv": 'query_id,query,where,guideline\nt1,red -blue^0.5,,Only cars.\n7,green,width > 10,\n',
    "t.trec": "<top><num> Number: t1 <title> red -blue^0.5 <desc> Description: Only cars. </top>\n"
              "<top><num> Number: 7 <title> green <filter> width &gt; 10 </top>\n",
}  # fmt: skip


@pytest.mark.parametrize("file", FILES)
def test_files_bring_ids_guidelines_and_filters_and_go_out_again(sets, file):
    sets.add(FILES[file], "topics", file=file)
    one, two = sets.get("topics").queries
    assert (one.query_id, one.guideline, two.query_id, two.query.where) == ("t1", "Only cars.", "7", "width > 10")
    assert [(t.kind, t.value, t.weight) for t in one.query.terms] == [("text", "red", 1), ("text", "blue", -0.5)]
    for kind in ("jsonl", "csv", "topics"):
        text = sets.export("topics", kind)
        sets.remove("topics", ["t1", "7"])
        sets.add(text, "topics", kind)
        assert [(q.query_id, q.query, q.guideline) for q in sets.get("topics").queries] == [
            ("t1", one.query, one.guideline), ("7", two.query, "")
        ]  # fmt: skip


def test_images_of_a_file_are_found_by_their_names(tmp_path):
    wb = colour_world(tmp_path / "images")
    item = wb.collection.item(wb.collection.ids()[0])
    wb.querysets.add(f"query,image\nin red,{item.file}\n", "images", file="q.csv")
    assert [(t.kind, t.value) for t in wb.querysets.get("images").queries[0].query.terms] == [("text", "in red"), ("item", item.item_id)]
    with pytest.raises(InputError, match="Line 2 of q.csv names the image 'gone.png'"):
        wb.querysets.add("query,image\nred,gone.png\n", "images", file="q.csv")


def test_typed_images_are_found_by_their_names_and_what_is_not_here_is_refused_with_its_place(tmp_path):
    wb = colour_world(tmp_path / "images")
    sets, item = wb.querysets, wb.collection.item(wb.collection.ids()[0])
    sets.add(f"image:{item.file} in the snow\n-image:\"{item.file}\" red\nimage:{item.item_id}", "mine")
    first, second, third = [q.query for q in sets.get("mine").queries]
    assert [(t.kind, t.value) for t in first.terms] == [("item", item.item_id), ("text", "in the snow")]
    assert (second.terms[0].value, second.terms[0].weight, third.terms[0].value) == (item.item_id, -1, item.item_id)
    for name in ("gone.png", "igone"):
        with pytest.raises(QueryError, match=f"^Line 2: This names the image '{name}': no picture '{name}' was found") as said:
            sets.add(f"red\nblue image:{name}", "mine")
        assert said.value.column == len("blue image:")
        with pytest.raises(InputError, match=f"^Line 3 of q.csv names the image '{name}'"):
            sets.add(f"id,query\n1,red\n2,blue image:{name}\n", "mine", file="q.csv")
    wb.judgments.bring(f"query,item_id,grade,judge\nimage:{item.file} in the snow,{item.item_id},3,ann\n", "g.csv")
    assert wb.judgments.grades_for(first.query_id) == {item.item_id: 3}


def test_an_ambiguous_image_is_refused_with_how_many_fit_and_a_deleted_one_stays_in_its_query(tmp_path):
    wb = colour_world(tmp_path / "images")
    sets, (one, other, *_) = wb.querysets, wb.collection.ids()
    sets.add(f"image:{one} red\nimage:{one}", "mine")
    wb.items.trash([one])
    red, alone = sets.get("mine").queries
    sets.edit("mine", red.query_id, line=f"image:{one} blue")
    sets.edit("mine", alone.query_id, guideline="Any.")
    assert [q.query.terms[0].value for q in sets.get("mine").queries] == [one, one]
    with pytest.raises(QueryError, match="names the image"):
        sets.add(f"image:{one} green", "mine")
    file = wb.collection.item(other).file
    sets.edit("mine", alone.query_id, line=f"image:{file}")
    assert sets.get("mine").queries[1].query.terms[0].value == other
    there = sets.get("mine").queries[1].query_id
    with pytest.raises(QueryError, match="This names the image 'no.png'"):
        sets.edit("mine", there, line="image:no.png")
    there = {"width": 1, "height": 1, "n_bytes": 1, "date": ""}
    twins = [NewItem(f"twin{n}", f"{n}" * 64, f"{n}/twin.png", path=f"/in/{n}/twin.png", root="/in", **there) for n in (1, 2)]
    same = [NewItem(f"same{n}", f"{n}" * 64, "same.png", path=f"/{n}/same.png", root=f"/{n}", **there) for n in (1, 2)]
    wb.collection.commit([*twins, *same], {})
    with pytest.raises(QueryError, match="This names the image 'twin.png': 2 files fit 'twin.png'; name the folder too"):
        sets.add("image:twin.png", "mine")
    with pytest.raises(QueryError, match="This names the image 'same.png': 2 images are called 'same.png'; give the id of one"):
        sets.add("image:same.png", "mine")
    sets.add("image:2/twin.png", "twins")
    assert sets.get("twins").queries[0].query.terms[0].value == "twin2"


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("lines", " \n", "no query in the text"),
        ("lines", 'fine\n"never closed', "Line 2: "),
        ("jsonl", '{"query": "a"}\nred', "Line 2"),
        ("jsonl", '{"id": "t"}', "Line 1 of the text has no query"),
        ("jsonl", '{"query": "a", "id": "x y"}', "without spaces"),
        ("jsonl", '{"query": "a", "id": "t"}\n{"query": "b", "id": "t"}', "Lines 1 and 2 of the text give the id t to two queries"),
        ("jsonl", '{"query": "b"}\n{"query": "a", "where": "width = "}', "^Line 2 of the text: In the filter of 'a': Here a value"),
        ("csv", "query,where\nb,\n\na,nothing = 3\n", "^Line 4 of the text: In the filter of 'a': There is no column 'nothing'"),
        ("jsonl", '{"query": "a", "guideline": "' + "g" * 2_001 + '"}', "2,001 characters, and 2,000"),
        ("xml", "<a/>", "Queries come as lines, export, csv"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_is_added(sets, kind, text, message):
    with pytest.raises(InputError, match=message):
        sets.add(text, "mine", kind)
    assert sets.names() == [] and sets.versions("mine") == []


@pytest.mark.parametrize(("name", "says"), [("a/b", "contains '/'"), (" ", "is empty"), ("x" * 81, "has 81 characters")])
def test_a_name_that_no_set_can_have_is_said_to_be_a_sets(sets, name, says):
    for refused in (lambda: sets.check_name(name), lambda: sets.add("red", name)):
        with pytest.raises(InputError, match=f"^The query set's name {says}"):
            refused()
    assert sets.check_name(" Mine ") == "Mine"


def test_an_id_cannot_stand_for_two_queries(sets):
    sets.add('{"query": "red", "id": "t1"}', "one", "jsonl")
    sets.add('{"query": "red", "id": "t1"}', "two", "jsonl")  # the same query in another set is the same topic
    for name in ("one", "three"):
        with pytest.raises(InputError, match="The id t1 stands for 'red' in one already, and here for 'blue'"):
            sets.add('{"query": "blue", "id": "t1"}', name, "jsonl")


def test_an_edit_is_another_query_in_the_same_place_and_can_be_undone(sets):
    sets.add("red\nblue\ngreen", "mine")
    red, blue, green = sets.get("mine").queries
    before = sets.edit("mine", blue.query_id, line="blue car")
    assert texts(sets, "mine") == ["red", "blue car", "green"] and before == 1
    new = sets.get("mine").queries[1]
    assert new.query_id == parse("blue car").query_id != blue.query_id
    assert sets.edit("mine", red.query_id, guideline=" Any red. ") == 2
    assert sets.get("mine").queries[0] == type(red)(red.query_id, "red", red.query, "Any red.")
    sets.restore("mine", before, [blue.query_id, new.query_id])  # the guideline, written since, stays
    assert texts(sets, "mine") == ["red", "blue", "green"] and sets.get("mine").queries[0].guideline == "Any red."
    assert sets.get("mine@1").queries == (red, blue, green) and len(sets.versions("mine")) == 4
    with pytest.raises(InputError, match="'green' is in mine already"):
        sets.edit("mine", blue.query_id, line="green")
    with pytest.raises(QueryError):
        sets.edit("mine", blue.query_id, line='"open')
    with pytest.raises(NotFound):
        sets.edit("mine", "q0", guideline="x")
    assert len(sets.versions("mine")) == 4


def test_a_query_brought_again_keeps_its_guideline(sets):
    sets.add("red", "mine")
    (red,) = sets.get("mine").queries
    sets.guide("mine", [red.query_id], "Any red.")
    assert sets.add("red", "mine").version == 2 and sets.get("mine").queries[0].guideline == "Any red."
    sets.guide("mine", [red.query_id], "")
    assert sets.get("mine").queries == (red,) and len(sets.versions("mine")) == 3
    with pytest.raises(InputError, match="2,001 characters, and 2,000"):
        sets.guide("mine", [red.query_id], "g" * 2_001)


def test_removing_and_bringing_back(sets):
    sets.add("red\nblue\ngreen", "mine")
    kept = sets.get("mine").queries
    before = sets.remove("mine", [kept[2].query_id, kept[0].query_id])
    sets.add("later", "mine")
    sets.restore("mine", before, [kept[0].query_id, kept[2].query_id])
    assert sorted(texts(sets, "mine")) == ["blue", "green", "later", "red"]
    before = sets.remove("mine", [q.query_id for q in sets.get("mine").queries])
    assert sets.names() == [] and sets.get("mine").queries == ()  # an empty set keeps its versions
    sets.restore("mine", before)
    assert sorted(texts(sets, "mine")) == ["blue", "green", "later", "red"]


STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove", "guide", "restore"]), st.integers(0, 5)), max_size=12)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_every_version_ever_seen_stays_as_it_was(tmp_path_factory, steps):
    collection = Collection.create("V", tmp_path_factory.mktemp("versions"))
    sets, seen = QuerySetService(collection), {}
    for what, n in steps:
        here = [q.query_id for q in collection.saved_queries("s")]
        if what == "add":
            sets.add(f"query {n}", "s")
        elif what == "remove":
            sets.remove("s", here[n : n + 2])
        elif what == "guide" and n < len(here):
            sets.edit("s", here[n], guideline=f"guideline {len(seen)}")
        elif what == "restore" and seen:
            sets.restore("s", sorted(seen)[n % len(seen)])
        if versions := sets.versions("s"):
            now = collection.saved_queries("s")
            assert seen.setdefault(versions[-1].version, now) == now
    for version, queries in seen.items():
        assert collection.saved_queries("s", version) == queries
    db.close_idle(collection.path)


def test_sets_from_before_versions_have_a_first_one(tmp_path):
    """A database of format 1 with queries, brought to the present format."""
    frozen = Path(__file__).parents[1] / "store" / "formats" / "collection-1"
    folder = tmp_path / "home" / "old"
    folder.mkdir(parents=True)
    for dump in frozen.glob("*.sql"):
        connection = sqlite3.connect(folder / f"{dump.stem}.db")
        connection.executescript(dump.read_text(encoding="utf-8"))
        if dump.stem == "collection":
            query = parse("red")
            connection.execute(
                "INSERT INTO queries (set_name, query_id, text, query, guideline, origin, added_at)"
                " VALUES ('s', ?, 'red', ?, 'G', 'typed', 5)",
                (query.query_id, query.canonical),
            )
            connection.commit()
        connection.close()
    sets = QuerySetService(Collection(folder))
    assert [(v.version, v.n, v.at) for v in sets.versions("s")] == [(1, 1, 5.0)]
    assert sets.get("s@1").queries == sets.get("s").queries and sets.get("s").queries[0].guideline == "G"
    assert sets.add("blue", "s").version == 2


# ---------------------------------------------------------------- sampling


def test_captions_are_sampled_evenly_one_a_group_of_near_duplicates(tmp_path):
    wb = colour_world(tmp_path / "images")  # 12 colours x 3 shapes, each caption once
    ids = sorted(wb.collection.ids())
    wb.collection.set_folds({item_id: ids[0] for item_id in ids[:30]})
    sets = wb.querysets
    added = sets.sample_captions("captions", 100, seed=1)
    assert added.new == 7  # one of the thirty, and the other six
    said = {wb.collection.item(i).caption for i in (ids[0], *ids[30:])}
    assert set(texts(sets, "captions")) == said
    assert sets.sample_captions("few", 3, seed=1).new == 3
    assert texts(sets, "few") == texts(sets, "few@1") and sets.sample_captions("few", 3, seed=1).new == 0
    drawn = {tuple(texts(sets, f"s{seed}")) for seed in range(6) if sets.sample_captions(f"s{seed}", 3, seed=seed)}
    assert len(drawn) > 1


def test_labels_and_images_are_sampled_evenly(tmp_path):
    sets = colour_world(tmp_path / "images").querysets
    assert sets.sample_labels("labels", "colour", 100).new == 12
    assert sorted(texts(sets, "labels"))[:3] == ["black", "blue", "brown"]
    assert sets.sample_images("images", 12, column="colour").new == 12
    asked = [query.query.terms[0] for query in sets.get("images").queries]
    assert {term.kind for term in asked} == {"item"}
    assert len({sets._collection.item(term.value).meta["colour"] for term in asked}) == 12  # one of each colour
    assert sets.sample_images("more", 5).new == 5
    for wrong in (lambda: sets.sample_labels("x", "nothing", 5), lambda: sets.sample_images("x", 5, column="nothing")):
        with pytest.raises(InputError, match="no column 'nothing'; there are: "):
            wrong()
    with pytest.raises(InputError, match="0 queries were asked for"):
        sets.sample_captions("x", 0)


def test_the_log_is_harvested_most_frequent_first_and_single_sessions_only_if_wanted(tmp_path, monkeypatch):
    wb = colour_world(tmp_path / "images")
    clock = [1_000.0]
    monkeypatch.setattr("core.store.queries.time.time", lambda: clock[0])
    for minute, text in [(0, "red"), (1, "red"), (1, "blue"), (60, "red -blue"), (61, "blue"), (90, "green"), (91, "green"), (91, "green")]:
        clock[0] = 1_000.0 + 60 * minute
        wb.search(text)
    asked = wb.querysets.asked()
    assert [(one.query.terms[0].value, one.times, one.sessions) for one in asked] == [
        ("green", 3, 1), ("blue", 2, 2), ("red", 2, 1), ("red", 1, 1)
    ]  # fmt: skip
    added = wb.querysets.harvest("log", sessions=2)
    assert added.new == 1 and texts(wb.querysets, "log") == ["blue"] and wb.querysets.get("log").queries[0].asked == 2
    wb.querysets.harvest("log", 3)
    assert [(q.text, q.asked, q.origin) for q in wb.querysets.get("log").queries] == [
        ("blue", 2, "search log"), ("green", 3, "search log"), ("red", 2, "search log")
    ]  # fmt: skip
    with pytest.raises(InputError, match="No query of the search log was asked that often"):
        wb.querysets.harvest("log", times=9)
    wb.search("yellow", where="number > 3")
    wb.querysets.harvest("log")
    assert "yellow where number > 3" in texts(wb.querysets, "log") and 'red -"blue"' in texts(wb.querysets, "log")


def test_an_upload_of_an_earlier_version_is_kept(tmp_path, monkeypatch):
    from tests import fakes

    wb = colour_world(tmp_path / "images")
    (picture,) = fakes.make_images(tmp_path / "up", 1)
    upload = wb.collection.keep_upload(picture.read_bytes())
    wb.querysets.add(f"upload:{upload}", "mine")
    wb.querysets.remove("mine", [q.query_id for q in wb.querysets.get("mine").queries])
    assert wb.collection.purge_uploads(older_than_days=-1) == 0
    assert wb.collection.upload_path(upload).is_file()


# ---------------------------------------------------------------- the same query again

TWICE = ("query_id,query,guideline\nq2,red,\nq3,blue,\nq7,red,Any red.\nq9,red,\nq3,blue,\n"
         "q8,blue,Only cars.\nq10,blue,Only boats.\n,red,\n")  # fmt: skip


def test_queries_that_differ_in_letter_case_or_spaces_are_kept_and_counted(sets):
    added = sets.add('A dog\na dog\n"a  dog"\na cat\na dog\na dog -CAT', "mine")
    assert (added.new, added.repeats) == (5, 1) and added.alike == (("a dog", "A dog"), ('"a  dog"', "A dog"))
    assert sets.add("a dog\nA  CAT\na dog -cat\na -dog", "mine").alike == (("A  CAT", "a cat"), ("a dog -cat", "a dog -CAT"))
    assert sets.add("A DOG", "other").alike == ()
    filtered = "id,query,where\n1,a dog,width > 1\n2,A dog,width > 2\n3,red,\n4,red,\n"
    assert sets.add(filtered, "filtered", "csv").alike == ()


def test_a_query_under_several_ids_is_kept_once_and_the_others_stay_known(sets):
    added = sets.add(TWICE, "topics", file="t.csv")
    assert (added.new, added.known, added.repeats) == (3, 0, 2)  # q3 again, and red without an id
    assert added.aliases == {"q7": "q2", "q9": "q2", "q8": "q3"}
    # Two guidelines make two topics of the same words.
    assert [(q.query_id, q.guideline) for q in sets.get("topics").queries] == [
        ("q2", "Any red."), ("q3", "Only cars."), ("q10", "Only boats.")
    ]  # fmt: skip
    again = sets.add(TWICE, "topics", file="t.csv")
    assert (again.new, again.known, again.version, again.aliases) == (0, 3, 1, added.aliases)
    assert sets.add("q9\tred", "topics", "export").aliases == {"q9": "q2"}
    with pytest.raises(InputError, match="The id q7 stands for 'red' in topics already, and here for 'green'"):
        sets.add("q7\tgreen", "topics", "export")
    assert sets.add("q9\tred", "other", "export").new == 1  # another set may have it under its own id


def test_a_typed_query_that_a_set_has_under_an_id_of_its_own_is_in_it_already(sets):
    sets.add("q2\tred", "topics", "export")
    added = sets.add("red\nred\ngreen", "topics")
    assert (added.new, added.known, added.repeats, added.aliases) == (1, 1, 1, {})
    assert [q.query_id for q in sets.get("topics").queries] == ["q2", parse("green").query_id]
    typed = sets.add("red", "typed")
    assert typed.new == 1 and sets.add("301\tred", "typed", "export").aliases == {"301": parse("red").query_id}


def test_grades_under_another_id_count_for_the_query_before_and_after_it_is_known(sets):
    judgments = JudgmentService(sets._collection)
    judgments.bring("q7 0 a 3\nq2 0 b 1\n", "the qrels", "ann")
    added = sets.add("q2\tred\nq7\tred\n", "topics", "export")
    assert added.renamed == 1 and judgments.grades_for("q2") == {"a": 3, "b": 1} and judgments.grades_for("q7") == {}
    judgments.bring("q7 0 c 2\n", "the qrels", "ann")
    judgments.bring("query,item_id,grade,judge\nred,d,0,ann\n", "grades.csv")
    assert judgments.grades_for("q2") == {"a": 3, "b": 1, "c": 2, "d": 0}
    sets.add("q7\tred\n", "other", "export")  # now the id is a query's own
    judgments.bring("q7 0 e 1\n", "the qrels", "ann")
    assert judgments.grades_for("q7") == {"e": 1}
    assert sets.add("q7\tred\n", "topics", "export").renamed == 0 and judgments.grades_for("q7") == {"e": 1}


def test_sets_say_which_queries_have_grades_and_from_where(sets):
    sets.add("red\nblue\ngreen", "one")
    judgments = JudgmentService(sets._collection)
    assert sets.graded("one") == Graded(0, 3, {})
    judgments.add(parse("red").query_id, "a", 2, "ann")
    judgments.add(parse("blue").query_id, "a", 0, "ann")
    assert sets.graded("one") == Graded(2, 3, {})
    added = sets.add("red\nyellow", "two")
    assert (added.new, added.graded, added.graded_in) == (2, 1, ("one",))
    assert sets.graded("one") == Graded(2, 3, {"two": 1}) and sets.graded("two") == Graded(1, 2, {"one": 1})
    assert sets.add("red\npink", "two").graded == 0  # red is not new to it


def test_what_a_set_has_twice_from_before_is_found(sets):
    red, other = parse("red"), parse("blue")
    reds = [SavedQuery(query_id, "red", red) for query_id in ("q2", "q7", red.query_id)]
    saved = [*reds[:2], SavedQuery("q3", "blue", other), reds[2]]
    sets.keep(saved, "old")
    assert sets.twice("old") == {"q7": "q2", red.query_id: "q2"}
    sets.remove("old", ["q7", red.query_id])
    assert sets.twice("old") == {}
    with pytest.raises(InputError, match="The query 'red' is in old already"):
        sets.edit("old", "q3", line="red")


def test_a_query_from_search_is_judged_where_a_set_has_it_already(sets):
    dog = parse("a dog")
    assert sets.keep_asked(dog, "From search") == ("From search", dog.query_id) and texts(sets, "From search") == ["a dog"]
    sets.add('{"id": "301", "query": "a cat"}\n', "topics", "jsonl")
    assert sets.keep_asked(parse("a cat"), "From search") == ("topics", "301") and texts(sets, "From search") == ["a dog"]
    sets.add('{"id": "302", "query": "a dog"}\n', "topics", "jsonl")
    assert sets.keep_asked(dog, "From search") == ("From search", dog.query_id)
    sets._collection.judgments.add(Judgment("302", "i1", 2, "ann"))
    assert sets.keep_asked(dog, "From search") == ("topics", "302"), "where the grades are"
