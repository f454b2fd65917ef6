"""Progress and warnings, by the standard library's logging.

Everything is logged under the name "ferkit" and goes to stderr; stdout holds results alone. From
Python nothing is set up: a program that imports ferkit configures logging as it likes.
"""

import logging

from ferkit.printable import one_line

log = logging.getLogger("ferkit")
_PREFIXES = {logging.WARNING: "warning: ", logging.ERROR: "ferkit: "}


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _PREFIXES.get(record.levelno, "") + one_line(record.getMessage())


def log_to_stderr(quiet: bool = False) -> None:
    """Log to the present stderr, a line a message.

    Args:
        quiet: Warnings and errors alone.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    log.handlers[:] = [handler]
    log.disabled = False  # logging.config of another package in this process disables loggers
    log.setLevel(logging.WARNING if quiet else logging.INFO)
