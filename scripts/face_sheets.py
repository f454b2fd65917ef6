"""The pictures that bench_faces.py measures on: many copies of known faces.

python scripts/face_sheets.py DIR    writes the contact sheets, to look at
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from matplotlib import cbook

from ferkit.drawn.face import draw_photo
from ferkit.faces.decode import decode_image

SIZES = (24, 32, 48, 72, 120, 200)  # of a face, in pixels
ANGLES = (0, 15, 30, 45)
# Marked by hand in grace_hopper.jpg: brows to chin, ear to ear, x1 y1 x2 y2.
HOPPER_FACE = np.array([165.0, 110.0, 365.0, 335.0])
CELL = 2.2  # side of a copy's cell on the sheet, in sides of its face


def hopper():
    """Grace Hopper, [600, 512, 3]: matplotlib's sample photograph."""
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        return decode_image(file.read())


def moved(picture, angle, scale=1.0, shift=(0.0, 0.0), size=None):
    """A picture turned (degrees counter-clockwise) and scaled about her face, then shifted."""
    height, width = picture.shape[:2]
    x, y = (HOPPER_FACE[:2] + HOPPER_FACE[2:]) / 2
    matrix = cv2.getRotationMatrix2D((x, y), angle, scale)
    matrix[:, 2] += shift
    border = cv2.BORDER_REFLECT_101
    return cv2.warpAffine(picture, matrix, size or (width, height), borderMode=border)


def photo_copies(size, angle, count):
    """Cells of a sheet: one photograph's face at a size and angle, in varied light."""
    rng = np.random.default_rng(1000 * size + angle)
    side = int(CELL * size)
    scale = size / (HOPPER_FACE[2:] - HOPPER_FACE[:2]).max()
    centre = (HOPPER_FACE[:2] + HOPPER_FACE[2:]) / 2
    shrunk = cv2.GaussianBlur(hopper(), (0, 0), max(0.01, 0.35 / scale - 0.35))
    for i in range(count):
        sign = 1 if i % 2 else -1
        cell = moved(shrunk, sign * angle, scale, side / 2 - centre, (side, side))
        light = rng.uniform(0.6, 1.2) * cell + rng.normal(0, 4, cell.shape)
        cell = np.clip(light, 0, 255).astype(np.uint8)
        yield cell[:, ::-1] if rng.random() < 0.5 else cell


def drawn_copies(size, angle, count):
    """The same of drawn people, each another."""
    side = int(CELL * size)
    low, high = side / 2 - size / 2, side / 2 + size / 2
    for i in range(count):
        emotion = ("neutral", "happy", "angry", "surprise")[i % 4]
        yield draw_photo(
            emotion,
            person=i,
            rng=np.random.default_rng(i),
            width=side,
            height=side,
            box=(low, low, high, high),
            angle=angle if i % 2 else -angle,
        )[0]


def sheet(copies, columns):
    """Cells [side, side, 3] side by side as one picture."""
    cells = list(copies)
    rows = [np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)]
    return np.vstack(rows)


def pictures(count):
    """Photographs of one size with a face anywhere in them, [600, 512, 3] each."""
    rng = np.random.default_rng(0)
    picture = hopper()
    return [
        moved(picture, rng.uniform(-30, 30), rng.uniform(0.3, 1.2), rng.uniform(-120, 120, 2))
        for _ in range(count)
    ]


def main():
    """Write every sheet into a folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, copies in (("photograph", photo_copies), ("drawn", drawn_copies)):
        for size in SIZES:
            for angle in ANGLES:
                picture = sheet(copies(size, angle, 24), 6)
                path = folder / f"{name}_{size}_{angle}.png"
                cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
