"""Geometry to a pixel, on drawn faces whose points are known."""

import cv2
import numpy as np
import pytest

from ferkit.drawn.face import draw_photo
from ferkit.faces.align import (
    TEMPLATE,
    box_matrix,
    eye_angle,
    eyes_matrix,
    five_point_matrix,
    move_points,
    resize,
    warp,
)


def dots(points, shape=(240, 300), radius=2):
    """A black picture with a white dot at each point (continuous coordinates)."""
    picture = np.zeros(shape, np.uint8)
    for x, y in np.rint((np.asarray(points) - 0.5) * 16).astype(int):
        cv2.circle(picture, (int(x), int(y)), radius * 16, 255, -1, cv2.LINE_AA, 4)
    return picture


def centre_near(picture, place, reach=12):
    """Where the bright spot near a place has its centre of mass, in continuous coordinates."""
    x, y = (round(v) for v in place)
    top, left = max(0, y - reach), max(0, x - reach)
    part = picture[top : y + reach, left : x + reach].astype(float)
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
    return np.array([(columns * part).sum(), (rows * part).sum()]) / part.sum() + (left, top) + 0.5


def drawn(angle, box, person=3):
    photo, _, points = draw_photo(
        "happy",
        person=person,
        rng=np.random.default_rng(person),
        width=400,
        height=360,
        box=box,
        angle=angle,
        vary=False,
    )
    return photo, points + 0.5  # drawn points count pixel centres from 0


def test_a_box_fills_the_crop():
    matrix = box_matrix(np.array([10, 20, 50, 60]), 48)
    corners = move_points(matrix, np.array([[10, 20], [50, 60]]))
    assert np.allclose(corners, [[0, 0], [48, 48]])


def test_the_longer_side_and_the_margin_make_the_square():
    matrix = box_matrix(np.array([10, 20, 30, 60]), 80, margin=0.5)
    assert np.allclose(move_points(matrix, np.array([[20.0, 40.0]])), [[40, 40]])
    assert np.allclose(move_points(matrix, np.array([[-20.0, 0.0]])), [[0, 0]])


def test_an_untouched_square_comes_back_as_it_is():
    picture = np.random.default_rng(0).integers(0, 256, (60, 70, 3), dtype=np.uint8)
    crop = warp(picture, box_matrix(np.array([5, 7, 37, 39]), 32), 32)
    assert np.array_equal(crop, picture[7:39, 5:37])


@pytest.mark.parametrize("factor", [2, 5])
def test_shrinking_averages(factor):
    side = 16 * factor
    picture = np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)
    means = picture.reshape(16, factor, 16, factor).mean((1, 3))
    crop = warp(picture, box_matrix(np.array([0, 0, side, side]), 16), 16)
    assert np.abs(crop - means).max() <= 0.51
    assert np.abs(resize(picture, 16) - means).max() <= 0.51


def test_the_border_is_mirrored():
    picture = np.tile(np.arange(40, dtype=np.uint8)[:, None] * 6, (1, 40))
    crop = warp(picture, box_matrix(np.array([0, -10, 40, 30]), 40), 40)
    assert np.array_equal(crop[:10], picture[1:11][::-1])


@pytest.mark.parametrize("angle", [-50, -15, 0, 30, 75])
@pytest.mark.parametrize("scale", [0.6, 1.7])
def test_dots_land_on_the_template_wherever_the_face_is(angle, scale):
    turn = scale * np.exp(1j * np.radians(angle))
    upright = (TEMPLATE[:, 0] - 0.5 + 1j * (TEMPLATE[:, 1] - 0.5)) * 100
    moved = upright * turn + (150 + 118j)
    points = np.stack([moved.real, moved.imag], 1)
    crop = warp(dots(points), five_point_matrix(points, 112, margin=0.1), 112)
    for place in ((TEMPLATE - 0.5) / 1.2 + 0.5) * 112:
        assert np.abs(centre_near(crop, place) - place).max() < 0.5


def test_five_points_are_the_least_squares_similarity():
    rng = np.random.default_rng(1)
    points = TEMPLATE * 90 + rng.normal(0, 4, (5, 2)) + 30
    wanted = TEMPLATE * 112
    x, y, one, zero = points[:, 0], points[:, 1], np.ones(5), np.zeros(5)
    rows = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    a, b, c, d = np.linalg.lstsq(rows, wanted.T.ravel(), rcond=None)[0]
    assert np.allclose(five_point_matrix(points, 112), [[a, -b, c], [b, a, d]])


def test_a_mirrored_face_is_not_mirrored_back():
    points = TEMPLATE * [-1, 1] * 100 + [200, 0]
    assert np.linalg.det(five_point_matrix(points, 112)[:, :2]) > 0


@pytest.mark.parametrize("angle", [-30, -15, 0, 15, 30])
@pytest.mark.parametrize("box", [(60, 60, 140, 160), (130, 40, 330, 290)])
def test_drawn_faces_come_out_level_and_in_place(angle, box):
    photo, points = drawn(angle, box)
    assert abs(eye_angle(points) + angle) < 2
    matrix = eyes_matrix(np.array(box, float), points, 112, margin=0.2)
    moved = move_points(matrix, points)
    assert abs(moved[0, 1] - moved[1, 1]) < 1e-9
    upright_photo, upright = drawn(0, box)
    crop = warp(photo, matrix, 112)
    wanted = warp(upright_photo, box_matrix(np.array(box, float), 112, margin=0.2), 112)
    there = move_points(box_matrix(np.array(box, float), 112, margin=0.2), upright)
    assert np.abs(moved - there).max() < 1.0
    middle = slice(25, 87)
    difference = np.abs(crop[middle, middle].astype(int) - wanted[middle, middle])
    assert np.median(difference) <= 3


@pytest.mark.parametrize("angle", [-30, 0, 20])
def test_drawn_faces_of_all_sizes_meet_in_the_template(angle):
    crops = []
    for box in ((60, 60, 140, 160), (130, 40, 330, 290)):
        photo, points = drawn(angle, box)
        matrix = five_point_matrix(points, 112)
        crops.append(warp(photo, matrix, 112))
        assert np.abs(move_points(matrix, points) - TEMPLATE * 112).max() < 12
    shift, _ = cv2.phaseCorrelate(*(crop.mean(-1).astype(np.float32) for crop in crops))
    assert np.hypot(*shift) < 1


def test_points_without_any_spread_do_not_divide_by_zero():
    assert np.isfinite(five_point_matrix(np.full((5, 2), 7.0), 112)).all()
    assert np.isfinite(box_matrix(np.array([3, 3, 3, 3]), 48)).all()


def test_one_pixel_is_a_picture_too():
    assert (warp(np.full((1, 1), 9, np.uint8), box_matrix(np.array([0, 0, 1, 1]), 8), 8) == 9).all()
    assert resize(np.full((1, 1), 9, np.uint8), 8).shape == (8, 8)
