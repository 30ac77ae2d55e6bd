"""A query as people read it."""

from __future__ import annotations

import pytest

from core.query.parse import parse
from core.query.words import in_words
from core.types import SavedQuery
from core.wording import shortened

NAMES = {"x1": "beach.jpg", "x2": "sea.jpg"}


@pytest.mark.parametrize(("line", "words", "beside"), [
    ("a dog", "a dog", "a dog"),
    ("image:x1", "like beach.jpg", "like this image"),
    ("image:x1 a dog^2", "like beach.jpg, with: a dog \u00d72", "like this image, with: a dog \u00d72"),
    ("image:x1 image:x2 -sand", "like beach.jpg and sea.jpg, without: sand", "like this image and this image, without: sand"),
    ("red -image:x1", "red, unlike beach.jpg", "red, unlike this image"),
    ("upload:abc caption:dog", "like an uploaded image, caption: dog", "like this image, caption: dog"),
])  # fmt: skip
def test_words(line, words, beside):
    query = parse(line)
    saved = SavedQuery(query.query_id, line, query)
    assert in_words(saved, NAMES.__getitem__) == words and in_words(saved) == beside


def test_words_of_their_own_stay():
    query = parse("image:x1")
    assert in_words(SavedQuery(query.query_id, "more of these", query), NAMES.__getitem__) == "more of these"


def test_a_long_name_loses_its_middle():
    assert shortened("short", 5) == "short" and shortened("abcdefghij", 5) == "ab\u2026ij" and shortened("abcdefghij", 6) == "abc\u2026ij"
