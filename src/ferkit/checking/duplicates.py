"""Copies among images: identical ones by a hash, near ones by a perceptual hash.

The perceptual hash is ImageHash's `phash` (Zauner 2010, "Implementation and benchmarking of
perceptual image hash functions"): 64 signs of low DCT frequencies of the image at 32 x 32.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ferkit.splits.leaks import PAIRS
from ferkit.splits.split import VIEWS

_BITS = 64


@dataclass
class Copies:
    """Groups of images that are copies of each other.

    Attributes:
        group: [N] number of the group of every image, -1 for one without copies.
        groups: How many groups there are.
        surplus: Images beyond the first of every group.
        distinct: Images that would be left if the surplus went.
        conflicting: Groups whose images carry different labels.
        surplus_within: View to surplus copies counted inside it alone.
        across: "train|val" and so on to images of the second view with a copy in the first.
        relabelled: Likewise, those whose copies all carry another label than they do.
    """

    group: np.ndarray
    groups: int
    surplus: int
    distinct: int
    conflicting: int
    surplus_within: dict[str, int]
    across: dict[str, int]
    relabelled: dict[str, int]


def identical(content: np.ndarray, labels: np.ndarray, views: np.ndarray) -> Copies:
    """Group images of the same hash.

    Args:
        content: [N] hash of each image, empty where it could not be read.
        labels: [N] class names, empty for none.
        views: [N] train, val, test or empty.
    """
    known = content != ""
    codes = np.full(len(content), -1)
    codes[known] = np.unique(content[known], return_inverse=True)[1]
    size = np.bincount(codes[known])
    copied = known & (np.append(size, 0)[codes] > 1)
    table = pd.DataFrame({"code": codes, "label": labels, "view": views})
    across = {pair: _with_copy(table, *pair) for pair in PAIRS}
    return Copies(
        group=np.where(copied, codes, -1),
        groups=int((size > 1).sum()),
        surplus=int((size - 1).sum()),
        distinct=len(size),
        conflicting=_conflicting(table[copied]),
        surplus_within=_surplus_within(table[copied]),
        across={"|".join(pair): int(rows.sum()) for pair, rows in across.items()},
        relabelled={
            "|".join(pair): _relabelled(table, rows, pair[0]) for pair, rows in across.items()
        },
    )


def _with_copy(table: pd.DataFrame, first: str, second: str) -> pd.Series:
    there = table["code"][(table["view"] == first) & (table["code"] >= 0)]
    return (table["view"] == second) & table["code"].isin(there)


def _surplus_within(table: pd.DataFrame) -> dict[str, int]:
    parts = {view: table["code"][table["view"] == view] for view in VIEWS}
    return {view: int(codes.duplicated().sum()) for view, codes in parts.items() if len(codes)}


def _conflicting(table: pd.DataFrame) -> int:
    named = table[table["label"] != ""]
    return int((named.groupby("code")["label"].nunique() > 1).sum())


def _relabelled(table: pd.DataFrame, rows: pd.Series, first: str) -> int:
    twins = table[(table["view"] == first) & (table["label"] != "")]
    here = table[rows & (table["label"] != "")].reset_index(names="row")
    met = here.merge(twins, on="code", suffixes=("", "_twin"))
    return _never_agreeing(met["row"], met["label"] == met["label_twin"])


def _never_agreeing(rows: pd.Series, agrees: pd.Series) -> int:
    return int((~agrees.groupby(rows.to_numpy()).any()).sum())


def near(pairs: np.ndarray, content: np.ndarray, labels: np.ndarray, views: np.ndarray) -> Copies:
    """Group images that are near each other and not identical.

    Args:
        pairs: [P, 2] numbers of images that are near each other, as `near_pairs` gives them.
        content: [N] hash of each image; pairs of one hash are passed over.
        labels: [N] class names, empty for none.
        views: [N] train, val, test or empty.

    Returns:
        The groups (chains of near images); `surplus` and `distinct` leave identical copies out,
        and `across` counts images with a near copy that is no identical one.
    """
    pairs = pairs[content[pairs[:, 0]] != content[pairs[:, 1]]]
    ties = coo_matrix((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(len(content),) * 2)
    chain = connected_components(ties, directed=False)[1]
    size = np.bincount(chain, minlength=1)
    group = np.where(size[chain] > 1, chain, -1) if len(content) else np.empty(0, int)
    table = pd.DataFrame({"code": group, "label": labels, "view": views, "content": content})
    tied = table[group >= 0].drop_duplicates(["code", "content"])
    surplus = len(tied) - tied["code"].nunique()
    met = {pair: _near_rows(pairs, views, *pair) for pair in PAIRS}
    return Copies(
        group=group,
        groups=tied["code"].nunique(),
        surplus=surplus,
        distinct=len(np.unique(content[content != ""])) - surplus,
        conflicting=_conflicting(table[group >= 0]),
        surplus_within=_surplus_within(tied),
        across={"|".join(pair): len(np.unique(rows[:, 1])) for pair, rows in met.items()},
        relabelled={
            "|".join(pair): _never_agreeing(
                pd.Series(rows[:, 1]), pd.Series(labels[rows[:, 0]] == labels[rows[:, 1]])
            )
            for pair, rows in met.items()
        },
    )


def _near_rows(pairs: np.ndarray, views: np.ndarray, first: str, second: str) -> np.ndarray:
    both = np.concatenate([pairs, pairs[:, ::-1]])
    return both[(views[both[:, 0]] == first) & (views[both[:, 1]] == second)]


def near_pairs(hashes: np.ndarray, distance: int = 4, most: int = 20_000_000) -> np.ndarray:
    """Find all pairs of hashes that differ in at most `distance` bits.

    The 64 bits are cut into `distance` + 1 bands: two hashes within the distance agree in one
    band whole (the pigeonhole principle), so only those that share a band are compared.

    Args:
        hashes: [N] uint64.
        distance: Most bits that may differ, 0 to 31.
        most: Give up beyond so many pairs.

    Returns:
        [P, 2] row numbers, the smaller first, sorted, each pair once.

    Raises:
        OverflowError: there are more than `most` pairs: the images are all alike.
    """
    found, total = [np.empty((0, 2), np.int64)], 0
    for one, two in _candidates(hashes, distance + 1):
        close = np.bitwise_count(hashes[one] ^ hashes[two]) <= distance
        found.append(np.sort(np.stack([one[close], two[close]], axis=1), axis=1))
        total += len(found[-1])
        if total > most:
            raise OverflowError(f"more than {most:,} pairs of near images")
    return np.unique(np.concatenate(found), axis=0)


def _candidates(hashes: np.ndarray, bands: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    edges = np.linspace(0, _BITS, bands + 1).astype(int)
    for low, high in pairwise(edges):
        band = (hashes >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        order = np.argsort(band, kind="stable")
        ordered = band[order]
        left = np.arange(len(hashes) - 1)
        for step in range(1, len(hashes)):
            left = left[left + step < len(hashes)]
            left = left[ordered[left] == ordered[left + step]]
            if not len(left):
                break
            yield order[left], order[left + step]
