"""One k-nearest-neighbour graph per vector set, shared by the map, hubs, duplicates and clusters."""

from __future__ import annotations

from core.graph.knn import build, k_occurrence, load, save

__all__ = ["build", "k_occurrence", "load", "save"]
