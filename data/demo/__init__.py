"""The demo collection, made offline from installed packages: OpenMoji drawings, their names, and 60 judged queries."""

from data.demo.openmoji import ATTRIBUTION, COLUMNS, NAME, Emoji, build, catalogue, render
from data.demo.topics import JUDGE, judgments, saved_queries

__all__ = [
    "ATTRIBUTION",
    "COLUMNS",
    "JUDGE",
    "NAME",
    "Emoji",
    "build",
    "catalogue",
    "judgments",
    "render",
    "saved_queries",
]
