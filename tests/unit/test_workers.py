import operator
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from ferkit import workers
from ferkit.errors import DataError
from ferkit.workers import spread

MARK = "FERKIT_TEST_FAMILY"
SPREAD = """
import operator
from ferkit.workers import spread
print(list(spread(operator.neg, range(9), 9, workers=2)))
"""
ENDLESS = """
import time
from ferkit.workers import spread
for _ in spread(time.sleep, [0.05] * 100_000, 100_000, workers=2):
    print("one", flush=True)
"""


def family(mark):
    """Processes that inherited a mark: a process, its workers and trackers, zombies left out."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={mark}".encode() in environ.read_bytes():
                found.append(environ.parent.name)
        except OSError:  # it ended meanwhile
            continue
    return found


@pytest.fixture
def begin():
    """Start a process in a session of its own, as a terminal does; what is left is ended."""
    started = []

    def start(*words, **options):
        mark = uuid.uuid4().hex
        process = subprocess.Popen(
            [sys.executable, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {MARK: mark},
            start_new_session=True,
            **options,
        )
        started.append(process)
        return process, mark

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def none_left(mark, seconds=10.0):
    end = time.monotonic() + seconds
    while family(mark) and time.monotonic() < end:
        time.sleep(0.1)
    return not family(mark)


needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc")


@pytest.mark.parametrize("count", [1, 2, 7])
def test_processes_answer_in_order(count):
    assert list(spread(abs, range(-count, 0), count, workers=2)) == [*range(count, 0, -1)]


def test_nothing_to_do():
    assert list(spread(abs, [], 0)) == []
    assert list(spread(abs, [], 0, workers=2)) == []


def test_short_work_stays_in_this_process(monkeypatch):
    monkeypatch.setattr(workers, "_by_processes", lambda *a: pytest.fail("processes"))
    assert list(spread(abs, [-1, -2], 2)) == [1, 2]
    assert list(spread(abs, [-1, -2], 2, workers=1)) == [1, 2]


def test_long_work_gets_every_core(monkeypatch):
    asked = []
    monkeypatch.setattr(workers, "WORTH", -1)
    monkeypatch.setattr(workers, "_cores", lambda: 3)
    monkeypatch.setattr(workers, "_by_processes", lambda w, i, n: (asked.append(n), map(w, i))[1])
    assert list(spread(abs, [-1, -2, -3, -4, -5], 5)) == [1, 2, 3, 4, 5]
    assert asked == [3]


def test_items_are_taken_only_a_few_ahead():
    taken = []
    items = (taken.append(i) or i for i in range(100))
    results = spread(abs, items, 100, workers=2)
    next(results)
    assert len(taken) <= 4
    results.close()


def test_an_error_in_the_work_is_raised_and_ends_the_processes():
    with pytest.raises(ZeroDivisionError):
        list(spread(partial(operator.truediv, 1), [1, 0, 1], 3, workers=2))


def test_a_killed_worker_is_a_sentence():
    with pytest.raises(DataError, match="killed from outside"):
        list(spread(os._exit, [9, 9, 9], 3, workers=2))


@pytest.mark.parametrize("how", ["file", "stdin", "words", "prompt"])
def test_a_script_without_a_guard_works(begin, tmp_path, how):
    file = tmp_path / "plain.py"
    file.write_text(SPREAD)
    if how == "prompt":
        typed = f"import code; code.InteractiveConsole().runsource({SPREAD!r}, symbol='exec')"
        process, _ = begin("-c", typed)
    elif how == "stdin":
        process, _ = begin("-", stdin=file.open())
    else:
        process, _ = begin(*([str(file)] if how == "file" else ["-c", SPREAD]))
    out, err = process.communicate(timeout=60)
    assert out == f"{[-i for i in range(9)]}\n", err  # once: nothing ran the script again
    assert process.returncode == 0


@needs_proc
def test_processes_end_with_a_killed_parent(begin):
    process, mark = begin("-c", ENDLESS)
    assert process.stdout.readline() == "one\n"
    assert len(family(mark)) >= 3
    process.kill()
    assert none_left(mark)


@needs_proc
def test_ctrl_c_ends_all_at_once_and_only_the_parent_says_so(begin):
    process, mark = begin("-c", ENDLESS)
    assert process.stdout.readline() == "one\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the workers too
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert err.count("Traceback") == 1
    assert none_left(mark)
