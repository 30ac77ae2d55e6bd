"""Vectors brought from elsewhere and taken along: ``.npy`` with ids, or Parquet with (id, vector)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.errors import InputError

MAX_DIM = 16384
_ID_NAMES = ("id", "item_id")
_VECTOR_NAMES = ("vector", "embedding", "vectors", "embeddings", "emb")


def read_vectors(path: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Vectors with their item ids, checked and scaled to unit length.

    Parameters
    ----------
    path : path
        ``X.npy``: a float array (n, d), with the ids beside it in ``X.ids.txt`` (one a line, UTF-8) or
        ``X.ids.npy`` (a text array), or a structured array with the fields ``id`` (text) and ``vector``
        (floats, shape (d,)). Or ``.parquet``: a column ``id`` (text or whole numbers) and a column ``vector``
        (a list of floats, the same length in every row).

    Returns
    -------
    ids : ndarray of str, shape (n,)
    vectors : ndarray of float32, shape (n, d)
        Unit rows, in the file's order.

    Raises
    ------
    InputError
        With both numbers where two disagree: rows and ids, one length and another, rows that hold NaN or
        infinity, rows that are all zero; or for ids that repeat.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file of vectors at {path}")
    extension = path.suffix.lower()
    if extension == ".npy":
        ids, vectors = _read_npy(path)
    elif extension == ".parquet":
        ids, vectors = _read_parquet(path)
    else:
        raise InputError(f"{path.name} holds no vectors that are read; use .npy or .parquet")
    return _checked(path, ids, vectors)


def _load_npy(path: Path) -> np.ndarray:
    try:
        # Mapped, so that a header that promises more than the file holds fails before anything is allocated.
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, TypeError) as error:
        raise InputError(f"{path.name} cannot be read as a numpy array: {str(error)[:160]}") from error


def _read_npy(path: Path) -> tuple[list[str], np.ndarray]:
    array = _load_npy(path)
    if array.dtype.names:
        missing = [name for name in ("id", "vector") if name not in array.dtype.names]
        if missing:
            raise InputError(f"{path.name} has the fields {', '.join(array.dtype.names)}; 'id' and 'vector' are needed")
        return _as_ids(array["id"]), array["vector"]
    for beside in (path.with_suffix(".ids.txt"), path.with_suffix(".ids.npy")):
        if beside.is_file():
            break
    else:
        raise InputError(
            f"{path.name} has no ids: put {path.stem}.ids.txt beside it (one item id a line), "
            "or use Parquet with the columns id and vector"
        )
    if beside.suffix == ".npy":
        return _as_ids(_load_npy(beside)), array
    try:
        # Split at line feeds only: an id may hold any other character that splitlines() would break at.
        return beside.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n"), array
    except UnicodeDecodeError as error:
        raise InputError(f"{beside.name} is not UTF-8 text: {error}") from error


def _as_ids(values: np.ndarray) -> list[str]:
    if values.ndim != 1 or values.dtype.kind not in "USiu":
        raise InputError(f"ids must be one column of text, and are {values.dtype} of shape {values.shape}")
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    return [str(value) for value in values]


def _read_parquet(path: Path) -> tuple[list[str], np.ndarray]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        id_name = next((name for name in _ID_NAMES if name in names), None)
        vector_name = next((name for name in _VECTOR_NAMES if name in names), None)
        if id_name is None or vector_name is None:
            raise InputError(f"{path.name} has the columns {', '.join(names)[:200]}; 'id' and 'vector' are needed")
        table = file.read([id_name, vector_name]).combine_chunks()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path.name} cannot be read as Parquet: {str(error)[:160]}") from error
    column = table.column(vector_name)
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise InputError(f"{path.name}: the column {vector_name} is {kind}, and a list of floats is needed")
    if column.null_count:
        raise InputError(f"{path.name}: {column.null_count:,} of {len(column):,} rows have no vector; leave them out")
    import pyarrow.compute as pc

    lengths = np.asarray(pc.list_value_length(column))
    if len(lengths) and lengths.min() != lengths.max():
        odd = int(np.flatnonzero(lengths != lengths[0])[0])
        raise InputError(
            f"{path.name}: row {odd + 1} has {lengths[odd]:,} numbers and row 1 has {lengths[0]:,}; "
            "all vectors must have the same length"
        )
    ids = ["" if value is None else str(value) for value in table.column(id_name).to_pylist()]
    flat = pc.list_flatten(column)
    try:
        # A missing number inside a vector becomes NaN, which the checks name.
        chunks = [chunk.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False) for chunk in flat.chunks]
        values = np.concatenate([np.zeros(0, np.float32), *chunks])
    except (pa.ArrowException, ValueError) as error:
        raise InputError(f"{path.name}: the column {vector_name} holds {kind}, and floats are needed") from error
    return ids, values.reshape(len(ids), -1) if len(ids) else np.zeros((0, 0), np.float32)


def _checked(path: Path, ids: Sequence[str], vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    name = path.name
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu":
        raise InputError(f"{name} holds {vectors.dtype} of shape {vectors.shape}; floats of shape (n, d) are needed")
    ids = [str(value).strip() for value in ids]
    n, dim = vectors.shape
    if n == 0:
        raise InputError(f"{name} holds no vectors")
    if n != len(ids):
        raise InputError(f"{name} has {n:,} vectors and {len(ids):,} ids; each vector needs one id")
    if not 2 <= dim <= MAX_DIM:
        raise InputError(f"{name} has vectors of {dim:,} numbers; 2 to {MAX_DIM:,} are needed")
    if empty := sum(not value for value in ids):
        raise InputError(f"{name}: {empty:,} of {n:,} ids are empty")
    if len(set(ids)) != n:
        seen: set[str] = set()
        twice = next(value for value in ids if value in seen or seen.add(value))
        raise InputError(f"{name} has {n:,} vectors for {len(set(ids)):,} different ids ('{twice}' repeats)")
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        first = ids[int(np.flatnonzero(bad)[0])]
        raise InputError(f"{name}: {int(bad.sum()):,} of {n:,} vectors hold NaN or infinity, the first is '{first}'")
    # In float64: the square of a float32 near its greatest value is infinite.
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    zero = norms < 1e-12
    if zero.any():
        first = ids[int(np.flatnonzero(zero)[0])]
        raise InputError(f"{name}: {int(zero.sum()):,} of {n:,} vectors are all zero, the first is '{first}'")
    return np.asarray(ids), (vectors / norms[:, None]).astype(np.float32)


def write_parquet(out: Path | BinaryIO, columns: Mapping[str, Sequence | np.ndarray]) -> None:
    """Write columns of equal length; a 2-d array becomes a column of fixed-size lists.

    Parameters
    ----------
    out : Path or binary file
        A path is written to a temporary name first, then renamed.
    columns : Mapping of str to sequence or ndarray
        Arrays of shape (n,) or (n, d).

    Raises
    ------
    InputError
        If the columns differ in length.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"columns must be equally long, and are {lengths}")
    arrays = {}
    for name, values in columns.items():
        if isinstance(values, np.ndarray) and values.ndim == 2:
            flat = pa.array(np.ascontiguousarray(values).reshape(-1))
            arrays[name] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        elif isinstance(values, np.ndarray) and values.dtype.kind in "US":
            arrays[name] = pa.array(values.tolist(), type=pa.string())
        else:
            arrays[name] = _typed(pa, pa.array(values))
    table = pa.table(arrays)
    if isinstance(out, str | Path):
        out = Path(out)
        partial = out.with_name(out.name + ".part")
        pq.write_table(table, partial)
        partial.replace(out)
        return
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    out.write(buffer.getvalue())


def _typed(pa, array):  # noqa: ANN001, ANN202 - pyarrow is imported late
    """A column of which every cell, or every list, is empty is one of text: readers stumble over a type "null"."""
    if pa.types.is_null(array.type):
        return array.cast(pa.string())
    if pa.types.is_list(array.type) and pa.types.is_null(array.type.value_type):
        return array.cast(pa.list_(pa.string()))
    return array
