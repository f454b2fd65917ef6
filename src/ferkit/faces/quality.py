"""How good a crop is, measured: blurred and flat faces can be left out (`faces.quality`).

Sharpness is the root mean square of the Laplacian over that of the gradient, in 1/pixels: the
variance of the Laplacian (Pech-Pacheco et al., ICPR 2000) freed of contrast and of strong light and
shadow, which it takes for sharp. A small face that was enlarged is a blurred one, too. Contrast is
the standard deviation of the grey levels as a share of 255.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import cv2
import numpy as np

from ferkit.errors import ConfigError, unknown
from ferkit.faces.decode import to_grey

BLURRED, FLAT = "blurred", "low contrast"


@dataclass(frozen=True)
class Quality:
    """What a crop must reach to be kept; 0 keeps all.

    Attributes:
        sharpness: 0..8. FER-2013's faces have 1.7 (1st percentile), 2.4 (median) to 3.5 (99th);
            blurred by a Gaussian of 0.7 pixels 1.2, of 1.5 pixels 0.6.
        contrast: 0..0.5.
    """

    sharpness: float = 0.0
    contrast: float = 0.0


def as_quality(value: object) -> Quality:
    """`faces.quality` from whatever stands in a config.

    Raises:
        ConfigError: an unknown key, or a value out of range.
    """
    if isinstance(value, Quality):
        return value
    if value is not None and not isinstance(value, Mapping):
        raise ConfigError(f"faces.quality={value!r}; give {{sharpness: 1.4, contrast: 0.08}}.")
    asked = {str(key): number for key, number in (value or {}).items()}
    known = [field.name for field in fields(Quality)]
    for key, number in asked.items():
        if key not in known:
            raise ConfigError(unknown("key", f"faces.quality.{key}", known))
        most = 8 if key == "sharpness" else 0.5
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if not is_number or not 0 <= number <= most:
            raise ConfigError(f"faces.quality.{key}={number}: give a number from 0 to {most}.")
    return Quality(**{key: float(number) for key, number in asked.items()})


def sharpness(pixels: np.ndarray) -> float:
    """Root mean square of the Laplacian over that of the gradient; 0 for a blank crop.

    Args:
        pixels: uint8 [H, W] or [H, W, 3].
    """
    grey = to_grey(pixels)
    slopes = [cv2.Sobel(grey, cv2.CV_32F, *axis) / 8 for axis in ((1, 0), (0, 1))]  # 1/pixel
    gradient = float(np.sqrt(sum(np.square(slope).mean() for slope in slopes)))
    laplacian = float(np.sqrt(np.square(cv2.Laplacian(grey, cv2.CV_32F)).mean()))
    return laplacian / gradient if gradient else 0.0


def contrast(pixels: np.ndarray) -> float:
    """Standard deviation of the grey levels, as a share of 255.

    Args:
        pixels: uint8 [H, W] or [H, W, 3].
    """
    return float(to_grey(pixels).std()) / 255


def fault_of(pixels: np.ndarray, quality: Quality) -> str:
    """Why a crop is left out, or an empty string."""
    if quality.contrast and contrast(pixels) < quality.contrast:
        return FLAT
    if quality.sharpness and sharpness(pixels) < quality.sharpness:
        return BLURRED
    return ""
