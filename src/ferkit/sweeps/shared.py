"""A study in a PostgreSQL database that workers on any machine share.

Optuna's own heartbeat belongs to `Study.optimize`; a sweep asks and tells, so a worker records
here that it is alive, and every worker fails the trials of those that are not and queues them
again. The clock is the database's alone. What reads and then writes holds one lock, so that no
two workers take a trial, or one trial too many.
"""

import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage, fail_stale_trials
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ferkit.errors import ConfigError, DataError
from ferkit.log import log
from ferkit.sweeps.study import Direction

SCHEME = "postgresql://"
LOST = 5  # workers that one trial may lose before it counts as failed
SIGNS = 6  # of life within the time after which there should have been one
_LOCK = 4_603_117_522_118  # any number that no other program locks in this database
# A worker whose machine vanished holds the lock for as long as the server believes in it.
_SESSION = "-c idle_in_transaction_session_timeout=60s -c tcp_keepalives_idle=30"
_PASSWORD = re.compile(r"postgres[^/]*:/*[^/?]*?:[^@]*\S@|postgres.*[?&]password=", re.IGNORECASE)
_ATTEMPTS = "retry_history"  # Optuna's own name for the numbers a trial had before


@dataclass
class Shared:
    """The database of a study.

    Attributes:
        stale_after: Seconds without a sign of its worker after which a trial is queued again.
        due: When the next sign is to be given, by this machine's monotonic clock.
    """

    storage: RDBStorage
    stale_after: float
    due: float = 0.0
    lost_since: float | None = field(default=None, repr=False)


def refuse_password(words: Sequence[str]) -> None:
    """Refuse an address that holds a password, without repeating it.

    Raises:
        ConfigError: one of the words does.
    """
    if any(_PASSWORD.search(word) for word in words):
        raise ConfigError(
            "storage= holds a password, which every user of this machine can read in the list of "
            "processes; leave it out of the address and put it into the environment variable "
            "PGPASSWORD or into ~/.pgpass (mode 600), then change it, for it has been seen."
        )


def connect(address: str, stale_after: float) -> Shared:
    """Open the database of an address such as postgresql://user@host/database.

    Raises:
        ConfigError: the address is of another kind.
        DataError: the server does not answer, or refuses.
    """
    refuse_password([address])
    wanted = "storage= takes postgresql://USER@HOST/DATABASE, the database that workers share"
    try:
        url = make_url(address)
    except ArgumentError:
        raise ConfigError(f"storage={address} is no address; {wanted}.") from None
    if not address.startswith(SCHEME) or not url.database:
        raise ConfigError(f"storage={address} is not served; {wanted}.")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    driver = url.set(drivername="postgresql+psycopg").render_as_string()
    options: dict[str, Any] = {
        "pool_pre_ping": True,  # a server that was started again is met by reconnecting
        "connect_args": {"connect_timeout": 10, "options": _SESSION},
    }
    engine = create_engine(driver, **options)
    try:
        # Two that create tables at once make one of them fail.
        with _alone(engine), warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            storage = RDBStorage(
                driver,
                engine_kwargs=options,
                heartbeat_interval=max(1, int(stale_after / SIGNS)),
                grace_period=int(stale_after),
                heartbeat_stale_trial_callback=_after_stale,
            )
    except (SQLAlchemyError, StorageInternalError) as error:
        raise DataError(f"storage={address}: {_reason(error)}") from None
    finally:
        engine.dispose()
    return Shared(storage, stale_after)


def _reason(error: BaseException) -> str:
    """The database's own sentence; it names user and host, never a password."""
    while isinstance(error, StorageInternalError) and error.__cause__:
        error = error.__cause__
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    said = lines[0].strip().rstrip(".") if lines else type(error).__name__
    return f"{said}. Start the server or put the address right, then give the same command again."


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
        there = study.user_attrs
        if not there and not study.get_trials(deepcopy=False):
            for key, value in asked.items():
                study.set_user_attr(key, value)
            there = dict(asked)
    for key, value in asked.items():
        if there.get(key) != value:
            raise ConfigError(
                f"The study {name} of this storage was begun with {key}={there.get(key)}, now it "
                f"is {value}; give the same words to join it, or another study_name."
            )
    return study


