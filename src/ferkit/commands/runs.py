"""`ferkit runs [DIR] [sort=KEY] [out=FILE.csv]`: the runs below a folder, a row each."""

import csv
import shutil
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from ferkit.errors import ConfigError, DataError, unknown
from ferkit.files import write_text
from ferkit.log import log
from ferkit.printable import csv_cell, one_line, printable
from ferkit.runs.summary import RunSummary, find_runs, summarize

ROOT = Path("outputs")
COLUMNS = (
    "folder",
    "state",
    "dataset",
    "backbone",
    "epochs",
    "val_accuracy",
    "val_macro_f1",
    "test_accuracy",
    "test_macro_f1",
    "date",
    "typed",
)
SORTS = {name: name for name in COLUMNS} | {"val": "val_accuracy", "test": "test_accuracy"}
_HEADS = {
    "val_accuracy": "val",
    "val_macro_f1": "val F1",
    "test_accuracy": "test",
    "test_macro_f1": "test F1",
}
_NUMBERS = ("epochs", "val_accuracy", "val_macro_f1", "test_accuracy", "test_macro_f1")


def main(words: Sequence[str]) -> int:
    """Print the table, and write it as a csv where `out` asks for that."""
    root, sort, out = _read(words)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; give one that holds runs: ferkit runs DIR.")
    runs = _sorted([summarize(run) for run in find_runs(root)], sort)
    if not runs:
        raise DataError(f"No run below {root}; train one first, or give another folder.")
    if out is not None:
        write_text(out, _as_csv(runs))
    print("\n".join(_table(runs)))
    for run in runs:
        if run.problem:
            log.warning(f"damaged: {run.problem}")
    states = [run.state for run in runs]
    counted = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(sorted(states)))
    log.info(f"{len(runs)} runs: {counted}" + (f"; written: {out}" if out else ""))
    return 0


def _read(words: Sequence[str]) -> tuple[Path, str, Path | None]:
    folders = [word for word in words if "=" not in word or Path(word).is_dir()]
    given = dict(word.partition("=")[::2] for word in words if word not in folders)
    if wrong := [key for key in given if key not in ("sort", "out")]:
        raise ConfigError(unknown("key", wrong[0], ["sort", "out"]))
    if flags := [word for word in folders if word.startswith("-")]:
        raise ConfigError(f"{flags[0]}: give `ferkit runs DIR sort=KEY out=FILE.csv`.")
    if len(folders) > 1:
        raise ConfigError(f"`ferkit runs` takes one folder; {folders[1]!r} is one too many.")
    sort, out = given.get("sort", "folder"), given.get("out")
    if sort not in SORTS:
        raise ConfigError(unknown("sort", sort, SORTS))
    if out is not None and not out.endswith(".csv"):
        raise ConfigError(f"out={out}: the table is written as csv; give out={out or 'runs'}.csv.")
    return Path(folders[0]) if folders else ROOT, SORTS[sort], Path(out) if out else None


def _sorted(runs: list[RunSummary], key: str) -> list[RunSummary]:
    """Words from a to z; numbers and dates from the highest, runs without one last."""
    if key not in (*_NUMBERS, "date"):
        return sorted(runs, key=lambda run: (str(getattr(run, key)), str(run.folder)))
    with_it = [run for run in runs if getattr(run, key) not in (None, "")]
    with_it.sort(key=lambda run: getattr(run, key), reverse=True)
    return with_it + [run for run in runs if getattr(run, key) in (None, "")]


def _cells(run: RunSummary, digits: int) -> list[str]:
    cells = []
    for column in COLUMNS:
        value = getattr(run, column)
        if column == "epochs":
            asked = "" if run.asked is None else f"/{run.asked}"
            cells.append("" if value is None else f"{value}{asked}")
        elif isinstance(value, float):
            cells.append(f"{value:.{digits}f}")
        else:
            cells.append("" if value is None else one_line(str(value)))
    return cells


def _table(runs: Sequence[RunSummary]) -> list[str]:
    """Aligned columns without those that are empty; on a terminal the last is cut to its width."""
    heads = [_HEADS.get(column, column) for column in COLUMNS]
    rows = [heads, *(_cells(run, 3) for run in runs)]
    used = [k for k, cells in enumerate(zip(*rows[1:], strict=True)) if any(cells)]
    widths = {k: max(len(row[k]) for row in rows) for k in used}
    lines = []
    for row in rows:
        cells = [
            row[k].rjust(widths[k]) if COLUMNS[k] in _NUMBERS else row[k].ljust(widths[k])
            for k in used
        ]
        lines.append("  ".join(cells).rstrip())
    return [_cut(line) for line in lines]


def _cut(line: str) -> str:
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    return f"{line[: columns - 1]}…" if 20 < columns < len(line) else line


def _as_csv(runs: Sequence[RunSummary]) -> str:
    """Every column, with epochs done and asked apart, and what is damaged."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*COLUMNS, "asked", "problem"])
    for run in runs:
        cells = _cells(run, 6)
        cells[COLUMNS.index("epochs")] = "" if run.epochs is None else str(run.epochs)
        further = ["" if run.asked is None else str(run.asked), printable(run.problem)]
        writer.writerow(map(csv_cell, [*cells, *further]))
    return stream.getvalue()
