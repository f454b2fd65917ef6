"""A study in a PostgreSQL database that workers on any machine share.

Optuna's own heartbeat belongs to `Study.optimize`; a sweep asks and tells, so a worker records
here that it is alive, and every worker fails the trials of those that are not and queues them
again. The clock is the database's alone. What reads and then writes holds one lock, so that no
two workers take a trial, or one trial too many.
"""

import platform
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage, fail_stale_trials
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine

from ferkit.errors import ConfigError, DataError
from ferkit.log import log
from ferkit.sweeps.address import check_address
from ferkit.sweeps.away import AWAY, explained
from ferkit.sweeps.study import ATTEMPTS, Direction, first_number, results

LOST = 5  # workers that one trial may lose before it counts as failed
SIGNS = 6  # of life within the time after which there should have been one
_GIVEN_BACK = "given_back"
_LOCK = 4_603_117_522_118  # any number that no other program locks in this database
# The lock of a machine that vanished is free after a minute, that of one that sleeps after three.
_SESSION = (
    "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3 "
    "-c idle_in_transaction_session_timeout=180s"
)


@dataclass
class Shared:
    """The database of a study.

    Attributes:
        stale_after: Seconds without a sign of its worker after which a trial is queued again.
        home: Where this worker's trials lie.
        taken: Every trial that this worker took; Ctrl-C may come before its process is known.
        due: When the next sign is to be given, by this machine's monotonic clock.
        lost_since: When the database was first missed; None while it is there.
    """

    storage: RDBStorage
    stale_after: float
    home: Path
    taken: list[Trial] = field(default_factory=list, repr=False)
    due: float = 0.0
    lost_since: float | None = field(default=None, repr=False)


def connect(address: str, stale_after: float, home: Path) -> Shared:
    """Open the database of an address such as postgresql://user@host/database.

    Raises:
        ConfigError: the address is of another kind, or holds a password.
        DataError: the server does not answer, or refuses.
    """
    url = check_address(address)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options: dict[str, Any] = {
        "pool_pre_ping": True,  # a server that was started again is met by reconnecting
        "connect_args": {"connect_timeout": 10, "options": _SESSION},
    }
    engine = create_engine(url, **options)
    try:
        # Two that create tables at once make one of them fail.
        with explained(f"storage={address}"), _alone(engine), _quiet():
            storage = RDBStorage(
                url,
                engine_kwargs=options,
                heartbeat_interval=max(1, int(stale_after / SIGNS)),
                grace_period=int(stale_after),
                heartbeat_stale_trial_callback=_after_stale,
            )
    except RuntimeError as error:  # tables of another Optuna
        raise DataError(f"storage={address}: {error}") from None
    finally:
        engine.dispose()
    return Shared(storage, stale_after, home.absolute())


@contextmanager
def locked(shared: Shared) -> Iterator[None]:
    """Be the only worker of this database in here."""
    with _alone(shared.storage.engine):
        yield


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _LOCK})
        yield


def join_study(
    shared: Shared,
    name: str,
    asked: Mapping[str, Any],
    direction: Direction,
    sampler: BaseSampler,
    pruner: BasePruner,
) -> Study:
    """The study of a name, made by whoever comes first.

    Args:
        asked: What is searched; those who join must ask for the same.

    Raises:
        ConfigError: the study of that name searches something else.
    """
    with locked(shared):
        study = optuna.create_study(
            study_name=name,
            storage=shared.storage,
            direction=direction,
            sampler=sampler,
            pruner=pruner,
            load_if_exists=True,
        )
        there, trials = study.user_attrs, len(results(study))
        if not there and not trials:
            for key, value in asked.items():
                study.set_user_attr(key, value)
            there = dict(asked)
    for key, value in asked.items():
        if (begun := there.get(key)) != value:
            if key == "words":  # those that differ alone
                begun, value = (
                    sorted({*(begun or ())} - {*value}),
                    sorted({*value} - {*(begun or ())}),
                )
            raise ConfigError(
                f"The study {name} of this storage was begun with {key}={begun}, now it is "
                f"{value}; give the same words to join it, or another study_name."
            )
    log.info(f"study {name}: " + (f"joined, {trials} trials are there" if trials else "begun"))
    return study


