"""Batch-norm statistics taken anew over the training view ("precise BN", Wu and Johnson 2021)."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from ferkit.training.updates import learns_statistics

if TYPE_CHECKING:
    from ferkit.training.trainer import Training, TrainingInputs


@torch.no_grad()
def recompute_norms(training: "Training", inputs: "TrainingInputs") -> None:
    """Put the mean over all batches of an epoch in the place of the running statistics.

    Those are a moving average over steps in which the weights were others; after few steps they do
    not fit the weights (docs/training.md). Training does not use them, so it goes on as it would.
    Batch-norms that keep their statistics, frozen ones among them, are left alone. The images are
    not augmented, as those of val are not.
    """
    if not learns_statistics(training):
        return
    norms = [
        module
        for module in training.model.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
        and module.training
        and module.track_running_stats
    ]
    momenta = [norm.momentum for norm in norms]
    training.model.eval()  # no dropout
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch: the plain mean over all batches
        norm.train()
    for batch in inputs.train.epoch(training.epoch):
        if len(batch.targets) > 1:
            with training.autocast():
                inputs.eval_forward(batch.images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
