"""Whether a face shows what a section wants: overlap with the wanted mix, zero line, verdicts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferkit.errors import ConfigError

MATCH, CLOSE, NO_MATCH, NO_FACE = "match", "close", "no match", "no face"
_CLOSE = 0.5  # of the threshold
_LEAST_ROOM = 1e-6  # above a resting probability of 1


@dataclass(frozen=True)
class MatchSettings:
    """When a face matches.

    Attributes:
        threshold: The probability of the wanted emotion from which it does, 0..1.
        margin: By how much less is enough for a match to go on, 0..1.
        share: Part of a section's time that must match for the section to match, 0..1.
        settle: Seconds at a section's beginning that do not count, at most half of it: a face
            needs time to change, and smoothing follows after it.
        calibrate: Seconds of resting face before the first section; 0 takes no zero line.

    Raises:
        ConfigError: a value outside its range.
    """

    threshold: float = 0.5
    margin: float = 0.1
    share: float = 0.5
    settle: float = 0.5
    calibrate: float = 0.0

    def __post_init__(self) -> None:
        for key, value in (("threshold", self.threshold), ("share", self.share)):
            if not 0 < value <= 1:
                raise ConfigError(f"match.{key} is {value}; give a number above 0, up to 1.")
        if not 0 <= self.margin <= 1:
            raise ConfigError(f"match.margin is {self.margin}; give a number from 0 to 1.")
        for key, value in (("settle", self.settle), ("calibrate", self.calibrate)):
            if not 0 <= value < math.inf:
                raise ConfigError(f"match.{key} is {value}; give seconds, 0 or more.")


def overlap(
    probabilities: NDArray[np.floating], wanted: Mapping[str, float], emotions: Sequence[str]
) -> NDArray[np.float64]:
    """How far probabilities agree with a wanted mix: the sum of the smaller of each pair, 0..1.

    Of a single emotion it is its probability; of a mix it is 1 where the face shows the very mix
    (1 minus the total variation distance).

    Args:
        probabilities: [..., K].
        wanted: Emotion to its part; the parts sum to 1.
        emotions: The K classes.
    """
    mix = np.array([wanted.get(emotion, 0.0) for emotion in emotions])
    return np.asarray(np.minimum(probabilities, mix).sum(axis=-1), dtype=np.float64)


def rebase(
    probabilities: NDArray[np.floating], rest: NDArray[np.floating], neutral: int | None
) -> NDArray[np.float64]:
    """Probabilities above those of a resting face, [..., K]: at rest neutral is 1, all else 0.

    Of every emotion but neutral it is how far it rose towards 1, (p - rest) / (1 - rest), 0 where
    it fell; neutral takes what is left of 1. These rises never sum to more than 1: the sum is
    convex in p, and is 1 or 0 at the corners of the simplex.

    Args:
        probabilities: [..., K].
        rest: [K], of the resting face.
        neutral: Class id of neutral; None where the network has none.
    """
    room = np.maximum(1.0 - np.asarray(rest, np.float64), _LEAST_ROOM)
    risen = np.clip((np.asarray(probabilities, np.float64) - rest) / room, 0.0, 1.0)
    if neutral is not None:
        risen[..., neutral] = 0.0
        risen[..., neutral] = np.clip(1.0 - risen.sum(axis=-1), 0.0, 1.0)
    return np.asarray(risen)


def matched(score: float, before: bool, settings: MatchSettings) -> bool:
    """Whether a face matches after a frame, without flickering at the threshold.

    Args:
        score: Of this frame; NaN without a face.
        before: Whether it matched in the frame before.
    """
    least = settings.threshold - (settings.margin if before else 0.0)
    return bool(score >= least)  # NaN is not


def word_of(score: float, match: bool, settings: MatchSettings) -> str:
    """The word for a frame: match, close, no match, no face."""
    if math.isnan(score):
        return NO_FACE
    if match:
        return MATCH
    return CLOSE if score >= _CLOSE * settings.threshold else NO_MATCH
