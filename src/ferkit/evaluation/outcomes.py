"""The predictions frame of a run, checked once and turned to arrays."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.emotions import order
from ferkit.errors import DataError
from ferkit.runs.fingerprint import IN_TRAIN

PROBABILITY = "p_"  # the prefix of the probability columns


@dataclass(frozen=True)
class Outcomes:
    """Labelled rows of a predictions frame as class ids into `classes`.

    Attributes:
        classes: The network's outputs in its own order, then labels that it has no output for.
        outputs: How many of `classes` are outputs.
        truth: [N] class_ids of the labels.
        predicted: [N] class_ids of the predictions, below `outputs`.
        probabilities: [N, outputs] in 0..1.
    """

    classes: tuple[str, ...]
    outputs: int
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]


def output_classes(predictions: pd.DataFrame) -> tuple[str, ...]:
    """Name the network's outputs, in the order of the p_ columns."""
    return tuple(c[len(PROBABILITY) :] for c in predictions.columns if c.startswith(PROBABILITY))


def labelled(predictions: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows that are judged: those with a label that share nothing with the training view.

    Raises:
        DataError: there is no column `label`.
    """
    if "label" not in predictions:
        raise DataError(
            "The predictions have no column 'label'; predict the view again with `ferkit eval`."
        )
    known = predictions["label"].notna() & (predictions["label"] != "")
    if IN_TRAIN in predictions:
        known &= predictions[IN_TRAIN].fillna("") == ""
    return predictions[known].reset_index(drop=True)


def read_outcomes(predictions: pd.DataFrame) -> Outcomes:
    """Check a predictions frame and turn its labelled rows to arrays.

    Raises:
        DataError: no labelled row, no p_ columns, a prediction that is no output of the network,
            or probabilities that are not numbers.
    """
    rows = labelled(predictions)
    names = output_classes(rows)
    if rows.empty:
        raise DataError("No row of the predictions has a label, so there is nothing to measure.")
    if not names or "predicted" not in rows:
        raise DataError(
            "The predictions lack the column 'predicted' or the p_<emotion> columns; predict the "
            "view again with `ferkit eval`."
        )
    probabilities = rows[[PROBABILITY + name for name in names]].to_numpy(dtype=np.float64)
    if not np.isfinite(probabilities).all():
        bad = int((~np.isfinite(probabilities)).any(axis=1).sum())
        raise DataError(
            f"{bad} of {len(rows)} predictions have probabilities that are not numbers: the "
            "network diverged; train again with a lower optimizer.lr."
        )
    classes = names + tuple(n for n in order(rows["label"].tolist()) if n not in names)
    class_ids = {name: code for code, name in enumerate(classes)}
    predicted = rows["predicted"].map(class_ids)
    if predicted.isna().any() or (predicted >= len(names)).any():
        strange = rows["predicted"][predicted.isna() | (predicted >= len(names))].iloc[0]
        raise DataError(
            f"Prediction {strange!r} is none of the network's outputs ({', '.join(names)}); "
            "predict the view again with `ferkit eval`."
        )
    return Outcomes(
        classes=classes,
        outputs=len(names),
        truth=np.asarray(rows["label"].map(class_ids), dtype=np.int64),
        predicted=np.asarray(predicted, dtype=np.int64),
        probabilities=probabilities,
    )


def shared_classes(predictions: pd.DataFrame) -> tuple[str, ...]:
    """Name the outputs that also occur as labels."""
    present = set(labelled(predictions)["label"])
    return tuple(name for name in output_classes(predictions) if name in present)


def restrict_to_shared(predictions: pd.DataFrame) -> pd.DataFrame:
    """Judge a network on another dataset by the classes that both know.

    Rows of other labels go, other outputs go, the rest of a row's probabilities are scaled to a
    sum of 1, and the prediction is the most probable of them where it was another one.
    """
    shared = shared_classes(predictions)
    dropped = [PROBABILITY + n for n in output_classes(predictions) if n not in shared]
    rows = predictions[predictions["label"].isin(shared)].drop(columns=dropped)
    columns = [PROBABILITY + name for name in shared]
    kept = rows[columns].to_numpy(dtype=np.float64)  # [N, shared]
    total = kept.sum(axis=1, keepdims=True)
    scaled = np.divide(kept, total, out=np.full_like(kept, 1 / len(shared)), where=total > 0)
    best = np.asarray(shared, dtype=object)[kept.argmax(axis=1)]
    rows = rows.assign(predicted=rows["predicted"].where(rows["predicted"].isin(shared), best))
    return rows.assign(**dict(zip(columns, scaled.T, strict=True))).reset_index(drop=True)
