"""From pictures to crops, with a detector that answers what it is told."""

import numpy as np
import pytest

from ferkit.errors import ConfigError
from ferkit.faces.align import TEMPLATE
from ferkit.faces.crop import all_faces, crop_faces, make_face_detector
from ferkit.faces.decode import to_grey
from ferkit.faces.detection import Detection
from ferkit.faces.settings import FaceSettings


def pictures(count=2, shape=(60, 80, 3)):
    return list(np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8))


def saying(*answers):
    return lambda images: list(answers)


def face(x1, y1, x2, y2, score=0.9, points=None):
    return Detection(np.array([x1, y1, x2, y2], float), score, points)


def test_without_a_detector_the_whole_picture_is_resized():
    (crop,) = crop_faces(pictures(1, (48, 48)), FaceSettings())
    assert np.array_equal(crop.pixels, pictures(1, (48, 48))[0])
    (crop,) = crop_faces(pictures(1), FaceSettings(size=20, color="rgb"))
    assert crop.pixels.shape == (20, 20, 3)
    assert crop.box.tolist() == [0, 0, 80, 60]
    assert crop.dropped == crop.fallback == ""


def test_grey_becomes_rgb_and_the_other_way():
    grey = pictures(1, (48, 48))
    assert crop_faces(grey, FaceSettings(color="rgb"))[0].pixels.shape == (48, 48, 3)
    assert crop_faces(pictures(1), FaceSettings())[0].pixels.shape == (48, 48)


def test_the_chosen_face_is_cut_and_reported():
    small, large = face(0, 0, 10, 10), face(20, 10, 52, 42, 0.7)
    settings = FaceSettings(detector="haar", size=32)
    first, second = crop_faces(pictures(), settings, saying([small, large], [small]))
    assert np.array_equal(first.pixels, to_grey(pictures()[0])[10:42, 20:52])
    assert (first.found, first.score) == (2, 0.7)
    assert first.box.tolist() == [20, 10, 52, 42]
    assert second.found == 1


@pytest.mark.parametrize(
    ("no_face", "dropped", "fallback"),
    [("drop", "no face", ""), ("whole", "", "whole"), ("center", "", "center")],
)
def test_pictures_without_a_face(no_face, dropped, fallback):
    settings = FaceSettings(detector="haar", no_face=no_face, size=60)
    crop = crop_faces(pictures(1), settings, saying([]))[0]
    assert (crop.dropped, crop.fallback, crop.found) == (dropped, fallback, 0)
    assert (crop.pixels is None) == (no_face == "drop")
    if no_face == "center":
        assert np.array_equal(crop.pixels, to_grey(pictures(1)[0])[:, 10:70])


def test_given_boxes_are_the_faces():
    settings = FaceSettings(detector="given", size=16)
    boxes = [np.array([4, 4, 20, 20]), None, [5, 5, 5, 9], [float("nan")] * 4]
    crops = crop_faces(pictures(4), settings, None, boxes)
    assert np.array_equal(crops[0].pixels, to_grey(pictures(4)[0])[4:20, 4:20])
    assert [crop.dropped for crop in crops] == ["", "no face", "no face", "no face"]


def test_the_face_lies_in_the_body():
    settings = FaceSettings(detector="mtcnn", choose="body", size=16)
    heads = [face(0, 0, 16, 16), face(50, 0, 60, 10)]
    detect = saying(heads, heads, heads)
    bodies = [np.array([45, 0, 70, 60]), np.array([0, 0, 20, 60]), np.array([20, 20, 40, 60])]
    crops = crop_faces(pictures(3), settings, detect, bodies)
    assert [crop.dropped for crop in crops] == ["", "", "no face"]
    assert [crop.box[0] for crop in crops[:2]] == [50, 0]
    assert crops[2].found == 2
    with pytest.raises(ConfigError, match="box of each person"):
        crop_faces(pictures(3), settings, detect)


def test_faces_without_points_are_cut_unaligned_and_counted():
    settings = FaceSettings(detector="mtcnn", align="five_points", size=32)
    points = TEMPLATE * 40 + 10
    no_mouth = points.copy()
    no_mouth[3:] = np.nan
    detect = saying(
        [face(10, 10, 50, 50, points=points)],
        [face(10, 10, 50, 50, points=no_mouth)],
        [face(10, 10, 50, 50)],
    )
    crops = crop_faces(pictures(3), settings, detect)
    assert [crop.fallback for crop in crops] == ["", "unaligned", "unaligned"]
    level = FaceSettings(detector="haar", align="eyes", size=32)
    crops = crop_faces(pictures(3), level, detect)
    assert [crop.fallback for crop in crops] == ["", "", "unaligned"]


