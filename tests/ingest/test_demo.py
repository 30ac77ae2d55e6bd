"""The demo collection: drawn offline, the same everywhere, with judged queries that follow their rules."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from core.errors import Cancelled
from core.ingest import load, scan
from core.ingest.tables import ID_PATTERN
from data import demo
from data.demo import openmoji, topics


def test_the_catalogue():
    emojis = demo.catalogue()
    assert len(emojis) >= 1696
    for values in ([e.item_id for e in emojis], [e.file for e in emojis]):
        assert len(set(values)) == len(emojis)
    assert all(ID_PATTERN.fullmatch(emoji.item_id) for emoji in emojis)
    assert all(emoji.caption and emoji.category and emoji.subcategory and emoji.svg.is_file() for emoji in emojis)
    # Something of everything at once.
    assert len({emoji.category for emoji in emojis[:40]}) == len({emoji.category for emoji in emojis}) - 1
    assert {column.name for column in demo.COLUMNS} == set(emojis[0].meta)


@pytest.mark.parametrize(
    ("name", "short", "category", "caption"),
    [
        ("BLACK SUN WITH RAYS", "sunny", "Travel & Places", "sun with rays"),
        ("HEAVY BLACK HEART", "heart", "Smileys & Emotion", "heart"),
        ("BLACK HEART", "black_heart", "Smileys & Emotion", "black heart"),
        ("Canada Flag", "flag-ca", "Flags", "Canada flag"),
        ("WAXING CRESCENT MOON SYMBOL", "waxing_crescent_moon", "Travel & Places", "waxing crescent moon"),
        ("WAVING HAND SIGN", "wave", "People & Body", "waving hand"),
    ],
)
def test_names_as_one_would_say_them(name, short, category, caption):
    assert openmoji.caption_of(name, short, category) == caption


def test_rendering_is_a_stream(tmp_path):
    told = []
    stream = demo.render(tmp_path, on_progress=lambda done, total: told.append((done, total)))
    first = list(islice(stream, 3))
    n = len(demo.catalogue())
    assert told == [(1, n), (2, n), (3, n)]
    assert len(list((tmp_path / "images").iterdir())) == 3
    for candidate, emoji in zip(first, demo.catalogue()):
        assert (candidate.item_id, candidate.captions) == (emoji.item_id, (emoji.caption,))
        loaded = load(candidate.path, 224)
        assert (loaded.format, loaded.width, loaded.height) == ("PNG", 256, 256)
        pixels = np.asarray(loaded.image)
        assert (pixels[0, 0] == 255).all() and pixels.std() > 5
    # What is drawn is not drawn again.
    stamp = first[0].path.stat().st_mtime_ns
    next(demo.render(tmp_path))
    assert first[0].path.stat().st_mtime_ns == stamp


def test_cancelling(tmp_path):
    with pytest.raises(Cancelled):
        next(demo.render(tmp_path, cancelled=lambda: True))


def test_the_table_brings_what_rendering_gave(tmp_path, monkeypatch):
    few = demo.catalogue()[:5]
    monkeypatch.setattr(openmoji, "catalogue", lambda: few)
    streamed = list(demo.render(tmp_path))
    table = demo.build(tmp_path)
    scanned = scan(table)
    assert scanned.skipped == ()
    assert scanned.columns == demo.COLUMNS
    for one, other in zip(streamed, scanned.candidates, strict=True):
        assert (one.item_id, one.file, one.captions) == (other.item_id, other.file, other.captions)
        assert {k: v for k, v in one.meta.items() if v != ""} == dict(other.meta)


def test_the_attribution_says_who_and_which_licence():
    assert "OpenMoji" in demo.ATTRIBUTION and "CC BY-SA 4.0" in demo.ATTRIBUTION


# ---------------------------------------------------------------- queries


def test_the_shipped_file_is_what_the_rules_give():
    assert topics.QUERIES_FILE.read_text(encoding="utf-8") == topics.make_lines()


def test_sixty_queries_with_grades_of_every_kind():
    queries, judged = demo.saved_queries(), demo.judgments(at=5.0)
    assert len(queries) == len({query.query_id for query in queries}) == 60
    assert {query.origin for query in queries} == {demo.JUDGE} == {"names and keywords"}
    assert all(query.query.query_id == query.query_id for query in queries)
    ids = {emoji.item_id for emoji in demo.catalogue()}
    assert all(judgment.item_id in ids and judgment.judge == demo.JUDGE for judgment in judged)
    assert {judgment.origin for judgment in judged} == {"names and keywords"}
    assert {judgment.at for judgment in judged} == {5.0}
    assert set(Counter(judgment.grade for judgment in judged)) == {0, 1, 2, 3}
    best = Counter(judgment.query_id for judgment in judged if judgment.grade >= 2)
    assert set(best) == {query.query_id for query in queries}


def test_grades_by_hand():
    def emoji(item_id, caption, subcategory, keywords=()):
        return openmoji.Emoji(
            item_id, "", caption, "c", subcategory, keywords, "", "", 1.0, False, topics.QUERIES_FILE
        )

    zoo = [
        emoji("1", "cat face", "animal"),
        emoji("2", "black cat", "animal"),
        emoji("3", "grinning", "smiley", ("smiling cat",)),
        emoji("4", "dog", "animal"),
        emoji("5", "house", "place"),
    ]
    assert topics.grades(topics.Topic("cats"), zoo) == {"1": 3, "2": 2, "3": 2, "4": 1, "5": 0}
    assert topics.grades(topics.Topic("black cat"), zoo) == {"2": 3, "1": 1, "3": 1, "4": 0, "5": 0}
    kinds = [emoji("1", "x", "plant-flower"), emoji("2", "y", "plant-other"), emoji("3", "z", "animal")]
    assert topics.grades(topics.Topic("flowers", ("plant-flower",), family=True), kinds) == {"1": 3, "2": 1, "3": 0}
    assert topics.grades(topics.Topic("flowers", ("plant-flower",)), kinds) == {"1": 3, "2": 0, "3": 0}


def test_queries_are_one_json_object_a_line():
    for line in topics.QUERIES_FILE.read_text(encoding="utf-8").splitlines():
        assert set(json.loads(line)) == {"query_id", "text", "origin", "rule", "qrels"}
