"""The right one of several faces."""

import numpy as np
import pytest

from ferkit.errors import ConfigError
from ferkit.faces.choose import choose_face
from ferkit.faces.detection import Detection, overlap

SHAPE = (100, 200)


def face(x1, y1, x2, y2, score=0.5):
    return Detection(np.array([x1, y1, x2, y2], float), score)


SMALL, LARGE, CENTRAL = (
    face(0, 0, 10, 10, 0.9),
    face(120, 10, 190, 80),
    face(85, 35, 115, 65, 0.1),
)


@pytest.mark.parametrize(
    ("rule", "wanted"), [("largest", LARGE), ("central", CENTRAL), ("score", SMALL)]
)
def test_rules(rule, wanted):
    assert choose_face([SMALL, LARGE, CENTRAL], rule, SHAPE) is wanted


def test_body_takes_the_largest_in_the_upper_half_of_the_person():
    knee = face(20, 60, 70, 95)
    head, hand = face(30, 5, 50, 25), face(55, 10, 60, 15)
    body = np.array([15, 0, 75, 100])
    assert choose_face([LARGE, knee, hand, head], "body", SHAPE, body) is head
    assert choose_face([LARGE, knee], "body", SHAPE, body) is None


def test_no_face_is_none():
    assert choose_face([], "central", SHAPE) is None


def test_body_without_a_body_and_unknown_rules_are_refused():
    with pytest.raises(ConfigError, match=r"faces\.choose=largest"):
        choose_face([LARGE], "body", SHAPE)
    with pytest.raises(ConfigError, match="Did you mean 'largest'"):
        choose_face([LARGE], "larges", SHAPE)


def test_overlap():
    box = np.array([0, 0, 10, 10])
    assert overlap(box, box) == 1
    assert overlap(box, box + 10) == 0
    assert overlap(box, box + np.array([5, 0, 5, 0])) == pytest.approx(1 / 3)
    assert overlap(box * 0, box * 0) == 0
