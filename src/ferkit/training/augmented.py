"""What the network sees: prepared faces, each beside what augmentation makes of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from ferkit.faces.sheet import draw_lines
from ferkit.loader import planes
from ferkit.training.mixup import blend

if TYPE_CHECKING:
    from ferkit.training.trainer import Augmentation

_CLASSES, _PER_CLASS, _VARIANTS = 12, 2, 4


def choose_faces(class_ids: np.ndarray) -> np.ndarray:
    """Positions of two faces of each of the first twelve classes.

    Args:
        class_ids: int64 [N]; negative ones are passed over.
    """
    chosen = []
    for code in [code for code in np.unique(class_ids) if code >= 0][:_CLASSES]:
        found = np.flatnonzero(class_ids == code)
        chosen.append(found[np.unique(np.linspace(0, len(found) - 1, _PER_CLASS).astype(int))])
    return np.concatenate(chosen) if chosen else np.empty(0, np.int64)


def draw_augmented(
    faces: np.ndarray,
    class_ids: np.ndarray,
    emotions: Sequence[str],
    augment: "Augmentation",
    seed: int,
) -> bytes:
    """A png: a line a class, each face beside its variants.

    Args:
        faces: uint8 [N, H, W] or [N, H, W, 3]; at least one.
        class_ids: int64 [N], positions in `emotions`.
        seed: Decides the variants.
    """
    batch, targets = planes(faces), torch.from_numpy(class_ids)
    seen = []
    for variant in range(_VARIANTS):
        generator = torch.Generator().manual_seed(seed * _VARIANTS + variant)
        images = augment(batch, generator)
        images, _ = blend(images, targets, generator, augment, len(emotions))
        seen.append(_as_faces(images))
    return draw_lines(
        [
            (emotions[code], [[faces[i], *(s[i] for s in seen)] for i in positions])
            for code in np.unique(class_ids)
            if len(positions := np.flatnonzero(class_ids == code))
        ]
    )


def _as_faces(images: torch.Tensor) -> np.ndarray:
    """[N, C, H, W] of 0..255 as uint8 [N, H, W, C]; one channel is dropped."""
    whole = images.float().round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return whole[..., 0] if whole.shape[-1] == 1 else whole
