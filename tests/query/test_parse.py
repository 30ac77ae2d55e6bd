"""The query line: hand-written cases, error columns, and the round trip under hypothesis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import QueryError
from core.query.parse import MAX_LENGTH, QUERY_HELP, check, parse, render
from core.types import Query, Term, TextMatch


def text(value: str, weight: float = 1.0) -> Term:
    return Term("text", value, weight)


@pytest.mark.parametrize(
    ("line", "terms"),
    [
        ("", ()),
        ("   ", ()),
        ("red car", (text("red car"),)),
        ("  red \t car ", (text("red car"),)),
        ("red car -night", (text("red car"), text("night", -1))),
        ("-night sky", (text("night", -1), text("sky"))),
        ('-"night sky"', (text("night sky", -1),)),
        ('"red car"^2 -night^0.5', (text("red car", 2), text("night", -0.5))),
        ("red car^2 night", (text("red car", 2), text("night"))),
        ("red car^2 night^.5", (text("red car", 2), text("night", 0.5))),
        ('red "car" blue', (text("red"), text("car"), text("blue"))),
        ("red -x car", (text("red"), text("x", -1), text("car"))),
        ("t-shirt 16:9 a:", (text("t-shirt 16:9 a:"),)),
        ("image:iabc -image:x:1.b^3", (Term("item", "iabc"), Term("item", "x:1.b", -3.0))),
        ("a upload:00ff^2 b", (text("a"), Term("upload", "00ff", 2.0), text("b"))),
        ('"say \\"hi\\" \\\\ \\n"', (text('say "hi" \\ \\n'),)),
        ("\u201cred car\u201d^2", (text("red car", 2),)),
        ("IMAGE:i1", (Term("item", "i1"),)),
    ],
)
def test_terms(line: str, terms: tuple) -> None:
    assert parse(line).terms == terms
    assert parse(line).literals == ()


def test_literals_and_where() -> None:
    query = parse('red file:IMG_20 car -caption:"red car"', where=" colour = 'red' ")
    assert query.terms == (text("red"), text("car"))
    assert query.literals == (TextMatch("file", "IMG_20"), TextMatch("caption", "red car", True))
    assert query.where == "colour = 'red'"


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        ('red "car', 4, "never closed"),
        ('red ""', 4, "nothing between"),
        ('red" car', 3, "inside a word"),
        ('"red"car', 5, "closing quote"),
        ("red - car", 4, "must touch"),
        ("red -", 4, "must touch"),
        ("red --car", 5, "One minus"),
        ("^2", 0, "must touch"),
        ("red ^2", 4, "must touch"),
        ("red^two", 4, "a number"),
        ("red^", 4, "a number"),
        ("red^-2", 4, "-night^2"),
        ("red^0", 4, "leave the term out"),
        ("red^inf", 4, "a number"),
        ("red^1e9", 4, "out of range"),
        ("colour:red", 0, "put them in quotes"),
        ("a item:i1", 2, "Did you mean image: ?"),
        ("capton:dog", 0, "Did you mean caption: ?"),
        ("tag:x", 0, "use the filter"),
        ("image:a/b", 6, "cannot be an image id"),
        ("file:x^2", 6, "has no weight"),
        ("caption:!!", 8, "no letter or digit"),
        ("ok \0", 3, "not text"),
        ("ok \ud800", 3, "not text"),
        ("x" * (MAX_LENGTH + 1), MAX_LENGTH, "shorten"),
        ('"a" ' * 65, 256, "64 parts"),
    ],
)
def test_errors_point_at_the_column(line: str, column: int, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(line)
    assert caught.value.column == column
    assert says in str(caught.value)
    assert caught.value.pointer().splitlines()[-1] == " " * column + "^"


def test_render_is_short_where_it_can_be() -> None:
    assert render(parse("red  car -night")) == 'red car -"night"'
    assert render(Query((text("red"), text("car")))) == 'red "car"'
    assert render(Query((text("image:x"), text("a b", 2.5)))) == '"image:x" "a b"^2.5'
    assert render(Query()) == ""


@pytest.mark.parametrize(
    "query",
    [
        Query((text("a", 0.0),)),
        Query((text("a", float("nan")),)),
        Query((text(" "),)),
        Query((Term("item", "a b"),)),
        Query((Term("region", "a"),)),  # type: ignore[arg-type]
        Query((), (TextMatch("tag", "a"),)),  # type: ignore[arg-type]
        Query((), (TextMatch("file", "--"),)),
        Query((text("a"),) * 65),
    ],
)
def test_queries_made_by_programs_are_checked(query: Query) -> None:
    with pytest.raises(QueryError):
        check(query)


def test_help_shows_only_lines_that_parse() -> None:
    examples = [part for part in QUERY_HELP.split("`")[1::2] if "<" not in part and "..." not in part]
    assert len(examples) >= 5
    for example in examples:
        parse(example)


weights = st.floats(0.001, 1000) | st.floats(-1000, -0.001) | st.just(1.0)
words = st.text(min_size=1, max_size=20).filter(lambda s: s.strip() and "\0" not in s)
words |= st.from_regex(r"[a-z\"\\^: -]{1,12}", fullmatch=True).filter(str.strip)
terms = (
    st.builds(text, words, weights)
    | st.builds(Term, st.just("item"), st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True), weights)
    | st.builds(Term, st.just("upload"), st.from_regex(r"[A-Za-z0-9]{1,64}", fullmatch=True), weights)
)
literals = st.builds(
    TextMatch, st.sampled_from(("file", "caption")), words.filter(lambda s: any(map(str.isalnum, s))), st.booleans()
)
queries = st.builds(
    Query, st.lists(terms, max_size=6).map(tuple), st.lists(literals, max_size=4).map(tuple), words.map(str.strip)
)


@given(queries)
def test_what_is_rendered_reads_back_the_same(query: Query) -> None:
    assert parse(render(query), where=query.where) == query


@given(st.text(max_size=60) | st.from_regex(r"[ab \"\\^:.0-9-]{0,20}", fullmatch=True))
def test_any_line_is_read_or_refused_with_a_column(line: str) -> None:
    try:
        query = parse(line)
    except QueryError as error:
        assert error.column is not None and 0 <= error.column <= len(line)
        return
    once = render(query)
    assert parse(once) == query
    assert render(parse(once)) == once


def test_whole_weights_are_written_as_people_write_them() -> None:
    assert render(parse('"red car"^2.0 -night^3 sunset^0.5')) == '"red car"^2 -"night"^3 "sunset"^0.5'
