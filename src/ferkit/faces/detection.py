"""What a face detector answers, and the contract of every detector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Detection:
    """A face found in a picture.

    Attributes:
        box: [4] x1, y1, x2, y2 in pixels; may reach over the picture's border.
        score: How sure the detector is; comparable within one detector alone. `mtcnn`: 0..1.
            `haar`: the last stage's sum, some -1..200. Given boxes: 1.
        points: [5, 2] x, y of left eye, right eye, nose, left and right corner of the mouth (left
            and right as in the picture), NaN where not found; None where none was found.
    """

    box: np.ndarray
    score: float
    points: np.ndarray | None = None


Detector = Callable[[Sequence[np.ndarray]], list[list[Detection]]]


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two boxes [4], 0..1.

    >>> overlap(np.array([0, 0, 2, 2]), np.array([1, 0, 3, 2]))
    0.3333333333333333
    """
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    areas = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]))
    return shared / (areas - shared) if areas > shared else 0.0
