"""This machine, as far as speeds and number formats go."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

from core.encode.threads import cpu_threads

_CPUINFO = Path("/proc/cpuinfo")
_BF16 = {"avx512_bf16", "amx_bf16"}


def machine() -> str:
    """Processor and cores that speeds were measured on, as people read it: ``Intel(R) Xeon(R) Processor, 2 cores``."""
    threads = cpu_threads()
    return f"{_model()}, {threads} {'core' if threads == 1 else 'cores'}"


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself (AVX512-BF16 or AMX). False where it cannot be found out."""
    return bool(_BF16 & set(_said("flags").split()))


def _model() -> str:
    return " ".join((_said("model name") or platform.processor() or platform.machine() or "unknown processor").split())


@cache
def _said(what: str) -> str:
    try:
        for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == what:
                return value.strip()
    except OSError:
        pass  # no Linux
    return ""
