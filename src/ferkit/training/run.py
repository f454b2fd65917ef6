"""A run's folder: claimed once, every file written beside and renamed."""

import json
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml  # type: ignore[import-untyped, unused-ignore]
from omegaconf import DictConfig, OmegaConf

from ferkit.errors import ConfigError, DataError, check_format
from ferkit.saved import as_of_now

FORMAT = 1


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run and the ways of writing into it."""

    folder: Path

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """One json file with the format number."""
        write_text(self.folder / name, json.dumps({"format": FORMAT, **content}, indent=1) + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """One json file; empty where a kill came before it was written."""
        path = self.folder / name
        return dict(json.loads(path.read_text())) if path.is_file() else {}

    def append_metrics(self, row: Mapping[str, Any]) -> None:
        """A line an epoch."""
        with (self.folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"format": FORMAT, **row}) + "\n")

    def cut_metrics(self, epochs: int) -> None:
        """Forget lines of epochs that no checkpoint stands behind."""
        path = self.folder / "metrics.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
        write_text(path, "".join(lines[:epochs]))

    def write_predictions(self, view: str, predictions: pd.DataFrame) -> None:
        """predictions/<view>.parquet."""
        folder = self.folder / "predictions"
        folder.mkdir(exist_ok=True)
        beside = folder / f".{view}.tmp"
        predictions.to_parquet(beside, index=False)
        beside.replace(folder / f"{view}.parquet")

    def note_look(self, view: str, dataset: str, command: str, data: str) -> None:
        """Every look at test is noted, with its date and the fingerprint of what was seen."""
        look = {
            "date": datetime.now().astimezone().isoformat(timespec="seconds"),
            "view": view, "dataset": dataset, "data": data, "command": command,
        }  # fmt: skip
        with (self.folder / "looks.jsonl").open("a") as file:
            file.write(json.dumps({"format": FORMAT, **look}) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write beside and rename, so that no reader meets a half-written file."""
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_text(text)
    beside.replace(path)


def default_folder(kind: str = "train") -> Path:
    """outputs/<kind>/<date>/<time>, with a number behind where that is taken."""
    now = datetime.now()
    base = Path("outputs") / kind / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}"
    folder, number = base, 2
    while folder.exists():
        folder, number = base.with_name(f"{base.name}-{number}"), number + 1
    return folder


def claim_run(folder: Path, config: DictConfig, words: Sequence[str]) -> RunFolder:
    """Make a run's folder and write what was asked; of two that claim one, the second fails.

    Raises:
        ConfigError: a run lives there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = f"format: {FORMAT}\n{OmegaConf.to_yaml(config, resolve=True)}"
    try:
        with (folder / "config.yaml").open("x") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(
            f"run_dir={folder} already holds a run; give another run_dir, or go on in it with "
            f"`ferkit train resume={folder}`."
        ) from None
    write_text(folder / "overrides.yaml", OmegaConf.to_yaml(OmegaConf.create(list(words))))
    return RunFolder(folder)


def open_run(folder: Path) -> tuple[RunFolder, DictConfig]:
    """A run's folder and its config, for resume and eval.

    Raises:
        DataError: the folder is no run, or a newer ferkit wrote it.
    """
    path = folder / "config.yaml"
    if not path.is_file():
        raise DataError(
            f"{folder} is no run: it has no config.yaml; give the folder that `ferkit train` "
            "printed."
        )
    # not OmegaConf's own reader, which parses interpolations as it reads
    stored: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    check_format(stored.pop("format", 0), FORMAT, path)
    return RunFolder(folder), DictConfig(as_of_now(stored, path))


def environment(seed: int, device: torch.device, words: Sequence[str]) -> dict[str, Any]:
    """What a reader needs to judge or repeat a run: versions, device, threads, git state."""
    packages = ("ferkit", "numpy", "torch", "torchvision", "timm", "scikit-learn",
                "imbalanced-learn", "opencv-python-headless", "pandas", "hydra-core")  # fmt: skip
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {p: v for p in packages if (v := _version(p))},
        "torch": torch.__version__,
        "device": str(device),
        "device_name": name or platform.machine(),
        "threads": torch.get_num_threads(),
        "seed": seed,
        "git": _git_state(),
        "command": " ".join(["ferkit", "train", *words]),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_state() -> dict[str, Any] | None:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=True,
                              timeout=5).stdout.strip()  # fmt: skip

    try:
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def say(text: str) -> None:
    """A line for the person at the terminal; stdout stays free for results."""
    print(text, file=sys.stderr, flush=True)
