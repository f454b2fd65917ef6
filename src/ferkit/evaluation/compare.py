"""Two runs on the same rows, brought to one order."""

import pandas as pd

from ferkit.errors import DataError
from ferkit.evaluation.outcomes import labelled
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
