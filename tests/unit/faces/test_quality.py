import cv2
import numpy as np
import pytest

from ferkit.drawn.face import draw_face
from ferkit.errors import ConfigError
from ferkit.faces.crop import crop_faces
from ferkit.faces.quality import Quality, as_quality, contrast, sharpness
from ferkit.faces.settings import FaceSettings


@pytest.fixture(scope="module")
def face():
    return draw_face("happy", person=1, rng=np.random.default_rng(0), size=64)


def test_sharpness_is_the_formula(face):
    grey = face.astype(np.float64)
    padded = np.pad(grey, 1, mode="reflect")
    middle = slice(1, -1)
    x = (padded[:, 2:] - padded[:, :-2]) / 8
    y = (padded[2:] - padded[:-2]) / 8
    x = x[:-2] + 2 * x[middle] + x[2:]
    y = y[:, :-2] + 2 * y[:, middle] + y[:, 2:]
    laplacian = padded[2:, middle] + padded[:-2, middle] + padded[middle, 2:] + padded[middle, :-2]
    laplacian -= 4 * grey
    expected = np.sqrt((laplacian**2).mean() / (x**2 + y**2).mean())
    assert sharpness(face) == pytest.approx(expected, rel=1e-5)


def test_blur_lowers_sharpness_alone_and_light_contrast_alone(face):
    values = [sharpness(cv2.GaussianBlur(face, (0, 0), sigma)) for sigma in (0.7, 1.5, 3.0)]
    assert sharpness(face) > values[0] > values[1] > values[2]
    dim = (face // 3 + 40).astype(np.uint8)
    assert contrast(dim) == pytest.approx(contrast(face) / 3, rel=0.05)
    assert sharpness(dim) == pytest.approx(sharpness(face), rel=0.1)
    small = cv2.resize(cv2.resize(face, (20, 20)), (64, 64), interpolation=cv2.INTER_CUBIC)
    assert sharpness(small) < 0.8 * sharpness(face)


def test_poor_crops_are_dropped_by_name(face):
    blurred = cv2.GaussianBlur(face, (0, 0), 3.0)
    flat = (face // 16 + 100).astype(np.uint8)
    least = (sharpness(face) + sharpness(blurred)) / 2
    settings = FaceSettings(size=64, quality={"sharpness": least, "contrast": 0.05})
    crops = crop_faces([face, blurred, flat, np.dstack([face] * 3)], settings)
    assert [crop.dropped for crop in crops] == ["", "blurred", "low contrast", ""]
    assert all(crop.pixels is not None for crop in crop_faces([blurred, flat], FaceSettings()))


def test_a_store_counts_them_and_has_a_name_of_its_own(tmp_path, monkeypatch):
    from ferkit.composition import compose
    from ferkit.views import make_store

    monkeypatch.chdir(tmp_path)
    words = ["dataset=drawn", "dataset.train=40", "dataset.val=10", "dataset.test=10"]
    whole = make_store(compose(*words))
    values = np.array([sharpness(pixels) for pixels in whole.faces])
    least = float(np.median(values))
    kept = make_store(compose(*words, f"faces.quality.sharpness={least}"))
    assert len(kept) == int((values >= least).sum()) < len(whole)
    assert kept.card["dropped"]["blurred"] == len(whole) - len(kept)
    assert kept.folder != whole.folder


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"sharpnes": 1}, "faces.quality.sharpnes.*Did you mean 'sharpness'"),
        ({"sharpness": -1}, "from 0 to 8"),
        ({"contrast": 0.9}, "from 0 to 0.5"),
        ({"contrast": True}, "from 0 to 0.5"),
        (0.5, "give {sharpness"),
    ],
)
def test_values_that_are_none(value, says):
    with pytest.raises(ConfigError, match=says):
        as_quality(value)
    assert as_quality(None) == as_quality({}) == Quality()
