"""Progress and warnings, by the standard library's logging.

Everything is logged under the name "ferkit" and goes to stderr; stdout holds results alone. From
Python nothing is set up: a program that imports ferkit configures logging as it likes.
"""

import logging
import sys
from contextlib import nullcontext
from typing import TextIO

from ferkit.printable import one_line

log = logging.getLogger("ferkit")
_PREFIXES = {logging.WARNING: "warning: ", logging.ERROR: "ferkit: "}


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _PREFIXES.get(record.levelno, "") + one_line(record.getMessage())


class _BesideBars(logging.StreamHandler[TextIO]):
    """Lines above a progress bar, which is drawn again below them."""

    def emit(self, record: logging.LogRecord) -> None:
        bars = sys.modules.get("tqdm")  # no bar where nothing has imported it
        with bars.tqdm.external_write_mode(self.stream) if bars else nullcontext():
            super().emit(record)


def log_to_stderr(quiet: bool = False) -> None:
    """Log to the present stderr, a line a message.

    Args:
        quiet: Warnings and errors alone.
    """
    handler = _BesideBars()
    handler.setFormatter(_OneLine())
    log.handlers[:] = [handler]
    log.disabled = False  # logging.config of another package in this process disables loggers
    log.setLevel(logging.WARNING if quiet else logging.INFO)
