"""`ferkit train -m`: Hydra's sweeper over the same command, each job a run of its own."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ferkit.composition import check, explained, hydra_ready, prepare, split_words
from ferkit.errors import FerkitError
from ferkit.training.run import default_folder, say


def sweep(words: Sequence[str]) -> int:
    """Run every combination of the words into <run_dir>/<job number>.

    A job that fails does not end the others; the exit code is then that of the first failure.
    """
    overrides, searched = split_words(words)
    given = [w.split("=", 1)[1] for w in overrides if w.startswith("run_dir=")]
    folder = Path(given[0]) if given else default_folder()
    if not given:
        overrides.append(f"run_dir={folder}")
    with hydra_ready("train"), explained("train"):
        from hydra.core.global_hydra import GlobalHydra

        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        done = hydra.multirun(
            config_name="train",
            task_function=run_job,
            overrides=prepare(overrides, searched),
            with_log_configuration=False,
        )
    codes = [job.return_value for batch in done for job in batch]
    say(f"{codes.count(0)} of {len(codes)} runs done: {folder}")
    print(folder)
    return next((code for code in codes if code), 0)


def run_job(config: DictConfig) -> int:
    """One job, at module level so that other processes find it; answers an exit code."""
    from hydra.core.hydra_config import HydraConfig

    from ferkit.commands.train import train

    job = HydraConfig.get().job
    words = list(HydraConfig.get().overrides.task)
    single = DictConfig(OmegaConf.to_container(config, resolve=False))
    single.run_dir = str(Path(config.run_dir) / str(job.num))
    say(f"--- {job.num}: {job.override_dirname}")
    try:
        check(single)
        train(single, words)
    except FerkitError as error:
        say(f"ferkit: {error}")
        return error.exit_code
    return 0
