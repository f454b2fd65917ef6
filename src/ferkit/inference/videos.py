"""Videos for a backbone that takes them: gathered from the rows of a store, loaded whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import nn

from ferkit.errors import ConfigError
from ferkit.evaluation.videos import film_keys, find_places
from ferkit.faces.store import FaceStore
from ferkit.inference.tta import Tta
from ferkit.loader import Batch, Loader, make_loader

Resident = bool | Literal["auto"]


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


def stills(store: FaceStore, films: Films) -> FaceStore:
    """A store of the middle frame of each film, under the film's key."""
    return replace(store, faces=store.faces[films.middles], index=films.index)


def check_tta(backbone: nn.Module, tta: Tta) -> None:
    """Refuse to vary films in testing.

    Raises:
        ConfigError: the backbone takes films and `tta` varies single faces.
    """
    if takes_films(backbone) and tta.kind != "none":
        raise ConfigError(f"tta={tta.kind} varies single faces; a network of films takes tta=none.")
