"""How far long work is: a bar on a terminal, a logged line every ten seconds elsewhere."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from ferkit.log import log

EVERY = 10.0  # seconds between two lines
_NOTED = 0.5  # seconds between two values beside a bar
_DELAY = 1.0  # seconds before a bar appears: what is done by then needs none
Item = TypeVar("Item")


class Progress:
    """A count that is shown; of a bar on a terminal, or of lines.

    Attributes:
        done: How many are done, those of an earlier run included.
    """

    def __init__(self, total: int | None, what: str, unit: str, initial: int, leave: bool) -> None:
        self.total, self.what, self.unit = total, what, unit
        self.done = self.begun_with = initial
        self.started = self.shown = time.monotonic()
        self.notes: dict[str, float] = {}
        self.bar: Any = None
        if log.isEnabledFor(logging.INFO) and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(
                total=total,
                initial=initial,
                desc=what,
                unit=f" {unit}",
                leave=leave,
                delay=_DELAY,
                dynamic_ncols=True,
            )

    def update(self, count: int = 1, notes: Callable[[], Mapping[str, float]] = dict) -> None:
        """Count what was done.

        Args:
            notes: Makes the values to show beside the count, e.g. {"loss": 1.2}; called where they
                are shown alone, since reading a value of a GPU waits for it.
        """
        self.done += count
        due = time.monotonic() - self.shown >= (_NOTED if self.bar is not None else EVERY)
        if due:
            self.shown = time.monotonic()
        if self.bar is not None:
            if due:
                self.notes |= notes()
                self.bar.set_postfix(self._noted(), refresh=False)
            self.bar.update(count)
        elif self.done != self.total and due:
            self.notes |= notes()
            log.info(self.line())

    @property
    def _units(self) -> str:
        return f"{self.unit}es" if self.unit.endswith(("ch", "s", "x")) else f"{self.unit}s"

    def line(self) -> str:
        """Count, rate and time left, in a line."""
        seconds = time.monotonic() - self.started
        rate = (self.done - self.begun_with) / seconds if seconds else 0.0
        done = min(self.done, self.total or self.done)
        said = f"{self.what}: {done:,} "
        said += (
            f"of {self.total:,} {self._units} ({done / self.total:.0%})"
            if self.total
            else self._units
        )
        said += f", {_short(rate)}/s" if rate else ""
        if rate and self.total:
            said += f", {duration((self.total - done) / rate)} left"
        return said + "".join(f", {name} {value}" for name, value in self._noted().items())

    def _noted(self) -> dict[str, str]:
        return {name: f"{value:.3f}" for name, value in self.notes.items()}


@contextmanager
def progress(
    total: int | None, what: str, unit: str, *, initial: int = 0, leave: bool = True
) -> Iterator[Progress]:
    """Show how far work is while the block runs.

    Args:
        total: How many there are; None where it is not known.
        what: The work, e.g. "preparing fer2013".
        unit: What is counted, in the singular.
        initial: How many were done before.
        leave: Whether the bar stays on the terminal once it is full.
    """
    shown = Progress(total, what, unit, initial, leave)
    try:
        yield shown
    finally:
        if shown.bar is not None:
            shown.bar.close()


def counted(items: Iterable[Item], total: int | None, what: str, unit: str) -> Iterator[Item]:
    """The items, with a count of those that were taken and worked on."""
    with progress(total, what, unit, leave=False) as shown:
        for item in items:
            yield item
            shown.update()


def duration(seconds: float) -> str:
    """Seconds as a clock shows them.

    >>> duration(65), duration(3700), duration(0.4)
    ('1:05', '1:01:40', '0:00')
    """
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def time_left(done: int, total: int, seconds: float) -> str:
    """`, 0:40 left` after `done` of `total` in so many seconds; nothing where it is not known."""
    if not 0 < done < total:
        return ""
    return f", {duration(seconds / done * (total - done))} left"


def _short(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
