"""Mixup: each face blended with another of its batch, and their labels with them."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def mix(
    images: Tensor, targets: Tensor, generator: torch.Generator, alpha: float, classes: int
) -> tuple[Tensor, Tensor]:
    """Blend a batch with a permutation of itself (mixup, Zhang et al. 2018).

    One share a batch, drawn from Beta(alpha, alpha), as the authors' own code has it.

    Args:
        images: [B, C, H, W], uint8 or float.
        targets: Codes, int64 [B], or class probabilities, float [B, K].
        generator: On the CPU; its state alone decides what is drawn.
        alpha: Above 0; the larger, the nearer is the share to one half.
        classes: K.

    Returns:
        Float images [B, C, H, W] and class probabilities, float [B, K].
    """
    seed = int(torch.randint(2**62, (), generator=generator))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))  # torch's takes no generator
    other = torch.randperm(len(images), generator=generator).to(images.device)  # [B]
    faces = images if images.is_floating_point() else images.float()
    soft = targets if targets.is_floating_point() else F.one_hot(targets, classes).float()
    return torch.lerp(faces[other], faces, share), torch.lerp(soft[other], soft, share)
