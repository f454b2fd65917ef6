"""Videos to frames: a video file that OpenCV's ffmpeg decodes, or a folder of pictures.

Frames are numbered from 0 in the order in which they are shown, and always decoded one after the
other: the frame counts and seek tables of video headers lie. Which frames stand for a video is
chosen in `ferkit.datasets.videos`.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from ferkit.datasets.walk import is_image
from ferkit.faces.decode import DecodeError, decode_image, to_rgb


def read_frames(path: Path, numbers: Sequence[int]) -> dict[int, np.ndarray]:
    """Read some frames of a video, upright as its metadata say.

    Args:
        path: A video, or a folder of pictures.
        numbers: Which frames, 0-based, in any order.

    Returns:
        Number to uint8 [H, W, 3] RGB. Frames behind a broken place are missing from it: compare
        its length with what was asked.

    Raises:
        DecodeError: no video, or not one frame of it can be read.
    """
    wanted = set(numbers)
    if path.is_dir():
        return _from_folder(path, wanted)
    frames: dict[int, np.ndarray] = {}
    with _opened(path) as video:
        for number in _grabbed(video, path):
            if number in wanted:
                good, frame = video.retrieve()
                if good:
                    frames[number] = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            if len(frames) == len(wanted):
                break
    return frames


def count_frames(path: Path) -> int:
    """How many frames can be decoded; of a broken video, those before the break.

    Raises:
        DecodeError: no video, or not one frame of it can be read.
    """
    return len(frame_times(path))


def frame_times(path: Path) -> list[float]:
    """When each frame is shown, in seconds from the start; of a folder, the frame's number.

    Raises:
        DecodeError: no video, or not one frame of it can be read.
    """
    if path.is_dir():
        return [float(number) for number in range(len(frame_files(path)))]
    with _opened(path) as video:
        return [video.get(cv2.CAP_PROP_POS_MSEC) / 1000 for _ in _grabbed(video, path)]


def frame_files(folder: Path) -> list[Path]:
    """The pictures of a folder, `frame2` before `frame10`.

    Raises:
        DecodeError: the folder holds none.
    """
    files = [
        file for file in folder.iterdir() if is_image(file.name) and not file.name.startswith(".")
    ]
    if not files:
        raise DecodeError(f"{folder}: a video without frames, the folder holds no picture.")
    return sorted(files, key=_natural)


def _natural(file: Path) -> list[tuple[int, int | str]]:
    parts = re.split(r"(\d+)", file.name.lower())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def _from_folder(folder: Path, wanted: set[int]) -> dict[int, np.ndarray]:
    files = frame_files(folder)
    frames, last = {}, None
    for number in sorted(n for n in wanted if 0 <= n < len(files)):
        try:
            frames[number] = to_rgb(decode_image(files[number]))
        except DecodeError as error:
            last = error
    if last is not None and not frames:
        raise last
    return frames


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    if not path.is_file():
        raise DecodeError(f"{path}: no such video.")
    if path.stat().st_size == 0:
        raise DecodeError(f"{path}: the video is empty (0 bytes); copy it again.")
    video = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    try:
        if not video.isOpened():
            raise DecodeError(f"{path}: not a video that can be read; its header may be cut off.")
        yield video
    finally:
        video.release()


def _grabbed(video: cv2.VideoCapture, path: Path) -> Iterator[int]:
    number = -1
    while video.grab():
        number += 1
        yield number
    if number < 0:
        raise DecodeError(f"{path}: a video without frames; copy or encode it again.")
