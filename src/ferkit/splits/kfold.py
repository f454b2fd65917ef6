"""The protocols of many folds: of people, of one person each, and a leaky one of old."""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, unknown
from ferkit.splits.split import Split, carve_val, finish, require
from ferkit.splits.units import named, stratified_group_folds, units

# Test images a fold and class, in canonical order, of the loader that made CK+48 known.
_CK48_COUNTS = {
    "angry": (135, 12),
    "disgust": (177, 18),
    "fear": (75, 9),
    "happy": (207, 21),
    "sad": (84, 9),
    "surprise": (249, 24),
    "contempt": (54, 6),
}
_IMAGE_ORDER_FOLDS = 10


def split_subject_kfold(
    frame: pd.DataFrame,
    *,
    seed: int,
    fold: int | str = 0,
    folds: int = 10,
    val: float = 0.1,
    drop_leaks: bool = False,
) -> Split:
    """Split by the field's CK+ rule: subject ids ascending, fold k takes ids[k::folds].

    Test is fold `fold` (from 0), val the next one. This is the list published with
    Emotion-FAN (CK+, 10 folds), which counts people who own a labelled image.

    Args:
        frame: The index.
        seed: Which val is carved out, where `folds` is 2.
        fold: Which fold is test, from 0.
        folds: How many there are, at most the number of subjects.
        val: Share of train that becomes val where `folds` is 2 and no next fold is free.
        drop_leaks: Leave out of train (and val) what later views also hold.

    Raises:
        DataError: the dataset knows no subjects.
        ConfigError: `fold` is none of 0..folds-1, or there are fewer subjects than folds.
    """
    notes = require(frame, "subject", "subject_kfold")
    rank, names = _rank(frame, "subject")
    _check_folds(folds, len(names), "subjects")
    number = _fold_number(fold, folds)
    fold_of_row = np.where(rank >= 0, rank % folds, -1)
    views = _views_of_folds(frame, rank, fold_of_row, number, folds, val, seed)
    protocol = (
        f"subject ids ascending, dealt to {folds} folds in turn; {_fold_words(number, folds)}"
    )
    return finish(frame, views, "subject_kfold", protocol, notes, drop_leaks)


def split_stratified_group_kfold(
    frame: pd.DataFrame,
    *,
    seed: int,
    fold: int | str = 0,
    folds: int = 10,
    val: float = 0.1,
    drop_leaks: bool = False,
) -> Split:
    """Split people into scikit-learn's stratified folds; test is one fold, val the next.

    Groups are people where they are known, else videos, else images with their copies.

    Raises:
        ConfigError: `fold` is none of 0..folds-1, or there are fewer groups than folds.
    """
    column = next((c for c in ("subject", "sequence") if (frame[c] != "").any()), None)
    notes = require(frame, column, "stratified_group_kfold") if column else []
    rank, names = _rank(frame, *([column] if column else []))
    _check_folds(folds, len(names), f"{column or 'image'}s")
    number = _fold_number(fold, folds)
    rows = np.flatnonzero(rank >= 0)
    fold_of_row = np.full(len(frame), -1)
    labels = frame["label"].to_numpy(dtype=str)[rows]
    for k, members in enumerate(stratified_group_folds(labels, rank[rows], folds, seed)):
        fold_of_row[rows[members]] = k
    views = _views_of_folds(frame, rank, fold_of_row, number, folds, val, seed)
    protocol = (
        f"stratified folds of whole {column or 'image'}s, seed {seed}; {_fold_words(number, folds)}"
    )
    return finish(frame, views, "stratified_group_kfold", protocol, notes, drop_leaks)


def split_loso(
    frame: pd.DataFrame,
    *,
    seed: int,
    fold: int | str = 0,
    val: float = 0.1,
    drop_leaks: bool = False,
) -> Split:
    """Leave one subject out as test; val is carved, by subject, out of the rest.

    Args:
        frame: The index.
        seed: Which subjects become val.
        fold: The subject's name, or (as an integer) its place from 0 in ascending order.
        val: Share of the rest that becomes val.
        drop_leaks: Leave out of train (and val) what test also holds.

    Raises:
        DataError: the dataset knows no subjects, or too few.
        ConfigError: there is no such subject.
    """
    notes = require(frame, "subject", "loso")
    rank, names = _rank(frame, "subject")
    _check_folds(2, len(names), "subjects")
    is_name = isinstance(fold, str) and fold in names
    left_out = names.index(str(fold)) if is_name else _fold_number(fold, names)
    views = np.where(rank < 0, "", np.where(rank == left_out, "test", "train")).astype("<U5")
    carve_val(frame, views, rank, val, seed)
    protocol = (
        f"leave one subject out: test is subject {names[left_out]} (fold {left_out} of "
        f"{len(names)}), val {val:.0%} of the rest by subject, seed {seed}"
    )
    return finish(frame, views, "loso", protocol, notes, drop_leaks)


