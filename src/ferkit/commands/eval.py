"""`ferkit eval`: a run's report again, or a view predicted and reported."""

import shlex
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from ferkit.commands.run import Run
from ferkit.composition import check, completed, compose
from ferkit.config import as_plain, build, is_node
from ferkit.devices import choose_device
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.faces.store import FaceStore
from ferkit.imbalance.strategy import Strategy
from ferkit.inference.data import (
    RunSplit,
    is_same_data,
    other_views,
    own_views,
    read_run_split,
    training_rows,
)
from ferkit.inference.named_views import merge_tests, named_view
from ferkit.inference.scoring import find_scored, predict_views
from ferkit.log import log
from ferkit.model import load_model
from ferkit.printable import quoted
from ferkit.reports.page import write_report
from ferkit.reports.tables import headlines
from ferkit.runs.find import run_folders
from ferkit.runs.fingerprint import CONTENT, fingerprint
from ferkit.runs.folder import RunFolder, open_run
from ferkit.splits.split import ALL
from ferkit.views import make_store

PRINTED = ("headline", "report")


def main(words: Sequence[str]) -> int:
    """The command."""
    config = compose(*words, command="eval")
    if config.print not in PRINTED:
        raise ConfigError(unknown("print", config.print, PRINTED))
    said = shlex.join(["ferkit", "eval", *words])
    if config.model.file is not None or config.predictions is not None:
        from ferkit.commands.eval_given import evaluate_given

        return _show(evaluate_given(config, said), config)
    if config.study is not None:
        from ferkit.commands.study import report_study

        return report_study(config, said)
    if config.runs is not None:
        from ferkit.commands.compare import compare_runs

        return compare_runs(config, said)
    if config.ensemble is not None:
        from ferkit.commands.ensemble import ensemble

        return _show(ensemble(config, said), config)
    return _show(evaluate_config(config, said), config)


def _show(folder: Path, config: DictConfig) -> int:
    """Print the headline of a report and where it lies, or all of it."""
    report = (folder / "report" / "report.md").read_text(encoding="utf-8")
    if config.print == "report":
        print(report)
        return 0
    print(report.splitlines()[0].removeprefix("# "))
    for line in headlines(RunFolder(folder).read_json("report/metrics.json")["views"]):
        print(line)
    print(folder / "report" / "report.html")
    return 0


def evaluate(run: str | Path | Run, *words: str) -> dict[str, Any]:
    """Make the report of a run again, or predict a view first; return view to metrics.

    Args:
        run: A run, or its folder.
        words: As after `ferkit eval`, e.g. "view=test", "tta=flip".
    """
    own = run.folder if isinstance(run, Run) else Path(run)
    config = compose(f"run={quoted(own)}", *words, command="eval")
    folder = evaluate_config(config, " ".join(["evaluate", *words]))
    return dict(RunFolder(folder).read_json("report/metrics.json")["views"])


def evaluate_config(config: DictConfig, command: str) -> Path:
    """Do what an eval config asks; return the folder whose report was written."""
    folder = Path(config.run) if config.run else newest_run()
    if not config.run:
        log.info(f"run: {folder}, the newest; run=DIR names another")
    run, stored = open_run(folder)
    asked = (config.view, config.dataset, config.tta, config.data_root)
    if all(key is None for key in asked) and not config.tests:
        write_report(folder, faces=bool(stored.get("report", {}).get("faces", True)))
        return folder
    return _predict(run, stored, config, command)


def newest_run(root: Path = Path("outputs/train")) -> Path:
    """The run under outputs/train whose config is the youngest.

    Raises:
        DataError: there is none.
    """
    found = list(run_folders(root))  # without the folds and the evals of a run
    if not found:
        raise DataError(f"No run under {root}; train one first, or name it with run=DIR.")
    return max(found, key=lambda run: (run / "config.yaml").stat().st_mtime)


def _merged(stored: DictConfig, config: DictConfig) -> DictConfig:
    """The run's own config with eval's own keys put over it, but for another dataset."""
    merged = DictConfig(as_plain(completed(stored)))
    if config.tta is not None:
        asked = as_plain(config.tta)
        merged.tta = asked if is_node(asked) else {**as_plain(merged.tta), **asked}
    if config.data_root is not None:
        merged.dataset = _moved_root(as_plain(merged.dataset), merged.data_root, config.data_root)
        merged.data_root = config.data_root
    if config.dataset is not None and not is_node(config.dataset):
        merged.dataset = {**as_plain(merged.dataset), **as_plain(config.dataset)}
    merged.tests = merge_tests(as_plain(merged.get("tests")) or {}, as_plain(config.tests))
    merged.prepared_root = config.prepared_root
    merged.report = as_plain(config.report)
    check(merged)
    return merged


