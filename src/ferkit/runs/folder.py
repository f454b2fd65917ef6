"""A run's folder: claimed once, held by one process, every file written atomically."""

import json
import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ferkit import processes
from ferkit.errors import ConfigError, DataError
from ferkit.files import FORMAT, alone, remove_unfinished, usable_folder, write_summed
from ferkit.runs.read import (
    DATA_SHAPE,
    TEST_ACCESSES,
    read_config,
    read_json_of,
    read_predictions,
)
from ferkit.untrusted import reason

if TYPE_CHECKING:
    import pandas as pd
    import torch


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run and the ways of writing into it."""

    folder: Path

    def write(self, name: str, content: str | bytes, *, durable: bool = False) -> None:
        """A file, and its checksum into checksums.json."""
        made = content.encode() if isinstance(content, str) else content
        write_summed(self.folder, name, made, durable=durable)

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """One json file with the format number."""
        self.write(name, json.dumps({"format": FORMAT, **content}, indent=1) + "\n")

    def read_json(self, name: str, shape: Any = None) -> dict[str, Any]:
        """One json file; empty where a kill came before it was written."""
        return read_json_of(self.folder, name, shape)

    def read_data(self) -> dict[str, Any]:
        """data.json."""
        return self.read_json("data.json", DATA_SHAPE)

    def write_config(self, config: DictConfig) -> None:
        """config.yaml, resolved: what makes the folder a run."""
        self.write("config.yaml", f"format: {FORMAT}\n{OmegaConf.to_yaml(config, resolve=True)}")

    def write_words(self, words: Sequence[str]) -> None:
        """overrides.yaml: what was typed."""
        self.write("overrides.yaml", OmegaConf.to_yaml(OmegaConf.create(list(words))))

    def write_metrics(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """metrics.jsonl: one line per epoch, on the disk before this returns."""
        lines = (json.dumps({"format": FORMAT, **row}) + "\n" for row in rows)
        self.write("metrics.jsonl", "".join(lines), durable=True)

    def write_predictions(self, view: str, predictions: "pd.DataFrame") -> None:
        """predictions/<view>.parquet."""
        stream = BytesIO()
        predictions.to_parquet(stream, index=False)
        self.write(f"predictions/{view}.parquet", stream.getvalue())

    def read_predictions(self, view: str) -> "pd.DataFrame":
        """predictions/<view>.parquet, as it was written."""
        return read_predictions(self.folder, view)

    def note_test_access(self, view: str, dataset: str, command: str, data: str) -> None:
        """Note an access to a test view, with its date and the fingerprint of the data."""
        access = {
            "date": datetime.now().astimezone().isoformat(timespec="seconds"),
            "view": view,
            "dataset": dataset,
            "data": data,
            "command": command,
        }
        with (self.folder / TEST_ACCESSES).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"format": FORMAT, **access}) + "\n")


class FollowedRun(RunFolder):
    """A run as the processes see it that train beside the first, which alone writes."""

    def write(self, name: str, content: str | bytes, *, durable: bool = False) -> None:
        """Nothing."""


def default_folder(kind: str = "train") -> Path:
    """outputs/<kind>/<date>/<time>, with a number behind where that is taken."""
    now = datetime.now()
    base = Path("outputs") / kind / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}"
    folder, number = base, 2
    while folder.exists():
        folder, number = base.with_name(f"{base.name}-{number}"), number + 1
    return folder


def check_run_dir(folder: Path) -> None:
    """Refuse a folder in which no run can be begun, before anything is read.

    Raises:
        ConfigError: a run lives there, or the folder cannot be made or written.
    """
    usable_folder(folder, "run_dir")
    if (folder / "config.yaml").exists():
        raise ConfigError(
            f"run_dir={folder} already holds a run; give another run_dir, or go on in it with "
            f"`ferkit train resume={folder}`."
        )


def claim_run(folder: Path, words: Sequence[str], held: ExitStack) -> RunFolder:
    """Make a run's folder, to be held until `held` ends; of two that claim one, the second fails.

    It becomes a run with its config.yaml, which is written last.

    Raises:
        ConfigError: a run lives there already, or another process is at work there.
    """
    check_run_dir(folder)
    held.enter_context(alone(folder, "ferkit train"))
    check_run_dir(folder)  # another may have been quicker
    remove_unfinished(folder)
    run = RunFolder(folder)
    run.write_words(words)
    return run


def hold_run(folder: Path, held: ExitStack) -> None:
    """Take up a run's folder to go on in it, until `held` ends.

    Raises:
        ConfigError: another process is at work there.
        DataError: the folder is no run.
    """
    if (folder / "config.yaml").is_file():
        held.enter_context(alone(folder, "ferkit train"))
        remove_unfinished(folder)


def open_run(folder: Path) -> tuple[RunFolder, DictConfig]:
    """A run's folder and its config, for resume and eval.

    Raises:
        DataError: the folder is no run, its config is broken, or a newer ferkit wrote it.
    """
    config, _ = read_config(folder)
    try:
        return RunFolder(folder), OmegaConf.create(config)
    except OmegaConfBaseException as error:
        raise DataError(f"{folder / 'config.yaml'} is no config ({reason(error)}).") from None


def environment(seed: int, device: "torch.device", words: Sequence[str]) -> dict[str, Any]:
    """What a reader needs to judge or repeat a run: versions, device, threads, git state."""
    import torch

    packages = (
        "ferkit",
        "numpy",
        "torch",
        "torchvision",
        "timm",
        "scikit-learn",
        "imbalanced-learn",
        "opencv-python-headless",
        "pandas",
        "hydra-core",
    )
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {p: v for p in packages if (v := _version(p))},
        "torch": torch.__version__,
        "device": str(device),
        "device_name": name or platform.machine(),
        "tf32": torch.backends.cudnn.allow_tf32 and device.type == "cuda",
        "threads": torch.get_num_threads(),
        "processes": processes.count(),
        "seed": seed,
        "git": _git_state(),
        "command": command_line(words),
    }


def command_line(words: Sequence[str]) -> str:
    """What begins a training of these words in as many processes as now."""
    return shlex.join([*processes.begun_by(), "ferkit", "train", *words])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_state() -> dict[str, Any] | None:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], capture_output=True, text=True, check=True, timeout=5
        ).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
