"""What every hit says of its item beside its score."""

from __future__ import annotations

import json
from collections.abc import Sequence

from core.store import Collection


def facts(collection: Collection, ids: Sequence[str]) -> list[tuple[str, str, int | None]]:
    """(file, first caption, N_k) of items in the order of `ids`; empty for one that was removed for good meanwhile."""
    rows = collection.select(
        "SELECT items.item_id, items.file, (SELECT text FROM captions WHERE captions.item_id = items.item_id"
        " ORDER BY position LIMIT 1), (SELECT n_k.n_k FROM n_k WHERE n_k.item_id = items.item_id)"
        " FROM json_each(?) AS asked CROSS JOIN items ON items.item_id = asked.value",
        (json.dumps(list(ids)),),
    )
    found = {item_id: (file, caption or "", n_k) for item_id, file, caption, n_k in rows}
    return [found.get(item_id, ("", "", None)) for item_id in ids]
