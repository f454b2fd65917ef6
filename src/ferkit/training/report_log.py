"""A log that stays open until a run's report is there, so that it has the report's plots too."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ferkit.log import log
from ferkit.training.logging import Log, Logger, OpenLog


@contextmanager
def open_until_report(logger: Logger) -> Iterator[tuple[Logger, Callable[[Path], None]]]:
    """A logger whose log ends with the block, and what sends the plots of a report to it.

    A training that is stopped or fails ends the log as it would end by itself.
    """
    with ExitStack() as held:
        opened: list[Log] = []

        @contextmanager
        def keep(folder: Path, done: int) -> Iterator[Log]:
            opened.append(held.enter_context(logger(folder, done)))
            yield opened[-1]

        def show(folder: Path) -> None:
            for each in opened:
                _send(each, folder)

        yield keep, show


def _send(opened: Log, folder: Path) -> None:
    if not isinstance(opened, OpenLog):  # of a user's own logger
        return
    plots = {path.stem: path for path in sorted((folder / "report").glob("*.png"))}
    try:
        opened.show(plots)
    except Exception as error:  # each service raises its own
        log.warning(f"the plots of the report were not logged: {error}")
