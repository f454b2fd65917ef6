"""Videos for a backbone that takes them: a few frames of each in training, all of them in testing.

The frames of a video are drawn as Meng et al. 2019 (arXiv:1907.00193) draw them: the video is cut
into as many equal parts as frames are asked for, and each part gives one at random. (Their code
draws once, before the first epoch; here every visit draws anew.) What is drawn depends on (seed,
epoch) and the visit's place in the epoch alone, so a resumed run sees what an unbroken one would.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ferkit.errors import ConfigError
from ferkit.imbalance.strategy import Strategy
from ferkit.inference.tta import Tta
from ferkit.inference.videos import VideoLoader, Videos, check_tta, takes_videos
from ferkit.loader import Order, make_loader
from ferkit.training.settings import TrainerSettings
from ferkit.training.trainer import Augmentation

OnDevice = bool | Literal["auto"]
_STREAM = 1  # keeps the frames' draws apart from the order's, which has the same seed and epoch


def visits_of(videos: Videos, visits: str) -> np.ndarray:
    """The videos that an epoch visits, int64 [V]: each once, or as often as it has frames."""
    once = np.arange(len(videos.lengths))
    return np.repeat(once, videos.lengths) if visits == "frame" else once


def draw_frames(
    videos: Videos, chosen: np.ndarray, count: int, seed: int, epoch: int
) -> np.ndarray:
    """One frame of each part of some videos; a video of fewer frames shows some of them twice.

    Args:
        chosen: Videos, [V].
        count: Parts, T.

    Returns:
        int64 [V, T], positions in `videos.rows`, ascending within a video.
    """
    lengths = videos.lengths[chosen, None]  # [V, 1]
    part = np.arange(count)
    low = part * lengths // count
    width = np.maximum((part + 1) * lengths // count - low, 1)  # [V, T]
    drawn = np.random.default_rng([seed, epoch, _STREAM]).random(width.shape)
    return np.asarray(videos.starts[chosen, None] + low + (drawn * width).astype(np.int64))


def drawing_loader(
    faces: np.ndarray,
    videos: Videos,
    visits: np.ndarray,
    class_ids: np.ndarray,
    order: Order,
    *,
    seed: int,
    settings: TrainerSettings,
    device: torch.device,
) -> VideoLoader:
    """The loader of training: `settings.frames_per_clip` frames a video, drawn anew at each visit.

    Args:
        faces: uint8 [N, H, W] or [N, H, W, 3].
        visits: Videos, int64 [V].
        class_ids: Their classes, int64 [V].
        order: Positions within the visits for an epoch.
    """
    count = settings.frames_per_clip or 1
    classes = np.zeros(len(videos.lengths), np.int64)
    classes[visits] = class_ids
    loader = make_loader(
        faces,
        videos.rows,
        np.repeat(classes, videos.lengths),
        batch_size=settings.images_a_step * count,
        device=device,
        order=lambda epoch: draw_frames(videos, visits[order(epoch)], count, seed, epoch).ravel(),
        cache_on_device=settings.cache_on_device,
    )
    return VideoLoader([(loader, count)])


@dataclass(frozen=True)
class VideoAugment:
    """An augmentation of single faces on every frame of videos by itself.

    Attributes:
        faces: Variants of [B, C, H, W].
    """

    faces: Augmentation

    @property
    def mixup(self) -> float:
        """As the augmentation has it; whole videos are blended."""
        return self.faces.mixup

    @property
    def cutmix(self) -> float:
        """Likewise; every frame of a clip has the same rectangle."""
        return float(getattr(self.faces, "cutmix", 0.0))

    def __call__(self, videos: Tensor, generator: torch.Generator, /) -> Tensor:
        """Variants of videos, [B, T, C, H, W]."""
        return self.faces(videos.flatten(0, 1), generator).reshape(videos.shape)


def check_videos(backbone: nn.Module, settings: TrainerSettings, tta: Tta) -> None:
    """Judge whether the backbone and the trainer both mean videos.

    Raises:
        ConfigError: one of them does not, or the videos shall be varied in testing.
    """
    if takes_videos(backbone) and settings.frames_per_clip is None:
        raise ConfigError(
            "The backbone takes clips, but trainer.frames_per_clip is not set; give "
            "trainer.frames_per_clip=3."
        )
    if settings.frames_per_clip is not None and not takes_videos(backbone):
        raise ConfigError(
            f"trainer.frames_per_clip={settings.frames_per_clip} draws clips, which this backbone "
            "does not take; use backbone=frame_attention, or trainer.frames_per_clip=null."
        )
    check_tta(backbone, tta)


def check_strategy(settings: TrainerSettings, strategy: Strategy) -> None:
    """Refuse what makes or labels single faces.

    Raises:
        ConfigError: the faces are resampled, or taught by votes.
    """
    refused: dict[str, Any] = {
        "imbalance.resample": strategy.resample,
        "trainer.soft_targets": settings.soft_targets,
    }
    for key, asked in refused.items():
        if asked:
            raise ConfigError(
                f"{key} is for single faces, and trainer.frames_per_clip="
                f"{settings.frames_per_clip} trains on clips; "
                "use imbalance.sampler or imbalance.class_weights."
            )
