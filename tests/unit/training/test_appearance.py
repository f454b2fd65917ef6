"""Light and sharpness on whole batches against OpenCV, PIL's formula in torchvision, and scipy."""

import cv2
import numpy as np
import pytest
import torch
from scipy import ndimage
from torchvision.transforms.functional import adjust_sharpness

from ferkit.errors import ConfigError
from ferkit.training.appearance import blur, correct_gamma, equalize, sharpen
from ferkit.training.augment import Augment
from ferkit.training.warp import affine_matrices, warp


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.uniform(0, 255, (5, 2, 20, 17)), (0, 0, 1.5, 1.5))
    return torch.from_numpy(smooth).float()  # a narrow range of levels


def test_gamma(faces):
    exponents = torch.tensor([0.5, 0.8, 1.0, 1.5, 2.0])
    for image, exponent, found in zip(
        faces, exponents, correct_gamma(faces, exponents), strict=True
    ):
        expected = 255 * (image.double() / 255) ** float(exponent)
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-2)


def test_blur_is_scipys(faces):
    deviations = torch.tensor([0.0, 0.3, 0.7, 1.1, 1.5])
    found = blur(faces, deviations, 1.5)
    torch.testing.assert_close(found[0], faces[0])
    for image, deviation, blurred in zip(faces[1:], deviations[1:], found[1:], strict=True):
        sigma = (0, float(deviation), float(deviation))
        expected = ndimage.gaussian_filter(image.numpy(), sigma, mode="nearest", radius=[0, 5, 5])
        np.testing.assert_allclose(blurred.numpy(), expected, atol=0.02)


def test_sharpness_is_torchvisions(faces):
    factors = torch.tensor([0.0, 0.5, 1.0, 1.4, 2.0])
    for image, factor, found in zip(faces, factors, sharpen(faces, factors), strict=True):
        grey = torch.stack(
            [adjust_sharpness(plane[None], float(factor))[0] for plane in image / 255]
        )
        torch.testing.assert_close(found, grey * 255, rtol=1e-4, atol=1e-2)


def test_equalization_is_opencvs(faces):
    faces[1] = 90.0  # one level
    found = equalize(faces, torch.tensor([True, True, False, True, True]))
    assert torch.equal(found[2], faces[2])
    for i in (0, 1, 3, 4):
        for plane, equal in zip(faces[i].round().byte().numpy(), found[i].numpy(), strict=True):
            assert np.abs(cv2.equalizeHist(plane).astype(float) - equal).max() <= 1  # rounding


def test_crop_jitter_moves_and_scales_both_sides_alike(faces):
    def varied(**settings):
        return Augment(**settings)(faces, torch.Generator().manual_seed(3))

    found = varied(crop=0.2)
    generator = torch.Generator().manual_seed(3)
    torch.rand(len(faces), 14, generator=generator)
    seed = int(torch.randint(2**62, (), generator=generator))
    drawn = torch.rand(len(faces), 8, generator=torch.Generator().manual_seed(seed ^ 1))
    either = (2 * drawn[:, :3] - 1) * 0.2
    still = torch.zeros(len(faces))
    matrices = affine_matrices(
        rotation=still,
        shear=still,
        shift=either[:, :2],
        zoom=(1 + either[:, 2:]).expand(-1, 2),
        mirrored=still.bool(),
        sides=(20, 17),
    )
    torch.testing.assert_close(found, warp(faces, matrices).clamp(0, 255))


NEW = {"crop": 0.2, "gamma": 0.5, "sharpness": 0.8, "blur": 1.0, "equalize": 0.5}


@pytest.mark.parametrize(("key", "value"), NEW.items())
def test_each_changes_faces_reproducibly_and_keeps_them_in_range(faces, key, value):
    faces = faces.round().byte()
    one, two = (Augment(**{key: value})(faces, torch.Generator().manual_seed(0)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, faces.float())
    assert one.min() >= 0 and one.max() <= 255


def test_what_was_drawn_for_the_others_stays_as_it_was(faces):
    others = {"flip": True, "noise": 0.1}
    plain, both = (
        Augment(**others, **more)(faces, torch.Generator().manual_seed(0))
        for more in ({}, {"blur": 1e-6})
    )
    torch.testing.assert_close(plain, both)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("blur", 5.1),
        ("gamma", -0.1),
        ("equalize", 1.5),
        ("crop", 1.0),
        ("sharpness", 1.1),
        ("cutmix", 11.0),
    ],
)
def test_values_outside_their_range_are_refused(key, value):
    with pytest.raises(ConfigError, match=rf"augment\.{key} is"):
        Augment(**{key: value})
