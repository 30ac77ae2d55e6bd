"""Training of the starter's heads: images and texts that belong together, side by side with everything that does not.

``python -m core.encode.align --data DIR --out data/starter`` reproduces the shipped heads to within noise.
"""

from core.encode.align.settings import AlignSettings
from core.encode.align.train import MEMBERS, TRAINING_SETS, VALIDATION_SETS, measure_starter, train_starter

__all__ = ["MEMBERS", "TRAINING_SETS", "VALIDATION_SETS", "AlignSettings", "measure_starter", "train_starter"]
