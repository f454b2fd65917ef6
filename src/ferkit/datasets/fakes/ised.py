"""Tiny drawn videos in ISED's layout."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ferkit.datasets.fakes.video_writer import draw_video, write_video

_CODES = {"happy": 1, "surprise": 2, "sad": 3, "disgust": 4}
_FRAMES = 9


def make(out: Path, *, people: int = 10, real_size: bool = False, seed: int = 0) -> None:
    """Write one clip a class of each participant, the stills of their peaks, and ISED_details.mat.

    As in the genuine one: a blank in the folders' names, paths stored with back-slashes in half of
    the rows, peak frames counted from 1, and the files beside it that are not needed.

    Args:
        out: The dataset's folder (ISED_database), made if needed.
        people: Number of participants.
        real_size: 1920x1080 instead of 64x48.
        seed: Of all that is drawn.
    """
    size = (1920, 1080) if real_size else (64, 48)
    rows = []
    for who in range(1, people + 1):
        for clip, (emotion, code) in enumerate(_CODES.items(), 1):
            peak = 5 + (who + clip) % 3  # 1-based
            levels = [round(min(i / (peak - 1), 1.0) * 3) / 3 for i in range(_FRAMES)]
            levels[peak:] = [round(max(0.0, v - 1 / 3), 3) for v in levels[peak:]]
            state = (seed, who, clip)
            video = draw_video(emotion, person=who, seed=state, size=size, intensities=levels)
            write_video(out / f"videos/PS {who}/{clip}.avi", video, rate=50.0)
            still = f"peakImages/{who}_{clip}_{peak}.jpg"
            (out / "peakImages").mkdir(exist_ok=True)
            cv2.imwrite(str(out / still), cv2.cvtColor(video[peak - 1], cv2.COLOR_RGB2BGR))
            rows.append(_details(who, clip, peak, still, code))
    _save(out, rows)
    (out / "HowToUse.m").write_text("load('ISED_details.mat');\n", encoding="ascii")
    (out / "README").write_text("ISED_details: 16 columns, one row a clip\n", encoding="ascii")
    (out / "peakImages/Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")


def _details(who: int, clip: int, peak: int, still: str, code: int) -> list[Any]:
    video = f"videos/PS {who}/{clip}.avi"
    if clip % 2:
        video, still = video.replace("/", "\\"), still.replace("/", "\\")
    about = [who, len(str(who)) + clip, clip, peak, video, still, code, 1 + clip % 5, "MF"[who % 2]]
    places = [[8.0, 8.0, 32.0, 32.0], [16.0, 20.0], [32.0, 20.0], [24.0, 28.0]]
    return [*about, 0, 0, 0, *places]


def _save(out: Path, rows: list[list[Any]]) -> None:
    from scipy.io import savemat

    details = np.empty((len(rows), 16), dtype=object)
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            details[number, column] = value
    savemat(out / "ISED_details.mat", {"ISED_details": details}, do_compression=True)
    peaks = np.array([row[3] for row in rows], dtype=float)
    savemat(out / "ISED_peak_images.mat", {"ISED_peak_images": peaks}, do_compression=True)
