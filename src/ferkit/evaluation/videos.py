"""Films: the answers of a film's frames pooled into one.

A film here is a run of frames of one sequence that carry one label; a sequence of several labelled
segments is as many films. Rows without a sequence, or whose place in it is not known (`frame` -1:
EMOTIC's sequence is a photo of several people), belong to none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.errors import ConfigError, unknown
from ferkit.evaluation.metrics import compute_figures
from ferkit.evaluation.outcomes import PROBABILITY, labelled, output_classes

Rule = Literal["majority_vote", "mean_scores"]
_KEPT = ("dataset", "view", "subject", "sequence", "label")


@dataclass(frozen=True)
class FilmPlaces:
    """Which rows are the frames of which film.

    Attributes:
        places: int64 [M], positions of rows, film by film, by frame within a film.
        starts: int64 [F], where in `places` each film begins.
    """

    places: NDArray[np.int64]
    starts: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Frames a film, [F]."""
        return np.diff(np.append(self.starts, len(self.places)))


def find_places(rows: pd.DataFrame) -> FilmPlaces:
    """Order the frames of films, by dataset, sequence, frame and key.

    Args:
        rows: Predictions or an index: dataset, sequence, frame, key and label.
    """
    words = {
        name: rows[name].fillna("").astype(str).to_numpy(dtype=str) if name in rows
        else np.full(len(rows), "")
        for name in ("dataset", "sequence", "label", "key")
    }  # fmt: skip
    number = rows["frame"].fillna(-1).to_numpy(np.int64) if "frame" in rows else np.array([-1])
    known = np.flatnonzero((words["sequence"] != "") & (number >= 0))
    by = [words["key"][known], number[known], words["sequence"][known], words["dataset"][known]]
    places = known[np.lexsort(by)]
    changes = changed(*(words[name][places] for name in ("dataset", "sequence", "label")))
    return FilmPlaces(places, np.flatnonzero(changes))


def changed(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether a row differs from the one before in any column, [M]; the first does."""
    differs = np.zeros(len(columns[0]), dtype=bool)
    differs[:1] = True
    for column in columns:
        differs[1:] |= column[1:] != column[:-1]
    return differs


def film_keys(films: pd.DataFrame) -> NDArray[np.object_]:
    """A unique key a film, [F]: its sequence, with its first frame where that is not enough.

    Args:
        films: Dataset, sequence and frame of each film's first row.
    """
    keys = films["sequence"].astype(str)
    longer = films["dataset"].astype(str) + "/" + keys + "#" + films["frame"].map("{:06d}".format)
    return keys.where(~keys.duplicated(keep=False), longer).to_numpy(dtype=object)


def has_films(predictions: pd.DataFrame) -> bool:
    """Whether any film of a view has more than one labelled frame."""
    return bool((find_places(labelled(predictions)).lengths > 1).any())


def film_predictions(predictions: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Pool the answers of each film's labelled frames, as athanasiadis2022 does.

    Args:
        predictions: A row a frame.
        rule: "majority_vote": the class that most frames are taken for, a tie going to the higher
            mean score; p_<emotion> is the share of the votes. "mean_scores": the probabilities
            are averaged, and the largest wins.

    Returns:
        A row a film, with the columns of `predictions`; `frame` is the number of its frames.

    Raises:
        ConfigError: an unknown rule.
    """
    if rule not in get_args(Rule):
        raise ConfigError(unknown("rule of film_predictions", rule, get_args(Rule)))
    rows = labelled(predictions)
    films = find_places(rows)
    rows = rows.iloc[films.places].reset_index(drop=True)
    emotions = np.asarray(output_classes(rows), dtype=object)
    columns = [PROBABILITY + name for name in emotions]
    counts = films.lengths[:, None]  # [F, 1]
    mean = _sums(rows[columns].to_numpy(np.float64), films) / counts  # [F, K]
    best, shares = mean.argmax(axis=1), mean
    if rule == "majority_vote":
        said = rows["predicted"].to_numpy(dtype=object)[:, None] == emotions  # [M, K]
        votes = _sums(said.astype(np.float64), films)  # [F, K]
        most = votes == votes.max(axis=1, keepdims=True)
        best, shares = np.where(most, mean, -1.0).argmax(axis=1), votes / counts
    first = rows.iloc[films.starts].reset_index(drop=True)
    pooled = first[[name for name in _KEPT if name in first]]
    pooled.insert(0, "key", film_keys(first))
    pooled = pooled.assign(frame=films.lengths, predicted=emotions[best])
    return pooled.assign(**dict(zip(columns, shares.T, strict=True)))


def _sums(values: NDArray[np.float64], films: FilmPlaces) -> NDArray[np.float64]:
    return np.add.reduceat(values, films.starts) if len(values) else values


def film_figures(predictions: pd.DataFrame) -> Mapping[str, dict[str, Any]]:
    """The figures of a view film by film, under each rule; intervals draw people, else films."""
    return {rule: compute_figures(film_predictions(predictions, rule)) for rule in get_args(Rule)}
