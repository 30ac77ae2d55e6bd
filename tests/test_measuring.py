"""``evaluate``, ``run`` and ``qrels`` on the command line: the figures of ir-measures, files that come back, errors with lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.__main__ import main
from core.judge import parse_run
from tests import worlds
from tests.working import fake, no_worker, worker_here  # noqa: F401

PROJECT = Path(__file__).resolve().parents[1]
FIVE = ["nDCG@10", "P@5", "R@20", "AP@50", "RR"]

QRELS = "q1 0 a 3\nq1 0 b 0\nq1 0 c 1\nq2 0 d 1\nq3 0 e 0\n"
RUN = "q1 Q0 b 1 0.9 t\nq1 Q0 a 2 0.8 t\nq1 Q0 x 3 0.7 t\nq1 Q0 c 4 0.6 t\nq9 Q0 a 1 1.0 t\nq3 Q0 e 1 1 t\n"


@pytest.fixture
def loupe(capsys):
    """``loupe(*words)`` runs a command: (exit code, stdout, stderr)."""

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def files(tmp_path):
    (tmp_path / "qrels").write_text(QRELS)
    (tmp_path / "run").write_text(RUN)
    return "--qrels", tmp_path / "qrels", "--run", tmp_path / "run"


# ---------------------------------------------------------------- evaluate


def test_evaluate_hand_case(loupe, files):
    code, out, err = loupe("evaluate", *files, "--json")
    said = json.loads(out)
    assert code == 0 and out.count("\n") == 1
    assert list(said) == ["metrics", "intervals", "n_queries", "unjudged"]
    assert list(said["metrics"]) == FIVE == list(said["intervals"]) == list(said["unjudged"])
    assert all(type(value) is float for value in said["metrics"].values())
    # Means over q1, q2 (not in the run: 0) and q3 (nothing relevant: 0); q9 has no judgment and does not count.
    assert said["n_queries"] == 3
    assert said["metrics"]["RR"] == pytest.approx(1 / 2 / 3)
    assert said["metrics"]["P@5"] == pytest.approx(2 / 5 / 3)
    assert said["metrics"]["R@20"] == pytest.approx(1 / 3)
    assert said["metrics"]["AP@50"] == pytest.approx((1 / 2 + 2 / 4) / 2 / 3)
    ideal = 3 + 1 / np.log2(3)
    assert said["metrics"]["nDCG@10"] == pytest.approx((3 / np.log2(3) + 1 / np.log2(5)) / ideal / 3)
    # x of q1's four results is not judged, q3's one is, q2 has none.
    assert said["unjudged"]["P@5"] == pytest.approx((1 / 4 + 0) / 2)
    # RR looks at b and a of q1, down to the first relevant one, and at all of q3.
    assert said["unjudged"]["RR"] == 0 and said["unjudged"]["AP@50"] == said["unjudged"]["P@5"]
    low, high = said["intervals"]["RR"]
    assert 0 == low < said["metrics"]["RR"] < high == 0.5
    assert "1 of 3 queries of the qrels is not in the run and counts 0: q2." in err
    assert "1 of 3 queries of the run has no judgment and does not count: q9." in err


def test_evaluate_from_grade_two_says_so(loupe, files):
    code, out, _ = loupe("evaluate", *files, "--rel", 2, "--metrics", "P@1,", "P@2 AP@50,RR, nDCG@10", "--json")
    said = json.loads(out)["metrics"]
    assert list(said) == ["P(rel=2)@1", "P(rel=2)@2", "AP(rel=2)@50", "RR(rel=2)", "nDCG@10"]
    assert (said["P(rel=2)@2"], said["AP(rel=2)@50"]) == (pytest.approx(1 / 2 / 3), pytest.approx(1 / 2 / 3))
    code, out, _ = loupe("evaluate", *files, "--metrics", "AP(by=cutoff)@1 P@1", "--json")
    assert json.loads(out)["metrics"] == {"AP(by=cutoff)@1": 0.0, "P@1": 0.0}  # b, which is not relevant, is first
    code, out, _ = loupe("evaluate", *files, "--rel", 2)
    assert code == 0 and "relevant: grade 2 or more" in out and "P(rel=2)@5" in out


def test_evaluate_as_a_process_prints_one_document_and_needs_no_home(files, tmp_path):
    command = [sys.executable, "-m", "core", "evaluate", *map(str, files), "--json"]
    home = tmp_path / "home"
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, env={**os.environ, "LOUPE_HOME": str(home)})
    assert done.returncode == 0 and done.stdout.count("\n") == 1 and list(json.loads(done.stdout)["metrics"]) == FIVE
    assert not home.exists()


def test_evaluate_for_people(loupe, files):
    code, out, _ = loupe("evaluate", *files, "--metrics", "P@5 NumRel")
    lines = out.splitlines()
    assert code == 0 and lines[0].split() == ["metric", "mean", "95", "%", "interval", "unjudged"]
    assert lines[1].split() == ["P@5", "0.1333", "0.0000", "to", "0.4000", "12.5%", "of", "the", "first", "5"]
    assert lines[2].split() == ["NumRel", "2.0000",  # of q2, which is not in the run, ir-measures says 0 here too
                                "12.5%", "of", "all", "results"]
    assert "3 queries; relevant: grade 1 or more" in lines[3]
    lines = loupe("evaluate", *files, "--metrics", "RR RR@2 Rprec nDCG@10")[1].splitlines()
    assert [line.partition("% ")[2] for line in lines[2:5]] == [
        "down to the first relevant one of the first 2", "of as many as are relevant", "of the first 10"]  # fmt: skip
    assert lines[1].endswith("0.0% down to the first relevant one")


@pytest.mark.parametrize(
    ("qrels", "run", "more", "says"),
    [
        ("q1 0 a 1\nq1 0 a\n", RUN, (), "Line 2 of the qrels has 3 fields where 4 are needed"),
        ("q1 0 a 1\n\nq1 0 b x\n", RUN, (), "Line 3 of the qrels has the grade 'x'"),
        (QRELS, "q1 Q0 a 1 0.5\n", (), "Line 1 of the run has 5 fields where 6 are needed"),
        (QRELS, "q1 Q0 a 1 0.5 t\r\nq1 Q0 b 2 nan t\r\n", (), "Line 2 of the run has rank '2' and score 'nan'"),
        ("", RUN, (), "no judgment"),
        (QRELS, RUN, ("--metrics", "nDGC@10"), "no metric 'nDGC@10'"),
        (QRELS, RUN, ("--metrics", "P@0"), "cut-off 0; give 1 or more"),  # the engine would end the process
        (QRELS, RUN, ("--metrics", "P@-3"), "no metric 'P@-3'"),
        (QRELS, RUN, ("--metrics", "P"), "its cut-off is missing"),
        (QRELS, RUN, ("--metrics", ","), "no metric to measure with"),
        (QRELS, RUN, ("--rel", "0"), "grade 0 on cannot be"),
        ("q1 0 a 2000000000\n", RUN, (), "grades beyond 1,000"),
        (b"\xff\xfeq", RUN, (), "no text"),
        (b"q1 0 a 1\nq1 0 \xe9 1\n", RUN, (), "line 2 has a byte"),
    ],
)
def test_evaluate_refuses_with_one_line(loupe, tmp_path, qrels, run, more, says):
    (tmp_path / "qrels").write_bytes(qrels if isinstance(qrels, bytes) else qrels.encode())
    (tmp_path / "run").write_bytes(run.encode())
    code, out, err = loupe("evaluate", "--qrels", tmp_path / "qrels", "--run", tmp_path / "run", *more, "--json")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err


def test_evaluate_needs_both_files(loupe, tmp_path, files):
    assert loupe("evaluate", *files[:2])[0] == 2
    code, _, err = loupe("evaluate", *files[:2], "--run", tmp_path / "none")
    assert code == 2 and "no run file at" in err


def test_evaluate_reads_windows_files_and_gzip(loupe, files, tmp_path):
    import gzip

    before = loupe("evaluate", *files, "--json")[1]
    (tmp_path / "qrels").write_bytes(b"\xef\xbb\xbf" + QRELS.replace(" ", "\t").replace("\n", " \r\n").encode())
    (tmp_path / "run").write_bytes(gzip.compress(RUN.encode()))
    assert loupe("evaluate", *files, "--json")[1] == before


SCORES = st.sampled_from([0.0, 0.5, 0.5 + 1e-9, 0.5 + 1e-7, 1.0, -2.0, 1e30, 3.0])
RANKED = st.dictionaries(st.sampled_from(["q1", "q2", "q3", "q10"]), st.dictionaries(st.sampled_from("abcdefghij"), SCORES, max_size=8),
                         max_size=4)  # fmt: skip
GRADES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3), min_size=1, max_size=8)
JUDGED = st.dictionaries(st.sampled_from(["q1", "q2", "q3", "q5"]), GRADES, min_size=1, max_size=4)


@given(JUDGED, RANKED)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_evaluate_gives_what_the_command_line_of_ir_measures_gives(loupe, tmp_path, judged, ranked):
    """Ties (also in single precision), queries on one side only, nothing relevant, nothing found."""
    qrels, run = tmp_path / "q.qrels", tmp_path / "r.run"
    qrels.write_text("".join(f"{q} 0 {item} {grade}\n" for q, grades in judged.items() for item, grade in grades.items()))
    run.write_text("".join(f"{q} Q0 {item} 0 {score!r} t\n" for q, scores in ranked.items() for item, score in scores.items()))
    names = [*FIVE, "P(rel=2)@3", "Bpref", "infAP", "Judged@10", "RR@10"]
    code, out, _ = loupe("evaluate", "--qrels", qrels, "--run", run, "--metrics", *names, "--json")
    assert code == 0
    tool = [sys.executable, "-W", "ignore", "-m", "ir_measures", str(qrels), str(run), *names, "-p", "-1"]
    theirs = subprocess.run(tool, capture_output=True, text=True, check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}).stdout
    expected = {name: float(value) for name, value in (line.split("\t") for line in theirs.splitlines())}
    assert json.loads(out)["metrics"] == expected


# ---------------------------------------------------------------- run and qrels


@pytest.fixture
def wb(tmp_path):
    return worlds.colour_world(tmp_path / "pictures", 36)


def test_a_run_keeps_the_order_of_search_in_every_tool(loupe, wb, tmp_path):
    """The run is read back in the order of the ranking by trec_eval's rules, equal scores included."""
    from core.metrics.evaluate import order

    (tmp_path / "queries.txt").write_text("red\n\nblue circle\ngreen -blue\n")
    code, out, err = loupe("run", "Colours", "--queries", tmp_path / "queries.txt", "-k", 36)
    assert (code, err) == (0, "")
    lines = parse_run(out)
    ranked = order((line.topic, line.docno, float(line.score)) for line in lines)
    for text in ("red", "blue circle", "green -blue"):
        result = wb.search(text, 36, log=False)
        assert ranked[result.query.query_id] == list(result.item_ids)
    assert [line.rank for line in lines] == [*range(1, 37)] * 3
    assert {line.tag for line in lines} == {"plain"}
    assert wb.collection.n_searches() == 0


