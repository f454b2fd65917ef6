"""Distillation: what other networks make of a face, beside its label."""

from collections.abc import Sequence

from torch import Tensor, nn

from ferkit.errors import ConfigError
from ferkit.losses.cross_entropy import CrossEntropy


class Distillation(nn.Module):
    """Cross-entropy with labels, and with teachers' softened probabilities (Hinton et al. 2015).

    (1 - weight) * cross-entropy + weight * T^2 * KL(q || p), with p the softmax of the scores
    divided by T and q the mean over the teachers of theirs. T^2 keeps both gradients of one
    size. Class weights and label smoothing are of the first part alone. Without teachers'
    scores, as on val, it is the cross-entropy.

    Args:
        classes: K.
        weights: Class weights [K], or None.
        teachers: Run folders or model files, whose scores the trainer computes.
        temperature: T, above 0.
        weight: Of the teachers' part, 0..1.
        label_smoothing: Share of a label spread over all K classes, 0..1.
        reduction: "weights" or "count", see `ferkit.losses`.

    Raises:
        ConfigError: a value outside its range.
    """

    def __init__(
        self,
        classes: int,
        weights: Tensor | None = None,
        *,
        teachers: Sequence[str] = (),
        temperature: float = 4.0,
        weight: float = 0.7,
        label_smoothing: float = 0.0,
        reduction: str = "weights",
    ) -> None:
        super().__init__()
        if temperature <= 0:
            raise ConfigError(f"loss.temperature is {temperature}; give a value above 0.")
        if not 0 <= weight <= 1:
            raise ConfigError(f"loss.weight is {weight}; give a value in 0..1.")
        if isinstance(teachers, str):
            raise ConfigError(
                f"loss.teachers={teachers} is one word; give loss.teachers=[{teachers}]."
            )
        self.teachers = tuple(str(teacher) for teacher in teachers)
        self.temperature, self.weight = temperature, weight
        self.labels = CrossEntropy(
            classes, weights, label_smoothing=label_smoothing, reduction=reduction
        )

    def forward(self, logits: Tensor, targets: Tensor, taught: Tensor | None = None) -> Tensor:
        """The loss, a scalar.

        Args:
            logits: [B, K].
            targets: [B] or [B, K].
            taught: The teachers' scores, [B, M, K] of M teachers.
        """
        hard: Tensor = self.labels(logits, targets)
        if taught is None:
            return hard
        own = (logits.float() / self.temperature).log_softmax(dim=1)  # [B, K]
        each = (taught.float() / self.temperature).log_softmax(dim=2)  # [B, M, K]
        soft = each.exp().mean(dim=1)  # [B, K]
        rows = nn.functional.kl_div(own, soft, reduction="none").sum(dim=1)  # [B]
        return (1 - self.weight) * hard + self.weight * self.temperature**2 * rows.mean()
