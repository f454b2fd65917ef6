"""One chunk of a preparation: from files or pixels to crops, with a reason for every loss."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ferkit.errors import DataError
from ferkit.faces.orient import orient
from ferkit.faces.settings import FaceSettings


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of an index, with all that a worker process needs.

    Attributes:
        start: Row number of the first.
        paths: Files relative to `root`; videos name their frame in `frames`.
        images: uint8 [n, H, W] or [n, H, W, 3] where the pixels do not lie in files.
    """

    start: int
    root: Path
    paths: list[str]
    frames: list[int]
    boxes: list[Any]
    images: np.ndarray | None
    orients: list[str] | None = None  # see `faces.orient`


def process_chunk(
    chunk: Chunk, settings: FaceSettings, dark_below: float, device: str = "auto"
) -> dict[str, np.ndarray]:
    """Decode, judge and crop the rows of a chunk.

    Args:
        device: Where a detector computes that can choose.

    Returns:
        `rows` [n], `faces` [n, S, S(, 3)], `content` [n], and of the chosen face `score` [n],
        `box` [n, 4], `found` [n] (faces in the image) and `fallback` [n], and of its image `shape`
        [n, 2]; `dropped_rows` and `dropped_why` of the others. Row numbers are the index's.
    """
    from ferkit.faces.crop import crop_faces
    from ferkit.faces.decode import content_hash

    images, lost = _decode(chunk)
    read = sorted(images)
    boxes = [None if (box := chunk.boxes[i]) is None else np.asarray(box, float) for i in read]
    pictures, detector = [images[i] for i in read], _detector(settings, device)
    crops = crop_faces(pictures, settings, detector, boxes, dark_below=dark_below)
    lost |= {i: crop.dropped for i, crop in zip(read, crops, strict=True) if crop.pixels is None}
    kept = [(i, crop) for i, crop in zip(read, crops, strict=True) if crop.pixels is not None]
    shape = (0, settings.size, settings.size) + ((3,) if settings.color == "rgb" else ())
    faces = [crop.pixels for _, crop in kept if crop.pixels is not None]
    dropped = sorted(lost)
    return {
        "rows": np.array([chunk.start + i for i, _ in kept], np.int64),
        "faces": np.stack(faces) if faces else np.empty(shape, np.uint8),
        "content": np.array([content_hash(images[i]) for i, _ in kept], "U16"),
        "score": np.array([crop.score for _, crop in kept], np.float32),
        "box": np.array([_four(crop.box) for _, crop in kept], np.float32).reshape(-1, 4),
        "found": np.array([crop.found for _, crop in kept], np.int32),
        "fallback": np.array([crop.fallback for _, crop in kept], "U16"),
        "shape": np.array([images[i].shape[:2] for i, _ in kept], np.int32).reshape(-1, 2),
        "dropped_rows": np.array([chunk.start + i for i in dropped], np.int64),
        "dropped_why": np.array([lost[i] for i in dropped], "U32"),
    }


@cache
def _detector(settings: FaceSettings, device: str) -> Any:
    from ferkit.faces.crop import make_face_detector

    return make_face_detector(settings, device=device)


def forget_detectors() -> None:
    """Let the networks of detectors go, and the GPU memory that a training needs."""
    _detector.cache_clear()


def _four(box: Any) -> list[float]:
    return [np.nan] * 4 if box is None else [float(v) for v in box]


def _decode(chunk: Chunk) -> tuple[dict[int, np.ndarray], dict[int, str]]:
    if chunk.images is not None:
        return dict(enumerate(chunk.images)), {}
    images = {i: image for i, image in _read(chunk) if image is not None}
    for i, how in enumerate(chunk.orients or ()):
        if how and i in images:
            images[i] = orient(images[i], how)
    broken = {i: "unreadable" for i in range(len(chunk.paths)) if i not in images}
    return images, broken


def _read(chunk: Chunk) -> Iterator[tuple[int, np.ndarray | None]]:
    from ferkit.datasets.video_files import is_video
    from ferkit.faces.decode import decode_image
    from ferkit.faces.videos import read_frames

    videos: dict[str, list[int]] = {}
    for i, path in enumerate(chunk.paths):
        if is_video(path):
            videos.setdefault(path, []).append(i)
            continue
        try:
            yield i, decode_image(chunk.root / path)
        except (DataError, OSError):
            yield i, None
    for path, rows in videos.items():
        try:
            frames = read_frames(chunk.root / path, [chunk.frames[i] for i in rows])
        except (DataError, OSError):
            frames = {}
        for i in rows:
            yield i, frames.get(chunk.frames[i])
