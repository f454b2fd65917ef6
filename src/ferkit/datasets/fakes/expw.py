"""Drawn photographs of several faces in the layout of ExpW."""

from pathlib import Path

import cv2
import numpy as np

from ferkit.drawn.face import draw_face
from ferkit.emotions import EMOTIONS


def make(out: Path, *, people: int = 10, real_size: bool = False, seed: int = 0) -> None:
    """Write photographs of two faces each, and label.lst.

    With a box that leaves its photograph, a face that is listed twice, a name with a blank, and
    one in capitals.

    Args:
        out: The dataset's folder, made if needed.
        people: Photographs of each emotion; the other face shows the next emotion.
        real_size: Faces of 128 pixels a side instead of 48.
        seed: Of all that is drawn.
    """
    rng, side = np.random.default_rng(seed), 128 if real_size else 48
    edge = side // 8
    (out / "image").mkdir(parents=True, exist_ok=True)
    (out / "label").mkdir(exist_ok=True)
    lines = []
    for number in range(people * 7):
        photo = np.full((side + 2 * edge, 2 * side + 3 * edge), 160, np.uint8)
        name = {0: "angry actor_1.jpg", 1: "HAPPY_2.JPG"}.get(number, f"photo_{number:04d}.jpg")
        for face in range(2):
            label = (number + face) % 7
            left = edge + face * (side + edge)
            drawn = draw_face(EMOTIONS[label], person=2 * number + face, rng=rng, size=side)
            photo[edge : edge + side, left : left + side] = drawn
            top, right = (-3 if number == 2 else edge), left + side
            box = f"{top} {left} {right} {edge + side}"
            lines.append(f"{name} {face} {box} {50 + face}.25 {label}")
        (out / "image" / name).write_bytes(cv2.imencode(".jpg", photo)[1].tobytes())
    lines.append(lines[-1])
    (out / "label" / "label.lst").write_text("\n".join(lines) + "\n", encoding="utf-8")
