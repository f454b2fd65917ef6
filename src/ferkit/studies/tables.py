"""Tables that several studies have: class by class, confusion matrices, class counts."""

from collections.abc import Mapping, Sequence

import pandas as pd

from ferkit.errors import DataError
from ferkit.evaluation.videos import Rule, video_predictions
from ferkit.reports.document import Sheet
from ferkit.studies.cells import (
    SHARE,
    Style,
    compare,
    show_count,
    show_difference,
    show_interval,
    show_ours,
    show_published,
    signed,
)
from ferkit.studies.document import TO_FILL, Subject, make_sheet
from ferkit.studies.measures import Measured, ViewMetrics, measure, over_seeds
from ferkit.studies.runs import StudyRun

_CURVE = Style(published=4, ours=4)


def measured(
    subject: Subject,
    trial: str,
    variant: str,
    view: str,
    labels: Sequence[str] | None = None,
    *,
    rule: Rule | None = None,
) -> ViewMetrics | None:
    """Measure a view of a trial over its seeds.

    Args:
        subject: The study and its runs; remembers what was measured.
        trial: Its name.
        variant: Its variant.
        view: The view.
        labels: The classes; those of the study where they are not given.
        rule: Measure videos, whose frames are pooled by this rule.

    Returns:
        The metrics, or None where a run or the view is missing or cannot be measured.
    """
    classes = tuple(labels or subject.labels)
    key = trial, variant, f"{view} by {rule}" if rule else view, classes
    if key not in subject.measured:
        try:
            subject.measured[key] = measure(_frames(subject, trial, variant, view, rule), classes)
        except DataError as error:  # a network that diverged leaves the other tables whole
            subject.measured[key] = None
            subject.faults.append(f"{trial} ({variant}), {key[2]}: {error}")
    return subject.measured[key]


def _frames(
    subject: Subject, trial: str, variant: str, view: str, rule: Rule | None
) -> list[pd.DataFrame]:
    found = subject.runs.of(trial, variant)
    frames = [run.views[view] for run in found if view in run.views]
    if len(frames) < len(found):
        return []
    return [video_predictions(frame, rule) for frame in frames] if rule else frames


def left_out_notes(metrics: Mapping[str, ViewMetrics | None]) -> tuple[str, ...]:
    """Say how many faces of other labels are not counted: name of a view to its metrics."""
    return tuple(
        f"{name}: {found.left_out:,} faces with labels that are none of the classes are left out."
        for name, found in metrics.items()
        if found is not None and found.left_out
    )


def shares(counts: pd.DataFrame) -> pd.DataFrame:
    """A confusion matrix, the true class in rows, as shares of each true class."""
    return counts.div(counts.sum(axis="columns").replace(0, 1), axis="index")


def precision_cells(
    published: float | None, metrics: ViewMetrics | None, label: str, style: Style = SHARE
) -> tuple[str, str, str]:
    """Our precision of a class, its interval and the difference; says what is never predicted."""
    if metrics is None:
        return "", "", ""
    ours = metrics.classes[label]["precision"]
    _, shown, interval, difference = compare(published, ours, style)
    never = not metrics.predicted.get(label, 0)
    return shown, "never predicted" if never else interval, difference


def matrix_columns(labels: Sequence[str]) -> tuple[str, ...]:
    """The header of the cells of `matrix_rows` and `our_matrix_rows`."""
    return (*labels, "Sum", "95% interval of the diagonal")


def matrix_rows(frame: pd.DataFrame, *lead: str, digits: int = 2) -> list[tuple[str, ...]]:
    """The rows of a matrix of shares as cells, each with its sum behind, and no interval."""
    return [
        (*lead, str(name), *(f"{v:.{digits}f}" for v in values), f"{values.sum():.{digits}f}", "")
        for name, values in frame.iterrows()
    ]


