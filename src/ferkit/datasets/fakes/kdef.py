"""Drawn faces in the layout of KDEF."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from ferkit.drawn.face import draw_photo
from ferkit.errors import ConfigError, unknown

_EMOTIONS = {
    "AF": "fear",
    "AN": "angry",
    "DI": "disgust",
    "HA": "happy",
    "NE": "neutral",
    "SA": "sad",
    "SU": "surprise",
}
_ANGLES = ("FL", "HL", "S", "HR", "FR")
_TILT = {"FL": 8.0, "HL": 4.0, "S": 0.0, "HR": -4.0, "FR": -8.0}  # degrees
# People whose files surprise come first, so that few people already have all the traps.
_FIRST = ("F01", "M05", "F20", "M31", "F31", "M10")
_BLACK = ("AF01SUFR", "AF20DIHL")
_LANDSCAPE = ("AM05ANFR", "BM10ANFR")
_BROKEN_NAMES = {"AF31SAHL": "AF31V", "AM31SUHR": "AM31H"}
_LOWER_CASE = "BF01NES"


def make(
    out: Path,
    *,
    people: int = 10,
    real_size: bool = False,
    seed: int = 0,
    variant: str = "original",
) -> None:
    """Write drawn faces as KDEF lies on disk: 70 photographs a person, in two sessions.

    With the two broken names, two black photographs, two that lie on their side, one name in
    lower case, averaged faces of AKDEF, and litter. All angles show the face from the front,
    tilted: a profile cannot be drawn.

    Args:
        out: The dataset's folder, made if needed.
        people: Number of people, up to 70.
        real_size: 562x762 pixels instead of a tenth.
        seed: Of all that is drawn.
        variant: `original` (one folder per person and session), `flat`, or `classes` (folders
            named after emotions).

    Raises:
        ConfigError: no such variant.
    """
    if variant not in ("original", "flat", "classes"):
        raise ConfigError(unknown("variant of kdef", variant, ["original", "flat", "classes"]))
    top, averaged = (out / "KDEF_and_AKDEF" / name for name in ("KDEF", "AKDEF"))
    for folder in (top, averaged):
        folder.mkdir(parents=True, exist_ok=True)
    size = (562, 762) if real_size else (56, 76)
    for code, photo in _photographs(_people(people), size, seed):
        inner = {"original": code[:4], "flat": "", "classes": _EMOTIONS[code[4:6]]}[variant]
        (top / inner).mkdir(exist_ok=True)
        _write(top / inner / _file_name(code), photo)
    (top / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (top / "._AF01ANS.JPG").write_bytes(b"\0\5\26\7")
    for sex, emotion in product("FM", _EMOTIONS):
        photo = _draw(_EMOTIONS[emotion], _number(f"{sex}99", seed), size, [seed, ord(sex)])
        _write(averaged / f"{sex}{emotion}S.JPG", photo)


def _people(count: int) -> list[str]:
    others = [f"{sex}{number:02d}" for number in range(1, 36) for sex in "FM"]
    return [*_FIRST, *(person for person in others if person not in _FIRST)][:count]


def _photographs(
    people: list[str], size: tuple[int, int], seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    for person, session, emotion, angle in product(people, "AB", _EMOTIONS, _ANGLES):
        code = f"{session}{person}{emotion}{angle}"
        number = _number(person, seed)
        if code in _BLACK:
            photo = np.full((size[1], size[0], 3), 2, np.uint8)
        else:
            seen = size[::-1] if code in _LANDSCAPE else size
            state = [seed, number, *map(ord, session + emotion + angle)]
            photo = _draw(_EMOTIONS[emotion], number, seen, state, _TILT[angle])
        yield code, photo


def _number(person: str, seed: int) -> int:
    # Other numbers than those of the other fakes, whose people are others.
    return 10_000 * seed + (4000 if person[0] == "F" else 5000) + int(person[1:])


def _draw(
    emotion: str, person: int, size: tuple[int, int], state: list[int], angle: float = 0.0
) -> np.ndarray:
    width, height = size
    side = 0.7 * min(size)
    left, top = (width - side) / 2, (height - side) * 0.45
    photo, _, _ = draw_photo(
        emotion,
        person=person,
        rng=np.random.default_rng(state),
        width=width,
        height=height,
        box=(left, top, left + side, top + side),
        angle=angle,
    )
    return photo


def _file_name(code: str) -> str:
    return f"{code.lower()}.jpg" if code == _LOWER_CASE else f"{_BROKEN_NAMES.get(code, code)}.JPG"


def _write(path: Path, photo: np.ndarray) -> None:
    # OpenCV chooses the format by the ending, in lower case alone on some systems.
    _, data = cv2.imencode(".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))
    path.write_bytes(data.tobytes())
