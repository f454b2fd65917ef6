"""The metrics of a view, as they stand in metrics.json.

Macro metrics are over classes with support; a division by zero is 0. Point metrics come from
scikit-learn where it has them; tests hold the counts of the bootstrap against it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ferkit.evaluation.confusion import count_confusion, overall_metrics
from ferkit.evaluation.intervals import (
    bootstrap,
    calibration_error,
    calibration_sums,
    percentile_interval,
    resampling_units,
    top2_hits,
    wilson,
)
from ferkit.evaluation.outcomes import (
    Outcomes,
    labelled,
    read_outcomes,
    restrict_to_shared,
    shared_classes,
)
from ferkit.runs.fingerprint import IN_TRAIN

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "weighted_precision",
    "top2_accuracy",
    "mcc",
    "roc_auc",
    "ece",
)


def compute_metrics(
    predictions: pd.DataFrame, *, intervals: bool = True, resamples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Measure a view.

    Args:
        predictions: Rows of key, dataset, subject, sequence, label, predicted and p_<emotion>;
            labels and predictions are names, the order of the p_ columns is the network's, and
            rows without a label are left out. A label may be a class that the network has not.
        intervals: Whether to add 95% intervals.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Returns:
        `n`, the overall metrics, `per_class`, the classes `absent` (an output without any row),
        `never_predicted` and `foreign` (a label that is no output), `intervals` and what was
        `resampled`; where outputs and labels differ also `shared`, the same metrics over the
        classes that both have. `roc_auc` is None where it is not defined. Of another dataset also
        `in_train`: how many rows were left out since they share an image, a source or a subject
        with the training view, and `with_in_train`: some metrics with them.

    Raises:
        DataError: the frame holds nothing that can be measured.
    """
    rows = labelled(predictions)
    outcomes = read_outcomes(rows)
    metrics: dict[str, Any] = {"n": len(rows), **_overall(outcomes)}
    metrics["per_class"] = _per_class(outcomes)
    metrics |= _remarkable(outcomes)
    if intervals:
        metrics |= _intervals(rows, outcomes, resamples, seed)
    metrics |= _in_train(predictions)
    shared = shared_classes(rows)
    if len(shared) > 1 and (metrics["absent"] or metrics["out_of_vocabulary"]):
        metrics["shared"] = {"classes": list(shared)} | compute_metrics(
            restrict_to_shared(rows), intervals=intervals, resamples=resamples, seed=seed
        )
    return metrics


def _in_train(predictions: pd.DataFrame) -> dict[str, Any]:
    """Rows that were left out since they share something with the training view; with them."""
    if IN_TRAIN not in predictions:
        return {}
    shared = predictions[IN_TRAIN].fillna("")
    counts = {str(kind): int(n) for kind, n in shared[shared != ""].value_counts().items()}
    if not counts:
        return {IN_TRAIN: {}}
    whole = compute_metrics(predictions.drop(columns=IN_TRAIN), intervals=False)
    kept = ("n", "accuracy", "balanced_accuracy", "macro_f1")
    return {IN_TRAIN: counts, "with_in_train": {name: whole[name] for name in kept}}


def quick_metrics(
    labels: ArrayLike, predicted: ArrayLike, classes: Sequence[str]
) -> dict[str, float]:
    """Accuracy, macro F1 and balanced accuracy of an epoch, by counts alone.

    Args:
        labels: [N] class ids into `classes`, or names.
        predicted: [N] class ids into `classes`, or names.
        classes: The names.

    >>> quick_metrics([0, 0, 1], [0, 1, 1], ["sad", "happy"])["balanced_accuracy"]
    0.75
    """
    confusion = count_confusion(
        _class_ids(labels, classes), _class_ids(predicted, classes), len(classes)
    )
    metrics = overall_metrics(confusion)
    return {name: float(metrics[name]) for name in ("accuracy", "macro_f1", "balanced_accuracy")}


def _class_ids(values: ArrayLike, classes: Sequence[str]) -> NDArray[np.int64]:
    given = np.asarray(values)
    if given.dtype.kind in "iu":
        return given.astype(np.int64)
    class_ids = {name: code for code, name in enumerate(classes)}
    return np.array([class_ids[str(name)] for name in given], dtype=np.int64)


