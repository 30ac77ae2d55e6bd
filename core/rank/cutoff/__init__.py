"""Where good results end: a calibrated probability of relevance from judged pairs, and one cut-off on it.

The ladder by what has been judged (after "Relevance Filtering for Embedding-based Retrieval", arXiv:2408.04887): nothing:
how far a score stands above the query's own scores; some: Platt's logistic curve on the centred score; more: a curve
whose shape is predicted from the query, always rising with the score. All pure functions over arrays.
"""

from core.rank.cutoff.calibration import Bin, expected_error, isotonic, reliability
from core.rank.cutoff.curve import best_f1, pr_auc, precision_at, threshold
from core.rank.cutoff.ends import Ends, ends
from core.rank.cutoff.fitting import fit_adapter, platt
from core.rank.cutoff.ladder import RECALLS, Rung, rung_for
from core.rank.cutoff.learning import Learned, Tried, learn, queries_with_relevant, reached
from core.rank.cutoff.models import Head, Model
from core.rank.cutoff.rows import Parts, Rows, split

__all__ = [
    "Bin", "Ends", "Head", "Learned", "Model", "Parts", "RECALLS", "Rows", "Rung", "Tried", "best_f1", "ends", "expected_error",
    "fit_adapter", "isotonic", "learn", "platt", "pr_auc", "precision_at", "queries_with_relevant", "reached", "reliability", "rung_for",
    "split", "threshold",
]  # fmt: skip
