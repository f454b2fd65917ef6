"""Light and sharpness of whole batches: gamma, blur, sharpness, histogram equalization.

Every function takes float images [B, C, H, W] of 0..255 and one value an image, [B], on any
device, and gives float images of the same shape, clipped to 0..255.
"""

from math import ceil

import torch
from torch import Tensor
from torch.nn import functional as F

_LEVELS = 256


def correct_gamma(images: Tensor, exponents: Tensor) -> Tensor:
    """255 (x / 255)^exponent; above 1 a face grows darker."""
    return 255 * (images / 255).clamp(0, 1) ** _per_image(exponents, images)


def blur(images: Tensor, deviations: Tensor, largest: float) -> Tensor:
    """Gaussian blur; beyond the border the border's pixels are repeated.

    Args:
        deviations: In pixels, 0 (unchanged) to `largest`.
        largest: Sets the kernel's reach, three deviations either way.
    """
    reach = max(1, ceil(3 * largest))
    positions = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    spread = deviations.to(images).clamp_min(1e-3)[:, None]  # [B, 1]; 1e-3 leaves a pixel alone
    kernels = torch.exp(-0.5 * (positions / spread) ** 2)
    kernels = kernels / kernels.sum(dim=1, keepdim=True)  # [B, R]
    channels = images.shape[1]
    rows = kernels.repeat_interleave(channels, dim=0)[:, None]  # [B * C, 1, R]
    flat = images.reshape(1, -1, *images.shape[2:])  # [1, B * C, H, W]
    padded = F.pad(flat, (reach,) * 4, mode="replicate")
    across = F.conv2d(padded, rows[:, :, None, :], groups=len(rows))
    return F.conv2d(across, rows[:, :, :, None], groups=len(rows)).reshape(images.shape)


def sharpen(images: Tensor, factors: Tensor) -> Tensor:
    """Blend with a smoothed copy as PIL's Sharpness does: 0 is smooth, 1 unchanged, 2 sharper."""
    weights = images.new_ones(images.shape[1], 1, 3, 3)  # made there: a list would be copied
    weights[..., 1, 1] = 5
    weights /= 13
    smooth = images.clone()
    smooth[..., 1:-1, 1:-1] = F.conv2d(images, weights, groups=images.shape[1])
    return torch.lerp(smooth, images, _per_image(factors, images)).clamp(0, 255)


def equalize(images: Tensor, chosen: Tensor) -> Tensor:
    """Histogram equalization of each channel of the chosen images, as OpenCV's equalizeHist.

    Args:
        chosen: bool [B].
    """
    levels = images.round().clamp(0, _LEVELS - 1).long().flatten(2)  # [B, C, H * W]
    counts = torch.zeros(*levels.shape[:2], _LEVELS, device=images.device)
    counts.scatter_add_(2, levels, torch.ones_like(levels, dtype=counts.dtype))
    below = counts.cumsum(dim=2)  # [B, C, 256]
    first = counts.gather(2, (counts > 0).int().argmax(dim=2, keepdim=True))  # of the darkest
    spread = (levels.shape[2] - first).clamp_min(1)
    table = ((below - first) * 255 / spread).round().clamp(0, 255)
    one_level = first == levels.shape[2]
    equal = torch.where(one_level, levels.to(table), table.gather(2, levels))
    equal = equal.reshape(images.shape).to(images)
    return torch.where(_per_image(chosen, images).bool(), equal, images)


def _per_image(values: Tensor, images: Tensor) -> Tensor:
    return values.to(images)[:, None, None, None]  # [B, 1, 1, 1]
