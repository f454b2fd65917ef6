"""One update of the weights from the gradients of one batch, or of several."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from ferkit.training.trainer import Training


def add_gradient(training: "Training", loss: Tensor, images: int) -> None:
    """Add a batch's gradient, and update the weights once `trainer.accumulate` batches are in.

    Args:
        loss: The mean over the batch.
        images: Images of the batch; a batch counts for as much in the mean over all of them.
    """
    if not training.pending:
        training.optimizer.zero_grad(set_to_none=True)
    several = training.settings.accumulate > 1
    scaled: Tensor = training.scaler.scale(loss * images if several else loss)
    torch.autograd.backward(scaled)
    training.pending.append(images)
    if len(training.pending) == training.settings.accumulate:
        update(training)


def update(training: "Training") -> None:
    """Update the weights, their average and the rate; nothing where no gradient waits."""
    if not training.pending:
        return
    parameters = list(training.model.parameters())
    if training.settings.accumulate > 1:
        total = sum(training.pending)
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad /= total
    if training.settings.clip_grad:
        training.scaler.unscale_(training.optimizer)
        nn.utils.clip_grad_norm_(parameters, training.settings.clip_grad)
    if _step(training):
        training.schedule.after_step()
    if training.average is not None:
        training.average.update_parameters(training.model)
    training.pending.clear()


def _step(training: "Training") -> bool:
    """Step the optimizer; whether it did, since fp16's scaler skips gradients that overflow."""
    scaler = training.scaler
    before = scaler.get_scale()
    scaler.step(training.optimizer)
    scaler.update()
    return scaler.get_scale() >= before


def learns_statistics(training: "Training") -> bool:
    """Whether batch-norms take statistics of this epoch's batches."""
    kept_from = training.settings.norms_kept_from
    return training.normalises and (kept_from is None or training.epoch < kept_from)


def keep_statistics(training: "Training") -> None:
    """Put every batch-norm in eval mode from the epoch `trainer.norms_kept_from` on.

    Their scales and offsets go on learning.
    """
    if learns_statistics(training):
        return
    for module in training.model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
