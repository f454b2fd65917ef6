"""Which face of one frame is which of the next: overlap of boxes and the best assignment.

Boxes are matched by intersection over union so that the sum of the overlaps is largest (scipy's
`linear_sum_assignment`). A track that is not seen lives on for `max_age` seconds, then its id is
never used again. Times are seconds on any clock that does not run backwards; frames need no fixed
rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferkit.errors import ConfigError


@dataclass(frozen=True)
class TrackSettings:
    """When two boxes are one face.

    Attributes:
        overlap: Least intersection over union of a track's last box and a new one, 0..1.
        max_age: Seconds that a track lives without being seen.

    Raises:
        ConfigError: a value outside its range.
    """

    overlap: float = 0.3
    max_age: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.overlap <= 1:
            raise ConfigError(f"track.overlap is {self.overlap}; give a number above 0, up to 1.")
        if not 0 <= self.max_age < float("inf"):
            raise ConfigError(f"track.max_age is {self.max_age}; give seconds, 0 or more.")


@dataclass(frozen=True)
class Track:
    """A face that is followed.

    Attributes:
        number: Its id, counted from 0 in the order of appearance.
        box: [4] x1, y1, x2, y2 where it was last seen.
        seen: When that was, in seconds.
    """

    number: int
    box: NDArray[np.float64]
    seen: float


class Tracker:
    """Gives each face of a frame the id of its track.

    Attributes:
        tracks: Those that live, by id.
    """

    def __init__(self, settings: TrackSettings | None = None) -> None:
        self.settings = settings or TrackSettings()
        self.tracks: dict[int, Track] = {}
        self._next = 0

    def update(self, boxes: Sequence[NDArray[np.float64]], time: float) -> list[int]:
        """The ids of a frame's faces, in their order.

        Args:
            boxes: Each [4] x1, y1, x2, y2, in pixels; no two faces of a frame share an id.
            time: Of the frame, in seconds.
        """
        self._forget(time)
        known = list(self.tracks.values())
        found = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        pairs = match([track.box for track in known], found, self.settings.overlap)
        ids = []
        for number, box in enumerate(found):
            track = known[pairs[number]].number if number in pairs else self._new()
            self.tracks[track] = Track(track, box, time)
            ids.append(track)
        return ids

    def _forget(self, time: float) -> None:
        age = self.settings.max_age
        self.tracks = {n: t for n, t in self.tracks.items() if time - t.seen <= age}

    def _new(self) -> int:
        self._next += 1
        return self._next - 1


def match(
    first: Sequence[NDArray[np.float64]] | NDArray[np.float64],
    second: Sequence[NDArray[np.float64]] | NDArray[np.float64],
    least: float,
) -> dict[int, int]:
    """Which box of the second list continues which of the first: second to first.

    Args:
        first: [M, 4].
        second: [N, 4].
        least: Pairs of less intersection over union are none.
    """
    from scipy.optimize import linear_sum_assignment

    shared = overlaps(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))
    shared = np.where(shared >= least, shared, 0.0)
    rows, columns = linear_sum_assignment(shared, maximize=True)
    return {int(c): int(r) for r, c in zip(rows, columns, strict=True) if shared[r, c] > 0}


def overlaps(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of every pair of boxes [M, 4] and [N, 4]: [M, N], 0..1.

    >>> overlaps(np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 0, 2, 2], [1, 0, 3, 2]])).round(2)
    array([[1.  , 0.33]])
    """
    one, two = first.reshape(-1, 1, 4), second.reshape(1, -1, 4)
    low = np.maximum(one[..., :2], two[..., :2])
    high = np.minimum(one[..., 2:], two[..., 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=-1)  # [M, N]
    total = _area(one) + _area(two) - shared
    return np.divide(shared, total, out=np.zeros_like(shared), where=total > 0)


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.prod(np.clip(boxes[..., 2:] - boxes[..., :2], 0, None), axis=-1))
