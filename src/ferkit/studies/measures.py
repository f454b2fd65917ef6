"""Our metrics of a view: of one run with its interval, or the mean over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, stdev

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.evaluation.confusion import count_confusion, overall_metrics, per_class_metrics
from ferkit.evaluation.intervals import (
    draw_counts,
    percentile_interval,
    resampling_units,
    wilson,
)
from ferkit.evaluation.outcomes import labelled, read_outcomes

OVERALL = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_precision")
PER_CLASS = ("precision", "recall", "f1")
_RESAMPLES = 1000


@dataclass(frozen=True)
class Measured:
    """A metric of ours.

    Attributes:
        value: Of the run, or the mean over seeds.
        interval: Its 95% interval; over seeds, the mean of the ends of the runs' intervals.
        spread: The standard deviation over seeds; None for one run.
        seeds: How many runs.
    """

    value: float
    interval: tuple[float, float] | None = None
    spread: float | None = None
    seeds: int = 1


@dataclass(frozen=True)
class ViewMetrics:
    """What is measured on a view.

    Attributes:
        values: (class, metric of `PER_CLASS`) to its value, and ("", metric of `OVERALL`).
        support: Faces of each class.
        confusion: Counts summed over seeds: the true class in rows, in the order of the labels.
        left_out: Rows whose label is none of the study's.
    """

    values: Mapping[tuple[str, str], Measured]
    support: Mapping[str, int]
    confusion: pd.DataFrame
    left_out: int

    @cached_property
    def predicted(self) -> pd.Series:
        """How many faces were given to each class."""
        return self.confusion.sum(axis=0)

    @cached_property
    def shares(self) -> pd.DataFrame:
        """The confusion matrix as shares of each true class."""
        counts = self.confusion
        return counts.div(counts.sum(axis="columns").replace(0, 1), axis="index")

    @property
    def n(self) -> int:
        """Faces of one run."""
        return sum(self.support.values())


def measure(frames: Sequence[pd.DataFrame], labels: Sequence[str]) -> ViewMetrics | None:
    """Measure a view over the classes of a study.

    Args:
        frames: Predictions, one frame a seed.
        labels: The classes, in the study's order; rows of other labels are left out.

    Returns:
        The metrics, or None without a row.
    """
    known = [labelled(frame) for frame in frames]
    kept = [rows[rows["label"].isin(labels)].reset_index(drop=True) for rows in known]
    if not kept or any(rows.empty for rows in kept):
        return None
    values, confusions = zip(*(_measure_one(rows, labels) for rows in kept), strict=True)
    first = kept[0]["label"].value_counts()
    return ViewMetrics(
        values={key: over_seeds([one[key] for one in values]) for key in values[0]},
        support={label: int(first.get(label, 0)) for label in labels},
        confusion=sum(confusions[1:], confusions[0]),
        left_out=len(known[0]) - len(kept[0]),
    )


def over_seeds(values: Sequence[Measured]) -> Measured:
    """The mean over seeds with its spread; one value stays as it is.

    >>> over_seeds([Measured(0.5), Measured(0.7)]).value
    0.6
    """
    if len(values) == 1:
        return values[0]
    numbers = [m.value for m in values]
    ends = [m.interval for m in values if m.interval]
    interval = (fmean(e[0] for e in ends), fmean(e[1] for e in ends)) if ends else None
    return Measured(fmean(numbers), interval, stdev(numbers), len(numbers))


def _measure_one(
    rows: pd.DataFrame, labels: Sequence[str]
) -> tuple[dict[tuple[str, str], Measured], pd.DataFrame]:
    outcomes = read_outcomes(rows)
    names, size = list(outcomes.classes), len(outcomes.classes)
    confusion = count_confusion(outcomes.truth, outcomes.predicted, size)
    samples = _resample(rows, outcomes.truth * size + outcomes.predicted, size)
    overall = overall_metrics(confusion)
    values = {("", f): Measured(float(overall[f]), _percentiles(samples.get(f))) for f in OVERALL}
    for label in labels:
        own = _measure_class(confusion, names.index(label), samples) if label in names else {}
        values |= {(label, f): own.get(f, Measured(0.0)) for f in PER_CLASS}
    frame = pd.DataFrame(confusion, index=names, columns=names)
    others = [name for name in names if name not in labels and frame[name].any()]
    return values, frame.reindex(index=list(labels), columns=[*labels, *others], fill_value=0)


def _measure_class(
    confusion: NDArray[np.int64], code: int, samples: Mapping[str, NDArray[np.float64]]
) -> dict[str, Measured]:
    metrics = per_class_metrics(confusion)
    hits = int(confusion[code, code])
    spans = {
        "precision": wilson(hits, int(confusion[:, code].sum())),
        "recall": wilson(hits, int(confusion[code].sum())),
        "f1": None,
    }
    if samples and hits:  # without a hit every resample is 0, which would claim certainty
        spans["f1"] = percentile_interval(samples["f1"][:, code])
    return {
        f: Measured(float(metrics[f][code]), (span[0], span[1]) if span else None)
        for f, span in spans.items()
    }


def _resample(
    rows: pd.DataFrame, cells: NDArray[np.int64], size: int
) -> dict[str, NDArray[np.float64]]:
    units = resampling_units(rows)
    if units.count < 2:
        return {}
    sums = np.zeros((units.count, size * size))
    np.add.at(sums, (units.class_ids, cells), 1)
    blocks = draw_counts(units.count, _RESAMPLES, seed=0)
    drawn = np.concatenate([counts @ sums for counts in blocks]).reshape(-1, size, size)
    return {**overall_metrics(drawn), "f1": per_class_metrics(drawn)["f1"]}


def _percentiles(samples: NDArray[np.float64] | None) -> tuple[float, float] | None:
    found = None if samples is None else percentile_interval(samples)
    return (found[0], found[1]) if found else None
