"""Arrays in, Plotly figures out. Numbers only: an item is known by its position, carried in `customdata`.

Every figure reads on a light and a dark ground (`dark`), leaves the ground transparent, and uses colours that can be
told apart with the common kinds of colour blindness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.types import MapFit, Neighbourhood

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from core.atlas.colours import Colouring

BEFORE, AFTER, HUB, PALE = "#0072B2", "#E69F00", "#D55E00", "#9AA0A6"
TERMS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def _figure(dark: bool, height: int, **layout: object) -> go.Figure:
    import plotly.graph_objects as go

    return go.Figure(layout={
        "template": "plotly_dark" if dark else "plotly_white", "height": height,
        "margin": {"l": 8, "r": 8, "t": 24, "b": 8}, "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)", "hovermode": "closest", "uirevision": "keep", **layout})


def _plain_axes(figure: go.Figure) -> go.Figure:
    """A map's axes mean nothing: no ticks, one scale for both."""
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x", scaleratio=1)
    return figure


def map_figure(fit: MapFit, colouring: Colouring, *, hubs: np.ndarray | None = None, dark: bool = False,
               height: int = 640) -> go.Figure:
    """The collection's map: one WebGL trace per colour, legend with counts, hubs ringed.

    Parameters
    ----------
    fit : MapFit
    colouring : Colouring
        For the same n items.
    hubs : ndarray of bool, shape (n,), optional
        Items to ring.

    Returns
    -------
    plotly.graph_objects.Figure
        ``customdata`` of every point is its position in ``fit.item_ids``.
    """
    import plotly.graph_objects as go

    figure = _figure(dark, height, dragmode="pan", legend={"title": {"text": colouring.by}, "itemsizing": "constant"})
    colours = colouring.colours_dark if dark else colouring.colours
    size = 3 if len(fit.coords) > 20_000 else 5 if len(fit.coords) > 2_000 else 7
    for code, (label, count) in enumerate(zip(colouring.labels, colouring.counts, strict=True)):
        rows = np.flatnonzero(colouring.codes == code)
        figure.add_trace(go.Scattergl(
            x=fit.coords[rows, 0], y=fit.coords[rows, 1], mode="markers", customdata=rows.astype(np.int32),
            name=f"{_text(label)} {count:,}", hoverinfo="none", marker={"color": colours[code], "size": size, "opacity": .8}))
    if hubs is not None and hubs.any():
        figure.add_trace(_rings(fit.coords, np.flatnonzero(hubs), size + 6))
    return _plain_axes(figure)


def _rings(coords: np.ndarray, rows: np.ndarray, size: int) -> go.Scattergl:
    import plotly.graph_objects as go

    return go.Scattergl(
        x=coords[rows, 0], y=coords[rows, 1], mode="markers", customdata=rows.astype(np.int32),
        name=f"hubs ringed {len(rows):,}", hoverinfo="none",
        marker={"symbol": "circle-open", "color": HUB, "size": size, "line": {"width": 2}})