def take(study: Study, shared: Shared, trials: int) -> Trial | None:
    """A trial for this worker: one that waits, or a new one if fewer than `trials` are there."""
    with locked(shared):
        _fail_stale(study)
        found = results(study)
        if not any(t.state is TrialState.WAITING for t in found):
            if len(found) >= trials:
                return None
            _queue(study, create_trial(state=TrialState.WAITING))
        with _quiet():
            shared.taken.append(trial := study.ask())  # takes the waiting one
        shared.storage.record_heartbeat(trial._trial_id)
    run = shared.home / str(first_number(frozen(trial)))
    trial.set_user_attr("machine", platform.node())
    trial.set_user_attr("run", str(run))
    return trial


def frozen(trial: Trial) -> FrozenTrial:
    """What the storage holds of a trial now."""
    return trial.study._storage.get_trial(trial._trial_id)


def record_length(trial: Trial, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep how long a trial was, for the reports of workers that do not see its run."""
    trial.set_user_attr("epochs", len(rows))
    trial.set_user_attr("seconds", sum(float(row.get("seconds", 0)) for row in rows))


def _queue(study: Study, trial: FrozenTrial) -> None:
    """Add a waiting trial, with a sign of life: one that has none is never taken for stale."""
    storage: Any = study._storage
    storage.record_heartbeat(storage.create_new_trial(study._study_id, template_trial=trial))


def give_sign(study: Study, shared: Shared, running: Sequence[Trial]) -> None:
    """Record that the trials of this worker go on, and queue again those of workers that died."""
    if (now := time.monotonic()) < shared.due:
        return
    with locked(shared):  # both: a slow worker shall not take itself for dead in between
        for trial in running:
            shared.storage.record_heartbeat(trial._trial_id)
        _fail_stale(study)
    shared.due = now + shared.stale_after / SIGNS


def _fail_stale(study: Study) -> None:
    with _quiet():
        fail_stale_trials(study)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's remarks that a heartbeat is experimental, and meant for `optimize`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", "Heartbeat of storage")
        yield


def _after_stale(study: Study, trial: FrozenTrial) -> None:
    trials = study.get_trials(deepcopy=False)
    earlier = [trials[number] for number in trial.system_attrs.get(ATTEMPTS, ())]
    lost = 1 + sum(_GIVEN_BACK not in t.user_attrs for t in earlier)
    again = lost < LOST
    log.warning(
        f"trial {trial.number}: its worker gave no sign of life; "
        + ("queued again" if again else f"failed, {lost} workers were lost with it")
    )
    if again:
        _queue_again(study, trial)


def _queue_again(study: Study, trial: FrozenTrial) -> None:
    """Let any worker run a failed trial once more, with its parameters, from its checkpoint."""
    history = [*trial.system_attrs.get(ATTEMPTS, ()), trial.number]
    copy = create_trial(
        state=TrialState.WAITING,
        params=trial.params,
        distributions=trial.distributions,
        system_attrs={"failed_trial": history[0], ATTEMPTS: history},
    )
    _queue(study, copy)


def queue_failed(study: Study, shared: Shared) -> int:
    """Queue every failed trial again; returns how many there are."""
    with locked(shared):
        failed = [t for t in results(study) if t.state is TrialState.FAIL]
        for trial in failed:
            _queue_again(study, trial)
    return len(failed)


def give_back(study: Study, shared: Shared) -> None:
    """Let others go on at once with the trials of a worker that ends; a lost database is borne."""
    for trial in shared.taken:
        with suppress(*AWAY), locked(shared):
            if frozen(trial).state is not TrialState.RUNNING:  # another took it over
                continue
            trial.set_user_attr(_GIVEN_BACK, True)
            study.tell(trial, state=TrialState.FAIL)
            _queue_again(study, frozen(trial))
            log.info(f"trial {trial.number}: given back; another worker goes on with it")
