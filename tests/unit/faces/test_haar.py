"""Viola-Jones on drawn faces."""

import numpy as np
import pytest

from ferkit.drawn.face import draw_photo
from ferkit.faces.detect import make_detector
from ferkit.faces.detection import overlap

BOX = (90, 60, 190, 166)


@pytest.fixture(scope="module")
def photo():
    picture, _, points = draw_photo(
        "neutral",
        person=1,
        rng=np.random.default_rng(1),
        width=280,
        height=240,
        box=BOX,
        vary=False,
    )
    return picture, points + 0.5


@pytest.mark.parametrize("name", ["haar", "haar_alt2"])
def test_the_drawn_face_and_its_eyes_are_found(name, photo):
    picture, points = photo
    (face,) = make_detector(name)([picture])[0]
    assert overlap(face.box, np.array(BOX)) > 0.5
    assert np.abs(face.points[:2] - points[:2]).max() < 6
    assert np.isnan(face.points[2:]).all()


@pytest.mark.parametrize("name", ["haar", "haar_alt2"])
def test_grey_and_coloured_pictures_of_any_size_share_a_call(name, photo):
    picture = photo[0]
    detect = make_detector(name, eyes=False)
    grey = picture.mean(-1).astype(np.uint8)
    empty, tiny = np.full((50, 70), 128, np.uint8), np.zeros((1, 1), np.uint8)
    found = detect([picture, empty, tiny, grey[:, :230]])
    assert [len(faces) for faces in found] == [1, 0, 0, 1]
    assert found[0][0].points is None
    assert detect([]) == []


def test_small_faces_are_left_out_on_request(photo):
    assert make_detector("haar", min_face=200, eyes=False)([photo[0]]) == [[]]
