"""A small collection that is all there: pictures, thumbnails, captions, vectors, graph, N_k, queries; made in a second."""

from __future__ import annotations

from pathlib import Path

from core import encode
from core.encode import vector_sets
from core.graph import knn
from core.ingest.images import item_id_of, thumbnail
from core.query.parse import parse
from core.store import Collection
from core.types import NewItem, SavedQuery
from core.workbench import Workbench
from tests import fakes


def colour_world(folder: Path, n: int = 36, *, name: str = "Colours") -> Workbench:
    """`n` pictures in 12 colours, encoded by the colour encoder, ready for every page.

    Item 0 is ``0000-red-circle``; captions are "a red circle"; metadata has ``colour`` and ``number``.
    """
    encoder = fakes.FakeEncoder()
    encode._loaded[encoder.name] = encoder
    paths = fakes.make_images(folder, n)
    items = []
    for i, path in enumerate(paths):
        _, colour, shape = path.stem.split("-")
        data = path.read_bytes()
        item_id, sha256 = item_id_of(data)
        items.append(
            NewItem(
                item_id=item_id, sha256=sha256, file=path.name, path=str(path), width=64, height=64, n_bytes=len(data),
                date="2026-01-02T03:04:05", captions=(f"a {colour} {shape}",), meta={"colour": colour, "number": i},
                thumbnail=thumbnail(fakes.make_picture(i)[1]),
            )
        )  # fmt: skip
    collection = Collection.create(name)
    vectors = encoder.encode_images(paths)
    vector_set = vector_sets(encoder)[0]
    collection.add_set(vector_set)
    collection.activate(vector_set.set_id)
    collection.commit(items, {vector_set.set_id: ([item.item_id for item in items], vectors)})
    graph = knn.build(collection.view(), k=10)
    knn.save(collection, graph)
    collection.set_n_k(graph.item_ids.tolist(), knn.k_occurrence(graph, 10).tolist())
    queries = [parse(text) for text in ("red", "blue", "green -blue")]
    collection.save_queries([SavedQuery(q.query_id, text, q) for text, q in zip(("red", "blue", "green -blue"), queries)], "Colours")
    return Workbench(collection)


def add_visual(wb: Workbench, leave_out: int = 0) -> str:
    """Give a colour world vectors in the visual space, but for its last few images; the set's id."""
    encoder, collection = fakes.FakeEncoder(), wb.collection
    ids = collection.ids()[: len(collection) - leave_out]
    visual = vector_sets(encoder)[1]
    collection.add_set(visual)
    collection.commit((), {visual.set_id: (ids, encoder.encode_visual([collection.original_path(i) for i in ids]))})
    return visual.set_id
