"""The metrics of an epoch that a training can be watched by."""

from typing import Literal

Monitor = Literal["val_accuracy", "val_macro_f1", "val_balanced_accuracy", "val_loss", "train_loss"]
MONITORS: dict[str, Literal["min", "max"]] = {
    "val_accuracy": "max",
    "val_macro_f1": "max",
    "val_balanced_accuracy": "max",
    "val_loss": "min",
    "train_loss": "min",
}
