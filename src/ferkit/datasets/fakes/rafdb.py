"""Drawn faces in the layout of RAF-DB."""

from pathlib import Path

import cv2
import numpy as np

from ferkit.drawn.face import draw_face
from ferkit.errors import ConfigError, unknown

_CODES = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")  # 1 to 7
VARIANTS = ("official", "kaggle")


def make(
    out: Path,
    *,
    people: int = 10,
    real_size: bool = False,
    seed: int = 0,
    variant: str = "official",
) -> None:
    """Write faces of train and test, two thirds as many there, in the publisher's names.

    In the official variant the compound subset lies beside the basic one, with its list of the
    same name, and one original image beside the aligned ones.

    Args:
        out: The dataset's folder, made if needed.
        people: Images of each class in train.
        real_size: 100 pixels a side instead of 48.
        seed: Of all that is drawn.
        variant: `official`, or `kaggle` (class folders 1 to 7 and csv files).

    Raises:
        ConfigError: no such variant.
    """
    if variant not in VARIANTS:
        raise ConfigError(unknown("variant of rafdb", variant, VARIANTS))
    rng, size = np.random.default_rng(seed), 100 if real_size else 48
    lines = []
    for split, count in (("train", people), ("test", max(2 * people // 3, 2))):
        for number in range(count * len(_CODES)):
            code = number % len(_CODES)
            name = f"{split}_{number + 1:05d}" if split == "train" else f"{split}_{number + 1:04d}"
            folder = "basic/Image/aligned"
            if variant == "kaggle":
                folder = f"DATASET/{split}/{code + 1}"
            face = draw_face(_CODES[code], person=number, rng=rng, size=size)
            _write(out / folder / f"{name}_aligned.jpg", face)
            lines.append((f"{name}.jpg", code + 1))
    if variant == "kaggle":
        for split in ("train", "test"):
            rows = "".join(
                f"{name.replace('.', '_aligned.')},{code}\n"
                for name, code in lines
                if name.startswith(split)
            )
            (out / f"{split}_labels.csv").write_text(f"image,label\n{rows}", encoding="ascii")
        return
    _list(out / "basic", lines)
    _write(out / "basic/Image/original/train_00001.jpg", np.full((64, 64), 99, np.uint8))
    _write(out / "compound/Image/aligned/train_0001_aligned.jpg", np.full((9, 9), 9, np.uint8))
    _list(out / "compound", [("train_0001.jpg", 6), ("test_001.jpg", 11)])


def _list(folder: Path, lines: list[tuple[str, int]]) -> None:
    path = folder / "EmoLabel" / "list_patition_label.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name} {code}\n" for name, code in lines), encoding="ascii")


def _write(path: Path, face: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".jpg", face)[1].tobytes())
