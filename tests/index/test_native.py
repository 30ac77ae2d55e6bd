"""Search and encoder in one process, whichever comes first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SEARCH = "exact.top_k(np.eye(4, dtype=np.float16), np.eye(4)[0], 1); usearch._empty(4)"


@pytest.mark.parametrize("first", [SEARCH, "import onnxruntime"])
def test_neither_order_ends_the_process(first):
    then = "import onnxruntime" if first == SEARCH else SEARCH
    code = f"import numpy as np; from core.index import exact, usearch; {first}; {then}; print('alive')"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr[-500:]
