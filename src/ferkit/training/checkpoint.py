"""Everything to go on with, in a file that `torch.load(weights_only=True)` reads."""

import os
import shutil
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from ferkit.errors import DataError, check_format
from ferkit.files import FORMAT, atomic_write, write_bytes
from ferkit.log import log
from ferkit.untrusted import reason

NAMES = ("last.ckpt", "previous.ckpt")
_PARTS: dict[str, Any] = {
    "model": dict,
    "optimizer": dict,
    "schedule": dict,
    "scaler": dict,
    "epoch": int,
    "since_best": int,
    "max_epochs": int,
    "best": int | float | None,
}


def save_checkpoint(state: dict[str, Any], folder: Path) -> None:
    """Write last.ckpt beside, fsync, rename; the one before stays as previous.ckpt.

    Args:
        state: Tensors, numbers, strings, and lists and dicts of them.
    """
    last, stream = folder / NAMES[0], BytesIO()
    torch.save({"format": FORMAT, **state}, stream)  # torch hides what a full disk says
    if last.exists():
        atomic_write(folder / NAMES[1], lambda beside: _second_name(last, beside))
    write_bytes(last, stream.getbuffer(), durable=True)


def _second_name(file: Path, other: Path) -> None:
    try:
        os.link(file, other)
    except OSError:  # not every disk has hard links
        shutil.copyfile(file, other)


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The state of last.ckpt, of previous.ckpt if that is broken, or None if there is neither.

    Raises:
        DataError: both are broken, or a newer ferkit wrote them.
    """
    found = [p for name in NAMES if (p := folder / name).is_file()]
    problems = []
    for path in found:
        try:
            with warnings.catch_warnings(action="ignore"):  # torch advises to trust the file
                state: Any = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # zipfile, pickle and torch each raise their own
            problems.append(f"{path.name}: {reason(error)}")
            continue
        if isinstance(state, dict):
            check_format(state.get("format", 0), FORMAT, path)
        if not (problem := _lacking(state)):
            if problems:
                log.warning(f"{folder / problems[0]}; going on from {path.name}")
            return dict(state)
        problems.append(f"{path.name}: {problem}")
    if problems:
        raise DataError(
            f"No checkpoint in {folder} can be read ({'; '.join(problems)}); restore one, or "
            f"delete {folder} to train from the beginning."
        )
    return None


def _lacking(state: Any) -> str:
    if not isinstance(state, dict):
        return f"it holds a {type(state).__name__}, not the state of a training"
    for name, kind in _PARTS.items():
        if name not in state or not isinstance(state[name], kind) or state[name] is True:
            return f"it lacks the {name} of a training"
    if state["epoch"] < 1 or state["since_best"] < 0:
        return f"it is of epoch {state['epoch']}"
    return ""
