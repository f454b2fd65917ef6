"""Jobs of a grid on a Slurm cluster: submitted by submitit, waited for by ferkit.

Submitit alone waits for ever for a job that ended without a result where Slurm keeps no accounts
(`sacct`), drops all others at the first that was cancelled, and names no job to look for.
"""

import getpass
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

from ferkit.errors import ConfigError
from ferkit.log import log

EVERY = 15.0  # seconds between two questions to Slurm
GRACE = 5  # answers after which an ended job's result is not waited for: a network disk is late
LOST = 3  # exit code of a job that Slurm ended
_ENDING = "COMPLETING"
_GONE = ("ENDED", "")  # squeue forgets a job some minutes after its end
_OVER = re.compile(
    "BOOT_FAIL|CANCELLED|COMPLETED|DEADLINE|ENDED|FAILED|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|TIMEOUT"
)


@contextmanager
def slurm_jobs(folder: Path) -> Iterator[None]:
    """Let Hydra's Slurm launcher submit jobs, log them, and wait for each to end, however it does.

    Args:
        folder: The grid's `run_dir`.

    Raises:
        ConfigError: this machine has no Slurm, Slurm refuses the jobs, or earlier ones of the same
            folder are still at work.
    """
    for program in ("sbatch", "srun", "squeue"):
        if which(program) is None:
            raise ConfigError(
                f"hydra/launcher=cluster submits to Slurm, but there is no {program} on this "
                "machine; give the command on the cluster's login node, or try the grid here with "
                "hydra/launcher=submitit_local."
            )
    _refuse_twice(folder)
    from submitit import AutoExecutor
    from submitit.core.utils import FailedJobError

    submit = AutoExecutor.map_array

    def submitted(executor: AutoExecutor, call: Callable[..., Any], *words: Any) -> list[Any]:
        try:
            jobs = submit(executor, call, *words)
        except FailedJobError as error:
            said = "; ".join(line.removeprefix("sbatch: error: ") for line in _lines(str(error)))
            raise ConfigError(
                f"Slurm refuses the jobs ({said}); change hydra.launcher.partition=, timeout_min=, "
                "cpus_per_task=, mem_gb= or gpus_per_node= (`sinfo` lists what there is)."
            ) from None
        return wait_for(jobs, folder)

    AutoExecutor.map_array = submitted  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        AutoExecutor.map_array = submit  # type: ignore[method-assign]


@dataclass(frozen=True)
class Ended:
    """A job that has ended, as Hydra's launcher asks for its results."""

    returned: list[Any]

    def results(self) -> list[Any]:
        """What the job returned, or an exit code in its place."""
        return self.returned


def wait_for(jobs: Sequence[Any], folder: Path) -> list[Ended]:
    """Wait for all jobs; Slurm's word on them is logged whenever it changes."""
    array = jobs[0].job_id.partition("_")[0]
    log.info(
        f"{len(jobs)} jobs submitted as Slurm's {array}: `squeue -j {array}` shows and "
        f"`scancel {array}` ends them; what they log is in {folder / '.submitit'}"
    )
    try:
        ended = _wait(jobs, array)
    except KeyboardInterrupt:
        log.info(
            f"Slurm's {array} goes on without this command; `scancel {array}` ends it. When it has "
            "ended, the same command with the same run_dir does what is left."
        )
        raise
    return [ended[job.job_id] for job in jobs]


