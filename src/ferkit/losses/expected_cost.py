"""The expected cost of a decision."""

from torch import Tensor, nn

from ferkit.losses.reduction import WeightedMean


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
        reduction: "weights" or "count", see `ferkit.losses`.

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

    def forward(self, logits: Tensor, targets: Tensor, *features: Tensor) -> Tensor:
        """The loss, a scalar, of logits [B, K] and targets [B] or [B, K].

        Features go on to the loss beside it, where that one needs them.
        """
        probabilities = self.mean.weighted(self.mean.probabilities(targets))  # [B, K]
        rows = (probabilities @ self.costs * logits.float().softmax(dim=1)).sum(dim=1)  # [B]
        cost: Tensor = self.share * self.mean(rows, self.mean.row_weights(targets))
        return cost if self.beside is None else cost + self.beside(logits, targets, *features)
