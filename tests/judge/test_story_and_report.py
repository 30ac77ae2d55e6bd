"""The story on a planted hub and where there is none; the report: nothing hostile in it runs, nothing in it is fetched."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.judge import markup
from core.judge.evaluation import evaluate
from core.judge.report import Pictures, Subject, _bars, _footer, by_difference, report_html
from core.judge.story import hub_from, tell
from core.rank import hubness
from tests.judge.planted_hub import trial

HOSTILE = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'-alert(1)-'", "</title></style><svg/onload=alert(1)>",
           "http://evil.example/x.js", "a & b", "<!--", "\u202eevil\u202c"]  # fmt: skip


@cache
def planted(hub: bool, n_queries: int = 60):
    """Rankings without and with inverted softmax over `tests.judge.planted_hub`."""
    made = trial(hub)
    bias = hubness.item_bias(made.banks[0].vectors, made.items, "is", 20.0)
    ids = np.array([f"i{n:03d}" for n in range(len(made.items))])
    scores = made.queries[:n_queries] @ made.items.T
    rankings = {
        name: {f"q{q:02d}": tuple(ids[np.argsort(-row, kind="stable")[:50]]) for q, row in enumerate(table)}
        for name, table in (("plain", scores), ("corrected", scores + bias))
    }
    grades = {f"q{q:02d}": {f"i{q:03d}": 3, "i000" if q else "i001": 0} for q in range(n_queries)}
    words = {f"q{q:02d}": f"query {q}" for q in range(n_queries)}
    return rankings, grades, words, len(ids)


@cache
def told(hub: bool):
    rankings, grades, words, n = planted(hub)
    table = evaluate(rankings, grades, baseline="plain", depth=50)
    return table, rankings, grades, words, tell(table, rankings, grades, words, lambda item: f"name of {item}", n)


def test_a_planted_hub_is_the_reason_and_the_correction_the_fix():
    table, rankings, grades, _, steps = told(True)
    assert [step.name for step in steps] == ["A query", "A win", "A failure", "Why", "The fix"]
    assert all(step.told for step in steps)
    _, _, failure, why, fix = steps
    assert failure.query_id == why.query_id == fix.query_id
    ranking = rankings["plain"][failure.query_id]
    assert grades[failure.query_id].get(ranking[0], 0) == 0
    hub = why.panels[0].entries[0]
    n = sum("i300" in found[:10] for found in rankings["plain"].values())
    assert hub.item_id == "i300" and hub.marked and n > 30
    assert f"{n} of the 60 queries have it in their first 10" in why.text and "name of i300" in why.text
    right = f"i{int(failure.query_id[1:]):03d}"
    before, after = ranking.index(right) + 1, rankings["corrected"][failure.query_id].index(right) + 1
    assert f"goes from rank {before} to rank {after}" in fix.text and after < before
    assert table.cells["corrected", "nDCG@10"].against.difference.value > 0
    assert "hardly chance" in fix.text
    assert any(entry.marked for entry in fix.panels[0].entries) == (ranking.index("i300") < 5)


def test_how_often_is_too_often_for_chance():
    # Mean 0.5 of 1,000: P(6 or more) = 1.4e-5, so 0.014 items; P(5 or more) = 1.7e-4, so 0.17. Mean 2 of 300: 10 (0.014), not 9 (0.07).
    assert hub_from(50, 1000) == 6 and hub_from(60, 300) == 10 and hub_from(3, 100_000) == 4 and hub_from(8, 10) == 9


def test_without_a_hub_none_is_made_up():
    *_, steps = told(False)
    why = steps[3]
    assert not why.told and ("not a hub" in why.text or "nothing to explain" in why.text)


@pytest.mark.parametrize(("rankings", "what", "says"), [
    ({"r": {"q": ("a", "x")}}, "A failure", "no failure to show"),
    ({"r": {"q": ("a", "x")}}, "The fix", "Nothing has to be fixed"),
    ({"r": {"q": ("x", "a")}}, "A win", "no win to show"),
    ({"r": {"q": ("x", "a")}}, "Why", "not a hub"),
    ({"r": {"q": ("x", "a")}}, "The fix", "Only one recipe"),
    ({"r": {"q": ("x", "a")}, "s": {"q": ("x", "y", "a")}}, "The fix", "does not repair it"),
    ({"r": {"q": ("x", "a")}, "s": {"q": ("x", "a")}, "t": {}}, "The fix", "None of the 2 other recipes"),
])  # fmt: skip
def test_a_step_that_is_not_so_says_so(rankings, what, says):
    grades = {"q": {"a": 2, "x": 0}}
    steps = {s.name: s for s in tell(evaluate(rankings, grades, baseline="r", depth=10), rankings, grades, {"q": "words"}, str, 100)}
    assert not steps[what].told and says in steps[what].text


def test_what_is_below_the_relevant_item_is_not_blamed():
    # "h" is in everybody's way, but in q it stands below the right answer; "x" stands above it.
    rankings = {"r": {"q": ("x", "a", "h"), **{f"p{n}": (f"y{n}", "h") for n in range(8)}}}
    grades = {"q": {"a": 1}, **{f"p{n}": {f"y{n}": 1} for n in range(8)}}
    steps = tell(evaluate(rankings, grades, baseline="r", depth=10), rankings, grades, dict.fromkeys(grades, "w"), str, 1000)
    assert steps[2].query_id == "q" and not steps[3].told


def test_an_item_that_is_right_for_those_who_find_it_is_no_hub():
    rankings = {"r": {"q": ("h", "a"), **{f"p{n}": ("h",) for n in range(8)}}}
    grades = {"q": {"a": 1, "h": 0}, **{f"p{n}": {"h": 3} for n in range(8)}}
    steps = tell(evaluate(rankings, grades, baseline="r", depth=10), rankings, grades, dict.fromkeys(grades, "w"), str, 1000)
    assert steps[2].query_id == "q" and not steps[3].told


def test_one_query_is_told_of_as_one():
    rankings, grades = {"r": {"q": ("x", "a")}}, {"q": {"a": 1, "x": 0}}
    steps = tell(evaluate(rankings, grades, baseline="r", depth=10), rankings, grades, {"q": "w"}, str, 1000)
    assert "It is the only query that has an answer." in steps[0].text
    assert "so it is for the one query that has an answer." in steps[2].text


# ---------------------------------------------------------------- the report


class Seen(HTMLParser):
    """Tags, attributes and text of a file."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.text.append(data)


