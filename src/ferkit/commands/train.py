"""`ferkit train`: config to objects to one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from ferkit.commands.evaluation import predict_views
from ferkit.composition import check, compose, explained
from ferkit.config import TrainRoot, as_plain, build
from ferkit.errors import ConfigError, unknown
from ferkit.imbalance.strategy import Strategy
from ferkit.model import load_model, make_model
from ferkit.reports.page import write_report
from ferkit.splits import write_split
from ferkit.training.loader import Order, make_loader, shuffled
from ferkit.training.optim import as_schedule
from ferkit.training.run import RunFolder, claim_run, default_folder, environment, open_run, say
from ferkit.training.settings import TrainerSettings, choose_device
from ferkit.training.trainer import Row, Training, fit
from ferkit.views import Views, make_views

RESUME_KEYS = ("trainer.max_epochs", "trainer.device", "trainer.threads", "trainer.resident")


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

        return cross_validate(config, words)
    settings: TrainerSettings = build(config.trainer, where="trainer")
    _check_evaluate(config)
    device = choose_device(settings.device)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(config.seed)
    views = make_views(config, _limits(settings))
    strategy: Strategy = build(config.imbalance, where="imbalance")
    training = make_training(config, settings, strategy, views, device)
    if not resumed:
        run = start_run(config, views, device, words)
    for warning in views.warnings():
        say(f"warning: {warning}")
    _fit(training, strategy, views, run)
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


def _check_evaluate(config: DictConfig) -> None:
    for view in config.evaluate:
        if view not in ("val", "test", *config.tests):
            raise ConfigError(unknown("view in evaluate", view, ["val", "test", *config.tests]))


def _limits(settings: TrainerSettings) -> dict[str, int | None]:
    every = settings.max_images
    return {"train": settings.max_train_images or every, "val": every, "test": every}


def make_training(
    config: DictConfig, settings: TrainerSettings, strategy: Strategy, views: Views,
    device: torch.device,
) -> Training:  # fmt: skip
    """Model, loss, optimizer and schedule of a config, with the facts of its data."""
    nodes = {name: as_plain(config[name]) for name in ("backbone", "input", "faces")}
    size = int(views.store.faces.shape[1])
    model = make_model(nodes, views.emotions, size, views.store.channels).to(device)
    if settings.channels_last:
        model = model.to(memory_format=torch.channels_last)
    loss = make_loss(config, strategy, views).to(device)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = build(config.optimizer, where="optimizer", params=trained)
    per_epoch = -(-len(views.rows("train")) // settings.batch_size)
    schedule = build(
        config.scheduler, where="scheduler", optimizer=optimizer,
        steps=per_epoch * settings.max_epochs, steps_per_epoch=per_epoch,
    )  # fmt: skip
    augment = build(config.augment, where="augment")
    return Training(model, loss, optimizer, as_schedule(schedule), augment, settings, device,
                    seed=int(config.seed))  # fmt: skip


def make_loss(config: DictConfig, strategy: Strategy, views: Views) -> torch.nn.Module:
    """The loss, with the class weights and costs that the strategy asks for."""
    counts = np.array(list(views.counts("train").values()))
    weights = strategy.weights(counts, views.emotions)
    loss = build(config.loss, where="loss", classes=len(views.emotions), weights=weights)
    return strategy.add_costs(loss, counts, views.emotions)


def start_run(
    config: DictConfig, views: Views, device: torch.device, words: Sequence[str]
) -> RunFolder:
    """Claim the run's folder and write what is known before training."""
    folder = Path(config.run_dir) if config.run_dir else default_folder()
    run = claim_run(folder, config, words)
    run.write_json("env.json", environment(int(config.seed), device, words))
    run.write_json("data.json", views.describe())
    write_split(folder / "split.parquet", views.store.index, views.split.views)
    say(f"run: {folder}")
    say(f"data: {views.store.card['dataset']['name']}, {views.split.protocol}")
    return run


def _fit(training: Training, strategy: Strategy, views: Views, run: RunFolder) -> None:
    settings = training.settings
    codes = views.codes
    load = partial(
        make_loader, views.store.faces, device=training.device, resident=settings.resident
    )
    rows = views.rows("train")
    order = _order(strategy, codes[rows], training.seed)
    train_loader = load(rows, codes[rows], batch_size=settings.batch_size, order=order)
    chosen = views.rows("val")
    val_loader = load(chosen, codes[chosen], batch_size=max(256, settings.batch_size))
    try:
        fit(training, train_loader, val_loader, run, log=_say_epoch(training))
    except KeyboardInterrupt:
        say(f"stopped in epoch {training.epoch + 1}; go on with `ferkit train resume={run.folder}`")
        raise


def _order(strategy: Strategy, codes: np.ndarray, seed: int) -> Order:
    if strategy.sampler is None:
        return shuffled(len(codes), seed)
    return lambda epoch: np.asarray(strategy.order(codes, epoch, seed))


def _say_epoch(training: Training) -> Any:
    def log(row: Row) -> None:
        say(
            f"epoch {row['epoch']:>3}/{training.settings.max_epochs}  "
            f"train {row['train_loss']:.4f} {row['train_accuracy']:.3f}  "
            f"val {row['val_loss']:.4f} {row['val_accuracy']:.3f}  "
            f"macro F1 {row['val_macro_f1']:.3f}  {row['images_per_second']:.0f} images/s"
        )

    return log
