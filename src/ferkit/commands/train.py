"""`ferkit train`: config to objects to one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from ferkit.commands.evaluation import predict_views
from ferkit.commands.named_views import check_test
from ferkit.composition import check, compose, explained
from ferkit.config import as_plain, build
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.evaluation.saliency import check_method
from ferkit.imbalance.examples import save_examples, synthetic_examples
from ferkit.imbalance.strategy import Strategy
from ferkit.model import load_model
from ferkit.reports.page import write_report
from ferkit.roots import TrainRoot
from ferkit.splits import write_split
from ferkit.training.assemble import TrainRows, make_training, run_training, train_rows
from ferkit.training.run import RunFolder, claim_run, default_folder, environment, open_run, say
from ferkit.training.settings import TrainerSettings, choose_device
from ferkit.views import Views, make_views

RESUME_KEYS = (
    "trainer.max_epochs", "trainer.device", "trainer.threads", "trainer.resident",
    "trainer.cache_frozen",
)  # fmt: skip


@dataclass(frozen=True)
class TrainedRun:
    """A finished run.

    Attributes:
        folder: Where it lives.
        figures: View to the figures of metrics.json.
    """

    folder: Path
    figures: dict[str, dict[str, Any]]


def main(words: Sequence[str]) -> int:
    """The command; `-m` hands the words to Hydra's sweeper."""
    if {"-m", "--multirun"} & set(words):
        from ferkit.commands.multirun import sweep

        return sweep([w for w in words if w not in ("-m", "--multirun")])
    run = train(compose(*words), words)
    print(run.folder)
    return 0


def train(config: DictConfig, words: Sequence[str] = ()) -> TrainedRun:
    """Train what a config describes, report on val, and on test if `evaluate` asks for it.

    Args:
        words: What the user typed, for the run's record.

    Raises:
        FerkitError: a mistake in the config or the data; nothing half-written is left.
        KeyboardInterrupt: the run can go on with `resume=`.
    """
    resumed = config.resume is not None
    if resumed:
        run, config = _resume(Path(config.resume), words)
    if str(as_plain(config.split).get("fold")) == "all":
        from ferkit.commands.crossval import cross_validate

        return cross_validate(config, words, run if resumed else None)
    settings: TrainerSettings = build(config.trainer, where="trainer")
    _check_evaluate(config)
    check_method(config.report.saliency)
    logger = build(config.logger, where="logger")
    device = choose_device(settings.device)
    threads = settings.threads or (run.read_json("env.json").get("threads") if resumed else None)
    if threads:  # another number gives other last bits
        torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    views = make_views(config, _limits(settings))
    if resumed:
        _require_same_split(run, views)
    strategy: Strategy = build(config.imbalance, where="imbalance")
    build(config.tta, where="tta")  # a mistake in it is said before training, not after
    rows = train_rows(config, views, strategy, settings, device)
    training = make_training(config, settings, strategy, views, rows, device)
    if not resumed:
        run = start_run(config, views, rows, device, words)
    for warning in views.warnings():
        say(f"warning: {warning}")
    run_training(training, strategy, views, rows, run, logger)
    model = load_model(run.folder, str(device))
    predict_views(run, config, model, views, strategy, config.evaluate)
    return TrainedRun(run.folder, report(run, config))


def report(run: RunFolder, config: DictConfig) -> dict[str, Any]:
    """Write the report and say the headline of each view."""
    figures: dict[str, Any] = write_report(run.folder, faces=bool(config.report.faces))["views"]
    for view, found in figures.items():
        between = found["intervals"].get("accuracy")
        interval = f" [{between[0]:.3f}, {between[1]:.3f}]" if between else ""
        say(
            f"{view}: accuracy {found['accuracy']:.3f}{interval}  balanced "
            f"{found['balanced_accuracy']:.3f}  macro F1 {found['macro_f1']:.3f}  (n={found['n']})"
        )
    say(f"report: {run.folder / 'report' / 'report.html'}")
    return figures


def _resume(folder: Path, words: Sequence[str]) -> tuple[RunFolder, DictConfig]:
    run, stored = open_run(folder)
    beside = [w for w in words if not w.startswith("resume=")]
    for word in beside:
        key = word.split("=")[0]
        if key not in (*RESUME_KEYS, "debug"):
            raise ConfigError(
                f"{key} cannot change on resume: {folder} goes on as it began; beside resume= "
                f"only {', '.join(RESUME_KEYS)} may be given."
            )
    with explained("train"):
        config = cast(DictConfig, OmegaConf.merge(OmegaConf.structured(TrainRoot), stored))
    given = compose(*[w for w in beside if not w.startswith("debug")])
    for word in beside:
        group, _, key = word.split("=")[0].partition(".")
        if key:
            config[group][key] = given[group][key]
    check(config)
    return run, config


def _require_same_split(run: RunFolder, views: Views) -> None:
    began = run.read_json("data.json").get("split", {}).get("hash", views.hash)
    if began != views.hash:
        raise DataError(
            f"{run.folder} began with split {began} and the data now give {views.hash}: files "
            "were added, removed or changed since; restore them, or start a new run."
        )


def _check_evaluate(config: DictConfig) -> None:
    for view in config.evaluate:
        if view not in ("val", "test", *config.tests):
            raise ConfigError(unknown("view in evaluate", view, ["val", "test", *config.tests]))
    for name, asked in as_plain(config.tests).items():
        check_test(name, asked or {})


def _limits(settings: TrainerSettings) -> dict[str, int | None]:
    every = settings.max_images
    return {
        "train": settings.max_train_images or every,
        "val": settings.max_val_images or every,
        "test": every,
    }


def start_run(
    config: DictConfig,
    views: Views,
    rows: TrainRows,
    device: torch.device,
    words: Sequence[str],
) -> RunFolder:
    """Claim the run's folder and write what is known before training."""
    folder = Path(config.run_dir) if config.run_dir else default_folder()
    run = claim_run(folder, config, words)
    run.write_json("env.json", environment(int(config.seed), device, words))
    made = rows.resampled
    resampled = (
        {"counts_after": {"train": made.counts_after}, "resampled": made.describe()} if made else {}
    )
    visits = dict(zip(views.emotions, rows.counts(len(views.emotions)).tolist(), strict=True))
    of_films = {"visits": {"train": visits}} if rows.films else {}
    run.write_json("data.json", views.describe() | resampled | of_films)
    write_split(folder / "split.parquet", views.store.index, views.split.views)
    if made and made.faces.dtype == np.uint8 and config.report.faces:  # features show nothing
        shown = synthetic_examples(made, views.store.faces[views.rows("train")])
        save_examples(shown, folder / "predictions" / "synthetic.npz")
    say(f"run: {folder}")
    say(f"data: {views.store.card['dataset']['name']}, {views.split.protocol}")
    for note in made.notes if made else ():
        say(f"imbalance: {note}")
    return run
