"""FER-2013's csv files: fer2013.csv, icml_face_data.csv and train.csv, told apart by the header.

One face a row: an emotion code, 2,304 pixels row by row, and but for train.csv the part it
belongs to. icml_face_data.csv has a blank after each comma of the header, and the pixels last.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ferkit.datasets.layout import refuse_lfs_pointer
from ferkit.datasets.packed import open_bytes, open_text
from ferkit.emotions import EMOTIONS
from ferkit.errors import DataError, DatasetLayoutError, unknown
from ferkit.progress import progress

SIDE = 48  # pixels
_WHITE = 255
_DIGITS = 9  # more are no pixel value, and slow to read
USAGES = ("Training", "PublicTest", "PrivateTest")
_CODES = {str(code): name for code, name in enumerate(EMOTIONS[:7])}
_SPREADSHEET = "was the file saved again by a spreadsheet?"


@dataclass
class PixelRows:
    """The rows of one csv file.

    Attributes:
        labels: Emotion name of each row.
        usages: Part of each row as the file has it; empty strings where it has none.
        images: [N, 48, 48] uint8.
        header: The column names, stripped, in the file's order.
        fingerprint: SHA-256 of the file's bytes.
    """

    labels: list[str]
    usages: list[str]
    images: np.ndarray
    header: list[str]
    fingerprint: str


def read_pixel_rows(path: Path) -> PixelRows:
    """Parse one of FER-2013's csv files whole, judging every row.

    Raises:
        DatasetLayoutError: the header has no emotion or no pixels (test.csv has no emotion).
        DataError: a Git-LFS pointer, or a row with the wrong number of fields or pixels, a value
            that is no whole number 0..255, an unknown emotion code or part; file and row are named.
    """
    refuse_lfs_pointer(path)
    with open_text(path, errors="replace") as file:
        lines = csv.reader(file, delimiter=";" if ";" in file.readline() else ",")
        file.seek(0)
        header = [column.strip() for column in next(lines, [])]
        _judge_header(header, path)
        labels, usages, images = _parse(lines, header, path)
    with open_bytes(path) as data:
        fingerprint = hashlib.file_digest(data, "sha256").hexdigest()
    return PixelRows(labels, usages, images, header, fingerprint)


def _judge_header(header: list[str], path: Path) -> None:
    if "pixels" not in header:
        raise DatasetLayoutError(
            f"{path} has no `pixels` column; its first line reads {', '.join(header)[:80]!r}, "
            f"expected emotion,pixels,Usage; {_SPREADSHEET}"
        )
    if "emotion" not in header:
        raise DatasetLayoutError(
            f"{path} has no `emotion` column: it is the competition's unlabelled test file. "
            "Use fer2013.csv or icml_face_data.csv."
        )


def _parse(
    lines: Iterator[list[str]], header: list[str], path: Path
) -> tuple[list[str], list[str], np.ndarray]:
    labels, usages, pixels = [], [], bytearray()
    emotion, image = header.index("emotion"), header.index("pixels")
    usage = header.index("Usage") if "Usage" in header else None
    for line, cells in _rows(lines, path):
        at = f"{path}: row {line - 2} (line {line})"
        if len(cells) != len(header):
            raise DataError(f"{at} has {len(cells)} fields, expected {len(header)}; {_SPREADSHEET}")
        labels.append(_label(cells[emotion].strip(), at))
        usages.append("" if usage is None else _usage(cells[usage].strip(), at))
        pixels += _pixels(cells[image], at)
    if not labels:
        raise DataError(f"{path} holds no rows below its header; download it again.")
    return labels, usages, np.frombuffer(pixels, np.uint8).reshape(-1, SIDE, SIDE)  # [N, H, W]


def _rows(lines: Iterator[list[str]], path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with progress(None, f"reading {path.name}", "row", leave=False) as shown:
            for line, cells in enumerate(lines, start=2):
                shown.update()
                if cells:
                    yield line, cells
    except csv.Error as error:
        raise DataError(f"{path} is no readable csv file ({error}); download it again.") from error


def _label(code: str, at: str) -> str:
    if code not in _CODES:
        raise DataError(f"{at} has the emotion {code[:20]!r}, expected a code 0..6.")
    return _CODES[code]


def _usage(usage: str, at: str) -> str:
    if usage not in USAGES:
        raise DataError(f"{at}: {unknown('Usage', usage[:20], USAGES)}")
    return usage


def _pixels(cell: str, at: str) -> bytes:
    try:
        values = np.fromstring(cell, dtype=np.int64, sep=" ")  # [H * W]
    except (ValueError, DeprecationWarning):  # numpy below 2.3 only warns
        return _judge_pixels(cell.split(), at)
    if values.size == SIDE * SIDE and values.min() >= 0 and values.max() <= _WHITE:
        return values.astype(np.uint8).tobytes()
    return _judge_pixels(cell.split(), at)


def _judge_pixels(words: list[str], at: str) -> bytes:
    for word in words:
        if not (word.isdecimal() and len(word) <= _DIGITS and int(word) <= _WHITE):
            raise DataError(
                f"{at} has the pixel value {word[:20]!r}, expected whole numbers 0..{_WHITE}; "
                f"{_SPREADSHEET}"
            )
    if len(words) != SIDE * SIDE:
        raise DataError(f"{at} has {len(words):,} pixels, expected {SIDE * SIDE:,}; {_SPREADSHEET}")
    return bytes(map(int, words))
