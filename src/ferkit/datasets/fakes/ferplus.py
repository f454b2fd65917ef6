"""Drawn faces with made-up votes, as FER+ and FER-2013 lie on disk."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ferkit.datasets.fer2013.ferplus_images import FOLDERS
from ferkit.datasets.fer2013.ferplus_votes import VOTE_COLUMNS, VOTE_EMOTIONS
from ferkit.drawn.face import draw_face
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, unknown

_PARTS = dict(zip(("Training", "PublicTest", "PrivateTest"), FOLDERS, strict=True))
_NF = (0, 0, 0, 0, 0, 0, 0, 0, 0, 10)


@dataclass(frozen=True)
class _Row:
    usage: str
    name: str
    code: int  # FER-2013's own
    votes: tuple[int, ...]  # 10 in the order of VOTE_COLUMNS
    face: np.ndarray  # [48, 48] uint8


def make(
    out: Path,
    *,
    people: int = 10,
    real_size: bool = False,  # noqa: ARG001  (the genuine images are no larger)
    seed: int = 0,
    variant: str = "csv",
) -> None:
    """Write fer2013new.csv beside fer2013.csv, with what surprises in the genuine ones.

    Each part has, after its clear majorities: a tie, votes that are all single, a row without a
    name and with NF alone (whose image is black), a named row with NF alone, a row of nine votes,
    and names that lag behind the row number from the nameless row on; one name comes twice.

    Args:
        out: The folder, made if needed.
        people: Clear images per emotion in Training; the other parts have a third.
        real_size: Changes nothing.
        seed: Of all that is drawn.
        variant: `csv`, `icml` (icml_face_data.csv in place of fer2013.csv) or `written` (the
            folders of png that Microsoft's script makes).

    Raises:
        ConfigError: no such variant.
    """
    known = ("csv", "icml", "written")
    if variant not in known:
        raise ConfigError(unknown("variant of the fake ferplus", variant, known))
    rows = list(_rows(people, seed))
    out.mkdir(parents=True, exist_ok=True)
    if variant == "written":
        _write_folders(out, rows)
        return
    header = ",".join(("Usage", "Image name", *VOTE_COLUMNS))
    votes = [",".join(map(str, (row.usage, row.name, *row.votes))) for row in rows]
    (out / "fer2013new.csv").write_text("\n".join([header, *votes]) + "\n", encoding="ascii")
    pixels = [(row.code, " ".join(map(str, row.face.ravel())), row.usage) for row in rows]
    if variant == "csv":
        lines = ["emotion,pixels,Usage", *(f"{code},{face},{use}" for code, face, use in pixels)]
    else:
        lines = ["emotion, Usage, pixels", *(f"{code},{use},{face}" for code, face, use in pixels)]
    name = "fer2013.csv" if variant == "csv" else "icml_face_data.csv"
    (out / name).write_text("\n".join(lines) + "\n", encoding="ascii")


def _rows(people: int, seed: int) -> Iterator[_Row]:
    number = 0  # of the next image name, which does not advance on nameless rows
    for part, usage in enumerate(_PARTS):
        each = people if part == 0 else max(2, people // 3)
        for place, (emotion, votes) in enumerate(_ballots(each)):
            named = emotion != ""
            face = np.zeros((48, 48), np.uint8)
            if named:
                state = np.random.default_rng([seed, part, place])
                face = draw_face(emotion, person=place, rng=state)
            # FER-2013 has no contempt: those images carry another of its codes.
            code = EMOTIONS.index(emotion) if named and emotion != "contempt" else 0
            twice = part == 0 and place == 1
            name = f"fer{number - twice:07d}.png" if named else ""
            number += named
            yield _Row(usage, name, code, votes, face)


def _ballots(each: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What is drawn and the votes; an empty name for the row without one."""
    for i in range(each):
        for emotion in VOTE_EMOTIONS:
            second = VOTE_EMOTIONS[(VOTE_EMOTIONS.index(emotion) + 1 + i % 3) % 8]
            yield emotion, _votes({emotion: 8 - i % 2, second: 1 + i % 2, "unknown": 1})
    yield "sad", _votes({"sad": 5, "neutral": 5})
    yield "happy", _votes(dict.fromkeys(VOTE_EMOTIONS, 1) | {"unknown": 1, "NF": 1})
    yield "", _NF
    yield "neutral", _NF
    yield "surprise", _votes({"surprise": 7, "fear": 2})
    yield "angry", _votes({"angry": 3, "unknown": 7})


def _votes(cast: dict[str, int]) -> tuple[int, ...]:
    return tuple(cast.get(name, 0) for name in (*VOTE_EMOTIONS, "unknown", "NF"))


def _write_folders(out: Path, rows: list[_Row]) -> None:
    for usage, folder in _PARTS.items():
        (out / folder).mkdir(parents=True, exist_ok=True)
        lines = []
        for row in rows:
            if row.usage == usage and row.name:
                cv2.imwrite(str(out / folder / row.name), row.face)
                lines.append(f'{row.name},"(0, 0, 48, 48)",{",".join(map(str, row.votes))}')
        (out / folder / "label.csv").write_text("\n".join(lines) + "\n", encoding="ascii")
