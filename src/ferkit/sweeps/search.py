"""The loop of a search: trials side by side, watched epoch by epoch, taken up after a kill.

One thread does everything, so that what a trial is given depends on results alone.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import Trial, TrialState

from ferkit.errors import FerkitError
from ferkit.log import log
from ferkit.progress import time_left
from ferkit.sweeps.away import patient
from ferkit.sweeps.shared import (
    Shared,
    frozen,
    give_back,
    give_sign,
    record_length,
    take,
)
from ferkit.sweeps.space import Space
from ferkit.sweeps.study import best_trial, draw, first_number, interrupted, results

LAUNCHES = 3  # of one trial within one search, when signals end it
IDLE = 5  # times longer between two looks where only other workers have trials
HOPELESS = 3  # trials that fail by the user's own mistake before any other result


class Attempt(Protocol):
    """One process that trains."""

    def poll(self) -> int | None:
        """Its exit code, negative for the signal that ended it; None while it runs."""

    def rows(self) -> list[dict[str, Any]]:
        """The epochs done so far, as in metrics.jsonl."""

    def stop(self) -> None:
        """End it."""

    def last_line(self) -> str:
        """The last thing it said."""


Launch = Callable[[int, Sequence[str], int], Attempt]
"""(trial number, words, slot) to an attempt that goes on from a checkpoint if there is one."""


@dataclass(frozen=True)
class Plan:
    """What a search is to do.

    Attributes:
        trials: How many results in all.
        monitor: The val metric that is searched for and that trials are ended by.
        epochs: Words to the number of epochs they ask for; raises for words that are wrong.
        n_jobs: Trials side by side.
        wait: Seconds between two looks at the trials.
        shared: The database, where other workers run trials of the same study.
    """

    trials: int
    monitor: str
    epochs: Callable[[Sequence[str]], int]
    n_jobs: int = 1
    wait: float = 0.3
    shared: Shared | None = None


@dataclass
class Running:
    """A trial and its process.

    Attributes:
        epochs: How many it asks for.
        told: Those that the study knows of.
        seen: Lines of its metrics at the last look.
    """

    trial: Trial
    words: list[str]
    attempt: Attempt
    epochs: int
    told: set[int]
    seen: int = -1
    launches: int = 1


def search(study: Study, space: Space, plan: Plan, launch: Launch) -> None:
    """Run trials until there are as many results as planned; failed and ended ones count.

    Raises:
        FerkitError: the first trials all failed by a mistake in config or data.
        KeyboardInterrupt: stopped by hand; the trials that ran are taken up by the next search.
    """
    left = [] if plan.shared else interrupted(study)
    before, started = _finished(study), time.monotonic()
    slots: dict[int, Running] = {}
    try:
        while True:
            with patient(plan.shared):
                if plan.shared:
                    give_sign(study, plan.shared, [job.trial for job in slots.values()])
                _fill(slots, left, study, space, plan, launch)
                if not slots and not left and _is_over(study, plan):
                    return
                for slot, job in list(slots.items()):
                    if _look(job, plan, launch, slot):
                        del slots[slot]
                        _log_progress(study, plan, before, time.monotonic() - started)
            if slots or plan.shared:
                time.sleep(plan.wait if slots else IDLE * plan.wait)
    finally:
        for job in slots.values():
            job.attempt.stop()
        if plan.shared:
            give_back(study, plan.shared, [job.trial for job in slots.values()])


def _fill(
    slots: dict[int, Running],
    left: list[Trial],
    study: Study,
    space: Space,
    plan: Plan,
    launch: Launch,
) -> None:
    for slot in range(plan.n_jobs):
        if slot not in slots:
            trial = left.pop(0) if left else _next(study, plan)
            if trial and (job := _start(trial, space, plan, launch, slot)):
                slots[slot] = job


def _is_over(study: Study, plan: Plan) -> bool:
    """Whether nothing is left to do; with other workers, only when their trials have ended too."""
    trials = results(study)
    ended = [t for t in trials if t.state.is_finished() or not plan.shared]
    return len(ended) >= max(plan.trials, len(trials))


def _finished(study: Study) -> int:
    return sum(t.state.is_finished() for t in results(study))


def _log_progress(study: Study, plan: Plan, before: int, seconds: float) -> None:
    """Count the trials, and say how long the rest takes at the pace of this search's."""
    done = _finished(study)
    left = time_left(done - before, plan.trials - before, seconds)
    log.info(f"{done} of {plan.trials} trials{left}")


