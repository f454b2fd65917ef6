"""The samples of a take against what its sections want, frame by frame."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.mirror.match import matched, overlap
from ferkit.mirror.samples import SampleFrame
from ferkit.mirror.take import Take
from ferkit.mirror.wanted import show_wanted


@dataclass(frozen=True)
class Scored:
    """A row a frame, as it was shown live.

    Attributes:
        frame: Times, sections and tracks.
        rows: [T, K] smoothed probabilities above the zero line, where there is one; NaN without a
            face.
        scores: [T] probability of the wanted emotion (overlap with a mix), NaN without a face and
            where nothing is judged.
        match: [T].
    """

    frame: SampleFrame
    rows: NDArray[np.float64]
    scores: NDArray[np.float64]
    match: NDArray[np.bool_]


def score_take(take: Take) -> Scored:
    """Score every frame of a take."""
    frame = take.samples.frame()
    rows = take.above_rest(frame.rows)
    scores = np.full(len(rows), np.nan)
    match = np.zeros(len(rows), dtype=np.bool_)
    for place, section in enumerate(take.script.sections):
        at = np.flatnonzero(frame.places == place)
        if not section.wanted or not len(at):
            continue
        scores[at] = overlap(rows[at], section.wanted, take.emotions)
        before = False  # a section begins without a match
        for n in at:
            before = match[n] = matched(scores[n], before, take.settings)
    return Scored(frame, rows, scores, match)


def timeline(take: Take, scored: Scored) -> pd.DataFrame:
    """A row for each frame: time section track wanted score match shown p_<emotion>...

    `time` is in seconds since the take began, `section` 0 while the resting face is taken,
    `match` 0 or 1, empty where nothing is judged.
    """
    frame, rows = scored.frame, scored.rows
    seen = frame.tracks >= 0
    wants = [show_wanted(s.wanted) for s in take.script.sections]
    judged = np.array([place >= 0 and bool(_wanted(take, place)) for place in frame.places], bool)
    best = np.nan_to_num(rows).argmax(axis=1)
    return pd.DataFrame(
        {
            "time": np.round(frame.times - take.start, 3),
            "section": frame.places + 1,
            "track": pd.Series(frame.tracks).where(seen).astype("Int64"),
            "wanted": [wants[place] if place >= 0 else "" for place in frame.places],
            "score": np.round(scored.scores, 6),
            "match": pd.Series(scored.match.astype(int)).where(judged).astype("Int64"),
            "shown": [take.emotions[k] if s else "" for k, s in zip(best, seen, strict=True)],
            **{f"p_{e}": np.round(rows[:, k], 6) for k, e in enumerate(take.emotions)},
        }
    )


def _wanted(take: Take, place: int) -> dict[str, float]:
    return dict(take.script.sections[place].wanted)
