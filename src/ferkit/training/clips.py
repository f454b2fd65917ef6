"""Films for a backbone that takes them: a few frames of each in training, all of them in testing.

The frames of a film are drawn as Meng et al. 2019 (arXiv:1907.00193) draw them: the film is cut
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
from ferkit.inference.videos import FilmLoader, Films, check_tta, takes_films
from ferkit.loader import Order, make_loader
from ferkit.training.settings import TrainerSettings
from ferkit.training.trainer import Augmentation

Resident = bool | Literal["auto"]
_STREAM = 1  # keeps the frames' draws apart from the order's, which has the same seed and epoch


def visits_of(films: Films, visits: str) -> np.ndarray:
    """The films that an epoch visits, int64 [V]: each once, or as often as it has frames."""
    once = np.arange(len(films.lengths))
    return np.repeat(once, films.lengths) if visits == "frame" else once


def draw_frames(films: Films, chosen: np.ndarray, count: int, seed: int, epoch: int) -> np.ndarray:
    """One frame of each part of some films; a film of fewer frames shows some of them twice.

    Args:
        chosen: Films, [V].
        count: Parts, T.

    Returns:
        int64 [V, T], positions in `films.rows`, ascending within a film.
    """
    lengths = films.lengths[chosen, None]  # [V, 1]
    part = np.arange(count)
    low = part * lengths // count
    width = np.maximum((part + 1) * lengths // count - low, 1)  # [V, T]
    drawn = np.random.default_rng([seed, epoch, _STREAM]).random(width.shape)
    return np.asarray(films.starts[chosen, None] + low + (drawn * width).astype(np.int64))


def drawing_loader(
    faces: np.ndarray, films: Films, visits: np.ndarray, codes: np.ndarray, order: Order, *,
    seed: int, settings: TrainerSettings, device: torch.device,
) -> FilmLoader:  # fmt: skip
    """The loader of training: `settings.frames` frames a film, drawn anew at each visit.

    Args:
        faces: uint8 [N, H, W] or [N, H, W, 3].
        visits: Films, int64 [V].
        codes: Their classes, int64 [V].
        order: Positions within the visits for an epoch.
    """
    count = settings.frames or 1
    classes = np.zeros(len(films.lengths), np.int64)
    classes[visits] = codes
    loader = make_loader(
        faces,
        films.rows,
        np.repeat(classes, films.lengths),
        batch_size=settings.images_a_step * count,
        device=device,
        order=lambda epoch: draw_frames(films, visits[order(epoch)], count, seed, epoch).ravel(),
        resident=settings.resident,
    )
    return FilmLoader([(loader, count)])


@dataclass(frozen=True)
class FilmAugment:
    """An augmentation of single faces on every frame of films by itself.

    Attributes:
        faces: Variants of [B, C, H, W].
    """

    faces: Augmentation

    @property
    def mixup(self) -> float:
        """As the augmentation has it; whole films are blended."""
        return self.faces.mixup

    @property
    def cutmix(self) -> float:
        """Likewise; every frame of a clip has the same rectangle."""
        return float(getattr(self.faces, "cutmix", 0.0))

    def __call__(self, films: Tensor, generator: torch.Generator, /) -> Tensor:
        """Variants of films, [B, T, C, H, W]."""
        return self.faces(films.flatten(0, 1), generator).reshape(films.shape)


def check_films(backbone: nn.Module, settings: TrainerSettings, tta: Tta) -> None:
    """Judge whether the backbone and the trainer both mean films.

    Raises:
        ConfigError: one of them does not, or the films shall be varied in testing.
    """
    if takes_films(backbone) and settings.frames is None:
        raise ConfigError(
            "The backbone learns from films, but trainer.frames is not set; give trainer.frames=3."
        )
    if settings.frames is not None and not takes_films(backbone):
        raise ConfigError(
            f"trainer.frames={settings.frames} draws frames of films, which this backbone does not "
            "take; use backbone=frame_attention, or trainer.frames=null."
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
                f"{key} is for single faces, and trainer.frames={settings.frames} trains on films; "
                "use imbalance.sampler or imbalance.class_weights."
            )
