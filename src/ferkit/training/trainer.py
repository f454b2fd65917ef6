"""The one trainer, readable from top to bottom: epochs of steps, a look at val, a checkpoint."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ferkit import processes
from ferkit.backbones.freezing import on_epoch
from ferkit.devices import choose_precision, peak_memory, reset_peak_memory
from ferkit.errors import ConfigError
from ferkit.evaluation.metrics import quick_metrics
from ferkit.loader import Batch, Loader
from ferkit.losses import start_epoch
from ferkit.model import FaceClassifier, card_of
from ferkit.model_file import Weights, pack
from ferkit.progress import counted, progress
from ferkit.runs.folder import RunFolder
from ferkit.training.averaging import averaged, in_place_of, weights_to_keep
from ferkit.training.checkpoint import save_checkpoint
from ferkit.training.distributed import (
    average_statistics,
    gathered,
    in_turn,
    share_of,
    varied,
)
from ferkit.training.optim import Schedule
from ferkit.training.selection import is_better, out_of_patience
from ferkit.training.settings import TrainerSettings, autocast_of
from ferkit.training.statistics import recompute_norms
from ferkit.training.updates import add_gradient, keep_statistics, learns_statistics, update

Row = dict[str, Any]


class Augmentation(Protocol):
    """Random variants of a batch; `mixup`, and `cutmix` if it has that, blend it afterwards."""

    @property
    def mixup(self) -> float:
        """Alpha of mixup."""

    def __call__(self, images: Tensor, generator: torch.Generator, /) -> Tensor:
        """Variants of [B, C, H, W], or [B, T, C, H, W] of clips."""


@dataclass(frozen=True)
class TrainingInputs:
    """Batches, and what turns them into scores: of images, clips or features.

    Attributes:
        train: Batches of the training view.
        val: Batches of the val view, in its own order.
        augment: Of the training batches.
        train_forward: Scores [B, K] of a training batch, with features where the loss needs them.
        eval_forward: Scores [B, K] of a val batch.
        teach: Teachers' scores of a training batch and its images as augmented, for a distillation.
    """

    train: Loader
    val: Loader
    augment: Augmentation
    train_forward: Callable[[Tensor], Tensor | tuple[Tensor, Tensor]]
    eval_forward: Callable[[Tensor], Tensor]
    teach: Callable[[Batch, Tensor], Tensor] | None = None


@dataclass
class Training:
    """All that changes while training, and what it needs to change.

    Attributes:
        epoch: Epochs done.
        rows: Their metrics, as in metrics.jsonl.
        best: The best value of the monitor so far, None before the first.
        since_best: Epochs since then.
        best_weights: The weights of that epoch (their average, with `trainer.ema`), on the CPU.
        pending: Images of the batches whose gradients wait for the others of their update.
        average: What `trainer.ema` keeps.
        normalises: Whether the model has statistics of a batch, for which it needs two images.
    """

    model: FaceClassifier
    loss: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    settings: TrainerSettings
    device: torch.device
    seed: int
    epoch: int = 0
    rows: list[Row] = field(default_factory=list)
    best: float | None = None
    since_best: int = 0
    best_weights: Weights | None = None
    pending: list[int] = field(default_factory=list)
    average: AveragedModel | None = field(init=False, default=None)
    scaler: torch.amp.GradScaler = field(init=False)
    dtype: torch.dtype = field(init=False)
    normalises: bool = field(init=False)

    def __post_init__(self) -> None:
        self.dtype = choose_precision(self.settings.precision, self.device)
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.dtype == torch.float16 and self.device.type == "cuda"
        )
        self.normalises = has_batch_norm(self.model)
        if self.settings.ema is not None:
            self.average = averaged(self.model, self.settings.ema)

    def autocast(self) -> torch.autocast:
        """Mixed precision where the settings ask for it."""
        return autocast_of(self.settings, self.device)


def fit(
    training: Training, inputs: TrainingInputs, run: RunFolder, log: Callable[[Row], None]
) -> None:
    """Train until the last epoch or until patience ends, leaving the run folder up to date.

    After every epoch the checkpoint is written first; it holds the rows of all epochs and the best
    weights, so that a run killed at any moment has the rest from it, after `restore`.

    Raises:
        ConfigError: the loss is no number any more; the epoch before stands.
    """
    reset_peak_memory(training.device)
    while training.epoch < training.settings.epochs and not out_of_patience(training):
        started = time.perf_counter()
        row: Row = {"epoch": training.epoch + 1, **train_epoch(training, inputs)}
        if training.settings.recompute_norms:
            recompute_norms(training, inputs)
        average_statistics(training.model, training.average)
        seconds = time.perf_counter() - started
        with in_place_of(training.model, training.average):
            row |= validate(training, inputs)
        refuse_divergence(training, row)
        row["lr"] = training.optimizer.param_groups[0]["lr"]
        training.schedule.after_epoch(row)
        row |= {
            "seconds": round(seconds, 3),
            "images_per_second": round(row.pop("images") / seconds, 1),
            "peak_memory": peak_memory(training.device),
        }
        row = processes.agreed(json.loads(json.dumps(row)))  # plain numbers, for the checkpoint
        training.epoch += 1
        better = is_better(training, row)
        row["best"] = better
        training.rows.append(row)
        if better:
            training.best_weights = weights_to_keep(training.model, training.average)
        if processes.is_first():
            save_checkpoint(state_of(training), run.folder / "checkpoints")
        if better:
            write_best(training, run)
        run.write_metrics(training.rows)
        log(row)


def write_best(training: Training, run: RunFolder) -> None:
    """Write model.safetensors: the weights of the best epoch."""
    assert training.best_weights is not None
    packed = pack(training.best_weights, card_of(training.model))
    run.write("model.safetensors", packed, durable=True)


def refuse_divergence(training: Training, row: Row) -> None:
    """End a training whose loss is no number.

    Raises:
        ConfigError: it is none; nothing of this epoch is written.
    """
    for name in ("train_loss", "val_loss"):
        if not math.isfinite(row[name]):
            group = training.optimizer.param_groups[0]
            rate = max(float(group.get(key, 0)) for key in ("lr", "initial_lr", "max_lr"))
            kept = f"the best weights of epochs 1 to {training.epoch} stand"
            raise ConfigError(
                f"optimizer.lr={rate:g}: {name} of epoch {row['epoch']} is {row[name]}, so it "
                f"diverged ({kept if training.epoch else 'nothing was saved'}); begin another "
                "run with a lower optimizer.lr, or with trainer.clip_grad=1."
            )


def train_epoch(training: Training, inputs: TrainingInputs) -> Row:
    """One pass over the training view; running loss and accuracy come back.

    The random state is set from (seed, epoch), so an epoch does not depend on what ran before.
    """
    training.model.train()
    on_epoch(training.model.backbone, training.epoch)
    keep_statistics(training)
    start_epoch(training.loss, training.epoch)
    torch.manual_seed(hash_seed(training.seed, training.epoch) + processes.number())
    total = torch.zeros(2, device=training.device)  # loss, correct
    images, steps = 0, inputs.train.steps
    size, what = training.settings.images_a_step, _epoch_of(training)
    with progress(steps * size, what, "image", leave=False) as shown:
        for step, batch in enumerate(inputs.train.epoch(training.epoch)):
            if len(share_of(len(batch.targets))) == 1 < steps and learns_statistics(training):
                continue  # batch statistics of one image do not exist
            total += train_step(training, inputs, batch, step)
            images += len(batch.targets)
            shown.update(size, partial(_running, total, images))
    update(training)  # of what is left where `accumulate` does not divide the batches
    running = _running(total, images)
    return {f"train_{name}": value for name, value in running.items()} | {"images": images}


def _running(total: Tensor, images: int) -> dict[str, float]:
    loss, correct = (total / images).tolist()
    return {"loss": loss, "accuracy": correct}


def train_step(training: Training, inputs: TrainingInputs, batch: Batch, step: int) -> Tensor:
    """One batch, and one update once it fills one; [loss * images, correct] come back."""
    generator = torch.Generator().manual_seed(hash_seed(training.seed, training.epoch, step))
    images, targets = varied(inputs.augment, batch, generator, len(training.model.emotions))
    if not training.settings.channels_last:
        images = images.contiguous()  # RGB faces come in channels_last
    elif images.ndim == 4:
        images = images.contiguous(memory_format=torch.channels_last)
    with training.autocast():
        found = inputs.train_forward(images)
    scores, *features = gathered(found, len(batch.targets))  # [B, K], [B, ...]
    if inputs.teach is not None:
        features.append(inputs.teach(batch, images))
    loss = training.loss(scores.float(), targets, *features)
    add_gradient(training, loss, len(batch.targets))
    hard = batch.targets if batch.targets.ndim == 1 else batch.targets.argmax(1)
    correct = (scores.argmax(1) == hard).sum()
    return torch.stack([loss.detach() * len(batch.targets), correct])


@torch.inference_mode()
def validate(training: Training, inputs: TrainingInputs) -> Row:
    """Loss and quick metrics of the val view, in its own order, without augmentation."""
    training.model.eval()
    what = f"{_epoch_of(training)}, val"
    shown = counted(inputs.val.epoch(0), inputs.val.steps, what, "batch")
    with training.autocast():
        score, target = in_turn(shown, inputs.eval_forward, len(training.model.emotions))
    loss = training.loss(score, target).item()
    hard = target if target.ndim == 1 else target.argmax(1)
    metrics = quick_metrics(
        hard.cpu().numpy(), score.argmax(1).cpu().numpy(), training.model.emotions
    )
    return {"val_loss": loss} | {f"val_{name}": value for name, value in metrics.items()}


def state_of(training: Training) -> dict[str, Any]:
    """All that a checkpoint holds."""
    return {
        "model": training.model.state_dict(),
        "average": None if training.average is None else training.average.state_dict(),
        "loss": training.loss.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "schedule": training.schedule.scheduler.state_dict(),
        "scaler": training.scaler.state_dict(),
        "epoch": training.epoch,
        "best": training.best,
        "since_best": training.since_best,
        "rows": training.rows,
        # in the epoch that is the best they are the model's own, or the average's
        "best_weights": training.best_weights if training.since_best else None,
        "max_epochs": training.settings.epochs,
    }


def has_batch_norm(model: nn.Module) -> bool:
    """Whether a network takes statistics of its batches."""
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())


def _epoch_of(training: Training) -> str:
    return f"epoch {training.epoch + 1}/{training.settings.epochs}"


def hash_seed(*parts: int) -> int:
    """One 63-bit seed from several numbers, equal on every machine."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)
