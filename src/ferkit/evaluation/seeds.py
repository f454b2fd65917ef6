"""Methods of several seeds each, on the same rows: metrics, paired differences, and their tests.

Two sources of chance are kept apart: which faces are in the view (the bootstrap resamples them) and
which seed a network was trained with (the spread over seeds). An interval covers the first alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.evaluation.compare import align
from ferkit.evaluation.confusion import divide
from ferkit.evaluation.intervals import Units, draw_counts, percentile_interval, resampling_units
from ferkit.evaluation.outcomes import Outcomes, read_outcomes

Floats = NDArray[np.float64]
RECALL = "recall_"  # the prefix of one class' recall among the metrics
RESAMPLES = 10_000  # a corrected p-value of 1% over 20 comparisons needs as many


@dataclass(frozen=True)
class Measured:
    """One run on the rows that all runs share.

    Attributes:
        seed: None where unknown.
        metrics: accuracy, balanced_accuracy, macro_f1 and recall_<emotion>, on all rows.
        resampled: The same on every resample, [R] each; the draws are the same for all runs.
        right: [N], rows in the order of their keys.
    """

    seed: int | None
    metrics: Mapping[str, float]
    resampled: Mapping[str, Floats]
    right: NDArray[np.bool_]


@dataclass(frozen=True)
class Difference:
    """How much higher one method's mean over seeds is than another's.

    Attributes:
        interval: 95%, over rows; None where there is a single unit to resample.
        p_value: Two-sided, from the same resamples.
        per_seed: Where both have the same seeds, the difference of each.
    """

    value: float
    interval: list[float] | None
    p_value: float | None
    per_seed: list[float]

    @property
    def is_tie(self) -> bool:
        """Whether the interval holds 0, or there is none."""
        return self.interval is None or self.interval[0] <= 0 <= self.interval[1]


def measure_runs(
    frames: Sequence[pd.DataFrame],
    seeds: Sequence[int | None],
    *,
    recall: Sequence[str],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[list[Measured], Units]:
    """Measure runs on the same rows and on the same resamples of them.

    Args:
        frames: Predictions, one frame a run.
        seeds: Of the training, one a run.
        recall: Classes whose recall is wanted.
        resamples: Of subjects where they are known, else videos, else images.
        seed: Of the bootstrap.

    Returns:
        A measurement a run, and what was resampled.

    Raises:
        DataError: the frames do not hold the same rows with the same labels.
    """
    rows = [align(frames[0], frame)[1] for frame in frames]
    units = resampling_units(rows[0])
    outcomes = [read_outcomes(frame) for frame in rows]
    tallies = [tally(each) for each in outcomes]  # [N, 3K] each
    drawn = resample(np.concatenate(tallies, axis=1), units, resamples, seed)
    ends = np.cumsum([part.shape[1] for part in tallies])[:-1]
    measured = [
        Measured(
            seed=trained,
            metrics={
                n: float(v) for n, v in tally_metrics(whole.sum(axis=0), each, recall).items()
            },
            resampled=tally_metrics(part, each, recall),
            right=each.truth == each.predicted,
        )
        for trained, each, whole, part in zip(
            seeds, outcomes, tallies, np.split(drawn, ends, axis=1), strict=True
        )
    ]
    return measured, units


def tally(outcomes: Outcomes) -> NDArray[np.float32]:
    """Per row: correct predictions, predictions and faces of each class, [N, 3K]."""
    classes = np.arange(len(outcomes.classes))
    truth = outcomes.truth[:, None] == classes  # [N, K]
    taken = outcomes.predicted[:, None] == classes
    return np.concatenate([truth & taken, taken, truth], axis=1).astype(np.float32)


def resample(tallies: NDArray[np.float32], units: Units, resamples: int, seed: int) -> Floats:
    """Sums of rows [N, columns] over resamples of units, [R, columns]; none for a single unit."""
    if units.count < 2:  # a single unit drawn again and again would claim certainty
        return np.zeros((0, tallies.shape[1]))
    per_unit = np.zeros((units.count, tallies.shape[1]), dtype=np.float32)
    np.add.at(per_unit, units.class_ids, tallies)
    # float32 holds every count below 2**24 exactly
    blocks = [
        counts.astype(np.float32) @ per_unit for counts in draw_counts(units.count, resamples, seed)
    ]
    return np.concatenate(blocks).astype(np.float64)  # [R, columns]


def tally_metrics(sums: Floats, outcomes: Outcomes, recall: Sequence[str]) -> dict[str, Floats]:
    """Metrics from summed tallies [..., 3K]; macro metrics are over classes with support."""
    hits, taken, support = np.split(sums.astype(np.float64), 3, axis=-1)  # [..., K]
    present = support > 0
    recalls, f1 = divide(hits, support), divide(2 * hits, support + taken)
    count = present.sum(axis=-1).astype(np.float64)
    positions = {name: code for code, name in enumerate(outcomes.classes)}
    return {
        "accuracy": divide(hits.sum(axis=-1), support.sum(axis=-1)),
        "balanced_accuracy": divide((recalls * present).sum(axis=-1), count),
        "macro_f1": divide((f1 * present).sum(axis=-1), count),
        **{RECALL + name: recalls[..., positions[name]] for name in recall if name in positions},
    }


def difference(reference: Sequence[Measured], other: Sequence[Measured], name: str) -> Difference:
    """How much higher the other method's metric is, each the mean over its seeds.

    Rows are resampled once for all runs; the difference of the means is taken on every resample.
    """
    samples = _mean_resampled(other, name) - _mean_resampled(reference, name)
    interval = percentile_interval(samples) if len(samples) else None
    return Difference(
        value=_mean(other, name) - _mean(reference, name),
        interval=interval,
        p_value=_sign_test(samples) if len(samples) else None,
        per_seed=[b.metrics[name] - a.metrics[name] for a, b in _same_seeds(reference, other)],
    )


def _mean(runs: Sequence[Measured], name: str) -> float:
    return float(np.mean([run.metrics[name] for run in runs]))


def _mean_resampled(runs: Sequence[Measured], name: str) -> Floats:
    return np.asarray(np.mean([run.resampled[name] for run in runs], axis=0))


def _same_seeds(
    first: Sequence[Measured], second: Sequence[Measured]
) -> list[tuple[Measured, Measured]]:
    by_seed = {run.seed: run for run in first if run.seed is not None}
    return [(by_seed[run.seed], run) for run in second if run.seed in by_seed]


def _sign_test(samples: Floats) -> float:
    # how much of the bootstrap distribution lies beyond 0; one is added, or p could be 0
    beyond = min(int((samples <= 0).sum()), int((samples >= 0).sum()))
    return min(1.0, 2 * (beyond + 1) / (len(samples) + 1))


def mcnemar_over_seeds(first: Sequence[Measured], second: Sequence[Measured]) -> float:
    """The p-value of McNemar's exact test between two methods of one or several seeds.

    Networks of the same seed are paired (where no seed is the same, each with each) and tested
    one-sided; as the pairs judge the same rows their p-values depend on each other, so they are
    joined by twice their mean, which is valid however they depend (Vovk & Wang 2020,
    doi:10.1093/biomet/asaa027); seeds that point in opposite directions cancel. Then the two
    sides are joined by twice the smaller. A single pair is McNemar's test itself.
    """
    from scipy.stats import binomtest

    pairs = _same_seeds(first, second) or [(a, b) for a in first for b in second]
    less, greater = [], []
    for one, other in pairs:
        only_first, only_second = (one.right & ~other.right).sum(), (~one.right & other.right).sum()
        decided = int(only_first + only_second)
        if decided:
            less.append(binomtest(int(only_first), decided, alternative="less").pvalue)
            greater.append(binomtest(int(only_first), decided, alternative="greater").pvalue)
        else:
            less.append(1.0)
            greater.append(1.0)
    joined = [np.mean(values) * (2 if len(values) > 1 else 1) for values in (less, greater)]
    return min(1.0, 2 * float(min(joined)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values so that the chance of any false alarm stays 5% (Holm 1979).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p_values, dtype=np.float64)
    by_size = np.argsort(given, kind="stable")
    steps = np.maximum.accumulate(given[by_size] * np.arange(len(given), 0, -1))
    corrected = np.empty_like(given)
    corrected[by_size] = np.minimum(steps, 1)
    return [float(p) for p in corrected]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Correct p-values so that 5% of the alarms are false (Benjamini & Hochberg 1995).

    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.04, 0.03])]
    [0.03, 0.04, 0.04]
    """
    from scipy.stats import false_discovery_control

    return [float(p) for p in false_discovery_control(p_values)] if len(p_values) else []


CORRECTIONS = {"holm": holm, "bh": benjamini_hochberg}