def test_a_run_of_our_export_has_the_ids_and_filters_of_what_was_saved(loupe, wb, tmp_path):
    from core.query.parse import parse
    from core.types import SavedQuery

    filtered = parse("red", "number < 12")
    title = SavedQuery("301", 'red: a "title', parse("red"))  # words that are no line of the query language
    wb.judgments.save_queries([SavedQuery("mine", "red", filtered), title], "Colours")
    (tmp_path / "queries.tsv").write_text(wb.judgments.export_queries())
    out = tmp_path / "out.run"
    code, said, _ = loupe("run", "Colours", "--queries", tmp_path / "queries.tsv", "-k", 20, "--out", out, "--tag", "t", "--json")
    said = json.loads(said)
    lines = parse_run(out.read_text())
    assert code == 0 and said == {"collection": "Colours", "recipe": "plain", "k": 20, "queries": 5, "lines": 92, "out": str(out)}
    assert sum(line.topic == "mine" for line in lines) == 12
    assert {line.topic for line in lines} == {query.query_id for query in wb.judgments.queries()}


def test_a_run_by_image_names(loupe, wb, tmp_path):
    item_id = next(i.item_id for i in wb.items.many(wb.collection.ids()) if i.file == "0002-blue-circle.png")
    (tmp_path / "q.csv").write_text("qid,query,image\n1,,0002-blue-circle.png\n2,red image:0002-blue-circle.png,\n")
    code, out, _ = loupe("run", "Colours", "--queries", tmp_path / "q.csv", "--recipe", "sum", "-k", 3)
    assert code == 0
    lines = parse_run(out)
    assert [line.docno for line in lines[3:]] == list(wb.search(f"red image:{item_id}", 3, recipe="sum", log=False).item_ids)
    (tmp_path / "q.csv").write_text("qid,image\n1,0002-blue-circle.png\n2,nothere.png\n")
    code, out, err = loupe("run", "Colours", "--queries", tmp_path / "q.csv")
    assert (code, out) == (2, "") and "Line 3 of q.csv names the image 'nothere.png': no picture" in err


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("q.txt", 'fine\n"never closed\n', "Line 2 of q.txt: The quote that opens here is never closed"),
        ("q.txt", "\n \n", "no query in q.txt"),
        ("q.tsv", "1\tred\nblue\n", "Line 2 of q.tsv has no tab"),
        ("q.csv", "qid,query\n1,red\n1,blue\n", "Lines 2 and 3 of q.csv give the id 1 to two queries"),
        ("q.csv", 'qid,query\n"a b",red\n', "Line 2 of q.csv has the query id 'a b'"),
        ("q.csv", "query,where\nred,\nblue,number = \n", "Line 3 of q.csv: In the filter of 'blue': "),
        ("q.jsonl", '{"query": "red"}\n{"query": \n', "Line 2 of q.jsonl is no JSON"),
    ],
)
def test_queries_that_cannot_be_read_are_refused_with_their_line(loupe, wb, tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    code, out, err = loupe("run", "Colours", "--queries", tmp_path / name)
    assert (code, out, err.count("\n")) == (2, "", 1) and says in err


def test_a_recipe_that_is_not_there_is_said_first_and_of_no_query(loupe, wb, tmp_path):
    code, out, err = loupe("run", "Colours", "--queries", tmp_path / "none.txt", "--recipe", "nope")
    assert (code, out) == (2, "") and err.startswith("loupe: There is no recipe 'nope'; there are: plain, folded, sum, ")


def test_a_file_is_written_where_it_is_named_and_no_folder_is_made_for_it(loupe, wb, tmp_path):
    (tmp_path / "q.txt").write_text("red\n")
    gone = tmp_path / "gone"
    for words in (
        ("run", "Colours", "--queries", tmp_path / "q.txt", "--out", gone / "x.run"),
        ("qrels", "Colours", "--export", gone / "x.qrels"),
        ("export", "Colours", gone / "x.parquet"),
    ):
        code, out, err = loupe(*words)
        assert (code, out) == (2, "") and f"The folder {gone} does not exist; make it, or name another for x." in err
        code, out, err = loupe(*words[:-1], tmp_path)
        assert (code, out) == (2, "") and f"{tmp_path} is a folder; name a file in it." in err
    assert not gone.exists()


def test_qrels_out_and_in(loupe, wb, tmp_path):
    ids = wb.collection.ids()[:3]
    text = f"q1 0 {ids[0]} 3\nq1 0 {ids[1]} 0\nq2 0 gone 2\n"
    (tmp_path / "in.qrels").write_text(text)
    code, out, err = loupe("qrels", "Colours", "--import", tmp_path / "in.qrels", "--judge", "ann", "--json")
    said = json.loads(out)
    assert code == 0 and said["imported"] == 3
    assert said["items"] == {"known": 2, "unknown": 1} and said["queries"] == {"known": 0, "unknown": 2}
    assert "1 of 3 items is not in Colours; its grades are kept: gone." in err
    assert "2 of 2 queries are not saved in Colours; their grades are kept: q1, q2. They count once a query set has" in err
    code, out, _ = loupe("qrels", "Colours", "--export", tmp_path / "out.qrels")
    assert code == 0 and (tmp_path / "out.qrels").read_text() == "".join(sorted(text.splitlines(True)))
    assert loupe("qrels", "Colours", "--export", "-")[1] == (tmp_path / "out.qrels").read_text()


def test_qrels_refuses_what_cannot_be_a_grade_with_its_line_and_adds_nothing(loupe, wb, tmp_path):
    (tmp_path / "in.qrels").write_text("q1 0 a 1\nq1 0 b 4\n")
    code, out, err = loupe("qrels", "Colours", "--import", tmp_path / "in.qrels", "--judge", "ann")
    assert (code, out) == (2, "") and "Line 2 of the qrels: grades here are 0 to 3; q1 b has 4" in err
    assert loupe("qrels", "Colours", "--import", tmp_path / "in.qrels")[0] == 2  # no judge
    assert loupe("qrels", "Colours")[0] == 2
    assert len(wb.collection.judgments) == 0


def test_progress_has_rate_and_time_left(monkeypatch):
    from core import documents

    said, now = [], iter([10.0, 12.0])
    monkeypatch.setattr(documents.time, "monotonic", lambda: next(now))
    documents.Pace("query", said.append)(20, 1_000)
    assert said == ["query 20 of 1,000, 10/s, 98 s left"]


def test_a_table_of_grades_comes_in_with_its_own_judges(loupe, wb, tmp_path):
    item = wb.collection.ids()[0]
    (tmp_path / "in.csv").write_text(f"query,item_id,file,grade,judge,ms\nred,{item},,3,bob,900\nred,,no.png,1,bob,\n")
    code, out, err = loupe("qrels", "Colours", "--import", tmp_path / "in.csv")
    assert code == 0 and out == "2 rows read; 1 of them, on 1 query, added.\n"
    assert "1 row left out, because the image is not found: line 3: no.png: " in err
    assert [(j.judge, j.grade, j.ms) for j in wb.collection.judgments.all()] == [("bob", 3, 900)]


def test_a_run_has_every_id_of_a_query_and_says_which_are_the_same(loupe, wb, tmp_path):
    (tmp_path / "q.tsv").write_text("q2\tred\nq3\tblue\nq7\tred\n")
    code, out, err = loupe("run", "Colours", "--queries", tmp_path / "q.tsv", "-k", 2)
    assert code == 0 and [line.topic for line in parse_run(out)] == ["q2", "q2", "q3", "q3", "q7", "q7"]
    assert "1 query is there twice, and counted twice: q7 = q2." in err
