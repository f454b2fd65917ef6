"""Losses on logits: `loss(logits [B, K], targets) -> scalar`.

Targets are class ids (int64 [B]) or class probabilities (float [B, K]: votes, mixup). Every
loss takes the runtime facts `classes` (K) and `weights` ([K] class weights, or None); some also
take `counts` (training images per class, [K]), `epochs` or `feature_size`. What more a loss may
ask of the trainer is in `ferkit.losses.contract`.

Class weights and the reduction, the same for all. A row's weight is the expectation of the class
weights over its target, so w[y] for a class id y. `reduction="weights"` divides the weighted sum by
the sum of the row weights, as torch does for class ids; `reduction="count"` divides it by the
number of rows, as Keras does. Without class weights both are the mean.
"""

from ferkit.losses.centers import CenterLoss, island_loss
from ferkit.losses.contract import needs_features, start_epoch
from ferkit.losses.cross_entropy import CrossEntropy, Focal, class_balanced_focal
from ferkit.losses.distillation import Distillation
from ferkit.losses.expected_cost import ExpectedCost
from ferkit.losses.keras import MeanSquaredError, SquaredHinge
from ferkit.losses.margins import LDAM, BalancedSoftmax
from ferkit.losses.reduction import WeightedMean

__all__ = [
    "LDAM",
    "BalancedSoftmax",
    "CenterLoss",
    "CrossEntropy",
    "Distillation",
    "ExpectedCost",
    "Focal",
    "MeanSquaredError",
    "SquaredHinge",
    "WeightedMean",
    "class_balanced_focal",
    "island_loss",
    "needs_features",
    "start_epoch",
]
