"""Bring a dataset's picture into position: an index's column `orient` says how."""

import numpy as np


def orient(image: np.ndarray, how: str) -> np.ndarray:
    """A picture turned or halved.

    Args:
        image: [H, W] or [H, W, 3].
        how: `turn 90`, `turn 180` or `turn 270` (degrees clockwise), `left half`, `right half`, or
            "" for as it is.

    >>> orient(np.array([[1, 2], [3, 4]]), "turn 90").tolist()
    [[3, 1], [4, 2]]
    """
    kind, _, what = how.partition(" ")
    if kind == "turn":
        return np.ascontiguousarray(np.rot90(image, -int(what) // 90))
    middle = image.shape[1] // 2
    return {"left": image[:, :middle], "right": image[:, middle:]}.get(kind, image)
