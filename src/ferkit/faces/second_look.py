"""Points of turned faces, found again with the face upright.

Detectors are trained on upright faces: on one turned by 30 degrees MTCNN puts the eyes up to five
degrees off their line (docs/faces.md). So it is turned by what was found, and looked at again.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from ferkit.faces.align import eye_angle, eyes_matrix, move_points, warp
from ferkit.faces.detection import Detection, Detector

_TURNED = 8.0  # degrees; faces below it are upright enough
_SIDE, _MARGIN = 192, 0.5  # of the picture that is looked at
_NEAR = 0.2  # how far the face's middle may lie from that picture's, in shares of its side


def look_again(
    images: Sequence[np.ndarray], faces: Sequence[Detection | None], detect: Detector
) -> list[Detection | None]:
    """Find the points of turned faces anew.

    Args:
        images: uint8, each [H, W] or [H, W, 3].
        faces: The chosen face of each, or None.
        detect: The detector that found them.

    Returns:
        The faces; those that were turned, and are found upright too, with new points.
    """
    answers = list(faces)
    turned = {
        i: eyes_matrix(face.box, face.points, _SIDE, margin=_MARGIN)
        for i, face in enumerate(faces)
        if face is not None and face.points is not None and _is_turned(face.points)
    }
    if not turned:
        return answers
    upright = detect([warp(images[i], matrix, _SIDE) for i, matrix in turned.items()])
    for (i, matrix), found in zip(turned.items(), upright, strict=True):
        points = _middle_points(found)
        face = answers[i]
        if points is not None and face is not None:
            back = cv2.invertAffineTransform(matrix)
            answers[i] = replace(face, points=move_points(back, points))
    return answers


def _is_turned(points: np.ndarray) -> bool:
    return bool(np.isfinite(points[:2]).all()) and abs(eye_angle(points)) > _TURNED


def _middle_points(found: list[Detection]) -> np.ndarray | None:
    for face in sorted(found, key=lambda face: -face.score):
        off = np.abs((face.box[:2] + face.box[2:]) / 2 - _SIDE / 2).max()
        if face.points is not None and off < _NEAR * _SIDE:
            return face.points
    return None
