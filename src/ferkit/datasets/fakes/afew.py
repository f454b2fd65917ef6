"""Tiny drawn videos in AFEW's layout, or the folders of frames made from them."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ferkit.datasets.fakes.video_writer import draw_video, write_video
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, unknown

_CLASSES = EMOTIONS[:7]
_LEVELS = (0.4, 0.7, 1.0, 1.0, 0.7, 0.4)


def make(
    out: Path,
    *,
    people: int = 10,
    real_size: bool = False,
    seed: int = 0,
    variant: str = "videos",
) -> None:
    """Write Train and Val of class folders of clips, and what lies beside them.

    In Train one clip shows no face and one has a single frame; the lists and the archive of
    aligned faces are there, and a Test without labels.

    Args:
        out: The dataset's folder, made if needed.
        people: Half as many Train clips and a fifth as many Val clips are made per class.
        real_size: 720x576 instead of 60x48.
        seed: Of all that is drawn.
        variant: `videos`, `frames` (below `frame/`) or `faces` (below `face/`, 48x48).

    Raises:
        ConfigError: no such variant.
    """
    if variant not in ("videos", "frames", "faces"):
        known = ["videos", "frames", "faces"]
        raise ConfigError(unknown("variant of the fake afew", variant, known))
    size = (720, 576) if real_size else (60, 48)
    size = (48, 48) if variant == "faces" else size
    home = {"videos": out, "frames": out / "frame", "faces": out / "face"}[variant]
    for folder, place in _clips(home, people):
        frames = _frames(place, folder.parent.name.lower(), size, seed)
        if variant == "videos":
            write_video(folder.with_name(f"{folder.name}.avi"), frames)
        else:
            _write_frames(folder, frames)
    if variant == "videos":
        _write_beside(out, size, seed)


def _clips(home: Path, people: int) -> Iterator[tuple[Path, int]]:
    """Folder (or video without its suffix) of each clip, and its running number."""
    place = 0
    for split, each in (("train_afew", max(2, people // 2)), ("val_afew", max(2, people // 5))):
        for emotion in _CLASSES:
            for _ in range(each):
                clip = (1 if split == "train_afew" else 11) * 1_000_000 + 633 * 1_000 + place * 40
                yield home / split / emotion.capitalize() / f"{clip:09d}", place
                place += 1


def _frames(place: int, emotion: str, size: tuple[int, int], seed: int) -> list[np.ndarray]:
    levels = _LEVELS[:1] if place == 3 else _LEVELS[: 4 + place % 3]
    if place == 5:
        noise = np.random.default_rng([seed, place])
        return [noise.integers(90, 130, (size[1], size[0], 3), dtype=np.uint8) for _ in levels]
    return draw_video(emotion, person=place, seed=(seed, place), size=size, intensities=levels)


def _write_frames(folder: Path, frames: list[np.ndarray]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames, 1):
        path = folder / f"{number:07d}.jpg"
        cv2.imwrite(str(path), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))


def _write_beside(out: Path, size: tuple[int, int], seed: int) -> None:
    for split, suffix in (("train_afew", ""), ("val_afew", "_Val")):
        (out / split / f"{split.split('_')[0].capitalize()}_6.xml").write_text("<clips/>\n")
        with zipfile.ZipFile(out / split / f"AlignedFaces_LBPTOP_Points{suffix}.zip", "w") as file:
            file.writestr("Points/readme.txt", "points\n")
    video = draw_video("sad", person=999, seed=(seed, 999), size=size, intensities=_LEVELS)
    write_video(out / "test_afew" / "000000040.avi", video)