def report(names, called, tmp=None, **more):
    """A report about a planted hub in which every name is one of `names`."""
    table, rankings, grades, words, _ = told(True)
    words = {query: names[n % len(names)] for n, query in enumerate(words)}
    rename = {"plain": f"plain {names[0]}", "corrected": f"other {names[-1]}"}
    rankings = {rename[name]: found for name, found in rankings.items()}
    table = evaluate(rankings, grades, baseline=rename["plain"], depth=50)
    steps = tell(table, rankings, grades, words, called, 301)
    subject = Subject(names[0], names[0], names[0], names[0], 301, words, dict.fromkeys(rankings, names[0]), list(names), rankings, grades,
                      attribution=names[-1], manifest=[(names[0], names[-1])], made_at=1.0)  # fmt: skip
    return report_html(subject, table, steps, more.pop("picture", lambda item: "data:image/jpeg;base64,AAAA"), called)


def check_safe(text: str) -> Seen:
    seen = Seen(text)
    assert not {"script", "link", "iframe", "object", "embed", "form", "base", "a", "use", "foreignobject"} & set(seen.tags)
    for tag, name, value in seen.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("href", "srcset", "action", "background", "xlink:href"), (tag, name)
        if name == "src":
            assert re.fullmatch(r"data:image/(jpeg|svg\+xml);base64,[A-Za-z0-9+/=]*", value)
        if name == "style":
            assert "url(" not in value
    policy = [value for tag, name, value in seen.attributes if tag == "meta" and value.startswith("default-src")]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]
    style = text.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style and "@import" not in style
    assert seen.tags.count("html") == seen.tags.count("body") == seen.tags.count("style") == 1
    return seen


def test_hostile_names_are_text_and_nothing_is_fetched():
    for bad in HOSTILE:
        seen = check_safe(report([bad, "plain words"], lambda item: bad))
        assert bad in "".join(seen.text)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=40).filter(lambda s: s.strip()), min_size=1, max_size=3), st.text(max_size=40))
def test_any_names_at_all(names, called):
    seen = check_safe(report(names, lambda item: called))
    assert {tag for tag in seen.tags} <= {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "dl", "dt", "dd", "div",
                                          "table", "thead",
                                          "tbody", "tr", "th", "td", "small", "b", "span", "section", "img", "ul", "li", "svg", "line",
                                          "text",
                                          "rect", "footer"}  # fmt: skip


def test_the_pictures_a_query_asks_with_stand_in_its_steps():
    table, rankings, grades, words, steps = told(True)
    subject = Subject("T", "C", "e", "", 301, words, {}, [], rankings, grades)
    long = f"{'a' * 30}.jpg"
    text = report_html(subject, table, steps, lambda item: "data:image/jpeg;base64,AAAA", str,
                       lambda query: [("data:image/jpeg;base64,BBBB", long, query == steps[1].query_id)])  # fmt: skip
    check_safe(text)
    assert text.count("BBBB") == 5 and text.count("less like ") == 1 + (steps[0].query_id == steps[1].query_id)
    assert f'title="{long}"' in text and "aaaa\u2026aaaa" in text


