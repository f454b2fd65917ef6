"""Ways to take the light out of a face, each on a batch of grey pictures.

The list is kurmi2022's, who has it from Li and Deng, "Deep facial expression recognition: a
survey", IEEE Transactions on Affective Computing 2022, section 3.1.3, and names none as the one
used. Every function takes and gives uint8 [N, H, W]. Those that leave the range of 0..255 are
stretched: the 1st percentile of each picture becomes 0, the 99th 255.
"""

from collections.abc import Callable

import cv2
import numpy as np
from scipy import fft, ndimage

from ferkit.errors import ConfigError, unknown

_COLOURED = 4  # dimensions of [N, H, W, 3]
_FLAT = 1e-3  # less contrast is rounding: one grey level in the lights is 0.004 of the logarithm


def none(faces: np.ndarray) -> np.ndarray:
    """Leave the faces as they are."""
    return faces


def equalize(faces: np.ndarray) -> np.ndarray:
    """Histogram equalization of each face (OpenCV): athanasiadis2022's preparation.

    Gonzalez, Woods, "Digital Image Processing", section 3.3.
    """
    return np.stack([cv2.equalizeHist(face) for face in faces])


def clahe(faces: np.ndarray, *, clip_limit: float = 2.0, tile: int = 24) -> np.ndarray:
    """Contrast-limited adaptive histogram equalization (OpenCV).

    Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994.

    Args:
        faces: [N, H, W].
        clip_limit: Highest slope of the mapping; 1 changes almost nothing.
        tile: Side of a region in pixels. Below some 20 the 256 bins of its histogram hold under
            two pixels each, and OpenCV's limit no longer limits.
    """
    tiles = [max(1, length // tile) for length in faces.shape[:0:-1]]
    equalizer = cv2.createCLAHE(clipLimit=clip_limit, tileGridSize=tuple(tiles))
    return np.stack([equalizer.apply(face) for face in faces])


def linear(faces: np.ndarray) -> np.ndarray:
    """Linear mapping: the darkest pixel of each face becomes 0, the lightest 255."""
    low = faces.min(axis=(1, 2), keepdims=True).astype(np.float32)
    high = faces.max(axis=(1, 2), keepdims=True).astype(np.float32)
    return _to_bytes((faces - low) / np.maximum(high - low, 1) * 255)


def weighted(faces: np.ndarray, *, share: float = 0.5) -> np.ndarray:
    """Weighted sum of histogram equalization and linear mapping.

    Kuo, Lai, Sarkis, "A compact deep learning model for robust facial expression recognition",
    CVPR Workshops 2018.

    Args:
        faces: [N, H, W].
        share: Weight of the equalized face, 0..1. The paper draws it anew for each face; a store
            is made once, so it is fixed here.
    """
    return _to_bytes(share * equalize(faces) + (1 - share) * linear(faces))


def dog(
    faces: np.ndarray, *, inner: float = 1.0, outer: float = 2.0, gamma: float = 0.2
) -> np.ndarray:
    """Difference of Gaussians after a gamma, then evened contrast (scipy's Gaussian filter).

    Tan, Triggs, "Enhanced local texture feature sets for face recognition under difficult
    lighting conditions", IEEE Transactions on Image Processing 2010, with its settings.

    Args:
        faces: [N, H, W].
        inner: Standard deviation of the narrower Gaussian, in pixels.
        outer: Standard deviation of the wider Gaussian.
        gamma: Exponent of the brightness, which opens the shadows.
    """
    bright = (faces.astype(np.float32) / 255) ** gamma
    band = _blurred(bright, inner) - _blurred(bright, outer)
    band[np.ptp(band, axis=(1, 2)) < _FLAT] = 0  # else its rounding would be stretched
    return _stretched(_evened(band))


def dct(faces: np.ndarray, *, cut: float = 3.0) -> np.ndarray:
    """Remove the lowest frequencies of the logarithm (scipy's cosine transform).

    Chen, Er, Wu, "Illumination compensation and normalization for robust face recognition using
    discrete cosine transform in logarithm domain", IEEE Transactions on SMC B 2006.

    Args:
        faces: [N, H, W].
        cut: Coefficients (u, v) with u + v up to this are removed, the mean excepted.
    """
    waves = fft.dctn(_logarithm(faces), axes=(1, 2), norm="ortho")
    order = np.add.outer(np.arange(faces.shape[1]), np.arange(faces.shape[2]))
    waves[:, (order > 0) & (order <= cut)] = 0
    return _stretched(fft.idctn(waves, axes=(1, 2), norm="ortho"))


def homomorphic(
    faces: np.ndarray, *, low: float = 0.5, high: float = 1.5, cutoff: float = 0.1
) -> np.ndarray:
    """Homomorphic filtering: low frequencies of the logarithm damped, high ones raised (scipy).

    Oppenheim, Schafer, Stockham, "Nonlinear filtering of multiplied and convolved signals",
    Proceedings of the IEEE 1968; Gaussian filter as in Gonzalez and Woods, section 4.9.

    Args:
        faces: [N, H, W].
        low: Gain of the lowest frequencies, below 1.
        high: Gain of the highest, above 1.
        cutoff: Where the gain changes, in cycles per pixel (0.5 is the finest grid).
    """
    gain = low + (high - low) * (1 - np.exp(-_squared_frequencies(faces) / (2 * cutoff**2)))
    return _stretched(_filtered(_logarithm(faces), gain))


def isotropic_diffusion(faces: np.ndarray, *, smoothness: float = 7.0) -> np.ndarray:
    """Divide by the light, taken to be the face after isotropic diffusion (scipy).

    Heusch, Cardinaux, Marcel, "Lighting normalization algorithms for face verification", IDIAP
    2005; the isotropic case of Gross and Brajovic, "An image preprocessing algorithm for
    illumination invariant face recognition", AVBPA 2003. The smoothest light L that stays near
    the face I solves L - smoothness * laplacian(L) = I; with free borders the cosine transform
    solves that exactly.

    Args:
        faces: [N, H, W].
        smoothness: Weight of the smoothness, in square pixels; larger takes out less.
    """
    shape = faces.shape[1:]
    along = [2 - 2 * np.cos(np.pi * np.arange(length) / length) for length in shape]
    waves = fft.dctn(faces.astype(np.float32), axes=(1, 2), norm="ortho")
    waves /= 1 + smoothness * np.add.outer(*along)
    light = fft.idctn(waves, axes=(1, 2), norm="ortho")
    return _stretched(np.log((faces + 1.0) / (np.maximum(light, 0) + 1.0)))


def fft_clahe(
    faces: np.ndarray, *, cutoff: float = 0.02, clip_limit: float = 2.0, tile: int = 24
) -> np.ndarray:
    """Gaussian high-pass in the Fourier domain, added to the face, then CLAHE (scipy, OpenCV).

    High-frequency emphasis as in Gonzalez and Woods, section 4.9, with Zuiderveld's equalization
    after it; which filter the authors who name "FFT with CLAHE" used is not said anywhere.

    Args:
        faces: [N, H, W].
        cutoff: Of the high-pass, in cycles per pixel.
        clip_limit: As for `clahe`.
        tile: As for `clahe`.
    """
    passed = 1 - np.exp(-_squared_frequencies(faces) / (2 * cutoff**2))
    emphasized = _filtered(faces.astype(np.float32), 0.5 + passed)
    return clahe(_stretched(emphasized), clip_limit=clip_limit, tile=tile)


METHODS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": none,
    "equalize": equalize,
    "clahe": clahe,
    "weighted": weighted,
    "dog": dog,
    "dct": dct,
    "homomorphic": homomorphic,
    "isotropic_diffusion": isotropic_diffusion,
    "fft_clahe": fft_clahe,
}


def relight(faces: np.ndarray, method: str) -> np.ndarray:
    """Apply a method by name; of coloured faces the luminance alone is changed.

    Args:
        faces: uint8, [N, H, W] grey or [N, H, W, 3] RGB.
        method: A key of `METHODS`.

    Returns:
        uint8, of the same shape.

    Raises:
        ConfigError: an unknown method.
    """
    if method not in METHODS:
        raise ConfigError(unknown("illumination", method, METHODS))
    if method == "none" or not len(faces):
        return faces
    if faces.ndim < _COLOURED:
        return METHODS[method](faces)
    split = np.stack([cv2.cvtColor(face, cv2.COLOR_RGB2YCrCb) for face in faces])
    split[..., 0] = METHODS[method](np.ascontiguousarray(split[..., 0]))
    return np.stack([cv2.cvtColor(face, cv2.COLOR_YCrCb2RGB) for face in split])


def _blurred(faces: np.ndarray, sigma: float) -> np.ndarray:
    return np.asarray(ndimage.gaussian_filter(faces, (0, sigma, sigma)))


# Tan and Triggs' two rounds of contrast equalization, then the squashing of what still sticks out.
def _evened(faces: np.ndarray, power: float = 0.1, ceiling: float = 10.0) -> np.ndarray:
    for limit in (np.inf, ceiling):
        size = np.minimum(np.abs(faces), limit) ** power
        mean = size.mean(axis=(1, 2), keepdims=True) ** (1 / power)
        faces = faces / np.maximum(mean, 1e-12)
    return ceiling * np.tanh(faces / ceiling)


def _logarithm(faces: np.ndarray) -> np.ndarray:
    return np.log1p(faces.astype(np.float32))


# Squared distance from the zero frequency, [2H, W + 1], of a face mirrored to twice its size.
def _squared_frequencies(faces: np.ndarray) -> np.ndarray:
    height, width = faces.shape[1:]
    return np.add.outer(fft.fftfreq(2 * height) ** 2, fft.rfftfreq(2 * width) ** 2)


# Mirrored at two sides, since the Fourier transform sees a face repeated without end: a bright left
# and a dark right border would otherwise be an edge.
def _filtered(faces: np.ndarray, gain: np.ndarray) -> np.ndarray:
    height, width = faces.shape[1:]
    mirrored = np.pad(faces, ((0, 0), (0, height), (0, width)), mode="symmetric")
    waves = fft.rfft2(mirrored, axes=(1, 2)) * gain
    return np.asarray(fft.irfft2(waves, s=mirrored.shape[1:], axes=(1, 2)))[:, :height, :width]


def _stretched(faces: np.ndarray) -> np.ndarray:
    low, high = np.percentile(faces, (1, 99), axis=(1, 2), keepdims=True)
    flat = high - low < _FLAT
    return _to_bytes(np.where(flat, 127, (faces - low) / np.where(flat, 1, high - low) * 255))


def _to_bytes(faces: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(faces), 0, 255).astype(np.uint8)
