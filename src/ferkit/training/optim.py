"""Learning-rate schedules: torch's own, with what ferkit knows at run time filled in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch.optim import Optimizer
from torch.optim import lr_scheduler as lr

from ferkit.config import build
from ferkit.errors import ConfigError, unknown
from ferkit.monitors import MONITORS
from ferkit.training.warmup import WarmedUp


@dataclass(frozen=True)
class Schedule:
    """A torch scheduler and when it steps: after every "step", or after every "epoch".

    Attributes:
        monitor: The epoch metric that a plateau schedule watches.

    While a `WarmedUp` scheduler warms up, its own schedule stands still.
    """

    scheduler: Any
    every: str = "epoch"
    monitor: str | None = None

    def after_step(self) -> None:
        """Advance a schedule that counts batches."""
        if isinstance(self.scheduler, WarmedUp) and self.scheduler.rising:
            self.scheduler.rise()
        elif self.every == "step":
            self.scheduler.step()

    def after_epoch(self, metrics: dict[str, float]) -> None:
        """Advance a schedule that counts epochs, with the metric it watches."""
        if isinstance(self.scheduler, WarmedUp) and self.scheduler.rising:
            return
        if self.monitor:
            self.scheduler.step(metrics[self.monitor])
        elif self.every == "epoch":
            self.scheduler.step()


def as_schedule(built: object) -> Schedule:
    """A Schedule as it is; a plain torch scheduler steps once an epoch."""
    if isinstance(built, Schedule):
        return built
    monitor = "val_loss" if isinstance(built, lr.ReduceLROnPlateau) else None
    return Schedule(built, monitor=monitor)


def constant(
    optimizer: Optimizer, steps_per_epoch: int = 1, warmup_epochs: float = 0.0
) -> Schedule:
    """The optimizer's learning rate throughout, after a linear warm-up."""
    scheduler = lr.ConstantLR(optimizer, factor=1.0, total_iters=0)
    return Schedule(_after_warmup(optimizer, scheduler, warmup_epochs * steps_per_epoch))


def one_cycle(
    optimizer: Optimizer,
    steps: int,
    rise: float = 0.3,
    start_divisor: float = 25.0,
    end_divisor: float = 1e4,
    steps_per_epoch: int = 1,
    warmup_epochs: float = 0.0,
) -> Schedule:
    """One cycle up to the optimizer's rate and down again (Smith 2018, arXiv:1803.09820).

    Args:
        steps: Batches of the whole training.
        rise: Share of them in which the rate rises, 0..1.
        start_divisor: The first rate is the optimizer's divided by this.
        end_divisor: The last rate is the first divided by this.
        warmup_epochs: Above 0: the epochs in which the rate rises, in the place of `rise`.
    """
    if warmup_epochs:
        rise = min(1.0, warmup_epochs * steps_per_epoch / steps)
    return Schedule(
        lr.OneCycleLR(
            optimizer,
            max_lr=[group["lr"] for group in optimizer.param_groups],
            total_steps=steps + 1,
            pct_start=rise,
            div_factor=start_divisor,
            final_div_factor=end_divisor,
            cycle_momentum=False,
        ),
        every="step",
    )


def cosine(
    optimizer: Optimizer,
    steps: int,
    steps_per_epoch: int,
    warmup_epochs: float = 0.0,
    floor: float = 0.0,
) -> Schedule:
    """Cosine annealing (Loshchilov and Hutter 2017) after a linear warm-up, batch by batch.

    Args:
        floor: The last rate as a share of the optimizer's.
    """
    warmup = round(warmup_epochs * steps_per_epoch)
    lowest = floor * optimizer.param_groups[0]["lr"]
    after = lr.CosineAnnealingLR(optimizer, max(1, steps - warmup), eta_min=lowest)
    return Schedule(_warmed(optimizer, warmup, after), every="step")


def step(
    optimizer: Optimizer,
    steps_per_epoch: int,
    every: int = 30,
    factor: float = 0.1,
    warmup_epochs: float = 0.0,
) -> Schedule:
    """The rate times `factor` every `every` epochs, after a linear warm-up."""
    warmup = round(warmup_epochs * steps_per_epoch)
    after = lr.StepLR(optimizer, every * steps_per_epoch, gamma=factor)
    return Schedule(_warmed(optimizer, warmup, after), every="step")


def _warmed(optimizer: Optimizer, warmup: int, after: Any) -> Any:
    if not warmup:
        return after
    rising = lr.LinearLR(optimizer, start_factor=1 / (warmup + 1), total_iters=warmup)
    return lr.SequentialLR(optimizer, [rising, after], milestones=[warmup])


def plateau(
    optimizer: Optimizer,
    monitor: str = "val_loss",
    factor: float = 0.1,
    patience: int = 5,
    min_lr: float = 0.0,
    steps_per_epoch: int = 1,
    warmup_epochs: float = 0.0,
) -> Schedule:
    """The rate times `factor` when `monitor` has not improved for `patience` epochs.

    An epoch in which a linear warm-up goes on is not counted.

    Raises:
        ConfigError: `monitor` is no metric of an epoch.
    """
    if monitor not in MONITORS:
        raise ConfigError(unknown("scheduler.monitor", monitor, MONITORS))
    # threshold 0: any improvement counts, as Keras' ReduceLROnPlateau does with accuracies
    scheduler = lr.ReduceLROnPlateau(
        optimizer, MONITORS[monitor], factor=factor, patience=patience, min_lr=min_lr, threshold=0.0
    )
    warmed = _after_warmup(optimizer, scheduler, warmup_epochs * steps_per_epoch)
    return Schedule(warmed, monitor=monitor)


def inverse_time(
    optimizer: Optimizer, decay: float = 1e-6, steps_per_epoch: int = 1, warmup_epochs: float = 0.0
) -> Schedule:
    """Keras' former `decay` argument, lr / (1 + decay * step), after a linear warm-up."""
    factor: Callable[[int], float] = lambda step: 1.0 / (1.0 + decay * step)  # noqa: E731
    scheduler = lr.LambdaLR(optimizer, factor)
    warmed = _after_warmup(optimizer, scheduler, warmup_epochs * steps_per_epoch)
    return Schedule(warmed, every="step")


def warmup(
    optimizer: Optimizer,
    schedule: Mapping[str, Any],
    steps_per_epoch: int,
    warmup_epochs: float = 1.0,
) -> Schedule:
    """A linear warm-up before one of torch's own schedules, which steps once an epoch.

    Args:
        schedule: Its node.
    """
    after = as_schedule(build(schedule, where="scheduler.schedule", optimizer=optimizer))
    warmed = _after_warmup(optimizer, after.scheduler, warmup_epochs * steps_per_epoch)
    return replace(after, scheduler=warmed)


def _after_warmup(optimizer: Optimizer, scheduler: Any, updates: float) -> Any:
    return WarmedUp(optimizer, scheduler, round(updates)) if round(updates) else scheduler
