"""Losses that know how many training images a class has."""

import numpy as np
import torch
from torch import Tensor, nn

from ferkit.errors import ConfigError
from ferkit.losses.class_weights import class_weights, require_every_class
from ferkit.losses.cross_entropy import CrossEntropy
from ferkit.losses.reduction import WeightedMean


class LDAM(nn.Module):
    """Label-distribution-aware margins with deferred re-weighting (LDAM-DRW, Cao et al. 2019).

    The true class' score is lowered by its margin before the cross-entropy; the margins go with
    counts^(-1/4), so the rarest class has the widest. Towards the end of training class weights
    set in: those of the imbalance strategy where it has some, else of the effective number.

    Cao et al. have cosines times 30 for scores and 0.5 * 30 = 15 for the widest margin. Our heads
    are not normalised and their scores spread less, hence the smaller default.
    A row of probabilities costs the expectation over its classes.

    Args:
        classes: K.
        counts: Training images per class, [K].
        epochs: Of the whole training.
        weights: Class weights [K] for the deferred stage, or None.
        max_margin: The widest margin, in units of the logits, 0 or more.
        reweight_from: Share of the epochs after which weights set in, 0..1; 1 is never.
        beta: Of the effective number, in 0..1 without 1.
        reduction: "weights" or "count", see `ferkit.losses`.

    Raises:
        ConfigError: a value outside its range, or class weights that would never set in.
        DataError: a class has no training image.
    """

    margins: Tensor

    def __init__(
        self,
        classes: int,
        counts: np.ndarray,
        epochs: int,
        weights: Tensor | None = None,
        *,
        max_margin: float = 2.0,
        reweight_from: float = 0.8,
        beta: float = 0.9999,
        reduction: str = "weights",
    ) -> None:
        super().__init__()
        _check_ldam(max_margin, reweight_from, weights)
        margins = require_every_class(counts) ** -0.25
        scaled = torch.as_tensor(max_margin * margins / margins.max(), dtype=torch.float32)
        self.register_buffer("margins", scaled, persistent=False)
        if weights is None:
            weights = class_weights(counts, "effective_number", beta=beta)
        self.weighted = WeightedMean(classes, weights, reduction)
        self.even = WeightedMean(classes, None, reduction)
        self.deferred_to = round(reweight_from * epochs)
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Choose whether class weights take part in this epoch, counted from 0."""
        self.mean = self.weighted if epoch >= self.deferred_to else self.even

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, a scalar, of logits [B, K] and targets [B] or [B, K]."""
        lowered = logits.float()[:, None, :] - torch.diag(self.margins)  # [B, true K, K]
        terms = -lowered.log_softmax(dim=2).diagonal(dim1=1, dim2=2)  # [B, K]
        rows = (self.mean.weighted(self.mean.probabilities(targets)) * terms).sum(dim=1)  # [B]
        return self.mean(rows, self.mean.row_weights(targets))


class BalancedSoftmax(nn.Module):
    """Balanced softmax (Ren et al. 2020): cross-entropy of logits + log(counts).

    The network then learns scores for even classes, so logit adjustment after training, class
    weights or a balancing sampler beside it correct for the same counts a second time.

    Args:
        classes: K.
        counts: Training images per class, [K].
        weights: Class weights [K], or None.
        reduction: "weights" or "count", see `ferkit.losses`.

    Raises:
        ConfigError: an unknown reduction.
        DataError: a class has no training image.
    """

    log_counts: Tensor

    def __init__(
        self,
        classes: int,
        counts: np.ndarray,
        weights: Tensor | None = None,
        *,
        reduction: str = "weights",
    ) -> None:
        super().__init__()
        log_counts = torch.as_tensor(np.log(require_every_class(counts)), dtype=torch.float32)
        self.register_buffer("log_counts", log_counts, persistent=False)
        self.entropy = CrossEntropy(classes, weights, reduction=reduction)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, a scalar, of logits [B, K] and targets [B] or [B, K]."""
        loss: Tensor = self.entropy(logits.float() + self.log_counts, targets)
        return loss


def _check_ldam(max_margin: float, reweight_from: float, weights: Tensor | None) -> None:
    if max_margin < 0:
        raise ConfigError(f"loss.max_margin is {max_margin}; give 0 (cross-entropy) or more.")
    if not 0 <= reweight_from <= 1:
        raise ConfigError(
            f"loss.reweight_from is {reweight_from}; give a share of the epochs, 0..1."
        )
    if reweight_from == 1 and weights is not None:
        raise ConfigError(
            "loss.reweight_from=1 never lets class weights in, yet imbalance.class_weights is set; "
            "give a smaller share, or imbalance=none."
        )
