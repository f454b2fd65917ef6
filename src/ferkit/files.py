"""How files are written: atomically, with a checksum, by one process at a time."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ferkit.errors import ConfigError, DataError, FerkitError
from ferkit.locks import HeldError, held

LOCK = ".lock"
SUMS = "checksums.json"
_LONGEST_WRITE = 600  # seconds that one file takes at most
FORMAT = 1  # stands in every file of ferkit that can carry it


def atomic_write(path: Path, write: Callable[[Path], object], *, durable: bool = False) -> None:
    """Write a file beside its place and rename it; whatever goes wrong, nothing stays beside.

    So no reader ever meets half a file, and a file that was there stands until the new one is
    whole.

    Args:
        path: Its folder is made where it is not there.
        write: Is given the path beside and writes the whole file there.
        durable: Wait until the disk has the file and its name (fsync of both).

    Raises:
        OSError: there is no room, or no permission; it names `path`.
    """
    with beside(path, durable=durable) as unfinished:
        write(unfinished)


@contextmanager
def beside(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """The path beside a file's place, renamed to it at the end; see `atomic_write`."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        if durable:
            _sync(unfinished)
        unfinished.replace(path)
        if durable:
            _sync(path.parent)
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        own = isinstance(error, FerkitError) or not isinstance(error, Exception)
        cause = None if own else _os_error(error)
        if cause:  # a library may have wrapped it
            cause.filename, cause.filename2 = str(path), None
            raise cause from None
        raise


def write_bytes(path: Path, content: bytes | memoryview, *, durable: bool = False) -> None:
    """Write a whole file atomically."""
    atomic_write(path, lambda beside: beside.write_bytes(content), durable=durable)


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a whole text file in UTF-8 atomically."""
    write_bytes(path, text.encode(), durable=durable)


def remove_unfinished(folder: Path) -> None:
    """Delete what a process that is gone was writing in a folder and in those right below it."""
    for path in (*folder.glob(".*.tmp"), *folder.glob("*/.*.tmp")):
        with suppress(OSError):
            number, age = path.name.split(".")[-2], time.time() - path.stat().st_mtime
            if age > _LONGEST_WRITE or not (number.isdigit() and _is_running(int(number))):
                path.unlink()


def _is_running(number: int) -> bool:
    """Whether a Python process has this number; numbers are given again, to threads too."""
    if not Path("/proc/self").exists():  # macOS, Windows
        return _answers(number)
    process = Path("/proc") / str(number)
    try:
        leads = f"\nTgid:\t{number}\n" in (process / "status").read_text()
        return leads and b"python" in (process / "cmdline").read_bytes()
    except OSError:
        return False


def _answers(number: int) -> bool:
    if os.name == "nt":  # there a signal 0 would end it; what is old is deleted all the same
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # no folder can be opened there
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _os_error(error: BaseException | None) -> OSError | None:
    while error is not None:
        if isinstance(error, OSError):
            return error
        error = error.__cause__ or error.__context__
    return None


def usable_folder(path: Path, key: str) -> Path:
    """A folder that can be written into; what had to be made for the trial is gone again.

    Args:
        key: Of the config, for the message, e.g. "run_dir".

    Raises:
        ConfigError: it is a file, or cannot be made or written.
    """
    made: list[Path] = []
    shown = str(path) if len(str(path)) <= 100 else f"{str(path)[:60]}..."
    advice = f"give {key}= a folder that can be made and written."
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            made.append(folder)
        if not path.is_dir():
            raise ConfigError(f"{key}={shown} is a file; give a folder.")
        if not os.access(path, os.W_OK | os.X_OK):
            raise ConfigError(f"{key}={shown} cannot be written; {advice}")
    except OSError as error:
        raise ConfigError(f"{key}={shown} cannot be made ({error.strerror}); {advice}") from None
    finally:
        for folder in reversed(made):
            with suppress(OSError):  # somebody else has put something in
                folder.rmdir()
    return path


@contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Hold a folder for this process; a holder that died does not hold it any more.

    Args:
        folder: Is made where it is not there.
        what: Who else may be at work there, e.g. "ferkit sweep".

    Raises:
        ConfigError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(held(folder / LOCK, what, wait=False))
        except HeldError as error:
            raise ConfigError(
                f"Another {what} is at work in {folder} ({error}); wait until it ends, or end it."
            ) from None
        yield


def write_summed(folder: Path, name: str, content: bytes, *, durable: bool = False) -> None:
    """Write a file of a folder and its sha256 into the folder's checksums.json.

    Killed at any moment, the file is the old one or the new one, and either has its sum there.

    Args:
        name: Relative to the folder, e.g. "predictions/val.parquet".
    """
    new = hashlib.sha256(content).hexdigest()
    sums = _read_sums(folder) or {}
    _write_sums(folder, {**sums, name: [new, *sums.get(name, [])[:1]]}, durable)
    write_bytes(folder / name, content, durable=durable)
    _write_sums(folder, {**sums, name: [new]}, durable)


def is_as_written(folder: Path, name: str) -> bool:
    """Whether a file is what `write_summed` wrote; also where nothing is known of it.

    Raises:
        DataError: checksums.json is broken.
    """
    known = (_read_sums(folder) or {}).get(name)
    if known is None:
        return True
    with (folder / name).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() in known


def require_as_written(folder: Path, name: str) -> None:
    """Refuse a file that is not what `write_summed` wrote.

    Raises:
        DataError: it was damaged or replaced since, or checksums.json is broken.
    """
    if not is_as_written(folder, name):
        raise DataError(
            f"{folder / name} is damaged, or was changed after it was written: it does not have "
            f"the sha256 that stands in {folder / SUMS}; restore it, or make it again."
        )


def _read_sums(folder: Path) -> dict[str, list[str]] | None:
    path = folder / SUMS
    if not path.is_file():
        return None
    broken = DataError(f"{path} is damaged; delete it, then nothing is checked against it.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        sums = found["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise broken from None
    if not isinstance(sums, dict) or not all(isinstance(each, list) for each in sums.values()):
        raise broken
    return sums


def _write_sums(folder: Path, sums: dict[str, list[str]], durable: bool) -> None:
    text = json.dumps({"format": FORMAT, "sha256": dict(sorted(sums.items()))}, indent=1)
    write_text(folder / SUMS, text + "\n", durable=durable)
