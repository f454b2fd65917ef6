"""The protocols that make one split: official, random, by person, by film, or what fits."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ferkit.errors import ConfigError, DataError
from ferkit.splits import leaks
from ferkit.splits.units import carve, leave_copies_out, named, place_copies, units

VIEWS = ("train", "val", "test")
_LEAST_SUBJECTS = 3


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


def split_auto(
    frame: pd.DataFrame,
    *,
    seed: int,
    val: float = 0.1,
    test: float = 0.1,
    drop_leaks: bool = False,
) -> Split:
    """Split each dataset of the index by the best protocol its facts allow.

    The official split where there is one, else by person, else by film, else at random.

    Args:
        frame: The index; `content` (hash of the pixels) is used where it is a column.
        seed: Which of the possible splits.
        val: Share of the rows carved out as val where the dataset has none.
        test: Share of the rows carved out as test where there is no official split.
        drop_leaks: Leave out of train (and val) what later views also hold.
    """
    views = np.full(len(frame), "", "<U5")
    names, protocols, notes = [], [], []
    for dataset, part in frame.groupby("dataset", sort=True):
        split = _best_protocol(part, seed, val, test)
        views[frame["dataset"] == dataset] = split.views
        names.append(split.name)
        several = frame["dataset"].nunique() > 1
        protocols.append(f"{dataset}: {split.protocol}" if several else split.protocol)
        notes += [f"{dataset}: {note}" if several else note for note in split.notes]
    if not names:
        raise DataError("split=auto: the index holds no rows; nothing can be split.")
    name = "+".join(dict.fromkeys(names))
    return finish(frame, views, name, f"auto: {'; '.join(protocols)}", notes, drop_leaks)


def _best_protocol(part: pd.DataFrame, seed: int, val: float, test: float) -> Split:
    rows = part[part["label"] != ""]
    if "train" in set(rows["split"]) and {"val", "test"} & set(rows["split"]):
        return split_official(part, seed=seed, val=val)
    for column, protocol in (("subject", split_subject), ("sequence", split_sequence)):
        known = rows[column][rows[column] != ""]
        if len(known) * 2 >= len(rows) and known.nunique() >= _LEAST_SUBJECTS:
            return protocol(part, seed=seed, val=val, test=test)
    return split_random(part, seed=seed, val=val, test=test)


def split_official(
    frame: pd.DataFrame, *, seed: int, val: float = 0.1, drop_leaks: bool = False
) -> Split:
    """Take the dataset's own train, val and test.

    Where the dataset has no val, it is carved out of train, never out of test: by person where
    people are known, else by film, else at random. Where it has a val and no test (AFEW), val
    is val and there is no test view.

    Raises:
        DataError: the dataset has no official train rows, or too few to carve val out of.
    """
    labelled = (frame["label"] != "").to_numpy()
    views = np.where(labelled, frame["split"].to_numpy(dtype="<U5"), "").astype("<U5")
    notes = []
    if not (views == "train").any():
        raise DataError(
            f"split=official: {_datasets(frame)} has no official train rows; use split=auto."
        )
    if n_left := int((labelled & (views == "")).sum()):
        notes.append(f"{n_left:,} labelled rows belong to no official split and are left out")
    protocol = "official " + ", ".join(view for view in VIEWS if (views == view).any())
    if not (views == "val").any():
        _check_shares(val, 0.0)
        by = _known(frame[views == "train"])
        _move(frame, views, "val", units(frame, *by), val, seed=seed)
        how = {"subject": "by subject", "sequence": "by film"}.get("".join(by), "stratified")
        protocol += f"; val: {val:.0%} carved out of train, {how}, seed {seed}"
        notes += _absent(frame, views)
    return finish(frame, views, "official", protocol, notes, drop_leaks)


def split_random(
    frame: pd.DataFrame,
    *,
    seed: int,
    val: float = 0.1,
    test: float = 0.1,
    copies: str = "together",
    drop_leaks: bool = False,
) -> Split:
    """Split at random by image, stratified by class; copies of one image stay together.

    People and films end up on both sides; the leak check counts them.

    Args:
        frame: The index.
        seed: Which of the possible splits.
        val: Share of the rows.
        test: Share of the rows; 0 for no test view.
        copies: What becomes of offline copies: `together` with their original, `train_only`
            (together, and left out of val and test), or `apart`: split like other images, which
            leaks, as studies printed it.
        drop_leaks: Leave out of train (and val) what later views also hold.
    """
    groups = place_copies(frame, units(frame), copies)
    views, notes = _assign(frame, groups, val, test, seed, "random")
    notes += leave_copies_out(frame, views, copies)
    name = "random_leaky" if copies == "apart" else "random"
    protocol = f"random by image, stratified, {_shares(val, test, seed)}"
    return finish(frame, views, name, protocol, notes, drop_leaks)


def split_subject(
    frame: pd.DataFrame,
    *,
    seed: int,
    val: float = 0.1,
    test: float = 0.1,
    copies: str = "together",
    drop_leaks: bool = False,
) -> Split:
    """Split by person, stratified as well as whole people allow.

    Args:
        frame: The index.
        seed: Which of the possible splits.
        val: Share of the rows.
        test: Share of the rows; 0 for no test view.
        copies: `together`; or `train_only`: offline copies are left out of val and test.
        drop_leaks: Leave out of train (and val) what later views also hold.

    Raises:
        ConfigError: `copies` is another word.
        DataError: the dataset knows no subjects.
    """
    if copies == "apart":
        raise ConfigError("split=subject keeps copies with their person; use split=random.")
    notes = require(frame, "subject", "subject")
    groups = place_copies(frame, units(frame, "subject"), copies)
    views, more = _assign(frame, groups, val, test, seed, "subject")
    more += leave_copies_out(frame, views, copies)
    people = named(frame, "subject")
    counts = [people[(views == view) & (people != "")].nunique() for view in VIEWS]
    protocol = (
        f"by subject ({counts[0]} train, {counts[1]} val, {counts[2]} test), stratified, "
        f"{_shares(val, test, seed)}"
    )
    return finish(frame, views, "subject", protocol, notes + more, drop_leaks)


def split_sequence(
    frame: pd.DataFrame,
    *,
    seed: int,
    val: float = 0.1,
    test: float = 0.1,
    drop_leaks: bool = False,
) -> Split:
    """Split by film: the frames of one film stay together, those of one person may not.

    Raises:
        DataError: the dataset knows no films.
    """
    notes = require(frame, "sequence", "sequence")
    views, more = _assign(frame, units(frame, "sequence"), val, test, seed, "sequence")
    protocol = f"by film, stratified, {_shares(val, test, seed)}"
    return finish(frame, views, "sequence", protocol, notes + more, drop_leaks)


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
        kept = {"subject": "Subject-independent", "sequence": "Film-independent"}[column]
        raise DataError(
            f"{kept} split requested (split={name}), but {_datasets(frame)} has no {column} "
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


def _assign(
    frame: pd.DataFrame, groups: np.ndarray, val: float, test: float, seed: int, name: str
) -> tuple[np.ndarray, list[str]]:
    _check_shares(val, test)
    views = np.where(frame["label"] != "", "train", "").astype("<U5")
    if not (views == "train").any():
        raise DataError(f"split={name}: no row of {_datasets(frame)} carries a label.")
    _move(frame, views, "test", groups, test, seed=seed, leave=2)
    _move(frame, views, "val", groups, val / (1 - test), seed=seed + 1)
    return views, _absent(frame, views, asked=VIEWS if test else VIEWS[:2])


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
            f"{_datasets(frame)}: they form {len(np.unique(groups[rows])):,} groups that must "
            "stay together; use split=random or give more data."
        )


def _absent(
    frame: pd.DataFrame, views: np.ndarray, asked: tuple[str, ...] = VIEWS[:2]
) -> list[str]:
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


def _known(frame: pd.DataFrame) -> tuple[str, ...]:
    for column in ("subject", "sequence"):
        ids = frame[column][frame[column] != ""]
        if len(ids) * 2 >= len(frame) and ids.nunique() > 1:
            return (column,)
    return ()


def _check_shares(val: float, test: float) -> None:
    if not (0 < val < 1 and 0 <= test < 1 and val + test < 1):
        raise ConfigError(
            f"split.val={val} and split.test={test} are shares: val must lie above 0, test at 0 "
            "or above, and both together below 1."
        )


def _shares(val: float, test: float, seed: int) -> str:
    return f"{1 - val - test:.0%} train, {val:.0%} val, {test:.0%} test, seed {seed}"


def _datasets(frame: pd.DataFrame) -> str:
    return " and ".join(sorted(frame["dataset"].unique())) or "the index"
