"""Several networks as one: the mean of their probabilities."""

from collections.abc import Sequence

import pandas as pd

from ferkit.errors import DataError
from ferkit.evaluation.outcomes import PROBABILITY, output_classes
from ferkit.runs.fingerprint import changed_images


def mean_predictions(members: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The predictions frame of an ensemble: mean probabilities, the most probable class.

    Each member's row is found by its key, so their orders may differ. A member's own rule of
    deciding (a cost matrix) plays no part, its adjusted probabilities do.

    Args:
        members: Predictions frames of the same view.

    Raises:
        DataError: the members have other rows, labels or outputs, or there is none.
    """
    if not members:
        raise DataError("An ensemble needs one run or more.")
    first = members[0].reset_index(drop=True)
    columns = [PROBABILITY + name for name in output_classes(first)]
    total = first[columns].to_numpy(dtype=float)
    for number, member in enumerate(members[1:], start=2):
        total = total + _aligned(first, member, number)[columns].to_numpy(dtype=float)
    result = first.copy()
    result[columns] = total / len(members)
    best = result[columns].to_numpy().argmax(axis=1)
    result["predicted"] = [columns[k][len(PROBABILITY) :] for k in best]
    return result


def _aligned(first: pd.DataFrame, member: pd.DataFrame, number: int) -> pd.DataFrame:
    theirs, ours = set(output_classes(member)), set(output_classes(first))
    if theirs != ours:
        odd = ", ".join(sorted(theirs ^ ours))
        raise DataError(
            f"Run {number} of the ensemble has other outputs than the first ({odd}); give runs of "
            "the same emotions."
        )
    rows = member.set_index("key")
    if rows.index.has_duplicates or set(rows.index) != set(first["key"]):
        raise DataError(
            f"Run {number} of the ensemble did not predict the rows of the first; give runs of the "
            "same dataset, view and split."
        )
    rows = rows.loc[first["key"]].reset_index()
    if (rows["label"].fillna("") != first["label"].fillna("")).any():
        raise DataError(f"Run {number} of the ensemble has other labels than the first.")
    if images := changed_images(first, rows):
        raise DataError(
            f"Run {number} of the ensemble saw other images than the first under {images} of the "
            "same keys; predict the view again in each on the same data."
        )
    return rows
