"""Random variants of the training faces, made on the device for a whole batch at once.

All geometry is one resampling. The random values are drawn on the CPU, always the same number a
face whatever is asked for; so a batch is the same on every device up to rounding, and asking for
noise does not change the rotations.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import log
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ferkit.config import build
from ferkit.errors import ConfigError, unknown
from ferkit.training.appearance import blur, correct_gamma, equalize, sharpen

# fill -> grid_sample's word
_FILLS = {"nearest": "border", "reflect": "reflection", "zeros": "zeros"}
_DRAWS = 14  # uniform values a face, a column each
_LATER_DRAWS = 8  # likewise, of a generator of their own: crop, gamma, sharpness, blur, equalize
_ERASED_AREA = (0.02, 0.33)  # share of the face, Zhong et al. 2020
_ERASED_RATIO = (0.3, 1 / 0.3)  # height to width, drawn on a log scale


@dataclass(frozen=True)
class WithoutMixup:
    """A function of (images, generator), e.g. a user's own, as an augmentation."""

    vary: Callable[[Tensor, torch.Generator], Tensor]
    mixup: float = 0.0
    cutmix: float = 0.0

    def __call__(self, images: Tensor, generator: torch.Generator, /) -> Tensor:
        """What the function makes of a batch."""
        return self.vary(images, generator)


def make_augment(node: Any) -> Any:
    """The augmentation of a node; a user's own function blends nothing."""
    augment = build(node, where="augment")
    return augment if hasattr(augment, "mixup") else WithoutMixup(augment)


def unchanged() -> WithoutMixup:
    """No augmentation, of whatever a batch holds."""
    return WithoutMixup(lambda batch, _: batch)


