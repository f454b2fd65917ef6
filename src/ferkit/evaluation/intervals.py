"""95% intervals: Wilson for shares of a count, the bootstrap for everything else.

Faces of one person are not independent, so the bootstrap resamples people where they are known,
else videos, else images. A thousand resamples are a few matrix products: every unit is reduced
to counts first (Efron & Tibshirani 1993, An Introduction to the Bootstrap, percentile intervals).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.evaluation.confusion import overall_metrics, per_class_metrics
from ferkit.evaluation.outcomes import Outcomes

Floats = NDArray[np.float64]
BINS = 15  # of the calibration error, equally wide
_CELLS = 1 << 22  # resamples times rows that are held at once
_CACHED = 64  # resamples at a time whose weights of a few thousand rows stay in the cache


@dataclass(frozen=True)
class Units:
    """What is drawn with replacement.

    Attributes:
        class_ids: [N] the unit of every row, 0..count-1.
        count: How many units there are.
        words: What they are, e.g. "118 subjects" or "24 subjects and 900 images".
    """

    class_ids: NDArray[np.int64]
    count: int
    words: str


def wilson(successes: int, trials: int) -> list[float] | None:
    """The 95% Wilson score interval of a share, or None without trials.

    Wilson 1927, doi:10.1080/01621459.1927.10502953.

    >>> [round(x, 3) for x in wilson(8, 10)]
    [0.49, 0.943]
    """
    from scipy.stats import binomtest

    if trials == 0:
        return None
    interval = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return [float(interval.low), float(interval.high)]


def resampling_units(rows: pd.DataFrame) -> Units:
    """Say which unit every row belongs to: its person, else its video, else itself.

    Args:
        rows: Predictions with key and, where known, dataset, subject and sequence ("" unknown).
    """
    dataset, subject, sequence = (_text(rows, c) for c in ("dataset", "subject", "sequence"))
    kind = np.select([subject != "", sequence != ""], ["subject", "video"], "image")
    name = np.select([subject != "", sequence != ""], [subject, sequence], rows["key"].astype(str))
    units = pd.DataFrame({"kind": kind, "dataset": dataset, "name": name})
    number = units.groupby(["kind", "dataset", "name"], sort=False).ngroup()
    class_ids = np.asarray(number, dtype=np.int64)
    found = units.drop_duplicates()["kind"].value_counts()
    words = [
        f"{found[k]:,} {k}{'s' if found[k] > 1 else ''}"
        for k in ("subject", "video", "image")
        if k in found
    ]
    return Units(class_ids, int(class_ids.max()) + 1 if len(class_ids) else 0, " and ".join(words))


def _text(rows: pd.DataFrame, column: str) -> NDArray[np.object_]:
    if column not in rows:
        return np.full(len(rows), "", dtype=object)
    return rows[column].fillna("").astype(str).to_numpy(dtype=object)


def draw_counts(units: int, resamples: int, seed: int, rows: int = 0) -> Iterator[Floats]:
    """Draw units with replacement, as often as there are units.

    Args:
        units: How many there are.
        resamples: How often to draw that many.
        seed: The draws depend on it alone, not on the size of the blocks.
        rows: How many rows the caller will spread each resample over; bounds the block size.

    Yields:
        Blocks [b, units] of how often each unit was drawn; b sums to `resamples`.
    """
    generator = np.random.default_rng(seed)
    block = max(1, _CELLS // max(units, rows, 1))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = generator.integers(0, units, size=(size, units))
        drawn += np.arange(size)[:, None] * units
        counts = np.bincount(drawn.ravel(), minlength=size * units)
        yield counts.reshape(size, units).astype(np.float64)


def calibration_bins(confidence: Floats) -> NDArray[np.int64]:
    """The bin of every confidence: bin b holds (b/15, (b+1)/15], and 0 lies in the first."""
    return np.digitize(confidence, np.linspace(0, 1, BINS + 1)[1:-1], right=True)


def calibration_error(bins: Floats) -> Floats:
    """Expected calibration error (Guo et al. 2017, arXiv:1706.04599) from sums per bin.

    Noise adds to it, so on few rows its bootstrap interval lies too high.

    Args:
        bins: [..., 15, 3]: rows in the bin, their summed confidence, how many are right.
    """
    gaps = np.abs(bins[..., 1] - bins[..., 2]).sum(axis=-1)
    return gaps / np.maximum(bins[..., 0].sum(axis=-1), 1)


def calibration_sums(outcomes: Outcomes) -> Floats:
    """Rows, summed confidence and correct predictions of the top label, per bin: [15, 3]."""
    each, bins = _calibration_rows(outcomes)
    sums = np.zeros((BINS, 3))
    np.add.at(sums, bins, each)
    return sums


def _calibration_rows(outcomes: Outcomes) -> tuple[Floats, NDArray[np.int64]]:
    confidence = outcomes.probabilities.max(axis=1)
    right = outcomes.probabilities.argmax(axis=1) == outcomes.truth
    each = np.stack([np.ones_like(confidence), confidence, right.astype(float)], axis=1)  # [N, 3]
    return each, calibration_bins(confidence)


def top2_hits(outcomes: Outcomes) -> NDArray[np.bool_]:
    """Whether the true class is among the two most probable, [N]."""
    best = np.argsort(-outcomes.probabilities, axis=1, kind="stable")[:, :2]
    return np.asarray((best == outcomes.truth[:, None]).any(axis=1))


def _sums_per_unit(outcomes: Outcomes, units: Units) -> Floats:
    # Everything but ROC AUC is a function of these sums, so a resample is one matrix product.
    classes = len(outcomes.classes)
    each, bins = _calibration_rows(outcomes)
    sums = np.zeros((units.count, classes * classes + 3 * BINS + 1))
    np.add.at(sums, (units.class_ids, outcomes.truth * classes + outcomes.predicted), 1)
    for column in range(3):
        np.add.at(sums, (units.class_ids, classes * classes + 3 * bins + column), each[:, column])
    np.add.at(sums[:, -1], units.class_ids, top2_hits(outcomes))
    return sums


@dataclass(frozen=True)
class Ranking:
    """Where the P rows of a class stand among the Q others by their score.

    Attributes:
        rows: [P].
        others: [Q], by ascending score.
        lower: [P], how many others score less.
        not_higher: [P], how many others score at most as much.
    """

    rows: NDArray[np.int64]
    others: NDArray[np.int64]
    lower: NDArray[np.int64]
    not_higher: NDArray[np.int64]


def rank(scores: Floats, positive: NDArray[np.bool_]) -> Ranking:
    """Rank once what `weighted_auc` weights many times: scores [N], whether of the class [N]."""
    rows, others = np.flatnonzero(positive), np.flatnonzero(~positive)
    others = others[np.argsort(scores[others], kind="stable")]
    lower, not_higher = (
        np.searchsorted(scores[others], scores[rows], side) for side in ("left", "right")
    )
    return Ranking(rows, others, lower, not_higher)


def weighted_auc(ranking: Ranking, weights: Floats) -> Floats:
    """The area under the ROC curve for many weightings of the same rows.

    Args:
        weights: [R, N], not negative.

    Returns:
        [R]; not a number where the positives or the negatives weigh nothing.
    """
    below = np.zeros((len(weights), len(ranking.others) + 1))
    np.cumsum(weights.take(ranking.others, axis=1), axis=1, out=below[:, 1:])
    own = weights.take(ranking.rows, axis=1)
    won = np.einsum("rp,rp->r", own, below.take(ranking.lower, axis=1))
    won += np.einsum("rp,rp->r", own, below.take(ranking.not_higher, axis=1))
    pairs = own.sum(axis=1) * below[:, -1]
    return np.divide(won / 2, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def rank_classes(outcomes: Outcomes) -> list[Ranking]:
    """A ranking of every output by its probability."""
    return [
        rank(outcomes.probabilities[:, code], outcomes.truth == code)
        for code in range(outcomes.outputs)
    ]


def macro_auc(rankings: Sequence[Ranking], weights: Floats) -> Floats:
    """The mean one-vs-rest ROC AUC over outputs with support, for many weightings.

    Args:
        rankings: `rank_classes` of N rows.
        weights: [R, N].

    Returns:
        [R]; not a number where no class has both sides.
    """
    parts = [weights[start : start + _CACHED] for start in range(0, len(weights), _CACHED)]
    areas = np.stack(
        [np.concatenate([weighted_auc(ranking, part) for part in parts]) for ranking in rankings]
    )  # [outputs, R]
    known = ~np.isnan(areas)
    count = known.sum(axis=0)
    total = np.where(known, areas, 0).sum(axis=0)
    return np.divide(total, count, out=np.full(len(weights), np.nan), where=count > 0)


def bootstrap(
    outcomes: Outcomes, units: Units, *, resamples: int = 1000, seed: int = 0
) -> dict[str, Floats]:
    """Every metric on every resample.

    Returns:
        Metric to [resamples]; `per_class_f1` is [resamples, K].
    """
    classes = len(outcomes.classes)
    sums, rankings = _sums_per_unit(outcomes, units), rank_classes(outcomes)
    blocks = []
    for counts in draw_counts(units.count, resamples, seed, rows=len(outcomes.truth)):
        drawn = counts @ sums  # [b, K*K + 3*15 + 1]
        confusion = drawn[:, : classes * classes].reshape(-1, classes, classes)
        bins = drawn[:, classes * classes : -1].reshape(-1, BINS, 3)
        metrics = overall_metrics(confusion)
        metrics["top2_accuracy"] = drawn[:, -1] / confusion.sum(axis=(1, 2))
        metrics["roc_auc"] = macro_auc(rankings, counts.take(units.class_ids, axis=1))
        metrics["ece"] = calibration_error(bins)
        metrics["per_class_f1"] = per_class_metrics(confusion)["f1"]
        blocks.append(metrics)
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def percentile_interval(samples: Floats) -> list[float] | None:
    """The middle 95% of bootstrap samples, or None where none is a number."""
    known = samples[~np.isnan(samples)]
    if not len(known):
        return None
    low, high = np.quantile(known, [0.025, 0.975])
    return [float(low), float(high)]
