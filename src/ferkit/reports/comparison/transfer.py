"""The cross-dataset matrix: trained on in rows, tested on in columns."""

from collections.abc import Sequence
from dataclasses import replace

from ferkit.evaluation.intervals import percentile_interval
from ferkit.evaluation.outcomes import labelled, restrict_to_shared, shared_classes
from ferkit.evaluation.seeds import Measured, measure_runs
from ferkit.printable import in_words
from ferkit.reports.comparison.compare import NONE, metric_name, show_mean
from ferkit.reports.comparison.methods import HELD_OUT, Method, SavedRun, tagged
from ferkit.reports.document import Sheet
from ferkit.reports.tables import format_metric
from ferkit.runs.fingerprint import fingerprint
from ferkit.splits.split import ALL

_METRICS = ("accuracy", "balanced_accuracy", "macro_f1")
_RESAMPLES = 2000
_ALL = "All outputs of the network count: an answer that the dataset does not have is wrong."
_SHARED = (
    "Classes that network and dataset share: other faces and other outputs are left out, and the "
    "most probable of the rest is the answer."
)
_CELLS = "One run: with its 95% interval over rows; several seeds: mean ± standard deviation."
Column = tuple[str, str]  # dataset, view


def transfer_sheets(methods: Sequence[Method], view: str) -> list[Sheet]:
    """Two sheets a metric, all outputs and shared classes; none where no other dataset was met.

    Args:
        view: Of the dataset that a network was trained on; of others every predicted one is shown.
    """
    methods = _with_shared_names(methods)
    runs = [run for method in methods for run in method.runs]
    columns = sorted({column for run in runs for column in _columns(run, view)})
    if len({dataset for dataset, _ in columns}) < 2:
        return []
    notes = (_CELLS, *_counts(runs, columns))
    sheets = []
    for reading, suffix, words in (
        ("all outputs", "", _ALL),
        ("shared classes", "_shared", _SHARED),
    ):
        cells = {
            (method.name, column): _measure(method, column, shared=bool(suffix))
            for method in methods
            for column in columns
        }
        for metric in _METRICS:
            rows = tuple(
                (*_row_name(method), *(_cell(cells[method.name, c], metric) for c in columns))
                for method in methods
            )
            title = f"Trained on rows, tested on columns: {metric_name(metric)}, {reading}"
            header = ("Trained on", "Method", *(_name(column, columns) for column in columns))
            name = f"transfer_{metric}{suffix}"
            sheets.append(Sheet(name, title, header, rows, (words, *notes)))
    return sheets


def _with_shared_names(methods: Sequence[Method]) -> list[Method]:
    """The methods, a set that one run was tested on and another trained beside under one name.

    Another dataset's name carries the fingerprint of its data; where a run's own view has that very
    fingerprint, the column is the same.
    """
    own = {
        (tagged(run.dataset, frame), view): run.dataset
        for method in methods
        for run in method.runs
        for (dataset, view), frame in run.predictions.items()
        if dataset == run.dataset
    }
    return [
        replace(
            method,
            runs=tuple(
                replace(
                    run,
                    predictions={
                        (own.get((dataset, view), dataset), view): frame
                        for (dataset, view), frame in run.predictions.items()
                    },
                )
                for run in method.runs
            ),
        )
        for method in methods
    ]


def _columns(run: SavedRun, view: str) -> list[Column]:
    return [
        (dataset, name)
        for dataset, name in run.predictions
        if name in (view, HELD_OUT) or (dataset != run.dataset and name != "train")
    ]


def _name(column: Column, columns: Sequence[Column]) -> str:
    """A column's heading; the fingerprint stays where two sets share a name."""
    dataset, view = column
    bare = _bare(dataset)
    alike = [d for d, v in columns if _bare(d) == bare and v == view]
    shown = bare if len(alike) == 1 else dataset
    return shown if view in (bare, ALL) else f"{shown} {in_words(view)}"


def _bare(dataset: str) -> str:
    return dataset.partition(" [")[0]


def _row_name(method: Method) -> tuple[str, str]:
    return method.runs[0].dataset, method.name


def _counts(runs: Sequence[SavedRun], columns: Sequence[Column]) -> list[str]:
    """Faces of every column, and where the runs of a column saw different ones or labels."""
    notes = []
    for column in columns:
        found = [f for r in runs if (f := r.predictions.get(column)) is not None]
        keys = [fingerprint(labelled(frame)) for frame in found]
        counts = sorted({len(labelled(frame)) for frame in found})
        words = f"{_name(column, columns)}: {' or '.join(f'{n:,}' for n in counts)} faces"
        if len(set(keys)) > 1:
            words += ", not the same for every row: its metrics are not comparable down the column"
        notes.append(words + ".")
    return notes


def _measure(method: Method, column: Column, *, shared: bool) -> list[Measured]:
    found = []
    for run in method.runs:
        frame = run.predictions.get(column)
        if frame is None or labelled(frame).empty:
            continue
        if shared:
            if not shared_classes(frame):
                continue
            frame = restrict_to_shared(labelled(frame))
        found += measure_runs([frame], [run.seed], recall=(), resamples=_RESAMPLES)[0]
    return found


def _cell(runs: Sequence[Measured], metric: str) -> str:
    if not runs:
        return NONE
    if len(runs) == 1:
        interval = percentile_interval(runs[0].resampled[metric])
        return format_metric(runs[0].metrics[metric], interval)
    return show_mean([run.metrics[metric] for run in runs])
