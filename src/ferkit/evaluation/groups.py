"""Metrics of groups of people, poses or subjects, and the gap between groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.evaluation.compare import align
from ferkit.evaluation.intervals import percentile_interval, resampling_units
from ferkit.evaluation.outcomes import read_outcomes
from ferkit.evaluation.seeds import RESAMPLES, resample, tally, tally_metrics

GROUPS = ("sex", "age", "angle")  # columns of an index that predictions carry along
METRICS = ("accuracy", "balanced_accuracy")


@dataclass(frozen=True)
class GroupMetric:
    """One metric of one group, the mean over the given runs.

    Attributes:
        interval: 95% over rows (over subjects where they are known), or None.
    """

    group: str
    rows: int
    value: float
    interval: list[float] | None


@dataclass(frozen=True)
class Gap:
    """The group with the highest metric less the one with the lowest.

    The two are chosen on the whole sample and kept on the resamples, so that among many groups the
    interval is too kind to the gap.
    """

    highest: str
    lowest: str
    value: float
    interval: list[float] | None


def known_groups(frame: pd.DataFrame) -> list[str]:
    """The columns of predictions that part them into at least two groups."""
    return [name for name in GROUPS if name in frame and len(_values(frame[name])) > 1]


def _values(column: pd.Series) -> list[str]:
    return sorted(set(column.fillna("").astype(str)) - {""})


def measure_groups(
    frames: Sequence[pd.DataFrame], column: str, metric: str, *, resamples: int = RESAMPLES
) -> tuple[list[GroupMetric], Gap]:
    """A metric for every group, and the gap between the extremes; rows without a group are out.

    Args:
        frames: Predictions of the same rows by runs of one method.
        column: One of `known_groups`.
        metric: One of `METRICS`.
        resamples: Drawn once over all groups: of people where they are known.

    Raises:
        DataError: the frames do not hold the same rows.
    """
    rows = [align(frames[0], frame)[1] for frame in frames]
    member = rows[0][column].fillna("").astype(str).to_numpy()
    whole: dict[str, list[float]] = {name: [] for name in _values(rows[0][column])}
    drawn: dict[str, list[NDArray[np.float64]]] = {name: [] for name in whole}
    units = resampling_units(rows[0])
    for frame in rows:
        outcomes = read_outcomes(frame)
        each = tally(outcomes)  # [N, 3K]
        parts = [each * (member == name)[:, None] for name in whole]
        sums = np.split(resample(np.concatenate(parts, axis=1), units, resamples, 0), len(parts), 1)
        for name, part, resampled in zip(whole, parts, sums, strict=True):
            whole[name].append(float(tally_metrics(part.sum(axis=0), outcomes, ())[metric]))
            values = tally_metrics(resampled, outcomes, ())[metric]
            drawn[name].append(np.where(resampled.any(axis=1), values, np.nan))
    means = {name: float(np.mean(values)) for name, values in whole.items()}
    samples = {name: np.mean(values, axis=0) for name, values in drawn.items()}
    metrics = [
        GroupMetric(n, int((member == n).sum()), means[n], percentile_interval(samples[n]))
        for n in means
    ]
    high, low = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    interval = percentile_interval(samples[high] - samples[low])
    return metrics, Gap(high, low, means[high] - means[low], interval)


def subject_accuracies(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Faces and accuracy of every known subject, mean over runs, lowest accuracy first.

    Returns:
        Columns subject, faces and accuracy; no rows where no subject is known.
    """
    rows = pd.concat([align(frames[0], frame)[1] for frame in frames], ignore_index=True)
    subject = rows["subject"].fillna("").astype(str) if "subject" in rows else None
    if subject is None or (subject == "").all():
        return pd.DataFrame({"subject": [], "faces": [], "accuracy": []})
    right = (rows["label"] == rows["predicted"]).groupby(subject.to_numpy())
    found = pd.DataFrame({"faces": right.size() // len(frames), "accuracy": right.mean()})
    found = found.drop(index="", errors="ignore").rename_axis("subject").reset_index()
    return found.sort_values(["accuracy", "subject"], ignore_index=True)
