"""What the files of a dataset hold: hashes, sizes, modes, grey levels, and what is broken."""

import warnings
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from ferkit.datasets.chunks import rows_a_chunk
from ferkit.datasets.index import FaceIndex
from ferkit.datasets.video_files import is_video
from ferkit.errors import DataError
from ferkit.workers import spread

FACTS: dict[str, object] = {
    "error": "",  # why it cannot be read, or empty
    "content": "",  # hash of the pixels
    "file_hash": "",  # hash of the file's bytes
    "size": "",  # "width x height"
    "mode": "",  # as the file has it, such as "JPEG L"
    "low": 0,  # grey levels, 0 to 255
    "high": 0,
    "mean": 0.0,
    "phash": 0,  # 64 bits
}
_CHUNK = 512


@dataclass(frozen=True)
class Images:
    """Some images of an index, with all that a worker process needs.

    Attributes:
        root: The dataset's folder.
        paths: Files relative to `root`, one an image.
        frames: The frame to take of a video; ignored for a picture.
        pixels: uint8 [n, H, W] or [n, H, W, 3], or None where they lie in files.
    """

    root: Path
    paths: list[str]
    frames: list[int]
    pixels: np.ndarray | None


def measure(index: FaceIndex, near: bool, processes: int | None) -> pd.DataFrame:
    """Decode every image of an index, in several processes, and describe it.

    Args:
        index: What an adapter read.
        near: Compute perceptual hashes, too.
        processes: How many decode side by side; by default as many as the work is worth.

    Returns:
        One row an image, with `row`, where the index first has it (persons of one photograph
        share an image), and what `FACTS` names.
    """
    from tqdm import tqdm

    rows = _first_rows(index)
    step = rows_a_chunk(index, _CHUNK)
    starts = range(0, len(rows), step)
    chunks = (_cut(index, rows[start : start + step]) for start in starts)
    done = spread(partial(measure_chunk, near=near), chunks, len(starts), processes)
    bar = tqdm(total=len(rows), desc="checking", unit="image", disable=None)
    parts = []
    with bar, closing(done):
        for part in done:
            parts += part
            bar.update(len(part))
    return pd.DataFrame([{**FACTS, **part} for part in parts]).assign(row=rows)


def _first_rows(index: FaceIndex) -> np.ndarray:
    if index.images is not None:
        return np.arange(len(index))
    return np.flatnonzero(~index.frame.duplicated(["path", "frame"]))


def _cut(index: FaceIndex, rows: np.ndarray) -> Images:
    frame = index.frame.iloc[rows]
    return Images(
        root=index.root,
        paths=[str(path) for path in frame["path"]],
        frames=[int(number) for number in frame["frame"]],
        pixels=None if index.images is None else index.images[rows],
    )


def measure_chunk(images: Images, near: bool) -> list[dict[str, object]]:
    """Measure some images; run in a process of its own.

    Args:
        images: Which.
        near: Compute perceptual hashes, too.
    """
    root, paths, frames = images.root, images.paths, images.frames
    if images.pixels is not None:
        return [_facts(image, near, mode="") for image in images.pixels]
    facts: list[dict[str, object]] = [{}] * len(paths)
    videos: dict[str, list[int]] = {}
    for i, path in enumerate(paths):
        if is_video(path):
            videos.setdefault(path, []).append(i)
        else:
            facts[i] = _file_facts(root / path, near)
    for path, numbers in videos.items():
        for i, fact in zip(
            numbers, _video_facts(root / path, [frames[i] for i in numbers], near), strict=True
        ):
            facts[i] = fact
    return facts


def _file_facts(path: Path, near: bool) -> dict[str, object]:
    from ferkit.faces.decode import decode_image, read_picture

    try:
        data = read_picture(path)
        image = decode_image(data)
    except DataError as error:
        return {"error": str(error).removeprefix(f"{path}: ").removeprefix("image: ")}
    return _facts(image, near, mode=_mode(data)) | {"file_hash": _hash(data)}


def _video_facts(path: Path, frames: list[int], near: bool) -> list[dict[str, object]]:
    from ferkit.faces.videos import read_frames

    try:
        images = read_frames(path, frames)
    except (DataError, OSError) as error:
        return [{"error": str(error)} for _ in frames]
    return [
        _facts(images[frame], near, mode="video")
        if frame in images
        else {"error": f"the video has no frame {frame}"}
        for frame in frames
    ]


def _facts(image: np.ndarray, near: bool, mode: str) -> dict[str, object]:
    from ferkit.faces.decode import content_hash

    return {
        "content": content_hash(image),
        "size": f"{image.shape[1]} x {image.shape[0]}",
        "mode": mode or ("grey array" if image.ndim == 2 else "colour array"),
        "low": int(image.min()),
        "high": int(image.max()),
        "mean": float(image.mean()),
        "phash": perceptual_hash(image) if near else 0,
    }


def perceptual_hash(image: np.ndarray) -> int:
    """ImageHash's 64-bit `phash` of a uint8 image [H, W] or [H, W, 3], as one number."""
    from imagehash import phash
    from PIL import Image

    bits = np.packbits(phash(Image.fromarray(image)).hash)  # the first bit is the highest
    return int.from_bytes(bits.tobytes(), "big")


def _mode(data: bytes) -> str:
    from PIL import Image

    from ferkit.faces.decode import FORMATS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            return f"{image.format} {image.mode}"


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest()
