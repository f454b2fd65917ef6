"""The colours of a report: told apart in grey and by colour-blind eyes."""

import colorsys
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.colors import LinearSegmentedColormap

_STRENGTH = 0.55  # of the colours over a face
_EMOTIONS = {  # dark enough for white text, told apart by lightness and hue
    "angry": "#b3241c",
    "disgust": "#5d6b00",
    "fear": "#6a3d9a",
    "happy": "#a86400",
    "sad": "#1f4e8c",
    "surprise": "#00808a",
    "neutral": "#4a505c",
    "contempt": "#7a3b20",
}
INK, FAINT, BLUE, ORANGE = "#1d2433", "#8a93a3", "#1f4e8c", "#c05a00"


def blues() -> "LinearSegmentedColormap":
    """One hue from near white to deep blue, even in OKLab lightness.

    Ottosson 2020, "A perceptual color space for image processing".
    """
    from matplotlib.colors import LinearSegmentedColormap

    at = np.linspace(0, 1, 65)
    lightness = 0.985 - 0.665 * at
    chroma = 0.09 * np.sin(np.pi * at) + 0.065 * at  # stays within sRGB
    hue = np.deg2rad(257)
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)  # [65, 3]
    return LinearSegmentedColormap.from_list("ferkit_blues", _oklab_to_srgb(lab))


def _oklab_to_srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    to_lms = np.array(
        [
            [1, 0.3963377774, 0.2158037573],
            [1, -0.1055613458, -0.0638541728],
            [1, -0.0894841775, -1.2914855480],
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip((lab @ to_lms.T) ** 3 @ to_rgb.T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def luminance(rgb: ArrayLike) -> float:
    """Relative luminance of an sRGB colour, 0..1 (WCAG 2.1)."""
    given = np.asarray(rgb, dtype=np.float64)[:3]
    linear = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def color_of(label: str) -> tuple[float, float, float]:
    """The colour of an emotion, RGB of 0..1; white text is readable on it."""
    known = _EMOTIONS.get(label)
    if known is not None:
        red, green, blue = (int(known[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return red, green, blue
    hue = (sum(map(ord, label)) * 0.618) % 1.0
    return colorsys.hsv_to_rgb(hue, 0.85, 0.6)


def overlay(face: NDArray[np.uint8], heat: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A face under a map, from dark (nothing) over red to yellow: uint8 [H, W, 3] RGB.

    Args:
        face: [H, W] or [H, W, 3] RGB.
        heat: [H, W], 0..255.
    """
    import cv2

    shown = cv2.cvtColor(face, cv2.COLOR_GRAY2RGB) if face.ndim == 2 else face
    colours = cv2.cvtColor(cv2.applyColorMap(heat, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.addWeighted(colours, _STRENGTH, shown, 1 - _STRENGTH, 0), dtype=np.uint8)
