"""Sheets of faces to be looked at: crops beside their originals, lines of faces with a name."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from ferkit.datasets.index import FaceIndex
from ferkit.faces.align import resize
from ferkit.faces.decode import to_rgb
from ferkit.faces.originals import read_image

SHEET = "sheet.png"
PAIRS, COLUMNS, SIDE = 24, 4, 96
BOX_COLOR = (230, 80, 20)


def write_sheet(
    path: Path, index: FaceIndex, rows: np.ndarray, faces: np.ndarray, kept: pd.DataFrame
) -> None:
    """Draw originals, the chosen face boxed, each beside its crop; rows are spread over all.

    Args:
        rows: [N] row numbers of the index that gave a face.
        faces: uint8 [N, S, S] or [N, S, S, 3], their crops.
        kept: The store's index, with `face_box`.
    """
    chosen = np.unique(np.linspace(0, len(rows) - 1, PAIRS).astype(int))
    boxes = kept["face_box"].tolist()
    cells = [np.hstack([_original(index, int(rows[i]), boxes[i]), _tile(faces[i])]) for i in chosen]
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % COLUMNS)
    lines = [np.hstack(cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)]
    path.write_bytes(_as_png(np.vstack(lines)))


def draw_lines(lines: Sequence[tuple[str, Sequence[Sequence[np.ndarray]]]]) -> bytes:
    """A png with a line a name: its groups of faces, a gap after each.

    Args:
        lines: Name and groups; a face is uint8 [H, W] or [H, W, 3]. At least one line.
    """
    gap = np.full((SIDE, SIDE // 4, 3), 255, np.uint8)
    drawn = []
    for name, groups in lines:
        parts = [part for group in groups for part in (*map(_tile, group), gap)]
        drawn.append(np.hstack([_name(name), *parts]))
    width = max(line.shape[1] for line in drawn)
    padded = [
        np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0)), constant_values=255)
        for line in drawn
    ]
    return _as_png(np.vstack(padded))


def _name(name: str) -> np.ndarray:
    tile = Image.new("RGB", (SIDE, SIDE), "white")
    font = ImageFont.load_default(size=15)
    ImageDraw.Draw(tile).text((SIDE - 8, SIDE // 2), name[:12], "black", font, anchor="rm")
    return np.asarray(tile)


def _as_png(picture: np.ndarray) -> bytes:
    _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()  # written by the caller: imwrite is silent about a full disk


def _original(index: FaceIndex, row: int, box: list[float] | None) -> np.ndarray:
    image = read_image(index, row)
    if image is None:
        return np.full((SIDE, SIDE, 3), 255, np.uint8)
    picture = to_rgb(image).copy()
    if box is not None:
        x1, y1, x2, y2 = (round(edge) for edge in box)
        thick = max(1, max(picture.shape[:2]) // SIDE)
        cv2.rectangle(picture, (x1, y1), (x2 - 1, y2 - 1), BOX_COLOR, thick)
    return _tile(picture)


def _tile(picture: np.ndarray) -> np.ndarray:
    """A picture as a white-framed [SIDE, SIDE, 3] tile, its proportions kept."""
    picture = to_rgb(picture)
    height, width = picture.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = picture
    return np.pad(resize(square, SIDE - 4), ((2, 2), (2, 2), (0, 0)), constant_values=255)
