"""Query sets, judgments, qrels and runs as text and back."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.judge import format_qrels, format_run, parse_qrels, parse_run
from core.judge.querysets import format_queries, kind_of, read_queries
from core.judge.records import format_judgments, read_rows
from core.judge.runs import run_lines
from core.judge.textfiles import decode
from core.judge.trec import Qrel, RunLine
from core.metrics.evaluate import order
from core.query.parse import parse
from core.types import Hit, Judgment, Query, SavedQuery, SearchResult, Term, TextMatch

LETTERS = st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t \"\\<>&:-^,;\x85\u2028")
WORDS = st.text(LETTERS, min_size=1, max_size=20).filter(lambda text: text.strip() and "\0" not in text)
TOKEN = st.text(st.characters(exclude_categories=("Cs", "Zs", "Zl", "Zp", "Cc")), min_size=1, max_size=12)
WEIGHT = st.sampled_from([1.0, -1.0, 2.0, 0.5, -0.25])
IDS = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8)
TERMS = st.builds(Term, st.just("text"), WORDS, WEIGHT) | st.builds(Term, st.sampled_from(["item", "upload"]), IDS, WEIGHT)
LITERALS = st.builds(TextMatch, st.sampled_from(["file", "caption"]), st.from_regex(r"[a-z]+[ \"<&]?[a-z]*", fullmatch=True), st.booleans())
QUERIES = st.builds(Query, st.lists(TERMS, min_size=1, max_size=4).map(tuple), st.lists(LITERALS, max_size=2).map(tuple),
                    st.sampled_from(["", "n_k > 3", "colour = 'red & \"blue\"' and width <= 400"]))  # fmt: skip


# ---------------------------------------------------------------- query sets


@given(st.dictionaries(TOKEN, st.tuples(QUERIES, st.sampled_from(["", "red, all of it", "as <b>\n& \"so\""])), min_size=1, max_size=4))
@settings(deadline=None, max_examples=120)
def test_query_sets_come_back_as_they_were(said):
    queries = [SavedQuery(query_id, "shown", query, guideline) for query_id, (query, guideline) in said.items()]
    for kind in ("csv", "jsonl", "topics"):
        text = format_queries(queries, kind)
        assert kind_of(text, "") == kind
        back = read_queries(text)
        assert [(one.query_id, one.query) for one in back] == [(one.query_id, one.query) for one in queries]
        assert [" ".join(one.guideline.split()) for one in back] == [" ".join(one.guideline.split()) for one in queries]
        assert format_queries(back, "topics") == format_queries(queries, "topics") or kind == "topics"


def test_lines_and_export():
    assert kind_of("red\nblue") == "lines" and kind_of("q1\tred") == "export" and kind_of("red car\tblue") == "lines"
    red, both = read_queries("red car\r\n\r\n  red car \nbeach -\"people swimming\"\n")
    assert (red.query_id, red.text, red.query) == (parse("red car").query_id, "red car", parse("red car"))
    assert both.query.terms[1].weight == -1
    assert [(one.query_id, one.text) for one in read_queries("q1\tred\nq2\tred\n")] == [("q1", "red"), ("q2", "red")]


def test_topics_of_trec():
    text = """<top>
<num> Number: 301
<title> International Organized Crime

<desc> Description:
Identify organizations that participate, at AT&T too.

<narr> Narrative:
A relevant document must name it.
</top>

<top>
<num> 302 </num>
<title>Poliomyelitis &amp; Post-Polio</title>
</top>"""
    first, second = read_queries(text)
    assert (first.query_id, first.text) == ("301", "International Organized Crime")
    assert first.guideline == "Identify organizations that participate, at AT&T too. A relevant document must name it."
    assert (second.query_id, second.text) == ("302", "Poliomyelitis & Post-Polio")
    web = """<topics>
<topic number="7" type="faceted">
<query>obama family tree</query>
<description>Find it.</description></topic></topics>"""
    assert [(one.query_id, one.text, one.guideline) for one in read_queries(web)] == [("7", "obama family tree", "Find it.")]


def test_what_is_in_brackets_in_a_topic_is_text_unless_it_is_a_tag_of_trec():
    text = """<top>
