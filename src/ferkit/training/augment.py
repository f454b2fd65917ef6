"""Random variants of the training faces, made on the device for a whole batch at once.

All geometry is one resampling. The random values are drawn on the CPU, always the same number a
face whatever is asked for; so a batch is the same on every device up to rounding, and asking for
noise does not change the rotations. The one exception is the noise itself: its seed is drawn on the
CPU, its pixels where the images lie, since uploading them would take longer than a step.

What is drawn goes to the device in one copy that nothing waits for.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import log
from typing import Any

import torch
from torch import Tensor

from ferkit.config import build
from ferkit.devices import upload
from ferkit.errors import ConfigError, unknown
from ferkit.training.appearance import blur, correct_gamma, equalize, sharpen
from ferkit.training.warp import FILLS, affine_matrices, warp

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
class Drawn:
    """What varies a batch, a row a face; all on one device.

    Attributes:
        first: Uniform values, [B, 14].
        later: Likewise, [B, 8].
        matrices: Of the warp, as `affine_matrices` gives them, [B, 2, 3].
        boxes: What is erased: left, top, right, bottom in pixels, [B, 4].
        seed: Of the noise.
    """

    first: Tensor
    later: Tensor
    matrices: Tensor
    boxes: Tensor
    seed: int

    def to(self, device: torch.device) -> "Drawn":
        """The same on a device, by one copy."""
        if self.first.device == device:
            return self
        parts = (self.first, self.later, self.matrices.flatten(1), self.boxes)
        packed = upload(torch.cat(parts, dim=1), device)  # [B, 32]
        sizes = [part.shape[1] for part in parts]
        first, later, matrices, boxes = torch.split(packed, sizes, dim=1)
        return Drawn(first, later, matrices.reshape(-1, 2, 3), boxes, self.seed)

    def rows(self, chosen: slice | Tensor) -> "Drawn":
        """What varies some faces of the batch, e.g. those of one of several processes."""
        first, later, matrices, boxes = (
            drawn[chosen] for drawn in (self.first, self.later, self.matrices, self.boxes)
        )
        return Drawn(first, later, matrices, boxes, self.seed)


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
        if self.fill not in FILLS:
            raise ConfigError(unknown("augment.fill", str(self.fill), FILLS))
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
        sides = (images.shape[-2], images.shape[-1])
        return self.apply(images, self.draw(generator, len(images), sides).to(images.device))

    def draw(self, generator: torch.Generator, count: int, sides: tuple[int, int]) -> Drawn:
        """What varies a batch of so many faces.

        Args:
            generator: On the CPU.
            sides: Height and width in pixels.
        """
        first = torch.rand(count, _DRAWS, generator=generator)  # [B, _DRAWS]
        seed = int(torch.randint(2**62, (), generator=generator))
        extra = torch.Generator().manual_seed(seed ^ 1)  # what is drawn above stays as it was
        later = torch.rand(count, _LATER_DRAWS, generator=extra)  # [B, _LATER_DRAWS]
        boxes = torch.zeros(count, 4)
        if self.erase:
            boxes = _rectangles(first[:, 9:13], *sides)
            boxes[first[:, 13] >= self.erase] = 0
        matrices = self._matrices(first, later, sides) if self._warps else torch.zeros(count, 2, 3)
        return Drawn(first, later, matrices, boxes, seed)

    def apply(self, images: Tensor, drawn: Drawn) -> Tensor:
        """A batch varied by what was drawn, on the device of both; nothing waits for the GPU."""
        result = images if images.is_floating_point() else images.float()
        result = self._move(result, drawn)
        more = drawn.later
        if self.equalize:
            result = equalize(result, more[:, 6] < self.equalize)
        if self.brightness or self.contrast:
            result = self._relight(result, drawn.first)
        if self.gamma:
            result = correct_gamma(result, (1 + self.gamma) ** (2 * more[:, 3] - 1))
        if self.sharpness:
            result = sharpen(result, 1 + (2 * more[:, 4] - 1) * self.sharpness)
        if self.blur:
            result = blur(result, more[:, 5] * self.blur, self.blur)
        if self.noise:
            result = add_noise(result, 255 * self.noise, drawn.seed)
        if self.erase:
            result = result.masked_fill(_inside(drawn.boxes, result), 0)
        return result

    @property
    def by_face(self) -> bool:
        """Whether what becomes of a face depends on its own row of what is drawn alone."""
        return not (self.mixup or self.cutmix or self.noise)

    @property
    def _warps(self) -> bool:
        return bool(self.rotation or self.shift or self.shear or self.zoom or self.crop)

    def _move(self, images: Tensor, drawn: Drawn) -> Tensor:
        if self._warps:
            return warp(images, drawn.matrices, self.fill).clamp(0, 255)  # 255 may round up
        if not self.flip:
            return images
        chosen = (drawn.first[:, 0] < 0.5)[:, None, None, None]
        return torch.where(chosen, images.flip(-1), images)

    def _matrices(self, first: Tensor, later: Tensor, sides: tuple[int, int]) -> Tensor:
        either = first[:, 1:7] * 2 - 1  # [B, 6], -1..1
        crop = (later[:, :3] * 2 - 1) * self.crop  # [B, 3]: x, y, side
        return affine_matrices(
            rotation=either[:, 0] * self.rotation,
            shift=either[:, 1:3] * self.shift + crop[:, :2],
            shear=either[:, 3] * self.shear,
            zoom=(1 + either[:, 4:6] * self.zoom) * (1 + crop[:, 2:]),
            mirrored=(first[:, 0] < 0.5) & self.flip,
            sides=sides,
        )

    def _relight(self, images: Tensor, drawn: Tensor) -> Tensor:
        either = (drawn[:, 7:9] * 2 - 1).to(images)[:, :, None, None, None]  # [B, 2, 1, 1, 1]
        images = images * (1 + either[:, 0] * self.brightness)
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        return ((images - mean) * (1 + either[:, 1] * self.contrast) + mean).clamp(0, 255)


def add_noise(images: Tensor, deviation: float, seed: int) -> Tensor:
    """Add Gaussian noise, drawn where the images lie: it differs between a CPU and a GPU.

    Args:
        images: Float [B, C, H, W], 0..255.
        deviation: Standard deviation, in the units of 0..255.
        seed: Decides what is drawn.

    Returns:
        [B, C, H, W], clipped to 0..255.
    """
    generator = torch.Generator(images.device).manual_seed(seed)
    noise = torch.randn(images.shape, generator=generator, device=images.device) * deviation
    return (images + noise.to(images)).clamp(0, 255)


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
