"""What a video comes to: each track, the video pooled by each rule, and the states in between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.video.analysis import Analysed, Face
from ferkit.video.smooth import UNSURE, UNSURE_NAME

RULES = ("mean_scores", "majority_vote")  # of athanasiadis2022; see evaluation.videos


@dataclass
class Total:
    """Sums over the rows of a track, or of the whole video.

    Attributes:
        probabilities: [K], summed.
        votes: [K], rows whose most probable class each is.
        seconds: For which it was seen.
    """

    probabilities: NDArray[np.float64]
    votes: NDArray[np.int64]
    frames: int = 0
    first: float = np.nan
    last: float = np.nan
    seconds: float = 0.0

    def add(self, face: Face, time: float) -> None:
        """A row."""
        self.probabilities += face.probabilities
        self.votes[int(face.probabilities.argmax())] += 1
        self.frames += 1
        self.first = time if np.isnan(self.first) else self.first
        self.last = time

    def pooled(self, rule: str) -> tuple[NDArray[np.float64], int]:
        """Probabilities [K] (or shares of the votes) and the class that a rule takes."""
        mean = self.probabilities / max(self.frames, 1)
        if rule == "mean_scores":
            return mean, int(mean.argmax())
        most = self.votes == self.votes.max()  # a tie goes to the higher mean
        return self.votes / max(self.frames, 1), int(np.where(most, mean, -1.0).argmax())


@dataclass
class Segment:
    """A stretch of time in which a track keeps its state.

    Attributes:
        state: Class id, or UNSURE.
        start: Seconds.
        end: Seconds.
    """

    track: int
    state: int
    start: float
    end: float


@dataclass
class Totals:
    """The summary of a video, gathered frame by frame.

    Attributes:
        classes: K.
        step: Seconds between two analysed frames, as far as known; of the last frame too.
        tracks: By id.
        segments: In the order in which they began.
        gap: Seconds unseen after which a state begins anew.
    """

    classes: int
    step: float
    gap: float = 0.5
    tracks: dict[int, Total] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)
    with_face: float = 0.0
    duration: float = 0.0
    analysed: int = 0
    found: int = 0
    _before: tuple[float, list[Face]] | None = None
    _open: dict[int, Segment] = field(default_factory=dict)

    def add(self, analysed: Analysed) -> None:
        """A frame; one that was not analysed counts for nothing."""
        if analysed.faces is None:
            return
        time = analysed.frame.time
        if self._before is not None:
            self._lasted(max(0.0, time - self._before[0]))
        self._before = time, analysed.faces
        self.analysed += 1
        self.found += bool(analysed.faces)
        for face in analysed.faces:
            self._of(face.track).add(face, time)
            self._state(face, time)

    def finish(self) -> None:
        """After the last frame."""
        if self._before is not None:
            self._lasted(self.step)
            self._before = None

    def _of(self, track: int) -> Total:
        if track not in self.tracks:
            self.tracks[track] = _empty(self.classes)
        return self.tracks[track]

    def _lasted(self, seconds: float) -> None:
        assert self._before is not None
        time, faces = self._before
        self.step = seconds or self.step
        self.duration += seconds
        self.with_face += seconds * bool(faces)
        for face in faces:
            self.tracks[face.track].seconds += seconds
            self._open[face.track].end = time + seconds

    def _state(self, face: Face, time: float) -> None:
        running = self._open.get(face.track)
        if running and running.state == face.state and time - running.end <= self.gap:
            return
        self._open[face.track] = Segment(face.track, face.state, time, time)
        self.segments.append(self._open[face.track])

    def whole(self) -> Total:
        """All rows of the video together."""
        total = _empty(self.classes)
        for track in self.tracks.values():
            total.probabilities += track.probabilities
            total.votes += track.votes
            total.frames += track.frames
        total.seconds = self.with_face
        firsts = [track.first for track in self.tracks.values()]
        lasts = [track.last for track in self.tracks.values()]
        total.first, total.last = (min(firsts), max(lasts)) if firsts else (np.nan, np.nan)
        return total


def _empty(classes: int) -> Total:
    return Total(np.zeros(classes), np.zeros(classes, np.int64))


def summary_frame(totals: Totals, source: str, emotions: Sequence[str]) -> pd.DataFrame:
    """A row for each track, and one for the video under each rule.

    `frames` counts faces; `seconds` is how long a face was seen. Under majority_vote p_<emotion>
    are shares of the votes.
    """
    whole = totals.whole()
    rows = [
        *(_row(source, "video", None, rule, whole, emotions) for rule in RULES),
        *(
            _row(source, "track", track, RULES[0], total, emotions)
            for track, total in sorted(totals.tracks.items())
        ),
    ]
    return pd.DataFrame(rows).astype({"track": "Int64"})


def _row(
    source: str, kind: str, track: int | None, rule: str, total: Total, emotions: Sequence[str]
) -> dict[str, Any]:
    shares, best = total.pooled(rule)
    none = not total.frames
    return {
        "source": source,
        "kind": kind,
        "track": track,
        "rule": rule,
        "first": round(total.first, 3),
        "last": round(total.last, 3),
        "seconds": round(total.seconds, 3),
        "frames": total.frames,
        "dominant": "" if none else emotions[best],
        **{
            f"p_{e}": np.nan if none else round(float(p), 6)
            for e, p in zip(emotions, shares, strict=True)
        },
    }


def segments_frame(totals: Totals, source: str, emotions: Sequence[str]) -> pd.DataFrame:
    """A row for each stretch of a track in one state, an emotion or "unsure"."""
    rows = [
        (source, s.track, state_name(s.state, emotions), round(s.start, 3), round(s.end, 3))
        for s in totals.segments
    ]
    return pd.DataFrame(rows, columns=["source", "track", "state", "start", "end"])


def state_name(state: int, emotions: Sequence[str]) -> str:
    """The emotion of a class id, "unsure" for UNSURE."""
    return UNSURE_NAME if state == UNSURE else emotions[state]


def longest(totals: Totals, most: int) -> Iterator[int]:
    """The ids of the tracks that were seen longest, in the order of the ids."""
    by_seconds = sorted(totals.tracks, key=lambda t: -totals.tracks[t].seconds)[:most]
    yield from sorted(by_seconds)
