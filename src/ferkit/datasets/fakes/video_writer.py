"""Tiny videos of drawn faces."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from ferkit.drawn.face import draw_photo


def draw_video(
    emotion: str,
    *,
    person: int,
    seed: Sequence[int],
    size: tuple[int, int],
    intensities: Iterable[float],
) -> list[np.ndarray]:
    """Frames of one person whose expression follows `intensities`; all else stands still.

    Args:
        emotion: One of the eight canonical emotions.
        person: Seeds the identity.
        seed: Seeds pose, light and background.
        size: Width and height in pixels.
        intensities: One a frame, 0 (neutral) to 1 (apex); equal ones are drawn once.

    Returns:
        [H, W, 3] RGB uint8 each, with grain of its own.
    """
    width, height = size
    side = 0.8 * height
    box = ((width - side) / 2, 0.1 * height, (width + side) / 2, 0.9 * height)
    drawn: dict[float, np.ndarray] = {}
    grain = np.random.default_rng([*seed, 1])
    frames = []
    for intensity in intensities:
        if intensity not in drawn:
            drawn[intensity], _, _ = draw_photo(
                emotion,
                person=person,
                rng=np.random.default_rng(list(seed)),
                width=width,
                height=height,
                box=box,
                intensity=intensity,
            )
        noise = grain.normal(0, 1.5, (height, width, 1))
        frames.append(np.clip(drawn[intensity] + noise, 0, 255).astype(np.uint8))
    return frames


def write_video(path: Path, frames: Sequence[np.ndarray], *, rate: float = 25.0) -> None:
    """Write frames as a motion-JPEG .avi, which every wheel can decode.

    Args:
        path: Where to; its folder is made.
        frames: [H, W, 3] RGB uint8, at least one, all of one size.
        rate: Frames a second.

    Raises:
        OSError: OpenCV could not open the file for writing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = frames[0].shape[:2]
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (width, height))
    if not video.isOpened():
        raise OSError(f"{path} cannot be written as a video")
    for frame in frames:
        video.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    video.release()
