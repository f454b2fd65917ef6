"""Everything to go on with, in a file that `torch.load(weights_only=True)` reads."""

import os
from pathlib import Path
from typing import Any

import torch

from ferkit.errors import DataError, check_format

FORMAT = 1


def save_checkpoint(state: dict[str, Any], folder: Path) -> None:
    """Write last.ckpt beside, fsync, rename; the one before stays as previous.ckpt.

    Args:
        state: Tensors, numbers, strings, and lists and dicts of them.
    """
    folder.mkdir(exist_ok=True)
    beside, last = folder / "last.tmp", folder / "last.ckpt"
    with beside.open("wb") as file:
        torch.save({"format": FORMAT, **state}, file)
        file.flush()
        os.fsync(file.fileno())
    if last.exists():
        last.replace(folder / "previous.ckpt")
    beside.replace(last)


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The state of last.ckpt, of previous.ckpt if that is broken, or None if there is neither.

    Raises:
        DataError: both are broken, or a newer ferkit wrote them.
    """
    found = [p for name in ("last.ckpt", "previous.ckpt") if (p := folder / name).is_file()]
    problems = []
    for path in found:
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # zipfile, pickle and torch each raise their own
            problems.append(f"{path.name}: {error}".splitlines()[0])
            continue
        check_format(state.get("format", 0), FORMAT, path)
        return state
    if problems:
        raise DataError(f"No checkpoint in {folder} can be read ({'; '.join(problems)}).")
    return None
