"""`ferkit train`: config to objects to one call."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ferkit import processes
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

        if processes.is_first():
            print(dry_run(config))
        return 0
    run = train(config, rest)
    if processes.is_first():
        print(run.folder)
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
    from ferkit.commands.crossval import cross_validate
    from ferkit.commands.single import take_up, train_single

    with ExitStack() as held:
        processes.joined(held)
        begun, config = take_up(config, words, held)
        every_fold = str(as_plain(config.split).get("fold")) == "all"
        if every_fold and processes.count() > 1:
            raise ConfigError(
                "split.fold=all trains one fold after the other in one process; give it without "
                "torchrun, or begin each fold by itself with split.fold=0 and so on."
            )
        return (cross_validate if every_fold else train_single)(config, words, held, begun)


def check_evaluate(config: DictConfig) -> None:
    """Check the views that are asked for.

    Raises:
        ConfigError: there is no such view.
    """
    for view in config.evaluate:
        if view not in ("val", "test", *config.tests):
            raise ConfigError(unknown("view in evaluate", view, ["val", "test", *config.tests]))
