"""`ferkit sweep`: Optuna over any keys of `ferkit train`, each trial a process of its own."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from ferkit.composition import compose, root_keys, split_words
from ferkit.errors import ConfigError, DataError, check_format, require, unknown
from ferkit.files import FORMAT, alone, usable_folder, write_text
from ferkit.log import log
from ferkit.monitors import MONITORS
from ferkit.runs.find import ALIKE
from ferkit.runs.folder import default_folder
from ferkit.sweeps.address import check_address
from ferkit.sweeps.space import Space, own_words, read_space
from ferkit.tree import list_groups
from ferkit.untrusted import read_yaml, require_shape

if TYPE_CHECKING:
    from optuna.study import Study

    from ferkit.sweeps.shared import Shared
    from ferkit.sweeps.study import Direction

FILE = "sweep.yaml"
LEAST = {"trials": 1, "n_jobs": 1, "startup": 0, "prune_after": 0, "stale_after": 6}
# What may change when a search goes on.
FREE = ("trials", "n_jobs", "out", "resume", "retry_failed")
SHARED = ("storage", "study_name", "stale_after")  # of a sweep over machines alone


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
    shared = None
    with ExitStack() as stack:
        if settings.storage:  # its workers may share a folder: their trials have other numbers
            from ferkit.sweeps.away import explained
            from ferkit.sweeps.shared import connect

            stack.enter_context(explained(f"storage={settings.storage}"))
            shared = connect(settings.storage, settings.stale_after, folder / "trials")
        else:
            stack.enter_context(alone(folder, "ferkit sweep"))
        study = _open(folder, settings, rest, shared)
        return _run(study, folder, settings, space, config, shared)


def _run(
    study: "Study",
    folder: Path,
    settings: DictConfig,
    space: Space,
    config: DictConfig,
    shared: "Shared | None",
) -> int:
    from ferkit.sweeps.attempts import launcher
    from ferkit.sweeps.away import AWAY
    from ferkit.sweeps.report import write_sweep
    from ferkit.sweeps.search import Plan, search
    from ferkit.sweeps.study import best_trial

    plan = Plan(settings.trials, settings.monitor, _epochs, settings.n_jobs, shared=shared)
    always = [f"trainer.monitor={settings.monitor}", "evaluate=[val]", *_length(config, space)]
    launch = launcher(folder / "trials", always, _placer(config, settings.n_jobs))
    log.info(f"sweep: {folder}")
    try:
        search(study, space, plan, launch)
    except KeyboardInterrupt:
        with suppress(*AWAY):
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


def _open(
    folder: Path, settings: DictConfig, words: Sequence[str], shared: "Shared | None"
) -> "Study":
    """The study of a folder, or that of a database, with failed trials opened again if asked."""
    from ferkit.sweeps.study import make_pruner, make_sampler, open_study, reopen_failed

    direction: Direction = "maximize" if MONITORS[settings.monitor] == "max" else "minimize"
    sampler = make_sampler(settings.sampler, settings.sampler_seed, settings.startup)
    pruner = make_pruner(settings.pruner, settings.startup, settings.prune_after)
    again = 0
    if shared:
        from ferkit.sweeps.shared import join_study, queue_failed

        asked = _asked(settings, words)
        settings.study_name = settings.study_name or _name(asked)
        study = join_study(shared, settings.study_name, asked, direction, sampler, pruner)
        _claim(folder, settings, words)
        again = queue_failed(study, shared) if settings.retry_failed else 0
    else:
        _claim(folder, settings, words)
        again = reopen_failed(folder) if settings.retry_failed else 0
        study = open_study(folder, direction, sampler, pruner)
    if again:
        log.info(f"{again} failed trials run again")
    return study


def _asked(settings: DictConfig, words: Sequence[str]) -> dict[str, Any]:
    """What a study searches, in the same form on every machine: without folders and devices."""
    own = (*FREE, "storage", "study_name")  # with stale_after: who waits less takes others for dead
    kept = {str(key): value for key, value in settings.items() if key not in own}
    overrides, _ = split_words(words)
    of_a_machine = ALIKE - {"seed"}
    same = [w for w in overrides if w.partition("=")[0].lstrip("+") not in of_a_machine]
    return {"format": FORMAT, **kept, "words": sorted(same)}


def _name(asked: Mapping[str, Any]) -> str:
    searched = {key: value for key, value in asked.items() if key != "stale_after"}
    text = json.dumps(searched, sort_keys=True).encode()
    return f"ferkit-{hashlib.blake2b(text, digest_size=4).hexdigest()}"


def _epochs(words: Sequence[str]) -> int:
    from ferkit.training.length import EPOCHS  # torch comes with it

    return int(compose(*words).trainer.max_epochs or EPOCHS)


def _length(config: DictConfig, space: Space) -> list[str]:
    """As many epochs for every trial, since pruning compares them epoch by epoch."""
    if config.trainer.max_epochs is not None or "trainer.max_epochs" in space.distributions:
        return []
    from ferkit.training.length import EPOCHS

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
    for key, least in LEAST.items():
        if settings[key] < least:
            raise ConfigError(f"{key} is {settings[key]}; it must be at least {least}.")
    if settings.study_name and not settings.storage:
        raise ConfigError("study_name= goes with storage=; a sweep in a folder has out= alone.")
    if settings.storage:
        require("ferkit sweep storage=", "psycopg")
        check_address(settings.storage)
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
    without = FREE if settings.storage else (*FREE, *SHARED)
    asked: dict[str, Any] = {
        "format": FORMAT,
        **{str(k): v for k, v in settings.items() if k not in without},
        "words": list(words),
        "trials": settings.trials,
    }
    path = folder / FILE
    if path.is_file():
        stored = _read(folder)
        for key in (k for k in stored | asked if k not in ("format", "trials")):
            one, other = stored.get(key), asked.get(key)
            if (sorted(one or ()) != sorted(other or ())) if key == "words" else (one != other):
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