def confusion_frame(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count the confusion matrix of a view: true class in rows, predicted in columns."""
    outcomes = read_outcomes(predictions)
    names = list(outcomes.classes)
    frame = pd.DataFrame(_count(outcomes), index=names, columns=names)
    return frame.rename_axis(index="true", columns="predicted")


def _count(outcomes: Outcomes) -> NDArray[np.int64]:
    return count_confusion(outcomes.truth, outcomes.predicted, len(outcomes.classes))


def _overall(outcomes: Outcomes) -> dict[str, float | None]:
    from sklearn import metrics

    truth, predicted = outcomes.truth, outcomes.predicted
    present = np.unique(truth)
    scored = {"labels": present, "zero_division": 0}
    return {
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "balanced_accuracy": float(
            metrics.recall_score(truth, predicted, average="macro", **scored)
        ),
        "macro_f1": float(metrics.f1_score(truth, predicted, average="macro", **scored)),
        "weighted_f1": float(metrics.f1_score(truth, predicted, average="weighted", **scored)),
        "weighted_precision": float(
            metrics.precision_score(truth, predicted, average="weighted", **scored)
        ),
        "top2_accuracy": float(top2_hits(outcomes).mean()),
        # by counts: scikit-learn's warns where a single class is left
        "mcc": float(overall_metrics(_count(outcomes))["mcc"]),
        "roc_auc": _roc_auc(outcomes),
        "ece": float(calibration_error(calibration_sums(outcomes))),
    }


def _roc_auc(outcomes: Outcomes) -> float | None:
    # One class at a time: scikit-learn's multi_class="ovr" refuses absent and unknown classes.
    from sklearn.metrics import roc_auc_score

    areas = []
    for code in range(outcomes.outputs):
        positive = outcomes.truth == code
        if positive.any() and not positive.all():
            areas.append(roc_auc_score(positive, outcomes.probabilities[:, code]))
    return float(np.mean(areas)) if areas else None


def _per_class(outcomes: Outcomes) -> dict[str, dict[str, float | int]]:
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, support = precision_recall_fscore_support(
        outcomes.truth, outcomes.predicted, labels=range(len(outcomes.classes)), zero_division=0
    )
    return {
        name: {
            "precision": float(precision[code]),
            "recall": float(recall[code]),
            "f1": float(f1[code]),
            "support": int(support[code]),
        }
        for code, name in enumerate(outcomes.classes)
    }


def _remarkable(outcomes: Outcomes) -> dict[str, list[str]]:
    outputs = outcomes.classes[: outcomes.outputs]
    present, taken = set(outcomes.truth.tolist()), set(outcomes.predicted.tolist())
    return {
        "absent": [name for code, name in enumerate(outputs) if code not in present],
        "never_predicted": [name for code, name in enumerate(outputs) if code not in taken],
        "out_of_vocabulary": list(outcomes.classes[outcomes.outputs :]),
    }


def _intervals(
    rows: pd.DataFrame, outcomes: Outcomes, resamples: int, seed: int
) -> dict[str, dict[str, Any]]:
    units = resampling_units(rows)
    drawn = {"units": units.words, "resamples": resamples, "seed": seed}
    samples = {}
    if units.count > 1:  # a single unit drawn again and again would claim certainty
        samples = bootstrap(outcomes, units, resamples=resamples, seed=seed)
    overall = {name: percentile_interval(samples[name]) for name in METRICS if name in samples}
    per_class = {
        name: _class_intervals(outcomes, code, samples)
        for code, name in enumerate(outcomes.classes)
    }
    known = {name: interval for name, interval in overall.items() if interval}
    return {"intervals": {**known, "per_class": per_class}, "resampled": drawn}


def _class_intervals(
    outcomes: Outcomes, code: int, samples: dict[str, NDArray[np.float64]]
) -> dict[str, list[float]]:
    hits = int(((outcomes.truth == code) & (outcomes.predicted == code)).sum())
    found = {
        "precision": wilson(hits, int((outcomes.predicted == code).sum())),
        "recall": wilson(hits, int((outcomes.truth == code).sum())),
        # without a single hit every resample is 0, which would claim certainty
        "f1": percentile_interval(samples["per_class_f1"][:, code]) if samples and hits else None,
    }
    return {name: interval for name, interval in found.items() if interval}
