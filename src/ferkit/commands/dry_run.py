"""`ferkit train ... --dry-run`: as far as data, split and one batch; nothing is kept."""

from collections.abc import Sequence
from dataclasses import replace

from omegaconf import DictConfig

from ferkit.commands.single import Prepared, prepare_training
from ferkit.config import as_plain
from ferkit.errors import ConfigError
from ferkit.log import log
from ferkit.splits.split import VIEWS
from ferkit.training.inputs import make_inputs
from ferkit.training.trainer import train_step
from ferkit.views import Views


def dry_run(config: DictConfig) -> str:
    """Read and split the data of a config, train one batch in memory; return the counts as text.

    Prepared faces are kept below `prepared_root`, for the training that follows.

    Raises:
        FerkitError: what a training would refuse.
    """
    if config.resume is not None:
        raise ConfigError("--dry-run is for a run that has not begun; give it without resume=.")
    folds = str(as_plain(config.split).get("fold")) == "all"
    if folds:
        config.split.fold = 0
    ready = prepare_training(config, None)
    settings = replace(ready.training.settings, compile=False, cache_frozen=False)
    ready.training.settings = settings  # neither is worth its time for one batch
    for warning in ready.views.warnings():
        log.warning(f"{warning}")
    views = ready.views
    lines = [f"data: {views.store.card['dataset']['name']}, {views.split.protocol}"]
    lines += [f"  {note}" for note in views.split.notes]
    lines += _table(views, ready.rows.counts(len(views.emotions)).tolist())
    lines += ["the first of several folds; --dry-run tries no other"] if folds else []
    return "\n".join([*lines, *_batch(ready)])


def _table(views: Views, trained_on: Sequence[int]) -> list[str]:
    """Images a view and class; what resampling or sampling makes of train, where it differs."""
    rows = {view: [views.counts(view).get(e, 0) for e in views.emotions] for view in VIEWS}
    rows = {view: counts for view, counts in rows.items() if sum(counts)}
    if list(trained_on) != rows["train"]:
        rows["trained on"] = list(trained_on)
    cells = [["", "images", *views.emotions]]
    cells += [[name, *map(str, [sum(counts), *counts])] for name, counts in rows.items()]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  " + "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        for row in cells
    ]


def _batch(ready: Prepared) -> list[str]:
    training = ready.training
    inputs = make_inputs(training, ready.augment, ready.strategy, ready.views, ready.rows)
    batch = next(iter(inputs.train.epoch(0)))
    training.model.train()
    loss, _ = train_step(training, inputs, batch, 0).tolist()
    learn = sum(p.numel() for p in training.model.parameters() if p.requires_grad)
    every = sum(p.numel() for p in training.model.parameters())
    name = type(training.model.backbone).__name__
    steps, epochs = inputs.train.steps, training.settings.epochs
    shape = " x ".join(map(str, batch.images.shape[1:]))
    loss /= len(batch.targets)
    return [
        f"network: {name}, {every:,} parameters" + ("" if learn == every else f", {learn:,} learn"),
        f"batch: {len(batch.images)} of {shape} on {training.device}, loss {loss:.3f}",
        f"steps: {steps:,} an epoch, {steps * epochs:,} in {epochs} epochs",
        "nothing was trained and no run folder was made (--dry-run)",
    ]
