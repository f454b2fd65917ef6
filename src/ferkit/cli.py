"""The words after `ferkit`. Commands are imported when asked for: `--help` needs no torch."""

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from ferkit.errors import FerkitError, unknown

COMMANDS = {
    "train": "train a classifier and report on val; bare: the built-in example",
    "eval": "make a run's report again, or predict a view and report on it",
    "data": "data check|prepare|show|fake dataset=NAME: look at, prepare or imitate a dataset",
    "predict": "faces and emotions of an image, a folder or a glob",
    "sweep": "search over any keys of train with Optuna; goes on after a kill",
    "list": "list [group] [pattern]: what can be chosen",
}

_TRACE = "debug=trace"
USAGE = "usage: ferkit <command> [key=value ...]\n\n" + "\n".join(
    f"  {name:<9} {what}" for name, what in COMMANDS.items()
) + (
    "\n\nAll take Hydra's grammar: ferkit train dataset=fer2013 optimizer.lr=1e-3; -m sweeps."
    "\n`ferkit <command> --help` shows its keys; debug=trace shows tracebacks."
)  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line; answers the exit code: 0 done, 1 our fault, 2 config, 3 data.

    Args:
        words: What follows `ferkit`; by default the process' own arguments.
    """
    words = list(sys.argv[1:] if words is None else words)
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if words[0] == "--version":
        from ferkit import __version__

        print(f"ferkit {__version__}")
        return 0
    try:
        return _run(words[0], [word for word in words[1:] if word != _TRACE])
    except FerkitError as error:
        if _TRACE in words:
            traceback.print_exc()
        print(f"ferkit: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("ferkit: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0


def _run(command: str, words: list[str]) -> int:
    if command not in COMMANDS:
        print(f"ferkit: {unknown('command', command, COMMANDS)}", file=sys.stderr)
        return 2
    if "-h" in words or "--help" in words:
        from ferkit.commands.help import describe

        print(describe(command))
        return 0
    module = import_module(f"ferkit.commands.{command}")
    return int(module.main(words) or 0)


def run() -> None:
    """The console script."""
    sys.exit(main())