def _text(label: str) -> str:
    """A label as plain text: Plotly reads a little HTML."""
    return label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def neighbourhood_figure(near: Neighbourhood, *, hubs: np.ndarray | None = None, dark: bool = False,
                         height: int = 640) -> go.Figure:
    """One query: a star, its hits with rank numbers, their neighbours pale, kNN links, hubs ringed.

    Parameters
    ----------
    near : Neighbourhood
    hubs : ndarray of bool, shape (n,), optional

    Returns
    -------
    plotly.graph_objects.Figure
        ``customdata`` of every point is its position in ``near.item_ids``; the star has none.
    """
    import plotly.graph_objects as go

    figure = _figure(dark, height, dragmode="pan", showlegend=True)
    links = np.full((len(near.edges) * 3, 2), np.nan, np.float32)
    if len(near.edges):
        links[0::3], links[1::3] = near.coords[near.edges[:, 0]], near.coords[near.edges[:, 1]]
    figure.add_trace(go.Scattergl(x=links[:, 0], y=links[:, 1], mode="lines", name=f"links {len(near.edges):,}",
                                  hoverinfo="skip", line={"color": PALE, "width": 0.5}, opacity=0.5))
    rest, hits = np.arange(near.n_hits, len(near.item_ids)), np.arange(near.n_hits)
    for name, rows, colour, size in (("neighbours", rest, PALE, 8), ("hits", hits, BEFORE, 16)):
        figure.add_trace(go.Scattergl(
            x=near.coords[rows, 0], y=near.coords[rows, 1], customdata=rows.astype(np.int32), hoverinfo="none",
            name=f"{name} {len(rows):,}", mode="markers+text" if name == "hits" else "markers",
            text=[str(row + 1) for row in rows] if name == "hits" else None,
            textfont={"size": 9, "color": "white"}, marker={"color": colour, "size": size}))
    if hubs is not None and hubs.any():
        figure.add_trace(_rings(near.coords, np.flatnonzero(hubs), 22))
    figure.add_trace(go.Scattergl(x=near.query_xy[:1], y=near.query_xy[1:], mode="markers", name="query",
                                  hoverinfo="name", marker={"symbol": "star", "color": AFTER, "size": 18}))
    return _plain_axes(figure)


def occurrence_histogram(counts: Mapping[str, np.ndarray], *, k: int = 10, dark: bool = False,
                         height: int = 320) -> go.Figure:
    """How many items are found how often; with two sets of counts, before and after side by side.

    Parameters
    ----------
    counts : Mapping of label to ndarray of int, shape (n,)
        N_k of every item, for example ``{"before": n_k, "after": corrected}``.

    Returns
    -------
    plotly.graph_objects.Figure
        Bars over 0, 1, 2-3, 4-7, ... (doubling), so that the long tail is seen; the bars of a label sum to n.
    """
    import plotly.graph_objects as go

    figure = _figure(dark, height, barmode="group", bargap=0.15, showlegend=len(counts) > 1)
    most = max((int(values.max()) for values in counts.values() if len(values)), default=0)
    edges = [0, 1]
    while edges[-1] <= most:
        edges.append(edges[-1] * 2)
    names = ["never" if low == 0 else str(low) if high - low == 1 else f"{low}-{high - 1}"
             for low, high in zip(edges, edges[1:], strict=False)]
    for (label, values), colour in zip(counts.items(), (BEFORE, AFTER, *TERMS[2:]), strict=False):
        bars = np.histogram(values, bins=edges)[0] if len(values) else np.zeros(len(names), int)
        if len(values):  # the last bin of numpy is closed; the doubling edges leave it empty at its end
            bars[-1] = int((np.asarray(values) >= edges[-2]).sum())
        figure.add_trace(go.Bar(x=names, y=bars, name=_text(label), marker={"color": colour},
                                hovertemplate="%{y:,} items are found %{x} times<extra></extra>"))
    figure.update_xaxes(title=f"times among the first {k}", type="category")
    few = max((max(bar.y, default=0) for bar in figure.data), default=0) < 6
    figure.update_yaxes(title="items", **({"dtick": 1} if few else {}))  # no half items
    return figure


def lorenz_curve(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], *, dark: bool = False,
                 height: int = 320) -> go.Figure:
    """Share of all places that the least found share of items holds; the diagonal is perfect evenness.

    Parameters
    ----------
    curves : Mapping of label to (items, places)
        From `core.rank.hubness.lorenz`; long curves are drawn through 400 points.
    """
    import plotly.graph_objects as go

    figure = _figure(dark, height, showlegend=True, legend={"x": 0.02, "y": 0.98})
    figure.add_trace(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="all equally often", hoverinfo="skip",
                                line={"color": PALE, "dash": "dot", "width": 1}))
    for (label, (items, places)), colour in zip(curves.items(), (BEFORE, AFTER, *TERMS[2:]), strict=False):
        keep = np.unique(np.linspace(0, len(items) - 1, 400).astype(int))
        figure.add_trace(go.Scatter(
            x=items[keep], y=places[keep], mode="lines", name=_text(label), line={"color": colour, "width": 2},
            hovertemplate="the least found %{x:.0%} of items hold %{y:.1%} of places<extra></extra>"))
    figure.update_xaxes(title="items, least found first", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title="places", tickformat=".0%", range=[0, 1])
    return figure


