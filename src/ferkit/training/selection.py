"""Which epoch's weights are kept, and when no later one is waited for."""

from typing import TYPE_CHECKING, Any

from ferkit.monitors import MONITORS

if TYPE_CHECKING:
    from ferkit.training.trainer import Training


def is_better(training: "Training", row: dict[str, Any]) -> bool:
    """Note whether the monitor is better than ever, or as good at a lower loss.

    On small val views the monitor has few values, and an early epoch would keep its weights.

    Args:
        row: Of the epoch; `training.rows` holds those before it.
    """
    value = row[training.settings.monitor]
    sign = 1 if MONITORS[training.settings.monitor] == "max" else -1
    better = training.best is None or sign * value > sign * training.best
    if value == training.best:
        kept = training.rows[-1 - training.since_best]
        better = row["val_loss"] < kept["val_loss"]
    training.best = value if better else training.best
    training.since_best = 0 if better else training.since_best + 1
    return better


def out_of_patience(training: "Training") -> bool:
    """Whether the monitor has not been better for `patience` epochs."""
    patience = training.settings.patience
    return patience is not None and training.since_best >= patience
