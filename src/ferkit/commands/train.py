"""`ferkit train`: config to objects to one call."""

import os
from collections.abc import Sequence
from contextlib import ExitStack

from omegaconf import DictConfig

from ferkit.commands.crossval import cross_validate
from ferkit.commands.single import TrainedRun, take_up, train_single
from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.errors import ConfigError


def main(words: Sequence[str]) -> int:
    """The command, for a single run."""
    run = train(compose(*words), words)
    print(run.folder)
    return 0


def train(config: DictConfig, words: Sequence[str] = ()) -> TrainedRun:
    """Train what a config describes, report on val, and on test if `evaluate` asks for it.

    Args:
        words: What the user typed, for the run's record.

    Raises:
        FerkitError: a mistake in the config or the data; nothing half-written is left.
        KeyboardInterrupt: the run can go on with `resume=`.
    """
    refuse_several_processes()
    with ExitStack() as held:
        begun, config = take_up(config, words, held)
        every_fold = str(as_plain(config.split).get("fold")) == "all"
        return (cross_validate if every_fold else train_single)(config, words, held, begun)


def refuse_several_processes() -> None:
    """Refuse to be one of several processes under torchrun.

    Raises:
        ConfigError: there are several.
    """
    count = os.environ.get("WORLD_SIZE", "1")
    if count != "1":
        raise ConfigError(
            f"WORLD_SIZE={count}: training in several processes (torchrun) is not supported; start "
            "`ferkit train` once, without torchrun."
        )
