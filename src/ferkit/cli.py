"""The words after `ferkit`. Commands are imported when asked for: `--help` needs no torch."""

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from io import TextIOWrapper

from ferkit import processes
from ferkit.causes import explain, system_error
from ferkit.commands import COMMANDS
from ferkit.errors import ConfigError, DataError, Stopped, unknown
from ferkit.log import log, log_to_stderr
from ferkit.printable import one_line

TAKES_KEYS = ("train", "eval", "data", "predict", "mirror", "export", "sweep")
_TRACE = "debug=trace"
_QUIET = "quiet=true"
_MULTIRUN = {"-m", "--multirun"}
USAGE = (
    "usage: ferkit <command> [key=value ...]\n\n"
    + "\n".join(f"  {name:<10}  {what}" for name, what in COMMANDS.items())
    + (
        "\n\nAll take Hydra's grammar: ferkit train dataset=fer2013 optimizer.lr=1e-3; -m sweeps."
        "\n`ferkit <command> --help` shows its keys; debug=trace shows tracebacks, quiet=true "
        "warnings and results alone."
    )
)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line; return the exit code: 0 done, 1 our fault, 2 config, 3 data.

    Args:
        words: What follows `ferkit`; by default the process' own arguments.
    """
    words = list(sys.argv[1:] if words is None else words)
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if words[0] in ("--version", "-V", "version"):
        from ferkit import __version__

        print(f"ferkit {__version__}")
        return 0
    log_to_stderr(_QUIET in words)
    if not processes.is_first():
        log.setLevel(logging.ERROR)
    try:
        with _stopped_by_sigterm():
            return _run(words[0], [word for word in words[1:] if word not in (_TRACE, _QUIET)])
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt as stop:
        if processes.is_first():
            print("ferkit: stopped.", file=sys.stderr)
        return int(getattr(stop, "exit_code", 130))
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        if _TRACE in words:
            traceback.print_exc()
        print(f"ferkit: {processes.spoken()}{one_line(str(known))}", file=sys.stderr)
        return known.exit_code


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end everything as Ctrl-C does: what is half done is put away or saved."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(command: str, words: list[str]) -> int:
    for word in words:
        if not word.isprintable() and any("\ud800" <= sign <= "\udfff" for sign in word):
            raise ConfigError(
                f"{word!r} is no text in {sys.getfilesystemencoding()}; give it in UTF-8 (with "
                "PYTHONUTF8=1 where the locale is none of UTF-8)."
            )
    if command not in COMMANDS:
        print(f"ferkit: {one_line(unknown('command', command, COMMANDS))}", file=sys.stderr)
        return 2
    if "-h" in words or "--help" in words:
        from ferkit.commands.help import describe

        print(describe(command))
        return 0
    if command in TAKES_KEYS and _is_answered(command, words):
        return 0
    multirun = command == "train" and not _MULTIRUN.isdisjoint(words)
    if processes.count() > 1 and (command != "train" or multirun):
        raise ConfigError(
            f"WORLD_SIZE={processes.count()}: torchrun begins one training in several processes; "
            f"give `ferkit {command}{' -m' if multirun else ''}` without torchrun (a sweep runs "
            "its trainings side by side by itself, over the GPUs in turn)."
        )
    module = import_module(f"ferkit.commands.{'multirun' if multirun else command}")
    return int(module.main(words) or 0)


def _is_answered(command: str, words: list[str]) -> bool:
    """Check the words before imports that take seconds; show the config where it is wanted."""
    from ferkit.commands.show_config import show_config, wants_config
    from ferkit.composition import compose
    from ferkit.flags import refuse_flags

    if command == "sweep":
        from ferkit.sweeps.address import refuse_password

        refuse_password(words)
    refuse_flags(command, words)
    if "--dry-run" in words and (command != "train" or not _MULTIRUN.isdisjoint(words)):
        raise ConfigError("--dry-run tries one run of `ferkit train`; give it there, without -m.")
    if wants_config(words):
        show_config(command, [word for word in words if word != "--dry-run"])
        return True
    if command in ("eval", "predict", "mirror"):  # the others compose first by themselves
        compose(*words, command=command)
    return False


def run() -> None:
    """The console script: arguments, names of files and output are UTF-8, whatever the locale."""
    if sys.getfilesystemencoding() == "ascii" and not sys.flags.utf8_mode:  # LC_ALL=C
        asked = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
        os.execve(sys.executable, asked, os.environ | {"PYTHONUTF8": "1"})
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # no letter ends us
            stream.reconfigure(errors="backslashreplace")
    code = main()
    try:
        sys.stdout.flush()
    except OSError as error:  # a full disk behind `>`, or a pipe that nobody reads any more
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"ferkit: the output {system_error(error)[7:]}", file=sys.stderr)
            code = code or DataError.exit_code
    sys.exit(code)
