"""Hubs: how unevenly items are found (`measures`), and the corrections that even it out.

Tables of similarities in, float64 tables out: `softmax`, `local`, `sinkhorn`. For search, one number per item from
vectors: `bias`.
"""

from core.rank.hubness.bias import (
    BIAS_METHODS,
    OTHER_METHODS,
    ItemBias,
    LazyRows,
    active_from_vectors,
    exact_as_bias,
    item_bias,
    item_bias_with_parts,
)
from core.rank.hubness.chance import chance_bound, expected_occurrence
from core.rank.hubness.local import csls, globally_corrected
from core.rank.hubness.measures import (
    atkinson,
    gini,
    hub_threshold,
    hubness_report,
    k_occurrence,
    lorenz,
    robin_hood,
    skewness,
)
from core.rank.hubness.occurrence import k_occurrence_from_vectors
from core.rank.hubness.places import centroid_distances, ranks, share_nearer
from core.rank.hubness.removal import from_the_rest, given_back
from core.rank.hubness.sinkhorn import Scalings, sinkhorn_prior, sinkhorn_scalings
from core.rank.hubness.softmax import (
    active_items,
    dual_dynamic_inverted_softmax,
    dual_inverted_softmax,
    dynamic_inverted_softmax,
    inverted_softmax,
    log_normalizer,
)
from core.rank.hubness.tables import without_self

__all__ = [
    "BIAS_METHODS", "ItemBias", "LazyRows", "OTHER_METHODS", "Scalings", "active_from_vectors", "active_items", "atkinson", "csls",
    "dual_dynamic_inverted_softmax", "dual_inverted_softmax", "dynamic_inverted_softmax", "exact_as_bias", "gini",
    "globally_corrected", "hub_threshold", "hubness_report", "inverted_softmax", "item_bias", "k_occurrence",
    "k_occurrence_from_vectors", "log_normalizer", "lorenz", "robin_hood", "sinkhorn_prior", "sinkhorn_scalings",
    "skewness", "without_self",
    "centroid_distances", "chance_bound", "expected_occurrence", "from_the_rest", "given_back", "item_bias_with_parts",
    "ranks", "share_nearer",
]  # fmt: skip
