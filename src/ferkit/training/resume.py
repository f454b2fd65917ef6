"""Taking up a training that was stopped: all that its folder lacks comes from the checkpoint."""

from typing import Any

import torch
from torch import Tensor

from ferkit.errors import DataError
from ferkit.model_file import Weights
from ferkit.runs.folder import RunFolder
from ferkit.runs.read import ROW_SHAPE, read_rows
from ferkit.training.averaging import weights_of
from ferkit.training.checkpoint import load_checkpoint
from ferkit.training.trainer import Row, Training, write_best
from ferkit.untrusted import reason, require_shape

_HOW = ("foreach", "fused", "capturable", "differentiable")  # groups of an optimizer hold it


def restore(training: Training, run: RunFolder) -> None:
    """Take up the checkpoint of a run folder, if there is one, and mend the other files from it.

    Raises:
        DataError: the checkpoint is broken or of another network, or a row of metrics.jsonl is
            lost for good.
    """
    folder = run.folder / "checkpoints"
    state = load_checkpoint(folder)
    if state is None:
        if (run.folder / "metrics.jsonl").exists():  # of an epoch that no checkpoint stands behind
            run.write_metrics([])
        return
    rows = _rows_of(state, run)
    try:
        _take_up(training, state)
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise DataError(
            f"The checkpoint in {folder} is of another network or training and does not fit the "
            f"{type(training.model.backbone).__name__} of the run's config ({reason(error)}); "
            f"restore it and {run.folder / 'config.yaml'}, or start a new run."
        ) from None
    training.rows = rows
    run.write_metrics(rows)
    training.best_weights = _best_of(state)
    if training.best_weights is not None:
        write_best(training, run)
    elif not (run.folder / "model.safetensors").is_file():
        raise DataError(
            f"{run.folder / 'model.safetensors'} is missing; restore it, or train anew."
        )


def _rows_of(state: dict[str, Any], run: RunFolder) -> list[Row]:
    """The rows of the epochs that are done: of the checkpoint, or, of one of before, the file's."""
    epochs = state["epoch"]
    rows = state["rows"] if "rows" in state else read_rows(run.folder)[:epochs]
    require_shape(rows, [ROW_SHAPE], f"The rows of the checkpoint in {run.folder}")
    if [row.get("epoch") for row in rows] != list(range(1, epochs + 1)):
        raise DataError(
            f"{run.folder / 'metrics.jsonl'} has not the {epochs} epochs that the checkpoint "
            "stands for; restore it, or start a new run."
        )
    return list(rows)


def _best_of(state: dict[str, Any]) -> Weights | None:
    """The best weights; a checkpoint of before has them only where its own epoch is the best."""
    if state["since_best"] == 0:
        return weights_of(state["average"]) if state.get("average") else dict(state["model"])
    return state.get("best_weights")


def _take_up(training: Training, state: dict[str, Any]) -> None:
    training.model.load_state_dict(state["model"])
    if training.average is not None:
        training.average.load_state_dict(state["average"])
    training.loss.load_state_dict(state.get("loss", {}))
    _load_optimizer(training.optimizer, state["optimizer"])
    if state["scaler"]:  # empty where the run began without one: fp16 on a CPU, then on a GPU
        training.scaler.load_state_dict(state["scaler"])
    training.epoch, training.best = state["epoch"], state["best"]
    training.since_best = state["since_best"]
    scheduler = training.schedule.scheduler
    fresh = scheduler.state_dict()
    if _settings_of(fresh) - _settings_of(state["schedule"]):
        raise ValueError("it has another schedule")
    scheduler.load_state_dict(state["schedule"])
    if state["max_epochs"] != training.settings.epochs and "total_steps" in fresh:
        # a longer or shorter cycle keeps its own shape, from the step that was reached
        scheduler.total_steps = fresh["total_steps"]
        scheduler._schedule_phases = fresh["_schedule_phases"]


def _settings_of(schedule: dict[str, Any]) -> set[str]:
    """Keys that do not come and go with torch's version."""
    return {key for key in schedule if not key.startswith("_")} - {"verbose"}


def _load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Take up an optimizer's state, but not how it computes: that belongs to the device."""
    own = [{key: group.get(key) for key in _HOW} for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, how in zip(optimizer.param_groups, own, strict=True):
        group.update({key: value for key, value in how.items() if key in group})
    _check_optimizer(optimizer)


def _check_optimizer(optimizer: torch.optim.Optimizer) -> None:
    """Torch takes any shapes, and fails at the first step."""
    for parameter, kept in optimizer.state.items():
        for name, value in kept.items():
            if isinstance(value, Tensor) and value.ndim and value.shape != parameter.shape:
                raise ValueError(f"the optimizer's {name} is {tuple(value.shape)}")
