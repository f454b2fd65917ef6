"""What the trainer can be told, checked once, and the device it lands on."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from ferkit.devices import choose_precision
from ferkit.errors import ConfigError, unknown
from ferkit.log import log
from ferkit.monitors import MONITORS, Monitor

Scores = torch.Tensor | tuple[torch.Tensor, torch.Tensor]  # [B, K], and features [B, ...]


@dataclass(frozen=True)
class TrainerSettings:
    """The node `trainer`.

    Attributes:
        max_epochs: Passes over the training view; None: by the number of its images (`length.py`).
        recompute_norms: Whether batch-norm statistics are taken anew over the training view before
            val; None: where nobody gave both epochs and batch size, and updates are few.
        batch_size: Images a step, of all processes of torchrun together; None: by the number of
            images; "auto" is the largest power of two that fits a GPU (64 on a CPU), for each.
        accumulate: Batches whose gradients make one update of the weights.
        ema: Decay of the moving average of the weights, in 0..1 without 1; it is what val judges
            and what is kept. None keeps the weights themselves.
        sync_batchnorm: Whether batch-norms take their statistics over the GPUs of all processes of
            torchrun, not over each one's share of the batch.
        norms_kept_from: Epochs after which batch-norms keep their running statistics; 0 keeps
            those the network begins with, None never.
        monitor: The val metric that chooses the best epoch and that `patience` watches.
        cache_on_device: Whether the whole store lies on the device ("auto": when it fits).
        cache_frozen: Whether what is frozen is computed once for every image, where that gives
            the same results (no augmentation); False computes it anew in every step.
        threads: CPU threads; resume uses the number that the run began with.
        frames_per_clip: Frames drawn of a video, one of each of so many equal parts, where the
            backbone takes clips; None trains on single faces.
        sampling: Whether an epoch visits a video once, or as often as it has frames.
        soft_targets: Train on the probabilities of a dataset's votes (FER+), not on its labels.
        max_images: Size of a stratified subset of every view.
        max_train_images: The same for train alone.
        max_val_images: The same for val alone.
    """

    max_epochs: int | None = 10
    batch_size: int | Literal["auto"] | None = 64
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    channels_last: bool = True
    compile: bool = False
    monitor: Monitor = "val_accuracy"
    patience: int | None = None
    clip_grad: float | None = None
    accumulate: int = 1
    ema: float | None = None
    sync_batchnorm: bool = False
    norms_kept_from: int | None = None
    recompute_norms: bool | None = False
    cache_on_device: Literal["auto", True, False] = "auto"
    cache_frozen: bool = True
    threads: int | None = None
    frames_per_clip: int | None = None
    sampling: Literal["video", "frame"] = "video"
    soft_targets: bool = False
    max_images: int | None = None
    max_train_images: int | None = None
    max_val_images: int | None = None

    def __post_init__(self) -> None:
        if self.monitor not in MONITORS:
            raise ConfigError(unknown("trainer.monitor", self.monitor, MONITORS))
        if self.ema is not None and not 0 <= self.ema < 1:
            raise ConfigError(f"trainer.ema is {self.ema}; give a decay of 0 or more, below 1.")
        if self.norms_kept_from is not None and self.norms_kept_from < 0:
            raise ConfigError(
                f"trainer.norms_kept_from is {self.norms_kept_from}; give 0 epochs or more."
            )
        if self.recompute_norms and self.ema is not None:
            raise ConfigError(
                "trainer.recompute_norms=true does not go with trainer.ema, which averages the "
                "statistics too; leave one of them out."
            )
        for key in ("max_epochs", "batch_size", "accumulate", "frames_per_clip"):
            value = getattr(self, key)
            if value is not None and value != "auto" and value < 1:
                raise ConfigError(f"trainer.{key} is {value}; it must be at least 1.")

    @property
    def images_a_step(self) -> int:
        """The batch size, once "auto" is a number."""
        assert isinstance(self.batch_size, int)
        return self.batch_size

    @property
    def epochs(self) -> int:
        """Passes over the training view, once they are a number."""
        assert self.max_epochs is not None
        return self.max_epochs


def compiled(settings: TrainerSettings, forward: Callable[..., Scores]) -> Callable[..., Scores]:
    """What makes a training batch's scores, by torch.compile where the settings ask for it.

    The seconds of compiling, which the first batch waits for, are logged.
    """
    if not settings.compile:
        return forward
    torch.compiler.reset()  # runs of one process share a limit of variants, then run uncompiled
    quick = torch.compile(forward)
    waiting = True

    def call(*batch: torch.Tensor) -> Scores:
        nonlocal waiting
        started = time.perf_counter()
        found = quick(*batch)
        if waiting:
            log.info(f"trainer.compile: {time.perf_counter() - started:.0f} s of compiling")
            waiting = False
        return found

    return call


def autocast_of(settings: TrainerSettings, device: torch.device) -> torch.autocast:
    """Mixed precision where the settings ask for it."""
    dtype = choose_precision(settings.precision, device)
    enabled = dtype != torch.float32
    return torch.autocast(device.type, dtype if enabled else None, enabled)