def test_blank_and_black_pictures_are_dropped_with_their_reason():
    dark = np.zeros((48, 48), np.uint8)
    dark[0, 0] = 3
    images = [np.full((48, 48), 90, np.uint8), dark, pictures(1, (48, 48))[0]]
    settings = FaceSettings()
    reasons = [crop.dropped for crop in crop_faces(images, settings, dark_below=10)]
    assert reasons == ["blank", "black", ""]
    assert [crop.dropped for crop in crop_faces(images, settings)] == ["blank", "", ""]
    kept = crop_faces(images, FaceSettings(drop_blank=False), dark_below=10)
    assert all(crop.pixels is not None for crop in kept)


def test_light_is_normalized_in_the_crop_alone_and_nothing_moves():
    settings = FaceSettings(illumination="equalize")
    images = [np.full((48, 48), 90, np.uint8), pictures(1, (48, 48))[0] // 4]
    crops = crop_faces(images, settings)
    assert crops[0].pixels is None
    assert crops[1].pixels.max() == 255


def test_large_pictures_are_shrunk_for_the_detector_alone():
    seen = []

    def detect(images):
        seen.extend(image.shape[:2] for image in images)
        return [[face(10, 10, 20, 20, points=np.full((5, 2), 15.0))] for _ in images]

    settings = FaceSettings(detector="haar", detect_side=100, size=40)
    large, small = np.zeros((200, 400), np.uint8), np.zeros((50, 90), np.uint8)
    large[40:80, 40:60] = 200
    small[10:20, 10:15] = 200
    crops = crop_faces([large, small], settings, detect)
    assert seen == [(50, 100), (50, 90)]
    assert crops[0].box.tolist() == [40, 40, 80, 80]
    assert crops[0].points[0].tolist() == [60, 60]
    assert np.array_equal(crops[0].pixels[:, :19], np.full((40, 19), 200))


def test_half_a_face_at_the_border_and_thirty_faces():
    settings = FaceSettings(detector="haar", size=24, choose="score")
    many = [face(2 * i, 0, 2 * i + 9, 9, score=i / 30) for i in range(30)]
    crops = crop_faces(pictures(), settings, saying([face(-20, -15, 20, 25)], many))
    assert crops[0].pixels.shape == (24, 24)
    assert crops[1].found == 30
    assert crops[1].box[0] == 58


def test_turned_faces_are_looked_at_again():
    turned, middle = TEMPLATE * 40 + 10, np.array([30.0, 30.0])
    turned = middle + (turned - middle) @ [[0.9, 0.5], [-0.5, 0.9]]
    looks = []

    def detect(images):
        looks.append([image.shape for image in images])
        if len(looks) == 1:
            return [[face(10, 10, 50, 50, points=turned)]]
        return [[face(50, 50, 140, 140, points=TEMPLATE * 96 + 48)] for _ in images]

    settings = FaceSettings(detector="mtcnn", align="eyes", size=40, margin=0.5)
    (crop,) = crop_faces(pictures(1), settings, detect)
    assert looks == [[(60, 80, 3)], [(192, 192, 3)]]
    assert crop.found == 1
    assert crop.box.tolist() == [10, 10, 50, 50]
    assert 0.1 < np.abs(crop.points - turned).max() < 0.5  # found anew, and brought back


def test_every_face_of_a_photograph_largest_first():
    settings = FaceSettings(detector="haar", size=16)
    faces = [face(0, 0, 16, 16), face(20, 0, 60, 40), face(70, 50, 75, 55)]
    crops = all_faces(pictures(1)[0], settings, saying(faces))
    assert [crop.box[0] for crop in crops] == [20, 0, 70]
    assert [crop.found for crop in crops] == [3, 3, 3]
    assert np.array_equal(crops[1].pixels, to_grey(pictures(1)[0])[:16, :16])
    assert all_faces(pictures(1)[0], settings, saying([])) == []
    whole = FaceSettings(detector="haar", size=16, no_face="whole")
    (crop,) = all_faces(pictures(1)[0], whole, saying([]))
    assert (crop.fallback, crop.found, crop.box) == ("whole", 0, None)
    (crop,) = all_faces(pictures(1)[0], FaceSettings(size=16), None)
    assert crop.pixels.shape == (16, 16)


def test_a_detector_that_was_forgotten_is_said():
    with pytest.raises(ConfigError, match="none was passed"):
        crop_faces(pictures(), FaceSettings(detector="haar"))


def test_no_pictures_no_crops():
    settings = FaceSettings(detector="haar")
    assert crop_faces([], settings, make_face_detector(settings)) == []
