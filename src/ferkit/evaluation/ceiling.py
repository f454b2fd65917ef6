"""How well people do: the ceiling that FER+'s ten votes an image put to any classifier.

Barsoum et al. 2016 (arXiv:1608.01041). One annotator is left out and judged by the majority of the
others; what a classifier is asked to do is no more than what a further person would do.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferkit.datasets.fer2013 import read_fer2013
from ferkit.datasets.fer2013.ferplus_files import (
    PIXEL_FILES,
    VOTES_FILE,
    check_alignment,
    find_beside,
    read_votes,
)
from ferkit.datasets.fer2013.ferplus_votes import VOTE_COLUMNS
from ferkit.datasets.given import as_root
from ferkit.errors import DatasetNotFoundError
from ferkit.evaluation.confusion import divide
from ferkit.evaluation.intervals import draw_counts, percentile_interval

Floats = NDArray[np.float64]
RESAMPLES = 2000


@dataclass(frozen=True)
class Ceiling:
    """An expected accuracy, and a recall a class.

    Attributes:
        images: That count.
        accuracy: 0..1.
        balanced_accuracy: The mean of the recalls.
        interval: 95% of each of both, from resampling images.
        recall: Class to recall, its interval, and how many images are of it; where votes are tied
            an image is of each tied class in equal parts.
    """

    images: int
    accuracy: float
    balanced_accuracy: float
    interval: tuple[list[float] | None, list[float] | None]
    recall: dict[str, tuple[float, list[float] | None, float]]


def read_ballots(
    root: Path | str, *, votes: str | None = None, fer2013: str | None = None
) -> tuple[np.ndarray, np.ndarray | None, Path]:
    """The votes of FER+, with FER-2013's own labels where its rows are there to join.

    Args:
        root: As of `read_ferplus`, but the pixels may be missing.
        votes: Path of fer2013new.csv, where it lies elsewhere.
        fer2013: Path of fer2013.csv or icml_face_data.csv, likewise.

    Returns:
        Counts in the order of VOTE_COLUMNS, [N, 10]; names [N] or None; the file of the votes.

    Raises:
        DatasetNotFoundError: there are no votes.
        DataError: the two files do not belong together row by row, or one is broken.
    """
    base = as_root(root)
    # the adapter's own steps, without its need of pixels
    file = find_beside(base, "ferplus", [VOTES_FILE], votes, "dataset.votes")
    if file is None:
        raise DatasetNotFoundError(
            f"No {VOTES_FILE} under {base} or beside it; take it from "
            "github.com/microsoft/FERPlus, and give its folder as dataset.root."
        )
    table = read_votes(file)
    counts = table[list(VOTE_COLUMNS)].to_numpy(dtype=np.int64)
    pixels = find_beside(base, "fer2013", PIXEL_FILES, fer2013, "dataset.fer2013")
    if pixels is None:
        return counts, None, file
    frame = read_fer2013(pixels).frame
    check_alignment(frame, table, file, pixels)
    return counts, frame["label"].to_numpy(dtype=object), file


def annotator_ceiling(votes: np.ndarray, names: tuple[str, ...], *, seed: int = 0) -> Ceiling:
    """Expected accuracy of one annotator, drawn from those of an image, against the others.

    Exact, not sampled: an annotator who voted k (as c_k of n did) is right where k has the most
    votes among the rest; where classes tie in that, by the share of one that was drawn from them.

    Args:
        votes: Counts [N, K]; images with fewer than two votes are left out.
        names: Of the K classes.
        seed: Of the bootstrap.
    """
    cast = np.asarray(votes, dtype=np.float64)
    cast = cast[cast.sum(axis=1) > 1]
    share = cast / cast.sum(axis=1, keepdims=True)  # [N, K]: who is drawn
    hits, support = np.zeros_like(cast), np.zeros_like(cast)
    for k in range(cast.shape[1]):
        rest = cast.copy()
        rest[:, k] = np.maximum(rest[:, k] - 1, 0)
        truth = _majority(rest)  # [N, K]
        support += share[:, [k]] * truth
        hits[:, k] = share[:, k] * truth[:, k]
    return _summarise(hits, support, names, seed)


def label_ceiling(
    votes: np.ndarray, labels: np.ndarray, names: tuple[str, ...], *, seed: int = 0
) -> Ceiling:
    """Expected accuracy of a perfect predictor of the votes' majority, against other labels.

    Args:
        votes: Counts [N, K], of the classes that the labels have; ties are drawn from. Images
            without a vote for any of them are wrong.
        labels: Names [N].
        names: Of the K classes.
        seed: Of the bootstrap.
    """
    truth = labels[:, None] == np.asarray(names, dtype=object)  # [N, K]
    known = truth.any(axis=1)
    support = truth[known].astype(np.float64)
    return _summarise(_majority(votes[known]) * support, support, names, seed)


def _majority(votes: np.ndarray) -> Floats:
    """One for the class with the most votes, shared where classes tie; nothing without a vote."""
    top = (votes == votes.max(axis=1, keepdims=True)) & (votes > 0)
    return divide(top.astype(np.float64), top.sum(axis=1, keepdims=True).astype(np.float64))


def _summarise(hits: Floats, support: Floats, names: tuple[str, ...], seed: int) -> Ceiling:
    rows, classes = hits.shape
    both = np.concatenate([hits, support], axis=1)  # [N, 2K]
    drawn = np.concatenate([counts @ both for counts in draw_counts(rows, RESAMPLES, seed)])
    whole = both.sum(axis=0)
    recalls = divide(whole[:classes], whole[classes:])
    sampled = divide(drawn[:, :classes], drawn[:, classes:])  # [R, K]
    present = whole[classes:] > 0
    accuracy = drawn[:, :classes].sum(axis=1) / drawn[:, classes:].sum(axis=1)
    return Ceiling(
        images=rows,
        accuracy=float(whole[:classes].sum() / whole[classes:].sum()),
        balanced_accuracy=float(recalls[present].mean()),
        interval=(
            percentile_interval(accuracy),
            percentile_interval(sampled[:, present].mean(axis=1)),
        ),
        recall={
            name: (float(recalls[k]), percentile_interval(sampled[:, k]), float(whole[classes + k]))
            for k, name in enumerate(names)
            if present[k]
        },
    )
