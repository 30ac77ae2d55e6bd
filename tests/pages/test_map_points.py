"""What goes to the map in the browser, and what comes back."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.atlas.colours import colouring
from pages._map.points import HUB, MapPoints, Selection, UnitSquare, pack, sample, selection_of, sizes_by_count


def points(**changes) -> MapPoints:
    values = {"ids": np.array(["a", "b", "c"]), "xy": np.array([[0, 0], [0.5, 1], [1, 0.25]], np.float32),
              "colouring": colouring(["x", "y", "x"], "kind"), "flags": np.array([0, HUB, 0], np.uint8),
              "thumb": "/api/thumb/c/", "map_id": "m", "status": "3 points", **changes}
    return MapPoints(**values)


def unpack(data: bytes) -> tuple[dict, np.ndarray, np.ndarray, bytes, bytes, list[str]]:
    length = struct.unpack_from("<I", data)[0]
    head = json.loads(data[4:4 + length])
    at = 4 + length
    assert at % 4 == 0
    xy = np.frombuffer(data, "<f4", head["n"] * 2, at)
    at += xy.nbytes
    edges = np.frombuffer(data, "<i4", head["edges"] * 2, at)
    at += edges.nbytes
    n = head["n"]
    return head, xy, edges, data[at:at + n], data[at + n:at + 2 * n], data[at + 2 * n:].decode().split("\n")


def test_everything_arrives_in_its_place():
    head, xy, edges, codes, flags, ids = unpack(pack(points(edges=np.array([[0, 2]], np.int32), star=(0.5, 0.5))))
    assert head["labels"] == ["x", "y"] and head["counts"] == [2, 1] and head["total"] == 3 and not head["sampled"]
    assert xy.tolist() == [0, 0, 0.5, 1, 1, 0.25] and edges.tolist() == [0, 2]
    assert list(codes) == [0, 1, 0] and list(flags) == [0, 1, 0] and ids == ["a", "b", "c"]
    assert head["hubs"] == 1 and head["star"] == [0.5, 0.5] and head["selection"] is None


def test_a_sample_keeps_the_counts_of_all():
    drawn = np.array([0, 2])
    head, _, _, codes, _, _ = unpack(pack(points(ids=np.array(["a", "c"]), xy=np.zeros((2, 2), np.float32), drawn=drawn,
                                                 flags=np.zeros(2, np.uint8))))
    assert head["sampled"] and head["n"] == 2 and head["total"] == 3 and sum(head["counts"]) == 3
    assert list(codes) == [0, 0]


def test_an_empty_map_can_be_sent():
    head, *_ = unpack(pack(points(ids=np.empty(0, "U1"), xy=np.empty((0, 2), np.float32), flags=np.empty(0, np.uint8),
                                  colouring=colouring([], "kind"))))
    assert head["n"] == 0


def test_the_stamp_changes_with_the_content_only():
    stamp = unpack(pack(points()))[0]["stamp"]
    assert unpack(pack(points()))[0]["stamp"] == stamp
    assert unpack(pack(points(status="other")))[0]["stamp"] != stamp
    assert unpack(pack(points(flags=np.zeros(3, np.uint8))))[0]["stamp"] != stamp


def test_sampling_is_the_same_each_time_and_only_where_needed():
    assert sample(10, most=10) is None
    drawn = sample(1000, most=10)
    assert len(set(drawn.tolist())) == 10 and np.array_equal(drawn, sample(1000, most=10)) and (np.diff(drawn) > 0).all()


def test_unit_square_keeps_the_shape_of_the_map():
    coords = np.array([[-4, 1], [6, 3]], np.float32)
    square = UnitSquare.around(coords)
    np.testing.assert_allclose(square.inward(coords), [[0, 0.4], [1, 0.6]], atol=1e-6)
    np.testing.assert_allclose(square.outward(square.inward(coords)), coords, atol=1e-5)
    assert UnitSquare.around(np.empty((0, 2))).side == 1.0
    assert np.isfinite(UnitSquare.around(np.ones((3, 2))).inward(np.ones((3, 2)))).all()


def test_only_well_formed_selections_are_believed():
    good = {"polygon": [[0, 0], [1, 0], [1, 1]], "hidden": [2, 0, 2]}
    assert selection_of(good) == Selection(((0, 0), (1, 0), (1, 1)), (0, 2))
    for bad in (None, 3, {}, {"polygon": [[0, 0], [1, 1]]}, {"polygon": [[0, 0], [1, "x"], [1, 1]]},
                {"polygon": [[0, 0], [1, float("nan")], [1, 1]]}, {"polygon": [[0, 0, 0]] * 3},
                {"polygon": [[0, 0]] * 500}):
        assert selection_of(bad) is None


corner = st.tuples(st.floats(-0.9, 1.9), st.floats(-0.9, 1.9))


@given(st.lists(corner, min_size=3, max_size=20), st.sets(st.integers(0, 20)))
def test_a_link_gives_the_same_selection(polygon, hidden):
    selection = selection_of({"polygon": [list(c) for c in polygon], "hidden": list(hidden)})
    assert Selection.from_link(selection.as_link()) == selection


@pytest.mark.parametrize("text", ["", "1", "1.2_3.4", "a.b_c.d_e.f", "1.2.3_1.2.3_1.2.3", "1.1_2.2_3.3~x"])
def test_a_broken_link_selects_nothing(text):
    assert Selection.from_link(text) is None


def test_sizes_lie_between_the_flags_and_the_ids():
    plain, sized = pack(points()), pack(points(sizes=np.array([32, 64, 7], np.uint8), pictured=2, link_ink=0.4))
    head, _, _, _, flags, _ = unpack(sized)
    assert (head["sized"], head["pictured"], head["linkInk"]) == (True, 2, 0.4)
    assert sized.endswith(bytes([0, HUB, 0, 32, 64, 7]) + b"a\nb\nc")
    assert not unpack(plain)[0]["sized"] and plain.endswith(bytes([0, HUB, 0]) + b"a\nb\nc")
    assert unpack(sized)[0]["stamp"] != unpack(pack(points(sizes=np.array([32, 65, 7], np.uint8), pictured=2, link_ink=0.4)))[0]["stamp"]


def test_areas_grow_evenly_with_counts():
    # widths 1 at 0 and 3 at 8: areas 1, 5, 9 at 0, 4, 8, in units of 32
    assert sizes_by_count(np.array([0, 4, 8, 80]), 8, largest=3, smallest=1).tolist() == [32, round(32 * 5**0.5), 96, 96]
    assert sizes_by_count(np.zeros(2, int), 0, smallest=1).tolist() == [32, 32]


def test_counts_lie_between_the_links_and_the_colours():
    counted = pack(points(counts=np.array([7, 300, 0]), edges=np.array([[0, 2]], np.int32)))
    head, _, edges, *_ = unpack(counted)
    assert head["counted"] and edges.tolist() == [0, 2]
    at = 4 + struct.unpack_from("<I", counted)[0] + 24 + 8
    assert np.frombuffer(counted, "<i4", 3, at).tolist() == [7, 300, 0]
    assert counted[at + 12:] == bytes([0, 1, 0]) + bytes([0, HUB, 0]) + b"a\nb\nc"
    assert not unpack(pack(points()))[0]["counted"]