def test_a_long_query_loses_its_middle_and_is_whole_in_a_hover():
    step = told(True)[4][0]
    long = f"like {'a' * 90}<.jpg, with: a dog"
    drawn = markup.step_html(replace(step, query=long, text=f"Somebody looks for \u201c{long}\u201d.", others=(long,)), 1, str, str)
    assert drawn.count(f'title="{long.replace("<", "&lt;")}"') == 2 and drawn.count("\u2026aaa") == 2
    assert drawn.count("&lt;.jpg, with: a dog</span>") == 2


def test_bars_name_a_query_by_its_beginning_and_its_end():
    name = "like beach at noon.jpg, with: a dog"
    drawn = markup.bars_svg([name], [0.5], "label")
    assert f"<title>{name}</title>" in drawn and ">like beach \u2026with: a dog<" in drawn


def test_the_report_has_the_parts_that_were_asked_for():
    text = report(["A title", "other words"], lambda item: f"picture {item}")
    for part in ("What was compared", "The figures", "1. A query", "2. A win", "3. A failure", "4. Why", "5. The fix", "query by query",
                 "Unjudged",
                 "Images: other words", "@media print"):
        assert part in text
    assert "found by" in text and "(the hub)" in text
    table, *_ = told(True)
    gains = [gain for _, gain in by_difference(table, "corrected", "nDCG@10")]
    n = sum(abs(gain) > 1e-9 for gain in gains)
    assert text.count("<rect") == min(n, 40) and f"{60 - n} of 60 queries are equal." in text
    for table in re.findall(r'<table class="lp-table">.*?</table>', text):
        assert table.count("<b>") >= 7  # one best in each row


def test_two_rankings_say_what_lines_and_words_beside_grades_are_and_a_phone_hears_of_no_lines():
    text = markup.rankings_html("ab", "ba", ("one", "two"), {"a": 3}, lambda item: "", str)
    legend, wide = re.search(r'<p class="lp-legend">(.*?)<span class="lp-wide">(.*?)</span></p>', text).groups()
    assert "the rank of the item in the other ranking" in legend and "line" not in legend and "leaves the first 10" in wide
    narrow = markup.STYLE.split("@media (max-width:700px)")[1]
    assert re.search(r"[,}]\.lp-wide\{display:none\}", narrow)


def test_one_of_something_is_said_as_one():
    table, *_ = told(True)
    subject = Subject(title="T", collection="C", encoder="e", query_set="", n_items=9, words={}, recipes={}, notes=(), rankings={},
                      grades={})  # fmt: skip
    picture = Pictures(lambda item: Path("none"))
    picture.n_left_out = 1
    assert "1 picture is left out" in _footer(subject, picture)
    one = replace(table, values={key: np.where(np.arange(len(found)) == 0, 0.0, 0.5 + (key[0] == table.baseline) / 4)
                                 for key, found in table.values.items()})  # fmt: skip
    assert "1 of 60 queries is equal." in "".join(_bars(subject, one))


def test_pictures_are_small_and_all_together_capped(tmp_path):
    path = tmp_path / "big.jpg"
    Image.effect_noise((900, 700), 90).convert("RGB").save(path)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    made = Pictures(lambda item: path)
    one = made("a")
    assert one.startswith("data:image/jpeg;base64,") and len(one) < 60_000
    few = Pictures(lambda item: path, at_most=2 * len(one) + 10)
    assert [bool(few(name)) for name in ("a", "b", "a", "c")] == [True, True, False, False] and few.n_left_out == 2
    assert Pictures(lambda item: tmp_path / f"{item}.jpg")("broken") == "" == Pictures(lambda item: tmp_path / "none.jpg")("x")
    assert "no picture" in markup.image("x", lambda item: "", str)


def test_grades_are_words_and_nobodys_is_dashed():
    assert [markup.badge(grade).split(">")[1].split("<")[0] for grade in (0, 1, 2, 3, None)] == [
        "0 not relevant", "1 related", "2 relevant", "3 perfect", "unjudged"]  # fmt: skip


def test_moves_are_said_in_both_lists():
    html = markup.rankings_html(("a", "b", "c"), ("c", "a", "z"), ("left", "right"), {"c": 3}, lambda i: "", str, shown=2)
    rows = re.findall(r'<div class="lp-row">.*?</div>', html)
    assert [re.findall(r"<small>(.*?)</small>", row) for row in rows] == [["goes to 2"], ["goes beyond 3"], ["was 3"], ["was 1"]]


def test_bars_are_sorted_by_difference():
    table, *_ = told(True)
    order = by_difference(table, "corrected", "nDCG@10")
    assert [d for _, d in order] == sorted((d for _, d in order), reverse=True) and len(order) == 60
    at = table.queries.index(order[0][0])
    assert order[0][1] == pytest.approx(table.values["corrected", "nDCG@10"][at] - table.values["plain", "nDCG@10"][at])
