"""An exponential moving average of the weights, which is validated and kept in their place."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]
_PREFIX = "module."


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of a model that follows it: average <- d * average + (1 - d) * weights.

    d is `decay`, but (1 + n) / (10 + n) after n updates while that is smaller, so that the random
    weights of the start are soon forgotten (as in TensorFlow's ExponentialMovingAverage). The
    statistics of batch-norms are averaged too.

    Args:
        decay: Of the average, in 0..1 without 1.
    """

    def follow(average: Tensors, current: Tensors, updates: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(updates)) / (10 + int(updates)))
        for mean, now in zip(average, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(now.to(mean.dtype), share)
            else:  # counters
                mean.copy_(now)

    return AveragedModel(model, multi_avg_fn=torch.no_grad()(follow), use_buffers=True)


def weights_to_keep(model: nn.Module, average: AveragedModel | None) -> dict[str, Tensor]:
    """A copy on the CPU of what an epoch is judged by: the average where there is one."""
    judged = model if average is None else average.module
    return {name: t.detach().to("cpu", copy=True) for name, t in judged.state_dict().items()}


def weights_of(state: dict[str, Any]) -> dict[str, Tensor]:
    """The model's own entries in an average's state, under the model's names."""
    return {
        name.removeprefix(_PREFIX): value
        for name, value in state.items()
        if name.startswith(_PREFIX)
    }


@contextmanager
def in_place_of(model: nn.Module, average: AveragedModel | None) -> Iterator[None]:
    """Let a model have its average's weights for a while; bit for bit its own come back after."""
    if average is None:
        yield
        return
    own = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(average.module.state_dict())
    try:
        yield
    finally:
        model.load_state_dict(own)
