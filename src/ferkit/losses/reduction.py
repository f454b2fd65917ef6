"""Class weights and the way rows become one metric."""

from torch import Tensor, nn
from torch.nn import functional as F

from ferkit.errors import ConfigError, unknown

REDUCTIONS = ("weights", "count")


class WeightedMean(nn.Module):
    """Class weights and the way rows become one metric; a part of every loss.

    Args:
        classes: K.
        weights: Class weights [K], or None.
        reduction: "weights" or "count", see `ferkit.losses`.

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

    def probabilities(self, targets: Tensor) -> Tensor:
        """Targets as class probabilities, [B, K], 0..1."""
        if targets.is_floating_point():
            return targets
        return F.one_hot(targets, self.classes).float()

    def weighted(self, probabilities: Tensor) -> Tensor:
        """Probabilities [B, K], each times its class' weight."""
        return probabilities if self.weights is None else probabilities * self.weights

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
