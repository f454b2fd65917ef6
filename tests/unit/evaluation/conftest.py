import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from ferkit.emotions import EMOTIONS
from ferkit.evaluation.compare import align
from ferkit.evaluation.intervals import bootstrap, percentile_interval, resampling_units
from ferkit.evaluation.metrics import METRICS, compute_metrics
from ferkit.evaluation.outcomes import read_outcomes


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def make_predictions():
    def make(n=200, classes=7, subjects=0, seed=0, skill=1.5):
        rng = np.random.default_rng(seed)
        names = np.array(EMOTIONS[:classes])
        truth = rng.choice(classes, n, p=np.arange(1, classes + 1) / sum(range(classes + 1)))
        scores = rng.normal(size=(n, classes))
        scores[np.arange(n), truth] += skill
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        frame = pd.DataFrame(
            {
                "key": [f"k{i:04d}" for i in range(n)],
                "dataset": "fer2013",
                "view": "val",
                "subject": [f"s{i % subjects}" for i in range(n)] if subjects else "",
                "sequence": "",
                "frame": -1,
                "label": names[truth],
                "predicted": names[p.argmax(axis=1)],
            }
        )
        return frame.assign(**{f"p_{name}": p[:, i] for i, name in enumerate(names)})

    return make


@pytest.fixture
def paired_differences():
    """The plain reference of what `ferkit.evaluation.seeds` does at once for several seeds."""
    return _paired_differences


@pytest.fixture
def mcnemar():
    return _mcnemar


def _paired_differences(first, second, *, resamples=1000, seed=0):
    """How much higher the second run's metrics are, with 95% intervals by a paired bootstrap.

    Both runs are measured on the very same resamples of subjects (else videos, else images).

    Returns:
        `n`, `resampled` and, per metric, `difference` and `interval` (None for a single unit).
    """
    left, right = align(first, second)
    units = resampling_units(left)
    before, after = (compute_metrics(frame, intervals=False) for frame in (left, right))
    low, high = (
        bootstrap(read_outcomes(frame), units, resamples=resamples, seed=seed)
        for frame in (left, right)
    )
    result = {
        "n": len(left),
        "resampled": {"units": units.words, "resamples": resamples, "seed": seed},
    }
    for name in METRICS:
        if before[name] is not None and after[name] is not None:
            spread = percentile_interval(high[name] - low[name]) if units.count > 1 else None
            result[name] = {"difference": after[name] - before[name], "interval": spread}
    return result


def _mcnemar(first, second):
    """Test whether two runs err equally often on the same rows (exact, two-sided).

    McNemar 1947, doi:10.1007/BF02295996. The test takes rows as independent.

    Returns:
        Rows that only the first and only the second run got right, and the p-value.
    """
    left, right = align(first, second)
    hit, other = (np.asarray(f["label"] == f["predicted"]) for f in (left, right))
    only_first, only_second = int((hit & ~other).sum()), int((~hit & other).sum())
    decided = only_first + only_second
    p_value = float(binomtest(only_first, decided).pvalue) if decided else 1.0
    return {"only_first": only_first, "only_second": only_second, "p_value": p_value}
