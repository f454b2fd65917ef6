"""Cross-entropy, and its focal form."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ferkit.errors import ConfigError
from ferkit.losses.class_weights import class_weights
from ferkit.losses.reduction import WeightedMean


class CrossEntropy(nn.Module):
    """Cross-entropy of the softmax, by torch's own `cross_entropy`.

    A row of probabilities t costs the expectation over its classes, sum_k t[k] w[k] (-log p[k]);
    this is Keras' CategoricalCrossentropy where no class weights are given.

    Args:
        classes: K.
        weights: Class weights [K], or None.
        label_smoothing: Share of the target spread over all K classes, 0..1 (Szegedy et al. 2016).
        reduction: "weights" or "count", see `ferkit.losses`.

    Raises:
        ConfigError: an unknown reduction, or a label smoothing outside 0..1.
    """

    def __init__(
        self,
        classes: int,
        weights: Tensor | None = None,
        *,
        label_smoothing: float = 0.0,
        reduction: str = "weights",
    ) -> None:
        super().__init__()
        if not 0 <= label_smoothing <= 1:
            raise ConfigError(f"loss.label_smoothing is {label_smoothing}; give a value in 0..1.")
        self.label_smoothing = label_smoothing
        self.mean = WeightedMean(classes, weights, reduction)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, a scalar, of logits [B, K] and targets [B] or [B, K]."""
        rows = F.cross_entropy(  # [B]
            logits.float(),
            targets,
            weight=self.mean.weights,
            reduction="none",
            label_smoothing=self.label_smoothing,
        )
        return self.mean(rows, self.mean.row_weights(targets))


class Focal(nn.Module):
    """Focal loss, (1 - p[y])^gamma (-log p[y]), of Lin et al. 2017 on the softmax.

    With class weights it is their alpha-balanced form, with "effective_number" weights the
    class-balanced focal loss of Cui et al. 2019 (there on sigmoids). gamma 0 is cross-entropy.
    A row of probabilities costs the expectation over its classes.

    Args:
        classes: K.
        weights: Class weights [K], or None.
        gamma: How far easy faces are turned down, 0 or more.
        reduction: "weights" or "count", see `ferkit.losses`.

    Raises:
        ConfigError: an unknown reduction, or a negative gamma.
    """

    def __init__(
        self,
        classes: int,
        weights: Tensor | None = None,
        *,
        gamma: float = 2.0,
        reduction: str = "weights",
    ) -> None:
        super().__init__()
        if gamma < 0:
            raise ConfigError(f"loss.gamma is {gamma}; give 0 (cross-entropy) or more.")
        self.gamma = gamma
        self.mean = WeightedMean(classes, weights, reduction)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, a scalar, of logits [B, K] and targets [B] or [B, K]."""
        probabilities = self.mean.probabilities(targets)  # [B, K]
        log_p = logits.float().log_softmax(dim=1)  # [B, K]
        # 1 - p without cancellation, and off 0, where the power has an infinite slope for gamma < 1
        miss = (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny)
        terms = -(miss**self.gamma) * log_p  # [B, K]
        rows = (self.mean.weighted(probabilities) * terms).sum(dim=1)  # [B]
        return self.mean(rows, self.mean.row_weights(targets))


def class_balanced_focal(
    classes: int,
    counts: np.ndarray,
    weights: Tensor | None = None,
    *,
    gamma: float = 0.5,
    beta: float = 0.9999,
    reduction: str = "weights",
) -> Focal:
    """Class-balanced focal loss of Cui et al. 2019, here on the softmax (theirs: sigmoids).

    Args:
        classes: K.
        counts: Training images per class, [K].
        weights: Must be None; the loss brings its own.
        gamma: How far easy faces are turned down, 0 or more.
        beta: Of the effective number of images, in 0..1 without 1.
        reduction: "weights" or "count", see `ferkit.losses`.

    Raises:
        ConfigError: class weights are given too, or a value outside its range.
        DataError: a class has no training image.
    """
    if weights is not None:
        raise ConfigError(
            "loss=class_balanced_focal weighs the classes itself, so imbalance=class_weights would "
            "weigh them twice; take loss=focal, or another imbalance strategy."
        )
    own = class_weights(counts, "effective_number", beta=beta)
    return Focal(classes, own, gamma=gamma, reduction=reduction)
