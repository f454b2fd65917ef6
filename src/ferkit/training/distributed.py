"""A step shared by several processes, so that it is the step one process would make.

Every process draws the same random variants for the whole batch and computes the scores of its own
share. All scores are gathered before the loss; so losses that divide by sums over a batch, or keep
centres of it, are those of one process, and so is the gradient, up to rounding. Batch-norms take
the statistics of the share, unless `trainer.sync_batchnorm` is on.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn
from torch.distributed import all_gather, all_reduce
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from ferkit import processes
from ferkit.devices import upload
from ferkit.errors import ConfigError
from ferkit.loader import Batch
from ferkit.training.augment import Augment
from ferkit.training.mixup import blend
from ferkit.training.settings import Scores, compiled

if TYPE_CHECKING:
    from ferkit.training.trainer import Augmentation, Training

Network = TypeVar("Network", bound=nn.Module)


def share_of(rows: int) -> Tensor:
    """The rows of a batch that are this process's, int64 [ceil(rows / processes)].

    All shares have one size; where the batch does not divide, its last row stands in, and
    `gathered` drops those scores.
    """
    size = -(-rows // processes.count())
    first = processes.number() * size
    return torch.arange(first, first + size).clamp(max=rows - 1)


def varied(
    augment: "Augmentation", batch: Batch, generator: torch.Generator, classes: int
) -> tuple[Tensor, Tensor]:
    """This process's share of a batch, augmented, and the targets of the whole batch.

    Args:
        generator: On the CPU; its state alone decides what is drawn.
        classes: K.
    """
    images, targets = batch.images, batch.targets
    own = share_of(len(targets))
    if processes.count() > 1 and isinstance(augment, Augment) and augment.by_face:
        drawn = augment.draw(generator, len(images), (images.shape[-2], images.shape[-1]))
        share = images[upload(own, images.device)]
        return augment.apply(share, drawn.rows(own).to(images.device)), targets
    # the others vary or blend the whole batch
    images, targets = blend(augment(images, generator), targets, generator, augment, classes)
    return images if processes.count() == 1 else images[upload(own, images.device)], targets


def gathered(found: Scores, rows: int) -> list[Tensor]:
    """Scores, and features beside them, of the whole batch from those of all shares.

    Every process computes the same loss on them. DistributedDataParallel divides the sum of the
    shares' gradients by their number, so each is multiplied by it here.

    Args:
        found: [share, ...] each.
        rows: Of the whole batch.
    """
    parts = list(found) if isinstance(found, tuple) else [found]
    return parts if processes.count() == 1 else [_gathered(part.float(), rows) for part in parts]


def _gathered(part: Tensor, rows: int) -> Tensor:
    count = processes.count()
    every = [torch.empty_like(part, memory_format=torch.contiguous_format) for _ in range(count)]
    all_gather(every, part.detach().contiguous())
    own = part.view_as(part)  # scores are made of features: what comes by way of these is no part
    if own.requires_grad:
        own.register_hook(lambda gradient: gradient * count)  # type: ignore[no-untyped-call]
    every[processes.number()] = own
    return torch.cat(every)[:rows]


class _Forward(nn.Module):
    """A function of a model as a module, which DistributedDataParallel takes."""

    def __init__(self, model: nn.Module, function: Callable[..., Scores]) -> None:
        super().__init__()
        self.model, self.function = model, function

    def forward(self, *batch: Tensor) -> Scores:
        return self.function(*batch)


def train_forward(training: "Training", function: Callable[..., Scores]) -> Callable[..., Scores]:
    """What makes a training batch's scores: compiled where asked, averaging gradients where shared.

    For several processes it is wrapped anew when other weights learn than before, as with
    backbone.freeze=gradual.

    Args:
        function: Of the training's model, or of a part of it.
    """
    function = compiled(training.settings, function)
    if processes.count() == 1:
        return function
    wrapped: dict[tuple[str, ...], nn.Module] = {}

    def call(*batch: Tensor) -> Scores:
        learning = tuple(n for n, p in training.model.named_parameters() if p.requires_grad)
        if learning not in wrapped:
            wrapped.clear()
            wrapped[learning] = _averaging(_Forward(training.model, function))
        found: Scores = wrapped[learning](*batch)
        return found

    return call


def _averaging(module: nn.Module) -> nn.Module:
    with warnings.catch_warnings():  # torch 2.14 gives `broadcast_buffers` another name
        warnings.simplefilter("ignore", FutureWarning)
        return DistributedDataParallel(
            module,
            broadcast_buffers=False,  # `average_statistics` sees to them, once an epoch
            static_graph=True,  # so it looks once for what a network has and does not use
        )


def in_turn(
    batches: Iterator[Batch], score: Callable[[Tensor], Tensor], classes: int
) -> tuple[Tensor, Tensor]:
    """Scores [N, K] and targets of a view; its batches are scored by the processes in turn.

    Args:
        score: Images to scores.
        classes: K.
    """
    found, targets = [], []
    for step, batch in enumerate(batches):
        own = step % processes.count() == processes.number()
        blank = batch.images.new_zeros(len(batch.targets), classes, dtype=torch.float32)
        found.append(score(batch.images).float() if own else blank)
        targets.append(batch.targets)
    scores = torch.cat(found)
    if processes.count() > 1:
        all_reduce(scores)  # a sum, in which each row was computed once
    return scores, torch.cat(targets)


def average_statistics(*models: nn.Module | None) -> None:
    """Put the mean over all processes in the place of each batch-norm's running statistics."""
    if processes.count() == 1:
        return
    for norm in (m for model in models if model for m in model.modules()):
        if isinstance(norm, _BatchNorm) and norm.running_mean is not None:
            for statistic in (norm.running_mean, norm.running_var):
                assert statistic is not None
                all_reduce(statistic)
                statistic /= processes.count()


def synchronised(model: Network, device: torch.device) -> Network:
    """A model whose batch-norms take their statistics over the shares of all processes.

    Raises:
        ConfigError: the device is no GPU.
    """
    if processes.count() == 1:
        return model
    if device.type != "cuda":
        raise ConfigError(
            "trainer.sync_batchnorm=true: torch synchronises batch-norms on CUDA alone; leave it "
            "out, and each process takes the statistics of its own share of a batch."
        )
    convert: Any = nn.SyncBatchNorm.convert_sync_batchnorm
    converted: Network = convert(model)
    return converted
