"""What was measured of encoders: images a second, and which precision may be used; kept for each machine in the home.

One small JSON file, written whole: nothing depends on it that could not be measured again.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from core.encode.machine import machine
from core.store import homes
from core.store.files import locked, write_durably

FILE = "encoders.json"


@dataclass(frozen=True, slots=True)
class Measured:
    """One encoder on one machine.

    Attributes
    ----------
    fingerprint : str
        Of the weights it was measured with; other weights under the same name are measured anew.
    images_per_s : float
        In `precision`, image in memory to vector; 0 where only the precision was settled.
    engine, precision : str
        What indexing uses here.
    fp32_per_s, bf16_per_s : float
        The two that were compared; 0 where there was no choice.
    recall_fp32, recall_bf16 : float or None
        Percent, as `core.encode.probing.recall_at_10` defines it; None where it was not looked at.
    at : float
        Seconds since the epoch.
    """

    fingerprint: str
    images_per_s: float = 0.0
    engine: str = ""
    precision: str = "float32"
    fp32_per_s: float = 0.0
    bf16_per_s: float = 0.0
    recall_fp32: float | None = None
    recall_bf16: float | None = None
    at: float = 0.0

    @property
    def points_lost(self) -> float | None:
        """Points of recall at 10 that bfloat16 costs; None where it was not looked at."""
        return None if self.recall_fp32 is None or self.recall_bf16 is None else self.recall_fp32 - self.recall_bf16


def load(home: Path | None = None) -> dict[str, Measured]:
    """Encoder's name -> what was measured on this machine. A file that cannot be read counts as empty."""
    known = {field.name for field in fields(Measured)}
    found = {}
    for name, said in _read(homes.resolve(home) / FILE).get(machine(), {}).items():
        try:
            found[name] = Measured(**{key: value for key, value in said.items() if key in known})
        except (TypeError, AttributeError):
            continue  # of another version
    return found


def save(name: str, measured: Measured, home: Path | None = None) -> None:
    """Keep what was measured of an encoder on this machine."""
    folder = homes.resolve(home)
    with locked(folder / f".{FILE}.lock"):
        everything = _read(folder / FILE)
        everything.setdefault(machine(), {})[name] = {**asdict(measured), "at": measured.at or time.time()}
        text = json.dumps(everything, indent=1, ensure_ascii=False, sort_keys=True).encode()
        write_durably(folder / FILE, lambda file: file.write(text))


def _read(path: Path) -> dict[str, dict[str, dict]]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {m: per for m, per in said.items() if isinstance(per, dict)} if isinstance(said, dict) else {}
