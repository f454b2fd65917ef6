"""`ferkit eval`: a run's report again, or a view predicted and reported."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ferkit.commands.evaluation import predict_views
from ferkit.composition import check, completed, compose
from ferkit.config import as_plain, build, is_node
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.imbalance.strategy import Strategy
from ferkit.model import load_model
from ferkit.printable import say
from ferkit.reports.page import write_report
from ferkit.reports.run_folders import run_folders
from ferkit.training.run import RunFolder, open_run
from ferkit.training.settings import choose_device
from ferkit.views import Views, make_views


def main(words: Sequence[str]) -> int:
    """The command."""
    config = compose(*words, command="eval")
    said = "ferkit eval " + " ".join(words)
    if config.study is not None:
        from ferkit.commands.study import report_study

        return report_study(config, said)
    if config.runs is not None:
        from ferkit.commands.compare import compare_runs

        return compare_runs(config, said)
    if config.ensemble is not None:
        from ferkit.commands.ensemble import ensemble

        folder = ensemble(config, said)
    else:
        folder = evaluate_config(config, said)
    print((folder / "report" / "report.md").read_text(encoding="utf-8"))
    return 0


def evaluate(run: str | Path, *words: str) -> dict[str, Any]:
    """Make the report of a run again, or predict a view first; answers view to figures.

    Args:
        run: The run's folder.
        words: As after `ferkit eval`, e.g. "view=test", "tta=flip".
    """
    config = compose(f"run={run}", *words, command="eval")
    folder = evaluate_config(config, " ".join(["evaluate", *words]))
    return dict(RunFolder(folder).read_json("report/metrics.json")["views"])


def evaluate_config(config: DictConfig, command: str) -> Path:
    """Do what an eval config asks; answers the folder whose report was written."""
    folder = Path(config.run) if config.run else newest_run()
    run, stored = open_run(folder)
    if config.view is None and config.dataset is None and config.tta is None:
        write_report(folder, faces=bool(stored.get("report", {}).get("faces", True)))
        say(f"report: {folder / 'report' / 'report.html'}")
        return folder
    return _predict(run, _merged(stored, config), config, command)


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
    """The run's own config with what eval was told put over it."""
    merged = DictConfig(as_plain(completed(stored)))
    for key in ("dataset", "tta"):
        asked = as_plain(config[key])
        if asked is not None:
            merged[key] = asked if is_node(asked) else {**as_plain(merged[key]), **asked}
    merged.prepared_root = config.prepared_root
    merged.report = as_plain(config.report)
    if is_node(config.dataset):
        merged.split = {"_target_": "ferkit.splits.split_auto"}
        merged.emotions = None
        if "copies" in (merged.faces or {}):  # they are of the data that the run trained on
            merged.faces.copies = []
    check(merged)
    return merged


def _predict(run: RunFolder, merged: DictConfig, config: DictConfig, command: str) -> Path:
    model = load_model(run.folder, str(choose_device(config.device)))
    views = make_views(merged)
    name = config.view or "val"
    known = ["train", "val", "test", *merged.tests]
    if name not in known:
        raise ConfigError(unknown("view", name, known))
    strategy: Strategy = build(merged.imbalance, where="imbalance")
    kind = getattr(build(merged.tta, where="tta"), "kind", "none")
    parts = [views.store.card["dataset"]["name"], name] + ([kind] if kind != "none" else [])
    target = _target_folder(run, merged, views, "-".join(parts))
    predict_views(target, merged, model, views, strategy, [name], command, trained=run)
    if name not in ("train", "val"):
        run.note_look(name, parts[0], command)
    write_report(target.folder, faces=bool(merged.report.faces))
    say(f"report: {target.folder / 'report' / 'report.html'}")
    return target.folder


def _target_folder(run: RunFolder, config: DictConfig, views: Views, name: str) -> RunFolder:
    folder = run.folder / "eval" / name
    folder.mkdir(parents=True, exist_ok=True)
    for kept in ("env.json", "metrics.jsonl", "overrides.yaml"):
        if (run.folder / kept).is_file():
            shutil.copyfile(run.folder / kept, folder / kept)
    target = RunFolder(folder)
    target.write_config(config)
    target.write_json("data.json", views.describe())
    return target