@dataclass(frozen=True)
class Augment:
    """Random flip, affine warp, light, noise and erasing; each face by itself.

    The affine part is that of Keras' ImageDataGenerator: rotation, then shift, shear and zoom
    about the centre, the zoom of each axis by itself. Every value is drawn evenly from its range.

    Attributes:
        flip: Mirror left and right with a chance of one half.
        rotation: Degrees, up to this either way.
        shift: Share of the side, up to this either way, in x and in y.
        shear: Degrees, up to this either way; below 90.
        zoom: The side is scaled by 1 - zoom to 1 + zoom, below 1.
        fill: What lies beyond the border: "nearest" (the border's pixel), "reflect" or "zeros".
        brightness: Pixel values are multiplied by 1 - brightness to 1 + brightness.
        contrast: Distances from the face's mean are multiplied by 1 - contrast to 1 + contrast.
        noise: Standard deviation of Gaussian noise on every pixel, as a share of 255.
        erase: Chance that a rectangle is blackened (random erasing, Zhong et al. 2020).
        crop: Jitter of the crop, as of an unsteady detector: its side is multiplied by 1 - crop to
            1 + crop, and its centre moves by up to this share of the side in x and in y.
        gamma: Pixel values are raised to a power of 1 / (1 + gamma) to 1 + gamma, on a log scale.
        sharpness: PIL's sharpness of 1 - sharpness (smoother) to 1 + sharpness.
        blur: Largest standard deviation of a Gaussian blur, in pixels, up to 5; drawn from 0 on.
        equalize: Chance of a histogram equalization.
        cutmix: Alpha of cutmix, up to 10, beside mixup: then one of the two a batch.
        mixup: Alpha of mixup, up to 10, see `ferkit.training.mixup`; 0 blends nothing. It needs
            the labels, so the trainer does it after this.

    Raises:
        ConfigError: an unknown fill, or a value outside its range.
    """

    flip: bool = False
    rotation: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    fill: str = "nearest"
    brightness: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0
    erase: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    crop: float = 0.0
    gamma: float = 0.0
    sharpness: float = 0.0
    blur: float = 0.0
    equalize: float = 0.0

    def __post_init__(self) -> None:
        if self.fill not in _FILLS:
            raise ConfigError(unknown("augment.fill", str(self.fill), _FILLS))
        limits = {
            "rotation": 180.0,
            "shear": 89.0,
            "zoom": 0.95,
            "mixup": 10.0,
            "cutmix": 10.0,
            "crop": 0.95,
            "gamma": 9.0,
            "blur": 5.0,
        }
        for name in (f.name for f in fields(self) if f.name not in ("flip", "fill")):
            value, most = getattr(self, name), limits.get(name, 1.0)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f"augment.{name} is {value!r}; give a number.")
            if not 0 <= value <= most:
                raise ConfigError(f"augment.{name} is {value}; give 0 to {most:g}.")

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Variants of a batch.

        Args:
            images: [B, C, H, W] on any device, uint8 or float, 0..255.
            generator: On the CPU; its state alone decides what is drawn.

        Returns:
            Float [B, C, H, W], 0..255, on the same device.
        """
        drawn = torch.rand(len(images), _DRAWS, generator=generator)  # [B, _DRAWS]
        seed = int(torch.randint(2**62, (), generator=generator))
        later = torch.Generator().manual_seed(seed ^ 1)  # what is drawn above stays as it was
        more = torch.rand(len(images), _LATER_DRAWS, generator=later)  # [B, _LATER_DRAWS]
        result = images if images.is_floating_point() else images.float()
        result = self._move(result, drawn, more)
        if self.equalize:
            result = equalize(result, more[:, 6] < self.equalize)
        if self.brightness or self.contrast:
            result = self._relight(result, drawn)
        if self.gamma:
            result = correct_gamma(result, (1 + self.gamma) ** (2 * more[:, 3] - 1))
        if self.sharpness:
            result = sharpen(result, 1 + (2 * more[:, 4] - 1) * self.sharpness)
        if self.blur:
            result = blur(result, more[:, 5] * self.blur, self.blur)
        if self.noise:
            result = add_noise(result, 255 * self.noise, seed)
        if self.erase:
            result = self._erase(result, drawn)
        return result

    def _move(self, images: Tensor, drawn: Tensor, more: Tensor) -> Tensor:
        mirrored = (drawn[:, 0] < 0.5) & self.flip  # [B]
        if not (self.rotation or self.shift or self.shear or self.zoom or self.crop):
            chosen = mirrored.to(images.device)[:, None, None, None]
            return torch.where(chosen, images.flip(-1), images) if self.flip else images
        either = drawn[:, 1:7] * 2 - 1  # [B, 6], -1..1
        crop = (more[:, :3] * 2 - 1) * self.crop  # [B, 3]: x, y, side
        matrices = affine_matrices(
            rotation=either[:, 0] * self.rotation,
            shift=either[:, 1:3] * self.shift + crop[:, :2],
            shear=either[:, 3] * self.shear,
            zoom=(1 + either[:, 4:6] * self.zoom) * (1 + crop[:, 2:]),
            mirrored=mirrored,
            sides=(images.shape[-2], images.shape[-1]),
        )
        return warp(images, matrices, self.fill).clamp(0, 255)  # 255 may round up

    def _relight(self, images: Tensor, drawn: Tensor) -> Tensor:
        either = (drawn[:, 7:9] * 2 - 1).to(images)[:, :, None, None, None]  # [B, 2, 1, 1, 1]
        images = images * (1 + either[:, 0] * self.brightness)
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        return ((images - mean) * (1 + either[:, 1] * self.contrast) + mean).clamp(0, 255)

    def _erase(self, images: Tensor, drawn: Tensor) -> Tensor:
        boxes = _rectangles(drawn[:, 9:13], images.shape[-2], images.shape[-1])  # [B, 4]
        boxes[drawn[:, 13] >= self.erase] = 0
        return images.masked_fill(_inside(boxes.to(images.device), images), 0)


def affine_matrices(
    *,
    rotation: Tensor,
    shift: Tensor,
    shear: Tensor,
    zoom: Tensor,
    mirrored: Tensor,
    sides: tuple[int, int],
) -> Tensor:
    """Maps from a pixel of the result to the place in the face that it is read from.

    Places are (x, y) in pixels from the centre, y downwards; the order of the parts is Keras'.

    Args:
        rotation: Degrees, [B].
        shift: Shares of width and height, [B, 2]; the face moves up and left for positive ones
            (before the rotation is taken into account).
        shear: Degrees, [B].
        zoom: What x and y are multiplied by, [B, 2]; above 1 the face grows smaller.
        mirrored: Whether the result is mirrored left and right, bool [B].
        sides: Height and width in pixels.

    Returns:
        [B, 2, 3].
    """
    turn, slant = torch.deg2rad(rotation), torch.deg2rad(shear)
    rotate = _matrix(turn.cos(), turn.sin(), -turn.sin(), turn.cos())
    skew = _matrix(slant.cos(), torch.zeros_like(slant), -slant.sin(), torch.ones_like(slant))
    scale = torch.diag_embed(zoom.clone())
    scale[:, 0, 0] *= 1 - 2 * mirrored.to(zoom)
    offset = shift * shift.new_tensor([sides[1], sides[0]])  # [B, 2], x and y in pixels
    return torch.cat((rotate @ skew @ scale, rotate @ offset[:, :, None]), dim=2)


def warp(images: Tensor, matrices: Tensor, fill: str = "nearest") -> Tensor:
    """Resample a batch bilinearly.

    Args:
        images: Float [B, C, H, W].
        matrices: As `affine_matrices` gives them, [B, 2, 3], on any device.
        fill: What lies beyond the border: "nearest", "reflect" or "zeros".

    Returns:
        [B, C, H, W].
    """
    if not len(images):  # grid_sample refuses an empty batch
        return images
    height, width = images.shape[-2:]
    half = matrices.new_tensor([width / 2, height / 2])
    # torch's grid runs from -1 to 1 over each side
    theta = matrices * torch.cat((half, half.new_ones(1))) / half[:, None]
    grid = F.affine_grid(theta.to(images), [len(images), 1, height, width], align_corners=False)
    return F.grid_sample(images, grid, padding_mode=_FILLS[fill], align_corners=False)


def add_noise(images: Tensor, deviation: float, seed: int) -> Tensor:
    """Add Gaussian noise, drawn on the CPU.

    Args:
        images: Float [B, C, H, W], 0..255.
        deviation: Standard deviation, in the units of 0..255.
        seed: Decides what is drawn.

    Returns:
        [B, C, H, W], clipped to 0..255.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(images.shape, generator=generator) * deviation
    return (images + noise.to(images)).clamp(0, 255)


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    return torch.stack((a, b, c, d), dim=1).reshape(-1, 2, 2)  # [B, 2, 2]


