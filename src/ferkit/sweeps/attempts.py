"""A trial's process: `ferkit train` in a folder of its own, watched through its files."""

import ctypes
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ferkit.errors import ConfigError, DataError
from ferkit.printable import quoted
from ferkit.repeats import repeat_once
from ferkit.runs.read import read_rows

PATIENCE = 30.0  # seconds that a process is given to end before it is killed
LOG = "train.log"
LOCK = ".process"
_WARNING = "warning: "  # as ferkit.log writes them
_BY_SIGNAL = {143: -signal.SIGTERM, 130: -signal.SIGINT}  # saved, and ended as they were told


@dataclass
class TrainProcess:
    """A running `ferkit train`.

    Attributes:
        folder: The run's folder.
        warned: The kinds of warnings that trials of this search gave, logged once.
        read: Bytes of its log that were read for them.
    """

    folder: Path
    process: "subprocess.Popen[bytes]"
    warned: set[str] = field(default_factory=set)
    read: int = 0

    def poll(self) -> int | None:
        """Its exit code, negative for the signal that ended it; None while it runs."""
        code = self.process.poll()
        self._repeat_warnings()
        return _BY_SIGNAL.get(code, code) if code is not None else None

    def rows(self) -> list[dict[str, Any]]:
        """The epochs done so far."""
        return read_rows(self.folder)

    def last_line(self) -> str:
        """The last line of its log."""
        path = self.folder / LOG
        lines = (
            path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
        )
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _repeat_warnings(self) -> None:
        path = self.folder / LOG
        if not path.is_file() or path.stat().st_size == self.read:
            return
        with path.open("rb") as file:
            file.seek(self.read)
            lines = file.read().rpartition(b"\n")[0]
        self.read += len(lines) + bool(lines)
        said = lines.decode(errors="replace").split("\n")
        warnings = (line.removeprefix(_WARNING) for line in said if line.startswith(_WARNING))
        repeat_once(warnings, self.warned)

    def stop(self) -> None:
        """End it; a checkpoint is written atomically, so any moment is safe."""
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def launcher(
    home: Path, always: Sequence[str], device: Callable[[int], Sequence[str]]
) -> Callable[[int, Sequence[str], int], TrainProcess]:
    """What starts trials under a folder, each in its own process.

    Args:
        home: Trial 3 lives in <home>/3.
        always: Words that every trial gets beside its own.
        device: Slot to the words that put a trial on its device.
    """
    warned: set[str] = set()

    def launch(number: int, words: Sequence[str], slot: int) -> TrainProcess:
        folder = home / str(number)
        lock = claim(folder)
        if any((folder / "checkpoints").glob("*.ckpt")):
            command = [f"resume={quoted(folder)}"]
        else:
            clear(folder)
            command = [*words, *always, *device(slot), f"run_dir={quoted(folder)}"]
        return TrainProcess(folder, _start(folder, command, lock), warned)

    return launch


def _start(folder: Path, command: Sequence[str], lock: IO[str]) -> "subprocess.Popen[bytes]":
    with (folder / LOG).open("ab") as log, lock:
        process = subprocess.Popen(
            [sys.executable, "-m", "ferkit", "train", *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the sweep, which then ends its trials
            pass_fds=[lock.fileno()],  # held for as long as the trial lives
            env={k: v for k, v in os.environ.items() if k != "PGPASSWORD"},  # the sweep's alone
            preexec_fn=_end_with_parent,
        )
        lock.write(f"{process.pid} {platform.node()}")
        lock.flush()
    return process


def _libc_prctl() -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), "prctl", None) if sys.platform == "linux" else None


_PRCTL = _libc_prctl()  # looked up before a fork, after which little is safe


def _end_with_parent() -> None:
    """Ask the system to end this process, saved, when its sweep dies: nobody else would."""
    if _PRCTL:
        _PRCTL(1, int(signal.SIGTERM))  # PR_SET_PDEATHSIG


def claim(folder: Path) -> IO[str]:
    """A lock on a trial's folder; a process that outlived a killed sweep is ended first.

    Raises:
        DataError: another process holds it and cannot be ended from here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / LOCK).open("a+", encoding="utf-8")
    waited = 0.0
    while not _try_lock(lock):
        lock.seek(0)
        process, _, machine = lock.read().strip().partition(" ")
        here = machine in ("", platform.node())
        if waited > 2 * PATIENCE:  # as where the folder is shared with another machine
            raise DataError(
                f"{folder} is in use by process {process or '(unknown)'} of {machine or '?'}, "
                "which does not end; end it there, then give the same command again."
            )
        if process.isdecimal() and here:  # it holds the lock, so the number is still its own
            ending = signal.SIGTERM if waited < PATIENCE else signal.SIGKILL
            with suppress(ProcessLookupError, PermissionError):
                os.kill(int(process), ending)
        time.sleep(0.2)
        waited += 0.2
    lock.seek(0)
    lock.truncate()
    return lock


def _try_lock(lock: IO[str]) -> bool:
    try:
        import fcntl
    except ModuleNotFoundError:
        raise ConfigError(
            "`ferkit sweep` needs locks that a process inherits, which Windows has not; run it in "
            "WSL, or a grid by `ferkit train -m`."
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def clear(folder: Path) -> None:
    """Empty a folder in which nothing reached a checkpoint; its log and its lock stay."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in (LOG, LOCK):
            path.unlink()
