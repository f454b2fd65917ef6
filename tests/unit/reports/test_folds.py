"""The table of a cross-validation's folds."""

import numpy as np
import pandas as pd
import pytest

from ferkit.reports.folds import folds_table, measure_folds


def frame(right):
    """Predictions of folds of ten faces each, of which so many are right."""
    rows = []
    for fold, hits in enumerate(right):
        for i in range(10):
            label = ("happy", "sad")[i % 2]
            other = ("sad", "happy")[i % 2]
            predicted = label if i < hits else other
            p = 0.9 if predicted == "happy" else 0.1
            rows.append((f"{fold}-{i}", label, predicted, p, 1 - p, fold))
    columns = ["key", "label", "predicted", "p_happy", "p_sad", "fold"]
    return pd.DataFrame(rows, columns=columns).assign(subject="", sequence="", dataset="x")


def test_each_fold_its_mean_and_its_deviation():
    metrics = measure_folds(frame([10, 6, 8]))
    assert [fold["accuracy"] for fold in metrics["folds"]] == [1.0, 0.6, 0.8]
    assert [fold["fold"] for fold in metrics["folds"]] == [0, 1, 2]
    (table,) = folds_table(metrics).values()
    rows = {row[0]: row for row in table.rows}
    assert rows["1"][:3] == ("1", "10", "0.600")
    assert rows["mean"][2] == "0.800"
    assert float(rows["deviation"][2]) == pytest.approx(np.std([1, 0.6, 0.8], ddof=1), abs=1e-3)


def test_without_folds_there_is_no_table():
    assert measure_folds(frame([5]).drop(columns="fold")) == {}
    assert folds_table({}) == {}
    assert [row[0] for row in folds_table(measure_folds(frame([5]))).popitem()[1].rows] == [
        "0",
        "mean",
    ]