def take(study: Study, shared: Shared, trials: int) -> Trial | None:
    """A trial for this worker: one that waits, or a new one if fewer than `trials` are there."""
    with locked(shared):
        _fail_stale(study)
        found = study.get_trials(deepcopy=False)
        if not any(t.state is TrialState.WAITING for t in found):
            if len(results(found)) >= trials:
                return None
            _queue(study, shared.storage, create_trial(state=TrialState.WAITING))
        trial = study.ask()  # takes the waiting one
        shared.storage.record_heartbeat(trial._trial_id)
    return trial


def _queue(study: Study, storage: Any, trial: FrozenTrial) -> None:
    """Add a waiting trial, with a sign of life: one that has none is never taken for stale."""
    number = storage.create_new_trial(study._study_id, template_trial=trial)
    storage.record_heartbeat(number)


def results(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Trials that count: not those that were queued again under another number."""
    again = {number for t in trials for number in t.system_attrs.get(_ATTEMPTS, ())}
    return [t for t in trials if t.number not in again]


def first_number(trial: FrozenTrial | Trial) -> int:
    """The number a trial had at its first attempt: its folder's, where its checkpoint lies."""
    if isinstance(trial, Trial):
        trial = trial.study.get_trials(deepcopy=False)[trial.number]
    return int(next(iter(trial.system_attrs.get(_ATTEMPTS, ())), trial.number))


def give_sign(study: Study, shared: Shared, running: Sequence[Trial]) -> None:
    """Record that the trials of this worker go on, and queue again those of workers that died."""
    if (now := time.monotonic()) < shared.due:
        return
    for trial in running:
        shared.storage.record_heartbeat(trial._trial_id)
    with locked(shared):
        _fail_stale(study)
    shared.due = now + shared.stale_after / SIGNS


def _fail_stale(study: Study) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        fail_stale_trials(study)


def _after_stale(study: Study, trial: FrozenTrial) -> None:
    lost = len(trial.system_attrs.get(_ATTEMPTS, ())) + 1
    again = lost < LOST
    log.warning(
        f"trial {trial.number}: its worker gave no sign of life; "
        + ("queued again" if again else f"failed, {lost} workers were lost with it")
    )
    if again:
        queue_again(study, trial)


def queue_again(study: Study, trial: FrozenTrial) -> None:
    """Let any worker run a failed trial once more, with its parameters, from its checkpoint."""
    history = [*trial.system_attrs.get(_ATTEMPTS, ()), trial.number]
    copy = create_trial(
        state=TrialState.WAITING,
        params=trial.params,
        distributions=trial.distributions,
        system_attrs={"failed_trial": history[0], _ATTEMPTS: history},
    )
    _queue(study, study._storage, copy)


def queue_failed(study: Study, shared: Shared) -> int:
    """Queue every failed trial again; returns how many there are."""
    with locked(shared):
        trials = results(study.get_trials(deepcopy=False))
        failed = [t for t in trials if t.state is TrialState.FAIL]
        for trial in failed:
            queue_again(study, trial)
    return len(failed)


def give_back(study: Study, shared: Shared, running: Sequence[Trial]) -> None:
    """Let others go on at once with the trials of a worker that ends; a lost database is borne."""
    for trial in running:
        with suppress(SQLAlchemyError, StorageInternalError, UpdateFinishedTrialError):
            with locked(shared):
                study.tell(trial, state=TrialState.FAIL)
                queue_again(study, study.get_trials(deepcopy=False)[trial.number])
            log.info(f"trial {trial.number}: given back; another worker goes on with it")


@contextmanager
def patient(shared: Shared | None) -> Iterator[None]:
    """Bear that the database is away for as long as no other worker takes this one for dead.

    Raises:
        DataError: it stayed away.
    """
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        if shared is None:
            raise
        now = time.monotonic()
        if shared.lost_since is None:
            shared.lost_since = now
            log.warning(
                f"the database is away ({_reason(error).split('. Start')[0]}); trials go on"
            )
        if now - shared.lost_since > shared.stale_after:
            raise DataError(f"The database stayed away: {_reason(error)}") from None
        time.sleep(1)
    else:
        if shared is not None and shared.lost_since is not None:
            log.info("the database is back")
            shared.lost_since = None
