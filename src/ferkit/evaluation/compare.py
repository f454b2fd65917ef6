"""Two runs on the same rows: paired differences, so that luck of the rows cancels out."""

from typing import Any

import numpy as np
import pandas as pd

from ferkit.errors import DataError
from ferkit.evaluation.intervals import bootstrap, percentile_interval, resampling_units
from ferkit.evaluation.metrics import METRICS, compute_metrics
from ferkit.evaluation.outcomes import labelled, read_outcomes
from ferkit.runs.fingerprint import changed_images


def align(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bring two predictions frames to the same order of rows.

    Raises:
        DataError: the frames have other keys, a key twice, or other labels or images for a key.
    """
    left, right = labelled(first), labelled(second)
    for frame in (left, right):
        if frame["key"].duplicated().any():
            twice = frame["key"][frame["key"].duplicated()].iloc[0]
            raise DataError(f"Key {twice!r} was predicted twice; predictions cannot be paired.")
    left, right = (frame.sort_values("key", ignore_index=True) for frame in (left, right))
    alone = set(left["key"]) ^ set(right["key"])
    if alone:
        raise DataError(
            f"The runs did not predict the same rows: {len(alone)} keys are in one alone "
            f"(such as {min(alone)!r}); compare runs of the same dataset, view and split."
        )
    differ = (left["label"] != right["label"]).to_numpy()
    if differ.any():
        raise DataError(
            f"The runs disagree on the label of {int(differ.sum())} rows (such as "
            f"{left['key'][differ].iloc[0]!r}); compare runs with the same labels."
        )
    if images := changed_images(left, right):
        raise DataError(
            f"The runs saw other images under {images} of the same keys; predict both again on the "
            "same data."
        )
    return left, right


def paired_differences(
    first: pd.DataFrame, second: pd.DataFrame, *, resamples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """How much higher the second run's metrics are, with 95% intervals by a paired bootstrap.

    Both runs are measured on the very same resamples of subjects (else videos, else images).

    Returns:
        `n`, `resampled` and, per metric, `difference` and `interval` (None for a single unit).

    Raises:
        DataError: the frames do not hold the same rows.
    """
    left, right = align(first, second)
    units = resampling_units(left)
    before, after = (compute_metrics(frame, intervals=False) for frame in (left, right))
    low, high = (
        bootstrap(read_outcomes(frame), units, resamples=resamples, seed=seed)
        for frame in (left, right)
    )
    result: dict[str, Any] = {
        "n": len(left),
        "resampled": {"units": units.words, "resamples": resamples, "seed": seed},
    }
    for name in METRICS:
        if before[name] is not None and after[name] is not None:
            spread = percentile_interval(high[name] - low[name]) if units.count > 1 else None
            result[name] = {"difference": after[name] - before[name], "interval": spread}
    return result


def mcnemar(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, float | int]:
    """Test whether two runs err equally often on the same rows (exact, two-sided).

    McNemar 1947, doi:10.1007/BF02295996. The test takes rows as independent.

    Returns:
        Rows that only the first and only the second run got right, and the p-value.

    Raises:
        DataError: the frames do not hold the same rows.
    """
    from scipy.stats import binomtest

    left, right = align(first, second)
    hit, other = (np.asarray(f["label"] == f["predicted"]) for f in (left, right))
    only_first, only_second = int((hit & ~other).sum()), int((~hit & other).sum())
    decided = only_first + only_second
    p_value = float(binomtest(only_first, decided).pvalue) if decided else 1.0
    return {"only_first": only_first, "only_second": only_second, "p_value": p_value}
