"""Confusion matrices, and the metrics that follow from their counts alone.

The true class is in rows, the predicted one in columns. All functions take stacks of matrices,
so that a bootstrap of a thousand resamples is one call.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def count_confusion(truth: ArrayLike, predicted: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Count a confusion matrix from class ids.

    >>> count_confusion([0, 0, 1], [0, 1, 1], 2)
    array([[1, 1],
           [0, 1]])
    """
    cells = np.asarray(truth) * classes + np.asarray(predicted)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def divide(over: Floats, under: Floats) -> Floats:
    """Divide, with 0 where the divisor is 0 (zero_division)."""
    over, under = np.broadcast_arrays(over, under)
    return np.divide(over, under, out=np.zeros_like(over, dtype=np.float64), where=under != 0)


def per_class_metrics(confusion: ArrayLike) -> dict[str, Floats]:
    """Precision, recall and F1 of every class.

    Args:
        confusion: Counts (or weighted counts), [..., K, K].

    Returns:
        precision, recall, f1 and support, each [..., K].
    """
    counts = np.asarray(confusion, dtype=np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)  # [..., K]
    support, taken = counts.sum(axis=-1), counts.sum(axis=-2)  # [..., K]
    return {
        "precision": divide(hits, taken),
        "recall": divide(hits, support),
        "f1": divide(2 * hits, support + taken),
        "support": support,
    }


def overall_metrics(confusion: ArrayLike) -> dict[str, Floats]:
    """Accuracy and the averages over classes with support.

    Args:
        confusion: Counts (or weighted counts), [..., K, K].

    Returns:
        accuracy, balanced_accuracy, macro_f1, weighted_f1, weighted_precision and mcc (Gorodkin
        2004, doi:10.1016/j.compbiolchem.2004.09.006), each [...].
    """
    counts = np.asarray(confusion, dtype=np.float64)
    each = per_class_metrics(counts)
    support, taken, total = each["support"], counts.sum(axis=-2), counts.sum(axis=(-2, -1))
    present = support > 0
    hits = np.trace(counts, axis1=-2, axis2=-1)
    chance = (support * taken).sum(axis=-1)
    spread = (total**2 - (taken**2).sum(axis=-1)) * (total**2 - (support**2).sum(axis=-1))

    def macro(values: Floats) -> Floats:
        return divide((values * present).sum(axis=-1), present.sum(axis=-1).astype(np.float64))

    return {
        "accuracy": divide(hits, total),
        "balanced_accuracy": macro(each["recall"]),
        "macro_f1": macro(each["f1"]),
        "weighted_f1": divide((each["f1"] * support).sum(axis=-1), total),
        "weighted_precision": divide((each["precision"] * support).sum(axis=-1), total),
        "mcc": divide(hits * total - chance, np.sqrt(spread)),
    }
