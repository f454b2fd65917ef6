"""Drawn faces in the layout of MUG."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ferkit.drawn.face import draw_photo

_FOLDERS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "sad": "sadness",
    "surprise": "surprise",
}
# The 52 people whose videos are available.
_SUBJECTS = [
    *(1, 2, 6, 7, 8, 10, 13, 14, 17, 20, 21, 27, 28, 30, 31, 32, 33, 34, 36, 37, 38, 39, 40, 42),
    *(43, 44, 45, 46, 48, 49, 52, 55, 60, 61, 62, 63, 64, 65, 66, 70, 71, 72, 73, 74, 75, 76, 77),
    *(78, 79, 82, 83, 84),
]
_FRAMES = 11


@dataclass(frozen=True)
class _Take:
    subject: str
    folder: str  # below the subject's own, e.g. session0/anger/take000
    emotion: str
    first: int = 0


def make(out: Path, *, people: int = 10, real_size: bool = False, seed: int = 0) -> None:
    """Write drawn faces as MUG lies on disk: takes that rise to the emotion and fall back.

    With session folders (two of them for 002), a take whose numbers begin at 5, one named
    `take001end`, an emotion that one person does not show, an emotion folder that holds the
    frames itself, and litter. A take has 11 frames where a genuine one has 50 to 160.

    Args:
        out: The dataset's folder, made if needed.
        people: Number of people, up to 52.
        real_size: 896x896 pixels instead of 64x64.
        seed: Of all that is drawn.
    """
    top = out / "subjects3"
    for take in (take for number in _SUBJECTS[:people] for take in _takes(f"{number:03d}")):
        folder = top / take.subject / take.folder
        folder.mkdir(parents=True, exist_ok=True)
        _write_take(folder, take, 896 if real_size else 64, seed)
    (top / "001" / "anger" / "take000" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (top / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")


def _takes(subject: str) -> list[_Take]:
    sessions = {"002": ("session0/", "session1/"), "049": ("session0/",)}.get(subject, ("",))
    made = []
    for session in sessions:
        for emotion, folder in _FOLDERS.items():
            if subject == "007" and emotion == "fear":
                continue
            direct = subject == "008" and emotion == "happy"
            first = 5 if subject == "001" and emotion == "disgust" else 0
            place = f"{session}{folder}" + ("" if direct else "/take000")
            made.append(_Take(subject, place, emotion, first))
    if subject == "001":
        made.append(_Take(subject, "anger/take001", "angry"))
        made.append(_Take(subject, "anger/take001end", "angry"))
    return made


def _write_take(folder: Path, take: _Take, size: int, seed: int) -> None:
    state = [seed, int(take.subject), *take.folder.encode()]
    margin = size * 0.15
    for place in range(_FRAMES):
        photo, _, _ = draw_photo(
            take.emotion,
            person=10_000 * seed + 6000 + int(take.subject),  # the other fakes have other people
            rng=np.random.default_rng(state),
            width=size,
            height=size,
            box=(margin, margin, size - margin, size - margin),
            intensity=float(np.sin(np.pi * place / (_FRAMES - 1))),
        )
        grain = np.random.default_rng([*state, place]).normal(0, 1.5, photo.shape)
        seen = np.clip(photo + grain, 0, 255).astype(np.uint8)
        path = folder / f"img_{take.first + place:04d}.jpg"
        cv2.imwrite(str(path), cv2.cvtColor(seen, cv2.COLOR_RGB2BGR))
