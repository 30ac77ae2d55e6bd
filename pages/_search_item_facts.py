"""Why an image was found, and what is known of it, as small tables; everything in them is escaped."""

from __future__ import annotations

from html import escape

import streamlit as st

from core.types import Item, SearchResult
from pages._search_cards import demoted, part_labels, stood

N_K_HELP = ("In how many other images' lists of nearest neighbours this one stands (N_k). The mean is the length of"
            " those lists; far above it the image is a hub and gets in the way, at 0 no image leads to it.")


def why_found(result: SearchResult | None, item_id: str, hub_from: float | None = None) -> None:
    """What each term of the query, and a hub correction, gave to this hit, as bars that add up to its score.

    From an N_k of `hub_from` on the image is a hub.
    """
    hit = next((h for h in result or () if h.item_id == item_id), None)
    if hit is None or not hit.terms:
        return
    st.markdown("**Why it was found**", help="What each term of the query gave. The parts add up to the score.")
    most = max(abs(part) for part in hit.terms) or 1.0
    rows = []
    for label, part in zip(part_labels(result.query.terms, hit), hit.terms):
        width = 50 * abs(part) / most
        side = f"left:50%;width:{width:.1f}%" if part >= 0 else f"right:50%;width:{width:.1f}%"
        tone = "#1f8a4c" if part >= 0 else "#c0392b"
        rows.append(
            f'<div style="display:flex;gap:8px;align-items:center;font-size:.85rem;line-height:1.7">'
            f'<span style="flex:0 0 38%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap">'
            f'{escape(label)}</span>'
            f'<span style="flex:1;position:relative;height:10px;background:rgba(128,128,128,.14);border-radius:3px">'
            f'<span style="position:absolute;top:0;bottom:0;{side};background:{tone};border-radius:3px"></span></span>'
            f'<span style="flex:0 0 4.2em;text-align:right;font-variant-numeric:tabular-nums">{part:+.3f}</span></div>'
        )
    st.html("".join(rows))
    moved = ""
    if hit.rank_before is not None and hit.rank_before != hit.rank:
        hub = hub_from is not None and hit.n_k is not None and hit.n_k >= hub_from
        way = ("demoted hub" if hub else "moved down") if demoted(hit) else "moved up"
        moved = f" ({stood(hit)} \u2192 {hit.rank:,}, {way})"
    st.caption(f"rank {hit.rank}{moved} · score {hit.score:.4f} · cosine {hit.cosine:.4f}")


def facts(item: Item) -> None:
    """File, size, date, metadata, id, and how often it is found."""
    known = {"File": item.file, "Size": f"{item.width} x {item.height} px, {item.n_bytes / 1e3:,.0f} kB",
             "Date": item.date[:19].replace("T", " "), **{k: "" if v is None else str(v) for k, v in item.meta.items()},
             "Id": item.item_id}
    left, right = "padding:2px 12px 2px 0;opacity:.65;vertical-align:top;white-space:nowrap", "overflow-wrap:anywhere"
    rows = "".join(f'<tr><td style="{left}">{escape(str(name))}</td><td style="{right}">{escape(value)}</td></tr>'
                   for name, value in known.items() if value)
    st.html(f'<table style="font-size:.85rem;border-collapse:collapse">{rows}</table>')
    if item.n_k is not None:
        st.caption(f"Found by {item.n_k:,} other images", help=N_K_HELP)
