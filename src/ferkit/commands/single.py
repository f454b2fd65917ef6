"""Training one network: a run from its config to its report."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from ferkit import processes
from ferkit.commands.run import Run
from ferkit.composition import check, completed, compose
from ferkit.config import as_plain, build
from ferkit.devices import choose_device
from ferkit.errors import ConfigError, DataError
from ferkit.files import require_as_written
from ferkit.imbalance.strategy import Strategy
from ferkit.inference.named_views import check_test
from ferkit.inference.saliency import check_method
from ferkit.inference.scoring import predict_views
from ferkit.log import log
from ferkit.model import load_model
from ferkit.printable import quoted
from ferkit.reports.page import write_report
from ferkit.reports.tables import headlines
from ferkit.runs.folder import (
    FollowedRun,
    RunFolder,
    check_run_dir,
    claim_run,
    command_line,
    default_folder,
    hold_run,
    open_run,
)
from ferkit.splits import read_split
from ferkit.training.assemble import TrainRows, make_training, train_rows
from ferkit.training.augment import make_augment
from ferkit.training.describe import SPLIT, describe_run, keep_augmented
from ferkit.training.inputs import run_training
from ferkit.training.length import CHOSEN, settle
from ferkit.training.logging import no_logger
from ferkit.training.report_log import open_until_report
from ferkit.training.resampled_once import one_resampling
from ferkit.training.settings import TrainerSettings
from ferkit.training.trainer import Augmentation, Training
from ferkit.views import Views, make_views

_MOST_THREADS = 4096
RESUME_KEYS = (
    "trainer.max_epochs",
    "trainer.device",
    "trainer.threads",
    "trainer.cache_on_device",
    "trainer.cache_frozen",
)


@dataclass(frozen=True)
class Prepared:
    """Everything that a training needs, before a folder is made for it."""

    views: Views
    rows: TrainRows
    strategy: Strategy
    augment: Augmentation
    training: Training


def take_up(
    config: DictConfig, words: Sequence[str], held: ExitStack
) -> tuple[RunFolder | None, DictConfig]:
    """The run that `resume` names, held, and its config; None and the same config without it."""
    if config.resume is not None:
        if processes.is_first():
            hold_run(Path(config.resume), held)
        return _resume(Path(config.resume), words)
    if config.run_dir is not None:
        check_run_dir(Path(config.run_dir))
    return None, config


def train_single(
    config: DictConfig, words: Sequence[str], held: ExitStack, begun: RunFolder | None
) -> Run:
    """Train one network, and predict and report the views that are asked for.

    Args:
        held: Holds the run's folder until it ends.
        begun: A run that was stopped and goes on.
    """
    logger = build(config.logger, where="logger") if processes.is_first() else no_logger()
    ready = prepare_training(config, begun)
    views, rows, training, strategy = ready.views, ready.rows, ready.training, ready.strategy
    device = training.device
    chosen = {k: getattr(training.settings, k) for k in CHOSEN if config.trainer.get(k) is None}
    for key in CHOSEN:  # what was chosen for them, for a resume
        config.trainer[key] = getattr(training.settings, key)
    run = begun or _claimed(config, words, held)
    with said_how_to_go_on(run), open_until_report(logger) as (until_report, show):
        if processes.is_first():
            describe_run(run, config, views, rows, training, words, chosen)
            keep_augmented(run, config, views, rows, ready.augment)
        for warning in views.warnings():
            log.warning(f"{warning}")
        run_training(training, ready.augment, strategy, views, rows, run, until_report)
        if not processes.is_first():
            processes.wait()
            return Run(run.folder, {})
        if not config.evaluate:
            log.info("evaluate=[]: no view is predicted, and there is no report")
            processes.wait()
            return Run(run.folder, {})
        model = load_model(run.folder, str(device))
        predict_views(run, config, model, views, strategy, list(dict.fromkeys(config.evaluate)))
        metrics = report(run, config)
        show(run.folder)
        processes.wait()
        return Run(run.folder, metrics)


def prepare_training(config: DictConfig, begun: RunFolder | None) -> Prepared:
    """Read, split and resample the data of a config, and build what is trained.

    Args:
        begun: A run that goes on, of whose split and threads this must be.

    Raises:
        FerkitError: a mistake in the config or the data.
    """
    settings: TrainerSettings = build(config.trainer, where="trainer")
    _check_tests(config)
    check_method(config.report.saliency)
    device = choose_device(settings.device)
    # another number of threads gives other last bits
    if threads := settings.threads or (threads_of(begun) if begun else None):
        torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    with processes.first_before_others():
        views = make_views(config, _limits(settings))
    require_classes(views)
    if begun:
        _require_same_split(begun, views)
        _note_processes(begun)
    strategy: Strategy = build(config.imbalance, where="imbalance")
    build(config.tta, where="tta")  # a mistake in it is reported before training, not after
    rows = one_resampling(
        lambda: train_rows(config, views, strategy, settings, device), views.store.folder
    )
    settings = settle(settings, len(rows.rows), as_plain(config.backbone))
    augment = make_augment(config.augment)
    training = make_training(config, settings, strategy, views, rows, device)
    return Prepared(views, rows, strategy, augment, training)


def require_classes(views: Views) -> None:
    """Refuse a single class.

    Raises:
        ConfigError: there is nothing to tell apart.
    """
    if len(views.emotions) < 2:
        raise ConfigError(
            f"emotions=[{','.join(views.emotions)}]: one class is nothing to classify; give two or "
            "more."
        )


def threads_of(run: RunFolder) -> int | None:
    """The CPU threads that a run began with, where it says so.

    Raises:
        DataError: what it says is no number of threads.
    """
    threads = run.read_json("env.json", {"threads": int}).get("threads")
    if threads is not None and not 1 <= threads <= _MOST_THREADS:
        raise DataError(f"{run.folder / 'env.json'} has threads {threads}; restore it.")
    return threads


def _claimed(config: DictConfig, words: Sequence[str], held: ExitStack) -> RunFolder:
    new = Path(config.run_dir) if config.run_dir else default_folder()
    if processes.is_first():
        run = claim_run(new, words, held)
        processes.agreed(str(new))
        return run
    return FollowedRun(Path(processes.agreed(str(new))))


@contextmanager
def said_how_to_go_on(run: RunFolder) -> Iterator[None]:
    """Say, where a training is stopped by hand or by SIGTERM, how it goes on."""
    try:
        yield
    except KeyboardInterrupt:
        log.info(f"stopped; go on with `{command_line([f'resume={quoted(run.folder)}'])}`")
        raise


def report(run: RunFolder, config: DictConfig) -> dict[str, Any]:
    """Write the report and say the headline of each view."""
    metrics: dict[str, Any] = write_report(run.folder, faces=bool(config.report.faces))["views"]
    for line in headlines(metrics):
        log.info(line)
    log.info(f"report: {run.folder / 'report' / 'report.html'}")
    return metrics


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
    if not processes.is_first():
        run = FollowedRun(folder)
    config = completed(stored)
    given = compose(*[w for w in beside if not w.startswith("debug")])
    for word in beside:
        group, _, key = word.split("=")[0].partition(".")
        if key:
            config[group][key] = given[group][key]
    check(config)
    return run, config


def _require_same_split(run: RunFolder, views: Views) -> None:
    began = (run.read_data().get("split") or {}).get("hash")
    if began is None and (run.folder / SPLIT).is_file():
        require_as_written(run.folder, SPLIT)
        began = read_split(run.folder / SPLIT).attrs.get("hash")
    if began is not None and began != views.hash:
        raise DataError(
            f"{run.folder} began with split {began} and the data now give {views.hash}: files "
            "were added, removed or changed since; restore them, or start a new run."
        )


def _note_processes(run: RunFolder) -> None:
    began, now = (
        run.read_json("env.json", {"processes": int}).get("processes", 1),
        processes.count(),
    )
    if began != now:
        log.info(
            f"{run.folder} began with processes={began} and goes on with processes={now}: the "
            "batches stay what they were; dropout, batch-norm statistics and last bits do not"
        )


def _check_tests(config: DictConfig) -> None:
    for name, asked in as_plain(config.tests).items():
        if not isinstance(asked, Mapping | None):
            raise ConfigError(f"tests.{name} is {asked!r}; give a mapping, e.g. {{views: [test]}}.")
        check_test(name, asked or {})


def _limits(settings: TrainerSettings) -> dict[str, int | None]:
    every = settings.max_images
    return {
        "train": settings.max_train_images or every,
        "val": settings.max_val_images or every,
        "test": every,
    }
