"""The result of a search: a table, the best command line, a picture of what was tried."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ferkit.printable import quoted
from ferkit.reports.document import Sheet
from ferkit.reports.formats import write_document
from ferkit.runs.read import read_rows
from ferkit.sweeps.plots import draw_history, draw_slices, png
from ferkit.sweeps.shared import first_number, results
from ferkit.sweeps.space import Space
from ferkit.sweeps.study import best_trial

STATES = {
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: "ended early",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "stopped; goes on with resume",
    TrialState.WAITING: "waiting",
}


def write_sweep(study: Study, space: Space, monitor: str, folder: Path) -> str | None:
    """Write trials.csv, report.md, report.tex, report.html and two pictures.

    Returns:
        The best trial's command line, None where no trial was completed.
    """
    best = best_trial(study)
    command = command_line(space, best, monitor) if best else None
    sheets = [_trials_sheet(study, space, monitor, folder)]
    if command:
        below = ("It repeats the trial's training, in a folder of its own.",)
        sheets.insert(0, Sheet("best", "The best command line", ("Command",), ((command,),), below))
    pictures = {"history.png": png(draw_history(study, monitor))} if best else {}
    if best:
        pictures["slices.png"] = png(draw_slices(study, space, monitor))
    title = f"Search over {', '.join(space.distributions)}"
    notes = _notes(study, monitor, folder, best)
    write_document(folder, "report", title, sheets, pictures=pictures, notes=notes)
    return command


def command_line(space: Space, trial: FrozenTrial, monitor: str) -> str:
    """What to paste into a shell to train a trial again."""
    words = [*space.words(trial.params), f"trainer.monitor={monitor}"]
    return shlex.join(["ferkit", "train", *words])


def _notes(study: Study, monitor: str, folder: Path, best: FrozenTrial | None) -> list[str]:
    states = [t.state for t in results(study.get_trials(deepcopy=False))]
    counts = ", ".join(f"{states.count(s)} {name}" for s, name in STATES.items() if s in states)
    ends = "largest" if study.direction.name == "MAXIMIZE" else "smallest"
    notes = [
        f"{len(states)} trials: {counts}.",
        f"Trials are compared by the {ends} {monitor} of their epochs. Everything here was chosen "
        "on val alone; no trial has looked at test.",
    ]
    if best is None:
        return [*notes, "No trial was completed."]
    look = shlex.join(["ferkit", "eval", f"run={quoted(_folder(folder, best))}", "view=test"])
    return [
        *notes,
        f"Best: trial {best.number}, {monitor} {best.value:.4f}. The best of many is better on val "
        f"than on faces it was not chosen by; one look at test says how good it is: {look}",
    ]


def _trials_sheet(study: Study, space: Space, monitor: str, folder: Path) -> Sheet:
    sign = -1 if study.direction.name == "MAXIMIZE" else 1
    order = {state: i for i, state in enumerate(STATES)}
    trials = sorted(
        results(study.get_trials(deepcopy=False)),
        key=lambda t: (order[t.state], sign * (t.value or 0.0), t.number),
    )
    keys = list(space.distributions)
    said = any("last_line" in t.user_attrs for t in trials)
    columns = ("Trial", "State", monitor, "Epoch", "Epochs", *keys, "Minutes")
    return Sheet(
        "trials",
        "Trials, best first",
        (*columns, "Last line") if said else columns,
        tuple(_row(t, keys, folder, said) for t in trials),
        ("Epoch: where that metric was reached. Epochs: how many were trained.",),
    )


def _row(trial: FrozenTrial, keys: Sequence[str], folder: Path, said: bool) -> tuple[str, ...]:
    rows = read_rows(_folder(folder, trial))
    epoch = trial.user_attrs.get("epoch", trial.last_step if trial.value is not None else None)
    minutes = sum(float(row.get("seconds", 0)) for row in rows) / 60
    cells = [
        str(trial.number),
        STATES[trial.state],
        "" if trial.value is None else f"{trial.value:.4f}",
        "" if epoch is None else str(epoch),
        str(len(rows)),
        *(_show(trial.params, key) for key in keys),
        f"{minutes:.1f}",
    ]
    return (*cells, str(trial.user_attrs.get("last_line", ""))) if said else tuple(cells)


def _show(parameters: Mapping[str, object], key: str) -> str:
    value = parameters.get(key, "")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _folder(home: Path, trial: FrozenTrial) -> Path:
    """Where a trial's run lies: under the number of its first attempt."""
    return home / "trials" / str(first_number(trial))