def _wait(jobs: Sequence[Any], array: str) -> dict[str, Ended]:
    ended: dict[str, Ended] = {}
    over: Counter[str] = Counter()  # answers one after the other by which a job has ended
    asked, words = time.monotonic(), ""
    while True:
        waiting = [job for job in jobs if job.job_id not in ended]
        for job in waiting:
            if job.paths.result_pickle.is_file():
                ended[job.job_id] = _result(job)
        if len(ended) == len(jobs):
            return ended
        if time.monotonic() - asked < EVERY:
            time.sleep(min(1.0, EVERY))
            continue
        asked, states = time.monotonic(), _states(array)
        if states is None:  # Slurm does not answer at the moment
            continue
        for job in waiting:
            state, reason = states.get(job.job_id, _GONE)
            over[job.job_id] = over[job.job_id] + 1 if _OVER.fullmatch(state) else 0
            if over[job.job_id] >= GRACE and not job.paths.result_pickle.is_file():
                ended[job.job_id] = _lost(job, state + (f", {reason}" if reason else ""))
        before, words = words, _summary([states.get(job.job_id, _GONE) for job in jobs])
        if words != before:
            log.info(f"Slurm's {array}: {words}")


def _result(job: Any) -> Ended:
    try:
        returned = list(job.results())
    except Exception as error:  # what the job raised, or a file that is half there
        return _lost(job, (_lines(str(error)) or [type(error).__name__])[-1])
    if code := returned[0].return_value:
        log.error(f"Slurm's {job.job_id} failed with exit code {code}; {_why(job.paths.stderr)}")
    return Ended(returned)


def _why(logged: Path) -> str:
    """The last sentence of ferkit's in what a job logged, and where the rest is."""
    lines = logged.read_text(errors="replace").splitlines() if logged.is_file() else []
    said = [line.removeprefix("ferkit: ") for line in lines if line.startswith("ferkit: ")]
    return f"{logged}: {said[-1]}" if said else f"{logged} has what it logged."


def _lost(job: Any, why: str) -> Ended:
    from hydra.core.utils import JobReturn, JobStatus

    log.error(
        f"Slurm's {job.job_id} ended without a result ({why}); {job.paths.stderr} has what it "
        "logged; the same command with the same run_dir goes on."
    )
    return Ended([JobReturn(status=JobStatus.COMPLETED, _return_value=LOST)])


def _states(array: str) -> dict[str, tuple[str, str]] | None:
    """Each job's state and the reason for it; None where Slurm gives no answer."""
    line = ["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%r", "-j", array]
    answer = subprocess.run(line, capture_output=True, text=True, check=False)
    if answer.returncode:
        return {} if "Invalid job id" in answer.stderr else None
    rows = [line.split("|", 2) for line in _lines(answer.stdout)]
    return {job: (state, "" if why == "None" else why) for job, state, why in rows}


def _summary(states: Sequence[tuple[str, str]]) -> str:
    words = Counter(
        state.lower().replace("_", " ") + (f" ({why})" if state == "PENDING" and why else "")
        for state, why in states
    )
    return ", ".join(f"{count} {what}" for what, count in words.items())


def _refuse_twice(folder: Path) -> None:
    """Refuse jobs for a grid whose earlier ones Slurm still has: both would write its runs."""
    jobs = folder / ".submitit"
    if not jobs.is_dir():
        return
    known = {path.name for path in jobs.iterdir() if not any(path.glob("*_result.pkl"))}
    line = ["squeue", "--noheader", "--array", "--format=%i|%T", "--user", getpass.getuser()]
    queue = subprocess.run(line, capture_output=True, text=True, check=False)
    rows = [line.partition("|") for line in _lines(queue.stdout)]
    active = {job.partition("_")[0] for job, _, state in rows if job in known and state != _ENDING}
    if active:
        ids = ",".join(sorted(active))
        raise ConfigError(
            f"Slurm's {ids} is still at work on {folder}; wait until it ends (`squeue -j {ids}`), "
            f"or end it (`scancel {ids}`), then give the same command again."
        )


def time_is_up(error: Exception) -> str | None:
    """The sentence for submitit's error at the last time limit of a job; None for any other."""
    if type(error).__name__ != "UncompletedJobError":
        return None
    return (
        "This job reached Slurm's time limit more often than hydra.launcher.max_num_timeout= "
        "allows; its last epoch is saved: the same command goes on, and a higher "
        "hydra.launcher.timeout_min= lets it finish."
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
