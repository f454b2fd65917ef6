"""Of every section the frames in which it was matched least and most, as small JPEGs."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_SIDE = 240  # pixels of a still's longer side
_AROUND = 0.35  # of the face's box, on each side
_QUALITY = 85


@dataclass(frozen=True)
class Still:
    """The face of a frame.

    Attributes:
        time: Of the frame, in seconds.
        score: The probability of what the section wants.
        settled: Whether the section was on for long enough.
        jpeg: The face and some of what is around it.
    """

    time: float
    score: float
    settled: bool
    jpeg: bytes


@dataclass
class Stills:
    """Section (from 0) to its stills.

    Attributes:
        lowest: Of the lowest probability.
        highest: Of the highest.
    """

    lowest: dict[int, Still] = field(default_factory=dict)
    highest: dict[int, Still] = field(default_factory=dict)

    def add(
        self,
        place: int,
        time: float,
        score: float,
        image: NDArray[np.uint8],
        box: NDArray[np.float64],
        *,
        settled: bool,
    ) -> None:
        """A frame; it is kept where it is the new lowest or highest of its section."""
        low, high = self.lowest.get(place), self.highest.get(place)
        lower = low is None or (not settled, score) < (not low.settled, low.score)
        higher = high is None or score > high.score
        if not (lower or higher):
            return
        still = Still(time, score, settled, _cut(image, box))
        if lower:
            self.lowest[place] = still
        if higher:
            self.highest[place] = still


def _cut(image: NDArray[np.uint8], box: NDArray[np.float64]) -> bytes:
    import cv2

    x1, y1, x2, y2 = box
    side = max(x2 - x1, y2 - y1) * (0.5 + _AROUND)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    height, width = image.shape[:2]
    left, top = max(0, round(x - side)), max(0, round(y - side))
    part = image[top : min(height, round(y + side)), left : min(width, round(x + side))]
    if part.size == 0:
        part = image
    scale = min(1.0, _SIDE / max(part.shape[:2]))
    size = [max(1, round(each * scale)) for each in part.shape[1::-1]]
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    pixels = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return encoded.tobytes()
