"""What all protocols share: a split and its views, whole groups carved out of train, notes."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ferkit.errors import ConfigError, DataError
from ferkit.splits import leaks
from ferkit.splits.units import carve

VIEWS = ("train", "val", "test")
ALL = "all"  # the view that takes another dataset whole


@dataclass
class Split:
    """Which view every row of an index belongs to.

    Attributes:
        views: [N] "train", "val", "test", or empty for a row that is left out.
        name: The protocol in a word, as in `split=<name>`.
        protocol: The protocol in words, for the report.
        notes: Facts the report must mention.
    """

    views: np.ndarray
    name: str
    protocol: str
    notes: list[str] = field(default_factory=list)


def official_views(frame: pd.DataFrame, name: str, instead: str) -> np.ndarray:
    """The dataset's own view of every labelled row, [N]; empty for a row that is in none.

    Args:
        name: Of the split, for the message.
        instead: The split that the message advises.

    Raises:
        DataError: the dataset has no official train rows.
    """
    labelled = (frame["label"] != "").to_numpy()
    views = np.where(labelled, frame["split"].to_numpy(dtype="<U5"), "").astype("<U5")
    if not (views == "train").any():
        raise DataError(
            f"split={name}: {datasets_of(frame)} has no official train rows; use split={instead}."
        )
    return views


def finish(
    frame: pd.DataFrame,
    views: np.ndarray,
    name: str,
    protocol: str,
    notes: list[str],
    drop_leaks: bool,
) -> Split:
    """Make a Split of assigned views, leaks repaired where asked."""
    if drop_leaks:
        views, dropped = leaks.drop_leaks(frame, views)
        protocol += f"; {dropped:,} leaking rows left out"
    return Split(views, name, protocol, notes)


def require(frame: pd.DataFrame, column: str, name: str) -> list[str]:
    """Check that `column` (subject or sequence) is known; note the rows where it is not.

    Raises:
        DataError: it is known for no labelled row.
    """
    rows = frame[frame["label"] != ""]
    unknown = int((rows[column] == "").sum())
    if unknown == len(rows):
        others = ["official"] if (frame["split"] == "train").any() else []
        others += ["sequence"] if (frame["sequence"] != "").any() else []
        kept = {"subject": "Subject-independent", "sequence": "Video-independent"}[column]
        raise DataError(
            f"{kept} split requested (split={name}), but {datasets_of(frame)} has no {column} "
            f"ids; use {' or '.join(f'split={other}' for other in [*others, 'random'])}."
        )
    if not unknown:
        return []
    return [f"{unknown:,} rows without a {column} id count as one {column} each"]


def carve_val(
    frame: pd.DataFrame, views: np.ndarray, groups: np.ndarray, fraction: float, seed: int
) -> None:
    """Turn about `fraction` of the train rows into val, whole groups at a time, in place.

    Raises:
        DataError: train has too few rows or groups for it.
    """
    _check_shares(fraction, 0.0)
    _move(frame, views, "val", groups, fraction, seed=seed)


def assign(
    frame: pd.DataFrame, groups: np.ndarray, val: float, test: float, seed: int, name: str
) -> tuple[np.ndarray, list[str]]:
    """Assign "train", "val" and "test" to labelled rows, whole groups at a time, stratified.

    Returns:
        Views [N], empty where there is no label, and notes of classes that a view lacks.

    Raises:
        ConfigError: shares that leave nothing for train, or for val.
        DataError: no row has a label, or there are too few rows or groups for val.
    """
    _check_shares(val, test)
    views = np.where(frame["label"] != "", "train", "").astype("<U5")
    if not (views == "train").any():
        raise DataError(f"split={name}: no row of {datasets_of(frame)} carries a label.")
    _move(frame, views, "test", groups, test, seed=seed, leave=2)
    _move(frame, views, "val", groups, val / (1 - test), seed=seed + 1)
    return views, absent_from(frame, views, asked=VIEWS if test else VIEWS[:2])


def _move(
    frame: pd.DataFrame,
    views: np.ndarray,
    view: str,
    groups: np.ndarray,
    fraction: float,
    *,
    seed: int,
    leave: int = 1,
) -> None:
    rows = np.flatnonzero(views == "train")
    labels = frame["label"].to_numpy(dtype=str)[rows]
    views[rows[carve(labels, groups[rows], fraction, seed=seed, leave=leave)]] = view
    if view == "val" and not (views == "val").any():
        raise DataError(
            f"No val view can be carved out of the {len(rows):,} training rows of "
            f"{datasets_of(frame)}: they form {len(np.unique(groups[rows])):,} groups that must "
            "stay together; use split=random or give more data."
        )


def absent_from(
    frame: pd.DataFrame, views: np.ndarray, asked: tuple[str, ...] = VIEWS[:2]
) -> list[str]:
    """A note for every class that a view lacks, and for a view that has no rows at all."""
    table = pd.crosstab(frame["label"].to_numpy(), views)
    notes = []
    for view in asked:
        counts = table[view] if view in table else pd.Series(0, index=table.index)
        missing = [label for label in table.index if label and not counts[label]]
        if len(missing) == len(table.index.drop("", errors="ignore")):
            notes.append(f"there are too few rows for a {view} view")
        elif missing:
            notes.append(f"too few rows to give {view} any of {', '.join(missing)}")
    return notes


def _check_shares(val: float, test: float) -> None:
    if not (0 < val < 1 and 0 <= test < 1 and val + test < 1):
        raise ConfigError(
            f"split.val={val} and split.test={test} are shares: val must lie above 0, test at 0 "
            "or above, and both together below 1."
        )


def in_shares(val: float, test: float, seed: int) -> str:
    """The shares of a split and its seed, in words."""
    return f"{1 - val - test:.0%} train, {val:.0%} val, {test:.0%} test, seed {seed}"


def datasets_of(frame: pd.DataFrame) -> str:
    """The names of an index's datasets, in words."""
    return " and ".join(sorted(frame["dataset"].unique())) or "the index"