def _moved_root(dataset: dict[str, Any], before: str, now: str) -> dict[str, Any]:
    """A dataset's node with a root below the former data_root looked for below the one given."""
    root = dataset.get("root")
    if isinstance(root, str) and Path(root).is_relative_to(before):
        return {**dataset, "root": str(Path(now) / Path(root).relative_to(before))}
    return dataset


def _predict(run: RunFolder, stored: DictConfig, config: DictConfig, command: str) -> Path:
    merged = _merged(stored, config)
    model = load_model(run.folder, str(choose_device(config.device)))
    data = run.read_json("data.json")
    split = read_run_split(run.folder, data)
    other = _other_store(merged, config, split)
    view = config.view or ("val" if other is None else ALL)
    if other is None:
        known = ["train", "val", "test", *merged.tests]
        if view not in known:
            raise ConfigError(unknown("view", view, known))
        views = own_views(merged, split, model.emotions)
    else:
        train = training_rows(split, merged)
        views = other_views(other, model.emotions, view, train)
    for note in views.split.notes:
        if note.startswith("since the training"):
            log.warning(str(note))
    strategy: Strategy = build(merged.imbalance, where="imbalance")
    kind = getattr(build(merged.tta, where="tta"), "kind", "none")
    shown, rows = named_view(merged, views, view)
    name = "-".join([views.store.card["dataset"]["name"], view, *([kind] * (kind != "none"))])
    target = _target_folder(run, name, view, find_scored(model, shown, rows).index)
    described = views.describe()
    if other is not None:
        trained = _trained_on(run, data, train is not None)
        described |= {"trained_on": trained, "root": as_plain(config.dataset).get("root")}
    _begin(run, target, merged, described)
    predict_views(
        target,
        merged,
        model,
        views,
        strategy,
        [view],
        command,
        trained=run,
        own=other is None,
        known={view: (shown, rows)},
    )
    write_report(target.folder, faces=bool(merged.report.faces))
    return target.folder


def _other_store(
    merged: DictConfig, config: DictConfig, split: RunSplit | None
) -> FaceStore | None:
    """The prepared faces of the dataset that was asked for; None where they are the run's own."""
    if not is_node(config.dataset):
        return None
    faces = {**as_plain(merged.faces), "copies": []}  # copies are of what a run trains on
    asked = as_plain(config.dataset)
    root = merged.data_root if config.data_root is None else config.data_root
    asked = _moved_root(asked, "None", root)  # composed before the run's data_root was known
    store = make_store(DictConfig({**as_plain(merged), "dataset": asked, "faces": faces}))
    if split is not None and is_same_data(split, store):
        log.info("this is the data that the run was trained with: its own views are evaluated")
        merged.dataset = asked
        return None
    return store


def _trained_on(run: RunFolder, data: dict[str, Any], checked: bool) -> dict[str, Any]:
    dataset, split = (data.get(part) or {} for part in ("dataset", "split"))
    return {
        "run": str(run.folder),
        "dataset": dataset.get("name", "its own data"),
        "variant": dataset.get("variant", ""),
        "n": dataset.get("n"),
        "protocol": split.get("protocol", ""),
        "hash": split.get("hash", ""),
        "overlap_checked": checked,
    }


def _target_folder(run: RunFolder, name: str, view: str, rows: pd.DataFrame) -> RunFolder:
    """eval/<name>, with the fingerprint behind it where other data have taken the name."""
    folder = run.folder / "eval" / name
    if (folder / "predictions" / f"{view}.parquet").is_file() and not _holds(folder, view, rows):
        folder = folder.with_name(f"{name}-{fingerprint(rows)}")
    folder.mkdir(parents=True, exist_ok=True)
    return RunFolder(folder)


def _holds(folder: Path, view: str, rows: pd.DataFrame) -> bool:
    """Whether a folder's predictions are of these images; also where they are broken."""
    with suppress(DataError):
        before = RunFolder(folder).read_predictions(view)
        alike = rows if CONTENT in before else rows.drop(columns=CONTENT)  # an older ferkit's
        return fingerprint(before) == fingerprint(alike)
    return True


def _begin(
    run: RunFolder, target: RunFolder, config: DictConfig, described: dict[str, Any]
) -> None:
    for kept in ("env.json", "metrics.jsonl", "overrides.yaml"):
        if (run.folder / kept).is_file():
            shutil.copyfile(run.folder / kept, target.folder / kept)
    target.write_config(config)
    target.write_json("data.json", described)
