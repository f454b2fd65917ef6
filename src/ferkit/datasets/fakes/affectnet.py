"""Drawn faces in the two layouts of AffectNet."""

from pathlib import Path

import cv2
import numpy as np

from ferkit.drawn.face import draw_face
from ferkit.errors import ConfigError, unknown

_CODES = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
_HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
    "valence,arousal"
)
_SUFFIXES = (".jpg", ".JPG", ".jpeg", ".png", ".bmp")
VARIANTS = ("npy", "csv", "folders")


def make(
    out: Path, *, people: int = 10, real_size: bool = False, seed: int = 0, variant: str = "npy"
) -> None:
    """Write faces of the eight classes in train, and two of each in the validation set.

    With the traps of each form: images of mixed endings, rows of code 8 to 10 with valence -2, a
    validation list without a header; annotations that are words, an image without an annotation
    and an annotation without an image.

    Args:
        out: The dataset's folder, made if needed.
        people: Images of each class in train.
        real_size: 224 pixels a side instead of 48.
        seed: Of all that is drawn.
        variant: `npy`, `csv` or `folders` (named by AffectNet's codes).

    Raises:
        ConfigError: no such variant.
    """
    if variant not in VARIANTS:
        raise ConfigError(unknown("variant of affectnet", variant, VARIANTS))
    rng, size = np.random.default_rng(seed), 224 if real_size else 48
    for split, count in (("train", people), ("val", 2)):
        lines = []
        for number in range(count * len(_CODES)):
            code = number % len(_CODES)
            face = draw_face(_CODES[code], person=number, rng=rng, size=size)
            lines.append(_write(out, variant, split, number, code, face))
        if variant == "npy":
            _odd_ones(out / f"{split}_set")
        if variant == "csv":
            _list(out, split, lines)


def _write(out: Path, variant: str, split: str, number: int, code: int, face: np.ndarray) -> str:
    suffix = _SUFFIXES[number % len(_SUFFIXES)]
    if variant == "npy":
        suffix = ".jpg"
        path = out / f"{split}_set/images/{number * 3}{suffix}"
        _annotate(out / f"{split}_set/annotations", str(number * 3), code)
    elif variant == "csv":
        inner = f"{number % 7 + 1}/{split}{number:06x}{suffix}"
        path = out / "Manually_Annotated_Images" / inner
    else:
        path = out / {"train": "Train", "val": "Test"}[split] / str(code) / f"image{number:05d}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(suffix.lower(), face)[1].tobytes())
    side = len(face) - 8
    return f"{path.parent.name}/{path.name},4,4,{side},{side},1.0;2.0,{code},0.25,-0.5"


def _annotate(folder: Path, name: str, code: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{name}_exp.npy", np.array(str(code)))
    np.save(folder / f"{name}_val.npy", np.array("0.25"))
    np.save(folder / f"{name}_aro.npy", np.array(-2.0 if code == 0 else -0.5))
    np.save(folder / f"{name}_lnd.npy", np.zeros(136))


def _odd_ones(folder: Path) -> None:
    image = next((folder / "images").iterdir()).read_bytes()
    (folder / "images" / "1.jpg").write_bytes(image)
    _annotate(folder / "annotations", "2", 3)


def _list(out: Path, split: str, lines: list[str]) -> None:
    folder = out / "Manually_Annotated_file_lists"
    folder.mkdir(parents=True, exist_ok=True)
    path = lines[0].partition(",")[0]
    for code in (8, 9, 10):
        odd = out / "Manually_Annotated_Images" / "8" / f"{split}_{code}.jpg"
        odd.parent.mkdir(exist_ok=True)
        odd.write_bytes((out / "Manually_Annotated_Images" / path).read_bytes())
        lines.append(f"8/{odd.name},0,0,0,0,,{code},-2,-2")
    head = [_HEADER] if split == "train" else []
    name = "training.csv" if split == "train" else "validation.csv"
    (folder / name).write_text("\n".join([*head, *lines]) + "\n", encoding="ascii")
