"""The towers as ONNX graphs: exported once from torch into a cache, then run by ONNX Runtime.

A graph's file name ends in the SHA-256 of its own bytes, so one atomic rename publishes it, a reader
can always tell a whole file from a damaged one, and two processes that export at the same time do not
disturb each other. torch is imported only when a graph is not in the cache.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.encode.threads import cpu_threads
from core.encode.weights import IMAGE_WEIGHTS, TEXT_WEIGHTS, WeightFile, file_sha256, find
from core.errors import EncoderError

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime
    import torch

    Tails = Sequence[Mapping[str, np.ndarray]]

GRAPH_VERSION = 2  # raise it when a tower's code changes what its graph gives
_OPSET = 18


def cache_folder() -> Path:
    """``$LOUPE_CACHE/graphs``, else ``~/.cache/loupe/graphs``; made if absent.

    Raises
    ------
    EncoderError
        When the folder cannot be written.
    """
    base = os.environ.get("LOUPE_CACHE")
    folder = (Path(base).expanduser() if base else Path.home() / ".cache" / "loupe") / "graphs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return folder


def image_graph() -> Path:
    """The image tower's graph: ``pixels`` uint8 (n, 260, 260, 3) to ``cells``, ``low``, ``logits`` (`core.encode.lite2`)."""
    return cached_graph("lite2", IMAGE_WEIGHTS, _export_image_tower)


def label_graph() -> Path:
    """The image tower's last layer alone: ``features`` float32 (n, 1280) to ``logits`` (n, 1000)."""
    return cached_graph("lite2-labels", IMAGE_WEIGHTS, _export_labels)


def text_graph(tails: Callable[[], Tails] = tuple, key: str = "plain") -> Path:
    """The text tower's graph: ``ids`` and ``mask`` int64 (n, t) to ``features`` (n, 384) and, for each tail, its tokens.

    Parameters
    ----------
    tails : callable
        Gives what `core.encode.minilm.build_text_tower` is told; called only to export.
    key : str
        Tells apart graphs with different tails.
    """
    name = f"minilm-{key[:12]}"
    there = {path.name for path in cache_folder().glob(f"{name}-*.onnx")}
    graph = cached_graph(name, TEXT_WEIGHTS, lambda *paths: _export_text_tower(tails(), *paths))
    if graph.name not in there:
        _keep_latest(graph.parent, "minilm-")
    return graph


def cached_graph(name: str, weights: WeightFile, export: Callable[[Path, Path], None]) -> Path:
    """Find a whole graph in the cache, or export it.

    Parameters
    ----------
    name : str
        Start of the file name.
    weights : WeightFile
        The graph is used only for weights with this hash; they are checked in both cases.
    export : callable
        ``export(weights_path, out_path)`` writes the graph.

    Returns
    -------
    Path
        A file whose bytes have the hash in its name.
    """
    source = find(weights)
    folder = cache_folder()
    prefix = f"{name}-v{GRAPH_VERSION}-{weights.sha256[:12]}-"
    found = _whole_graph(folder, prefix)
    if found is not None:
        return found
    with _only_one_exporter(folder / f"{name}.lock"):
        found = _whole_graph(folder, prefix)  # another process may have finished while this one waited
        if found is not None:
            return found
        try:
            handle, temporary = tempfile.mkstemp(prefix=f".{name}-", suffix=".part", dir=folder)
        except OSError as error:
            raise _cannot_write(folder, error) from error
        os.close(handle)
        out = Path(temporary)
        try:
            export(source, out)
            target = folder / f"{prefix}{file_sha256(out)}.onnx"
            os.replace(out, target)
        finally:
            out.unlink(missing_ok=True)
    return target


def open_session(graph: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open a graph in ONNX Runtime on the CPU with a number of threads inside each run."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that wait must sleep, not spin: decoding, searching and the web server need the cores too.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _cannot_write(folder: Path, error: OSError) -> EncoderError:
    return EncoderError(f"Cannot write to {folder} ({error.strerror}): set LOUPE_CACHE to a folder you own.")


def _keep_latest(folder: Path, prefix: str) -> None:
    """Remove all graphs of a kind but the latest two: each is 133 MB, and another installation may use the second."""
    found = sorted(folder.glob(f"{prefix}*.onnx"), key=lambda path: path.stat().st_mtime)
    for path in found[:-2]:
        path.unlink(missing_ok=True)


def _whole_graph(folder: Path, prefix: str) -> Path | None:
    for path in sorted(folder.glob(f"{prefix}*.onnx")):
        if file_sha256(path) == path.stem[len(prefix) :]:
            return path
        path.unlink(missing_ok=True)  # cut short or changed: it is only a cache
    return None


@contextlib.contextmanager
def _only_one_exporter(path: Path) -> Iterator[None]:
    """Let others wait instead of doing the same work. Without file locks both export; that is safe, only slower."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    try:
        lock = path.open("w")
    except OSError:
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _export_image_tower(weights: Path, out: Path) -> None:
    import torch

    from core.encode.lite2 import INPUT_PX, build_image_tower

    example = torch.zeros(2, INPUT_PX, INPUT_PX, 3, dtype=torch.uint8)
    _export(build_image_tower(weights), (example,), out, {"pixels": {0: "n"}}, ["cells", "low", "logits"])


def _export_labels(weights: Path, out: Path) -> None:
    import torch

    from core.encode.lite2 import FEATURES, build_image_tower

    classifier = build_image_tower(weights).backbone.classifier
    _export(classifier, (torch.zeros(2, FEATURES),), out, {"features": {0: "n"}}, ["logits"])


def _export_text_tower(tails: Tails, weights: Path, out: Path) -> None:
    import torch

    from core.encode.minilm import build_text_tower

    example = torch.ones(2, 7, dtype=torch.int64)
    axes = {"ids": {0: "n", 1: "t"}, "mask": {0: "n", 1: "t"}}
    tokens = [f"tokens{n}" for n in range(len(tails))]
    outputs = {"features": {0: "n"}} | {name: {0: "n", 1: "t"} for name in tokens}
    _export(build_text_tower(weights, tails), (example, example), out, axes, outputs)


def _export(
    tower: torch.nn.Module,
    example: tuple,
    out: Path,
    axes: dict[str, dict[int, str]],
    outputs: Sequence[str] | dict[str, dict[int, str]],
) -> None:
    import torch

    torch.set_num_threads(cpu_threads())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of constants, which is what the shapes are
        # The tracing exporter: 3 s for both towers here, against 19 s, and it prints nothing.
        torch.onnx.export(
            tower,
            example,
            str(out),
            input_names=list(axes),
            output_names=list(outputs),
            dynamic_axes=axes | (outputs if isinstance(outputs, dict) else {name: {0: "n"} for name in outputs}),
            opset_version=_OPSET,
            dynamo=False,
        )
