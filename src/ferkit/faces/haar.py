"""Viola-Jones by OpenCV's frontal-face cascades, with eyes by its eye cascade.

Viola, Jones, "Rapid object detection using a boosted cascade of simple features", CVPR 2001;
cascades by Lienhart and Maydt (2002), shipped with OpenCV. Used by athanasiadis2022,
balanescu2020 and kurmi2022.
"""

from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from ferkit.errors import DataError
from ferkit.faces.align import resize
from ferkit.faces.decode import to_grey
from ferkit.faces.detection import Detection, Detector

_CASCADES = {
    "haar": "haarcascade_frontalface_default.xml",
    "haar_alt2": "haarcascade_frontalface_alt2.xml",
}
# haarcascade_eye.xml misses one of Grace Hopper's eyes at most sizes; this one finds both.
_EYES = "haarcascade_eye_tree_eyeglasses.xml"

# The eyes lie in the upper 60% of a frontal box; what the cascade finds below are nostrils and
# corners of the mouth. It is searched at one size, whatever the face's: the cascade's window is
# 20 x 20, so the eyes of small faces are beyond it, and large ones cost time.
_EYE_REGION = 0.6
_EYE_SEARCH_SIDE = 224
_APART = (0.25, 0.75)  # distance of the eyes' centres, in shares of the box' width
_TILT = 40.0  # degrees; a steeper pair is no pair


def make_haar(
    name: str = "haar",
    *,
    min_face: int = 20,
    scale_factor: float = 1.1,
    min_neighbors: int = 5,
    eyes: bool = True,
) -> Detector:
    """Make the detector of one of the two cascades.

    Args:
        name: `haar` (OpenCV's default) or `haar_alt2`.
        min_face: Smallest side of a face in pixels; the cascades see none under 20 to 24.
        scale_factor: Step from one size to the next, above 1.
        min_neighbors: How many overlapping hits make a face.
        eyes: Look for the eyes too; without a pair of them `points` is None.

    Returns:
        A detector; it holds a cascade, so each process makes its own.

    Raises:
        DataError: OpenCV was installed without its cascades.
    """
    faces = _cascade(_CASCADES[name])
    eye = _cascade(_EYES) if eyes else None

    def detect_one(image: np.ndarray) -> list[Detection]:
        grey = to_grey(image)
        boxes, _, scores = faces.detectMultiScale3(
            grey,
            scaleFactor=scale_factor,
            minNeighbors=min_neighbors,
            minSize=(min_face, min_face),
            outputRejectLevels=True,
        )
        found = zip(np.reshape(boxes, (-1, 4)), np.ravel(scores), strict=True)
        return [_detection(grey, box, float(score), eye) for box, score in found]

    return lambda images: [detect_one(image) for image in images]


def _detection(
    grey: np.ndarray, found: np.ndarray, score: float, eye: cv2.CascadeClassifier | None
) -> Detection:
    x, y, width, height = (int(v) for v in found)
    face = grey[y : y + height, x : x + width]
    points = None if eye is None else _eyes(face, x, y, eye)
    return Detection(np.array([x, y, x + width, y + height], dtype=float), score, points)


def _cascade(file: str) -> cv2.CascadeClassifier:
    path = Path(cv2.data.haarcascades) / file  # type: ignore[attr-defined]
    cascade = cv2.CascadeClassifier(str(path))
    if cascade.empty():
        raise DataError(
            f"{path}: OpenCV's cascade cannot be read; "
            "pip install --force-reinstall 'opencv-python-headless>=4.10,<5'."
        )
    return cascade


def _eyes(
    face: np.ndarray, left: int, top: int, cascade: cv2.CascadeClassifier
) -> np.ndarray | None:
    side = face.shape[1]
    scale = _EYE_SEARCH_SIDE / side
    searched = resize(face, _EYE_SEARCH_SIDE)[: int(_EYE_SEARCH_SIDE * _EYE_REGION)]
    found, _, scores = cascade.detectMultiScale3(
        searched,
        scaleFactor=1.05,
        minNeighbors=3,
        minSize=(_EYE_SEARCH_SIDE // 8,) * 2,
        outputRejectLevels=True,
    )
    centres = [np.array([x + w / 2, y + h / 2]) / scale for x, y, w, h in found]
    pair = _best_pair(centres, [float(s) for s in np.ravel(scores)], side)
    if pair is None:
        return None
    points = np.full((5, 2), np.nan)
    from_left = np.stack(pair)[np.argsort([eye[0] for eye in pair])]  # [2, 2]
    points[:2] = from_left + np.array([left, top])
    return points


def _best_pair(
    centres: list[np.ndarray], scores: list[float], side: int
) -> tuple[np.ndarray, np.ndarray] | None:
    best, best_score = None, -np.inf
    for i, j in combinations(range(len(centres)), 2):
        across, down = np.abs(centres[i] - centres[j])
        fits = _APART[0] <= across / side <= _APART[1]
        level = np.degrees(np.arctan2(down, across)) <= _TILT
        either_side = (centres[i][0] - side / 2) * (centres[j][0] - side / 2) < 0
        if fits and level and either_side and scores[i] + scores[j] > best_score:
            best, best_score = (centres[i], centres[j]), scores[i] + scores[j]
    return best
