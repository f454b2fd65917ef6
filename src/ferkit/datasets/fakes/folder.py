"""Drawn faces in trees of class folders, as people keep their own images."""

from pathlib import Path

import cv2
import numpy as np

from ferkit.drawn.face import draw_face
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, unknown

# Names as people write them; the canonical ones would test nothing.
_FOLDERS = {
    "angry": "Anger",
    "disgust": "disgust",
    "fear": "Fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprised",
    "neutral": "neutral",
}
_VARIANTS = ("splits", "flat", "numbers")


def make(
    out: Path,
    *,
    people: int = 10,
    real_size: bool = False,
    seed: int = 0,
    variant: str = "splits",
) -> None:
    """Write drawn faces as a tree of class folders.

    Among the grey JPEG files are a colour PNG, a name in capitals, a note that is no image, and
    litter of the operating system.

    Args:
        out: The dataset's folder, made if needed.
        people: How many people show each emotion; with splits, a third as many others in each
            of val and test.
        real_size: 224 pixels a side instead of 48.
        seed: Of all that is drawn.
        variant: `splits` (train, valid and test above the class folders), `flat`, or `numbers`
            (flat, the class folders named 0..6 in canonical order).

    Raises:
        ConfigError: no such variant.
    """
    if variant not in _VARIANTS:
        raise ConfigError(unknown("variant of folder", variant, _VARIANTS))
    rng = np.random.default_rng(seed)
    size = 224 if real_size else 48
    for top, persons in _tops(out, people, variant).items():
        for code, emotion in enumerate(EMOTIONS[:7]):
            folder = top / (str(code) if variant == "numbers" else _FOLDERS[emotion])
            folder.mkdir(parents=True, exist_ok=True)
            for person in persons:
                face = draw_face(emotion, person=person, rng=rng, size=size)
                _write(folder / f"face{person:03d}.jpg", face)
        _add_litter(top)


def _tops(out: Path, people: int, variant: str) -> dict[Path, range]:
    if variant != "splits":
        return {out: range(people)}
    held_out = max(people // 3, 2)
    return {
        out / "train": range(people),
        out / "valid": range(people, people + held_out),
        out / "test": range(people + held_out, people + 2 * held_out),
    }


def _add_litter(top: Path) -> None:
    folder = max(child for child in top.iterdir() if child.is_dir())
    first = min(folder.glob("*.jpg"))
    face = cv2.imread(str(first), cv2.IMREAD_COLOR)
    first.unlink()
    _write(first.with_suffix(".png"), np.asarray(face))
    second = min(folder.glob("*.jpg"))
    second.rename(second.with_suffix(".JPG"))
    (folder / "notes.txt").write_text("drawn faces\n", encoding="ascii")
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (folder / f"._{second.name}").write_bytes(b"\0\5\x16\7")


def _write(path: Path, face: np.ndarray) -> None:
    path.write_bytes(cv2.imencode(path.suffix, face)[1].tobytes())
