"""One hub on the collection's map: a star, with lines to those in whose way it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from core.atlas.colours import OTHER, PALETTE, Colouring
from pages import _hub_link as link
from pages._hub_map import method, no_map
from pages._map import MapPoints, map_view
from pages._map.points import USUAL_SIZE, UnitSquare, sample
from pages._shared import count, thumb_url

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.hubs import HubsView

_PALE_DARK = "#6B727B"
_HUB_WIDTH, _VICTIM_WIDTH, _REST_WIDTH = 2 * USUAL_SIZE, 3 * USUAL_SIZE // 2, 2 * USUAL_SIZE // 3


def around(wb: Workbench, view: HubsView, item_id: str, victims: Sequence[str], called: str) -> None:
    """One hub as a star on the collection's map, with lines to those in whose way it is.

    Parameters
    ----------
    victims : sequence of str
        Items, the worst first.
    called : str
        What they are, such as "images that find it".
    """
    st.subheader("Where it lies", anchor=False)
    fit = wb.maps.collection_map()
    if fit is None or not len(fit.item_ids):
        no_map(wb)
        return
    place = {other: at for at, other in enumerate(fit.item_ids.tolist())}
    if item_id not in place:
        st.caption("This image is not on the map yet; it comes onto it when the map is brought up to date.")
        method(wb, fit)
        return
    first = [item_id, *(other for other in dict.fromkeys(victims) if other in place and other != item_id)]
    marked = np.array([place[other] for other in first])
    drawn = sample(len(place))
    rest = np.setdiff1d(np.arange(len(place)) if drawn is None else drawn, marked)
    rows, n = np.concatenate([marked, rest]), len(marked)
    codes = np.full(len(place), 2, np.uint8)
    codes[marked] = 1
    codes[marked[0]] = 0
    colours = Colouring("", "category", codes, ("this image", called, "others"), (1, n - 1, len(place) - n),
                        (PALETTE[1], PALETTE[0], OTHER), (PALETTE[1], PALETTE[4], _PALE_DARK))  # fmt: skip
    square = UnitSquare.around(fit.coords)
    xy = square.inward(fit.coords[rows])
    widths = np.full(len(rows), _REST_WIDTH, np.uint8)
    widths[:n], widths[0] = _VICTIM_WIDTH, _HUB_WIDTH
    map_view(
        MapPoints(
            ids=fit.item_ids[rows], xy=xy, colouring=colours, drawn=rows, flags=np.zeros(len(rows), np.uint8), sizes=widths,
            thumb=thumb_url(""), map_id=f"hub-{item_id}-{view.query_side}-{fit.set_id}-{square.middle}-{square.side}", mode="pan",
            star=(float(xy[0, 0]), float(xy[0, 1])), edges=np.column_stack([np.zeros(n - 1, np.int32), np.arange(1, n, dtype=np.int32)]),
            link_ink=0.35, pictures=True, pictured=n, focus=n,
            status="The star is this image." if n == 1
            else f"The star is this image; lines lead to the {count(n - 1, 'image')} it concerns. Show all (0) shows the whole map.",
        ), key="hub_map", on_open=link.show_hub,
    )  # fmt: skip
    method(wb, fit)
