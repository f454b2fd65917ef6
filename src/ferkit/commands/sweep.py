"""`ferkit sweep`: Optuna over any keys of `ferkit train`, each trial a process of its own."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ferkit.composition import compose, root_keys
from ferkit.errors import ConfigError, DataError, check_format, require, unknown
from ferkit.files import FORMAT, alone, usable_folder, write_text
from ferkit.log import log
from ferkit.monitors import MONITORS
from ferkit.runs.folder import default_folder
from ferkit.sweeps.space import Space, own_words, read_space
from ferkit.tree import list_groups
from ferkit.untrusted import read_yaml, require_shape

FILE = "sweep.yaml"
EPOCHS = 10  # of a trial, where no word gives them
FREE = ("trials", "n_jobs", "out", "resume", "retry_failed")  # may change when a search goes on


def main(words: Sequence[str]) -> int:
    """Search, or go on searching, then write the report; 0 if any trial was completed."""
    require("ferkit sweep", "optuna")
    own, rest = own_words(words)
    settings = compose(*own, command="sweep")
    if settings.resume is not None:
        settings, rest = _resume(Path(settings.resume), own, rest)
    _check_names(rest)
    space = read_space(rest)
    config = _try_all(space)
    settings.monitor = settings.monitor or config.trainer.monitor
    if settings.sampler_seed is None:
        settings.sampler_seed = int(config.seed)
    _check(settings, space, config)
    folder = Path(settings.out) if settings.out else default_folder("sweep")
    settings.out = str(folder)
    usable_folder(folder, "out")
    with alone(folder, "ferkit sweep"):
        _claim(folder, settings, rest)
        return _run(folder, settings, space, config)


def _run(folder: Path, settings: DictConfig, space: Space, config: DictConfig) -> int:
    from ferkit.sweeps.attempts import launcher
    from ferkit.sweeps.report import write_sweep
    from ferkit.sweeps.search import Plan, search
    from ferkit.sweeps.study import best_trial, make_pruner, make_sampler, open_study, reopen_failed

    if settings.retry_failed and (again := reopen_failed(folder)):
        log.info(f"{again} failed trials run again")
    study = open_study(
        folder,
        "maximize" if MONITORS[settings.monitor] == "max" else "minimize",
        make_sampler(settings.sampler, settings.sampler_seed, settings.startup),
        make_pruner(settings.pruner, settings.startup, settings.prune_after),
    )
    plan = Plan(settings.trials, settings.monitor, _epochs, settings.n_jobs)
    always = [f"trainer.monitor={settings.monitor}", "evaluate=[val]", *_length(config, space)]
    launch = launcher(folder / "trials", always, _placer(config, settings.n_jobs))
    log.info(f"sweep: {folder}")
    try:
        search(study, space, plan, launch)
    except KeyboardInterrupt:
        write_sweep(study, space, settings.monitor, folder)
        log.info(f"go on with `ferkit sweep resume={folder}`")
        raise
    command = write_sweep(study, space, settings.monitor, folder)
    log.info(f"report: {folder / 'report.html'}")
    print(folder)
    if best_trial(study) is None:
        raise DataError(f"No trial was completed; {folder / 'trials.csv'} says why.")
    log.info(f"best: {command}")
    return 0


def _epochs(words: Sequence[str]) -> int:
    return int(compose(*words).trainer.max_epochs or EPOCHS)


def _length(config: DictConfig, space: Space) -> list[str]:
    """As many epochs for every trial, since pruning compares them epoch by epoch."""
    if config.trainer.max_epochs is not None or "trainer.max_epochs" in space.distributions:
        return []
    log.info(f"trainer.max_epochs={EPOCHS} in every trial; give or search another number")
    return [f"trainer.max_epochs={EPOCHS}"]


def _try_all(space: Space) -> DictConfig:
    """Compose every choice once, so that a mistake is reported before the first trial."""
    configs = []
    for words in space.examples():
        try:
            configs.append(compose(*words))
        except ConfigError as error:
            searched = " ".join(words[len(space.constants) :])
            raise ConfigError(f"{error} (in a trial with {searched})") from error
    return configs[0]


def _check_names(words: Sequence[str]) -> None:
    groups = list_groups()
    known = sorted({*root_keys("sweep"), *root_keys("train"), *groups})
    for word in words:
        key, _, value = word.partition("=")
        if value and key.isidentifier() and key not in known:
            raise ConfigError(unknown("key", key, known))


def _check(settings: DictConfig, space: Space, config: DictConfig) -> None:
    if settings.monitor not in MONITORS or not settings.monitor.startswith("val_"):
        monitors = [m for m in MONITORS if m.startswith("val_")]
        raise ConfigError(unknown("monitor", settings.monitor, monitors))
    if "trainer.monitor" in space.distributions:
        raise ConfigError("trainer.monitor cannot be searched: trials are compared by one metric.")
    for key, least in (("trials", 1), ("n_jobs", 1), ("startup", 0), ("prune_after", 0)):
        if settings[key] < least:
            raise ConfigError(f"{key} is {settings[key]}; it must be at least {least}.")
    if str(config.split.get("fold")) == "all":
        raise ConfigError(
            "split.fold=all has no metric an epoch to search by; sweep over one fold, then train "
            "all of them with the words that were found."
        )


def _placer(config: DictConfig, n_jobs: int) -> Callable[[int], Sequence[str]]:
    """Slot to the words that put a trial on a GPU of its own, or on its share of the cores."""
    import torch

    gpus = torch.cuda.device_count()
    if config.trainer.device == "auto" and gpus > 1:
        return lambda slot: [f"trainer.device=cuda:{slot % gpus}"]
    on_cpu = config.trainer.device == "cpu" or (config.trainer.device == "auto" and not gpus)
    if on_cpu and n_jobs > 1 and config.trainer.threads is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        share = max(1, (cores or 1) // n_jobs)
        return lambda _: [f"trainer.threads={share}"]
    return lambda _: []


def _claim(folder: Path, settings: DictConfig, words: Sequence[str]) -> None:
    """Write what is searched; a folder that holds another search is refused."""
    asked: dict[str, Any] = {
        "format": FORMAT,
        **{str(k): v for k, v in settings.items() if k not in FREE},
        "words": list(words),
        "trials": settings.trials,
    }
    path = folder / FILE
    if path.is_file():
        stored = _read(folder)
        for key in (k for k in asked if k not in ("format", "trials")):
            one, other = stored.get(key), asked[key]
            if (sorted(one or ()) != sorted(other)) if key == "words" else (one != other):
                raise ConfigError(
                    f"out={folder} holds a search with {key}={one}, now it is {other}; give "
                    f"another out, or go on with `ferkit sweep resume={folder}`."
                )
    elif (folder / "trials").exists():
        raise ConfigError(f"out={folder} holds trials but no {FILE}; give another out.")
    write_text(path, OmegaConf.to_yaml(OmegaConf.create(asked)))


def _read(folder: Path) -> dict[str, Any]:
    path = folder / FILE
    if not path.is_file():
        raise DataError(f"{folder} is no sweep: it has no {FILE}; give the folder it printed.")
    stored = read_yaml(path)
    require_shape(stored, {"words": [str]}, path)
    check_format(stored.get("format"), FORMAT, path)
    return {"words": [], **stored}


def _resume(folder: Path, own: Sequence[str], rest: Sequence[str]) -> tuple[DictConfig, list[str]]:
    for word in (*own, *rest):
        key = word.partition("=")[0]
        if key not in FREE or key == "out":
            raise ConfigError(
                f"{key} cannot change on resume: {folder} goes on as it began; beside resume= only "
                "trials, n_jobs and retry_failed may be given."
            )
    stored = _read(folder)
    kept = [f"{k}={v}" for k, v in stored.items() if k not in ("format", "words") and v is not None]
    given = [w for w in own if not w.startswith("resume=")]
    settings = compose(*kept, *given, command="sweep")
    settings.out = str(folder)
    return settings, list(stored["words"])
