"""Faces of other data that a run was trained on: by image, by source, by subject."""

import numpy as np
import pandas as pd

IDENTITY = ("label", "content", "dataset", "subject", "source")  # kept in a run's split.parquet
KINDS = ("image", "source", "subject")  # the strongest first


UNNAMED = ("folder", "table", "drawn")  # readers whose name says nothing of whose data it is


def overlap_with_train(train: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray:
    """What each row shares with the training rows.

    Ids mean something within one dataset alone, so sources and subjects are compared where both
    sides name the same dataset. What a folder or a table is called says nothing, unless the user
    has given it a name (`dataset.name`).

    Args:
        train: Training rows: `key` and the columns of `IDENTITY`.
        frame: Rows of other data, with the same columns.

    Returns:
        [N] "image" (equal pixels), "source" (made from the same image, or one from the other),
        "subject", or empty.
    """
    shared = {
        "image": _in(frame["content"], train["content"]),
        "source": _in(_ids(frame, "source"), _ids(train, "source"), _ids(train, "key"))
        | _in(_ids(frame, "key"), _ids(train, "source"), _ids(train, "key")),
        "subject": _in(_ids(frame, "subject"), _ids(train, "subject")),
    }
    found = np.full(len(frame), "", "<U7")
    for kind in reversed(KINDS):
        found[shared[kind]] = kind
    return found


def alike_subjects(train: pd.DataFrame, frame: pd.DataFrame) -> int:
    """Rows of an unnamed folder or table whose subject's id the training rows have too."""
    unnamed = frame["dataset"].isin(UNNAMED) & (frame["dataset"] != "drawn")
    known = set(train["subject"][train["dataset"].isin(frame["dataset"])]) - {""}
    return int((unnamed & frame["subject"].isin(known)).sum())


def _ids(frame: pd.DataFrame, column: str) -> pd.Series:
    """Ids with their dataset's name before them, once: a merged set has written it there."""
    name = frame["dataset"].astype(str)
    ids = frame[column].fillna("").astype(str)
    bare = [_without(i, n) for i, n in zip(ids, name, strict=True)]
    named = name + "/" + pd.Series(bare, index=frame.index)
    return named.where((ids != "") & ~name.isin(UNNAMED), "")


def _without(identity: str, name: str) -> str:
    first, slash, rest = identity.partition("/")
    prefixed = slash and (first == name or first.startswith(f"{name}-"))
    return rest if prefixed else identity


def _in(ids: pd.Series, *others: pd.Series) -> np.ndarray:
    known = set().union(*others) - {""}
    return ids.isin(known).to_numpy()
