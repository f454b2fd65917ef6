"""The contract of every face detector, and where they are made.

A detector takes pictures (uint8, [H, W] grey or [H, W, 3] RGB, of any sizes) and answers, for
each, the faces it found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ferkit.errors import ConfigError, unknown

DETECTORS = ("none", "given", "haar", "haar_alt2", "mtcnn")


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


def make_detector(
    name: str,
    *,
    device: str = "auto",
    min_face: int = 20,
    scale_factor: float = 1.1,
    min_neighbors: int = 5,
    eyes: bool = True,
) -> Detector | None:
    """Make a detector by name.

    Args:
        name: One of `DETECTORS`.
        device: Where `mtcnn` computes: `cpu`, `cuda`, `cuda:1`, or `auto` (a GPU if there is one).
        min_face: Smallest side of a face to look for, in pixels.
        scale_factor: Step from one size to the next of `haar`, above 1.
        min_neighbors: How many overlapping hits make a face of `haar`.
        eyes: Let `haar` look for the eyes too; alignment needs them.

    Returns:
        A detector, or None for `none` and `given`, which look for nothing.

    Raises:
        ConfigError: an unknown name, or the packages of `mtcnn` are not installed.
    """
    match name:
        case "none" | "given":
            return None
        case "haar" | "haar_alt2":
            from ferkit.faces.haar import make_haar

            return make_haar(
                name,
                min_face=min_face,
                scale_factor=scale_factor,
                min_neighbors=min_neighbors,
                eyes=eyes,
            )
        case "mtcnn":
            from ferkit.faces.mtcnn import make_mtcnn

            return make_mtcnn(device=device, min_face=min_face)
    raise ConfigError(unknown("face detector", name, DETECTORS))


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two boxes [4], 0..1.

    >>> overlap(np.array([0, 0, 2, 2]), np.array([1, 0, 3, 2]))
    0.3333333333333333
    """
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    areas = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]))
    return shared / (areas - shared) if areas > shared else 0.0
