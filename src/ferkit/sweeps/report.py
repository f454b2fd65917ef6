"""The result of a search: a table, the best command line, a picture of what was tried."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ferkit.printable import in_words, quoted
from ferkit.reports.document import Sheet
from ferkit.reports.formats import write_document
from ferkit.runs.read import read_rows
from ferkit.runs.summary import ENDED_EARLY
from ferkit.sweeps.plots import draw_history, draw_slices, png
from ferkit.sweeps.space import Space
from ferkit.sweeps.study import best_trial, results

STATES = {
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: ENDED_EARLY,
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "stopped; goes on with resume",
    TrialState.WAITING: "waiting",
}
_KEPT = {"machine": "Machine", "run": "Run", "last_line": "Last line"}  # columns where any has it
_ELSEWHERE = "running, of another worker"


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
    metric = in_words(monitor)
    captions = {
        "history.png": f"{metric} of each trial in turn, and the best so far",
        "slices.png": f"{metric} over the values of each key",
    }
    title = f"Search over {', '.join(space.distributions)}"
    notes = _notes(study, monitor, folder, best)
    write_document(
        folder, "report", title, sheets, pictures=pictures, captions=captions, notes=notes
    )
    return command


def command_line(space: Space, trial: FrozenTrial, monitor: str) -> str:
    """What to paste into a shell to train a trial again."""
    words = [*space.words(trial.params), f"trainer.monitor={monitor}"]
    return shlex.join(["ferkit", "train", *words])


def _notes(study: Study, monitor: str, folder: Path, best: FrozenTrial | None) -> list[str]:
    states = [_state(trial) for trial in results(study)]
    names = (*STATES.values(), _ELSEWHERE)
    counts = ", ".join(f"{states.count(name)} {name}" for name in names if name in states)
    ends = "largest" if study.direction.name == "MAXIMIZE" else "smallest"
    notes = [
        f"{len(states)} trials: {counts}.",
        *_length_notes(study, folder),
        f"Trials are compared by the {ends} {in_words(monitor)} of their epochs. Everything here "
        "was chosen on val alone; no trial has looked at test.",
    ]
    if best is None:
        return [*notes, "No trial was completed."]
    notes += _tie_notes(study, best)
    look = shlex.join(["ferkit", "eval", f"run={quoted(_run(best, folder))}", "view=test"])
    machine = best.user_attrs.get("machine")
    return [
        *notes,
        f"Best: trial {best.number}, {in_words(monitor)} {best.value:.4f}. The best of many is "
        f"better on val than on faces it was not chosen by; one look at test says how good it "
        f"is{f', on {machine}' if machine else ''}: {look}",
    ]


def _length_notes(study: Study, folder: Path) -> list[str]:
    """How long the trials took, and after how many epochs some were ended early."""
    trials = results(study)
    minutes = sum(_trained(trial, folder)[1] for trial in trials)
    ended = [t for t in trials if t.state is TrialState.PRUNED]
    notes = [
        f"Training took {_show_minutes(minutes)} minutes in all, without the starts of the trials."
    ]
    if ended:
        epochs = ", ".join(f"{t.last_step} (trial {t.number})" for t in ended)
        notes.append(f"Ended early, below the median of the others, at epoch: {epochs}.")
    return notes


def _tie_notes(study: Study, best: FrozenTrial) -> list[str]:
    """Which other trials reached the best value, and why the one is called the best."""
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    equal = [str(t.number) for t in done if t.value == best.value and t.number != best.number]
    rule = "Of trials that are equal the earliest is taken for the best"
    if not equal:
        return [f"{rule}; here none equals it."]
    trials = f"trial {equal[0]}" if len(equal) == 1 else f"trials {', '.join(equal)}"
    return [f"A tie for the best: trial {best.number} and {trials}. {rule}; val cannot part them."]


def _state(trial: FrozenTrial) -> str:
    shared = "run" in trial.user_attrs and trial.state is TrialState.RUNNING
    return _ELSEWHERE if shared else STATES[trial.state]


def _run(trial: FrozenTrial, folder: Path) -> Path:
    """Where a trial's run lies; that of a shared study on the machine of its worker."""
    return Path(trial.user_attrs.get("run", folder / "trials" / str(trial.number)))


def _trained(trial: FrozenTrial, folder: Path) -> tuple[int, float]:
    """Epochs and minutes of a trial: of a shared study what its worker recorded."""
    kept = trial.user_attrs
    if "run" in kept:
        return kept.get("epochs", len(trial.intermediate_values)), kept.get("seconds", 0.0) / 60
    rows = read_rows(_run(trial, folder))
    return len(rows), sum(float(row.get("seconds", 0)) for row in rows) / 60


def _show_minutes(minutes: float) -> str:
    """Minutes, with two digits where one would show 0.0."""
    return f"{minutes:.1f}" if minutes >= 1 else f"{minutes:.2f}"


def _trials_sheet(study: Study, space: Space, monitor: str, folder: Path) -> Sheet:
    sign = -1 if study.direction.name == "MAXIMIZE" else 1
    order = {state: i for i, state in enumerate(STATES)}
    trials = sorted(
        results(study),
        key=lambda t: (order[t.state], sign * (t.value or 0.0), t.number),
    )
    keys = list(space.distributions)
    kept = {name: key for key, name in _KEPT.items() if any(key in t.user_attrs for t in trials)}
    notes = [
        "Epoch: where that metric was reached, and where a trial was ended early. Epochs: how "
        "many were trained. Minutes: of training."
    ]
    if "Run" in kept:
        notes.append(
            "Run: the folder, on that machine. A trial that was queued again has a new number and "
            "the folder of its first."
        )
    return Sheet(
        "trials",
        "Trials, best first",
        ("Trial", "State", monitor, "Epoch", "Epochs", *keys, "Minutes", *kept),
        tuple(_row(t, keys, folder, tuple(kept.values())) for t in trials),
        tuple(notes),
    )


def _row(
    trial: FrozenTrial, keys: Sequence[str], folder: Path, kept: Sequence[str]
) -> tuple[str, ...]:
    epochs, minutes = _trained(trial, folder)
    epoch = trial.user_attrs.get("epoch", trial.last_step if trial.value is not None else None)
    return (
        str(trial.number),
        _state(trial),
        "" if trial.value is None else f"{trial.value:.4f}",
        "" if epoch is None else str(epoch),
        str(epochs),
        *(_show(trial.params, key) for key in keys),
        _show_minutes(minutes),
        *(str(trial.user_attrs.get(key, "")) for key in kept),
    )


def _show(parameters: Mapping[str, object], key: str) -> str:
    value = parameters.get(key, "")
    return f"{value:.4g}" if isinstance(value, float) else str(value)