def our_matrix_rows(
    metrics: ViewMetrics, *lead: str, published: pd.DataFrame | None = None
) -> list[tuple[str, ...]]:
    """Our shares of each true class, the true class in rows, and how they differ from a print.

    What a network gives to classes that the study has not is missing from a row's sum.
    """
    ours = shares(metrics.confusion)
    ours = ours.reindex(columns=ours.index, fill_value=0.0)
    rows = [
        (*row[:-1], show_interval(metrics.classes[str(name)]["recall"], Style(ours=2)))
        for name, row in zip(ours.index, matrix_rows(ours, *lead), strict=True)
    ]
    if published is not None:
        differences = ours[list(published.columns)] - published
        words = (*lead[:-1], f"difference of {lead[-1]}")
        rows += [
            (*words, str(name), *(signed(value, 2) for value in values), "", "")
            for name, values in differences.iterrows()
        ]
    return rows


def counts_rows(
    published: Mapping[str, int], ours: Mapping[str, int] | None, labels: Sequence[str]
) -> list[tuple[str, str, str, str]]:
    """Class, published count, our count, difference; the total below."""
    pairs = [(label, published.get(label, 0), (ours or {}).get(label, 0)) for label in labels]
    pairs.append(("total", sum(p[1] for p in pairs), sum(p[2] for p in pairs)))
    return [(name, *compare_counts(p, o if ours else None)) for name, p, o in pairs]


def compare_counts(published: int, ours: int | None) -> tuple[str, str, str]:
    """A published count, ours, and how many more ours is."""
    if ours is None:
        return show_count(published), "", ""
    return show_count(published), show_count(ours), f"{ours - published:+,}" if ours != published else "0"


def curves_sheet(
    subject: Subject,
    name: str,
    title: str,
    lines: Mapping[str, Mapping[str, Sequence[float | None]]],
    notes: Sequence[str],
    *,
    last: int | None = None,
) -> Sheet:
    """First and last values of published curves beside those of metrics.jsonl.

    Args:
        subject: The study and its runs.
        name: Of the csv file.
        title: What stands above.
        lines: Trial to column of metrics.jsonl to the published [first, last] values.
        notes: What stands below.
        last: Of how many last epochs ours are; None for all.
    """
    rows = []
    for trial, columns in lines.items():
        for variant in subject.runs.variants(trial):
            found = subject.runs.of(trial, variant)
            for number, (column, published) in enumerate(columns.items()):
                fill = subject.to_fill(trial, variant) if number == 0 else ""
                ends = [_ends(run.record.epochs.tail(last or 10**6), column) for run in found]
                rows.append(
                    (trial, variant, column.replace("_", " "), *_curve(published, ends), fill)
                )
    header = (
        "Trial", "Variant", "Curve", "Published, first", "Ours, first", "Published, last",
        "Ours, last", "Difference, last", TO_FILL,
    )  # fmt: skip
    quick = subject.quick((t, v) for t in lines for v in subject.runs.variants(t))
    return make_sheet(name, title, header, rows, (*quick, *notes))


def last_values(runs: Sequence[StudyRun], column: str) -> Measured | None:
    """The last value of a column of metrics.jsonl, over seeds."""
    ends = [_ends(run.record.epochs, column) for run in runs]
    known = [Measured(end[1]) for end in ends if end is not None]
    return over_seeds(known) if known else None


def value_at(runs: Sequence[StudyRun], column: str, epoch: int) -> Measured | None:
    """A column of metrics.jsonl at an epoch, over the seeds that came so far."""
    known = []
    for run in runs:
        epochs = run.record.epochs
        if column in epochs and "epoch" in epochs:
            values = pd.to_numeric(epochs.loc[epochs["epoch"] == epoch, column], errors="coerce")
            known += [Measured(float(value)) for value in values.dropna()[-1:]]
    return over_seeds(known) if known else None


def _ends(epochs: pd.DataFrame, column: str) -> tuple[float, float] | None:
    if column not in epochs or epochs.empty:
        return None
    values = pd.to_numeric(epochs[column], errors="coerce")
    return float(values.iloc[0]), float(values.iloc[-1])


def _curve(
    published: Sequence[float | None], ends: Sequence[tuple[float, float] | None]
) -> tuple[str, ...]:
    known = [end for end in ends if end is not None]
    cells: list[str] = []
    for which, value in enumerate(published):
        ours = over_seeds([Measured(end[which]) for end in known]) if known else None
        cells += [show_published(value, _CURVE), show_ours(ours, _CURVE)]
    return (*cells, show_difference(value, ours, _CURVE))
