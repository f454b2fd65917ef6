"""What a loss, or a part of it, may ask of the trainer beside logits and targets."""

from torch import nn


def needs_features(loss: nn.Module) -> bool:
    """Whether it is called as loss(logits, targets, features) in training.

    Features are the backbone's, [B, ...]. On val it is called without them.
    """
    return any(getattr(part, "needs_features", False) for part in loss.modules())


def start_epoch(loss: nn.Module, epoch: int) -> None:
    """Tell every part that has a `start_epoch` which epoch begins.

    Args:
        epoch: Counts from 0.
    """
    for part in loss.modules():
        begin = getattr(part, "start_epoch", None)
        if callable(begin):
            begin(epoch)
