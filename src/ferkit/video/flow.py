"""Boxes moved from one frame to the next by optical flow, where no detector looks.

Median flow of Kalal, Mikolajczyk and Matas 2010 ("Forward-Backward Error", ICPR): points of a grid
in each box are followed by pyramidal Lucas-Kanade forward and back, those that do not come back are
left out, and the box moves by the median of the others and grows by the median change of their
distances.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ferkit.faces.decode import to_grey
from ferkit.faces.detection import Detection

_SIDE = 320  # of the copy in which points are followed, at most
_GRID = 4  # points along a side
_INNER = 0.15  # of a box is left out at each side: there is background
_BACK = 1.0  # pixels of the copy that a point may miss its place by
_LEAST = 5  # points; with fewer a box stays where it was
_GROWTH = 0.15  # at most, from one frame to the next
_FLOW = {"winSize": (11, 11), "maxLevel": 3}


class Flow:
    """Follows boxes from each frame to the next."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None

    def remember(self, image: NDArray[np.uint8]) -> None:
        """A frame in which a detector has looked, [H, W, 3] RGB."""
        self._before = _small(image)

    def follow(self, image: NDArray[np.uint8], faces: Sequence[Detection]) -> list[Detection]:
        """The faces of the frame before in this one, in their order; those that leave it go."""
        now = _small(image)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape or not faces:
            return list(faces)
        shrink = now.shape[1] / image.shape[1]
        starts = np.concatenate([_grid(face.box * shrink) for face in faces])  # [F * n, 2]
        ends, good = _followed(before, now, starts)
        size = _GRID * _GRID
        moved = [
            _moved(face, starts[at : at + size], ends[at : at + size], good[at : at + size], shrink)
            for face, at in zip(faces, range(0, len(starts), size), strict=True)
        ]
        height, width = image.shape[:2]
        return [face for face in moved if _inside(face.box, width, height)]


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shrink = min(1.0, _SIDE / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.asarray(to_grey(np.asarray(small, np.uint8)), np.uint8)


def _grid(box: NDArray[np.float64]) -> NDArray[np.float32]:
    steps = np.linspace(_INNER, 1 - _INNER, _GRID)
    x = box[0] + steps * (box[2] - box[0])
    y = box[1] + steps * (box[3] - box[1])
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2).astype(np.float32)


def _followed(
    before: NDArray[np.uint8], now: NDArray[np.uint8], starts: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    ends, seen, _ = cv2.calcOpticalFlowPyrLK(before, now, starts, None, **_FLOW)  # type: ignore[call-overload]
    back, again, _ = cv2.calcOpticalFlowPyrLK(now, before, ends, None, **_FLOW)  # type: ignore[call-overload]
    miss = np.linalg.norm(back - starts, axis=1)
    return ends, (seen[:, 0] == 1) & (again[:, 0] == 1) & (miss <= _BACK)


def _moved(
    face: Detection,
    starts: NDArray[np.float32],
    ends: NDArray[np.float32],
    good: NDArray[np.bool_],
    shrink: float,
) -> Detection:
    if good.sum() < _LEAST:
        return face
    starts, ends = starts[good], ends[good]
    shift = np.median(ends - starts, axis=0).astype(np.float64) / shrink
    first, second = np.triu_indices(len(starts), 1)
    was = np.linalg.norm(starts[first] - starts[second], axis=1)
    now = np.linalg.norm(ends[first] - ends[second], axis=1)
    growth = float(np.clip(np.median(now / was), 1 - _GROWTH, 1 + _GROWTH))
    centre = (face.box[:2] + face.box[2:]) / 2

    def place(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((points - centre) * growth + centre + shift)

    box = place(face.box.reshape(2, 2)).reshape(4)
    return replace(face, box=box, points=None if face.points is None else place(face.points))


def _inside(box: NDArray[np.float64], width: int, height: int) -> bool:
    x, y = (box[:2] + box[2:]) / 2
    return bool(0 <= x < width and 0 <= y < height)
