"""Tiny drawn videos in the layout of MMI."""

from pathlib import Path

import cv2
import numpy as np

from ferkit.datasets.fakes.video_writer import draw_video, write_video
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, unknown

_LEVELS = (0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0)
# One in a mirror at each side, one upright, others on their side.
_SUBJECTS = ("S001", "S003", "S053", "S028", "S029", "S030", "S031", "S032", "S033", "S034")
VARIANTS = ("videos", "frames")


def make(
    out: Path, *, people: int = 10, real_size: bool = False, seed: int = 0, variant: str = "videos"
) -> None:
    """Write a session of each of the six emotions by everyone, most of them on their side.

    With a session of action units alone, one of a mixed emotion, and the second xml of each.

    Args:
        out: The dataset's folder, made if needed.
        people: How many people there are.
        real_size: 720x576 instead of 60x48.
        seed: Of all that is drawn.
        variant: `videos` or `frames` (images in their place).

    Raises:
        ConfigError: no such variant.
    """
    if variant not in VARIANTS:
        raise ConfigError(unknown("variant of mmi", variant, VARIANTS))
    width, height = (720, 576) if real_size else (60, 48)
    others = tuple(f"S{number:03d}" for number in range(60, 60 + people))
    session = 0
    for who, subject in enumerate((*_SUBJECTS, *others)[:people]):
        codes = {emotion: code for code, emotion in enumerate(EMOTIONS[:6], 1)}
        for clip, (emotion, code) in enumerate([*codes.items(), ("happy", 9), ("sad", 0)], 1):
            if code in (9, 0) and who:
                continue
            session += 1
            stem = out / "Sessions" / str(session) / f"{subject}-{clip:03d}"
            size = (height, width) if _turned(subject) else (width, height)
            state = (seed, who, clip)
            frames = draw_video(emotion, person=who, seed=state, size=size, intensities=_LEVELS)
            _write(stem, [_recorded(frame, subject) for frame in frames], variant)
            _annotate(stem, code)


def _turned(subject: str) -> bool:
    return subject not in ("S001", "S003", "S053")


def _recorded(frame: np.ndarray, subject: str) -> np.ndarray:
    """A frame as the camera saw it."""
    if _turned(subject):
        return np.rot90(frame)
    if subject == "S053":
        return frame
    half = cv2.resize(frame, (frame.shape[1] // 2, frame.shape[0]))
    mirror = np.full_like(half, 120)
    return np.hstack([mirror, half] if subject == "S001" else [half, mirror])


def _write(stem: Path, frames: list[np.ndarray], variant: str) -> None:
    if variant == "videos":
        write_video(stem.with_suffix(".avi"), frames, rate=24.0)
        return
    stem.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames, 1):
        cv2.imwrite(str(stem / f"frame_{number:04d}.png"), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))


def _annotate(stem: Path, code: int) -> None:
    emotion = f'<Metadata Name="Emotion" Value="{code}"/>' if code else ""
    stem.with_suffix(".xml").write_text(
        f'<?xml version="1.0"?>\n<Session><Metadata Name="View"/>{emotion}</Session>\n',
        encoding="utf-8",
    )
    units = '<ActionUnit Number="12"><Marker Frame="3"/></ActionUnit>'
    stem.with_name(f"{stem.name}-oao_aucs.xml").write_text(
        f"<AnnotationUnits>{units}</AnnotationUnits>\n", encoding="utf-8"
    )
