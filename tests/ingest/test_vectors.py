"""Vectors in and out, and every way in which they can be wrong."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InputError
from core.ingest.vectors import read_vectors, write_parquet

VECTORS = np.array([[3.0, 4.0], [0.0, -2.0], [1.0, 0.0]])
UNIT = np.array([[0.6, 0.8], [0.0, -1.0], [1.0, 0.0]], np.float32)


def save(tmp_path, vectors, ids=("a", "b", "c"), name="v.npy"):
    np.save(tmp_path / name, vectors)
    if ids is not None:
        (tmp_path / "v.ids.txt").write_text("\n".join(ids) + "\n", encoding="utf-8")
    return tmp_path / name


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", ">f4"])
def test_npy_with_ids_beside_it(tmp_path, dtype):
    ids, vectors = read_vectors(save(tmp_path, VECTORS.astype(dtype)))
    assert ids.tolist() == ["a", "b", "c"]
    assert vectors.dtype == np.float32 and vectors.shape == (3, 2)
    np.testing.assert_allclose(vectors, UNIT, atol=1e-3)


def test_ids_as_an_array(tmp_path):
    path = save(tmp_path, VECTORS, ids=None)
    np.save(tmp_path / "v.ids.npy", np.array(["x", "y", "ü"]))
    assert read_vectors(path)[0].tolist() == ["x", "y", "ü"]
    np.save(tmp_path / "v.ids.npy", np.array([10, 20, 30]))
    assert read_vectors(path)[0].tolist() == ["10", "20", "30"]


def test_structured_array(tmp_path):
    records = np.zeros(3, dtype=[("id", "U5"), ("vector", "f4", (2,))])
    records["id"], records["vector"] = ["p", "q", "r"], VECTORS
    ids, vectors = read_vectors(save(tmp_path, records, ids=None))
    assert ids.tolist() == ["p", "q", "r"]
    np.testing.assert_allclose(vectors, UNIT, atol=1e-6)


def test_parquet_there_and_back(tmp_path):
    path = tmp_path / "v.parquet"
    ids = np.array(["a", "b", "c"])
    write_parquet(path, {"id": ids, "vector": UNIT, "n_k": np.arange(3), "tags": ["x", None, "y"]})
    ids, vectors = read_vectors(path)
    assert ids.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(vectors, UNIT, atol=1e-7)
    table = pq.read_table(path)
    assert table.column("n_k").to_pylist() == [0, 1, 2] and table.column("tags").to_pylist() == ["x", None, "y"]
    buffer = io.BytesIO()
    write_parquet(buffer, {"id": ["a"], "vector": UNIT[:1]})
    assert pq.read_table(io.BytesIO(buffer.getvalue())).num_rows == 1
    with pytest.raises(InputError, match="equally long"):
        write_parquet(buffer, {"id": ["a"], "vector": UNIT})


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float32(), 2)])
def test_parquet_kinds_of_lists(tmp_path, kind):
    path = tmp_path / "v.parquet"
    pq.write_table(pa.table({"id": [1, 2, 3], "embedding": pa.array(VECTORS.tolist(), kind)}), path, row_group_size=2)
    ids, vectors = read_vectors(path)
    assert ids.tolist() == ["1", "2", "3"]
    np.testing.assert_allclose(vectors, UNIT, atol=1e-6)


def test_values_near_the_ends_of_float32(tmp_path):
    _, vectors = read_vectors(save(tmp_path, np.array([[3e38, 3e38], [1e-6, 0], [5, 0]], np.float32)))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def changed(row, value):
    vectors = VECTORS.copy()
    vectors[row] = value
    return vectors


@pytest.mark.parametrize(
    ("vectors", "ids", "words"),
    [
        (VECTORS, ("a", "b"), "3 vectors and 2 ids"),
        (VECTORS, ("a", "b", "c", "d"), "3 vectors and 4 ids"),
        (VECTORS, ("a", "b", "a"), r"3 vectors for 2 different ids \('a' repeats\)"),
        (VECTORS, ("a", " ", "c"), "1 of 3 ids are empty"),
        (VECTORS, None, r"v.ids.txt"),
        (changed(1, np.nan), ("a", "b", "c"), "1 of 3 vectors hold NaN or infinity, the first is 'b'"),
        (changed(2, [np.inf, 0]), ("a", "b", "c"), "1 of 3 vectors hold NaN or infinity, the first is 'c'"),
        (changed(0, 0), ("a", "b", "c"), "1 of 3 vectors are all zero, the first is 'a'"),
        (VECTORS[0], ("a", "b"), r"shape \(2,\)"),
        (VECTORS[:, :1], ("a", "b", "c"), "vectors of 1 numbers"),
        (VECTORS[:0], (), "no vectors"),
        (np.array([["x", "y"]]), ("a",), "floats of shape"),
    ],
)
def test_what_is_wrong_is_said_with_both_numbers(tmp_path, vectors, ids, words):
    with pytest.raises(InputError, match=words):
        read_vectors(save(tmp_path, vectors, ids))


def test_parquet_mistakes(tmp_path):
    path = tmp_path / "v.parquet"
    floats = pa.list_(pa.float32())
    for columns, words in (
        ({"id": ["a", "b"], "vector": pa.array([[1.0, 2.0], [1.0]], floats)}, "row 2 has 1 numbers and row 1 has 2"),
        ({"id": ["a", "b"], "vector": pa.array([[1.0, 2.0], None], floats)}, "1 of 2 rows have no vector"),
        ({"id": ["a"], "vector": pa.array([[1.0, None]], floats)}, "NaN"),
        ({"id": ["a"], "vector": [1.0]}, "a list of floats is needed"),
        ({"id": ["a"], "vector": [["x", "y"]]}, "floats are needed"),
        ({"id": ["a"], "other": [1.0]}, "'id' and 'vector' are needed"),
        ({"id": [None, "b"], "vector": pa.array([[1.0, 2.0]] * 2, floats)}, "1 of 2 ids are empty"),
    ):
        pq.write_table(pa.table(columns), path)
        with pytest.raises(InputError, match=words):
            read_vectors(path)


def test_files_that_are_no_vectors(tmp_path):
    path = tmp_path / "v.npy"
    with pytest.raises(InputError, match="no file of vectors"):
        read_vectors(path)
    # Python objects would need pickle, which is never loaded.
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read as a numpy array"):
        read_vectors(path)
    # A header that promises terabytes fails before anything is allocated.
    np.save(path, VECTORS)
    path.write_bytes(path.read_bytes().replace(b"(3, 2)", b"(9999999999, 2)"[:15], 1))
    with pytest.raises(InputError, match="cannot be read"):
        read_vectors(path)
    (tmp_path / "v.txt").write_text("1 2")
    with pytest.raises(InputError, match="use .npy or .parquet"):
        read_vectors(tmp_path / "v.txt")
    (tmp_path / "v.parquet").write_text("no")
    with pytest.raises(InputError, match="Parquet"):
        read_vectors(tmp_path / "v.parquet")


@pytest.mark.needs_data
def test_vectors_of_a_real_model(data_dir, tmp_path):
    found = sorted((data_dir / "fashion_clip_vectors").glob("*.npy"))
    assert found
    for path in found:
        array = np.load(path)
        (tmp_path / "x.ids.txt").write_text("\n".join(map(str, range(len(array)))))
        np.save(tmp_path / "x.npy", array)
        ids, vectors = read_vectors(tmp_path / "x.npy")
        assert vectors.shape == array.shape and len(ids) == len(array)


def test_columns_without_any_value_are_text(tmp_path):
    write_parquet(tmp_path / "x.parquet", {"id": ["a", "b"], "tags": [[], []], "colour": [None, None], "n_k": [1, 2]})
    types = {field.name: field.type for field in pq.read_schema(tmp_path / "x.parquet")}
    assert (types["tags"], types["colour"], types["n_k"]) == (pa.list_(pa.string()), pa.string(), pa.int64())
