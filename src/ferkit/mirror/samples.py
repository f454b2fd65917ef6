"""What was seen during a take, a row a frame, in some fifty bytes each."""

from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CALIBRATING = -1  # the place of samples of the resting face


@dataclass(frozen=True)
class SampleFrame:
    """Samples as arrays.

    Attributes:
        times: [T] seconds of the take's clock.
        places: [T] section of each, from 0, or `CALIBRATING`.
        tracks: [T] id of the face, -1 without one.
        rows: [T, K] smoothed probabilities, NaN without a face; not above any zero line.
    """

    times: NDArray[np.float64]
    places: NDArray[np.int64]
    tracks: NDArray[np.int64]
    rows: NDArray[np.float32]


class Samples:
    """The samples of a take that goes on.

    Args:
        classes: K.
    """

    def __init__(self, classes: int) -> None:
        self._missing = np.full(classes, np.nan, np.float32)
        self._times, self._places = array("d"), array("q")
        self._tracks, self._rows = array("q"), array("f")

    def __len__(self) -> int:
        return len(self._times)

    def add(
        self, time: float, place: int, track: int | None, row: NDArray[np.float32] | None
    ) -> None:
        """A frame; `track` and `row` are None without a face."""
        self._times.append(time)
        self._places.append(place)
        self._tracks.append(-1 if track is None else track)
        self._rows.extend((self._missing if row is None else row).tolist())

    def frame(self) -> SampleFrame:
        """All of them."""
        return SampleFrame(
            np.array(self._times, np.float64),
            np.array(self._places, np.int64),
            np.array(self._tracks, np.int64),
            np.array(self._rows, np.float32).reshape(-1, len(self._missing)),
        )
