"""Which of the faces found in a picture is meant."""

from collections.abc import Sequence

import numpy as np

from ferkit.errors import ConfigError, unknown
from ferkit.faces.detection import Detection

RULES = ("largest", "central", "score", "body", "body_or_largest")


def choose_face(
    found: Sequence[Detection], rule: str, shape: tuple[int, int], body: np.ndarray | None = None
) -> Detection | None:
    """Pick one face, or none.

    Args:
        found: The faces of one picture.
        rule: `largest` by area; `central`, nearest to the picture's centre; `score`, the surest;
            `body`, the largest whose centre lies in the upper half of the person's box;
            `body_or_largest`, as `body` where there is such a box (a merge of EMOTIC and others).
        shape: Height and width of the picture.
        body: [4] x1, y1, x2, y2 of the person; looked at by these two alone.

    Returns:
        A face; the first of equals; None where no face was found or none lies in the body.

    Raises:
        ConfigError: an unknown rule, or `body` for a picture without a person's box.

    >>> box = np.array([0.0, 0.0, 2.0, 2.0])
    >>> found = [Detection(box, 1.0), Detection(box * 3, 0.5)]
    >>> choose_face(found, "largest", (9, 9)).score
    0.5
    """
    if rule == "body" or (rule == "body_or_largest" and body is not None):
        found = [face for face in found if _in_upper_half(face, _known(body))]
    if not found:
        return None
    match rule:
        case "largest" | "body" | "body_or_largest":
            return max(found, key=_area)
        case "score":
            return max(found, key=lambda face: face.score)
        case "central":
            return min(found, key=lambda face: _off_centre(face, shape))
    raise ConfigError(unknown("way to choose a face", rule, RULES))


def by_area(found: Sequence[Detection]) -> list[Detection]:
    """The faces, largest first."""
    return sorted(found, key=_area, reverse=True)


def _known(body: np.ndarray | None) -> np.ndarray:
    if body is None:
        raise ConfigError(
            "faces.choose=body needs a box of each person, which this dataset does not give; "
            "take faces.choose=largest."
        )
    return body


def _area(face: Detection) -> float:
    x1, y1, x2, y2 = face.box
    return float((x2 - x1) * (y2 - y1))


def _centre(box: np.ndarray) -> np.ndarray:
    return (box[:2] + box[2:]) / 2


def _off_centre(face: Detection, shape: tuple[int, int]) -> float:
    return float(np.linalg.norm(_centre(face.box) - np.array([shape[1], shape[0]]) / 2))


def _in_upper_half(face: Detection, body: np.ndarray) -> bool:
    x, y = _centre(face.box)
    x1, y1, x2, y2 = body
    return bool(x1 <= x <= x2 and y1 <= y <= (y1 + y2) / 2)