def _rectangles(drawn: Tensor, height: int, width: int) -> Tensor:
    # [B, 4]: left, top, right, bottom in pixels, as torchvision draws them but cut to the face
    (least, most), (flat, steep) = _ERASED_AREA, (log(ratio) for ratio in _ERASED_RATIO)
    area = (least + drawn[:, 0] * (most - least)) * height * width
    ratio = (flat + drawn[:, 1] * (steep - flat)).exp()
    tall = (area * ratio).sqrt().round().clamp(1, height)
    wide = (area / ratio).sqrt().round().clamp(1, width)
    left = (drawn[:, 2] * (width - wide + 1)).floor()
    top = (drawn[:, 3] * (height - tall + 1)).floor()
    return torch.stack((left, top, left + wide, top + tall), dim=1)


def _inside(boxes: Tensor, images: Tensor) -> Tensor:
    # bool [B, 1, H, W]
    left, top, right, bottom = boxes[:, :, None].unbind(1)  # [B, 1] each
    x = torch.arange(images.shape[-1], device=images.device)
    y = torch.arange(images.shape[-2], device=images.device)
    columns = (x >= left) & (x < right)  # [B, W]
    rows = (y >= top) & (y < bottom)  # [B, H]
    return (rows[:, :, None] & columns[:, None, :])[:, None]
