"""Every method on batches; what each of them promises about light."""

import cv2
import numpy as np
import pytest
from scipy import fft

from ferkit.drawn.face import draw_face
from ferkit.errors import ConfigError
from ferkit.faces.illumination import METHODS, clahe, dct, equalize, linear, relight, weighted

NORMALIZERS = ["dog", "dct", "homomorphic", "isotropic_diffusion"]


def faces(count=3):
    rng = np.random.default_rng(5)
    return np.stack([draw_face("happy", person=i, rng=rng, vary=False) for i in range(count)])


def in_side_light(batch, darkest=0.25):
    light = np.linspace(darkest, 1, batch.shape[2])
    return np.rint(batch * light).astype(np.uint8)


def correlation(first, second):
    return np.mean(
        [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(first, second, strict=True)]
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_is_its_faces_one_by_one(method):
    batch = faces()
    lit = relight(batch, method)
    assert lit.shape == batch.shape
    assert lit.dtype == np.uint8
    for face, answer in zip(batch, lit, strict=True):
        assert np.array_equal(relight(face[None], method)[0], answer)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 31, 20), (0, 48, 48)])
def test_odd_sizes_and_flat_faces(method, shape):
    flat = np.full(shape, 80, np.uint8)
    lit = relight(flat, method)
    assert lit.shape == shape
    assert all(len(np.unique(face)) == 1 for face in lit)


@pytest.mark.parametrize("method", METHODS)
def test_coloured_faces_change_their_luminance_alone(method):
    grey = faces(2)
    lit = relight(np.repeat(grey[..., None], 3, -1), method)
    assert lit.shape == (*grey.shape, 3)
    assert np.abs(lit[..., 0].astype(int) - relight(grey, method)).max() <= 1
    assert np.ptp(lit.astype(int), axis=-1).max() <= 1


@pytest.mark.parametrize("method", NORMALIZERS)
def test_normalizers_take_side_light_out(method):
    batch = faces(6)
    dark = in_side_light(batch)
    before = correlation(batch, dark)
    assert correlation(relight(batch, method), relight(dark, method)) > before + 0.05


def test_equalize_flattens_the_histogram():
    noise = np.random.default_rng(0).normal(90, 10, (1, 128, 128)).clip(0, 255).astype(np.uint8)
    shares = np.histogram(equalize(noise), 4, (0, 256))[0] / noise.size
    assert np.abs(shares - 0.25).max() < 0.05
    assert np.array_equal(equalize(noise)[0], cv2.equalizeHist(noise[0]))


def test_weighted_is_the_sum_it_says():
    batch = faces()
    expected = 0.3 * equalize(batch) + 0.7 * linear(batch)
    assert np.abs(weighted(batch, share=0.3) - expected).max() <= 0.5
    assert linear(batch).min() == 0
    assert linear(batch).max() == 255


def test_clahe_raises_local_contrast_more_with_a_higher_limit():
    batch = (faces() // 4 + 100).astype(np.uint8)
    low, high = (clahe(batch, clip_limit=limit).std() for limit in (1.5, 6.0))
    assert batch.std() < low < high


def test_dct_leaves_no_slow_wave():
    lit = dct(in_side_light(faces(), 0.1))
    waves = np.abs(fft.dctn(lit.astype(float), axes=(1, 2), norm="ortho"))
    slow, faster = waves[:, 0, 1:3].mean(), waves[:, 0, 4:9].mean()
    assert slow < faster


def test_unknown_methods_are_answered():
    with pytest.raises(ConfigError, match="Did you mean 'clahe'"):
        relight(faces(), "clah")