<num> Number: 6
<title> kids &amp; <b>dogs</b>, a<c <image>
<desc> Description: Any <i lang="en">dog</i>,
<one> or more.
<dom> Domain: Pets
<narr> Not <title-like> ones, 3 < 4 <br/>
<guideline>Look twice.</guideline>
</top>"""
    (one,) = read_queries(text)
    assert (one.query_id, one.text) == ("6", "kids & <b>dogs</b>, a<c <image>")
    assert one.guideline == 'Any <i lang="en">dog</i>, <one> or more. Not <title-like> ones, 3 < 4 <br/> Look twice.'


def test_images_by_file_name_and_composed():
    names = {"a b.jpg": "i1", "sub/c.jpg": "i2", "i9": "i9"}

    def resolve(name):
        return (names[name], "") if name in names else (None, "no picture is called so")

    text = 'image:"a b.jpg"\nred -image:sub/c.jpg "in image:a.jpg"^2\nimage:i9^0.5 blue'
    one, two, three = (query.query.terms for query in read_queries(text, resolve=resolve))
    assert one == (Term("item", "i1"),)
    assert two == (Term("text", "red"), Term("item", "i2", -1.0), Term("text", "in image:a.jpg", 2.0))
    assert three == (Term("item", "i9", 0.5), Term("text", "blue"))
    by_column = read_queries("qid;query;image\n1;red;a b.jpg\n2;;sub/c.jpg\n", resolve=resolve)
    assert [one.query.terms for one in by_column] == [(Term("text", "red"), Term("item", "i1")), (Term("item", "i2"),)]
    with pytest.raises(InputError, match="Line 2 of the queries names the image 'x.jpg': no picture is called so"):
        read_queries("red\nimage:x.jpg", resolve=resolve)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("q1\tred\nblue", None, "Line 2 of the queries has no tab"),
        ("<top>\n<title> x\n</top>", None, "topic at line 1 of the queries has no number"),
        ("\n<top><num>1</num></top>", None, "topic 1 at line 2 of the queries has no title"),
        ("no topics", "topics", "no <top>"),
        ("<top><num>1<title>a</top>\n<top><num>2<title>b\n<top><num>3<title>c</top>", None, "The <top> at line 2 of the queries has no"),
        ("\n<topic number='1'><title>a</title>\n", None, "The <topic> at line 2 of the queries has no </topic>"),
        ("<top><num>1<title> <desc>b</top>", None, "topic 1 at line 1 of the queries has no title"),
        ('{"query": ["a"]}', None, "Line 1 of the queries has a list"),
        ("[1]", "jsonl", "Line 1 of the queries is no JSON object"),
        ("{" * 100_000, "jsonl", "Line 1 of the queries is no JSON"),
        ("query,query\na,b", "csv", "column 'query' twice"),
        ("query,image\n,\n\"a\nb\",,,x", "csv", "Line 3 of the queries has 4 cells"),
        ("qid,colour\n1,red", "csv", "Line 2 of the queries has no query"),
        ("query,where\n,n_k > 3", "csv", "has no query"),
        ("file:abc", None, "neither words nor an image"),
        ("", None, "no query"),
        ("x" * 129 + "\tred", "export", "an id is 1 to 128"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text, kind, says):
    with pytest.raises(InputError, match=says):
        read_queries(text, kind=kind)


@given(st.text(max_size=200), st.sampled_from([None, "lines", "export", "csv", "jsonl", "topics"]))
@settings(deadline=None, max_examples=150)
def test_any_text_is_read_or_refused_in_words(text, kind):
    for read in (lambda: read_queries(text, kind=kind), lambda: read_rows(text), lambda: parse_qrels(text), lambda: parse_run(text)):
        try:
            read()
        except InputError:
            pass


# ---------------------------------------------------------------- judgments

TIMES = st.integers(1, 4_000_000_000_000_000).map(lambda n: n / 1e6)
JUDGMENTS = st.lists(st.builds(
    Judgment, TOKEN, TOKEN, st.sampled_from([0, 1, 2, 3, None]), WORDS.map(str.strip), TIMES, WORDS.map(str.strip),
    st.sampled_from(["judge", "adjudication", "names and keywords"]), st.none() | st.integers(0, 2**53),
), min_size=1, max_size=5)  # fmt: skip


@given(JUDGMENTS)
@settings(deadline=None, max_examples=100)
def test_judgments_come_back_as_they_were(said):
    for kind in ("csv", "jsonl"):
        back = read_rows(format_judgments(said, kind, queries={said[0].query_id: "red, \"car\""})).judgments
        assert [(j.query_id, j.item_id, j.grade, j.judge, j.note, j.origin, j.ms) for j in back] == [
            (j.query_id, j.item_id, j.grade, j.judge, j.note, j.origin, j.ms) for j in said
        ]
        assert [j.at for j in back] == pytest.approx([j.at for j in said], abs=2e-6, rel=0)


def test_judgments_of_a_spreadsheet():
    text = "query;file;grade;rater\nred;a.jpg;2.0;ann\nred;b.jpg;Can\u2019t tell;\n"
    red = parse("red").query_id
    found = read_rows(text, judge="bob", resolve=lambda file: (file[0], "")).judgments
    assert [(j.query_id, j.item_id, j.grade, j.judge) for j in found] == [(red, "a", 2, "ann"), (red, "b", None, "bob")]
    rows = format_judgments(found, "csv", files={"a": "a.jpg"}).splitlines()[1:]
    assert rows == [f"{red},,a,a.jpg,2,ann,,,judge,", f"{red},,b,,can't tell,bob,,,judge,"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("query_id,item_id,grade,judge\nq,i,4,a", "Line 2 of x.csv has the grade '4'; give 0 to 3"),
        ("query_id,item_id,grade,judge\nq,i,1,a\nq,i,,a", "Line 3 of x.csv has no grade"),
        ("query_id,item_id,grade\nq,i,1", "Line 2 of x.csv does not name the judge"),
        ("query_id,grade,judge\nq,1,a", "names no item"),
        ("item_id,grade,judge\nq,1,a", "names no query"),
        ("query_id,file,grade,judge\nq,f,1,a", "names the image 'f': files cannot"),
        ("query_id,item_id,grade,judge,time\nq,i,1,a,yesterday", "has the time 'yesterday'"),
        ("query_id,item_id,grade,judge,time\nq,i,1,a,1e300", "has the time '1e300'"),
        ("query_id,item_id,grade,judge\n", "no judgment in x.csv"),
        ("query_id,item_id,grade,judge,ms\nq,i,1,a,20.0\nq,i,1,a,-3", "Line 3 of x.csv has the time '-3' in 'ms'; give milliseconds"),
        ("query_id,item_id,grade,judge,ms\nq,i,1,a,nan", "has the time 'nan' in 'ms'"),
    ],
)
def test_judgments_that_cannot_be_read(text, says):
    with pytest.raises(InputError, match=says):
        read_rows(text, "x.csv")


def test_nothing_is_a_formula_in_a_spreadsheet():
    said = [Judgment("q", "i", 1, "=HYPERLINK(1)", 1.0, "-2+3"), Judgment("q", "j", 1, "'=x", 1.0, "'tis")]
    text = format_judgments(said, "csv", queries={"q": "-night"})
    assert [row.split(",")[1::2][:1] + row.split(",")[5:8:2] for row in text.splitlines()[1:]] == [
        ["'-night", "'=HYPERLINK(1)", "'-2+3"], ["'-night", "''=x", "'tis"]]  # fmt: skip
    assert list(read_rows(text).judgments) == said


# ---------------------------------------------------------------- TREC


SCORE = st.floats(allow_nan=False)


@given(st.lists(st.tuples(TOKEN, TOKEN, st.integers(-5, 5), TOKEN)), st.lists(st.tuples(TOKEN, TOKEN, st.integers(0, 99), SCORE, TOKEN)))
@settings(deadline=None, max_examples=100)
def test_trec_files_come_back_to_the_byte(qrels, run):
    text = format_qrels(Qrel(*one) for one in qrels)
    assert format_qrels(parse_qrels(text)) == text
    assert format_qrels(parse_qrels(text.replace("\n", " \t\r\n").replace(" ", "\t"))) == text
    text = format_run(RunLine(topic, docno, rank, repr(score), tag) for topic, docno, rank, score, tag in run)
    assert format_run(parse_run(text)) == text
    assert [line.score for line in parse_run(text)] == [repr(one[3]) for one in run]


@given(st.lists(st.tuples(TOKEN, TOKEN, st.integers(-5, 5)), min_size=1), st.lists(st.tuples(TOKEN, TOKEN, SCORE), min_size=1))
@settings(deadline=None, max_examples=60)
def test_ir_measures_reads_what_we_write(qrels, run):
    import ir_measures

    written = format_qrels(Qrel(*one) for one in qrels)
    assert [(q.query_id, q.doc_id, q.relevance) for q in ir_measures.read_trec_qrels(written)] == qrels
    written = format_run(RunLine(topic, item, n, repr(score)) for n, (topic, item, score) in enumerate(run))
    assert [tuple(one) for one in ir_measures.read_trec_run(written)] == run


CLOSE = st.sampled_from([0.3, 0.3 + 1e-9, 0.3 + 1e-7, 20.0, 20.000001, 1e-30, 0.0, -0.0])


@given(st.lists(st.floats(-40, 40, width=32) | CLOSE, min_size=1, max_size=30))
@settings(deadline=None, max_examples=150)
def test_a_written_run_has_the_order_of_the_search_for_trec_eval(scores):
    items = sorted((-round(score, 6), f"i{n:03}", score) for n, score in enumerate(scores))
    hits = tuple(Hit(item_id, rank, score, score) for rank, (_, item_id, score) in enumerate(items, 1))
    lines = run_lines("q", SearchResult(Query(), len(hits), hits, len(hits), len(hits), "exact"), "t")
    written = [float(line.score) for line in lines]
    assert all(np.float32(a) > np.float32(b) for a, b in zip(written, written[1:]))
    assert order([("q", line.docno, float(line.score)) for line in lines])["q"] == [hit.item_id for hit in hits]
    assert written == pytest.approx([hit.score for hit in hits], abs=3e-5)


def test_decoding():
    import gzip

    assert decode("é".encode("utf-16"), "f") == "é" and decode(gzip.compress(b"\xef\xbb\xbfa"), "f") == "a"
    with pytest.raises(InputError, match="cannot be unpacked"):
        decode(gzip.compress(b"abc")[:-4], "f")
    with pytest.raises(InputError, match="f is no text in UTF-8: line 3 has a byte"):
        decode(b"a\nb\n\xff", "f")
    with pytest.raises(InputError, match="f is no text in UTF-16: "):
        decode("é".encode("utf-16")[:-1], "f")
    with pytest.raises(InputError, match="unpacks to more than 9 bytes"):
        decode(gzip.compress(b"0123456789"), "f", 9)
