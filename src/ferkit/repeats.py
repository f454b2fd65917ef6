"""Warnings that many runs have in common, logged by the first of them alone."""

import hashlib
import logging
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ferkit.log import log

_NUMBER = re.compile(r"\d[\d,.]*")


class OfFirstRun(logging.Filter):
    """Keeps back a warning that another run has given, but for its numbers.

    Args:
        folder: What all runs of a group share, also those in other processes: a file for each kind
            of warning, as long as it was kept back times.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.own: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is logged."""
        if record.levelno != logging.WARNING:
            return True
        kind = kind_of(record.getMessage())
        if kind in self.own or not self.folder.is_dir():  # on another machine of a cluster
            return True
        path = self.folder / hashlib.blake2b(kind.encode(), digest_size=16).hexdigest()
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            with path.open("ab") as file:
                file.write(b".")
            return False
        self.own.add(kind)
        return True


def kind_of(sentence: str) -> str:
    """A warning without its numbers.

    >>> kind_of("Leak: 1,204 val images") == kind_of("Leak: 7 val images")
    True
    """
    return _NUMBER.sub("0", sentence)


def repeat_once(sentences: Iterable[str], kinds: set[str]) -> None:
    """Log the warnings of a run in another process, each kind once.

    Args:
        kinds: What was logged before; those of the sentences are added.
    """
    for sentence in sentences:
        if (kind := kind_of(sentence)) not in kinds:
            kinds.add(kind)
            log.warning(sentence)


@contextmanager
def many_runs() -> Iterator[Path]:
    """A folder that the runs of a group share while the block lasts; how often each kept silent."""
    with tempfile.TemporaryDirectory(prefix="ferkit-") as name:
        folder = Path(name)
        yield folder
        if kept := sum(path.stat().st_size for path in folder.iterdir()):
            log.info(f"{kept} warnings as above were not repeated; each run's report has its own")


@contextmanager
def one_of_many(folder: Path) -> Iterator[None]:
    """A run of a group: what another of them has warned of is not logged again."""
    first = OfFirstRun(folder)
    log.addFilter(first)
    try:
        yield
    finally:
        log.removeFilter(first)
