"""Films for a backbone that takes them: a few frames of each in training, all of them in testing.

The frames of a film are drawn as Meng et al. 2019 (arXiv:1907.00193) draw them: the film is cut
into as many equal parts as frames are asked for, and each part gives one at random. (Their code
draws once, before the first epoch; here every visit draws anew.) What is drawn depends on (seed,
epoch) and the visit's place in the epoch alone, so a resumed run sees what an unbroken one would.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ferkit.errors import ConfigError
from ferkit.evaluation.videos import film_keys, find_places
from ferkit.faces.store import FaceStore
from ferkit.imbalance.strategy import Strategy
from ferkit.inference.tta import Tta
from ferkit.training.loader import Batch, Loader, Order, make_loader
from ferkit.training.settings import TrainerSettings

Resident = bool | Literal["auto"]
_STREAM = 1  # keeps the frames' draws apart from the order's, which has the same seed and epoch


@dataclass(frozen=True)
class Films:
    """Films of some rows of a store, from the shortest to the longest.

    Attributes:
        rows: int64 [M], rows of the store, film by film, by frame within a film.
        starts: int64 [F], where in `rows` each film begins.
        lengths: int64 [F], how many frames it has.
        index: A row a film, as a store's index has a row a face; `frame` is the number of frames.
    """

    rows: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    index: pd.DataFrame

    @property
    def middles(self) -> np.ndarray:
        """The row of the frame in the middle of each film, [F]."""
        return np.asarray(self.rows[self.starts + self.lengths // 2])


def takes_films(backbone: nn.Module) -> bool:
    """Whether a backbone takes [B, T, C, H, W]."""
    return bool(getattr(backbone, "takes_films", False))


def find_films(index: pd.DataFrame, rows: np.ndarray) -> Films:
    """Gather rows of a store's index into films (see `ferkit.evaluation.videos`).

    Raises:
        ConfigError: a row belongs to no film.
    """
    chosen = index.iloc[rows]
    found = find_places(chosen)
    if lost := len(rows) - len(found.places):
        name = ", ".join(sorted(set(chosen["dataset"])))
        raise ConfigError(
            f"{lost:,} of {len(rows):,} faces of {name} belong to no film (sequence and frame); "
            "a network of films needs dataset=afew, ck_mug or another whose faces are frames."
        )
    first = chosen.iloc[found.places[found.starts]].reset_index(drop=True)
    first = first.assign(key=film_keys(first), frame=found.lengths)
    for column, joined in (("content", _hash_of_all), ("in_train", max)):
        if column in chosen:
            values = chosen[column].fillna("").to_numpy()[found.places]
            first[column] = [joined(part) for part in np.split(values, found.starts[1:])]
    order = np.argsort(found.lengths, kind="stable")
    pieces = np.split(rows[found.places], found.starts[1:])
    lengths = found.lengths[order]
    return Films(
        rows=np.concatenate([pieces[film] for film in order]),
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        index=first.iloc[order].reset_index(drop=True),
    )


def _hash_of_all(hashes: np.ndarray) -> str:
    return blake2b("".join(hashes).encode(), digest_size=8).hexdigest()


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


class FilmLoader:
    """Batches of films, from loaders of faces that visit them film by film.

    Args:
        parts: Loaders whose batches are whole films, and the frames of each of their films.
    """

    def __init__(self, parts: Sequence[tuple[Loader, int]]) -> None:
        self.parts = parts
        self.steps = sum(loader.steps for loader, _ in parts)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch: images [B, T, C, H, W], T the same within a batch."""
        for loader, frames in self.parts:
            for batch in loader.epoch(number):
                images = batch.images.reshape(-1, frames, *batch.images.shape[1:])
                yield Batch(images, batch.targets[::frames], batch.places[::frames])


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


def whole_loader(
    faces: np.ndarray, films: Films, codes: np.ndarray, *, batch_size: int,
    device: torch.device, resident: Resident = "auto",
) -> FilmLoader:  # fmt: skip
    """The loader of testing: every frame, in the films' order, films of one length at a time.

    No film is filled up to another's length, so what lies beside it cannot change its score.

    Args:
        codes: Classes of the films, int64 [F].
        batch_size: Faces at once, as far as films can be divided by it.
    """
    parts: list[tuple[Loader, int]] = []
    for length in np.unique(films.lengths):
        at = np.flatnonzero(films.lengths == length)
        first, last = films.starts[at[0]], films.starts[at[-1]] + length
        together = max(1, batch_size // int(length)) * int(length)
        loader = make_loader(
            faces, films.rows[first:last], np.repeat(codes[at], length),
            batch_size=together, device=device, resident=resident,
        )  # fmt: skip
        parts.append((loader, int(length)))
    return FilmLoader(parts)


@dataclass(frozen=True)
class FilmAugment:
    """An augmentation of single faces on every frame of films by itself.

    Attributes:
        faces: Variants of [B, C, H, W].
    """

    faces: Callable[[Tensor, torch.Generator], Tensor]

    @property
    def mixup(self) -> float:
        """As the augmentation has it; whole films are blended."""
        return float(getattr(self.faces, "mixup", 0.0))

    def __call__(self, films: Tensor, generator: torch.Generator) -> Tensor:
        """Variants of films, [B, T, C, H, W]."""
        return self.faces(films.flatten(0, 1), generator).reshape(films.shape)


def stills(store: FaceStore, films: Films) -> FaceStore:
    """A store of the middle frame of each film, under the film's key."""
    return replace(store, faces=store.faces[films.middles], index=films.index)


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


def check_tta(backbone: nn.Module, tta: Tta) -> None:
    """Refuse to vary films in testing.

    Raises:
        ConfigError: the backbone takes films and `tta` varies single faces.
    """
    if takes_films(backbone) and tta.kind != "none":
        raise ConfigError(f"tta={tta.kind} varies single faces; a network of films takes tta=none.")


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
