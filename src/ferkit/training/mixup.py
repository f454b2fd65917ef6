"""Mixup and cutmix: each face joined with another of its batch, and their labels with them."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ferkit.devices import upload


def blend(
    images: Tensor, targets: Tensor, generator: torch.Generator, augment: Any, classes: int
) -> tuple[Tensor, Tensor]:
    """What an augmentation asks for of `mix` and `cut`; where of both, a coin decides by batch.

    Args:
        augment: Has `mixup`, perhaps `cutmix`: an alpha, 0 for neither.
    """
    mixup, cutmix = augment.mixup, getattr(augment, "cutmix", 0.0)
    if mixup and cutmix:
        mixup = mixup if torch.rand((), generator=generator) < 0.5 else 0.0
    if mixup:
        return mix(images, targets, generator, mixup, classes)
    return cut(images, targets, generator, cutmix, classes) if cutmix else (images, targets)


def mix(
    images: Tensor, targets: Tensor, generator: torch.Generator, alpha: float, classes: int
) -> tuple[Tensor, Tensor]:
    """Blend a batch with a permutation of itself (mixup, Zhang et al. 2018).

    One share a batch, drawn from Beta(alpha, alpha), as the authors' own code has it.

    Args:
        images: [B, C, H, W], uint8 or float.
        targets: Class ids, int64 [B], or class probabilities, float [B, K].
        generator: On the CPU; its state alone decides what is drawn.
        alpha: Above 0; the larger, the nearer is the share to one half.
        classes: K.

    Returns:
        Float images [B, C, H, W] and class probabilities, float [B, K].
    """
    share, other, faces, soft = _drawn(images, targets, generator, alpha, classes)
    return torch.lerp(faces[other], faces, share), torch.lerp(soft[other], soft, share)


def cut(
    images: Tensor, targets: Tensor, generator: torch.Generator, alpha: float, classes: int
) -> tuple[Tensor, Tensor]:
    """Paste a rectangle of another face into each face of a batch (cutmix, Yun et al. 2019).

    One rectangle a batch, as the authors' own code has it: of the image's proportions, its area
    1 - share before it is cut to the image; the labels are blended by the areas that remain.

    Args:
        images: [B, ..., H, W], uint8 or float; of clips every frame has the rectangle.
        targets: As of `mix`, and so are the others.

    Returns:
        Float images and class probabilities, float [B, K].
    """
    share, other, faces, soft = _drawn(images, targets, generator, alpha, classes)
    height, width = faces.shape[-2:]
    drawn = torch.rand(2, generator=generator).tolist()
    (top, bottom), (left, right) = (
        _interval(at, side, (1 - share) ** 0.5)
        for at, side in zip(drawn, (height, width), strict=True)
    )
    faces = faces.clone()
    faces[..., top:bottom, left:right] = faces[other][..., top:bottom, left:right]
    kept = 1 - (bottom - top) * (right - left) / (height * width)
    return faces, torch.lerp(soft[other], soft, kept)


def _interval(at: float, side: int, share: float) -> tuple[int, int]:
    centre, half = int(at * side), int(side * share) // 2
    return max(centre - half, 0), min(centre + half, side)


def _drawn(
    images: Tensor, targets: Tensor, generator: torch.Generator, alpha: float, classes: int
) -> tuple[float, Tensor, Tensor, Tensor]:
    seed = int(torch.randint(2**62, (), generator=generator))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))  # torch's takes no generator
    other = upload(torch.randperm(len(images), generator=generator), images.device)  # [B]
    faces = images if images.is_floating_point() else images.float()
    soft = targets if targets.is_floating_point() else F.one_hot(targets, classes).float()
    return share, other, faces, soft
