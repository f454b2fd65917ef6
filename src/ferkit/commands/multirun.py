"""`ferkit train -m`: Hydra's sweeper over the same command, each job a run of its own."""

import os
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from math import prod
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ferkit.causes import explain
from ferkit.commands.train import train
from ferkit.composition import check, explained, hydra_ready, prepare, split_words
from ferkit.hydra_keys import check_hydra_node
from ferkit.log import log, log_to_stderr
from ferkit.progress import time_left
from ferkit.repeats import many_runs, one_of_many
from ferkit.runs.find import read_words
from ferkit.runs.folder import default_folder
from ferkit.sweeps.slurm import LOST, slurm_jobs, time_is_up
from ferkit.workers import end_with_parent

_LOST = (
    "The GPU failed in an earlier run, so that no other run of this process can use it; type the "
    "same command again with the same run_dir: finished runs are kept, others go on."
)


def main(words: Sequence[str]) -> int:
    """Run every combination of the words into <run_dir>/<job number>.

    A job that fails does not end the others; the exit code is then that of the first failure. The
    same words with the same run_dir go on where they were stopped.
    """
    overrides, searched = split_words([word for word in words if word not in ("-m", "--multirun")])
    given = [w.split("=", 1)[1] for w in overrides if w.startswith("run_dir=")]
    folder = Path(given[0]) if given else default_folder()
    if not given:
        overrides.append(f"run_dir={folder}")
    started = time.time()
    with hydra_ready("train"), explained("train"), many_runs() as shared:
        from hydra.core.global_hydra import GlobalHydra
        from hydra.types import RunMode

        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        opened = prepare(overrides, searched)
        composed = hydra.compose_config(
            "train", opened, RunMode.MULTIRUN, with_log_configuration=False
        )
        check_hydra_node(composed.hydra)
        job = partial(run_job, swept=swept_keys(opened), started=started, shared=shared)
        with _launched(composed.hydra.launcher, folder):
            done = hydra.multirun("train", job, overrides=opened, with_log_configuration=False)
    (folder / "multirun.yaml").unlink(missing_ok=True)  # Hydra's; each run has its own config
    codes = [job.return_value for batch in done for job in batch]
    log.info(f"{codes.count(0)} of {len(codes)} runs done: {folder}")
    print(folder)
    return next((code for code in codes if code), 0)


def _launched(launcher: DictConfig, folder: Path) -> AbstractContextManager[None]:
    if str(launcher._target_).endswith("SlurmLauncher"):
        return slurm_jobs(folder)
    return nullcontext()


def swept_keys(words: Sequence[str]) -> dict[str, int]:
    """The keys of a grid that have several values, and how many each has."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    found = OverridesParser.create().parse_overrides(list(words))
    swept = [override for override in found if override.is_sweep_override()]
    return {o.key_or_group: len(list(o.sweep_string_iterator())) for o in swept}


def run_job(config: DictConfig, swept: Mapping[str, int], started: float, shared: Path) -> int:
    """One job, at module level so that other processes find it; return an exit code.

    Args:
        swept: The keys that differ between jobs, and how many values each has.
        started: When the first began, by the clock that all processes share.
        shared: A folder of all jobs, by which a warning is logged once.
    """
    from hydra.core.hydra_config import HydraConfig

    from ferkit.devices import is_lost, release_memory

    if not log.handlers:  # a process of a launcher
        log_to_stderr()
    end_with_parent()  # where a launcher made this process by multiprocessing, as joblib's does
    job = HydraConfig.get().job
    words = [word.lstrip("+") for word in HydraConfig.get().overrides.task]
    single = DictConfig(OmegaConf.to_container(config, resolve=False))
    single.run_dir = str(Path(config.run_dir) / str(job.num))
    total, seconds = prod(swept.values()), time.time() - started
    own = [w for w in words if w.partition("=")[0] in swept]
    submitted = "SUBMITIT_EXECUTOR" in os.environ  # then the number says nothing of the time
    left = "" if submitted else time_left(job.num, total, seconds)
    log.info(f"--- run {job.num + 1} of {total}{left}: {' '.join(own)}")
    if is_lost():
        log.error(_LOST)
        return 1
    try:
        with one_of_many(shared):
            return _train(single, words, int(job.num))
    except Exception as error:  # raised, it would end the other jobs
        known = explain(error)
        if ended := time_is_up(error):
            log.error(ended)
            return LOST
        if known is None:
            traceback.print_exc()
            return 1
        log.error(str(known))
        return known.exit_code
    finally:
        release_memory()


def _train(config: DictConfig, words: list[str], number: int) -> int:
    """Train one job, or go on with it: a cluster's queue may run it twice."""
    from ferkit.devices import device_of_job

    check(config)
    folder = Path(config.run_dir)
    device = device_of_job(config.trainer.device, number)
    if _began(folder, words):
        if (folder / "report" / "report.html").is_file():
            log.info(f"done before: {folder}")
            return 0
        config.resume = str(folder)  # the GPU that it began on may not be here
        train(config, [f"trainer.device={device}"])
        return 0
    config.trainer.device = device
    train(config, words)
    return 0


def _began(folder: Path, words: list[str]) -> bool:
    if not (folder / "config.yaml").is_file():
        return False
    return read_words(folder) == words
