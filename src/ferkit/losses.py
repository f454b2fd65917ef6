"""Losses on logits: `loss(logits [B, K], targets) -> scalar`.

Targets are class codes (int64 [B]) or shares of the classes (float [B, K]: votes, mixup). Every
loss takes the runtime facts `classes` (K) and `weights` ([K] class weights, or None).

Class weights and the reduction, the same for all. A row's weight is the expectation of the class
weights over its target, so w[y] for a code y. `reduction="weights"` divides the weighted sum by
the sum of the row weights, as torch does for codes; `reduction="count"` divides it by the number
of rows, as Keras does. Without class weights both are the mean.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ferkit.errors import ConfigError, unknown

REDUCTIONS = ("weights", "count")
SCORES = ("softmax", "logits")


class CrossEntropy(nn.Module):
    """Cross-entropy of the softmax, by torch's own `cross_entropy`.

    A row of shares t costs the expectation over its classes, sum_k t[k] w[k] (-log p[k]); this is
    Keras' CategoricalCrossentropy where no class weights are given.

    Args:
        classes: K.
        weights: Class weights [K], or None.
        label_smoothing: Share of the target spread over all K classes, 0..1 (Szegedy et al. 2016).
        reduction: "weights" or "count", see the module.

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
    A row of shares costs the expectation over its classes.

    Args:
        classes: K.
        weights: Class weights [K], or None.
        gamma: How far easy faces are turned down, 0 or more.
        reduction: "weights" or "count", see the module.

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
        shares = self.mean.shares(targets)  # [B, K]
        log_p = logits.float().log_softmax(dim=1)  # [B, K]
        # 1 - p without cancellation, and off 0, where the power has an infinite slope for gamma < 1
        miss = (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny)
        terms = -(miss**self.gamma) * log_p  # [B, K]
        rows = (self.mean.weighted(shares) * terms).sum(dim=1)  # [B]
        return self.mean(rows, self.mean.row_weights(targets))


class MeanSquaredError(nn.Module):
    """Keras' MeanSquaredError: the mean over the classes of (target - score)^2.

    Args:
        classes: K.
        weights: Class weights [K], or None.
        on: The scores: "softmax", as a Keras network that ends in a softmax has it, or "logits".
        reduction: "weights" or "count", see the module.

    Raises:
        ConfigError: an unknown reduction or kind of scores.
    """

    def __init__(
        self,
        classes: int,
        weights: Tensor | None = None,
        *,
        on: str = "softmax",
        reduction: str = "weights",
    ) -> None:
        super().__init__()
        self.on = _known_scores(on)
        self.mean = WeightedMean(classes, weights, reduction)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, a scalar, of logits [B, K] and targets [B] or [B, K]."""
        errors = self.mean.shares(targets) - _scores(logits, self.on)  # [B, K]
        return self.mean.of_rows(errors.square().mean(dim=1), targets)


class SquaredHinge(nn.Module):
    """Keras' SquaredHinge: the mean over the classes of max(1 - y s, 0)^2, y being -1 or +1.

    As Keras does, a target of 0 or 1 becomes -1 or +1. For a share t strictly between (where
    Keras would take t itself for y) the term is the expectation,
    t max(1 - s, 0)^2 + (1 - t) max(1 + s, 0)^2.

    Args:
        classes: K.
        weights: Class weights [K], or None.
        on: The scores s: "softmax", as a Keras network that ends in a softmax has it, or "logits".
        reduction: "weights" or "count", see the module.

    Raises:
        ConfigError: an unknown reduction or kind of scores.
    """

    def __init__(
        self,
        classes: int,
        weights: Tensor | None = None,
        *,
        on: str = "softmax",
        reduction: str = "weights",
    ) -> None:
        super().__init__()
        self.on = _known_scores(on)
        self.mean = WeightedMean(classes, weights, reduction)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, a scalar, of logits [B, K] and targets [B] or [B, K]."""
        shares = self.mean.shares(targets)  # [B, K]
        scores = _scores(logits, self.on)  # [B, K]
        positive, negative = F.relu(1 - scores).square(), F.relu(1 + scores).square()
        terms = shares * positive + (1 - shares) * negative
        return self.mean.of_rows(terms.mean(dim=1), targets)


