"""Drawn faces in the layouts of FER-2013: image folders and the three csv files."""

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ferkit.drawn.face import draw_face
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, unknown

_SEVEN = EMOTIONS[:7]
_USAGES = ("Training", "PublicTest", "PrivateTest")
_VARIANTS = ("folder", "csv", "icml", "train_csv")
_NUMBERS = (1206, 99999696)  # of the genuine files' names


@dataclass(frozen=True)
class _Face:
    usage: str
    emotion: str
    pixels: np.ndarray  # [48, 48] uint8


def make(
    out: Path,
    *,
    people: int = 10,
    real_size: bool = False,  # noqa: ARG001
    seed: int = 0,
    variant: str = "folder",
) -> None:
    """Write drawn faces as FER-2013 lies on disk.

    Training has a face of each of the seven emotions by everyone, PublicTest and PrivateTest by
    a third as many others; beside these, an all-black image in Training and a Training image
    again in PrivateTest. The image folders have a number that two classes share, an augmented
    copy (`.jpg0.jpg`) and a `.DS_Store`; `train_csv` has the unlabelled test.csv beside it.

    Args:
        out: The dataset's folder, made if needed.
        people: How many people show each emotion in Training.
        real_size: Changes nothing: the faces are 48x48, as the genuine ones are.
        seed: Of all that is drawn.
        variant: `folder`, `csv`, `icml` or `train_csv`.

    Raises:
        ConfigError: no such variant.
    """
    if variant not in _VARIANTS:
        raise ConfigError(unknown("variant of fer2013", variant, _VARIANTS))
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    faces = _draw(people, rng)
    if variant == "folder":
        _write_folders(out, faces, rng)
    elif variant == "csv":
        _write_csv(out / "fer2013.csv", ["emotion", "pixels", "Usage"], faces)
    elif variant == "icml":
        _write_csv(out / "icml_face_data.csv", ["emotion", " Usage", " pixels"], faces)
    else:
        training = [face for face in faces if face.usage == "Training"]
        _write_csv(out / "train.csv", ["emotion", "pixels"], training)
        _write_csv(out / "test.csv", ["pixels"], [f for f in faces if f.usage != "Training"])


def _draw(people: int, rng: np.random.Generator) -> list[_Face]:
    held_out = max(people // 3, 2)
    groups = {
        "Training": range(people),
        "PublicTest": range(people, people + held_out),
        "PrivateTest": range(people + held_out, people + 2 * held_out),
    }
    faces = []
    for usage in _USAGES:
        part = [
            _Face(usage, emotion, draw_face(emotion, person=person, rng=rng))
            for person in groups[usage]
            for emotion in _SEVEN
        ]
        faces += [part[i] for i in rng.permutation(len(part))]
    black = _Face("Training", "angry", np.zeros((48, 48), np.uint8))
    leaked = _Face("PrivateTest", faces[0].emotion, faces[0].pixels)
    return [black, *faces, leaked]


def _write_folders(out: Path, faces: list[_Face], rng: np.random.Generator) -> None:
    numbers = rng.choice(np.arange(*_NUMBERS, 2), len(faces), replace=False)
    sad = next(i for i, f in enumerate(faces) if (f.usage, f.emotion) == ("Training", "sad"))
    numbers[sad] = numbers[0]  # shared with an angry one
    for face, number in zip(faces, numbers, strict=True):
        split = "train" if face.usage == "Training" else "test"
        folder = out / split / face.emotion
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{face.usage}_{number}.jpg").write_bytes(_jpeg(face.pixels))
    (out / "train" / "happy" / "Training_1.jpg0.jpg").write_bytes(_jpeg(faces[1].pixels))
    (out / "train" / "happy" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")


def _jpeg(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def _write_csv(path: Path, header: list[str], faces: list[_Face]) -> None:
    with path.open("w", encoding="ascii", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(header)
        for face in faces:
            cells = {
                "emotion": str(_SEVEN.index(face.emotion)),
                "pixels": " ".join(map(str, face.pixels.ravel().tolist())),
                "Usage": face.usage,
            }
            lines.writerow([cells[column.strip()] for column in header])
