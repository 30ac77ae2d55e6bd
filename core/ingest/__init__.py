"""Bringing images in: what a user points at, made into upright pictures with ids, words and reasons."""

from core.ingest.images import EXTENSIONS, Loaded, item_id_of, load, open_image, probe, thumbnail
from core.ingest.sources import Candidate, Scan, scan

__all__ = [
    "EXTENSIONS",
    "Candidate",
    "Loaded",
    "Scan",
    "item_id_of",
    "load",
    "open_image",
    "probe",
    "scan",
    "thumbnail",
]
