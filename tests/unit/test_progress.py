"""A bar on a terminal, lines elsewhere, nothing where nothing is wanted."""

import io
import logging

import pytest

from ferkit import progress as module
from ferkit.log import log, log_to_stderr
from ferkit.progress import counted, duration, progress, time_left


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Time that stands still until it is moved."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture(autouse=True)
def loud(monkeypatch):
    monkeypatch.setattr(log, "disabled", False)
    level, handlers = log.level, list(log.handlers)
    yield
    log.setLevel(level)
    log.handlers[:] = handlers


def test_a_line_every_ten_seconds(clock, caplog):
    caplog.set_level(logging.INFO, logger="ferkit")
    with progress(4000, "preparing x", "image") as shown:
        for _ in range(4):
            clock[0] += 6
            shown.update(1000, lambda: {"loss": 0.5})
    (line,) = caplog.messages  # at 12 s; at 24 s all is done
    assert line == "preparing x: 2,000 of 4,000 images (50%), 167/s, 0:12 left, loss 0.500"


def test_quick_work_says_nothing(clock, caplog):
    caplog.set_level(logging.INFO, logger="ferkit")
    assert list(counted([1, 2], 2, "x", "image")) == [1, 2]
    assert caplog.messages == []


def test_what_was_done_before_does_not_count_for_the_rate(clock, caplog):
    caplog.set_level(logging.INFO, logger="ferkit")
    with progress(100, "x", "image", initial=80) as shown:
        clock[0] += 20
        shown.update(10)
    assert caplog.messages == ["x: 90 of 100 images (90%), 0.5/s, 0:20 left"]


def test_an_unknown_total_is_no_share(clock, caplog):
    caplog.set_level(logging.INFO, logger="ferkit")
    with progress(None, "reading", "row") as shown:
        clock[0] += 20
        shown.update(1000)
    assert caplog.messages == ["reading: 1,000 rows, 50/s"]


def test_a_bar_on_a_terminal_and_lines_above_it(monkeypatch, clock):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(module, "_DELAY", 0)
    log_to_stderr()
    with progress(10, "checking", "image") as shown:
        clock[0] += 1
        shown.update(4, lambda: {"loss": 1.5})
        log.info("a line")
        shown.bar.refresh()
    written = terminal.getvalue()
    assert "checking" in written
    assert "4/10" in written
    assert "loss=1.500" in written
    assert "\ra line\n" in written or "\na line\n" in written or " \ra line" in written


def test_quiet_shows_no_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(module, "_DELAY", 0)
    log_to_stderr(quiet=True)
    with progress(10, "checking", "image") as shown:
        shown.update(4)
    assert terminal.getvalue() == ""


def test_clocks():
    assert [duration(s) for s in (0, 59.6, 3600)] == ["0:00", "1:00", "1:00:00"]
    assert time_left(2, 6, 60) == ", 2:00 left"
    assert time_left(0, 6, 60) == time_left(6, 6, 60) == ""
