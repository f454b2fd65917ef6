"""What a cross-validation's report adds: each fold by itself, mean and deviation over folds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ferkit.evaluation.metrics import compute_metrics
from ferkit.evaluation.outcomes import labelled
from ferkit.reports.blocks import Table
from ferkit.reports.tables import METRIC_NAMES, format_metric

_SHOWN = ("accuracy", "balanced_accuracy", "macro_f1")


def measure_folds(predictions: pd.DataFrame) -> dict[str, Any]:
    """What metrics.json holds beside a view's own metrics.

    Args:
        predictions: With `fold`, the number as in split.fold; nothing comes back without it.

    Returns:
        `folds`: one mapping per fold, of fold, n, accuracy, balanced_accuracy and macro_f1.
    """
    if "fold" not in predictions:
        return {}
    rows = labelled(predictions)
    folds = []
    for fold, frame in rows.groupby("fold"):
        found = compute_metrics(frame, intervals=False)
        folds.append({"fold": int(str(fold)), **{name: found[name] for name in ("n", *_SHOWN)}})
    return {"folds": folds}


def folds_table(metrics: Mapping[str, Any]) -> dict[str, Table]:
    """The heading and the table of `measure_folds`; nothing where there are no folds."""
    folds = metrics.get("folds")
    if not folds:
        return {}
    rows = [
        (str(each["fold"]), f"{each['n']:,}", *(format_metric(each[name]) for name in _SHOWN))
        for each in folds
    ]
    values = np.array([[each[name] for name in _SHOWN] for each in folds], dtype=float)
    rows.append(("mean", "", *map(format_metric, values.mean(axis=0).tolist())))
    if len(folds) > 1:
        rows.append(("deviation", "", *map(format_metric, values.std(axis=0, ddof=1).tolist())))
    header = ("Fold", "Faces", *(METRIC_NAMES[name] for name in _SHOWN))
    return {"Each fold, mean and standard deviation": Table(header, tuple(rows))}
