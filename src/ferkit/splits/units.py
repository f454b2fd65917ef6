"""Rows that must stay together, and taking a share of them, stratified by class."""

import warnings

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ferkit.errors import ConfigError, unknown

MOST_FOLDS = 20
COPIES = ("together", "train_only", "apart")


def units(frame: pd.DataFrame, *by: str) -> np.ndarray:
    """Number the groups of rows that no honest split may tear apart.

    Rows are joined when one is the `source` of the other (or both come from one source), when
    they are cut from the same image, and when they share a value of a column in `by`; empty
    values join nothing. Ids of two datasets are never taken for the same.

    >>> units(pd.DataFrame({"key": list("abc"), "source": ["", "a", ""], "path": "",
    ...                     "frame": -1, "dataset": "x"})).tolist()
    [0, 0, 1]
    """
    same_image = frame["path"].fillna("").astype(str) + "\x1f" + frame["frame"].astype(str)
    tokens = [
        "key\x1f" + frame["key"].fillna("").astype(str),
        ("key\x1f" + frame["source"].fillna("").astype(str)).where(
            frame["source"].fillna("") != ""
        ),
        ("path\x1f" + frame["dataset"].fillna("").astype(str) + same_image).where(
            frame["path"].fillna("") != ""
        ),
        *(
            named(frame, column).radd(column + "\x1f").where(frame[column].fillna("") != "")
            for column in by
        ),
    ]
    tokens_of_rows, _ = pd.factorize(pd.concat(tokens, ignore_index=True))
    rows = np.tile(np.arange(len(frame)), len(tokens))[tokens_of_rows >= 0]
    columns = tokens_of_rows[tokens_of_rows >= 0] + len(frame)
    size = len(frame) + int(tokens_of_rows.max(initial=-1)) + 1
    graph = coo_matrix((np.ones(len(rows), bool), (rows, columns)), shape=(size, size))
    return connected_components(graph, directed=False)[1][: len(frame)]


def place_copies(frame: pd.DataFrame, groups: np.ndarray, copies: str) -> np.ndarray:
    """The groups that a split moves, by what it does with offline copies.

    Args:
        groups: [N] as `units` numbers them.
        copies: `together` or `train_only` (see `leave_copies_out`): groups as they are; `apart`:
            every row by itself, so that copies of one face fall on both sides.

    Raises:
        ConfigError: another word.
    """
    if copies not in COPIES:
        raise ConfigError(unknown("value of split.copies", str(copies), COPIES))
    return np.arange(len(frame)) if copies == "apart" else groups


def leave_copies_out(frame: pd.DataFrame, views: np.ndarray, copies: str) -> list[str]:
    """With `train_only`, empty the view of copies outside train, in place; what to note of it.

    A copy of a val or test face would count that face twice.
    """
    if copies == "apart":
        return [
            "LEAKY protocol: copies of one face are on both sides, as the study published it; "
            "split.copies=train_only for metrics that hold"
        ]
    if copies == "together":
        return []
    outside = (frame["source"] != "").to_numpy() & np.isin(views, ("val", "test"))
    views[outside] = ""
    return [f"{int(outside.sum()):,} offline copies of val and test faces are left out"]


def named(frame: pd.DataFrame, column: str) -> pd.Series:
    """A column's ids, told apart by dataset where there are several; empty stays empty."""
    ids = frame[column].fillna("").astype(str)
    if frame["dataset"].nunique() < 2:
        return ids
    return (frame["dataset"].fillna("").astype(str) + "/" + ids).where(ids != "", "")


def carve(
    labels: np.ndarray, groups: np.ndarray, fraction: float, *, seed: int, leave: int = 1
) -> np.ndarray:
    """Choose whole groups that hold about `fraction` of the rows of every class.

    Groups of a single class are shuffled within it. Groups of several (people) go through
    scikit-learn's StratifiedGroupKFold, of whose folds as many are taken as come nearest.

    Args:
        labels: [N] class of every row.
        groups: [N] number of the group of every row.
        fraction: Share of the rows to choose, 0 to 1.
        seed: Which of the possible choices.
        leave: Groups of a class that are kept back, so that later views get some too.

    Returns:
        [N] bool, true for the rows chosen; none where there are too few groups.
    """
    _, group = np.unique(groups, return_inverse=True)
    _, label = np.unique(labels, return_inverse=True)
    pairs = np.unique(np.stack([group, label]), axis=1)  # [2, P]
    if fraction <= 0 or not len(group):
        return np.zeros(len(group), bool)
    if pairs.shape[1] == group.max() + 1:
        chosen = _shuffle_within_classes(pairs[1], fraction, seed, leave)
    else:
        chosen = _stratify_groups(label, group, fraction, seed, leave)
        chosen = _give_back(chosen, pairs, np.bincount(group))
    return chosen[group]


def _shuffle_within_classes(
    classes: np.ndarray, fraction: float, seed: int, leave: int
) -> np.ndarray:
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    counts = np.bincount(classes)
    rank = np.empty(len(classes), int)
    rank[by_class] = np.arange(len(classes)) - np.repeat(np.cumsum(counts) - counts, counts)
    wanted = np.maximum(np.rint(counts * fraction), 1)
    return rank < np.minimum(wanted, np.maximum(counts - leave, 0))[classes]


def _stratify_groups(
    label: np.ndarray, group: np.ndarray, fraction: float, seed: int, leave: int
) -> np.ndarray:
    n_groups = int(group.max()) + 1
    most = min(MOST_FOLDS, n_groups, int(np.bincount(label).max()))
    chosen = np.zeros(n_groups, bool)
    if n_groups <= leave or most < 2:
        return chosen
    taken, folds = _nearest_folds(fraction, most)
    filled = [rows for rows in stratified_group_folds(label, group, folds, seed) if len(rows)]
    chosen[group[np.concatenate(filled[:taken])]] = True
    return chosen


def stratified_group_folds(
    labels: np.ndarray, groups: np.ndarray, folds: int, seed: int
) -> list[np.ndarray]:
    """The row numbers of each of scikit-learn's stratified folds of whole groups."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return [rows for _, rows in splitter.split(labels, labels, groups)]


def _nearest_folds(fraction: float, most: int) -> tuple[int, int]:
    candidates = [(min(max(round(fraction * k), 1), k - 1), k) for k in range(2, most + 1)]
    return min(candidates, key=lambda mk: (round(abs(mk[0] / mk[1] - fraction), 9), mk[1]))


def _give_back(chosen: np.ndarray, pairs: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    # A class must not lose its last group to val or test: it could not be learnt.
    chosen = chosen.copy()
    for label in np.unique(pairs[1]):
        holders = pairs[0][pairs[1] == label]
        if chosen[holders].all() and chosen.sum() > 1:
            chosen[holders[np.argmin(sizes[holders])]] = False
    return chosen
