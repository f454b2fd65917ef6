"""What the runs below a folder are, how far they went and what they reached: a row each."""

import csv
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from ferkit.errors import DataError, FerkitError
from ferkit.files import LOCK
from ferkit.locks import is_held
from ferkit.monitors import MONITORS
from ferkit.runs.find import read_words
from ferkit.runs.read import DATA_SHAPE, read_config, read_json_of, read_rows
from ferkit.tree import choices, entries, file_of

_MARKS = frozenset({"overrides.yaml", "metrics.jsonl"})  # either makes a run, and so does
_CONFIG = "config.yaml"  # where it has the format number that ferkit writes
_FORMAT = re.compile(rb"^format:", re.MULTILINE)
_HYDRA = "hydra.yaml"  # beside Hydra's own config.yaml and overrides.yaml, of any program
_SHOWN = ("dataset=", "backbone=", "run_dir=", "resume=")  # have columns of their own, or say where
ENDED_EARLY = "ended early"  # as the table of a search has it
_HELD_OUT = "held_out"  # the view of a cross-validation


@dataclass(frozen=True)
class RunSummary:
    """One run, as far as its files can be read.

    Attributes:
        date: When it was begun, ISO.
        typed: What was typed beside the defaults.
        epochs: Epochs done (of a cross-validation: folds).
        asked: How many were asked for.
        val_accuracy: Of the epoch that the monitor chose; so are the other metrics.
        test_accuracy: Of the run's own test view, or pooled over the folds of a cross-validation.
        state: running, stopped, done or damaged; of a search's trial also ended early.
        problem: What is damaged.
    """

    folder: Path
    date: str = ""
    dataset: str = ""
    backbone: str = ""
    typed: str = ""
    epochs: int | None = None
    asked: int | None = None
    val_accuracy: float | None = None
    val_macro_f1: float | None = None
    test_accuracy: float | None = None
    test_macro_f1: float | None = None
    state: str = "damaged"
    problem: str = ""


def find_runs(folder: Path) -> Iterator[Path]:
    """The runs at or below a folder, damaged ones too; what lies inside a run belongs to it."""
    for path, inner, names in os.walk(folder):
        inner.sort()
        if _HYDRA not in names and _is_run(Path(path), names):
            inner.clear()
            yield Path(path)


def _is_run(folder: Path, names: Collection[str]) -> bool:
    if not _MARKS.isdisjoint(names):
        return True
    try:
        return _CONFIG in names and bool(_FORMAT.search((folder / _CONFIG).read_bytes()))
    except OSError:
        return True  # it cannot be read, which the row says


def summarize(run: Path) -> RunSummary:
    """The row of a run; nothing in its folder raises."""
    try:
        return _summarize(run)
    except (FerkitError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        return RunSummary(run, _date(run), problem=str(error) or type(error).__name__)


def _summarize(run: Path) -> RunSummary:
    typed = " ".join(w for w in read_words(run) if not w.startswith(_SHOWN))
    held = is_held(run / LOCK)
    if not (run / "config.yaml").is_file():
        if (run / "metrics.jsonl").is_file():
            raise DataError(f"{run} has epochs but no config.yaml; restore it.")
        state = "running" if held else "stopped"
        return RunSummary(run, _date(run), typed=typed, epochs=0, state=state)
    config, _ = read_config(run)
    data = read_json_of(run, "data.json", DATA_SHAPE)
    report = read_json_of(run, "report/metrics.json").get("views") or {}
    epochs, asked, best = _progress(run, config)
    val, test = report.get("val") or best, _test(run, report)
    state = "running" if held else "done" if _is_done(run, config, report) else "stopped"
    if state == "stopped" and run.name in _ended_early(run.parent):
        state = ENDED_EARLY
    return RunSummary(
        run,
        _date(run),
        _dataset(config, data),
        _backbone(config),
        typed,
        epochs,
        asked,
        val.get("accuracy"),
        val.get("macro_f1"),
        test.get("accuracy"),
        test.get("macro_f1"),
        state,
    )


def _progress(
    run: Path, config: Mapping[str, Any]
) -> tuple[int | None, int | None, dict[str, float]]:
    """Epochs done and asked for, and the val metrics of the best; of folds their number alone."""
    if str((config.get("split") or {}).get("fold")) == "all":
        done = len(list(run.glob("fold*/predictions/test.parquet")))
        return done, (config.get("split") or {}).get("folds"), {}
    rows, trainer = read_rows(run), config.get("trainer") or {}
    monitor = str(trainer.get("monitor", "val_accuracy"))
    sign = -1 if MONITORS.get(monitor) == "min" else 1
    rated = [row for row in rows if isinstance(row.get(monitor), int | float)]
    kept = [row for row in rated if row.get("best")]
    best = kept[-1] if kept else max(rated, key=lambda row: sign * row[monitor], default={})
    return (
        max((int(row["epoch"]) for row in rows), default=0),
        trainer.get("max_epochs"),
        {name.removeprefix("val_"): value for name, value in best.items() if "val_" in name},
    )


def _test(run: Path, report: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metrics of the run's own test view, from its report or from an evaluation of it."""
    for view in (_HELD_OUT, "test"):
        if found := report.get(view):
            return dict(found)
    for path in sorted(run.glob("eval/*-test/report/metrics.json")):
        trained = read_json_of(path.parents[1], "data.json", DATA_SHAPE).get("trained_on")
        views = read_json_of(path.parents[1], "report/metrics.json").get("views") or {}
        if not trained and (found := views.get("test")):
            return dict(found)
    return {}


def _is_done(run: Path, config: Mapping[str, Any], report: Mapping[str, Any]) -> bool:
    if report:
        return True
    asked = (config.get("trainer") or {}).get("max_epochs")
    nothing = config.get("evaluate") == []
    return nothing and asked is not None and len(read_rows(run)) >= int(asked)


def _ended_early(trials: Path) -> frozenset[str]:
    """The trials of a search that its pruner ended: nothing is to be gone on with."""
    table = trials.with_name("trials.csv")
    if trials.name != "trials" or not table.is_file():
        return frozenset()
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return frozenset(row["Trial"] for row in rows if row.get("State") == ENDED_EARLY)


def _dataset(config: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    named = (data.get("dataset") or {}).get("name")
    target = str((config.get("dataset") or {}).get("_target_", ""))
    return str(named or target.rpartition(".")[2].removeprefix("read_"))


def _backbone(config: Mapping[str, Any]) -> str:
    """The choice of a backbone's node; of timm the network's name too."""
    node = config.get("backbone") or {}
    target = str(node.get("_target_", ""))
    name = _backbones().get(target, target.rpartition(".")[2])
    return f"{name}:{node['name']}" if name == "timm" and "name" in node else name


@cache
def _backbones() -> dict[str, str]:
    paths = {choice: file_of("backbone", choice) for choice in choices("backbone")}
    return {
        entry.value: choice
        for choice, path in paths.items()
        for entry in (entries(path) if path else ())
        if entry.name == "_target_"
    }


def _date(run: Path) -> str:
    times = [(run / name).stat().st_mtime for name in _MARKS if (run / name).is_file()]
    return f"{datetime.fromtimestamp(min(times)):%Y-%m-%d %H:%M}" if times else ""