def term_bars(labels: Sequence[str], contributions: Sequence[Sequence[float]], names: Sequence[str] | None = None, *,
              dark: bool = False, height: int | None = None) -> go.Figure:
    """What each term of a query gave to each hit, stacked; negative parts go to the left.

    Parameters
    ----------
    labels : sequence of str
        Of the t terms.
    contributions : sequence of n sequences of t floats
        A row per hit; a row sums to the hit's score.
    names : sequence of n str, optional
        Of the hits; their ranks by default.
    """
    import plotly.graph_objects as go

    table = np.asarray(contributions, np.float64).reshape(len(contributions), len(labels))
    names = [_text(name) for name in names] if names is not None else [str(i + 1) for i in range(len(table))]
    figure = _figure(dark, height or 60 + 26 * len(table), barmode="relative", showlegend=len(labels) > 1,
                     legend={"orientation": "h", "y": -0.2})
    for column, label in enumerate(labels):
        figure.add_trace(go.Bar(y=names, x=table[:, column], orientation="h", name=_text(label),
                                marker={"color": TERMS[column % len(TERMS)]},
                                hovertemplate=f"{_text(label)}: %{{x:.3f}}<extra></extra>"))
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_xaxes(zeroline=True)
    return figure


def difference_bars(names: Sequence[str], differences: Sequence[float], *, chosen: int | None = None, dark: bool = False,
                    height: int = 260) -> go.Figure:
    """A bar for each query in the order given: up where the recipe is better, down where it is worse.

    Parameters
    ----------
    names : sequence of n str
        The queries' words.
    differences : sequence of n floats
    chosen : int, optional
        Position of the bar that is outlined.

    Returns
    -------
    plotly.graph_objects.Figure
        ``customdata`` of every bar is its position.
    """
    import plotly.graph_objects as go

    values = np.asarray(differences, np.float64)
    figure = _figure(dark, height, bargap=0.15, clickmode="event+select", dragmode=False)
    grey = "#8a8a8a"
    colours = [grey if value == 0 else BEFORE if value > 0 else HUB for value in values]
    outline = [3 if at == chosen else 0 for at in range(len(values))]
    # A query without a difference has no bar to press, so it gets a sliver on both sides of 0.
    least = max(float(np.abs(values).max(initial=0.0)) * 0.012, 1e-4)
    shown = np.where(values == 0, 2 * least, np.where(np.abs(values) < least, np.sign(values) * least, values))
    figure.add_trace(go.Bar(
        x=list(range(len(values))), y=shown, base=np.where(values == 0, -least, 0.0), customdata=list(range(len(values))),
        hovertext=[f"{_text(name)}: {value:+.3f}" for name, value in zip(names, values)], hovertemplate="%{hovertext}<extra></extra>",
        marker={"color": colours, "line": {"color": "#ffffff" if dark else "#000000", "width": outline}},
        unselected={"marker": {"opacity": 1}}))
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(zeroline=True, fixedrange=True, tickformat="+.2~f" if np.abs(values).max(initial=0.0) >= 0.05 else "+.3f")
    return figure


def pool_curve(sizes: Sequence[str], hard: Sequence[float], random: Sequence[float], *, dark: bool = False, height: int = 280) -> go.Figure:
    """R@1 over the number of other images in the pool: the most similar ones, and random ones."""
    import plotly.graph_objects as go

    figure = _figure(dark, height, showlegend=True, legend={"orientation": "h", "y": 1.12})
    for label, values, colour in (("among random images", random, BEFORE), ("among the most similar images", hard, HUB)):
        figure.add_trace(go.Scatter(x=list(sizes), y=list(values), mode="lines+markers", name=label, line={"color": colour, "width": 2},
                                    hovertemplate="%{x} others: %{y:.1%}<extra></extra>"))
    figure.update_xaxes(title="other images in the pool", type="category")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure
