"""Boxes that follow the picture between detections."""

import cv2
import numpy as np
import pytest

from ferkit.faces.detection import Detection
from ferkit.video.flow import Flow


def textured(shift=(0, 0), grow=1.0):
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 255, (480, 640), np.uint8), (0, 0), 4)
    picture = cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX)
    matrix = np.array(
        [[grow, 0, 320 * (1 - grow) + shift[0]], [0, grow, 240 * (1 - grow) + shift[1]]]
    )
    return cv2.cvtColor(cv2.warpAffine(picture, matrix, (640, 480)), cv2.COLOR_GRAY2RGB)


def face(*box):
    points = np.array([[box[0] + 10.0, box[1] + 10], *[[np.nan, np.nan]] * 4])
    return Detection(np.array(box, float), 0.9, points)


@pytest.mark.parametrize("shift", [(0, 0), (6, -4), (-12, 9)])
def test_a_box_moves_with_the_picture(shift):
    flow = Flow()
    flow.remember(textured())
    (moved,) = flow.follow(textured(shift), [face(220, 140, 420, 340)])
    assert moved.box == pytest.approx(np.array([220, 140, 420, 340]) + np.tile(shift, 2), abs=1)
    assert moved.points[0] == pytest.approx(np.array([230, 150]) + shift, abs=1)
    assert moved.score == 0.9


def test_a_box_grows_with_the_picture():
    flow = Flow()
    flow.remember(textured())
    (moved,) = flow.follow(textured(grow=1.05), [face(220, 140, 420, 340)])
    assert moved.box == pytest.approx([215, 135, 425, 345], abs=1.5)


def test_a_box_without_anything_to_follow_stays():
    flow = Flow()
    flow.remember(np.full((480, 640, 3), 90, np.uint8))
    (moved,) = flow.follow(np.full((480, 640, 3), 90, np.uint8), [face(220, 140, 420, 340)])
    assert moved.box == pytest.approx([220, 140, 420, 340])


def test_a_face_that_leaves_the_picture_goes():
    flow = Flow()
    flow.remember(textured())
    assert flow.follow(textured(), [face(600, 100, 700, 200)]) == []


def test_a_picture_of_another_size_starts_anew():
    flow = Flow()
    flow.remember(textured())
    (kept,) = flow.follow(textured()[::2, ::2].copy()[:200], [face(20, 40, 120, 140)])
    assert kept.box == pytest.approx([20, 40, 120, 140])
