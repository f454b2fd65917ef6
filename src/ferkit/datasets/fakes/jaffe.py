"""Drawn faces in the layout of JAFFE."""

from pathlib import Path

import cv2
import numpy as np

from ferkit.drawn.face import draw_face

_PEOPLE = ("NA", "KA", "KL", "KM", "KR", "MK", "NM", "TM", "UY", "YM")
_EMOTIONS = {
    "AN": "angry",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happy",
    "NE": "neutral",
    "SA": "sad",
    "SU": "surprise",
}
_GAPS = (8, 12, 21, 76, 108, 183)  # running numbers that JAFFE does not have


def make(out: Path, *, people: int = 10, real_size: bool = False, seed: int = 0) -> None:
    """Write up to ten people, seven expressions, three of each, as grey TIFF files.

    With the gaps in the running numbers, one of three missing, the README, and litter.

    Args:
        out: The dataset's folder, made if needed.
        people: Number of people, up to ten; the first is called NA.
        real_size: 256 pixels a side instead of 48.
        seed: Of all that is drawn.
    """
    folder = out / "jaffe"
    folder.mkdir(parents=True, exist_ok=True)
    rng, number = np.random.default_rng(seed), 0
    for who, subject in enumerate(_PEOPLE[:people]):
        for code, emotion in _EMOTIONS.items():
            for which in (1, 2, 3):
                number += 1 + (number + 1 in _GAPS)
                if (subject, code, which) == ("KM", "DI", 2):
                    continue
                face = draw_face(emotion, person=900 + who, rng=rng, size=256 if real_size else 48)
                path = folder / f"{subject}.{code}{which}.{number}.tiff"
                path.write_bytes(cv2.imencode(".tiff", face)[1].tobytes())
    (folder / "README_FIRST.txt").write_text("ratings of the images\n", encoding="ascii")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
