"""Videos: the predictions of a video's frames pooled into one.

A video here is a run of frames of one sequence that carry one label; a sequence of several labelled
segments is as many videos. Rows without a sequence, or whose place in it is not known (`frame` -1:
EMOTIC's sequence is a photo of several people), belong to none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.errors import ConfigError, unknown
from ferkit.evaluation.metrics import compute_metrics
from ferkit.evaluation.outcomes import PROBABILITY, labelled, output_classes

Rule = Literal["majority_vote", "mean_scores"]
_KEPT = ("dataset", "view", "subject", "sequence", "label")


@dataclass(frozen=True)
class VideoPositions:
    """Which rows are the frames of which video.

    Attributes:
        positions: int64 [M], positions of rows, video by video, by frame within a video.
        starts: int64 [F], where in `positions` each video begins.
    """

    positions: NDArray[np.int64]
    starts: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Frames a video, [F]."""
        return np.diff(np.append(self.starts, len(self.positions)))


def find_positions(rows: pd.DataFrame) -> VideoPositions:
    """Order the frames of videos, by dataset, sequence, frame and key.

    Args:
        rows: Predictions or an index: dataset, sequence, frame, key and label.
    """
    words = {
        name: rows[name].fillna("").astype(str).to_numpy(dtype=str)
        if name in rows
        else np.full(len(rows), "")
        for name in ("dataset", "sequence", "label", "key")
    }
    number = rows["frame"].fillna(-1).to_numpy(np.int64) if "frame" in rows else np.array([-1])
    known = np.flatnonzero((words["sequence"] != "") & (number >= 0))
    by = [words["key"][known], number[known], words["sequence"][known], words["dataset"][known]]
    positions = known[np.lexsort(by)]
    changes = changed(*(words[name][positions] for name in ("dataset", "sequence", "label")))
    return VideoPositions(positions, np.flatnonzero(changes))


def changed(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether a row differs from the one before in any column, [M]; the first does."""
    differs = np.zeros(len(columns[0]), dtype=bool)
    differs[:1] = True
    for column in columns:
        differs[1:] |= column[1:] != column[:-1]
    return differs


def video_keys(videos: pd.DataFrame) -> NDArray[np.object_]:
    """A unique key a video, [F]: its sequence, with its first frame where that is not enough.

    Args:
        videos: Dataset, sequence and frame of each video's first row.
    """
    keys = videos["sequence"].astype(str)
    longer = videos["dataset"].astype(str) + "/" + keys + "#" + videos["frame"].map("{:06d}".format)
    return keys.where(~keys.duplicated(keep=False), longer).to_numpy(dtype=object)


def has_videos(predictions: pd.DataFrame) -> bool:
    """Whether any video of a view has more than one labelled frame."""
    return bool((find_positions(labelled(predictions)).lengths > 1).any())


def video_predictions(predictions: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Pool the predictions of each video's labelled frames, as athanasiadis2022 does.

    Args:
        predictions: One row per frame.
        rule: "majority_vote": the class that most frames are taken for, a tie going to the higher
            mean score; p_<emotion> is the share of the votes. "mean_scores": the probabilities
            are averaged, and the largest wins.

    Returns:
        One row per video, with the columns of `predictions`; `frame` is the number of its frames.

    Raises:
        ConfigError: an unknown rule.
    """
    if rule not in get_args(Rule):
        raise ConfigError(unknown("rule of video_predictions", rule, get_args(Rule)))
    rows = labelled(predictions)
    videos = find_positions(rows)
    rows = rows.iloc[videos.positions].reset_index(drop=True)
    emotions = np.asarray(output_classes(rows), dtype=object)
    columns = [PROBABILITY + name for name in emotions]
    counts = videos.lengths[:, None]  # [F, 1]
    mean = _sums(rows[columns].to_numpy(np.float64), videos) / counts  # [F, K]
    best, probabilities = mean.argmax(axis=1), mean
    if rule == "majority_vote":
        said = rows["predicted"].to_numpy(dtype=object)[:, None] == emotions  # [M, K]
        votes = _sums(said.astype(np.float64), videos)  # [F, K]
        most = votes == votes.max(axis=1, keepdims=True)
        best, probabilities = np.where(most, mean, -1.0).argmax(axis=1), votes / counts
    first = rows.iloc[videos.starts].reset_index(drop=True)
    pooled = first[[name for name in _KEPT if name in first]]
    pooled.insert(0, "key", video_keys(first))
    pooled = pooled.assign(frame=videos.lengths, predicted=emotions[best])
    return pooled.assign(**dict(zip(columns, probabilities.T, strict=True)))


def _sums(values: NDArray[np.float64], videos: VideoPositions) -> NDArray[np.float64]:
    return np.add.reduceat(values, videos.starts) if len(values) else values


def video_metrics(predictions: pd.DataFrame) -> Mapping[str, dict[str, Any]]:
    """The metrics of a view video by video, under each rule; intervals draw people, else videos."""
    return {rule: compute_metrics(video_predictions(predictions, rule)) for rule in get_args(Rule)}
