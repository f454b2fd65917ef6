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
from ferkit.evaluation.videos import find_positions, video_keys
from ferkit.faces.store import FaceStore
from ferkit.inference.tta import Tta
from ferkit.loader import Batch, Loader, make_loader

OnDevice = bool | Literal["auto"]


@dataclass(frozen=True)
class Videos:
    """Videos of some rows of a store, from the shortest to the longest.

    Attributes:
        rows: int64 [M], rows of the store, video by video, by frame within a video.
        starts: int64 [F], where in `rows` each video begins.
        lengths: int64 [F], how many frames it has.
        index: One row per video, as a store's index has one per face; `frame` counts its frames.
    """

    rows: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    index: pd.DataFrame

    @property
    def middles(self) -> np.ndarray:
        """The row of the frame in the middle of each video, [F]."""
        return np.asarray(self.rows[self.starts + self.lengths // 2])


def takes_videos(backbone: nn.Module) -> bool:
    """Whether a backbone takes [B, T, C, H, W]."""
    return bool(getattr(backbone, "takes_videos", False))


def find_videos(index: pd.DataFrame, rows: np.ndarray) -> Videos:
    """Gather rows of a store's index into videos (see `ferkit.evaluation.videos`).

    Raises:
        ConfigError: a row belongs to no video.
    """
    chosen = index.iloc[rows]
    found = find_positions(chosen)
    if lost := len(rows) - len(found.positions):
        name = ", ".join(sorted(set(chosen["dataset"])))
        raise ConfigError(
            f"{lost:,} of {len(rows):,} faces of {name} belong to no video (sequence and frame); "
            "a network of videos needs dataset=afew, ck_mug or another whose faces are frames."
        )
    first = chosen.iloc[found.positions[found.starts]].reset_index(drop=True)
    first = first.assign(key=video_keys(first), frame=found.lengths)
    for column, joined in (("content", _hash_of_all), ("in_train", max)):
        if column in chosen:
            values = chosen[column].fillna("").to_numpy()[found.positions]
            first[column] = [joined(part) for part in np.split(values, found.starts[1:])]
    order = np.argsort(found.lengths, kind="stable")
    pieces = np.split(rows[found.positions], found.starts[1:])
    lengths = found.lengths[order]
    return Videos(
        rows=np.concatenate([pieces[video] for video in order]),
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        index=first.iloc[order].reset_index(drop=True),
    )


def _hash_of_all(hashes: np.ndarray) -> str:
    return blake2b("".join(hashes).encode(), digest_size=8).hexdigest()


class VideoLoader:
    """Batches of videos, from loaders of faces that visit them video by video.

    Args:
        parts: Loaders whose batches are whole videos, and the frames of each of their videos.
    """

    def __init__(self, parts: Sequence[tuple[Loader, int]]) -> None:
        self.parts = parts
        self.steps = sum(loader.steps for loader, _ in parts)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch: images [B, T, C, H, W], T the same within a batch."""
        for loader, frames in self.parts:
            for batch in loader.epoch(number):
                images = batch.images.reshape(-1, frames, *batch.images.shape[1:])
                yield Batch(images, batch.targets[::frames], batch.positions[::frames])


def whole_loader(
    faces: np.ndarray,
    videos: Videos,
    class_ids: np.ndarray,
    *,
    batch_size: int,
    device: torch.device,
    cache_on_device: OnDevice = "auto",
) -> VideoLoader:
    """The loader of testing: every frame, in the videos' order, videos of one length at a time.

    No video is filled up to another's length, so what lies beside it cannot change its score.

    Args:
        class_ids: Classes of the videos, int64 [F].
        batch_size: Faces at once, as far as videos can be divided by it.
    """
    parts: list[tuple[Loader, int]] = []
    for length in np.unique(videos.lengths):
        at = np.flatnonzero(videos.lengths == length)
        first, last = videos.starts[at[0]], videos.starts[at[-1]] + length
        together = max(1, batch_size // int(length)) * int(length)
        loader = make_loader(
            faces,
            videos.rows[first:last],
            np.repeat(class_ids[at], length),
            batch_size=together,
            device=device,
            cache_on_device=cache_on_device,
        )
        parts.append((loader, int(length)))
    return VideoLoader(parts)


def stills(store: FaceStore, videos: Videos) -> FaceStore:
    """A store of the middle frame of each video, under the video's key."""
    return replace(store, faces=store.faces[videos.middles], index=videos.index)


def check_tta(backbone: nn.Module, tta: Tta) -> None:
    """Refuse to vary videos in testing.

    Raises:
        ConfigError: the backbone takes videos and `tta` varies single faces.
    """
    if takes_videos(backbone) and tta.kind != "none":
        raise ConfigError(
            f"tta={tta.kind} varies single faces; a network of videos takes tta=none."
        )
