"""Losses as Keras has them, on the softmax or on the logits."""

from torch import Tensor, nn
from torch.nn import functional as F

from ferkit.errors import ConfigError, unknown
from ferkit.losses.reduction import WeightedMean

SCORES = ("softmax", "logits")


class _OnScores(nn.Module):
    def __init__(
        self,
        classes: int,
        weights: Tensor | None = None,
        *,
        on: str = "softmax",
        reduction: str = "weights",
    ) -> None:
        super().__init__()
        if on not in SCORES:
            raise ConfigError(unknown("loss.on", on, SCORES))
        self.on = on
        self.mean = WeightedMean(classes, weights, reduction)

    def scores(self, logits: Tensor) -> Tensor:
        """What is held against the target, [B, K]."""
        return logits.float().softmax(dim=1) if self.on == "softmax" else logits.float()


class MeanSquaredError(_OnScores):
    """Keras' MeanSquaredError: the mean over the classes of (target - score)^2.

    Args:
        classes: K.
        weights: Class weights [K], or None.
        on: The scores: "softmax", as a Keras network that ends in a softmax has it, or "logits".
        reduction: "weights" or "count", see `ferkit.losses`.

    Raises:
        ConfigError: an unknown reduction or kind of scores.
    """

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, a scalar, of logits [B, K] and targets [B] or [B, K]."""
        errors = self.mean.probabilities(targets) - self.scores(logits)  # [B, K]
        return self.mean.of_rows(errors.square().mean(dim=1), targets)


class SquaredHinge(_OnScores):
    """Keras' SquaredHinge: the mean over the classes of max(1 - y s, 0)^2, y being -1 or +1.

    As Keras does, a target of 0 or 1 becomes -1 or +1. For a share t strictly between (where
    Keras would take t itself for y) the term is the expectation,
    t max(1 - s, 0)^2 + (1 - t) max(1 + s, 0)^2.

    Args:
        classes: K.
        weights: Class weights [K], or None.
        on: The scores s: "softmax", as a Keras network that ends in a softmax has it, or "logits".
        reduction: "weights" or "count", see `ferkit.losses`.

    Raises:
        ConfigError: an unknown reduction or kind of scores.
    """

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, a scalar, of logits [B, K] and targets [B] or [B, K]."""
        probabilities = self.mean.probabilities(targets)  # [B, K]
        scores = self.scores(logits)  # [B, K]
        positive, negative = F.relu(1 - scores).square(), F.relu(1 + scores).square()
        terms = probabilities * positive + (1 - probabilities) * negative
        return self.mean.of_rows(terms.mean(dim=1), targets)
