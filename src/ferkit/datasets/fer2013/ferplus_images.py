"""FER+ as Microsoft's generate_training_data.py writes it: three folders of png with a label.csv.

A line of label.csv is a file name, a box that is always the whole image, and the ten votes. Four
names occur twice in FER+, and the second image overwrote the first: such names are dropped.
"""

import csv
from collections import Counter
from pathlib import Path

import numpy as np

from ferkit.datasets.fer2013.ferplus_votes import VOTE_COLUMNS
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import find_root, incomplete, refuse_lfs_pointer
from ferkit.datasets.packed import open_text
from ferkit.datasets.walk import file_names, is_regular
from ferkit.errors import DataError

FOLDERS = {"FER2013Train": "train", "FER2013Valid": "val", "FER2013Test": "test"}
_USAGES = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
_TWICE = "image name occurs twice (one overwrote the other)"
_CELLS = 2 + len(VOTE_COLUMNS)


def find_written(root: Path) -> Path | None:
    """The folder that holds FER2013Train with its label.csv."""
    return find_root(root, lambda folder: is_regular(folder / "FER2013Train" / "label.csv"))


def read_written(home: Path) -> tuple[FaceIndex, np.ndarray, np.ndarray]:
    """All images of the three folders, unlabelled.

    Returns:
        The index; votes aligned with its rows, [N, 10]; and which rows have an image name, [N].

    Raises:
        DatasetLayoutError: a folder is missing, or holds no images.
        DataError: a line of a label.csv is broken.
    """
    lacking = [name for name in FOLDERS if not is_regular(home / name / "label.csv")]
    if lacking:
        raise incomplete(
            "ferplus",
            f"written-out FER+ in {home}",
            " and ".join(f"{name}/label.csv" for name in lacking),
            "keep each part's images in its own folder with the label.csv of FERPlus/data",
        )
    rows: list[dict[str, object]] = []
    dropped = {"image missing": 0, _TWICE: 0}
    twice: list[str] = []
    for folder, split in FOLDERS.items():
        rows += _folder_rows(home, folder, split, dropped, twice)
    rows.sort(key=lambda row: str(row["key"]))
    votes = np.array([row.pop("votes") for row in rows], dtype=np.int64)  # [N, 10]
    index = make_index(
        rows,
        name="ferplus",
        variant="written-out png",
        root=home,
        emotions=(),
        dropped=dropped,
        beside={_TWICE: twice},
    )
    return index, votes, np.ones(len(rows), dtype=bool)


def _folder_rows(
    home: Path, folder: str, split: str, dropped: dict[str, int], twice: list[str]
) -> list[dict[str, object]]:
    lines = _lines(home / folder / "label.csv")
    there = set(file_names(home / folder))
    names = Counter(name for name, _ in lines)
    if lines and not there.intersection(names):
        raise incomplete(
            "ferplus",
            f"label.csv in {home / folder}",
            f"every one of its {len(lines)} images",
            "run generate_training_data.py of github.com/microsoft/FERPlus, or give fer2013.csv",
        )
    rows: list[dict[str, object]] = []
    for name, votes in lines:
        if name not in there:
            dropped["image missing"] += 1
        elif names[name] > 1:
            dropped[_TWICE] += 1
            twice.append(f"{folder}/{name}")
        else:
            path = f"{folder}/{name}"
            about = {"label": "", "split": split, "usage": _USAGES[split], "votes": votes}
            rows.append({"key": path, "path": path, **about})
    return rows


def _lines(path: Path) -> list[tuple[str, list[int]]]:
    refuse_lfs_pointer(path)
    lines = []
    with open_text(path, errors="replace") as file:
        for number, cells in enumerate(csv.reader(file)):
            votes = [cell.strip() for cell in cells[2:]]
            if len(cells) != _CELLS or not all(vote.isdecimal() for vote in votes):
                raise DataError(
                    f"ferplus: {path}, line {number + 1}: expected a name, a box and ten counts of "
                    "votes; take label.csv as it is in github.com/microsoft/FERPlus."
                )
            lines.append((cells[0].strip(), [int(vote) for vote in votes]))
    return lines
