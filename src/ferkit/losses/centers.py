"""Losses on the backbone's features: centre loss and island loss."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ferkit.errors import ConfigError
from ferkit.losses.cross_entropy import CrossEntropy


class CenterLoss(nn.Module):
    """Cross-entropy plus the distance of features from their class' centre (Wen et al. 2016).

    Cross-entropy + share * (mean over rows of |x - c[y]|^2 / 2
    + repulsion * sum over ordered pairs of centres of (cos(c[j], c[k]) + 1)).

    With repulsion 0 it is centre loss, above it island loss (Cai et al. 2018). The centres are
    no parameters of the optimizer: after each batch they move by both papers' own rule, which the
    optimizer's learning rate and weight decay do not touch. They start from Xavier's normal
    distribution, as Wen et al. have it, with a fixed seed. A row of probabilities is drawn to the
    mean of its classes' centres. Without features, as on val, the cross-entropy alone is left.

    Args:
        classes: K.
        feature_size: F, values in the features of one face.
        weights: Class weights [K], or None; they weigh both parts.
        share: What the distance is multiplied by; lambda in both papers.
        repulsion: How hard centres push each other apart; lambda_1 of Cai et al.
        rate: How far the centres move a batch, 0..1; alpha in both papers.
        reduction: "weights" or "count", see `ferkit.losses`.

    Raises:
        ConfigError: a value outside its range.
    """

    needs_features = True
    centers: Tensor  # [K, F]

    def __init__(
        self,
        classes: int,
        feature_size: int,
        weights: Tensor | None = None,
        *,
        share: float = 0.003,
        repulsion: float = 0.0,
        rate: float = 0.5,
        reduction: str = "weights",
    ) -> None:
        super().__init__()
        for name, value in (("share", share), ("repulsion", repulsion)):
            if value < 0:
                raise ConfigError(f"loss.{name} is {value}; give 0 or more.")
        if not 0 <= rate <= 1:
            raise ConfigError(f"loss.rate is {rate}; give a value in 0..1.")
        self.share, self.repulsion, self.rate = share, repulsion, rate
        self.entropy = CrossEntropy(classes, weights, reduction=reduction)
        centers = torch.empty(classes, feature_size)
        nn.init.xavier_normal_(centers, generator=torch.Generator().manual_seed(0))
        self.register_buffer("centers", centers)

    def forward(self, logits: Tensor, targets: Tensor, features: Tensor | None = None) -> Tensor:
        """The loss, a scalar, of logits [B, K], targets [B] or [B, K] and features [B, ...].

        The centres move when gradients are recorded, after they were used.
        """
        loss: Tensor = self.entropy(logits, targets)
        if features is None:
            return loss
        flat = features.float().flatten(1)  # [B, F]
        probabilities = self.entropy.mean.probabilities(targets).float()  # [B, K]
        distances = (flat - probabilities @ self.centers).square().sum(dim=1) / 2  # [B]
        pull = self.entropy.mean.of_rows(distances, targets)
        loss = loss + self.share * (pull + self.repulsion * pair_similarity(self.centers))
        if self.training and torch.is_grad_enabled():
            self.centers = self.moved(flat.detach(), probabilities)
        return loss

    @torch.no_grad()
    def moved(self, features: Tensor, probabilities: Tensor) -> Tensor:
        """The centres [K, F] after a batch of features [B, F] with probabilities [B, K]."""
        seen = probabilities.sum(dim=0)[:, None]  # [K, 1]
        step = (seen * self.centers - probabilities.T @ features) / (1 + seen)
        if self.repulsion:
            step = step + self.repulsion / (len(seen) - 1) * similarity_slope(self.centers)
        return self.centers - self.rate * step


def island_loss(
    classes: int,
    feature_size: int,
    weights: Tensor | None = None,
    *,
    share: float = 0.01,
    repulsion: float = 10.0,
    rate: float = 0.5,
    reduction: str = "weights",
) -> CenterLoss:
    """Island loss (Cai et al. 2018): centre loss whose centres push each other apart.

    Args:
        classes: K.
        feature_size: F, values in the features of one face.
        weights: Class weights [K], or None.
        share: See `CenterLoss`, as the rest.
        repulsion: See there.
        rate: See there.
        reduction: "weights" or "count", see `ferkit.losses`.
    """
    return CenterLoss(
        classes,
        feature_size,
        weights,
        share=share,
        repulsion=repulsion,
        rate=rate,
        reduction=reduction,
    )


def pair_similarity(centers: Tensor) -> Tensor:
    """The sum over ordered pairs j != k of cos(c[j], c[k]) + 1, for centres [K, F]."""
    units = F.normalize(centers, dim=1)
    count = len(centers)
    return (units @ units.T).sum() - units.square().sum() + count * (count - 1)


def similarity_slope(centers: Tensor) -> Tensor:
    """The slope of the sum over k != j of cos(c[j], c[k]) by c[j], [K, F]."""
    units = F.normalize(centers, dim=1)
    others = units.sum(dim=0) - units  # [K, F]
    along = (others * units).sum(dim=1, keepdim=True) * units
    return (others - along) / centers.norm(dim=1, keepdim=True).clamp_min(1e-12)
