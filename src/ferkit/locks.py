"""Locks between processes that say who holds them.

The system lets go of a lock when its process dies, so none is ever stale; the note beside it is
for people alone.
"""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ferkit.log import log

PATIENCE = 10.0  # seconds of waiting before it is said


class HeldError(Exception):
    """Another process holds the lock; the words say which."""


@contextmanager
def held(path: Path, what: str, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock; a wait of over ten seconds is logged.

    Args:
        path: The lock's file; who holds it stands beside, in `<path>.json`.
        what: What the lock is about, for the sentence.
        wait: Wait for another holder to end.

    Raises:
        HeldError: another process holds it, and `wait` is false.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=PATIENCE if wait else 0)
    except Timeout:
        if not wait:
            raise HeldError(holder(path)) from None
        log.info(_sentence(path, what))
        lock.acquire()
    try:
        with _noted(path):
            yield
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Whether another process holds a lock; nothing is made where there is none."""
    if not _beside(path).is_file() or not path.is_file():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # of another user: its note is all there is
        return True
    lock.release()
    return False


def holder(path: Path) -> str:
    """Who holds a lock, in words: its process, host and since when."""
    note = _read(path)
    if not note:
        return "another process"
    return f"process {note['pid']} on {note['host']} since {note['since']}"


def _sentence(path: Path, what: str) -> str:
    note = _read(path)
    return (
        f"ferkit: waiting for {what}, held by {holder(path)}; let that finish, or end it"
        + (f" (`kill {note['pid']}`)" if note else "")
        + ", and this goes on by itself; Ctrl-C stops the waiting."
    )


@contextmanager
def _noted(path: Path) -> Iterator[None]:
    note = {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": datetime.now().astimezone().isoformat(" ", "seconds"),
    }
    beside = _beside(path)
    with suppress(OSError):  # a full disk is said by what the lock is for
        beside.write_text(json.dumps(note))
    try:
        yield
    finally:
        beside.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, object]:
    try:
        note = json.loads(_beside(path).read_text())
        return {key: note[key] for key in ("pid", "host", "since")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
