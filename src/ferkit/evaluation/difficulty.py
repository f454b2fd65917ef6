"""How easy a face is: how often a base classifier that did not see it got it right.

Kurmi et al. 2022: a base classifier is cross-validated over K folds, m times with other seeds;
R(x) = times x was classified correctly / times. A threshold parts easy faces from difficult ones.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ferkit.errors import DataError
from ferkit.evaluation.compare import align
from ferkit.evaluation.intervals import wilson


def difficulty_of_faces(repeats: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """R(x) of every labelled face.

    Args:
        repeats: The held-out predictions of m cross-validations of the same data; each face once
            in each.

    Returns:
        Columns key, label, times (m), right and fraction_right (R(x), 0..1), in the order of keys.

    Raises:
        DataError: the frames hold other rows or other labels, or a face twice.
    """
    rows = [align(repeats[0], frame)[1] for frame in repeats]
    right = np.stack([frame["label"] == frame["predicted"] for frame in rows]).sum(axis=0)
    return pd.DataFrame(
        {
            "key": rows[0]["key"],
            "label": rows[0]["label"],
            "times": len(rows),
            "right": right,
            "fraction_right": right / len(rows),
        }
    )


def easy_fractions(difficulty: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Faces, the fraction that is easy with its Wilson interval, and mean R(x); one row per class.

    Args:
        difficulty: From `difficulty_of_faces`.
        threshold: A face is easy where R(x) is at least this.
    """
    easy = difficulty.assign(easy=difficulty["fraction_right"] >= threshold)
    rows = []
    for label, group in easy.groupby("label", sort=False):
        found = int(group["easy"].sum())
        low, high = wilson(found, len(group)) or (np.nan, np.nan)
        rows.append(
            {
                "label": label,
                "faces": len(group),
                "easy": found,
                "fraction_easy": found / len(group),
                "low": low,
                "high": high,
                "mean_fraction_right": group["fraction_right"].mean(),
            }
        )
    return pd.DataFrame(rows)


def accuracy_by_difficulty(
    predictions: pd.DataFrame, difficulty: pd.DataFrame, threshold: float
) -> dict[str, tuple[int, int]]:
    """Correct predictions and faces of a model on the easy and on the difficult faces.

    Args:
        predictions: Of a model; only faces whose R(x) is known are judged.
        difficulty: From `difficulty_of_faces`.
        threshold: A face is easy where R(x) is at least this.

    Raises:
        DataError: no face is in both.
    """
    joined = predictions.merge(difficulty[["key", "fraction_right"]], on="key")
    if joined.empty:
        raise DataError(
            "None of the predicted faces has a known R(x); give runs that predicted faces which "
            "the cross-validation held out."
        )
    right = joined["label"] == joined["predicted"]
    easy = joined["fraction_right"] >= threshold
    return {
        name: (int(right[half].sum()), int(half.sum()))
        for name, half in (("easy", easy), ("difficult", ~easy))
    }