def _next(study: Study, plan: Plan) -> Trial | None:
    trials = results(study)
    wanted = len(trials) < plan.trials
    if plan.shared:  # looked at without the lock first: workers with nothing to do ask often
        waits = any(t.state is TrialState.WAITING for t in trials)
        return take(study, plan.shared, plan.trials) if wanted or waits else None
    return study.ask() if wanted else None


def _start(trial: Trial, space: Space, plan: Plan, launch: Launch, slot: int) -> Running | None:
    words = space.words(draw(trial, space.distributions))
    searched = " ".join(words[len(space.constants) :])
    told = set(trial.study.trials[trial.number].intermediate_values)
    log.info(f"trial {trial.number}: {searched}" + (" (taken up again)" if told else ""))
    try:
        epochs = plan.epochs(words)
    except FerkitError as error:
        _fail(trial, str(error), error.exit_code)
        return None
    return Running(trial, words, launch(first_number(frozen(trial)), words, slot), epochs, told)


def _look(job: Running, plan: Plan, launch: Launch, slot: int) -> bool:
    """Whether a trial is finished, and its result told."""
    try:
        return _is_done(job, plan, launch, slot)
    except UpdateFinishedTrialError:  # as after this machine slept
        job.attempt.stop()
        log.warning(f"trial {job.trial.number}: another worker has taken it over; ended here")
        return True


def _is_done(job: Running, plan: Plan, launch: Launch, slot: int) -> bool:
    code = job.attempt.poll()
    rows = job.attempt.rows()  # after the code, so that none is missed
    hopeless = len(rows) != job.seen and _is_hopeless(job, rows, plan.monitor)
    if plan.shared and (hopeless or code is not None):
        record_length(job.trial, rows)
    if hopeless:
        job.attempt.stop()
        job.trial.study.tell(job.trial, state=TrialState.PRUNED)
        log.info(f"trial {job.trial.number}: ended at epoch {max(job.told)}, below the median")
        return True
    job.seen = len(rows)
    if code is None:
        return False
    if code < 0 and job.launches < LAUNCHES:
        log.info(f"trial {job.trial.number}: ended by signal {-code}; taken up again")
        job.attempt = launch(first_number(frozen(job.trial)), job.words, slot)
        job.launches += 1
        return False
    _tell(job, plan.monitor, code, rows)
    return True


def _is_hopeless(job: Running, rows: Sequence[Mapping[str, Any]], monitor: str) -> bool:
    """Report epochs one by one; stop at the first that the pruner would not go beyond.

    A function of the rows alone, however many the process wrote before it was looked at.
    """
    last = max(job.told, default=0)
    for row in rows:
        epoch = int(row["epoch"])
        if epoch < last or epoch >= job.epochs:  # judged before; or there is nothing left to save
            continue
        if epoch not in job.told:
            job.trial.report(float(row[monitor]), epoch)
            job.told.add(epoch)
        if job.trial.should_prune():
            return True
    return False


def _tell(
    job: Running,
    monitor: str,
    code: int,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    study, number = job.trial.study, job.trial.number
    pick = max if study.direction.name == "MAXIMIZE" else min
    found = [(float(row[monitor]), -int(row["epoch"])) for row in rows]
    found = [pair for pair in found if math.isfinite(pair[0])]
    if code != 0 or not found:
        said = job.attempt.last_line() if code else f"{monitor} was never a number"
        _fail(job.trial, said or f"ended with exit code {code}", code)
        return
    value = pick(pair[0] for pair in found)
    epoch = min(-e for v, e in found if v == value)  # the trainer keeps the earlier of two
    job.trial.set_user_attr("epoch", epoch)
    study.tell(job.trial, value)
    best = best_trial(study)
    assert best is not None
    log.info(
        f"trial {number}: {monitor} {value:.4f} at epoch {epoch}; "
        f"best {best.value:.4f}, trial {best.number}"
    )


def _fail(trial: Trial, line: str, code: int) -> None:
    trial.set_user_attr("last_line", line)
    trial.set_user_attr("exit_code", code)
    trial.study.tell(trial, state=TrialState.FAIL)
    log.warning(f"trial {trial.number}: failed: {line}")
    finished = [t for t in results(trial.study) if t.state.is_finished()]
    mistakes = [t for t in finished if t.user_attrs.get("exit_code") in (2, 3)]
    if len(finished) == len(mistakes) >= HOPELESS:
        error = FerkitError(
            f"the first {len(finished)} trials failed, the last with: {line} "
            "Put it right, then give the same words with retry_failed=true."
        )
        error.exit_code = code
        raise error
