"""`ferkit train`: config to objects to one call."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.errors import ConfigError, unknown

if TYPE_CHECKING:
    from ferkit.commands.run import Run

DRY_RUN = "--dry-run"


def main(words: Sequence[str]) -> int:
    """The command, for a single run."""
    rest = [word for word in words if word != DRY_RUN]
    config = compose(*rest)
    check_evaluate(config)
    if len(rest) < len(words):
        from ferkit.commands.dry_run import dry_run

        print(dry_run(config))
        return 0
    print(train(config, rest).folder)
    return 0


def train(config: DictConfig, words: Sequence[str] = ()) -> "Run":
    """Train what a config describes, report on val, and on test if `evaluate` asks for it.

    Args:
        words: What the user typed, for the run's record.

    Raises:
        FerkitError: a mistake in the config or the data; nothing half-written is left.
        KeyboardInterrupt: the run can go on with `resume=`.
    """
    check_evaluate(config)
    words = [word.lstrip("+") for word in words]
    refuse_several_processes()
    from ferkit.commands.crossval import cross_validate
    from ferkit.commands.single import take_up, train_single

    with ExitStack() as held:
        begun, config = take_up(config, words, held)
        every_fold = str(as_plain(config.split).get("fold")) == "all"
        return (cross_validate if every_fold else train_single)(config, words, held, begun)


def check_evaluate(config: DictConfig) -> None:
    """Check the views that are asked for.

    Raises:
        ConfigError: there is no such view.
    """
    for view in config.evaluate:
        if view not in ("val", "test", *config.tests):
            raise ConfigError(unknown("view in evaluate", view, ["val", "test", *config.tests]))


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
