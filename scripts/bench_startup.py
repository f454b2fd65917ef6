"""Start-up: `ferkit --help` and `list` as multiples of a bare interpreter's start; composing.

    python scripts/bench_startup.py --json startup.json

Runs are interleaved, and the least processor time of each counts: other programs matter little.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

COMMANDS = {
    "bare interpreter": ["-c", "pass"],
    "ferkit --help": ["-m", "ferkit", "--help"],
    "ferkit list": ["-m", "ferkit", "list"],
    "compose a config": ["-c", "from ferkit.composition import compose; compose()"],
}


def seconds(words: list[str]) -> float:
    """Processor seconds of an interpreter given these words."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print a table, and write json where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(asked.rounds):
        for name, words in COMMANDS.items():
            found[name].append(seconds(words))
    least = {name: min(times) for name, times in found.items()}
    bare = least["bare interpreter"]
    for name, value in least.items():
        print(f"{name:20} {value:7.3f} s {value / bare:7.1f} times a bare interpreter")
    if asked.json:
        asked.json.write_text(json.dumps({"python": sys.version, "seconds": least}))


if __name__ == "__main__":
    main()
