"""A collection where each query's scores lie on a scale of its own, so that one cut on the cosine is a poor one."""

from __future__ import annotations

import numpy as np

from core import encode
from core.encode import vector_sets
from core.query.parse import parse
from core.store import Collection
from core.types import NewItem, SavedQuery
from core.workbench import Workbench
from tests.fakes import FakeEncoder

TOPICS = 8
_D = 24


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


class DriftingEncoder(FakeEncoder):
    """"number 11 ..." asks for topic 3 (11 mod 8), and leans by its own amount to what all images share."""

    name = "drifting"
    dim = _D
    spaces = {"joint": _D}
    fingerprint = "d41f700000000001"

    def __init__(self, drift: float = 1.0) -> None:
        self.drift = drift
        self.topics = np.eye(_D, dtype=np.float64)[1 : TOPICS + 1]
        self.shared = np.eye(_D)[0]

    def encode_texts(self, texts):
        rows = []
        for text in texts:
            rng = np.random.default_rng(list(text.encode()))
            number = next((int(word) for word in text.split() if word.isdigit()), 0)
            # The lean and what fills the rest are balanced so that the length, and with it the topic's share, is the same.
            angle = self.drift * rng.uniform(-1.2, 1.2)
            rest = np.eye(_D)[_D - 1]
            rows.append(_unit(self.topics[number % TOPICS] + 1.5 * (np.sin(angle) * self.shared + np.cos(angle) * rest)))
        return np.stack(rows) if rows else np.zeros((0, _D), np.float32)


def cutoff_world(n: int = 200, queries: int = 60, *, drift: float = 1.0, judged: int = 20, name: str = "Ends") -> Workbench:
    """`n` images of 8 topics; `queries` in the set "set", each with `judged` graded images: 2 where the topic is the query's."""
    encoder = DriftingEncoder(drift)
    encode._loaded[encoder.name] = encoder
    collection = Collection.create(name)
    (joint,) = vector_sets(encoder)
    collection.add_set(joint)
    collection.activate(joint.set_id)
    rng = np.random.default_rng(5)
    topic = np.arange(n) % TOPICS
    noise = np.zeros((n, _D))
    noise[:, TOPICS + 1 : _D - 1] = rng.standard_normal((n, _D - TOPICS - 2))
    fit = rng.uniform(0.35, 1.0, n)[:, None]  # some are hardly of their topic
    rows = _unit(encoder.shared + fit * encoder.topics[topic] + 0.25 * noise)
    ids = [f"x{at:03d}" for at in range(n)]
    items = [NewItem(item_id=i, sha256=i, file=f"{i}.png", path="", width=8, height=8, n_bytes=1, date="") for i in ids]
    collection.commit(items, {joint.set_id: (ids, rows)})
    wb = Workbench(collection)
    for at in range(queries):
        query = parse(f'"number {at} asked"')
        collection.save_queries([SavedQuery(query.query_id, f"number {at}", query)], "set")
        own = rng.permutation(np.flatnonzero(topic == at % TOPICS))[: judged // 3]
        others = rng.permutation(np.flatnonzero(topic != at % TOPICS))[: judged - len(own)]
        for item in (*own, *others):
            wb.judgments.add(query.query_id, ids[item], 2 if topic[item] == at % TOPICS else 0, "ann")
    return wb
