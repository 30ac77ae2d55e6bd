"""What stands in the figures: numbers, positions, counts."""

from __future__ import annotations

import json

import numpy as np

from core import figures
from core.atlas.colours import colouring
from core.rank.hubness import lorenz
from core.types import MapFit, Neighbourhood

IDS = np.array(["a", "b", "c", "d"])
FIT = MapFit("s", 1, IDS, np.arange(8, dtype=np.float32).reshape(4, 2), "umap", np.ones(4, bool))


def test_map_has_one_trace_a_value_with_count_and_positions():
    figure = figures.map_figure(FIT, colouring(["x", "y", "x", None], "kind"), hubs=np.array([0, 1, 0, 0], bool))
    assert [trace.type for trace in figure.data] == ["scattergl"] * 4
    assert [trace.name for trace in figure.data] == ["x 2", "y 1", "no value 1", "hubs ringed 1"]
    assert [list(trace.customdata) for trace in figure.data] == [[0, 2], [1], [3], [1]]
    assert list(figure.data[0].x) == [0, 4] and list(figure.data[0].y) == [1, 5]


def test_labels_are_text_not_html():
    assert figures.map_figure(FIT, colouring(["<b>x", "y", "y", "y"], "k")).data[1].name == "&lt;b&gt;x 1"


def test_neighbourhood_numbers_hits_rings_hubs_and_stars_the_query():
    near = Neighbourhood(IDS, FIT.coords, 2, np.array([1.0, 2.0], np.float32), np.array([[0, 1], [1, 3]], np.int32), 0.8,
                         np.array([1, 9, 0, 2]))
    figure = figures.neighbourhood_figure(near, hubs=near.n_k > 5)
    by_name = {trace.name: trace for trace in figure.data}
    assert list(by_name["hits 2"].text) == ["1", "2"] and list(by_name["hits 2"].customdata) == [0, 1]
    assert list(by_name["neighbours 2"].customdata) == [2, 3]
    assert list(by_name["hubs ringed 1"].customdata) == [1]
    assert (by_name["query"].x[0], by_name["query"].y[0]) == (1.0, 2.0)
    assert len(by_name["links 2"].x) == 6 and np.isnan(by_name["links 2"].x[2])


def test_histogram_bars_sum_to_the_items():
    counts = np.array([0, 0, 1, 2, 3, 3, 4, 8])
    figure = figures.occurrence_histogram({"before": counts, "after": counts[:5]})
    assert list(figure.data[0].x) == ["never", "1", "2-3", "4-7", "8-15"]
    assert list(figure.data[0].y) == [2, 1, 3, 1, 1] and sum(figure.data[1].y) == 5
    assert sum(figures.occurrence_histogram({"before": np.zeros(3, int)}).data[0].y) == 3
    assert list(figures.occurrence_histogram({"before": np.array([0, 1])}).data[0].y) == [1, 1]


def test_lorenz_starts_and_ends_in_the_corners_and_is_thinned():
    figure = figures.lorenz_curve({"before": lorenz(np.arange(5000))})
    assert len(figure.data[1].x) <= 400
    assert (figure.data[1].x[0], figure.data[1].y[0], figure.data[1].x[-1], figure.data[1].y[-1]) == (0, 0, 1, 1)


def test_term_bars_are_stacked_both_ways():
    figure = figures.term_bars(["red", "-night"], [[0.4, -0.1], [0.3, 0.0]])
    assert figure.layout.barmode == "relative" and [bar.name for bar in figure.data] == ["red", "-night"]
    assert list(figure.data[1].x) == [-0.1, 0.0] and list(figure.data[0].y) == ["1", "2"]


def test_light_and_dark_differ_and_all_can_be_sent():
    light, dark = (figures.lorenz_curve({"a": lorenz(np.ones(3))}, dark=dark) for dark in (False, True))
    assert light.layout.template != dark.layout.template
    assert json.loads(light.to_json())["data"]


def test_difference_bars_are_a_bar_a_query_and_outline_the_chosen_one():
    figure = figures.difference_bars(["a <b>", "b", "c"], [0.4, 0.0, -0.2], chosen=2)
    (bars,) = figure.data
    assert list(bars.customdata) == [0, 1, 2] and bars.hovertext[0] == "a &lt;b&gt;: +0.400"
    assert bars.y[0] == 0.4 and 0 < bars.y[1] < 0.01 and bars.y[2] == -0.2  # one without a difference can still be pressed
    assert list(bars.marker.line.width) == [0, 0, 3] and bars.marker.color[0] != bars.marker.color[2]
    assert len(figures.difference_bars([], []).data[0].x) == 0


def test_pool_curve_has_a_line_for_each_kind_of_pool():
    figure = figures.pool_curve(["5", "10"], [0.5, 0.4], [0.9, 0.8])
    assert [(line.name, list(line.y)) for line in figure.data] == [
        ("among random images", [0.9, 0.8]), ("among the most similar images", [0.5, 0.4]),
    ]  # fmt: skip
