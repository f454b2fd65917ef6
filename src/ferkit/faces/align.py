"""Where a face goes in its crop: similarities from picture to crop, and one warp that does it.

Coordinates are continuous: pixel (0, 0) covers 0..1, its centre lies at 0.5. A matrix is [2, 3]
and takes points (x, y, 1) of the picture to points of the crop. Points of a face come in the
order left eye, right eye, nose, left and right corner of the mouth, left and right as in the
picture.
"""

import math

import cv2
import numpy as np

# Where ArcFace and InsightFace put the five points in a crop of 112 x 112
# (Deng, Guo, Xue, Zafeiriou: ArcFace, CVPR 2019; alignment of its reference code).
TEMPLATE = (
    np.array(
        [
            [38.2946, 51.6963],
            [73.5318, 51.5014],
            [56.0252, 71.7366],
            [41.5493, 92.3655],
            [70.7299, 92.2041],
        ]
    )
    / 112
)  # [5, 2], shares of the crop's side

_LARGEST_WARP = 4096  # pixels; a side beyond it gains nothing and costs memory


def box_matrix(
    box: np.ndarray, size: int, *, margin: float = 0.0, angle: float = 0.0
) -> np.ndarray:
    """The similarity that puts a square around a box into the crop.

    The square has the box' centre and its longer side, so that no face is squashed.

    Args:
        box: [4] x1, y1, x2, y2.
        size: Side of the crop in pixels.
        margin: Share of the box' longer side added at each of the four sides.
        angle: Degrees by which the picture is turned around the box' centre, clockwise as seen.

    Returns:
        [2, 3].
    """
    x1, y1, x2, y2 = (float(v) for v in box)
    side = max(x2 - x1, y2 - y1) * (1 + 2 * margin)
    scale = size / max(side, 1e-6)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    linear = scale * np.array([[cos, -sin], [sin, cos]])  # [2, 2]
    centre = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    return np.column_stack([linear, size / 2 - linear @ centre])  # [2, 3]


def eye_angle(points: np.ndarray) -> float:
    """How far the line from left to right eye is turned, in degrees, clockwise as seen.

    Args:
        points: [5, 2], or the first two rows of it.
    """
    (x_left, y_left), (x_right, y_right) = points[:2]
    return math.degrees(math.atan2(float(y_right - y_left), float(x_right - x_left)))


def eyes_matrix(
    box: np.ndarray, points: np.ndarray, size: int, *, margin: float = 0.0
) -> np.ndarray:
    """As `box_matrix`, with the picture turned until the line of the eyes is level.

    Args:
        box: [4] x1, y1, x2, y2.
        points: [5, 2], of which the eyes are looked at.
        size: Side of the crop in pixels.
        margin: Share of the box' longer side added at each side.

    Returns:
        [2, 3].
    """
    return box_matrix(box, size, margin=margin, angle=-eye_angle(points))


def five_point_matrix(points: np.ndarray, size: int, *, margin: float = 0.0) -> np.ndarray:
    """The similarity that brings five points closest to `TEMPLATE` (least squares, no mirroring).

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    PAMI 1991. In the plane a similarity is the product with one complex number, whose
    least-squares estimate is in closed form and cannot mirror.

    Args:
        points: [5, 2].
        size: Side of the crop in pixels.
        margin: Share of the template's side added at each side: 0 is ArcFace's tight crop.

    Returns:
        [2, 3].
    """
    wanted = ((TEMPLATE - 0.5) / (1 + 2 * margin) + 0.5) * size  # [5, 2]
    here, there = (p[:, 0] + 1j * p[:, 1] for p in (np.asarray(points, float), wanted))
    spread = here - here.mean()
    power = float((np.abs(spread) ** 2).sum())
    turn = (spread.conj() * (there - there.mean())).sum() / max(power, 1e-12)
    shift = there.mean() - turn * here.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def warp(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Cut a crop by one warp; what lies outside the picture is its mirror image.

    Enlarging is linear. When shrinking, the warp goes to a whole multiple of the crop's size,
    which is then averaged (`cv2.INTER_AREA`): a warp alone would skip pixels and alias.

    Args:
        image: uint8, [H, W] or [H, W, 3].
        matrix: [2, 3] similarity from picture to crop.
        size: Side of the crop in pixels.

    Returns:
        uint8, [size, size] or [size, size, 3].
    """
    shrink = 1 / max(math.hypot(matrix[0, 0], matrix[1, 0]), 1e-6)
    finer = max(1, min(math.ceil(shrink - 1e-6), _LARGEST_WARP // size))
    by_index = matrix * finer
    # From continuous coordinates to OpenCV's, in which a pixel's centre is a whole number.
    by_index[:, 2] += by_index[:, :2].sum(axis=1) / 2 - 0.5
    warped = cv2.warpAffine(
        image,
        by_index,
        (size * finer, size * finer),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return warped if finer == 1 else resize(warped, size)


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """The whole picture as a square: averaged when shrunk, linear when enlarged.

    Args:
        image: uint8, [H, W] or [H, W, 3]; other shapes than squares are squashed.
        size: Side of the result in pixels.

    Returns:
        uint8, [size, size] or [size, size, 3].
    """
    if image.shape[:2] == (size, size):
        return image
    shrinks = min(image.shape[:2]) > size
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=method)


def move_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [..., 2] of the picture as points of the crop."""
    return points @ matrix[:, :2].T + matrix[:, 2]
