"""A take of a script: frame by frame where in it we are, and whether the face matches.

The same for a camera, where a key may end a section, and for a recorded video, whose script is
`cues.timed`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferkit.mirror.match import MatchSettings, matched, overlap, rebase, word_of
from ferkit.mirror.samples import CALIBRATING, Samples
from ferkit.mirror.script import Script, Section, for_model
from ferkit.mirror.stills import Stills
from ferkit.video.analysis import Face

HOLD, PAUSE, OVER = "hold a neutral face", "pause", "over"
_MISSED = 1.0  # seconds that the followed face may be unseen before another takes its place


@dataclass(frozen=True)
class State:
    """A take after a frame.

    Attributes:
        place: Which section, from 0; `CALIBRATING` before the first; the number of sections after
            the last.
        section: It; None before the first and after the last.
        of: How many sections there are.
        elapsed: Seconds since it began.
        left: Seconds until it ends; None where a key ends it.
        score: Probability of the wanted emotion, smoothed (overlap with a mix); NaN without a
            face, and where nothing is judged.
        shown: The most probable emotion; empty without a face.
        match: Whether the face matches; None where nothing is judged.
        word: For people: match, close, no match, no face, pause, over, hold a neutral face.
        track: The id of the face; None without one.
    """

    place: int
    section: Section | None
    of: int
    elapsed: float
    left: float | None
    score: float
    shown: str
    match: bool | None
    word: str
    track: int | None

    def as_json(self) -> dict[str, Any]:
        """The state as JSON has it; sections are numbered from 1."""
        section = self.section
        before = "calibrating" if self.place == CALIBRATING else "over"
        return {
            "phase": before if section is None else "section",
            "section": None if section is None else self.place + 1,
            "of": self.of,
            "text": "" if section is None else section.text,
            "elapsed": round(self.elapsed, 3),
            "left": None if self.left is None else round(self.left, 3),
            "cue": None if section is None else section.cue,
            "wanted": {} if section is None else dict(section.wanted),
            "score": None if math.isnan(self.score) else round(self.score, 4),
            "shown": self.shown or None,
            "match": self.match,
            "word": self.word,
            "track": self.track,
        }


class Take:
    """A script that is being played.

    Args:
        script: As read; a recorded video's as `cues.timed` gives it.
        emotions: The model's classes.
        settings: When a face matches.
        start: The time at which it begins; None begins with the first time that is given.

    Attributes:
        begins: When each section that was reached began, in seconds of the take's clock.
        ends: When each section that is over ended.
        pressed: The times at which keys ended sections, in seconds since the start.
        rest: [K] of the resting face; None without a zero line.
        samples: What was seen.
        stills: The frames of the lowest and the highest probability of each section.

    Raises:
        DataError: the script wants an emotion that the model does not know.
    """

    def __init__(
        self,
        script: Script,
        emotions: Sequence[str],
        settings: MatchSettings | None = None,
        *,
        start: float | None = None,
    ) -> None:
        self.script = for_model(script, emotions)
        self.emotions = tuple(emotions)
        self.settings = settings or MatchSettings()
        self.begins: list[float] = []
        self.ends: list[float] = []
        self.pressed: list[float] = []
        self.rest: NDArray[np.float64] | None = None
        self.samples = Samples(len(self.emotions))
        self.stills = Stills()
        self._start: float | None = None
        self._closed = False
        self._track: int | None = None
        self._seen = -math.inf  # when that was, of the followed face
        self._match = False
        if start is not None:
            self.begin(start)

    @property
    def start(self) -> float:
        """When it began; NaN where it has not."""
        return math.nan if self._start is None else self._start

    @property
    def place(self) -> int:
        """The section that is on, from 0; `CALIBRATING`; or their number when it is over."""
        if self._closed:
            return len(self.script.sections)
        return len(self.ends) if self.begins else CALIBRATING

    @property
    def neutral(self) -> int | None:
        """The class id of neutral."""
        return self.emotions.index("neutral") if "neutral" in self.emotions else None

    def begin(self, time: float) -> None:
        """Start the clock; a second time does nothing."""
        if self._start is None:
            self._start = time
            self._advance(time)

    def is_over(self, time: float) -> bool:
        """Whether the last section has ended."""
        self.begin(time)
        self._advance(time)
        return self.place == len(self.script.sections)

    def follow(self, track: int) -> None:
        """Judge this face as long as it is seen, and not the largest."""
        self._track, self._seen = track, math.inf

    def press(self, key: str, time: float) -> bool:
        """A key, as `cues.key_name` names it; whether it ended the section that is on."""
        self.is_over(time)
        section = self._section()
        if section is None or section.cue != key:
            return False
        self.pressed.append(time - self.start)
        self._end_section(time)
        return True

    def end(self, time: float) -> None:
        """End it here; what was played is kept."""
        if self._start is not None and not self.is_over(time) and self.begins:
            self.ends.append(time)
        self._closed = True

    def add(
        self, time: float, faces: Sequence[Face], image: NDArray[np.uint8] | None = None
    ) -> State:
        """The state after a frame.

        Args:
            time: Of the frame, in seconds of a clock that does not run backwards.
            faces: Of this frame, smoothed.
            image: The frame, uint8 [H, W, 3] RGB, from which stills are cut; None keeps none.
        """
        over = self.is_over(time)
        face = self._chosen(faces, time)
        smooth = None if face is None else np.asarray(face.smooth, np.float32)
        if not over:
            track = None if face is None else face.track
            self.samples.add(time, self.place, track, smooth)
        section = self._section()
        row = None if smooth is None else self.above_rest(smooth)
        judged = section is not None and bool(section.wanted)
        score = math.nan
        if judged and row is not None and section is not None:
            score = float(overlap(row, section.wanted, self.emotions))
        self._match = judged and matched(score, self._match, self.settings)
        if judged and face is not None and image is not None:
            late = time - self.begins[-1] >= self.settings.settle
            self.stills.add(self.place, time, score, image, face.box, settled=late)
        return self._state(time, section, face, row, score)

    def above_rest(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        """Smoothed probabilities [..., K] above the zero line, where there is one."""
        if self.rest is None:
            return np.asarray(rows, np.float64)
        return rebase(rows, self.rest, self.neutral)

    def _state(
        self,
        time: float,
        section: Section | None,
        face: Face | None,
        row: NDArray[np.float64] | None,
        score: float,
    ) -> State:
        judged = section is not None and bool(section.wanted)
        word = word_of(score, self._match, self.settings) if judged else PAUSE
        if section is None:
            word = HOLD if self.place == CALIBRATING else OVER
        began = self.begins[-1] if section is not None else self.start
        lasts = self.settings.calibrate if section is None else section.seconds
        open_end = self.place == len(self.script.sections) or bool(section and section.cue)
        return State(
            place=self.place,
            section=section,
            of=len(self.script.sections),
            elapsed=time - began,
            left=None if open_end or lasts is None else max(0.0, began + lasts - time),
            score=score,
            shown="" if row is None else self.emotions[int(row.argmax())],
            match=self._match if judged else None,
            word=word,
            track=None if face is None else face.track,
        )

    def _section(self) -> Section | None:
        place = self.place
        return self.script.sections[place] if 0 <= place < len(self.script.sections) else None

    def _advance(self, time: float) -> None:
        """Go on as far as the clock leads; a section with a cue waits for its key."""
        if not self.begins:
            first = self.start + self.settings.calibrate
            if time < first:
                return
            self._calibrate()
            self.begins.append(first)
        while (section := self._section()) is not None:
            ends = self.begins[-1] + (section.seconds or math.inf)
            if section.cue or time < ends:
                return
            self._end_section(ends)

    def _end_section(self, time: float) -> None:
        self.ends.append(time)
        self._match = False
        if self.place < len(self.script.sections):
            self.begins.append(time)
            self._advance(time)

    def _calibrate(self) -> None:
        rows = self.samples.frame().rows
        seen = rows[~np.isnan(rows).any(axis=1)]
        if len(seen) and self.settings.calibrate:
            self.rest = seen.mean(axis=0, dtype=np.float64)

    def _chosen(self, faces: Sequence[Face], time: float) -> Face | None:
        """The face that is followed; one that is unseen for long is followed no more."""
        same = next((face for face in faces if face.track == self._track), None)
        if same is None:
            if not faces or time - self._seen <= _MISSED:
                return None
            same = max(faces, key=lambda face: _area(face.box))
        self._track, self._seen = same.track, time
        return same


def _area(box: NDArray[np.float64]) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
