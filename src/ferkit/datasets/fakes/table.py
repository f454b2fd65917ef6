"""Drawn faces with a table that says what they are, as people keep their own images."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from ferkit.drawn.face import draw_face
from ferkit.errors import ConfigError, unknown

# Words as people write them; the canonical ones would test nothing.
_WORDS = {
    "angry": "Anger",
    "disgust": "disgust",
    "fear": "Fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprised",
    "neutral": "neutral",
}
_INTENSITIES = (0.7, 1.0)  # of the two frames of a sequence
_VARIANTS = ("csv", "parquet")
_ENOUGH = 100  # rows, so that a missing file stays far below what stops a load


def make(
    out: Path,
    *,
    people: int = 10,
    real_size: bool = False,
    seed: int = 0,
    variant: str = "csv",
) -> None:
    """Write drawn faces beside a table: two frames of each of the seven emotions by everyone.

    One person is called NA; of a hundred rows or more, one names a file that is not there.

    Args:
        out: The dataset's folder, made if needed.
        people: How many people there are.
        real_size: 224 pixels a side instead of 48.
        seed: Of all that is drawn.
        variant: `csv` or `parquet`.

    Raises:
        ConfigError: no such variant.
    """
    if variant not in _VARIANTS:
        raise ConfigError(unknown("variant of table", variant, _VARIANTS))
    rng = np.random.default_rng(seed)
    size = 224 if real_size else 48
    rows = []
    for person in range(people):
        subject = "NA" if person == 1 else f"p{person:02d}"
        (out / "images" / subject).mkdir(parents=True, exist_ok=True)
        for emotion, word in _WORDS.items():
            for frame, intensity in enumerate(_INTENSITIES):
                face = draw_face(emotion, person=person, rng=rng, size=size, intensity=intensity)
                path = f"images/{subject}/{word}_{frame}.png"
                (out / path).write_bytes(cv2.imencode(".png", face)[1].tobytes())
                rows.append((path, word, subject, f"{subject}-{word}", frame))
    if len(rows) >= _ENOUGH:
        (out / rows[-1][0]).unlink()
    table = pd.DataFrame(rows, columns=["path", "label", "subject", "sequence", "frame"])
    if variant == "csv":
        table.to_csv(out / "faces.csv", index=False)
    else:
        table.to_parquet(out / "faces.parquet", index=False)
