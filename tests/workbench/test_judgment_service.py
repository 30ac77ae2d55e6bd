"""Judging through the workbench."""

from __future__ import annotations

import pytest

from core.errors import InputError, QueryError
from core.query.parse import parse
from core.store import Collection
from core.types import Judgment
from core.workbench.judgments import JudgmentService
from tests.worlds import colour_world


@pytest.fixture
def service() -> JudgmentService:
    return JudgmentService(Collection.create("Judged"))


def test_grades_of_a_judge_and_undo(service):
    service.add("q1", "a", 1, "ann")
    row = service.add("q1", "a", 3, " ann ")
    service.add("q1", "b", None, "ann")
    service.add("q1", "a", 0, "bob")
    assert service.for_query("q1", "ann") == {"a": 3, "b": None}
    service.undo(row)
    assert service.for_query("q1", "ann") == {"a": 1, "b": None}
    assert service.judged_queries("bob") == {"q1"}


def test_undo_last_takes_back_one_judges_last_word_on_one_item(service):
    service.add("q1", "a", 1, "ann")
    service.add("q1", "a", 3, "bob")
    service.add("q1", "a", 2, "ann")
    service.add("q1", "b", 0, "ann")
    assert service.last_judged("ann") == "q1" and service.last_judged("cid") is None
    assert service.undo_last("q1", "a", "ann")
    assert service.for_query("q1", "ann") == {"a": 1, "b": 0}
    assert service.undo_last("q1", "a", "ann")
    assert not service.undo_last("q1", "a", "ann")
    assert service.for_query("q1", "ann") == {"b": 0}
    assert service.for_query("q1", "bob") == {"a": 3}


def test_a_grade_needs_a_name(service):
    with pytest.raises(InputError, match="name"):
        service.add("q1", "a", 1, "  ")


def test_qrels_say_the_median_and_leave_out_what_nobody_could_tell(service):
    for judge, grade in (("ann", 1), ("bob", 2), ("cid", None)):
        service.add("q1", "a", grade, judge)
    service.add("q1", "b", None, "ann")
    assert service.export_qrels() == ("q1 0 a 1\n", 1)
    service.add("q1", "a", 3, "chief", origin="adjudication")
    assert service.export_qrels() == ("q1 0 a 3\n", 1)


def test_made_grades_are_counted_apart_and_yield(service):
    service._collection.judgments.add(Judgment("q1", "a", 3, "names", origin="names and keywords"))
    service.add("q1", "a", 0, "ann")
    service._collection.judgments.add(Judgment("q1", "b", 2, "names", origin="names and keywords"))
    summary = service.summary()
    assert (summary.grades, summary.judges, summary.queries, summary.made) == (1, 1, 1, 2)
    assert service.by_query() == ({"q1": 1}, {"q1": 2})
    assert service.export_qrels()[0] == "q1 0 a 0\nq1 0 b 2\n"
    assert service.export_qrels(with_made=False)[0] == "q1 0 a 0\n"
    assert service.for_query("q1", "names") == {}


def test_qrels_come_back_in(service):
    assert len(service.bring("q1 0 a 2\nq1 0 b 0\n", "the qrels", "file").rows) == 2
    assert service.export_qrels()[0] == "q1 0 a 2\nq1 0 b 0\n"
    with pytest.raises(InputError, match="Line 2 of the qrels: grades here are 0 to 3; q2 c has 4"):
        service.bring("q2 0 d 1\nq2 0 c 4\n", "the qrels", "file")
    assert service.grades_for("q2") == {}


def test_queries_go_out_with_the_ids_that_the_qrels_use(service):
    service.add_typed_queries("red car\nblue -night", "mine")
    first, second = service.queries("mine")
    assert service.export_queries() == f"{first.query_id}\tred car\n{second.query_id}\tblue -night\n"


def test_typed_queries_all_or_none(service):
    assert service.add_typed_queries("red car\n\n  blue -night \nred car", "mine") == 2
    assert [query.text for query in service.queries("mine")] == ["red car", "blue -night"]
    with pytest.raises(QueryError):
        service.add_typed_queries('fine\n"never closed', "mine")
    assert service.query_sets() == [("mine", 2)]
    with pytest.raises(InputError, match="no query"):
        service.add_typed_queries(" \n ", "mine")


def test_a_grade_is_handed_on_to_copies_told_apart_and_undone_with_it(service):
    service.add("q1", "b", 0, "ann")  # ann looked at this copy herself
    service.add("q1", "a", 3, "ann", ms=1500, copies=("b", "c", "a"))
    kept = service._collection.judgments.all()
    assert [(j.item_id, j.grade, j.origin, j.ms, j.copied_from) for j in kept] == [
        ("b", 0, "judge", None, None), ("a", 3, "judge", 1500, None), ("b", 3, "copy", None, 2), ("c", 3, "copy", None, 2)
    ]  # fmt: skip
    assert service.grades_for("q1") == {"a": 3, "b": 0, "c": 3}
    assert service.for_query("q1", "ann") == {"a": 3, "b": 0} and service.judged("ann") == {("q1", "a"), ("q1", "b")}
    summary = service.summary()
    assert (summary.grades, summary.made, summary.copied) == (2, 0, 2)
    assert service.undo_last("q1", "a", "ann")
    assert service.grades_for("q1") == {"b": 0}