class ExpectedCost(nn.Module):
    """The cost to be expected of deciding by the softmax: sum_j costs[y, j] p[j].

    Alone its gradient vanishes where the network is surely wrong; so it is meant to stand beside
    another loss, to which it is added.

    Args:
        classes: K.
        weights: Class weights [K], or None.
        costs: [K, K], the true class in rows and the predicted in columns.
        beside: A loss to add it to, with class weights of its own, or None.
        share: What it is multiplied by before it is added.
        reduction: "weights" or "count", see the module.

    Raises:
        ConfigError: an unknown reduction.
    """

    costs: Tensor

    def __init__(
        self,
        classes: int,
        weights: Tensor | None = None,
        *,
        costs: Tensor,
        beside: nn.Module | None = None,
        share: float = 1.0,
        reduction: str = "weights",
    ) -> None:
        super().__init__()
        if costs.shape != (classes, classes):
            raise ValueError(f"costs are {tuple(costs.shape)}, not {(classes, classes)}")
        self.register_buffer("costs", costs.float(), persistent=False)
        self.beside = beside
        self.share = share
        self.mean = WeightedMean(classes, weights, reduction)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, a scalar, of logits [B, K] and targets [B] or [B, K]."""
        shares = self.mean.weighted(self.mean.shares(targets))  # [B, K]
        rows = (shares @ self.costs * _scores(logits, "softmax")).sum(dim=1)  # [B]
        cost: Tensor = self.share * self.mean(rows, self.mean.row_weights(targets))
        return cost if self.beside is None else cost + self.beside(logits, targets)


class WeightedMean(nn.Module):
    """Class weights and the way rows become one figure; a part of every loss.

    Args:
        classes: K.
        weights: Class weights [K], or None.
        reduction: "weights" or "count", see the module.

    Raises:
        ConfigError: an unknown reduction.
    """

    weights: Tensor | None

    def __init__(self, classes: int, weights: Tensor | None, reduction: str) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ConfigError(unknown("loss.reduction", reduction, REDUCTIONS))
        if weights is not None and weights.shape != (classes,):
            raise ValueError(f"class weights are {tuple(weights.shape)}, not {(classes,)}")
        self.classes = classes
        self.reduction = reduction
        # They belong to the training set, not to the loss: no key in a checkpoint.
        self.register_buffer(
            "weights", None if weights is None else weights.float(), persistent=False
        )

    def shares(self, targets: Tensor) -> Tensor:
        """Targets as shares of the classes, [B, K], 0..1."""
        if targets.is_floating_point():
            return targets
        return F.one_hot(targets, self.classes).float()

    def weighted(self, shares: Tensor) -> Tensor:
        """Shares [B, K], each times its class' weight."""
        return shares if self.weights is None else shares * self.weights

    def row_weights(self, targets: Tensor) -> Tensor | None:
        """The expected class weight of each row, [B], or None without class weights."""
        if self.weights is None:
            return None
        return targets @ self.weights if targets.is_floating_point() else self.weights[targets]

    def of_rows(self, rows: Tensor, targets: Tensor) -> Tensor:
        """The mean of rows [B] that carry no weight yet."""
        weights = self.row_weights(targets)
        return self(rows if weights is None else rows * weights, weights)

    def forward(self, rows: Tensor, row_weights: Tensor | None) -> Tensor:
        """The mean of rows [B] that are weighted already, by the stated reduction."""
        if row_weights is None or self.reduction == "count":
            return rows.mean()
        return rows.sum() / row_weights.sum()


def _known_scores(on: str) -> str:
    if on not in SCORES:
        raise ConfigError(unknown("loss.on", on, SCORES))
    return on


def _scores(logits: Tensor, on: str) -> Tensor:
    return logits.float().softmax(dim=1) if on == "softmax" else logits.float()
