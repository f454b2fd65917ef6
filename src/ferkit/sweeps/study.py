"""Optuna's side of a search: a file that outlives a kill, a sampler that remembers nothing.

The random state of a parameter is a function of (seed, trial number, key), so a search that was
killed and went on draws what an unbroken one would have drawn from the same results.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from ferkit.errors import ConfigError, unknown
from ferkit.files import atomic_write

NAME = "sweep"
FILE = "study.db"
Direction = Literal["maximize", "minimize"]
SAMPLERS = ("tpe", "random")
PRUNERS = ("median", "none")
ATTEMPTS = "retry_history"  # Optuna's own name for the numbers a trial had before


class NumberedSampler(BaseSampler):
    """Draws anew from a seed for every trial and key.

    Args:
        kind: "tpe" (Bergstra et al. 2011, over all keys at once) or "random".
        seed: Two searches of one seed draw the same from the same results.
        startup: Finished trials before which TPE draws at random.
    """

    def __init__(self, kind: str, seed: int, startup: int) -> None:
        self._kind, self._seed, self._startup = kind, seed, startup

    def _drawer(self, number: int, key: str = "") -> BaseSampler:
        text = f"{self._seed}/{number}/{key}".encode()
        seed = int.from_bytes(hashlib.blake2b(text, digest_size=4).digest())
        if self._kind == "random":
            return RandomSampler(seed=seed)
        return TPESampler(seed=seed, n_startup_trials=self._startup, multivariate=True)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The keys that are drawn together."""
        return self._drawer(trial.number).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw those; nothing before `startup` trials are done."""
        return self._drawer(trial.number).sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw one key alone."""
        drawer = self._drawer(trial.number, param_name)
        return drawer.sample_independent(study, trial, param_name, param_distribution)


def make_sampler(kind: str, seed: int, startup: int) -> BaseSampler:
    """The sampler that a word names.

    Raises:
        ConfigError: the word names none.
    """
    if kind not in SAMPLERS:
        raise ConfigError(unknown("sampler", kind, SAMPLERS))
    return NumberedSampler(kind, seed, startup)


def make_pruner(kind: str, startup: int, after: int) -> BasePruner:
    """The pruner that a word names.

    Args:
        startup: Completed trials before which none is ended.
        after: The first epoch at which a trial may be ended.

    Raises:
        ConfigError: the word names none.
    """
    if kind not in PRUNERS:
        raise ConfigError(unknown("pruner", kind, PRUNERS))
    if kind == "none":
        return NopPruner()
    return MedianPruner(n_startup_trials=startup, n_warmup_steps=after)


def open_study(
    folder: Path, direction: Direction, sampler: BaseSampler, pruner: BasePruner
) -> Study:
    """The study of a folder, made where there is none; made beside, so it is whole or absent."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / FILE
    if not path.is_file():
        _make(path, direction, [])
    return optuna.load_study(
        study_name=NAME, storage=f"sqlite:///{path}", sampler=sampler, pruner=pruner
    )


def _make(path: Path, direction: Direction, trials: list[FrozenTrial]) -> None:
    def write(beside: Path) -> None:
        storage = optuna.storages.RDBStorage(f"sqlite:///{beside}")
        study = optuna.create_study(study_name=NAME, storage=storage, direction=direction)
        for trial in trials:
            study.add_trial(trial)
        storage.remove_session()
        storage.engine.dispose()

    atomic_write(path, write)


def reopen_failed(folder: Path) -> int:
    """Let failed trials run again, under their own numbers and with their own parameters.

    Returns:
        How many there are.
    """
    path = folder / FILE
    if not path.is_file():
        return 0
    study = optuna.load_study(study_name=NAME, storage=f"sqlite:///{path}")
    trials = study.get_trials(deepcopy=True)
    failed = [t for t in trials if t.state is TrialState.FAIL]
    for trial in failed:
        trial.state, trial.datetime_complete = TrialState.RUNNING, None
        trial.intermediate_values, trial.user_attrs = {}, {}
    if failed:
        maximize = study.direction is StudyDirection.MAXIMIZE
        _make(path, "maximize" if maximize else "minimize", trials)
    return len(failed)


def interrupted(study: Study) -> list[Trial]:
    """Trials that were running when the search was killed, as live ones, by number."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [Trial(study, t._trial_id) for t in running]


def results(study: Study) -> list[FrozenTrial]:
    """Trials that count: not those that were queued again under another number."""
    trials = study.get_trials(deepcopy=False)
    again = {number for t in trials for number in t.system_attrs.get(ATTEMPTS, ())}
    return [t for t in trials if t.number not in again]


def first_number(trial: FrozenTrial) -> int:
    """The number a trial had at its first attempt: its folder's, where its checkpoint lies."""
    return int(next(iter(trial.system_attrs.get(ATTEMPTS, ())), trial.number))


def best_trial(study: Study) -> FrozenTrial | None:
    """The completed trial of the best metric, the earlier of two; None before the first."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    sign = 1 if study.direction.name == "MAXIMIZE" else -1
    return max(trials, key=lambda t: (sign * (t.value or 0.0), -t.number), default=None)


def draw(trial: Trial, space: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    """The parameters of a trial; what was drawn before the kill is what comes again."""
    return {key: _suggest(trial, key, distribution) for key, distribution in space.items()}


def _suggest(trial: Trial, key: str, values: BaseDistribution) -> Any:
    if isinstance(values, CategoricalDistribution):
        return trial.suggest_categorical(key, values.choices)
    if isinstance(values, IntDistribution):
        return trial.suggest_int(key, values.low, values.high, step=values.step, log=values.log)
    assert isinstance(values, FloatDistribution)
    return trial.suggest_float(key, values.low, values.high, step=values.step, log=values.log)