def test_an_adjudication_is_another_role_than_the_judges_own_grade(service):
    service.add("q1", "a", 0, "ann")
    service.add("q1", "a", 3, "bob", note="clearly red")
    assert [(d.item_id, d.apart) for d in service.disagreements()] == [("a", 3)]
    assert [(j.judge, j.grade, j.note) for j in service.said("q1")["a"]] == [("ann", 0, ""), ("bob", 3, "clearly red")]
    service.add("q1", "near", 1, "ann")
    service.add("q1", "near", 2, "bob")
    assert [(d.item_id, d.small) for d in service.disagreements(small=True)] == [("a", False), ("near", True)]
    service.undo_last("q1", "near", "ann")
    service.undo_last("q1", "near", "bob")
    service.add("q1", "a", 2, "ann", origin="adjudication", copies=("b",))
    assert service.for_query("q1", "ann") == {"a": 0} and service.for_query("q1", "ann", "adjudication") == {"a": 2}
    assert service.grades_for("q1") == {"a": 2, "b": 2}
    assert service.disagreements() == [] and [d.adjudicated for d in service.disagreements(decided=True)] == [True]
    assert service.disagreements({"q2"}, decided=True) == []
    assert service.summary().adjudicated == 1
    assert not service.undo_last("q1", "a", "bob", "adjudication")
    assert service.undo_last("q1", "a", "ann", "adjudication")
    assert service.grades_for("q1") == {"a": 1} and service.for_query("q1", "ann") == {"a": 0}


def test_the_time_of_a_judgment(service):
    assert service.median_seconds("ann") is None
    for n, ms in enumerate((1000, 9000, 2000, None)):
        service.add("q1", f"i{n}", 1, "ann", ms=ms)
    service.add("q1", "i0", 1, "bob", ms=50_000)
    assert service.median_seconds("ann") == 2.0
    service.add("q1", "i0", 1, "ann", ms=1, origin="adjudication")
    assert service.median_seconds("ann") == 2.0  # another role
    assert [(item, j.ms) for item, j in service.given("q1", "ann").items()] == [("i0", 1000), ("i1", 9000), ("i2", 2000), ("i3", None)]


def test_grades_go_out_with_their_judges_and_come_back(service, tmp_path):
    service.add("q1", "a", 3, "ann", note="sharp, \"red\"", ms=1234)
    service.add("q1", "a", 1, "bob")
    service.add("q1", "b", None, "ann")
    for kind in ("csv", "jsonl"):
        text = service.export_judgments(kind)
        other = JudgmentService(Collection.create(f"Other {kind}"))
        found = other.bring(text, f"grades.{kind}")
        assert (len(found.rows), found.n_read, found.unknown_items, found.unknown_queries) == (3, 3, {"a": 2, "b": 1}, {"q1": 3})
        assert [j.ms for j in other.given("q1", "ann").values()] == [1234, None]
        assert other.export_judgments(kind) == text
        assert other.agreement().overall.raw.value == 0.0 and other.agreement({"q2"}).overall.n_items == 0
        other.undo_many(found.rows)
        assert other.export_judgments("jsonl") == ""


def test_qrels_need_a_name_and_a_bad_line_adds_nothing(service):
    with pytest.raises(InputError, match="give a name"):
        service.bring("q1 0 a 2\n", "some.qrels")
    with pytest.raises(InputError, match="Line 2"):
        service.bring("query_id,item_id,grade,judge\nq1,a,7,ann\n", "grades.csv")
    assert service.summary().grades == 0


def test_rows_that_do_not_count_are_told_apart(tmp_path):
    wb = colour_world(tmp_path / "images")
    here = wb.collection.item(wb.collection.ids()[0])
    red = parse("red").query_id
    wb.querysets.add("301\tyellow\n302\tyellow", "topics", "export")
    text = (f"query_id,query,item_id,file,grade,judge\n,red,{here.item_id},,3,ann\n,blue sky,,{here.file},2,ann\n,blue sky,gone,,1,ann\n"
            f"q99,,{here.item_id},,1,ann\n301,,{here.item_id},,1,ann\n302,,{here.item_id},,0,ann\n,red,,no.png,1,ann\n")  # fmt: skip
    found = wb.judgments.bring(text, "grades.csv")
    assert (found.n_read, len(found.rows), found.n_queries, found.n_items) == (7, 6, 5, 2)
    assert found.unknown_queries == {"blue sky": 2, "q99": 1} and found.unknown_items == {"gone": 1}
    ((line, file, why),) = found.not_found
    assert (line, file) == (8, "no.png") and "no picture" in why
    assert (found.aliased, found.again) == (1, 1) and wb.judgments.grades_for("301") == {here.item_id: 0}
    assert wb.judgments.grades_for(red) == {here.item_id: 3}
    wb.querysets.add("blue sky", "mine")
    assert wb.judgments.grades_for(parse("blue sky").query_id) == {here.item_id: 2, "gone": 1}
    with pytest.raises(InputError, match="Line 3 .* grade '9'"):  # all or nothing, where a row cannot be read
        wb.judgments.bring("query,file,grade,judge\nred,no.png,1,ann\nred,no.png,9,ann\n", "grades.csv")