def split_image_order_10fold_leaky(
    frame: pd.DataFrame,
    *,
    seed: int,
    fold: int | str = 0,
    val: float = 0.1,
    drop_leaks: bool = False,
) -> Split:
    """Split by order of file names, as much-quoted CK+ metrics did. It leaks: never quote it.

    The images of every class, by file name, are cut into ten runs; people fall on both sides.
    On the 981 images of CK+48 it is the loader of WuJie1010's repository row by row (there
    fold 1 is our 0): unequal counts, the ninth fold's fear runs over into happy, the tenth
    counts from the end. That work chose the epoch on test; here val is carved out of train.

    Raises:
        ConfigError: `fold` is none of 0..9.
    """
    number = _fold_number(fold, _IMAGE_ORDER_FOLDS)
    views = np.where(frame["label"] != "", "train", "").astype("<U5")
    views[_image_order_rows(frame, number)] = "test"
    carve_val(frame, views, np.arange(len(frame)), val, seed)
    notes = [
        "LEAKY protocol: folds follow file names, so people and videos are in train and test; "
        "use split=subject_kfold for metrics that hold"
    ]
    protocol = f"image order (not subject independent); {_fold_words(number, _IMAGE_ORDER_FOLDS)}"
    return finish(frame, views, "image_order_10fold_leaky", protocol, notes, drop_leaks)


def number_of_folds(frame: pd.DataFrame, node: Mapping[str, object]) -> int:
    """How many folds `fold=all` stands for.

    Args:
        frame: The index.
        node: The split's config node, with `_target_`.

    Raises:
        ConfigError: the protocol has no folds.
    """
    protocol = str(node["_target_"]).rsplit(".", 1)[-1].removeprefix("split_")
    if protocol == "loso":
        require(frame, "subject", "loso")
        return len(_rank(frame, "subject")[1])
    if protocol == "image_order_10fold_leaky":
        return _IMAGE_ORDER_FOLDS
    if "folds" not in node:
        raise ConfigError(
            f"split={protocol} has no folds; use split=subject_kfold, stratified_group_kfold or "
            "loso."
        )
    return int(str(node["folds"]))


def _rank(frame: pd.DataFrame, *by: str) -> tuple[np.ndarray, list[str]]:
    """[N] place of each labelled row's group among the groups' names ascending, else -1."""
    labelled = (frame["label"] != "").to_numpy()
    groups = units(frame, *by)[labelled]
    rows = frame[labelled]
    names = named(rows, by[0]) if by else rows["key"].astype(str)
    names = names.where(names != "", "~" + rows["key"].astype(str))  # unknown people come last
    name_of_group = names.groupby(groups).min()
    ordered = sorted(name_of_group.index, key=lambda g: _natural(name_of_group[g]))
    place = pd.Series(np.arange(len(ordered)), index=ordered)
    rank = np.full(len(frame), -1)
    rank[labelled] = place.loc[groups].to_numpy()
    return rank, [name_of_group[g] for g in ordered]


def _natural(name: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts]


def _views_of_folds(
    frame: pd.DataFrame,
    groups: np.ndarray,
    fold_of_row: np.ndarray,
    number: int,
    folds: int,
    val: float,
    seed: int,
) -> np.ndarray:
    views = np.where(fold_of_row < 0, "", "train").astype("<U5")
    views[fold_of_row == number] = "test"
    if folds > 2:
        views[fold_of_row == (number + 1) % folds] = "val"
    else:
        carve_val(frame, views, groups, val, seed)
    return views


def _image_order_rows(frame: pd.DataFrame, number: int) -> np.ndarray:
    keys = frame["key"].to_numpy(dtype=str)
    labels = frame["label"].to_numpy(dtype=str)
    counts = {label: int((labels == label).sum()) for label in EMOTIONS if label in labels}
    is_ck48 = counts == {label: total for label, (total, _) in _CK48_COUNTS.items()}
    rows_of_classes = [np.flatnonzero(labels == label) for label in counts]
    in_order = np.concatenate(
        [rows[np.argsort(keys[rows], kind="stable")] for rows in rows_of_classes]
    )
    test, start = [], 0
    for label, total in counts.items():
        size = _CK48_COUNTS[label][1] if is_ck48 else max(total // _IMAGE_ORDER_FOLDS, 1)
        last = number == _IMAGE_ORDER_FOLDS - 1
        first = start + (total - size if last else number * size)
        test.append(np.arange(first, first + size) % len(in_order))
        start += total
    return in_order[np.concatenate(test)]


def _fold_number(fold: int | str, folds: int | list[str]) -> int:
    count = folds if isinstance(folds, int) else len(folds)
    if str(fold).isdecimal() and int(fold) < count:
        return int(fold)
    if isinstance(folds, list) and not str(fold).isdecimal():
        raise ConfigError(unknown("subject in split.fold", str(fold), folds))
    raise ConfigError(f"split.fold={fold}: give a number from 0 to {count - 1}, or all.")


def _check_folds(folds: int, available: int, what: str) -> None:
    if folds < 2 or folds > available:
        raise ConfigError(
            f"split.folds={folds} cannot be cut from {available} {what}: give 2 to {available}."
        )


def _fold_words(number: int, folds: int) -> str:
    val = f"fold {(number + 1) % folds}" if folds > 2 else "carved out of train"
    return f"test is fold {number} of {folds} (counted from 0), val {val}"
