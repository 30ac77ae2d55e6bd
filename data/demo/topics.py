"""The demo's 60 judged queries: texts chosen by hand, grades made by the rules below from names and categories.

``python -m data.demo`` writes ``queries.jsonl`` anew; a test holds the file against the rules.

Rules. The words of an emoji's caption and of its keywords (short names) are compared without case, without
plural s, and without small words: "a", "of", "with" and the like, and "face" and "large", which the names of
emojis have for no reason a picture shows.

Word topics
    3  the caption is made of the words of the query, no more and no less
    2  every word of the query is in the caption or the keywords, among others
    1  the last word of the query is in the caption or the keywords; for a query of one word also: same
       subcategory as the best graded emoji with the shortest caption, where that subcategory has at most 40
Category topics
    3  the emoji is in one of the topic's subcategories
    1  it is in a subcategory of the same family (``plant-flower``, ``plant-other``), where the topic says so
Both
    0  twenty emojis that no rule graded, drawn by a hash of query and emoji; all others are not judged
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.types import Judgment, Query, SavedQuery, Term
from data.demo.openmoji import Emoji, catalogue

JUDGE = "names and keywords"
"""Name of the judge of these grades: it says that no person gave them."""

QUERIES_FILE = Path(__file__).with_name("queries.jsonl")
GUIDELINE = "3: shows exactly this. 2: shows this among other things. 1: a related thing. 0: something else."
N_ZERO = 20
_LARGEST_SUBCATEGORY = 40
_SMALL_WORDS = frozenset("a an and at for in of on or the to with face large".split())


@dataclass(frozen=True, slots=True)
class Topic:
    """A query and the subcategories it stands for; none: it is graded by its words."""

    text: str
    subcategories: tuple[str, ...] = ()
    family: bool = False


TOPICS: tuple[Topic, ...] = (
    # One thing
    *map(Topic, ("cat", "dog", "horse", "elephant", "monkey", "fish", "snake", "turtle", "rabbit", "dragon")),
    *map(Topic, ("clock", "book", "key", "lock", "camera", "bicycle", "train", "rocket", "ship", "house")),
    *map(Topic, ("umbrella", "crown", "bread", "cheese", "pepper", "tree", "moon", "rainbow")),
    # A thing and what it is like
    *map(Topic, ("blue heart", "green heart", "broken heart", "blue circle", "green book", "yellow square")),
    *map(Topic, ("smiling cat", "crying face", "angry face", "sleeping face", "face with sunglasses")),
    *map(Topic, ("woman running", "man dancing", "woman swimming", "woman climbing", "police officer")),
    # A kind of thing
    Topic("birds", ("animal-bird",)),
    Topic("insects and other bugs", ("animal-bug",)),
    Topic("animals of the sea", ("animal-marine", "food-marine")),
    Topic("flowers", ("plant-flower",), family=True),
    Topic("fruit", ("food-fruit",)),
    Topic("vegetables", ("food-vegetable",)),
    Topic("something sweet to eat", ("food-sweet",)),
    Topic("drinks", ("drink",)),
    Topic("musical instruments", ("musical-instrument",)),
    Topic("tools", ("tool",)),
    Topic("clothes", ("clothing",)),
    Topic("sports equipment", ("sport",)),
    Topic("signs of the zodiac", ("zodiac",)),
    Topic("aircraft", ("transport-air",)),
    Topic("weather", ("sky & weather",)),
    Topic("gesture with a hand", ("hand-fingers-open", "hand-fingers-partial", "hand-single-finger"), family=True),
)


def words_of(text: str) -> frozenset[str]:
    """The words that count, lower case, without plural s."""
    found = re.findall(r"[a-z0-9]+", text.lower())
    return frozenset(_singular(word) for word in found if word not in _SMALL_WORDS)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")) else word


def grades(topic: Topic, emojis: Iterable[Emoji]) -> dict[str, int]:
    """Grade emojis for one topic by the rules of this module.

    Returns
    -------
    dict
        Item id -> 0..3, highest grades first, then by id.
    """
    emojis = tuple(emojis)
    given = _by_category(topic, emojis) if topic.subcategories else _by_words(topic, emojis)
    left = sorted(
        (emoji.item_id for emoji in emojis if emoji.item_id not in given),
        key=lambda item_id: hashlib.sha256(f"{topic.text}|{item_id}".encode()).digest(),
    )
    given |= dict.fromkeys(left[:N_ZERO], 0)
    return dict(sorted(given.items(), key=lambda pair: (-pair[1], pair[0])))


def _by_category(topic: Topic, emojis: tuple[Emoji, ...]) -> dict[str, int]:
    families = {name.split("-")[0] for name in topic.subcategories} if topic.family else set()
    given = {}
    for emoji in emojis:
        if emoji.subcategory in topic.subcategories:
            given[emoji.item_id] = 3
        elif emoji.subcategory.split("-")[0] in families:
            given[emoji.item_id] = 1
    return given


def _by_words(topic: Topic, emojis: tuple[Emoji, ...]) -> dict[str, int]:
    wanted = words_of(topic.text) or frozenset(topic.text.lower().split())
    last = _singular(topic.text.lower().split()[-1])
    given = {}
    for emoji in emojis:
        said = words_of(emoji.caption)
        known = said | words_of(" ".join(emoji.keywords))
        if wanted == said:
            given[emoji.item_id] = 3
        elif wanted <= known:
            given[emoji.item_id] = 2
        elif last in known:
            given[emoji.item_id] = 1
    if len(wanted) == 1 and given:
        found = [emoji for emoji in emojis if emoji.item_id in given]
        plainest = min(found, key=lambda emoji: (-given[emoji.item_id], len(emoji.caption), emoji.item_id))
        alike = [emoji.item_id for emoji in emojis if emoji.subcategory == plainest.subcategory]
        if len(alike) <= _LARGEST_SUBCATEGORY:
            given = dict.fromkeys(alike, 1) | given
    return given


def make_lines() -> str:
    """The whole content of ``queries.jsonl``, made from the installed emoji data."""
    lines = []
    for topic in TOPICS:
        record = {
            "query_id": _query(topic.text).query_id,
            "text": topic.text,
            "origin": JUDGE,
            "rule": "category" if topic.subcategories else "words",
            "qrels": grades(topic, catalogue()),
        }
        lines.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")))
    return "\n".join(lines) + "\n"


@cache
def _records() -> tuple[dict, ...]:
    return tuple(json.loads(line) for line in QUERIES_FILE.read_text(encoding="utf-8").splitlines())


def saved_queries() -> tuple[SavedQuery, ...]:
    """The 60 queries of the demo, as shipped."""
    return tuple(
        SavedQuery(record["query_id"], record["text"], _query(record["text"]), GUIDELINE, JUDGE)
        for record in _records()
    )


def judgments(at: float = 0.0) -> list[Judgment]:
    """Their grades as judgments; judge and origin both say `JUDGE`, so that none passes for a person's.

    Parameters
    ----------
    at : float
        Time to write in, seconds since the epoch.
    """
    return [
        Judgment(record["query_id"], item_id, grade, JUDGE, at, note=f"made by rule: {record['rule']}", origin=JUDGE)
        for record in _records()
        for item_id, grade in record["qrels"].items()
    ]


def _query(text: str) -> Query:
    return Query(terms=(Term("text", text),))

