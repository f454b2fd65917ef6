"""MTCNN: batches against single pictures, and against facenet-pytorch's own loop."""

import sys

import cv2
import numpy as np
import pytest
from matplotlib import cbook

from ferkit.errors import ConfigError
from ferkit.faces.align import eye_angle, move_points
from ferkit.faces.crop import crop_faces
from ferkit.faces.decode import decode_image
from ferkit.faces.detect import make_detector
from ferkit.faces.detection import overlap
from ferkit.faces.settings import FaceSettings

facenet = pytest.importorskip("facenet_pytorch")


@pytest.fixture(scope="module")
def detect():
    return make_detector("mtcnn", device="cpu", min_face=40)


@pytest.fixture(scope="module")
def hopper():
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        picture = decode_image(file.read())
    return cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)


def moved(picture, angle, scale=1.0, shift=(0, 0)):
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
    matrix[:, 2] += shift
    return cv2.warpAffine(picture, matrix, (width, height))


def test_a_batch_is_its_pictures_one_by_one_and_facenets(detect, hopper):
    batch = [hopper, moved(hopper, 20, 0.7, (-90, 20)), moved(hopper, -10, 0.5, (100, 120))]
    batch += [np.full_like(hopper, 90), moved(hopper, 0, 1.4, (0, 150))]
    together = detect(batch)
    reference = facenet.MTCNN(keep_all=True, min_face_size=40, device="cpu")
    for picture, faces in zip(batch, together, strict=True):
        alone = detect([picture])[0]
        boxes, scores, points = reference.detect(picture, landmarks=True)
        assert len(faces) == len(alone) == (0 if boxes is None else len(boxes))
        for i, face in enumerate(faces):
            assert np.abs(face.box - alone[i].box).max() < 0.5
            assert np.abs(face.box - boxes[i]).max() < 0.5
            assert np.abs(face.points - points[i]).max() < 0.5
            assert face.score == pytest.approx(scores[i], abs=1e-3)
    assert sum(map(len, together)) >= 3


def test_sizes_may_differ_and_be_tiny(detect, hopper):
    odd = [hopper[:, :200], np.zeros((1, 1), np.uint8), hopper, np.zeros((39, 300, 3), np.uint8)]
    found = detect(odd)
    assert [len(faces) for faces in found] == [1, 0, 1, 0]
    assert detect([]) == []


@pytest.mark.parametrize("angle", [15, 30])
def test_the_eyes_of_a_turned_face_are_level_after_alignment(detect, hopper, angle):
    turned = moved(hopper, angle, 0.8)
    settings = FaceSettings(detector="mtcnn", align="five_points", size=160, margin=0.3)
    (crop,) = crop_faces([turned], settings, detect)
    level = FaceSettings(detector="mtcnn", align="eyes", size=160, margin=0.3)
    for answer in (crop, crop_faces([turned], level, detect)[0]):
        (face,) = detect([answer.pixels])[0]
        assert abs(eye_angle(face.points)) < 2
    assert abs(eye_angle(crop.points)) > angle - 8


def test_boxes_agree_with_haar(detect, hopper):
    (face,) = detect([hopper])[0]
    for name in ("haar", "haar_alt2"):
        boxes = [other.box for other in make_detector(name, eyes=False)([hopper])[0]]
        assert max(overlap(face.box, box) for box in boxes) >= 0.5


def test_a_missing_package_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "facenet_pytorch.models.mtcnn", None)
    with pytest.raises(ConfigError, match=r"needs facenet-pytorch.*pip install -e \."):
        make_detector("mtcnn")


@pytest.mark.parametrize(("device", "words"), [("cuda:99", "GPU|CUDA|cuda"), ("gpu", "cpu, cuda")])
def test_a_missing_device_is_a_sentence(device, words):
    with pytest.raises(ConfigError, match=words):
        make_detector("mtcnn", device=device)


def test_points_of_a_crop_follow_the_picture():
    matrix = np.array([[2.0, 0, 1], [0, 2.0, 0]])
    assert move_points(matrix, np.array([[1.0, 1.0]])).tolist() == [[3, 2]]
