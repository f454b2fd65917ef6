"""Probabilities of a track smoothed over time, and a label that does not flicker.

Exponential smoothing by a time constant: after a step of the input the smoothed value has gone
63% of the way when that many seconds have passed, whatever the frame rate. The label changes only
where another class leads clearly, and is UNSURE where none is probable.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferkit.errors import ConfigError

UNSURE = -1  # the class id of a track whose classes are all improbable
UNSURE_NAME = "unsure"


@dataclass(frozen=True)
class SmoothSettings:
    """How a track's probabilities become a steady label.

    Attributes:
        seconds: Time constant of the smoothing; 0 switches it off.
        margin: By how much another class must lead before the label changes, 0..1.
        unsure: The label is given up where no class has this smoothed probability, and comes back
            where one has `margin` more; 0 never gives it up.

    Raises:
        ConfigError: a value outside its range.
    """

    seconds: float = 0.4
    margin: float = 0.1
    unsure: float = 0.35

    def __post_init__(self) -> None:
        if not 0 <= self.seconds < math.inf:
            raise ConfigError(f"smooth.seconds is {self.seconds}; give seconds, 0 or more.")
        for key, value in (("margin", self.margin), ("unsure", self.unsure)):
            if not 0 <= value <= 1:
                raise ConfigError(f"smooth.{key} is {value}; give a number from 0 to 1.")


@dataclass(frozen=True)
class Smoothed:
    """A track at one time.

    Attributes:
        probabilities: [K], smoothed.
        label: Class id, or UNSURE.
        time: Seconds.
    """

    probabilities: NDArray[np.float64]
    label: int
    time: float


class Smoother:
    """Smooths the probabilities of many tracks, each by itself."""

    def __init__(self, settings: SmoothSettings | None = None) -> None:
        self.settings = settings or SmoothSettings()
        self._known: dict[int, Smoothed] = {}

    def update(self, track: int, probabilities: NDArray[np.floating], time: float) -> Smoothed:
        """The smoothed state of a track after one more frame.

        Args:
            track: Its id.
            probabilities: [K], of this frame.
            time: Of this frame, in seconds.
        """
        state = step(self._known.get(track), probabilities, time, self.settings)
        self._known[track] = state
        return state

    def keep(self, tracks: Collection[int]) -> None:
        """Forget all other tracks, so that a long stream takes no more memory than a short one."""
        self._known = {track: state for track, state in self._known.items() if track in tracks}


def step(
    before: Smoothed | None,
    probabilities: NDArray[np.floating],
    time: float,
    settings: SmoothSettings,
) -> Smoothed:
    """The state of a track after a frame; its first frame is taken as it is."""
    new = np.asarray(probabilities, dtype=np.float64)
    if before is None:
        return Smoothed(new, steady_label(UNSURE, new, settings), time)
    weight = 1.0
    if settings.seconds > 0:
        weight = -math.expm1(-max(0.0, time - before.time) / settings.seconds)
    mixed = before.probabilities + weight * (new - before.probabilities)
    return Smoothed(mixed, steady_label(before.label, mixed, settings), time)


def steady_label(label: int, probabilities: NDArray[np.float64], settings: SmoothSettings) -> int:
    """The label after a frame: the one before, unless there is reason to change it.

    Args:
        label: Class id before, or UNSURE.
        probabilities: [K], smoothed.
    """
    best = int(probabilities.argmax())
    lead = float(probabilities[best])
    if lead < settings.unsure:
        return UNSURE
    if label == UNSURE:
        enough = settings.unsure == 0 or lead >= min(1.0, settings.unsure + settings.margin)
        return best if enough else UNSURE
    return best if lead - float(probabilities[label]) > settings.margin else label
