"""Work spread over processes that need nothing of the caller's `__main__` and end with him.

Loky's processes (joblib's) start from a fresh interpreter that never runs the caller's script
again, so a library call works from a plain script, a notebook and a prompt. Threads were
measured: decoding small files holds the interpreter's lock from end to end (docs/faces.md).
"""

import os
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import current_process, parent_process, resource_tracker
from typing import Any, TypeVar

from ferkit.errors import DataError

Item = TypeVar("Item")
Result = TypeVar("Result")

WORTH = 4.0  # seconds of work left below which starting processes costs more than it saves
_LOOK = 0.5  # seconds between two looks at whether the parent lives
_AHEAD = 2  # items handed out for each process, so that none waits and memory stays bounded
_ENV = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def spread(
    work: Callable[[Item], Result], items: Iterable[Item], count: int, workers: int | None = None
) -> Generator[Result]:
    """`map(work, items)`, by several processes where that is quicker; results in order.

    Close the generator (`contextlib.closing`) to end its processes before the last result.

    Args:
        work: A function that processes can import, or a `partial` of one.
        items: Taken one by one, a few ahead of the results.
        count: How many items there are.
        workers: How many processes; 1: none but this one. By default this process does the first
            item, and where the rest would take long every core gets a process.

    Raises:
        DataError: a process was killed from outside, as happens where memory runs out.
    """
    rest = iter(items)
    if workers is None and count:
        start = time.perf_counter()
        first = work(next(rest))
        count -= 1
        workers = _cores() if (time.perf_counter() - start) * count > WORTH else 1
        yield first
    if not workers or workers == 1 or count < 1 or current_process().daemon:
        yield from map(work, rest)  # a daemonic process may have no children
        return
    yield from _by_processes(work, rest, min(workers, count))


def _cores() -> int:
    from joblib import cpu_count  # what a container or a cluster's queue leaves to this process

    return int(cpu_count())


def _by_processes(
    work: Callable[[Item], Result], items: Iterator[Item], workers: int
) -> Generator[Result]:
    from joblib.externals.loky import ProcessPoolExecutor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    # Loky looks for grandchildren by `pgrep`; without it our processes are ended all the same.
    warnings.filterwarnings("ignore", "Failed to kill subprocesses")
    resource_tracker.ensure_running()  # before the mask below, which starting it would lift
    pool = ProcessPoolExecutor(workers, initializer=_begin, env=_ENV)
    waiting: deque[Any] = deque()
    try:
        for item in items:
            with _ctrl_c_held_back():
                waiting.append(pool.submit(work, item))
            if len(waiting) >= _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except TerminatedWorkerError as error:
        _kill(pool)
        raise DataError(
            "A worker process was killed from outside, as happens where memory runs out; free "
            "some and give the same command again."
        ) from error
    except BaseException:  # Ctrl-C, a closed generator, an error in the work
        _kill(pool)
        raise
    pool.shutdown()


def _kill(pool: Any) -> None:
    """End the processes at once; what loky's own thread makes of their end is told to nobody."""
    before = threading.excepthook

    def hook(seen: threading.ExceptHookArgs) -> None:
        if seen.thread is None or seen.thread.name != "ExecutorManagerThread":
            before(seen)

    threading.excepthook = hook
    try:
        pool.shutdown(kill_workers=True)
    finally:
        threading.excepthook = before


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Processes started in here never see a terminal's Ctrl-C; this one gets it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    end_with_parent()


@cache
def end_with_parent() -> None:
    """Let this process, if multiprocessing made it, end within a second of the one that did."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == parent.pid:
            time.sleep(_LOOK)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with the parent").start()
