"""The encoder that works offline, straight after install: EfficientNet-Lite2, MiniLM, and trained heads."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.encode.graphs import GRAPH_VERSION, image_graph, label_graph, open_session, text_graph
from core.encode.heads import Heads, load_heads
from core.encode.lite2 import FEATURES, GRID, INPUT_PX
from core.encode.minilm import load_tokenizer, tokenize
from core.encode.parts import ImageParts, TextParts, joined, unit_rows
from core.encode.protocol import PreparedEncoder
from core.encode.threads import cpu_threads
from core.encode.weights import IMAGE_WEIGHTS, TEXT_WEIGHTS, TOKENIZER, find

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from PIL import Image
    from tokenizers import Tokenizer

HEADS_PATH = Path(__file__).resolve().parents[2] / "data" / "starter" / "heads.safetensors"
_RUN = 1  # images in one run of the graph: more leave the cache (measured here: 23 ms an image at 1, 25 at 4 and 8)


class StarterTowers:
    """Both towers on ONNX Runtime. Thread-safe; about 200 MB.

    Image runs use one thread each and several runs go on at once: that costs a third less CPU time than
    one run on several threads, since no thread waits for another between layers.

    Parameters
    ----------
    heads : Heads, optional
        Whose members' last text blocks are run beside the tower's own.
    """

    def __init__(self, heads: Heads | None = None) -> None:
        self._heads = heads
        self._opening = threading.Lock()
        self._sessions: dict[str, InferenceSession] = {}
        self._tokenizer: Tokenizer | None = None
        self.pool = ThreadPoolExecutor(cpu_threads(), thread_name_prefix="starter")

    def image_parts(self, pixels: np.ndarray) -> ImageParts:
        """Run the image tower once, in the calling thread, on uint8 (n, 260, 260, 3)."""
        return ImageParts(*self._session("image").run(None, {"pixels": pixels}))

    def label_logits(self, features: np.ndarray) -> np.ndarray:
        """ImageNet label scores of pooled features, float32 (n, 1280) to (n, 1000)."""
        return self._session("labels").run(None, {"features": features})[0]

    def text_parts(self, texts: Sequence[str]) -> TextParts:
        """Run the text tower."""
        session = self._session("text")
        assert self._tokenizer is not None  # loaded with the session
        ids, mask = tokenize(self._tokenizer, texts)
        features, *tokens = session.run(None, {"ids": ids, "mask": mask})
        return TextParts(features, tuple(tokens), mask > 0)

    def _session(self, tower: str) -> InferenceSession:
        # Each is opened when it is first used: a query in words on the command line is answered half a second sooner.
        with self._opening:
            if tower not in self._sessions:
                if tower == "text":
                    self._tokenizer = load_tokenizer(find(TOKENIZER))
                    graph = text_graph() if self._heads is None else text_graph(self._heads.tails, self._heads.tails_fingerprint)
                    self._sessions[tower] = open_session(graph, threads=cpu_threads())
                else:
                    graph = image_graph() if tower == "image" else label_graph()
                    self._sessions[tower] = open_session(graph, threads=1)
            return self._sessions[tower]


class StarterEncoder(PreparedEncoder):
    """Images and texts in one 512-dimensional space, with no download; beside it a space of images alone.

    The ``visual`` space is the image tower's pooled features as they are. It knows no words, and for photographs that
    look alike it is the better one: the model card has both figures.

    Parameters
    ----------
    heads_path : Path
        Projection heads; the shipped ones by default.
    """

    name = "starter"
    has_text = True
    engine = "onnxruntime"
    precision = "float32"
    input_px = INPUT_PX
    decode_px = INPUT_PX
    preprocessing = f"RGB, squashed to {INPUT_PX}x{INPUT_PX}, bicubic, mean = std = 0.5"

    def __init__(self, heads_path: Path = HEADS_PATH) -> None:
        self.heads: Heads = load_heads(heads_path)
        self.towers = StarterTowers(self.heads)
        self.dim = self.heads.dim
        self.spaces = {"joint": self.dim, "visual": FEATURES}
        self.text_mean = self.heads.text_mean
        self.image_mean = self.heads.image_mean
        parts = (IMAGE_WEIGHTS.sha256, TEXT_WEIGHTS.sha256, TOKENIZER.sha256, self.heads.fingerprint, GRAPH_VERSION)
        self.fingerprint = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]

    def prepare(self, image: Image.Image) -> np.ndarray:
        """Squash an image to uint8 (260, 260, 3), RGB."""
        return squash(image)

    def encode_prepared(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Encode uint8 (n, 260, 260, 3) to float32 (n, 512) ``joint`` and (n, 1280) ``visual``: one run of the tower."""
        if len(batch) == 0:
            return {space: np.empty((0, width), dtype=np.float32) for space, width in self.spaces.items()}
        share = -(-len(batch) // cpu_threads())
        groups = [batch[i : i + share] for i in range(0, len(batch), share)]
        made = [self._encode_group(groups[0])] if len(groups) == 1 else list(self.towers.pool.map(self._encode_group, groups))
        return {space: np.concatenate([rows[space] for rows in made]) for space in self.spaces}

    def encode_local(self, images: Sequence[str | Path | Image.Image]) -> np.ndarray:
        """Encode each of the 9 x 9 cells of images into the joint space.

        A cell is taken as an image of its own: its place in the feature map, which sees its surroundings too, and the
        label probabilities of that place.

        Returns
        -------
        ndarray of float32, shape (n, 81, dim)
            Unit rows, cells row by row. Made on demand and not stored: about a tenth of a second an image.

        Raises
        ------
        ImageError
            At the first image that cannot be read.
        """
        out = np.empty((len(images), GRID * GRID, self.dim), dtype=np.float32)
        start = 0
        for chunk in self._prepared_chunks(images):
            for pixels in chunk:
                out[start] = self._local(self.towers.image_parts(pixels[None]))
                start += 1
        return out

    def _encode_group(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        # The tower in small runs, the heads once: their weights are then read from memory once for all.
        parts = joined([self.towers.image_parts(pixels[i : i + _RUN]) for i in range(0, len(pixels), _RUN)])
        return {"joint": self.heads.image(parts), "visual": unit_rows(parts.features)}

    def _local(self, whole: ImageParts) -> np.ndarray:
        cells, low = whole.cells[0][:, None], whole.low[0][:, None]  # 81 images of one cell each
        return self.heads.image(ImageParts(cells, low, self.towers.label_logits(whole.cells[0])))

    def _encode_text_chunk(self, texts: Sequence[str]) -> np.ndarray:
        return self.heads.text(self.towers.text_parts(texts))


def squash(image: Image.Image) -> np.ndarray:
    """Resize an image to the square the tower was measured best with, whatever its shape: uint8 (260, 260, 3)."""
    from PIL import Image as Pillow

    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return np.asarray(rgb.resize((INPUT_PX, INPUT_PX), Pillow.Resampling.BICUBIC))
