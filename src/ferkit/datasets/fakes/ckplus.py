"""Drawn faces in the layouts of CK+: the original, CK+48, and ckextended.csv."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ferkit.drawn.face import draw_face, draw_photo
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, unknown

_CODES = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
_FOLDERS = {
    "angry": "anger",
    "contempt": "contempt",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "sad": "sadness",
    "surprise": "surprise",
}
_ORDER = ("disgust", "angry", "fear", "happy", "sad", "surprise", "contempt")
_UNLABELLED = "S103"  # one of the five people without a labelled sequence


@dataclass(frozen=True)
class _Sequence:
    subject: str
    number: str
    emotion: str
    frames: tuple[int, ...]
    labelled: bool = True

    @property
    def name(self) -> str:
        return f"{self.subject}_{self.number}"


def make(
    out: Path,
    *,
    people: int = 10,
    real_size: bool = False,
    seed: int = 0,
    variant: str = "original",
) -> None:
    """Write drawn faces as CK+ lies on disk: each person shows each of the seven emotions once.

    The original has what the genuine one surprises with: sequences without a label (with an
    empty Emotion folder, or none), a gap in the frame numbers, a start above 1, two sizes, a
    colour sequence, FACS and Landmarks beside it, and litter of the operating system.

    Args:
        out: The dataset's folder, made if needed.
        people: Number of people with labels; one without joins them in the original.
        real_size: Genuine image sizes (640x490 and 640x480) instead of a tenth.
        seed: Of all that is drawn.
        variant: `original`, `ck48` or `csv`.

    Raises:
        ConfigError: no such variant.
    """
    sequences = _sequences(people)
    match variant:
        case "original":
            _original(out, sequences, real_size, seed)
        case "ck48":
            _ck48(out, sequences, seed)
        case "csv":
            _csv(out, sequences, seed)
        case _:
            raise ConfigError(unknown("variant of ckplus", variant, ["original", "ck48", "csv"]))


def _subjects(people: int) -> list[str]:
    between = [n for n in range(11, 12 + people) if f"S{n:03d}" != _UNLABELLED]
    numbers = [5, 10, *between[: max(0, people - 3)], 999]
    return [f"S{n:03d}" for n in (numbers if people > 2 else numbers[:people])]


def _sequences(people: int) -> list[_Sequence]:
    made = []
    for which, subject in enumerate(_subjects(people)):
        order = list(_ORDER)
        if subject == "S010":  # 001 is the sequence with the empty Emotion folder
            made.append(_Sequence(subject, "001", "happy", (1, 2, 3, 4, 5), labelled=False))
            order.sort(key=lambda emotion: emotion != "surprise")
        if subject == "S999":
            order[2], order[6] = order[6], order[2]
        first = 2 if subject == "S010" else 1
        for number, emotion in enumerate(order, first):
            start, length = (4 if number == 5 else 1), 5 + (which + number) % 3
            frames = tuple(range(start, start + length))
            gap = subject == "S005" and number == 2
            frames = (*frames[:1], *(f + 2 for f in frames[1:])) if gap else frames
            made.append(_Sequence(subject, f"{number:03d}", emotion, frames))
    return made


def _person(sequence: _Sequence, seed: int) -> int:
    # Other numbers than those of the other fakes, whose people are others.
    return 10_000 * seed + 2000 + int(sequence.subject[1:])


def _frames(
    sequence: _Sequence, seed: int, size: tuple[int, int], margin: float
) -> Iterator[tuple[int, np.ndarray]]:
    """The frames of a sequence, [H, W, 3] RGB: one face that moves from neutral to the peak."""
    width, height = size
    state = [seed, int(sequence.subject[1:]), int(sequence.number)]
    side = height * (1 - margin)
    left, top = (width - side) / 2, (height - side) / 2
    for place, frame in enumerate(sequence.frames):
        photo, _, _ = draw_photo(
            sequence.emotion,
            person=_person(sequence, seed),
            rng=np.random.default_rng(state),
            width=width,
            height=height,
            box=(left, top, left + side, top + side),
            intensity=place / (len(sequence.frames) - 1),
        )
        grain = np.random.default_rng([*state, frame]).normal(0, 1.5, photo.shape)
        yield frame, np.clip(photo + grain, 0, 255).astype(np.uint8)


def _original(out: Path, sequences: list[_Sequence], real_size: bool, seed: int) -> None:
    nobody = _Sequence(_UNLABELLED, "001", "sad", (1, 2, 3, 4), labelled=False)
    unlabelled = _Sequence("S005", "009", "angry", (1, 2, 3, 4), labelled=False)
    for sequence in [*sequences, unlabelled, nobody]:
        folder = f"{sequence.subject}/{sequence.number}"
        images = out / "cohn-kanade-images" / folder
        images.mkdir(parents=True, exist_ok=True)
        in_colour = sequence.name == "S010_002"
        size = (640, 480 if in_colour else 490) if real_size else (64, 48 if in_colour else 49)
        for frame, photo in _frames(sequence, seed, size, 0.4 if real_size else 0.15):
            _write(images / f"{sequence.name}_{frame:08d}.png", photo, in_colour)
        if sequence.labelled:
            _write_texts(out, sequence, folder)
    (out / "Emotion/S010/001").mkdir(parents=True, exist_ok=True)
    for litter in ("cohn-kanade-images/.DS_Store", "Emotion/.DS_Store"):
        (out / litter).write_bytes(b"\0\0\0\1Bud1")
    littered = out / "cohn-kanade-images" / unlabelled.subject / unlabelled.number
    (littered / f"._{unlabelled.name}_00000001.png").write_bytes(b"\0\5\26\7")
    (littered / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")


def _write_texts(out: Path, sequence: _Sequence, folder: str) -> None:
    peak = f"{sequence.name}_{sequence.frames[-1]:08d}"
    texts = {
        f"Emotion/{folder}/{peak}_emotion.txt": f"   {_CODES.index(sequence.emotion):.7e}\n",
        f"FACS/{folder}/{peak}_facs.txt": "   1.2000000e+01   3.0000000e+00\n",
        f"Landmarks/{folder}/{peak}_landmarks.txt": "   2.4e+01   2.0e+01\n" * 68,
    }
    for name, text in texts.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="ascii")


def _write(path: Path, photo: np.ndarray, in_colour: bool) -> None:
    code = cv2.COLOR_RGB2BGR if in_colour else cv2.COLOR_RGB2GRAY
    cv2.imwrite(str(path), cv2.cvtColor(photo, code))


def _faces(sequence: _Sequence, seed: int, intensities: list[float]) -> Iterator[np.ndarray]:
    state = [seed, int(sequence.subject[1:]), int(sequence.number)]
    for intensity in intensities:
        yield draw_face(
            sequence.emotion,
            person=_person(sequence, seed),
            rng=np.random.default_rng(state),
            intensity=intensity,
        )


def _ck48(out: Path, sequences: list[_Sequence], seed: int) -> None:
    for sequence in filter(lambda s: s.labelled, sequences):
        folder = out / "CK+48" / _FOLDERS[sequence.emotion]
        folder.mkdir(parents=True, exist_ok=True)
        frames = range(sequence.frames[-1] - 2, sequence.frames[-1] + 1)
        faces = _faces(sequence, seed, [0.85, 0.93, 1.0])
        for frame, face in zip(frames, faces, strict=True):
            cv2.imwrite(str(folder / f"{sequence.name}_{frame:08d}.png"), face)
    (out / "CK+48" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")


def _csv(out: Path, sequences: list[_Sequence], seed: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    usages = ("Training",) * 8 + ("PublicTest", "PrivateTest")
    lines = ["emotion,pixels,Usage"]
    people = sorted({sequence.subject for sequence in sequences})
    for sequence in sequences:
        start, peak = _faces(sequence, seed, [0.0, 1.0])
        rows = [(EMOTIONS.index("neutral"), start)]
        if sequence.labelled:
            rows.append((EMOTIONS.index(sequence.emotion), peak))
        # Of ten people one is in each of the small parts, another for each class.
        usage = usages[(people.index(sequence.subject) + _ORDER.index(sequence.emotion)) % 10]
        lines += [f"{code},{' '.join(map(str, face.ravel()))},{usage}" for code, face in rows]
    (out / "ckextended.csv").write_text("\n".join(lines) + "\n", encoding="ascii")
